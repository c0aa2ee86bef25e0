//! What can be wrong with a capture: one line that names file, place and remedy.

use std::fmt;
use std::io;

/// Why a capture could not be read (any further).
#[derive(Debug)]
pub struct CaptureError {
    /// Path, or "standard input".
    pub file: String,
    /// Frames read before the error; they stay valid.
    pub frames: u64,
    /// Where in the (unpacked) capture the record begins that could not be read.
    pub offset: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a capture.
#[derive(Debug)]
pub enum Problem {
    /// The operating system or the decompressor reports an error.
    Unreadable(io::Error),
    /// There is not a single byte.
    Empty,
    /// The first bytes (given here) are those of no format known here.
    NotACapture(Vec<u8>),
    /// The capture ends inside a record.
    Truncated,
    /// A record claims to be this many bytes long.
    TooLong(usize),
    /// A record claims to be shorter than its own header.
    TooShort(usize),
    /// A pcapng block contradicts itself.
    Malformed(&'static str),
}

impl CaptureError {
    pub(crate) fn at_start(file: &str, problem: Problem) -> Self {
        Self { file: file.to_owned(), frames: 0, offset: 0, problem }
    }

    /// Whether frames could be read before the error.
    pub fn is_partial(&self) -> bool {
        self.frames > 0
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, frames, offset, problem } = self;
        write!(f, "{file}: ")?;
        if *frames > 0 || *offset > 0 {
            write!(f, "after frame {frames}, at byte {offset}: ")?;
        }
        match problem {
            Problem::Unreadable(error) if matches!(error.kind(), io::ErrorKind::NotFound) => {
                write!(f, "no such file; check the path")
            }
            Problem::Unreadable(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied) => {
                write!(f, "no permission to read it; change the file's mode or run as its owner")
            }
            Problem::Unreadable(error) if matches!(error.kind(), io::ErrorKind::IsADirectory) => {
                write!(f, "is a directory; name the capture files in it, e.g. {file}/*.pcap")
            }
            Problem::Unreadable(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof) => {
                write!(f, "the compressed file ends too early; copy it again from its origin")
            }
            Problem::Unreadable(error) => write!(f, "cannot be read: {error}; copy it again from its origin"),
            Problem::Empty => write!(f, "is empty; check the command that wrote it"),
            Problem::NotACapture(head) => {
                write!(f, "not a capture (begins with")?;
                for byte in head {
                    write!(f, " {byte:02x}")?;
                }
                write!(
                    f,
                    "); give a pcap, pcapng, snoop or ERF file, plain or packed with gzip, zstd, xz, lz4 or bzip2"
                )
            }
            Problem::Truncated => write!(
                f,
                "the capture ends inside a record; copy it again, or stop the program that is still writing it"
            ),
            Problem::TooLong(length) => write!(
                f,
                "a record claims {length} bytes, so the file is damaged here; copy it again from its origin"
            ),
            Problem::TooShort(length) => write!(
                f,
                "a record claims {length} bytes, less than its own header, so the file is damaged here; copy it again from its \
                 origin"
            ),
            Problem::Malformed(reason) => {
                write!(f, "damaged pcapng block ({reason}); copy it again, or repair it with `editcap`")
            }
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
