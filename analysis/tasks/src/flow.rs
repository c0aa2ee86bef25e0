//! One flow from its first packet to its last.

use wiremark::{Address, Carrier, Direction, Fragment, Packet, Seen, TcpFields, Transport, Tunnel};

use super::TaskId;
use super::catalog::{Request, TaskTable};
use super::connection::Connection;
use super::datagrams::{Call, LookUps, lone_message};
use super::exchange::{Exchange, Half, Side};
use super::flow_context::{FlowContext, SidedPacket};
use super::flow_event::FlowEvent;
use super::progress::Progress;
use super::record::FlowType;
use super::seconds::{Kind, Range, second};
use super::usage::CaptureUse;
use super::user::{User, UserId, is_private};

/// What is kept of a flow until it is known to be the app's.
const PARKED_PACKETS: usize = 24;
const PARKED_BYTES: usize = 8 * 1024;
/// Most ranges of seconds with payload, and how many seconds at the most, that a user's sums lag behind.
const LAG: usize = 16;
const LAG_S: u32 = 2048;

/// One flow. There are many, and each packet goes to another: what every packet asks for stands together at the
/// beginning, and what is rare or large behind a pointer.
#[derive(Debug)]
#[repr(C)]
pub(super) struct FlowTrack {
    pub(super) ends: Ends,
    transport: Transport,
    pub(super) is_app: bool,
    pub(super) user: UserId,
    progress: [Progress; 2],
    pub(super) last_second: u32,
    /// From where on the user's active seconds lack this flow's.
    active_from: u32,
    /// Bytes that were captured, each once.
    pub(super) bytes: [u64; 2],
    mode: Mode,
    /// The latest seconds with payload that the user's lack, and those before them.
    transfer: Option<Range>,
    #[expect(clippy::box_collection, reason = "few flows pause while they go on")]
    seconds: Option<Box<Vec<Range>>>,
    /// The bytes that the user's sums hold.
    noted: [u64; 2],
    pub(super) first_us: u64,
    opened_us: Option<u64>,
    /// Sequence numbers of the streams' first bytes, as far as is known.
    starts: [Option<u32>; 2],
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
    Waiting(Option<Box<Waiting>>),
    Connection(Box<Connection>),
    /// A connection that was closed.
    Over,
    LookUps(LookUps),
    Call(Box<Call>),
    Lone,
    /// Encrypted, or unknown: one exchange.
    Whole(Box<Exchange>),
}

/// What is kept of a flow for the case that it is the app's.
#[derive(Debug, Default)]
struct Waiting {
    /// Packets are counted only.
    is_given_up: bool,
    parked: Vec<Parked>,
    bytes: usize,
}

#[derive(Debug)]
struct Parked {
    side: Side,
    time_us: u64,
    tcp: TcpFields,
    payload: Box<[u8]>,
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

    fn side(&self, packet: &Packet<'_>) -> Side {
        let tuple = &packet.five_tuple;
        let is_user = if self.user.0 == self.server.0 {
            tuple.src_port == self.user.1
        } else {
            tuple.src == self.user.0
        };
        if is_user { Side::User } else { Side::Server }
    }
}

impl FlowTrack {
    pub(super) fn new(packet: &Packet<'_>, seen: &Seen, user: UserId, ends: Ends) -> Self {
        let opens = packet.tcp.flags & TcpFields::SYN != 0 && seen.packet_number == 1;
        Self {
            user,
            ends,
            first_us: packet.time_us,
            last_second: second(packet.time_us),
            active_from: second(packet.time_us),
            transfer: None,
            seconds: None,
            bytes: [0; 2],
            noted: [0; 2],
            is_app: false,
            host_task: None,
            last_task_us: None,
            tunnels: None,
            transport: packet.five_tuple.transport,
            opened_us: opens.then_some(packet.time_us),
            progress: Default::default(),
            starts: [None; 2],
            mode: Mode::Waiting(None),
        }
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.transport == Transport::Tcp
    }

    /// Takes note of a name the engine read in the flow.
    pub(super) fn name(&mut self, table: &TaskTable, name: &[u8]) {
        let seen = Request { host: Some(name), ..Request::default() };
        self.host_task = self.host_task.or_else(|| table.request(&seen).map(|rule| rule.task));
    }

