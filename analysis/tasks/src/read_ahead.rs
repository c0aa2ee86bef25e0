//! Flows followed on one thread, tasks told on another: batches of packets go from the first to the second, and come back
//! empty.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use wiremark::{Flow, Frame, Packet, ParseError, Seen, Tunnel};

use super::follower::{Followed, Follower, Prepared, Preparer, Take};
use super::record::Sink;
use super::task_state::TaskState;

/// A batch is full at so many packets and ended flows, or bytes.
const STEPS: usize = 512;
const BYTES: usize = 128 * 1024;
/// Most batches that are full at the same time.
const AHEAD: usize = 4;
/// So many packets before one, what is kept of its flow is asked for.
const SOON: usize = 8;

/// What a follower hands over, in order.
#[derive(Debug, Default)]
struct Batch {
    steps: Vec<Step>,
    /// Payloads and names.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Step {
    Packet {
        /// With an empty payload.
        packet: Packet<'static>,
        payload: Range<usize>,
        name: Range<usize>,
        tunnel: Option<Tunnel>,
        seen: Seen,
    },
    Ended(Flow),
}

impl Take for Batch {
    fn packet(&mut self, followed: &Followed<'_>) {
        let Followed { packet, tunnel, seen, name } = *followed;
        let payload = self.keep(packet.payload);
        let name = self.keep(name);
        let packet = Packet { payload: &[], ..*packet };
        self.steps.push(Step::Packet { packet, payload, name, tunnel, seen: *seen });
    }

    fn ended(&mut self, flow: &Flow) {
        self.steps.push(Step::Ended(*flow));
    }
}

impl Batch {
    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn is_full(&self) -> bool {
        self.steps.len() >= STEPS || self.bytes.len() >= BYTES
    }

    /// Does what was handed over; the batch is empty then.
    fn play(&mut self, state: &mut TaskState<'_>, sink: &mut impl Sink) {
        let Self { steps, bytes } = self;
        let at = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        let mut steps = steps.drain(..);
        while let Some(step) = steps.next() {
            if let Some(Step::Packet { seen, .. }) = steps.as_slice().get(SOON) {
                state.prefetch(seen.place);
            }
            match step {
                Step::Packet { packet, payload, name, tunnel, seen } => {
                    let packet = Packet { payload: at(payload), ..packet };
                    state.packet(&Followed { packet: &packet, tunnel, seen: &seen, name: at(name) }, sink);
                }
                Step::Ended(flow) => state.ended(&flow, sink),
            }
        }
        bytes.clear();
    }
}

/// Takes in frames in order, each of which can be prepared some frames ahead; see [`TaskDissector::frames`](super::TaskDissector::frames).
#[derive(Debug)]
pub struct Frames<'d, 'c, S> {
    follower: &'d mut Follower<'c>,
    to: To<'d, 'c, S>,
}

/// Where packets go whose flow is known.
#[derive(Debug)]
enum To<'d, 'c, S> {
    Here(&'d mut TaskState<'c>, &'d mut S),
    OtherThread(Feed),
}

/// On this thread.
struct Here<'h, 'c, S> {
    state: &'h mut TaskState<'c>,
    sink: &'h mut S,
}

impl<S: Sink> Take for Here<'_, '_, S> {
    #[inline]
    fn packet(&mut self, followed: &Followed<'_>) {
        self.state.packet(followed, self.sink);
    }

    fn ended(&mut self, flow: &Flow) {
        self.state.ended(flow, self.sink);
    }
}

/// The reading thread's end.
#[derive(Debug)]
struct Feed {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl<'d, 'c, S: Sink> Frames<'d, 'c, S> {
    pub(super) fn here(
        follower: &'d mut Follower<'c>,
        state: &'d mut TaskState<'c>,
        sink: &'d mut S,
    ) -> Self {
        Self { follower, to: To::Here(state, sink) }
    }

    /// Prepares frames, on any thread and any number of frames ahead.
    pub fn preparer(&self) -> Preparer {
        self.follower.preparer()
    }

    /// Asks for the places in memory at which a frame's flow will be looked for, some 32 frames ahead.
    #[inline]
    pub fn soon(&self, prepared: &Prepared) {
        self.follower.soon(prepared);
    }

    /// Asks for a frame's flow itself, and for what is kept of it, some 16 frames ahead.
    #[inline]
    pub fn next(&self, bytes: &[u8], prepared: &mut Prepared) {
        self.follower.next(bytes, prepared);
        if let To::Here(state, _) = &self.to {
            prepared.flow.likely_place().into_iter().for_each(|place| state.prefetch(place));
        }
    }

    /// Takes in the next frame, and gives back what the tracker saw; nothing of a packet that came twice.
    ///
    /// # Errors
    /// Frames without a TCP or UDP packet to look at.
    #[inline]
    pub fn follow(&mut self, frame: &Frame<'_>, prepared: &Prepared) -> Result<Option<Seen>, ParseError> {
        let Self { follower, to } = self;
        match to {
            To::Here(state, sink) => follower.frame(frame, prepared, &mut Here { state, sink: *sink }),
            To::OtherThread(feed) => {
                let seen = follower.frame(frame, prepared, &mut feed.batch);
                if feed.batch.is_full() {
                    feed.send();
                }
                seen
            }
        }
    }
}

impl Feed {
    fn send(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        // Nobody takes it any more only where the other thread panics.
        let _ = self.full.send(std::mem::replace(&mut self.batch, next));
    }
}

/// Has `read` hand in frames on a thread of its own while tasks come out on this one.
pub(super) fn run<'c, R: Send, S: Sink>(
    follower: &mut Follower<'c>,
    state: &mut TaskState<'c>,
    read: impl FnOnce(&mut Frames<'_, 'c, S>) -> R + Send,
    sink: &mut S,
) -> R {
    let (full, filled) = sync_channel::<Batch>(AHEAD);
    let (emptied, empty) = channel();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let feed = Feed { batch: Batch::default(), full, empty };
            let mut frames = Frames { follower, to: To::OtherThread(feed) };
            let result = read(&mut frames);
            if let To::OtherThread(feed) = &mut frames.to {
                feed.send();
            }
            result
        });
        for mut batch in filled {
            batch.play(state, sink);
            let _ = emptied.send(batch);
        }
        reading.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
