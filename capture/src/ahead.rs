//! A capture read, its frames prepared and looked at, on one thread or several: the same to whoever looks.
//!
//! ```text
//! read (in order) -> prepare (in any order) -> look (in order, on the caller's thread)
//! ```
//!
//! What looks at frames (a tracker, and what flows taught each other) sees every frame in the order of the capture, so that
//! nothing it says depends on the number of threads. While there is nothing to look at, the caller's thread takes part in what
//! comes before: it prepares a block that was read, and reads only where none is there and nobody else does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::block::Block;
use crate::{Capture, CaptureError};

/// Blocks on the way for each thread, and at least: enough that nobody waits for somebody else's moment.
const BLOCKS_A_THREAD: usize = 3;
const BLOCKS: usize = 8;
/// So many blocks are read before one is prepared: who looks finds work at once where nothing is prepared yet. Were it to read
/// instead, who reads would go to sleep, and be waited for.
const READ_AHEAD: usize = 3;

/// A block, and what was made of its frames.
#[derive(Debug, Default)]
pub(crate) struct Batch<M> {
    pub(crate) block: Block,
    pub(crate) made: M,
}

/// Where the batches are.
struct State<M> {
    /// Those read, not prepared; each with its number, from 0.
    read: VecDeque<(u64, Batch<M>)>,
    prepared: BTreeMap<u64, Batch<M>>,
    empty: Vec<Batch<M>>,
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

struct Shared<'c, M, F> {
    state: Mutex<State<M>>,
    changed: Condvar,
    capture: Mutex<&'c mut Capture>,
    prepare: F,
}

/// What is to be done next before frames can be looked at.
enum Work<M> {
    Read(Batch<M>),
    Prepare(u64, Batch<M>),
}

impl<M: Send, F: Fn(&Block, &mut M) + Sync> Shared<'_, M, F> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, mut state: MutexGuard<'s, State<M>>) -> MutexGuard<'s, State<M>> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Wakes who waits.
    fn tell(&self, state: MutexGuard<'_, State<M>>) {
        let somebody = state.waiting > 0;
        drop(state);
        if somebody {
            self.changed.notify_all();
        }
    }

    /// Takes what can be done now: reads if fewer than so many blocks wait to be prepared, and prepares otherwise.
    fn work(state: &mut State<M>, read_ahead: usize) -> Option<Work<M>> {
        if state.read.len() < read_ahead
            && !state.has_ended
            && !state.empty.is_empty()
            && state.capture.take().is_some()
        {
            return state.empty.pop().map(Work::Read);
        }
        state.read.pop_front().map(|(number, batch)| Work::Prepare(number, batch))
    }

    /// Does it.
    fn run(&self, work: Work<M>) {
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
            match Self::work(&mut state, READ_AHEAD) {
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
    fn next(&self, number: u64) -> Option<Batch<M>> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.prepared.remove(&number) {
                return Some(batch);
            }
            if state.is_over || state.has_ended && number >= state.batches {
                return None;
            }
            match Self::work(&mut state, 1) {
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
struct Alarm<'s, 'c, M: Send, F: Fn(&Block, &mut M) + Sync>(&'s Shared<'c, M, F>);

impl<M: Send, F: Fn(&Block, &mut M) + Sync> Drop for Alarm<'_, '_, M, F> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().is_over = true;
            self.0.changed.notify_all();
        }
    }
}

/// Reads a capture to its end on so many threads (at least 1, the caller's), and gives back what went wrong. `prepare` makes
/// something of a block, in the place of what was made of another; `look` is given the batches in order, on this thread, until it
/// gives back false.
pub(crate) fn ahead<M: Default + Send>(
    capture: &mut Capture,
    threads: usize,
    prepare: impl Fn(&Block, &mut M) + Sync,
    mut look: impl FnMut(&mut Batch<M>) -> bool,
) -> Option<CaptureError> {
    if threads <= 1 {
        let mut batch = Batch::<M>::default();
        return loop {
            match capture.next_block(&mut batch.block) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
            prepare(&batch.block, &mut batch.made);
            if !look(&mut batch) {
                break None;
            }
        };
    }
    let blocks = BLOCKS.max(threads * BLOCKS_A_THREAD);
    let shared = Shared {
        state: Mutex::new(State {
            read: VecDeque::new(),
            prepared: BTreeMap::new(),
            empty: (0..blocks).map(|_| Batch::default()).collect(),
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
        while let Some(mut batch) = shared.next(number) {
            if !look(&mut batch) {
                break;
            }
            number += 1;
            let mut state = shared.lock();
            state.empty.push(batch);
            // Somebody who waits for a block is woken for several.
            if state.empty.len() >= blocks / 2 {
                shared.tell(state);
            }
        }
        shared.lock().is_over = true;
        shared.changed.notify_all();
        drop(alarm);
    });
    shared.state.into_inner().unwrap_or_else(PoisonError::into_inner).error
}