    /// How many bytes of the packet were not captured before.
    pub(super) fn advance(&mut self, packet: &Packet<'_>) -> (Side, u64) {
        let side = self.ends.side(packet);
        let new = match packet.fragment {
            Fragment::Later(_) => packet.payload.len() as u64,
            _ if self.transport == Transport::Udp => packet.payload.len() as u64,
            _ if packet.tcp.flags & TcpFields::RST != 0 => 0,
            _ => {
                let first = &mut self.starts[side as usize];
                self.progress[side as usize].take(first, packet.tcp, packet.payload.len() as u32)
            }
        };
        self.bytes[side as usize] += new;
        (side, new)
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
        match &mut self.transfer {
            Some((_, to)) if now <= to.saturating_add(1) => *to = now.max(*to),
            None => self.transfer = Some((now, now)),
            Some(before) => {
                let seconds = self.seconds.get_or_insert_default();
                if seconds.len() < LAG {
                    seconds.push(*before);
                }
                *before = (now, now);
                return is_late || self.is_app && seconds.len() == LAG;
            }
        }
        is_late
    }

    /// Adds to the user's sums, and the capture's, what was not there yet.
    pub(super) fn note(&mut self, user: &mut User, capture: &mut CaptureUse) {
        let active = (self.active_from, self.last_second);
        user.seconds.add(Kind::Active, active);
        if self.is_app {
            user.seconds.add(Kind::AppActive, active);
            let seconds = self.seconds.iter_mut().flat_map(|seconds| seconds.drain(..));
            seconds.chain(self.transfer.take()).for_each(|range| user.seconds.add(Kind::AppTransfer, range));
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
        self.tunnels.get_or_insert_default()[side as usize].replace(tunnel) != Some(tunnel)
    }

    /// Whether a packet only acknowledges what the other side sent: half of all do.
    pub(super) fn is_bare(&self, packet: &Packet<'_>, new_bytes: u64) -> bool {
        const OTHERS: u8 = TcpFields::SYN | TcpFields::FIN | TcpFields::RST;
        self.is_tcp() && packet.payload.is_empty() && new_bytes == 0 && packet.tcp.flags & OTHERS == 0
    }

    /// Takes in a packet of a flow that is not the app's, or not yet.
    pub(super) fn park(&mut self, packet: &Packet<'_>, side: Side, is_final: bool) {
        let Mode::Waiting(waiting) = &mut self.mode else { return };
        let Waiting { is_given_up, parked, bytes } = &mut **waiting.get_or_insert_default();
        *is_given_up |= is_final || parked.len() >= PARKED_PACKETS;
        *is_given_up |= *bytes + packet.payload.len() > PARKED_BYTES;
        if *is_given_up {
            *parked = Vec::new();
        } else if !packet.payload.is_empty() || packet.tcp.flags & TcpFields::FIN != 0 {
            *bytes += packet.payload.len();
            let (time_us, tcp) = (packet.time_us, packet.tcp);
            parked.push(Parked { side, time_us, tcp, payload: packet.payload.into() });
        }
    }

    /// Takes in a packet of the app's flow.
    pub(super) fn packet(
        &mut self,
        context: FlowContext<'_>,
        packet: &Packet<'_>,
        side: Side,
        is_talkroom: bool,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        self.start(context, is_talkroom, tell);
        if matches!(packet.fragment, Fragment::Later(_)) {
            return;
        }
        let packet = SidedPacket { side, time_us: packet.time_us, tcp: packet.tcp, payload: packet.payload };
        self.mode.packet(context, packet, is_talkroom, tell);
    }

    /// Takes in what waited, where that was not done before.
    fn start(&mut self, context: FlowContext<'_>, is_talkroom: bool, tell: &mut impl FnMut(FlowEvent)) {
        if let Mode::Waiting(_) = self.mode {
            let mode = self.begin(context);
            let Mode::Waiting(waiting) = std::mem::replace(&mut self.mode, mode) else { return };
            for Parked { side, time_us, tcp, payload } in waiting.iter().flat_map(|waiting| &waiting.parked) {
                let packet = SidedPacket { side: *side, time_us: *time_us, tcp: *tcp, payload };
                self.mode.packet(context, packet, is_talkroom, tell);
            }
        }
    }

    pub(super) fn finish(&mut self, context: FlowContext<'_>, tell: &mut impl FnMut(FlowEvent)) {
        self.start(context, false, tell);
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
            return Mode::Connection(Box::new(Connection::new(self.opened_us, self.starts)));
        }
        match context.carrier() {
            Carrier::Dns => Mode::LookUps(LookUps::default()),
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
