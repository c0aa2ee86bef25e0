//! Frames in, tasks out.

use wiremark::{AppId, Carrier, Classifier, Flow, Frame, ParseError, Statistics, TrackerConfig};

use super::ahead;
use super::catalog::TaskTable;
use super::flow::{Ends, FlowTrack, Told};
use super::follower::{Followed, Follower};
use super::ledger::{Ledger, Owner};
use super::record::{FlowRecord, Sink, UserRecord};
use super::seconds::second;
use super::usage::{CaptureUse, Usage};
use super::user::Users;

/// How to tell users and flows apart.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The flow table. Its TCP time-out must stay below an hour, or active seconds are counted too low.
    pub tracker: TrackerConfig,
    /// Leading bits of a global IPv6 address that stand for one user: 64 where a mobile network gives each device a
    /// prefix (RFC 6459), 128 where devices share one.
    pub ipv6_prefix: u8,
    /// Whether a packet in a GTP-U tunnel is the tunnel's subscriber's, whatever its address: for captures in a
    /// cellular core, where addresses are given to the next subscriber within minutes, or twice at the same time. The
    /// flow table still goes by addresses and ports.
    pub by_tunnel: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { tracker: TrackerConfig::default(), ipv6_prefix: 64, by_tunnel: false }
    }
}

/// Takes captures apart into the tasks of one app.
///
/// Memory grows with users (up to some kilobytes each, for the seconds in which they were active) and with open flows, which
/// the tracker bounds; not with packets.
#[derive(Debug)]
pub struct TaskDissector<'c> {
    follower: Follower<'c>,
    desk: Desk<'c>,
}

/// What becomes of the packets and flows that a [`Follower`] hands over, in their order.
#[derive(Debug)]
pub(super) struct Desk<'c> {
    app: Option<AppId>,
    /// By the flow's place in the tracker's table.
    flows: Box<[Option<Box<FlowTrack>>]>,
    users: Users,
    ledger: Ledger<'c>,
    /// What the flow at hand tells; kept for its room.
    told: Vec<Told>,
    capture: CaptureUse,
    captures: u32,
}

impl<'c> TaskDissector<'c> {
    /// A dissector of the table's app; where the classifier does not know that app, nothing is its.
    pub fn new(classifier: &'c Classifier, table: &'c TaskTable, config: Config) -> Self {
        let set = classifier.set();
        let app = set.apps().iter().find(|app| app.name == table.app()).map(|app| app.id);
        let follower = Follower::new(classifier, config);
        let desk = Desk {
            app,
            flows: (0..follower.places()).map(|_| None).collect(),
            users: Users::new(config.ipv6_prefix),
            ledger: Ledger::new(set, table),
            told: Vec::new(),
            capture: CaptureUse::default(),
            captures: 0,
        };
        Self { follower, desk }
    }

    /// What follows belongs to this capture. Flows do not go on from one capture to the next; users do.
    pub fn begin_capture(&mut self, name: &str) {
        self.follower.begin_capture();
        self.desk.captures += 1;
        self.desk.capture = CaptureUse { name: name.to_owned(), ..CaptureUse::default() };
    }

