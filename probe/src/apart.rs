//! What a tracker's thread has to tell, handed to a thread of its own that writes it while the tracker's reads on: in order, in
//! batches.
//!
//! Who writes may have more to do than who tells, as at the end, when all that is left ends at once: what would have to wait is made
//! into what is written by who tells it.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// The next of what was told.
#[derive(Debug)]
pub enum Part<T, M> {
    /// To be written.
    Told(Vec<T>),
    /// Made into what is written already.
    Made(M),
}

/// How many are handed over together, and how often that may be done before who writes comes by.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Of a batch.
    pub batch: usize,
    /// Batches that wait.
    pub waiting: usize,
}

/// The end of who tells.
pub struct Telling<'m, T, M> {
    to: SyncSender<Part<T, M>>,
    batch: Vec<T>,
    batch_size: usize,
    make: Option<Box<dyn FnMut(Vec<T>) -> M + 'm>>,
    has_stopped: bool,
}

/// Both ends; `make` makes a batch into what is written, where that can be done by who tells.
pub fn apart<'m, T, M>(
    sizes: Sizes,
    make: Option<Box<dyn FnMut(Vec<T>) -> M + 'm>>,
) -> (Telling<'m, T, M>, Receiver<Part<T, M>>) {
    let (to, parts) = sync_channel(sizes.waiting);
    (Telling { to, batch: Vec::new(), batch_size: sizes.batch, make, has_stopped: false }, parts)
}

impl<T, M> Telling<'_, T, M> {
    /// Tells the next.
    pub fn tell(&mut self, told: T) {
        self.batch.push(told);
        if self.batch.len() >= self.batch_size {
            self.pass_on();
        }
    }

    /// Hands over what waits for its batch to be full.
    pub fn pass_on(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = Vec::with_capacity(self.batch_size);
        let sent =
            match (self.to.try_send(Part::Told(std::mem::replace(&mut self.batch, next))), &mut self.make) {
                (Err(TrySendError::Full(Part::Told(batch))), Some(make)) => {
                    self.to.send(Part::Made(make(batch))).is_ok()
                }
                (Err(TrySendError::Full(part)), _) => self.to.send(part).is_ok(),
                (sent, _) => sent.is_ok(),
            };
        self.has_stopped |= !sent;
    }

    /// Whether nobody takes anything any more, as where it cannot be written.
    pub fn has_stopped(&self) -> bool {
        self.has_stopped
    }
}

impl<T, M> std::fmt::Debug for Telling<'_, T, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling").field("batch", &self.batch.len()).finish_non_exhaustive()
    }
}
