//! A progress bar for long work, where somebody watches.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

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
        Some(bytes) => (ProgressBar::new(bytes), "{wide_msg} {bar:30} {bytes}/{total_bytes} {rate} {left}"),
        None => (ProgressBar::new_spinner(), "{wide_msg} {spinner} {bytes} {rate}"),
    };
    // Since the beginning: the bar's own rate takes what was read before it was drawn for the work of a moment.
    let rate = |state: &ProgressState| state.pos() as f64 / state.elapsed().as_secs_f64().max(0.001);
    if let Ok(style) = ProgressStyle::with_template(template) {
        let style = style.with_key("rate", move |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{}/s", BinaryBytes(rate(state) as u64));
        });
        bar.set_style(style.with_key("left", move |state: &ProgressState, to: &mut dyn Write| {
            let left = state.len().unwrap_or(0).saturating_sub(state.pos()) as f64;
            let _ = write!(to, "{:#}", HumanDuration(Duration::from_secs_f64(left / rate(state).max(1.0))));
        }));
    }
    bar.with_message(printable(file)).with_position(read).with_elapsed(elapsed)
}
