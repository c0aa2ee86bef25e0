//! Paths out of a file, one after the other, in constant memory.

use std::io::{self, BufRead};

use memchr::memmem;

use super::documents::{Documents, Piece};
use super::{Trace, mtr, ripe_atlas, scamper, traceroute};
use crate::sheet::FileError;

/// The longest line of text taken.
const LINE_BYTES: u64 = 64 * 1024;

/// Who wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `traceroute`'s text.
    Traceroute,
    /// `mtr --json`.
    Mtr,
    /// scamper's `sc_warts2json`.
    Scamper,
    /// RIPE Atlas results.
    RipeAtlas,
}

impl Format {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traceroute => "traceroute",
            Self::Mtr => "mtr",
            Self::Scamper => "scamper",
            Self::RipeAtlas => "ripe-atlas",
        }
    }
}

/// Reads paths in any of the formats; which one, the first bytes tell, and JSON document by document.
///
/// What is malformed comes as an error with its line, and reading goes on behind it: it is for the caller to count.
pub struct PathReader<R> {
    file: String,
    source: R,
    kind: Option<Kind>,
    bytes_read: u64,
    /// Objects that hold no path: other types of scamper and Atlas.
    others: u64,
}

enum Kind {
    Text(Box<Text>),
    Json { documents: Documents, buffer: Vec<u8>, last: Option<Format> },
    Over,
}

#[derive(Default)]
struct Text {
    line: u64,
    buffer: Vec<u8>,
    /// The trace under way.
    trace: Option<(Trace, traceroute::Open)>,
    /// Behind an error, up to the next header.
    skips: bool,
    /// Found, and to be told after what was told.
    next: Option<Found>,
}

