//! What is known of flows, users and tasks; packets and ended flows are taken into it in their order.

use wiremark::{AppId, Carrier, Flow, SignatureSet};
use wiremark_prefetch::{LINE_BYTES, large_pages, prefetch_lines};

use super::catalog::TaskTable;
use super::flow::{Ends, FlowTrack};
use super::flow_event::FlowEvent;
use super::follower::Followed;
use super::ledger::{Ledger, Owner};
use super::parking::Parking;
use super::record::{FlowRecord, Sink, UserRecord};
use super::seconds::second;
use super::usage::{CaptureUse, Usage};
use super::user::Users;

/// What becomes of the packets and flows that a [`Follower`] hands over, in their order.
#[derive(Debug)]
pub(super) struct TaskState<'c> {
    app: Option<AppId>,
    /// By the flow's place in the tracker's table.
    flows: Vec<Option<FlowTrack>>,
    parking: Parking,
    users: Users,
    ledger: Ledger<'c>,
    /// Of the flow at hand; kept for its room.
    events: Vec<FlowEvent>,
    capture: CaptureUse,
    captures: u32,
}

impl<'c> TaskState<'c> {
    pub(super) fn new(set: &'c SignatureSet, table: &'c TaskTable, ipv6_prefix: u8) -> Self {
        Self {
            app: app_of(set, table),
            flows: Vec::new(),
            parking: Parking::default(),
            users: Users::new(ipv6_prefix),
            ledger: Ledger::new(set, table),
            events: Vec::new(),
            capture: CaptureUse::default(),
            captures: 0,
        }
    }

    pub(super) fn use_set(&mut self, set: &'c SignatureSet) {
        self.app = app_of(set, self.ledger.table);
        self.ledger.use_set(set);
    }

    /// What follows is a capture of flows that lie at so many places.
    pub(super) fn begin_capture(&mut self, name: &str, places: usize) {
        if self.flows.len() != places {
            self.flows = Vec::with_capacity(places);
            large_pages(self.flows.spare_capacity_mut());
            self.flows.resize_with(places, || None);
        }
        self.captures += 1;
        self.capture = CaptureUse { name: name.to_owned(), ..CaptureUse::default() };
    }

    /// `copies` is how many packets came twice.
    pub(super) fn end_capture(&mut self, copies: u64) {
        self.capture.copies = copies;
        self.ledger.usage.captures.push(std::mem::take(&mut self.capture));
    }

    pub(super) fn into_usage(self) -> Usage {
        let mut usage = self.ledger.usage;
        usage.close(self.users.into_all());
        usage
    }

    /// Asks for what every packet of the flow at a place wants, some packets ahead.
    #[inline]
    pub(super) fn prefetch(&self, place: usize) {
        self.flows.get(place).into_iter().for_each(|flow| prefetch_lines(flow, 1));
    }

    /// Asks for all of a flow that ends soon.
    pub(super) fn prefetch_ended(&self, place: usize) {
        let lines = size_of::<Option<FlowTrack>>() / LINE_BYTES;
        self.flows.get(place).into_iter().for_each(|flow| prefetch_lines(flow, lines));
    }

    /// Asks for the user of a flow that ends soon.
    pub(super) fn prefetch_user(&self, place: usize) {
        if let Some(Some(flow)) = self.flows.get(place) {
            self.users.prefetch(flow.user);
        }
    }

    pub(super) fn packet(&mut self, followed: &Followed<'_>, sink: &mut impl Sink) {
        let Followed { packet, tunnel, seen, name } = *followed;
        let Self { app, flows, parking, users, ledger, events, capture, captures } = self;
        if seen.place >= flows.len() {
            flows.resize_with(seen.place + 1, || None);
        }
        let Some(place) = flows.get_mut(seen.place) else { return };
        let flow = match place {
            Some(flow) => flow,
            None => {
                let ends = Ends::of(packet, seen.direction);
                let user = users.at(ends.user.0, tunnel, packet.time_us);
                place.insert(FlowTrack::new(packet, seen, user, ends))
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
            return flow.park(parking, packet, side, seen.verdict.is_final());
        }
        // A name asked for says nothing about the look-up itself.
        if !name.is_empty() && seen.verdict.carrier != Carrier::Dns {
            flow.name(ledger.table, name);
        }
        if flow.is_bare(packet, new_bytes) {
            return;
        }
        let context = ledger.context(&seen.verdict);
        let is_talkroom = flow.may_be_call() && users.get(flow.user).is_some_and(|user| user.is_in_talkroom);
        flow.packet((context, parking), packet, side, is_talkroom, &mut |what| events.push(what));
        if let (false, Some(user)) = (events.is_empty(), users.get(flow.user)) {
            let mut owner = Owner { capture: *captures, flow: seen.flow_number, id: flow.user, user };
            events.drain(..).for_each(|what| ledger.tell(context, flow, &mut owner, what, sink));
        }
    }

    pub(super) fn ended(&mut self, ended: &Flow, sink: &mut impl Sink) {
        let Self { flows, parking, users, ledger, events, capture, captures, .. } = self;
        let Some(place) = flows.get_mut(ended.place) else { return };
        let Some(flow) = place else { return };
        let Some(user) = users.get(flow.user) else { return };
        flow.note(user, capture);
        if flow.is_app {
            let context = ledger.context(&ended.verdict);
            flow.finish((context, parking), &mut |what| events.push(what));
            let mut owner = Owner { capture: *captures, flow: ended.number, id: flow.user, user: &mut *user };
            events.drain(..).for_each(|what| ledger.tell(context, flow, &mut owner, what, sink));
        }
        flow.leave(parking);
        let from_user = (ended.five_tuple.src, ended.five_tuple.src_port) == flow.ends.user;
        let [ahead, back] = ended.packets;
        let (packets, missed) = (ahead + back, flow.missed());
        capture.flows += 1;
        capture.packets += packets;
        capture.missed_bytes += missed.iter().sum::<u64>();
        if flow.is_app {
            capture.app_flows += 1;
            capture.app_packets += packets;
            capture.app_missed_bytes += missed.iter().sum::<u64>();
        }
        sink.flow(&FlowRecord {
            number: ended.number,
            capture: *captures,
            user: UserRecord { id: flow.user, user },
            client_port: flow.ends.user.1,
            server: flow.ends.server,
            is_tcp: flow.is_tcp(),
            verdict: ended.verdict,
            is_app: flow.is_app,
            first_us: ended.first_us,
            last_us: ended.last_us,
            packets: if from_user { [ahead, back] } else { [back, ahead] },
            bytes: flow.bytes,
            missed,
        });
        *place = None;
    }
}

/// The app whose tasks these are, where the signatures know it.
fn app_of(set: &SignatureSet, table: &TaskTable) -> Option<AppId> {
    set.apps().iter().find(|app| app.name == table.app()).map(|app| app.id)
}

fn count_packet(capture: &mut CaptureUse, time_us: u64, bytes: u64) {
    if capture.first_us == 0 {
        capture.first_us = time_us;
    }
    capture.last_us = capture.last_us.max(time_us);
    capture.bytes += bytes;
}
