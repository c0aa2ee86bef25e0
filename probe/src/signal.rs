//! SIGINT and SIGTERM: the first one ends the work in good order, a later one at once. SIGHUP, for work without an end: load
//! signatures anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wiremark_capture::replay::ReplayError;

use crate::stop::{Outcome, complain};

/// Signals so soon after the first belong to it: `timeout` signals a program and then its group, a terminal everybody in it.
#[cfg(unix)]
const SAME: std::time::Duration = std::time::Duration::from_secs(1);

/// Whether a signal asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    stop: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
    reload: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on signals are noted and no longer end the program at once.
    pub(crate) fn listen() -> Self {
        Self::listen_to(false)
    }

    /// The same, and SIGHUP does not end it either.
    pub(crate) fn listen_for_reloads() -> Self {
        Self::listen_to(true)
    }

    fn listen_to(reloads: bool) -> Self {
        let interrupt = Self::default();
        #[cfg(not(unix))]
        let _ = reloads;
        // Where signals cannot be caught, they end the program as they always did.
        #[cfg(unix)]
        if let Ok(signals) = signal_hook::iterator::Signals::new(
            [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM]
                .into_iter()
                .chain(reloads.then_some(signal_hook::consts::SIGHUP)),
        ) {
            let noted = interrupt.clone();
            std::thread::spawn(move || noted.note(signals));
        }
        interrupt
    }

    #[cfg(unix)]
    fn note(self, mut signals: signal_hook::iterator::Signals) {
        let mut first = None;
        for signal in signals.forever() {
            if signal == signal_hook::consts::SIGHUP {
                self.reload.store(true, Ordering::Release);
                continue;
            }
            let since = first.get_or_insert_with(std::time::Instant::now).elapsed();
            if self.stop.load(Ordering::Relaxed) && since > SAME {
                std::process::exit(128 + signal);
            }
            if !self.stop.load(Ordering::Relaxed) {
                self.number.store(signal as usize, Ordering::Relaxed);
                self.stop.store(true, Ordering::Release);
            }
        }
    }

    /// True once a signal came.
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// Whether SIGHUP came since the last call.
    #[inline]
    pub(crate) fn wants_reload(&self) -> bool {
        self.reload.load(Ordering::Relaxed) && self.reload.swap(false, Ordering::Acquire)
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// The complaints about a file: that it ended too early is none of them where a signal ended it.
    pub(crate) fn ours(&self, errors: &[ReplayError]) -> Vec<String> {
        let ours = |error: &&ReplayError| !self.came() || !matches!(error, ReplayError::Capture(_));
        errors.iter().filter(ours).map(ToString::to_string).collect()
    }

    /// How a command ends that a signal stopped at this place (`in file 2 of 3, after 500 frames`), with a line that says so.
    pub(crate) fn outcome(&self, place: &str) -> Option<Outcome> {
        let (number, name) = match self.number.load(Ordering::Relaxed) {
            _ if !self.came() => return None,
            2 => (2, "SIGINT"),
            _ => (15, "SIGTERM"),
        };
        complain(&format!("stopped by {name} {place}; what they decided was written"));
        Some(Outcome::Signalled(number))
    }
}
