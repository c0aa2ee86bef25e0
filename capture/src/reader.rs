//! Capture files as a stream of frames, in constant memory.
//!
//! Reads pcap (micro- and nanoseconds, modified, both byte orders), pcapng (several sections and interfaces), snoop and ERF,
//! plain or packed with gzip, zstd, xz, lz4 or bzip2, from a file or from standard input.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::block::{Block, Frame, Placed};
use crate::erf;
use crate::error::{CaptureError, Problem};
use crate::pcap::{self, Pcap};
use crate::pcapng::Section;
use crate::record::{Layout, Record, Time};
use crate::snoop::{self, Snoop};
use crate::unpack::{MAGIC_BYTES, is_packed, unpacked};
use crate::wait::{Following, Interruptible};

/// Bytes asked of the source at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// The shortest record with a five-tuple: its own header, an IPv4 header, and ports.
const FRAME_BYTES: u64 = 16 + 20 + 4;
/// The longest record accepted. Frames end at 256 KiB in practice; pcapng blocks with keys or names may be longer.
const RECORD_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// How the records of the file are laid out.
enum Format {
    Pcap(Pcap),
    Pcapng(Section),
    Snoop(Snoop),
    Erf,
}

/// A capture being read.
pub struct Capture {
    name: String,
    source: Box<dyn Read + Send>,
    format: Format,
    buffer: Vec<u8>,
    /// The part of `buffer` that was read from the source and not yet used.
    unread: Range<usize>,
    source_ended: bool,
    /// Offset of `unread.start` in the (unpacked) capture.
    offset: u64,
    frames: u64,
    last_time: Time,
    /// A copy of the blocks read, where somebody wants them.
    blocks: Option<Vec<u8>>,
    bytes_read: Arc<AtomicU64>,
    file_bytes: Option<u64>,
    /// What went wrong behind the last block's frames.
    failed: Option<CaptureError>,
}

/// What the next record was.
enum Step {
    Frame(Record),
    /// One without a frame.
    Other,
    /// There is none.
    End,
}

