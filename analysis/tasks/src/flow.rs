//! One flow from its first packet to its last.

use std::cmp::Ordering;

use wiremark::{Address, Carrier, Direction, Fragment, Packet, Seen, TcpFields, Transport, Tunnel};
use wiremark_prefetch::LINE_BYTES;

use super::TaskId;
use super::catalog::{Request, TaskTable};
use super::connection::Connection;
use super::datagrams::{Call, LookUps, lone_message};
use super::exchange::{Exchange, Half, Side};
use super::flow_context::{FlowContext, SidedPacket};
use super::flow_event::FlowEvent;
use super::parking::{Parked, Parking};
use super::progress::Progress;
use super::record::FlowType;
use super::seconds::{Kind, Range, second};
use super::usage::CaptureUse;
use super::user::{User, UserId, is_private};

/// Most ranges of seconds with payload, and how many seconds at the most, that a user's sums lag behind.
const LAG: usize = 16;
const LAG_S: u32 = 2048;

/// One flow. There are many, and each packet goes to another: what every packet asks for stands in the first line of memory, what
/// begins and ends in two more, and what is rare or large behind a pointer.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct FlowTrack {
    pub(super) user: UserId,
    transport: Transport,
    pub(super) is_app: bool,
    /// The user's end is the higher one.
    is_user_high: bool,
    /// A bit for each side of which a segment was seen.
    begun: u8,
    pub(super) last_second: u32,
    /// From where on the user's active seconds lack this flow's.
    active_from: u32,
    /// Bytes that were captured, each once.
    pub(super) bytes: [u64; 2],
    /// Behind the highest sequence number seen of a side.
    high: [u32; 2],
    /// The latest seconds with payload that the user's lack; [`NEVER`]: none.
    transfer: Range,
    mode: Mode,
    /// The bytes that the user's sums hold.
    noted: [u64; 2],
    progress: [Progress; 2],
    pub(super) first_us: u64,
    rare: Option<Box<Rare>>,
    pub(super) ends: Ends,
    /// Sequence numbers of the streams' first bytes, of sides that have begun.
    starts: [u32; 2],
    /// Whether the first packet opened a connection, as a number: whether a flow is there shall be told by the first line.
    is_opened: u8,
}

const _: () = assert!(std::mem::offset_of!(FlowTrack, noted) == LINE_BYTES);
const _: () = assert!(std::mem::offset_of!(FlowTrack, ends) == 2 * LINE_BYTES);
const _: () = assert!(size_of::<Option<FlowTrack>>() == 3 * LINE_BYTES);

/// No second.
const NEVER: Range = (1, 0);

/// What few flows have.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Seconds with payload before the latest, of a flow that pauses, that the user's lack.
    seconds: Vec<Range>,
    /// When the last task began.
    pub(super) last_task_us: Option<u64>,
    /// What the flow's name says it is for.
    pub(super) host_task: Option<TaskId>,
    /// The tunnels last seen around what the user's end and the server's sent.
    tunnels: Option<Box<[Option<Tunnel>; 2]>>,
}

/// The two ends of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) user: (Address, u16),
    pub(super) server: (Address, u16),
}

#[derive(Debug)]
enum Mode {
    /// Not the app's, or not yet.
    Waiting(Parked),
    Connection(Box<Connection>),
    /// A connection that was closed.
    Over,
    LookUps(Box<LookUps>),
    Call(Box<Call>),
    Lone,
    /// Encrypted, or unknown: one exchange.
    Whole(Box<Exchange>),
}

impl Ends {
    /// The user is at the private end; where both or none is, at the end that opened the flow, or, where its opening
    /// was not captured, that does not have a well-known port.
    pub(super) fn of(packet: &Packet<'_>, direction: Direction) -> Self {
        let tuple = &packet.five_tuple;
        let (src, dst) = ((tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port));
        let is_known = |port: u16| port < 1024;
        let opens = packet.tcp.flags & TcpFields::SYN != 0;
        let from_user = match (is_private(tuple.src), is_private(tuple.dst)) {
            (true, false) => true,
            (false, true) => false,
            _ if !opens && is_known(src.1) != is_known(dst.1) => is_known(dst.1),
            _ => direction == Direction::Originator,
        };
        if from_user { Self { user: src, server: dst } } else { Self { user: dst, server: src } }
    }
}

