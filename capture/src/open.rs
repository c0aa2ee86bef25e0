//! From the bytes on disk to the bytes of the capture: gzip and zstd are recognised by their first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The source's bytes, unpacked where they are packed; `count` follows the packed bytes.
pub(crate) fn unpacked(
    source: impl Read + Send + 'static,
    count: Arc<AtomicU64>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut source = Counted { source, count };
    // A pipe may deliver fewer bytes than asked for.
    let mut head = Vec::new();
    source.by_ref().take(4).read_to_end(&mut head)?;
    let is = |magic: &[u8]| head.starts_with(magic);
    let (gzip, zstd) = (is(&GZIP_MAGIC), is(&ZSTD_MAGIC));
    let whole = Cursor::new(head).chain(source);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, whole)))
    } else if zstd {
        Box::new(Zstd::new(BufReader::with_capacity(64 * 1024, whole)))
    } else {
        Box::new(whole)
    })
}

struct Counted<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(space)?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// All frames of a zstd file in turn (RFC 8878, 3.1: a file may hold several, and skippable ones between them).
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), in_frame: false }
    }

    /// Starts the next frame; false at the end of the file.
    fn start_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.start_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                if self.source.fill_buf()?.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if let Err(error) =
                    self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                {
                    let ended = self.source.fill_buf()?.is_empty();
                    return Err(if ended {
                        io::ErrorKind::UnexpectedEof.into()
                    } else {
                        io::Error::other(error)
                    });
                }
            }
            let length = Read::read(&mut self.decoder, space)?;
            if length > 0 || space.is_empty() {
                return Ok(length);
            }
            self.in_frame = false;
        }
    }
}
