//! How a command ends.

use std::fmt;
use std::io::{self, Write};

/// How a command that ran to its end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All input was used.
    Done,
    /// Some input failed and was complained about; the rest is complete.
    SomeFailed,
    /// A signal of this number ended it early; what was decided until then was written.
    Signalled(u8),
}

impl Outcome {
    /// `SomeFailed` where anything failed.
    pub(crate) fn failed_if(failed: bool) -> Self {
        if failed { Self::SomeFailed } else { Self::Done }
    }
}

/// Why a command could not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody reads the output any more: nothing to say, and nobody to say it to.
    ReaderGone,
    /// The line to print: what, where, remedy.
    Failed(String),
    /// The line to print about a wrong combination of arguments.
    Usage(String),
}

impl Stop {
    /// What a build without heavy libraries says of what it cannot do.
    #[cfg(not(all(feature = "charts", feature = "parquet")))]
    pub(crate) fn not_built_in(format: &str, feature: &str) -> Self {
        Self::Usage(format!(
            "--format {format}: this wiremark was built without it; build it with `--features {feature}`, or with `--features full`"
        ))
    }

    /// For an error while writing to `output`.
    pub(crate) fn writing(output: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!(
                "{output}: cannot be written: {error}; choose another place for the output"
            )),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReaderGone => f.write_str("nobody reads the output any more"),
            Self::Failed(line) | Self::Usage(line) => f.write_str(line),
        }
    }
}

/// Prints one line on standard error; a closed standard error is no reason to die.
pub(crate) fn complain(line: &impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(&line.to_string()));
}

/// Text without control characters: a file's name must not move the cursor, or pass for a line of ours.
pub(crate) fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(
            |letter| {
                if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_lines_of_its_own() {
        assert_eq!(printable("a\u{1b}[31m\nb.pcap"), "a\\u{1b}[31m\\nb.pcap");
        assert_eq!(printable("straße 1.pcap"), "straße 1.pcap");
    }
}
