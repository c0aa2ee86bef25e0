//! The switches of `Options`: each takes its kind of evidence away, and nothing else.

use std::collections::BTreeMap;
use wiremark::{
    Address, Classifier, Confidence, Context, FiveTuple, FlowState, Fragment, Frame, LinkType, Options,
    Packet, SignatureSet, Source, TcpFields, Tracker, TrackerConfig, Transport, Verdict,
};
use wiremark_tests::protocol::quic;
use wiremark_tests::protocol::tls::ClientHello;
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

fn shipped(options: Options) -> Classifier {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), options)
}

const NONE: Options =
    Options { payload: false, name: false, related: false, address: false, budget_packets: 32 };
const ALL: Options = Options { payload: true, name: true, related: true, address: true, budget_packets: 32 };

/// How often each kind of evidence stood behind a verdict.
fn kinds(classifier: &Classifier, trace: &Trace) -> BTreeMap<Confidence, usize> {
    let mut tracker = Tracker::new(classifier, TrackerConfig::default());
    let mut kinds = BTreeMap::new();
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a link type that the builder writes");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let Ok(seen) = tracker.frame(&frame, &mut |_| {}) else { continue };
        let Verdict { app, signature, role, confidence, .. } = seen.verdict;
        assert_eq!(app.0 == 0, confidence == Confidence::None);
        assert_eq!((app.0 == 0, app.0 == 0), (signature.0 == 0, role.0 == 0));
        *kinds.entry(confidence).or_default() += 1;
    }
    kinds.remove(&Confidence::None);
    kinds
}

/// With its kind of evidence alone, and with all but its kind.
fn switches(kind: Confidence) -> (Options, Options) {
    let mut alone = NONE;
    let mut without = ALL;
    let set = |options: &mut Options, on: bool| match kind {
        Confidence::Payload => options.payload = on,
        Confidence::Name => options.name = on,
        Confidence::Related => options.related = on,
        Confidence::Address => options.address = on,
        Confidence::None => {}
    };
    set(&mut alone, true);
    set(&mut without, false);
    (alone, without)
}

#[test]
fn each_switch_takes_its_kind_of_evidence_away() {
    let trace = wiremark_tests::demo::trace();
    let all = kinds(&shipped(ALL), &trace);
    println!("all on: {all:?}");
    assert!(kinds(&shipped(NONE), &trace).is_empty(), "all off: silence");
    for kind in [Confidence::Payload, Confidence::Name, Confidence::Related] {
        assert!(all.contains_key(&kind), "the demo trace has {kind:?}");
        let (alone, without) = switches(kind);
        let alone = kinds(&shipped(alone), &trace);
        assert!(alone.keys().all(|found| *found == kind), "{kind:?} alone: {alone:?}");
        let without = kinds(&shipped(without), &trace);
        assert!(!without.contains_key(&kind), "without {kind:?}: {without:?}");
        assert!(!without.is_empty(), "the rest still speaks without {kind:?}");
    }
    for kind in [Confidence::Payload, Confidence::Name] {
        assert!(!kinds(&shipped(switches(kind).0), &trace).is_empty(), "{kind:?} alone says something");
    }
}

const LISTED: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat"]

[[signature]]
id = 901
name = "listed"
role = "chat"
why = "w"
source = "s"
address = ["198.51.100.0/24", "2001:db8::/32"]
hit = ["address 198.51.100.7", "address 2001:db8::7"]
miss = ["address 198.51.101.7"]

[[signature]]
id = 902
name = "bytes"
role = "chat"
why = "w"
source = "s"
transport = "tcp"
prefix = "16 f1"
hit = ["16 f1"]
miss = ["17 f1"]
"#;

fn listed(options: Options) -> Classifier {
    let set = SignatureSet::load(&[Source { file: "listed.toml", text: LISTED }]);
    Classifier::new(set.unwrap_or_else(|error| panic!("{error}")), options)
}

/// From 10.0.0.1 to a listed address.
fn to_listed(transport: Transport, dst_port: u16) -> FiveTuple {
    let (src, dst) = (Address::v4([10, 0, 0, 1]), Address::v4([198, 51, 100, 7]));
    FiveTuple { src, dst, src_port: 40_000, dst_port, transport }
}