impl FlowTrack {
    pub(super) fn new(packet: &Packet<'_>, seen: &Seen, user: UserId, ends: Ends) -> Self {
        let opens = packet.tcp.flags & TcpFields::SYN != 0 && seen.packet_number == 1;
        Self {
            user,
            transport: packet.five_tuple.transport,
            is_app: false,
            is_user_high: ends.user.0 > ends.server.0,
            begun: 0,
            last_second: second(packet.time_us),
            active_from: second(packet.time_us),
            bytes: [0; 2],
            high: [0; 2],
            transfer: NEVER,
            mode: Mode::Waiting(Parked::default()),
            noted: [0; 2],
            progress: Default::default(),
            first_us: packet.time_us,
            rare: None,
            ends,
            starts: [0; 2],
            is_opened: opens.into(),
        }
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.transport == Transport::Tcp
    }

    /// Takes note of a name the engine read in the flow.
    pub(super) fn name(&mut self, table: &TaskTable, name: &[u8]) {
        let seen = Request { host: Some(name), ..Request::default() };
        if self.host_task().is_none()
            && let Some(rule) = table.request(&seen)
        {
            self.rare().host_task = Some(rule.task);
        }
    }

    /// What the flow's name says it is for.
    pub(super) fn host_task(&self) -> Option<TaskId> {
        self.rare.as_ref().and_then(|rare| rare.host_task)
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn side(&self, packet: &Packet<'_>) -> Side {
        let tuple = &packet.five_tuple;
        let [src, dst] = [tuple.src, tuple.dst].map(|address| u128::from_be_bytes(address.0));
        let is_user = match src.cmp(&dst) {
            Ordering::Equal => tuple.src_port == self.ends.user.1,
            order => order.is_gt() == self.is_user_high,
        };
        if is_user { Side::User } else { Side::Server }
    }

    /// How many bytes of the packet were not captured before.
    #[inline]
    pub(super) fn advance(&mut self, packet: &Packet<'_>) -> (Side, u64) {
        let side = self.side(packet);
        let bytes = packet.payload.len();
        let is_next = packet.tcp.flags & (TcpFields::SYN | TcpFields::FIN | TcpFields::RST) == 0
            && packet.tcp.sequence == self.high[side as usize]
            && self.begun & 1 << side as u8 != 0;
        let new = match packet.fragment {
            Fragment::Later(_) => bytes as u64,
            _ if self.transport == Transport::Udp => bytes as u64,
            _ if is_next => {
                self.high[side as usize] = packet.tcp.sequence.wrapping_add(bytes as u32);
                bytes as u64
            }
            _ => self.segment(packet, side),
        };
        self.bytes[side as usize] += new;
        (side, new)
    }

    /// The same of a segment that is not simply the next.
    #[inline(never)]
    fn segment(&mut self, packet: &Packet<'_>, side: Side) -> u64 {
        if packet.tcp.flags & TcpFields::RST != 0 {
            return 0;
        }
        let bit = 1 << side as u8;
        let side = side as usize;
        let mut high = (self.begun & bit != 0).then_some(self.high[side]);
        let first = &mut self.starts[side];
        let new = self.progress[side].take(&mut high, first, packet.tcp, packet.payload.len() as u32);
        if let Some(high) = high {
            self.high[side] = high;
            self.begun |= bit;
        }
        new
    }

    /// Bytes up and down that were sent and not captured.
    pub(super) fn missed(&self) -> [u64; 2] {
        self.progress.each_ref().map(Progress::missed)
    }

    /// Takes note of the second in which a packet came, with or without payload. Gives back whether it is time to
    /// [`note`](Self::note).
    pub(super) fn goes_on(&mut self, now: u32, has_payload: bool) -> bool {
        self.last_second = self.last_second.max(now);
        let is_late = now.saturating_sub(self.active_from) > LAG_S;
        if !has_payload {
            return is_late;
        }
        let before = self.transfer;
        if before == NEVER {
            self.transfer = (now, now);
        } else if now <= before.1.saturating_add(1) {
            self.transfer.1 = now.max(before.1);
        } else {
            self.transfer = (now, now);
            let is_app = self.is_app;
            let seconds = &mut self.rare().seconds;
            if seconds.len() < LAG {
                seconds.push(before);
            }
            return is_late || is_app && seconds.len() == LAG;
        }
        is_late
    }

    /// Adds to the user's sums, and the capture's, what was not there yet.
    pub(super) fn note(&mut self, user: &mut User, capture: &mut CaptureUse) {
        let active = (self.active_from, self.last_second);
        user.seconds.add(Kind::Active, active);
        if self.is_app {
            user.seconds.add(Kind::AppActive, active);
            let seconds = self.rare.iter_mut().flat_map(|rare| rare.seconds.drain(..));
            let latest = Some(self.transfer).filter(|latest| *latest != NEVER);
            seconds.chain(latest).for_each(|range| user.seconds.add(Kind::AppTransfer, range));
            self.transfer = NEVER;
        }
        self.active_from = self.last_second;
        for way in [0, 1] {
            let new = self.bytes[way] - std::mem::replace(&mut self.noted[way], self.bytes[way]);
            user.bytes[way] += new;
            if self.is_app {
                user.app_bytes[way] += new;
                capture.app_bytes += new;
            }
        }
    }

    /// Whether the user's sums, or the capture's, hold anything of this flow.
    pub(super) fn is_noted(&self) -> bool {
        self.noted != [0; 2] || self.active_from != second(self.first_us)
    }

    /// The flow is the app's from now on, and was all the time.
    pub(super) fn become_the_apps(&mut self, user: &mut User, capture: &mut CaptureUse) {
        self.is_app = true;
        user.has_app = true;
        if !self.is_noted() {
            return;
        }
        for (sum, bytes) in user.app_bytes.iter_mut().zip(self.noted) {
            *sum += bytes;
            capture.app_bytes += bytes;
        }
        let active = (second(self.first_us).min(self.last_second), self.last_second);
        user.seconds.add(Kind::AppActive, active);
    }

    /// The verdict was taken back: the flow was never the app's.
    pub(super) fn be_taken_back(&mut self, user: &mut User, capture: &mut CaptureUse) {
        self.is_app = false;
        for (sum, bytes) in user.app_bytes.iter_mut().zip(self.noted) {
            *sum = sum.saturating_sub(bytes);
            capture.app_bytes = capture.app_bytes.saturating_sub(bytes);
        }
    }

    /// Whether the flow is, or may become, one of call datagrams.
    pub(super) fn may_be_call(&self) -> bool {
        matches!(self.mode, Mode::Waiting(_) | Mode::Call(_))
    }

    /// Whether the tunnel around a side's packet is another one than before.
    pub(super) fn has_new_tunnel(&mut self, side: Side, tunnel: Tunnel) -> bool {
        self.rare().tunnels.get_or_insert_default()[side as usize].replace(tunnel) != Some(tunnel)
    }

    /// Whether a packet only acknowledges what the other side sent: half of all do.
    pub(super) fn is_bare(&self, packet: &Packet<'_>, new_bytes: u64) -> bool {
        const OTHERS: u8 = TcpFields::SYN | TcpFields::FIN | TcpFields::RST;
        self.is_tcp() && packet.payload.is_empty() && new_bytes == 0 && packet.tcp.flags & OTHERS == 0
    }

    /// Takes in a packet of a flow that is not the app's, or not yet.
    #[inline]
    pub(super) fn park(&mut self, parking: &mut Parking, packet: &Packet<'_>, side: Side, is_final: bool) {
        if let Mode::Waiting(parked) = &mut self.mode {
            parking.park(parked, packet, side, is_final);
        }
    }

    /// Gives back the room of what waits.
    pub(super) fn leave(&mut self, parking: &mut Parking) {
        if let Mode::Waiting(parked) = &mut self.mode {
            parking.forget(parked);
        }
    }

    /// Takes in a packet of the app's flow.
    pub(super) fn packet(
        &mut self,
        (context, parking): (FlowContext<'_>, &mut Parking),
        packet: &Packet<'_>,
        side: Side,
        is_talkroom: bool,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        self.start((context, parking), is_talkroom, tell);
        if matches!(packet.fragment, Fragment::Later(_)) {
            return;
        }
        let packet = SidedPacket { side, time_us: packet.time_us, tcp: packet.tcp, payload: packet.payload };
        self.mode.packet(context, packet, is_talkroom, tell);
    }

    /// Takes in what waited, where that was not done before.
    fn start(
        &mut self,
        (context, parking): (FlowContext<'_>, &mut Parking),
        is_talkroom: bool,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        if let Mode::Waiting(mut parked) = self.mode {
            self.mode = self.begin(context);
            parking.show(&parked, |packet| self.mode.packet(context, packet, is_talkroom, tell));
            parking.forget(&mut parked);
        }
    }

    pub(super) fn finish(
        &mut self,
        (context, parking): (FlowContext<'_>, &mut Parking),
        tell: &mut impl FnMut(FlowEvent),
    ) {
        self.start((context, parking), false, tell);
        match &mut self.mode {
            Mode::Waiting(_) | Mode::Over | Mode::Lone => {}
            Mode::Connection(connection) => connection.finish(context, tell),
            Mode::LookUps(look_ups) => {
                look_ups.finish(&mut |exchange| tell(FlowEvent::Task(FlowType::Dns, exchange)))
            }
            Mode::Call(call) => call.finish(&mut |exchange| tell(FlowEvent::Task(FlowType::Udp, exchange))),
            Mode::Whole(exchange) => {
                let exchange = std::mem::replace(&mut **exchange, Exchange::new(Side::User));
                tell(FlowEvent::Task(FlowType::Udp, exchange));
            }
        }
    }

    fn begin(&self, context: FlowContext<'_>) -> Mode {
        if self.transport == Transport::Tcp {
            let opened_us = (self.is_opened != 0).then_some(self.first_us);
            let start = |side: usize| (self.begun & 1 << side != 0).then_some(self.starts[side]);
            return Mode::Connection(Box::new(Connection::new(opened_us, [start(0), start(1)])));
        }
        match context.carrier() {
            Carrier::Dns => Mode::LookUps(Box::default()),
            Carrier::Quic => Mode::Whole(Exchange::new(Side::User).into()),
            _ if context.table.is_call(context.role()) => Mode::Call(Box::default()),
            _ if context.table.has_lone_messages(context.role()) => Mode::Lone,
            _ => Mode::Whole(Exchange::new(Side::User).into()),
        }
    }
}

impl Mode {
    fn packet(
        &mut self,
        context: FlowContext<'_>,
        packet: SidedPacket<'_>,
        is_talkroom: bool,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        let table = context.table;
        let SidedPacket { side, time_us, payload, .. } = packet;
        match self {
            Mode::Waiting(_) | Mode::Over => {}
            Mode::Connection(connection) => {
                connection.segment(context, packet, tell);
                if connection.is_over() {
                    connection.finish(context, tell);
                    *self = Mode::Over;
                }
            }
            Mode::LookUps(look_ups) => {
                let task = table.of_role(context.role());
                look_ups.datagram(task, side, time_us, payload, &mut |exchange| {
                    tell(FlowEvent::Task(FlowType::Dns, exchange));
                });
            }
            Mode::Call(call) => call.datagram(table, is_talkroom, side, time_us, payload),
            Mode::Lone => {
                let exchange = lone_message(table, side, time_us, payload);
                exchange.into_iter().for_each(|exchange| tell(FlowEvent::Task(FlowType::Udp, exchange)));
            }
            Mode::Whole(exchange) => {
                exchange.half(side).get_or_insert(Half::begin(time_us)).add(time_us, payload.len() as u64);
            }
        }
    }
}