impl Capture {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// The file cannot be read, is packed in a damaged way, or does not begin like a capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::open_until(path, &Arc::default(), false)
    }

    /// As [`open`](Self::open). Once `stop` is true no more bytes are waited for: the capture ends, perhaps inside a
    /// record. With `follow`, the end of a file is not the end of the capture: more may be written.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_until(path: &Path, stop: &Arc<AtomicBool>, follow: bool) -> Result<Self, CaptureError> {
        if path == Path::new("-") {
            let source = Interruptible::new(|| Ok(std::io::stdin()), Arc::clone(stop));
            return Self::from_reader("standard input", source);
        }
        let name = path.display().to_string();
        let unreadable = |error| CaptureError::at_start(&name, Problem::Unreadable(error));
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            let path = path.to_owned();
            return Self::from_reader(&name, Interruptible::new(move || File::open(path), Arc::clone(stop)));
        }
        let file = File::open(path).map_err(unreadable)?;
        if follow {
            return Self::from_reader(&name, Following::new(file, Arc::clone(stop)));
        }
        let mut capture = Self::from_reader(&name, file)?;
        // A named pipe has a length as well, and it is 0.
        capture.file_bytes = metadata.is_file().then_some(metadata.len());
        Ok(capture)
    }

    /// More frames than a file can hold, where its size tells: that of a pipe does not, nor that of a packed file.
    #[must_use]
    pub fn frames_at_most(path: &Path) -> Option<usize> {
        // A pipe is not opened: that waits for whoever writes.
        let bytes = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
        let mut head = Vec::new();
        File::open(path).ok()?.take(MAGIC_BYTES).read_to_end(&mut head).ok()?;
        let is_plain = !is_packed(&head);
        is_plain.then(|| usize::try_from(bytes / FRAME_BYTES).unwrap_or(usize::MAX))
    }

    /// Reads a capture from any source; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Capture::open`].
    pub fn from_reader(name: &str, source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let source = unpacked(source, Arc::clone(&bytes_read))
            .map_err(|error| CaptureError::at_start(name, Problem::Unreadable(error)))?;
        let mut capture = Self {
            name: name.to_owned(),
            source,
            format: Format::Erf,
            buffer: Vec::new(),
            unread: 0..0,
            source_ended: false,
            offset: 0,
            frames: 0,
            last_time: Time::default(),
            blocks: None,
            bytes_read,
            file_bytes: None,
            failed: None,
        };
        capture.format = capture.detect()?;
        Ok(capture)
    }

    /// Path or name given when the capture was opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes taken from the file so far, before unpacking.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The number that [`bytes_read`](Self::bytes_read) gives, for who cannot ask.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// Size of the file, before unpacking; none where it is not a regular file.
    pub fn file_bytes(&self) -> Option<u64> {
        self.file_bytes
    }

    /// The next frame; none at the regular end of the capture.
    ///
    /// # Errors
    /// The capture ends within a record, contradicts itself, or cannot be read any further. The frames before stay
    /// valid; nothing more can be had after an error.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let record = loop {
            match self.step()? {
                Step::Frame(record) => break record,
                Step::Other => {}
                Step::End => return Ok(None),
            }
        };
        let placed = self.place(&record);
        Ok(Some(placed.frame(&self.buffer, self.frames)))
    }

    /// Fills a block with the frames of one read of the source, at least one: for many at a time, without a call and a check
    /// for each, and to be looked at on another thread. False at the regular end of the capture.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame); the frames before come in blocks of their own first.
    pub fn next_block(&mut self, block: &mut Block) -> Result<bool, CaptureError> {
        block.clear(self.frames + 1);
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            if !block.is_empty() {
                self.scan(block);
                if !self.is_whole() {
                    break;
                }
            }
            match self.step() {
                Ok(Step::Frame(record)) => {
                    let placed = self.place(&record);
                    block.push(placed);
                }
                Ok(Step::Other) => {}
                Ok(Step::End) if block.is_empty() => return Ok(false),
                Ok(Step::End) => break,
                Err(error) if block.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        // The block takes the bytes, and gives its old ones for the next read; what belongs to the next block moves there.
        block.swap(&mut self.buffer);
        let rest = block.bytes().get(self.unread.clone()).unwrap_or_default();
        if self.buffer.len() < rest.len() {
            self.buffer.resize(rest.len(), 0);
        }
        if let Some(start) = self.buffer.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        self.unread = 0..rest.len();
        Ok(true)
    }

    /// Whether the next record can be had without asking the source.
    fn is_whole(&mut self) -> bool {
        let head = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let at_least = |bytes: usize| head.len() >= bytes;
        let length = match &mut self.format {
            Format::Pcap(pcap) if at_least(pcap.record_bytes) => Some(pcap.record(head).length),
            Format::Snoop(snoop) if at_least(snoop::RECORD_BYTES) => Some(snoop.record(head).length),
            Format::Erf if at_least(erf::RECORD_BYTES) => Some(erf::record(head).length),
            Format::Pcapng(section) if at_least(12) => section.block_length(head).ok(),
            _ => None,
        };
        length.is_some_and(at_least)
    }

    /// Takes the whole pcap records at hand.
    fn scan(&mut self, block: &mut Block) {
        let Format::Pcap(pcap) = self.format else { return };
        if self.blocks.is_some() {
            return;
        }
        let (bytes, before) = (self.buffer.get(..self.unread.end).unwrap_or_default(), block.len());
        let mut at = self.unread.start;
        while let Some(head) = bytes.get(at..)
            && head.len() >= pcap.record_bytes
        {
            let layout = pcap.record(head);
            if layout.length < pcap.record_bytes || layout.length > head.len() {
                break;
            }
            block.push(Placed::new(&layout.at(at), layout.time, bytes));
            at += layout.length;
            self.last_time = layout.time;
        }
        self.offset += (at - self.unread.start) as u64;
        self.frames += (block.len() - before) as u64;
        self.unread.start = at;
    }

    /// Counts a frame, and keeps what is to be told of it.
    fn place(&mut self, record: &Record) -> Placed {
        self.frames += 1;
        self.last_time = record.time.unwrap_or(self.last_time);
        Placed::new(record, self.last_time, &self.buffer)
    }

    /// The next record.
    fn step(&mut self) -> Result<Step, CaptureError> {
        match self.format {
            Format::Pcap(pcap) => self.next_record(pcap.record_bytes, |head| pcap.record(head)),
            Format::Snoop(snoop) => self.next_record(snoop::RECORD_BYTES, |head| snoop.record(head)),
            Format::Erf => self.next_record(erf::RECORD_BYTES, erf::record),
            Format::Pcapng(_) => self.next_pcapng_block(),
        }
    }

    /// Whether the file is pcapng, and not pcap.
    pub fn is_pcapng(&self) -> bool {
        matches!(self.format, Format::Pcapng(_))
    }

    /// From now on keeps what it reads for [`take_blocks`](Self::take_blocks). To be called before the first frame.
    pub fn keep_blocks(&mut self) {
        self.blocks = Some(Vec::new());
    }

    /// The whole pcapng blocks read since the last call, as they stand in the file: right after
    /// [`next_frame`](Self::next_frame) has given a frame, the last of them is the frame's. (Of a pcap file: its
    /// records.)
    pub fn take_blocks(&mut self) -> Vec<u8> {
        self.blocks.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn detect(&mut self) -> Result<Format, CaptureError> {
        self.fill(24)?;
        let head = self.ready();
        if head.starts_with(&pcap_parser::SHB_MAGIC.to_le_bytes()) {
            return Ok(Format::Pcapng(Section::default()));
        }
        if let Some(pcap) = Pcap::new(head) {
            return Ok(Format::Pcap(self.with_record_length(pcap)));
        }
        if let Some(snoop) = Snoop::new(head) {
            self.consume(snoop::HEADER_BYTES);
            return Ok(Format::Snoop(snoop));
        }
        let is_pcap = Pcap::is_magic(head) || head.starts_with(snoop::MAGIC);
        let start: Vec<u8> = head.iter().take(4).copied().collect();
        if !is_pcap {
            self.fill(erf::PROBE_BYTES)?;
            if erf::is_file(self.ready()) {
                return Ok(Format::Erf);
            }
        }
        let problem = if start.is_empty() {
            Problem::Empty
        } else if is_pcap {
            Problem::Truncated
        } else {
            Problem::NotACapture(start)
        };
        Err(self.error(problem))
    }

    /// Steps over the file's header, and looks at the first two records, as only they tell how long their headers are.
    fn with_record_length(&mut self, mut pcap: Pcap) -> Pcap {
        self.consume(pcap::HEADER_BYTES);
        // What came with the header: a pipe is not waited for.
        pcap.look_at_records(self.ready());
        pcap
    }

    /// A record of a container that says how long it is in a header of a fixed length.
    fn next_record(
        &mut self,
        header_bytes: usize,
        layout: impl Fn(&[u8]) -> Layout,
    ) -> Result<Step, CaptureError> {
        if !self.fill(header_bytes)? {
            return self.end();
        }
        let layout = layout(self.ready());
        if layout.length < header_bytes {
            return Err(self.error(Problem::TooShort(layout.length)));
        }
        self.require(layout.length)?;
        let start = self.unread.start;
        self.consume(layout.length);
        Ok(Step::Frame(layout.at(start)))
    }

    fn next_pcapng_block(&mut self) -> Result<Step, CaptureError> {
        if !self.fill(12)? {
            return self.end();
        }
        let Format::Pcapng(section) = &mut self.format else { return Ok(Step::End) };
        let head = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let length = match section.block_length(head) {
            Ok(length) => length,
            Err(reason) => return Err(self.error(Problem::Malformed(reason))),
        };
        self.require(length)?;
        let Format::Pcapng(section) = &mut self.format else { return Ok(Step::End) };
        let start = self.unread.start;
        let block = self.buffer.get(start..start + length).unwrap_or_default();
        let packet = match section.read(block) {
            Ok(packet) => packet,
            Err(reason) => return Err(self.error(Problem::Malformed(reason))),
        };
        self.consume(length);
        let Some(mut packet) = packet else { return Ok(Step::Other) };
        packet.bytes = packet.bytes.start + start..packet.bytes.end + start;
        Ok(Step::Frame(packet))
    }

    /// What a short read means: the regular end between two records, a cut inside one.
    fn end(&self) -> Result<Step, CaptureError> {
        if self.unread.is_empty() { Ok(Step::End) } else { Err(self.error(Problem::Truncated)) }
    }

    fn ready(&self) -> &[u8] {
        self.buffer.get(self.unread.clone()).unwrap_or_default()
    }

    fn consume(&mut self, length: usize) {
        if let Some(blocks) = &mut self.blocks {
            let used = self.unread.start..self.unread.end.min(self.unread.start + length);
            blocks.extend_from_slice(self.buffer.get(used).unwrap_or_default());
        }
        self.unread.start = self.unread.end.min(self.unread.start + length);
        self.offset += length as u64;
    }

    fn require(&mut self, length: usize) -> Result<(), CaptureError> {
        if length > RECORD_LIMIT_BYTES {
            return Err(self.error(Problem::TooLong(length)));
        }
        if self.fill(length)? { Ok(()) } else { Err(self.error(Problem::Truncated)) }
    }

    /// Reads until `wanted` bytes are at hand; false where the source ends before.
    fn fill(&mut self, wanted: usize) -> Result<bool, CaptureError> {
        while self.unread.len() < wanted {
            if self.source_ended {
                return Ok(false);
            }
            if self.unread.start > 0 {
                self.buffer.copy_within(self.unread.clone(), 0);
                self.unread = 0..self.unread.len();
            }
            // Grown step by step with what the source delivers, so that a length field alone claims no memory.
            if self.buffer.len() < self.unread.end + CHUNK_BYTES {
                self.buffer.resize(self.unread.end + CHUNK_BYTES, 0);
            }
            let space = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
            match self.source.read(space) {
                Ok(0) => self.source_ended = true,
                Ok(length) => self.unread.end += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(Problem::Unreadable(error))),
            }
        }
        Ok(true)
    }

    fn error(&self, problem: Problem) -> CaptureError {
        CaptureError { file: self.name.clone(), frames: self.frames, offset: self.offset, problem }
    }
}