    /// Takes in the next frame; frames come in order of time.
    ///
    /// # Errors
    /// Frames without a TCP or UDP packet to look at.
    pub fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) -> Result<(), ParseError> {
        let Self { follower, desk } = self;
        let followed = follower.frame(frame, &mut |flow| desk.ended(flow, sink))?;
        desk.packet(&followed, sink);
        Ok(())
    }

    /// Takes in frames on two threads, which takes little more than half the time where there are two processors: `read` hands
    /// in frame after frame on a thread of its own, where their flows are followed, and tasks come out on this one.
    ///
    /// It is for captures that are read as fast as they can be: a frame is looked at once some hundred more were handed
    /// in, or `read` has come to its end. Its result is passed on.
    pub fn read_ahead<R: Send>(
        &mut self,
        read: impl FnOnce(&mut dyn FnMut(&Frame<'_>) -> Result<(), ParseError>) -> R + Send,
        sink: &mut impl Sink,
    ) -> R {
        let Self { follower, desk } = self;
        ahead::run(follower, desk, read, sink)
    }

    /// The capture is at its end: so are its flows.
    pub fn end_capture(&mut self, sink: &mut impl Sink) {
        let Self { follower, desk } = self;
        follower.end_capture().iter().for_each(|flow| desk.ended(flow, sink));
        desk.ledger.usage.captures.push(std::mem::take(&mut desk.capture));
    }

    /// What the tracker has seen and lost in this capture.
    pub fn statistics(&self) -> Statistics {
        self.follower.statistics()
    }

    /// All captures are at their end.
    pub fn finish(self) -> Usage {
        let mut usage = self.desk.ledger.usage;
        usage.close(self.desk.users.into_all());
        usage
    }
}

impl Desk<'_> {
    pub(super) fn packet(&mut self, followed: &Followed<'_>, sink: &mut impl Sink) {
        let Followed { packet, tunnel, seen, name } = followed;
        let tunnel = *tunnel;
        let Self { app, flows, users, ledger, told, capture, captures } = self;
        let Some(place) = flows.get_mut(seen.place) else { return };
        let flow = match place {
            Some(flow) => flow,
            None => {
                let ends = Ends::of(packet, seen.direction);
                let user = users.at(ends.user.0, tunnel, packet.time_us);
                place.insert(Box::new(FlowTrack::new(packet, seen, user, ends)))
            }
        };
        let is_app = Some(seen.verdict.app) == *app;
        let (side, new_bytes) = flow.advance(packet);
        if let Some(tunnel) = tunnel
            && flow.has_new_tunnel(side, tunnel)
        {
            users.also(tunnel, flow.user);
        }
        let now = second(packet.time_us);
        count_packet(capture, packet.time_us, new_bytes);
        if seen.packet_number == 1 {
            capture.users += u64::from(users.is_new_in(flow.user, *captures));
        }
        if seen.packet_number == 1 || now != flow.last_second {
            users.touch(flow.user, packet.time_us);
        }
        // A user lies elsewhere in memory than its flows: it is looked at where something changes for it, or at times.
        let is_due = flow.goes_on(now, !packet.payload.is_empty());
        if is_due || is_app != flow.is_app {
            let Some(user) = users.get(flow.user) else { return };
            if is_due || flow.is_noted() {
                flow.note(user, capture);
            }
            if is_app && !flow.is_app {
                capture.app_users += u64::from(user.app_capture != *captures);
                user.app_capture = *captures;
                flow.become_the_apps(user, capture);
            } else if flow.is_app && !is_app {
                flow.be_taken_back(user, capture);
            }
        }
        if !is_app {
            return flow.park(packet, side, seen.verdict.is_final());
        }
        // A name asked for says nothing about the look-up itself.
        if !name.is_empty() && seen.verdict.carrier != Carrier::Dns {
            flow.name(ledger.table, name);
        }
        if flow.is_bare(packet, new_bytes) {
            return;
        }
        let guide = ledger.guide(&seen.verdict);
        let is_talkroom = flow.may_be_call() && users.get(flow.user).is_some_and(|user| user.is_in_talkroom);
        flow.packet(guide, packet, side, is_talkroom, &mut |what| told.push(what));
        if let (false, Some(user)) = (told.is_empty(), users.get(flow.user)) {
            let mut owner = Owner { flow: seen.flow_number, id: flow.user, user };
            told.drain(..).for_each(|what| ledger.tell(guide, flow, &mut owner, what, sink));
        }
    }

    pub(super) fn ended(&mut self, ended: &Flow, sink: &mut impl Sink) {
        let Self { flows, users, ledger, told, capture, captures, .. } = self;
        let Some(mut flow) = flows.get_mut(ended.place).and_then(Option::take) else { return };
        let Some(user) = users.get(flow.user) else { return };
        flow.note(user, capture);
        if flow.is_app {
            let guide = ledger.guide(&ended.verdict);
            flow.finish(guide, &mut |what| told.push(what));
            let mut owner = Owner { flow: ended.number, id: flow.user, user: &mut *user };
            told.drain(..).for_each(|what| ledger.tell(guide, &mut flow, &mut owner, what, sink));
        }
        let from_user = (ended.five_tuple.src, ended.five_tuple.src_port) == flow.ends.user;
        let [ahead, back] = ended.packets;
        sink.flow(&FlowRecord {
            number: ended.number,
            capture: *captures,
            user: UserRecord { id: flow.user, user },
            server: flow.ends.server,
            is_tcp: flow.is_tcp(),
            verdict: ended.verdict,
            is_app: flow.is_app,
            first_us: ended.first_us,
            last_us: ended.last_us,
            packets: if from_user { [ahead, back] } else { [back, ahead] },
            bytes: flow.bytes,
        });
    }
}

fn count_packet(capture: &mut CaptureUse, time_us: u64, bytes: u64) {
    if capture.first_us == 0 {
        capture.first_us = time_us;
    }
    capture.last_us = capture.last_us.max(time_us);
    capture.bytes += bytes;
}
