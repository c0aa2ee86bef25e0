//! From the bytes on disk to the bytes of the capture: gzip, zstd, xz, lz4 and bzip2 are recognised by their first bytes.
//! Of a file that was cut comes what can be unpacked, then an error.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
#[cfg(feature = "packings")]
const XZ_MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
#[cfg(feature = "packings")]
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
#[cfg(feature = "packings")]
const BZIP2_MAGIC: [u8; 3] = *b"BZh";
/// Bytes that tell every packing.
pub(crate) const MAGIC_BYTES: u64 = 6;
/// Bytes asked of the file at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Whether a file that begins so is packed.
pub(crate) fn is_packed(head: &[u8]) -> bool {
    let starts = |magic: &[u8]| head.starts_with(magic);
    #[cfg(feature = "packings")]
    if starts(&XZ_MAGIC) || starts(&LZ4_MAGIC) || starts(&BZIP2_MAGIC) {
        return true;
    }
    starts(&GZIP_MAGIC) || starts(&ZSTD_MAGIC)
}

/// The source's bytes, unpacked where they are packed; `count` follows the packed bytes.
pub(crate) fn unpacked(
    source: impl Read + Send + 'static,
    count: Arc<AtomicU64>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut source = Counted { source, count };
    // A pipe may deliver fewer bytes than asked for.
    let mut head = Vec::new();
    source.by_ref().take(MAGIC_BYTES).read_to_end(&mut head)?;
    let starts = |magic: &[u8]| head.starts_with(magic);
    let (gzip, zstd) = (starts(&GZIP_MAGIC), starts(&ZSTD_MAGIC));
    #[cfg(feature = "packings")]
    let (xz, lz4, bzip2) = (starts(&XZ_MAGIC), starts(&LZ4_MAGIC), starts(&BZIP2_MAGIC));
    let whole = Cursor::new(head).chain(source);
    let pieces = |whole| BufReader::with_capacity(PIECE_BYTES, whole);
    #[cfg(feature = "packings")]
    if xz {
        return Ok(Box::new(lzma_rust2::XzReader::new(pieces(whole), true)));
    } else if lz4 {
        return Ok(Box::new(Lz4 { decoder: lz4_flex::frame::FrameDecoder::new(pieces(whole)) }));
    } else if bzip2 {
        return Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(pieces(whole))));
    }
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(pieces(whole)))
    } else if zstd {
        Box::new(Zstd::new(pieces(whole)))
    } else {
        Box::new(whole)
    })
}

/// All frames of an lz4 file in turn.
#[cfg(feature = "packings")]
struct Lz4<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<R>,
}

#[cfg(feature = "packings")]
impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(space)? {
                // The end of a frame, and of the file only if nothing follows.
                0 if !space.is_empty() && !self.decoder.get_mut().fill_buf()?.is_empty() => {}
                length => return Ok(length),
            }
        }
    }
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
    /// What is wrong behind what was decoded.
    failed: Option<io::Error>,
}

/// A last block with nothing in it, and a checksum that nobody looks at (RFC 8878, 3.1.1.2): a frame that was cut is ended with it, so
/// that the decoder hands out what it keeps for blocks that will not come.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), in_frame: false, failed: None }
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

    fn decode_block(&mut self) -> io::Result<()> {
        if self.source.fill_buf()?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
        match decoded {
            Ok(_) => Ok(()),
            Err(_) if self.source.fill_buf()?.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(error) = self.failed.take_if(|_| !self.in_frame) {
                return Err(error);
            }
            if !self.in_frame && !self.start_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                if let Err(error) = self.decode_block() {
                    let ended =
                        self.decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1));
                    if ended.is_err() {
                        return Err(error);
                    }
                    self.failed = Some(error);
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
