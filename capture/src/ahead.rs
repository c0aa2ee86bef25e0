//! A capture read, its frames prepared and looked at, on one thread or several: the same to whoever looks.
//!
//! ```text
//! read (in order) -> prepare (in any order) -> look (in order, on the caller's thread)
//! ```
//!
//! What looks at frames (a tracker, and what flows taught each other) sees every frame in the order of the capture, so that
//! nothing it says depends on the number of threads. The caller's thread takes part in what comes before while there is nothing
//! to look at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::block::Block;
use crate::{Capture, CaptureError};

/// Blocks on the way for each thread: enough that nobody waits for somebody else's moment, few enough to stay in the cache.
const BLOCKS_A_THREAD: usize = 3;

/// A block, and what was made of each of its frames.
#[derive(Debug)]
pub(crate) struct Batch<P> {
    pub(crate) block: Block,
    pub(crate) made: Vec<P>,
}

impl<P> Default for Batch<P> {
    fn default() -> Self {
        Self { block: Block::default(), made: Vec::new() }
    }
}

/// Where the batches are.
struct State<P> {
    /// Those read, not prepared; each with its number, from 0.
    read: VecDeque<(u64, Batch<P>)>,
    prepared: BTreeMap<u64, Batch<P>>,
    empty: Vec<Batch<P>>,
    /// Who reads takes it out.
    capture: Option<Reading>,
    /// Batches read.
    batches: u64,
    has_ended: bool,
    error: Option<CaptureError>,
    /// Threads that wait for something to change: nobody is woken where there are none, as that costs more than a block's frames.
    waiting: usize,
    /// Nobody looks any more, or somebody panicked.
    is_over: bool,
}

/// The right to read: only one has it at a time.
struct Reading;

struct Shared<'c, P, F> {
    state: Mutex<State<P>>,
    changed: Condvar,
    capture: Mutex<&'c mut Capture>,
    prepare: F,
}

/// What is to be done next before frames can be looked at.
enum Work<P> {
    Read(Batch<P>),
    Prepare(u64, Batch<P>),
}

impl<P: Send, F: Fn(&Block, &mut Vec<P>) + Sync> Shared<'_, P, F> {
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, mut state: MutexGuard<'s, State<P>>) -> MutexGuard<'s, State<P>> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Wakes who waits.
    fn tell(&self, state: MutexGuard<'_, State<P>>) {
        let somebody = state.waiting > 0;
        drop(state);
        if somebody {
            self.changed.notify_all();
        }
    }

    /// Takes what can be done now.
    fn work(state: &mut State<P>) -> Option<Work<P>> {
        if let Some((number, batch)) = state.read.pop_front() {
            return Some(Work::Prepare(number, batch));
        }
        if state.has_ended || state.empty.is_empty() || state.capture.is_none() {
            return None;
        }
        state.capture = None;
        state.empty.pop().map(Work::Read)
    }

    /// Does it.
    fn run(&self, work: Work<P>) {
        match work {
            Work::Read(mut batch) => {
                let mut capture = self.capture.lock().unwrap_or_else(PoisonError::into_inner);
                let read = capture.next_block(&mut batch.block);
                drop(capture);
                let mut state = self.lock();
                state.capture = Some(Reading);
                match read {
                    Ok(true) => {
                        let number = state.batches;
                        state.batches += 1;
                        state.read.push_back((number, batch));
                    }
                    Ok(false) => state.has_ended = true,
                    Err(error) => {
                        state.has_ended = true;
                        state.error = Some(error);
                    }
                }
                self.tell(state);
            }
            Work::Prepare(number, mut batch) => {
                batch.made.clear();
                (self.prepare)(&batch.block, &mut batch.made);
                let mut state = self.lock();
                state.prepared.insert(number, batch);
                self.tell(state);
            }
        }
    }

    /// What a thread beside the caller's does.
    fn help(&self) {
        let _alarm = Alarm(self);
        let mut state = self.lock();
        while !state.is_over {
            match Self::work(&mut state) {
                Some(work) => {
                    drop(state);
                    self.run(work);
                    state = self.lock();
                }
                None if state.has_ended && state.read.is_empty() => return,
                None => state = self.wait(state),
            }
        }
    }

    /// The next batch in order; none at the end.
    fn next(&self, number: u64) -> Option<Batch<P>> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.prepared.remove(&number) {
                return Some(batch);
            }
            if state.is_over || state.has_ended && number >= state.batches {
                return None;
            }
            match Self::work(&mut state) {
                Some(work) => {
                    drop(state);
                    self.run(work);
                    state = self.lock();
                }
                None => state = self.wait(state),
            }
        }
    }
}

/// Ends everybody's work where one goes, also by a panic.
struct Alarm<'s, 'c, P: Send, F: Fn(&Block, &mut Vec<P>) + Sync>(&'s Shared<'c, P, F>);

impl<P: Send, F: Fn(&Block, &mut Vec<P>) + Sync> Drop for Alarm<'_, '_, P, F> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().is_over = true;
            self.0.changed.notify_all();
        }
    }
}

/// Reads a capture to its end on so many threads (at least 1, the caller's), and gives back what went wrong. `prepare` makes
/// something of each frame of a block; `look` is given the batches in order, on this thread, until it gives back false.
pub(crate) fn ahead<P: Send>(
    capture: &mut Capture,
    threads: usize,
    prepare: impl Fn(&Block, &mut Vec<P>) + Sync,
    mut look: impl FnMut(&Batch<P>) -> bool,
) -> Option<CaptureError> {
    if threads <= 1 {
        let mut batch = Batch::default();
        return loop {
            match capture.next_block(&mut batch.block) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
            batch.made.clear();
            prepare(&batch.block, &mut batch.made);
            if !look(&batch) {
                break None;
            }
        };
    }
    let shared = Shared {
        state: Mutex::new(State {
            read: VecDeque::new(),
            prepared: BTreeMap::new(),
            empty: (0..threads * BLOCKS_A_THREAD).map(|_| Batch::default()).collect(),
            capture: Some(Reading),
            batches: 0,
            has_ended: false,
            error: None,
            waiting: 0,
            is_over: false,
        }),
        changed: Condvar::new(),
        capture: Mutex::new(capture),
        prepare,
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| shared.help());
        }
        let alarm = Alarm(&shared);
        let mut number = 0;
        while let Some(batch) = shared.next(number) {
            if !look(&batch) {
                break;
            }
            number += 1;
            let mut state = shared.lock();
            state.empty.push(batch);
            // Somebody who waits for a block is woken for several.
            if state.empty.len() >= threads * BLOCKS_A_THREAD / 2 {
                shared.tell(state);
            }
        }
        shared.lock().is_over = true;
        shared.changed.notify_all();
        drop(alarm);
    });
    shared.state.into_inner().unwrap_or_else(PoisonError::into_inner).error
}
