//! Bytes nobody would send on purpose, and streams cut, doubled and shuffled on their way: no panic, the same verdict.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use std::fmt;
use std::sync::LazyLock;
use wiremark::signature::Signature;
use wiremark::signature::model::Trial;
use wiremark::{
    Address, AppId, Classifier, Context, ContextConfig, Direction, FiveTuple, FlowState, Fragment, Frame,
    LinkType, Options, Packet, Role, TcpFields, Tracker, TrackerConfig, Transport, Verdict,
};

const LINK_TYPES: [LinkType; 12] = [
    LinkType::Null,
    LinkType::Ethernet,
    LinkType::Ppp,
    LinkType::PppEther,
    LinkType::Raw,
    LinkType::Ieee80211,
    LinkType::Loop,
    LinkType::LinuxSll,
    LinkType::Radiotap,
    LinkType::Ipv4,
    LinkType::Ipv6,
    LinkType::LinuxSll2,
];

static SHIPPED: LazyLock<Classifier> = LazyLock::new(|| {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default())
});

/// Small, so that tables run full.
fn tracker() -> Tracker<'static> {
    let context =
        ContextConfig { parked_slots: 2, slot_bytes: 64, remembered: 8, ..ContextConfig::default() };
    Tracker::new(
        &SHIPPED,
        TrackerConfig { capacity: 16, context, fragmented_packets: 16, ..TrackerConfig::default() },
    )
}

/// Frames of the built traces, each in its own link type and in every other.
static FRAMES: LazyLock<Vec<(LinkType, Vec<u8>)>> = LazyLock::new(|| {
    let cases = wiremark_tests::case::load(wiremark_tests::case::folder()).expect("cases");
    let traces = cases.iter().map(|case| case.trace().expect("a case that builds"));
    let mut frames = Vec::new();
    for trace in std::iter::once(wiremark_tests::demo::trace()).chain(traces) {
        for (_, link, bytes) in trace.frames().take(300) {
            frames.extend(LinkType::from_number(link).map(|link_type| (link_type, bytes.to_vec())));
        }
    }
    frames
});

fn play(tracker: &mut Tracker<'_>, link_type: LinkType, time_us: u64, bytes: &[u8]) {
    let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
    let _ = tracker.frame(&frame, &mut |_| {});
}

#[derive(Clone, Debug)]
struct Cut {
    row: Index,
    hit: Index,
    /// Whether SYN and SYN-ACK were captured.
    handshake: bool,
    sequence: u32,
    sizes: Vec<usize>,
    /// Segments sent again right behind themselves, and later.
    again: Vec<(Index, bool)>,
    /// Neighbours of one side exchanged.
    swaps: Vec<Index>,
}

fn cut() -> impl Strategy<Value = Cut> {
    (
        any::<Index>(),
        any::<Index>(),
        any::<bool>(),
        prop_oneof![any::<u32>(), Just(u32::MAX - 3)],
        prop::collection::vec(1..40usize, 0..12),
        prop::collection::vec((any::<Index>(), any::<bool>()), 0..3),
        prop::collection::vec(any::<Index>(), 0..3),
    )
        .prop_map(|(row, hit, handshake, sequence, sizes, again, swaps)| Cut {
            row,
            hit,
            handshake,
            sequence,
            sizes,
            again,
            swaps,
        })
}

#[derive(Clone)]
struct Segment {
    direction: Direction,
    tcp: TcpFields,
    payload: Vec<u8>,
}

/// In a line: `Originator seq 7 flags 10: 16 03 01`.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} seq {} flags {:02x}: ", self.direction, self.tcp.sequence, self.tcp.flags)?;
        self.payload.iter().try_for_each(|byte| write!(f, "{byte:02x} "))
    }
}

/// Rows whose hits are TCP streams and do not speak of single segments.
static STREAM_ROWS: LazyLock<Vec<&'static Signature>> = LazyLock::new(|| {
    let of_stream = |row: &&Signature| {
        let conditions = &row.conditions;
        let is_tcp = conditions.transport == Some(Transport::Tcp) || conditions.http.is_some();
        let of_segment =
            conditions.any_segment || !conditions.length.is_empty() || !conditions.contains.is_empty();
        let lengths = conditions.equations.iter().any(|equation| format!("{equation:?}").contains("Length"));
        is_tcp && !of_segment && !lengths && !row.is_veto
    };
    SHIPPED.set().signatures().iter().filter(of_stream).collect()
});

