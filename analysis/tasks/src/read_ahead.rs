//! Flows followed on one thread, tasks told on another: batches of packets go from the first to the second, and come back
//! empty.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use wiremark::{Flow, Frame, Packet, ParseError, Seen, Tunnel};

use super::follower::{Followed, Follower};
use super::record::Sink;
use super::task_state::TaskState;

/// A batch is full at so many packets and ended flows, or bytes.
const STEPS: usize = 512;
const BYTES: usize = 128 * 1024;
/// Most batches that are full at the same time.
const AHEAD: usize = 4;

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

impl Batch {
    fn packet(&mut self, followed: &Followed<'_>) {
        let Followed { packet, tunnel, seen, name } = *followed;
        let payload = self.keep(packet.payload);
        let name = self.keep(name);
        let packet = Packet { payload: &[], ..packet };
        self.steps.push(Step::Packet { packet, payload, name, tunnel, seen });
    }

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
        for step in steps.drain(..) {
            match step {
                Step::Packet { packet, payload, name, tunnel, seen } => {
                    let packet = Packet { payload: at(payload), ..packet };
                    state.packet(&Followed { packet, tunnel, seen, name: at(name) }, sink);
                }
                Step::Ended(flow) => state.ended(&flow, sink),
            }
        }
        bytes.clear();
    }
}

/// The reading thread's end.
struct Feed<'f, 'c> {
    follower: &'f mut Follower<'c>,
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl Feed<'_, '_> {
    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), ParseError> {
        let Self { follower, batch, .. } = self;
        let result = follower.frame(frame, &mut |flow| batch.steps.push(Step::Ended(*flow)));
        let result = result.map(|followed| followed.iter().for_each(|followed| batch.packet(followed)));
        if batch.is_full() {
            self.send();
        }
        result
    }

    fn send(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        // Nobody takes it any more only where the other thread panics.
        let _ = self.full.send(std::mem::replace(&mut self.batch, next));
    }
}

/// Has `read` hand in frames on a thread of its own while tasks come out on this one.
pub(super) fn run<R: Send>(
    follower: &mut Follower<'_>,
    state: &mut TaskState<'_>,
    read: impl FnOnce(&mut dyn FnMut(&Frame<'_>) -> Result<(), ParseError>) -> R + Send,
    sink: &mut impl Sink,
) -> R {
    let (full, filled) = sync_channel::<Batch>(AHEAD);
    let (emptied, empty) = channel();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut feed = Feed { follower, batch: Batch::default(), full, empty };
            let result = read(&mut |frame| feed.frame(frame));
            feed.send();
            result
        });
        for mut batch in filled {
            batch.play(state, sink);
            let _ = emptied.send(batch);
        }
        reading.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
