//! A progress bar for long work, where somebody watches.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::stop::printable;

/// Work that ends sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(700);

/// Shows how much of a file was read: on a terminal only, and only where it takes a while.
pub(crate) struct Progress {
    file: String,
    file_bytes: Option<u64>,
    started: Instant,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Progress {
    /// For one file. `quiet` where the results themselves scroll over the terminal.
    pub(crate) fn new(file: &str, file_bytes: Option<u64>, quiet: bool) -> Self {
        let wanted = !quiet && stderr().is_terminal();
        Self { file: file.to_owned(), file_bytes, started: Instant::now(), bar: None, wanted }
    }

    /// Bytes of the file read so far.
    pub(crate) fn read(&mut self, bytes: u64) {
        if !self.wanted || self.bar.is_none() && self.started.elapsed() < PATIENCE {
            return;
        }
        let (file, file_bytes, elapsed) = (&self.file, self.file_bytes, self.started.elapsed());
        self.bar.get_or_insert_with(|| bar(file, file_bytes, bytes, elapsed)).set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar that has been at it for a while, so that what was read until now does not pass for the work of a moment.
fn bar(file: &str, file_bytes: Option<u64>, read: u64, elapsed: Duration) -> ProgressBar {
    let (bar, template) = match file_bytes {
        Some(bytes) => {
            (ProgressBar::new(bytes), "{wide_msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        }
        None => (ProgressBar::new_spinner(), "{wide_msg} {spinner} {bytes} {bytes_per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(printable(file)).with_position(read).with_elapsed(elapsed)
}