fn segments(packets: &[(Direction, Vec<u8>)], cut: &Cut, sizes: &[usize]) -> Vec<Segment> {
    let mut sequence = [cut.sequence, cut.sequence.wrapping_add(7)];
    let mut segments = Vec::new();
    if cut.handshake {
        for (direction, flags, side) in [
            (Direction::Originator, TcpFields::SYN, 0),
            (Direction::Responder, TcpFields::SYN | TcpFields::ACK, 1usize),
        ] {
            let tcp = TcpFields { sequence: sequence[side].wrapping_sub(1), flags };
            segments.push(Segment { direction, tcp, payload: Vec::new() });
        }
    }
    for (direction, payload) in packets {
        let side = usize::from(*direction == Direction::Responder);
        let mut rest = &payload[..];
        let mut sizes = sizes.iter().copied();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes.next().unwrap_or(usize::MAX).min(rest.len()));
            let tcp = TcpFields { sequence: sequence[side], flags: TcpFields::ACK };
            segments.push(Segment { direction: *direction, tcp, payload: now.to_vec() });
            sequence[side] = sequence[side].wrapping_add(now.len() as u32);
            rest = later;
        }
    }
    segments
}

/// Doubles and exchanges segments. Without a handshake nothing tells which of a side's segments came first, so that one
/// stays the first.
fn disturb(segments: &mut Vec<Segment>, cut: &Cut) {
    for (index, later) in &cut.again {
        let at = index.index(segments.len());
        let copy = segments[at].clone();
        segments.insert(if *later { segments.len() } else { at + 1 }, copy);
    }
    for index in &cut.swaps {
        let at = index.index(segments.len());
        let Some(next) = segments.get(at + 1) else { continue };
        let is_first = segments[..at].iter().all(|before| before.direction != segments[at].direction);
        if segments[at].direction == next.direction
            && !segments[at].payload.is_empty()
            && (cut.handshake || !is_first)
        {
            segments.swap(at, at + 1);
        }
    }
}

fn last_verdict(segments: &[Segment], port: u16) -> (Verdict, bool) {
    let up = FiveTuple {
        src: Address::v4([10, 0, 0, 1]),
        dst: Address::v4([198, 51, 100, 1]),
        src_port: 40_000,
        dst_port: port,
        transport: Transport::Tcp,
    };
    let (mut context, mut flow) = (
        Context::new(ContextConfig { parked_slots: 4, remembered: 8, ..ContextConfig::default() }),
        FlowState::default(),
    );
    let mut verdict = Verdict::default();
    for Segment { direction, tcp, payload } in segments {
        let five_tuple = if *direction == Direction::Originator { up } else { up.reversed() };
        let packet = Packet { five_tuple, tcp: *tcp, time_us: 0, payload, fragment: Fragment::Whole };
        verdict = SHIPPED.classify(&mut context, &mut flow, &packet);
    }
    (verdict, segments.iter().filter(|segment| !segment.payload.is_empty()).count() <= 32)
}

/// What must not depend on the cuts. (Which of an app's rows spoke first may: the one that needs fewer bytes.)
fn told(verdict: Verdict) -> (AppId, Role) {
    (verdict.app, verdict.role)
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(2000);
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::Direct("tests/hostile-regressions.txt")) as _);
    ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_frames_do_no_harm(
        frames in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..200)), 1..4),
    ) {
        let mut tracker = tracker();
        for link_type in LINK_TYPES {
            for (time_us, bytes) in &frames {
                play(&mut tracker, link_type, *time_us, bytes);
            }
        }
        tracker.finish(&mut |_| {});
    }

    #[test]
    fn damaged_frames_do_no_harm(
        frames in prop::collection::vec(
            (any::<Index>(), any::<Index>(), prop::collection::vec((any::<Index>(), any::<u8>()), 0..6), any::<bool>(), any::<u32>()),
            1..12,
        ),
        other in select(&LINK_TYPES[..]),
    ) {
        let mut tracker = tracker();
        for (which, end, edits, is_cut, time_us) in frames {
            let (link_type, bytes) = which.get(&FRAMES);
            let mut bytes = bytes.clone();
            for (at, value) in edits {
                *at.get_mut(&mut bytes) = value;
            }
            if is_cut {
                bytes.truncate(end.index(bytes.len()));
            }
            play(&mut tracker, *link_type, time_us.into(), &bytes);
            play(&mut tracker, other, time_us.into(), &bytes);
        }
        tracker.finish(&mut |_| {});
    }

    #[test]
    fn a_stream_says_the_same_however_it_is_cut(cut in cut()) {
        let row = cut.row.get(&STREAM_ROWS);
        let Trial::Packets { port, packets } = &cut.hit.get(&row.hits).trial else { return Ok(()) };
        let (whole, _) = last_verdict(&segments(packets, &cut, &[]), *port);
        prop_assert_eq!(whole.app, row.app, "the hit of {}", row.name);
        let mut pieces = segments(packets, &cut, &cut.sizes);
        disturb(&mut pieces, &cut);
        let (verdict, within_budget) = last_verdict(&pieces, *port);
        if within_budget {
            prop_assert_eq!(told(verdict), told(whole), "{} in {:#?}", row.name, pieces);
        }
    }
}
