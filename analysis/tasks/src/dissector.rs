//! Frames in, tasks out.

use std::collections::VecDeque;

use wiremark::{Classifier, Frame, ParseError, Seen, Statistics};

use super::catalog::TaskTable;
use super::config::Config;
use super::follower::Follower;
use super::read_ahead::{self, Frames};
use super::record::Sink;
use super::task_state::TaskState;
use super::usage::Usage;

/// So many flows before one that ends, at the end of all, what is kept of it is asked for, and what is of its user after half as many.
const ENDED_SOON: usize = 16;

/// Takes captures apart into the tasks of one app.
///
/// Memory grows with users (up to some kilobytes each, for the seconds in which they were active) and with open flows, which
/// the tracker bounds; not with packets.
#[derive(Debug)]
pub struct TaskDissector<'c> {
    follower: Follower<'c>,
    state: TaskState<'c>,
}

impl<'c> TaskDissector<'c> {
    /// A dissector of the table's app; where the classifier does not know that app, nothing is its.
    pub fn new(classifier: &'c Classifier, table: &'c TaskTable, config: Config) -> Self {
        let follower = Follower::new(classifier, config);
        let state = TaskState::new(classifier.set(), table, config.ipv6_prefix);
        Self { follower, state }
    }

    /// What follows belongs to this capture. Flows do not go on from one capture to the next; users do. Where it is known that the
    /// capture has no more than so many frames, no more memory is taken than those can fill.
    pub fn begin_capture(&mut self, name: &str, frames_at_most: Option<usize>) {
        self.follower.begin_capture(frames_at_most);
        self.state.begin_capture(name, self.follower.places());
    }

    /// Takes in the next frame; frames come in order of time.
    ///
    /// # Errors
    /// Frames without a TCP or UDP packet to look at.
    pub fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) -> Result<(), ParseError> {
        self.follow(frame, sink).map(|_| ())
    }

    /// As [`frame`](Self::frame), and gives back what the tracker saw; nothing of a packet that came twice.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn follow(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) -> Result<Option<Seen>, ParseError> {
        let prepared = self.follower.preparer().prepare(frame);
        self.frames(sink).follow(frame, &prepared)
    }

    /// Goes by these signatures from now on; flows keep their verdicts.
    pub fn use_classifier(&mut self, classifier: &'c Classifier) {
        self.follower.use_classifier(classifier);
        self.state.use_set(classifier.set());
    }

    /// Takes in frames that can be prepared some frames ahead, which is quicker.
    pub fn frames<'d, S: Sink>(&'d mut self, sink: &'d mut S) -> Frames<'d, 'c, S> {
        let Self { follower, state } = self;
        Frames::here(follower, state, sink)
    }

    /// Takes in frames on two threads, which takes little more than half the time where there are two processors: `read` hands
    /// in frame after frame on a thread of its own, where their flows are followed, and tasks come out on this one.
    ///
    /// It is for captures that are read as fast as they can be: a frame is looked at once some hundred more were handed
    /// in, or `read` has come to its end. Its result is passed on.
    pub fn read_ahead<R: Send, S: Sink>(
        &mut self,
        read: impl FnOnce(&mut Frames<'_, 'c, S>) -> R + Send,
        sink: &mut S,
    ) -> R {
        let Self { follower, state } = self;
        read_ahead::run(follower, state, read, sink)
    }

    /// The capture is at its end: so are its flows.
    pub fn end_capture(&mut self, sink: &mut impl Sink) {
        let Self { follower, state } = self;
        let mut waiting = VecDeque::with_capacity(ENDED_SOON + 1);
        follower.end_capture(&mut |flow| {
            state.prefetch_ended(flow.place);
            waiting.push_back(*flow);
            if let Some(sooner) = waiting.len().checked_sub(ENDED_SOON / 2).and_then(|at| waiting.get(at)) {
                state.prefetch_user(sooner.place);
            }
            if waiting.len() > ENDED_SOON {
                waiting.pop_front().iter().for_each(|flow| state.ended(flow, sink));
            }
        });
        waiting.iter().for_each(|flow| state.ended(flow, sink));
        state.end_capture(follower.copies());
    }

    /// What the tracker has seen and lost in this capture.
    pub fn statistics(&self) -> Statistics {
        self.follower.statistics()
    }

    /// Packets of this capture that a mirror port gave twice: they count once.
    pub fn copies(&self) -> u64 {
        self.follower.copies()
    }

    /// All captures are at their end.
    pub fn finish(self) -> Usage {
        self.state.into_usage()
    }
}