impl<R: BufRead> PathReader<R> {
    /// Reads from `source`; `file` is what errors call it.
    pub fn new(file: &str, source: R) -> Self {
        Self { file: file.to_owned(), source, kind: None, bytes_read: 0, others: 0 }
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// JSON objects so far that hold no path.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The next path, or what is wrong with it; none at the end.
    ///
    /// # Errors
    /// The system's, which end the file; not those of the file's content.
    pub fn next_trace(&mut self) -> io::Result<Option<Result<Trace, FileError>>> {
        if self.kind.is_none() {
            let start = self.source.fill_buf()?;
            let first =
                start.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
            self.kind = Some(match first {
                Some(b'{' | b'[') => {
                    Kind::Json { documents: Documents::new(), buffer: Vec::new(), last: None }
                }
                _ => Kind::Text(Box::default()),
            });
        }
        let mut source = Counted { source: &mut self.source, count: &mut self.bytes_read };
        let fail = |line, problem| FileError { file: self.file.clone(), line, problem };
        let found = match self.kind.as_mut().unwrap_or(&mut Kind::Over) {
            Kind::Over => return Ok(None),
            Kind::Text(text) => text.next(&mut source)?,
            Kind::Json { documents, buffer, last } => loop {
                match documents.next(&mut source, buffer)? {
                    Piece::End => break None,
                    Piece::Broken { line, problem } => break Some(Err((line, problem.to_owned()))),
                    Piece::Document { line } => match parse(buffer, line, last) {
                        Ok(Some(trace)) => break Some(Ok(trace)),
                        Ok(None) => self.others += 1,
                        Err((at, problem)) => break Some(Err((line + at, problem))),
                    },
                }
            },
        };
        if found.is_none() {
            self.kind = Some(Kind::Over);
        }
        Ok(found.map(|found| found.map_err(|(line, problem)| fail(line, problem))))
    }
}

/// One document, in the format it is in; an error with how many lines into the document it is.
fn parse(document: &[u8], line: u64, last: &mut Option<Format>) -> Result<Option<Trace>, (u64, String)> {
    let has = |word: &str| memmem::find(document, word.as_bytes()).is_some();
    // The format of the document before is most likely this one's too.
    let format = match last {
        Some(Format::RipeAtlas) if has("\"prb_id\"") => Format::RipeAtlas,
        _ if has("\"hubs\"") => Format::Mtr,
        _ if has("\"prb_id\"") => Format::RipeAtlas,
        _ if has("\"type\"") => Format::Scamper,
        _ => return Err((0, "neither mtr's report, nor scamper's trace, nor a result of RIPE Atlas".into())),
    };
    *last = Some(format);
    let told = |error: serde_json::Error| {
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        let at = (error.line() as u64).saturating_sub(1);
        (at, format!("{} output: {what} (column {})", format.name(), error.column()))
    };
    let traced = match format {
        Format::Mtr => mtr::trace(serde_json::from_slice(document).map_err(told)?, line).map(Some),
        Format::Scamper => scamper::trace(serde_json::from_slice(document).map_err(told)?, line),
        Format::RipeAtlas | Format::Traceroute => {
            ripe_atlas::trace(serde_json::from_slice(document).map_err(told)?, line)
        }
    };
    traced.map_err(|problem| (0, format!("{} output: {problem}", format.name())))
}

type Found = Result<Trace, (u64, String)>;

impl Text {
    fn next(&mut self, source: &mut impl BufRead) -> io::Result<Option<Found>> {
        if let Some(found) = self.next.take() {
            return Ok(Some(found));
        }
        loop {
            self.buffer.clear();
            let read = io::Read::take(&mut *source, LINE_BYTES).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(self.trace.take().map(|trace| finish(trace, self.line)));
            }
            self.line += 1;
            let at = self.line;
            let Ok(text) = std::str::from_utf8(&self.buffer) else {
                self.trace = None;
                if !std::mem::replace(&mut self.skips, true) {
                    return Ok(Some(Err((at, "not text".into()))));
                }
                continue;
            };
            let text = text.trim_start_matches('\u{feff}').trim_end();
            let is_aside = text.starts_with('#')
                || text.starts_with("traceroute: ")
                || text.starts_with("traceroute6: ");
            if text.is_empty() || is_aside {
                continue;
            }
            if traceroute::is_header(text) {
                let before = self.trace.take().map(|trace| finish(trace, at - 1));
                let begun = traceroute::header(text, at);
                self.skips = begun.is_err();
                let error = match begun {
                    Ok(trace) => {
                        self.trace = Some((trace, traceroute::Open::default()));
                        None
                    }
                    Err(problem) => Some(Err((at, problem))),
                };
                // The trace before is told first.
                let (found, next) = if before.is_some() { (before, error) } else { (error, None) };
                self.next = next;
                match found {
                    Some(found) => return Ok(Some(found)),
                    None => continue,
                }
            }
            let Some((trace, open)) = &mut self.trace else {
                if !std::mem::replace(&mut self.skips, true) {
                    let problem =
                        "expected \"traceroute to NAME (ADDRESS)\", or JSON of mtr, scamper or RIPE Atlas";
                    return Ok(Some(Err((at, problem.into()))));
                }
                continue;
            };
            if let Err(problem) = traceroute::line(trace, text, open) {
                self.trace = None;
                self.skips = true;
                return Ok(Some(Err((at, problem))));
            }
        }
    }
}

/// A trace of text at its end, on this line.
fn finish((trace, mut open): (Trace, traceroute::Open), line: u64) -> Found {
    open.close().map_err(|problem| (line, problem))?;
    if trace.hops.is_empty() {
        return Err((trace.line, "no hop follows; the output was cut".into()));
    }
    Ok(trace)
}

/// Counts what is taken from a source.
struct Counted<'s, R> {
    source: &'s mut R,
    count: &'s mut u64,
}

impl<R: BufRead> io::Read for Counted<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(space)?;
        *self.count += length as u64;
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        *self.count += length as u64;
        self.source.consume(length);
    }
}
