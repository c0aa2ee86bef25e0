//! SIGINT and SIGTERM: the first one ends the work in good order, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether a signal asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    stop: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on signals are noted and no longer end the program at once.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        // Where a signal cannot be caught, it ends the program as it always did.
        #[cfg(unix)]
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            use signal_hook::flag;
            let Self { stop, number } = interrupt.clone();
            let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
                .and_then(|_| flag::register_usize(signal, number, signal as usize))
                .and_then(|_| flag::register(signal, stop));
        }
        interrupt
    }

    /// True once a signal came.
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// Number and name of the signal that came.
    pub(crate) fn signal(&self) -> Option<(u8, &'static str)> {
        if !self.stop.load(Ordering::Relaxed) {
            return None;
        }
        Some(match self.number.load(Ordering::Relaxed) {
            2 => (2, "SIGINT"),
            _ => (15, "SIGTERM"),
        })
    }
}