/// The verdicts on a flow of 10.0.0.1 to a listed address.
fn verdicts(classifier: &Classifier, payloads: &[&[u8]]) -> Vec<Verdict> {
    let five_tuple = to_listed(Transport::Tcp, 443);
    let (mut context, mut flow, mut sequence) = (Context::default(), FlowState::default(), 1);
    let play = |payload: &&[u8]| {
        let tcp = TcpFields { sequence, flags: TcpFields::ACK };
        sequence += payload.len() as u32;
        let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
        classifier.classify(&mut context, &mut flow, &packet)
    };
    payloads.iter().map(play).collect()
}

#[test]
fn address_lists_can_be_switched_off_and_are_the_weakest() {
    let kinds = |options: Options| -> Vec<Confidence> {
        verdicts(&listed(options), &[b"", b"\x16\xf1"]).iter().map(|verdict| verdict.confidence).collect()
    };
    assert_eq!(kinds(ALL), [Confidence::Address, Confidence::Payload]);
    assert_eq!(kinds(Options { address: false, ..ALL }), [Confidence::None, Confidence::Payload]);
    assert_eq!(kinds(Options { payload: false, ..ALL }), [Confidence::Address, Confidence::Address]);
    assert_eq!(kinds(NONE), [Confidence::None, Confidence::None]);
    assert!(verdicts(&listed(NONE), &[b""])[0].is_final(), "nothing counts, so there is nothing to wait for");
}

/// The verdicts on a flow's datagrams, each from its originator.
fn datagrams(options: Options, payloads: &[&[u8]]) -> Vec<Confidence> {
    let five_tuple = to_listed(Transport::Udp, 3478);
    let classifier = shipped(options);
    let (mut context, mut flow) = (Context::default(), FlowState::default());
    let play = |payload: &&[u8]| {
        let packet =
            Packet { five_tuple, tcp: TcpFields::default(), time_us: 0, payload, fragment: Fragment::Whole };
        classifier.classify(&mut context, &mut flow, &packet).confidence
    };
    payloads.iter().map(play).collect()
}

#[test]
fn a_flow_that_fits_nothing_is_given_up_after_eight_datagrams_but_for_stun() {
    let message = ClientHello::to("www.whatsapp.net").message(&mut Random::new(1));
    let hello = quic::client_datagrams(quic::Version::V1, b"12345678", &message, quic::Layout::InOrder);
    let name = |misfits: usize, options: Options| {
        let mut payloads = vec![&b"\x2a\x00\xd5"[..]; misfits];
        payloads.extend(hello.iter().map(Vec::as_slice));
        datagrams(options, &payloads).last().copied()
    };
    assert_eq!(name(7, ALL), Some(Confidence::Name));
    assert_eq!(name(8, ALL), Some(Confidence::None));
    assert_eq!(name(7, Options { budget_packets: 8, ..ALL }), Some(Confidence::Name));
    // An allocation may be late: a call begins on an end point whose media came first.
    let allocate =
        [&[0, 3, 0, 0x6a, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0x40, 1, 0, 0x66, 5, 3], &[0; 100]]
            .concat();
    let mut payloads = vec![&b"\x2a\x00\xd5"[..]; 40];
    payloads.push(&allocate);
    assert_eq!(datagrams(ALL, &payloads).last(), Some(&Confidence::Payload));
}

#[test]
fn the_budget_counts_packets_with_payload() {
    // The first byte begins nothing that would be waited for.
    let packets: [&[u8]; 6] = [b"", b"\x7f", b"", b"\x01", b"\x02", b"\x03"];
    for (budget_packets, expected) in [(1, 1), (2, 3), (3, 4), (32, 6)] {
        let options = Options { budget_packets, name: true, ..NONE };
        let verdicts = verdicts(&listed(options), &packets);
        let first = verdicts.iter().position(Verdict::is_final).unwrap_or(verdicts.len());
        assert_eq!(first, expected, "{budget_packets}");
        assert!(
            verdicts[first.min(5)..].iter().all(|verdict| verdict.is_final() == (first < 6)),
            "final stays final"
        );
    }
}
