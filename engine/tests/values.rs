//! What hosts build on: sizes, threads, and a verdict that tells of each change once.

use wiremark::{
    Address, Classifier, Context, FiveTuple, FlowState, Fragment, Frame, LinkType, Options, Packet,
    SignatureSet, Source, TcpFields, Tracker, TrackerConfig, Transport, Verdict,
};

const ROWS: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat", "files"]

[[signature]]
id = 901
name = "guarded"
role = "chat"
why = "w"
source = "s"
transport = "udp"
prefix = "aa"
unless = ["foreign"]
hit = ["aa 00"]
miss = ["> aa 00 < cc"]

[[signature]]
id = 902
name = "foreign"
veto = true
why = "w"
source = "s"
transport = "udp"
prefix = "cc"
hit = ["cc"]
miss = ["cd"]

[[signature]]
id = 903
name = "weak"
role = "files"
why = "w"
source = "s"
transport = "udp"
prefix = "(aa|bb)"
confidence = "address"
hit = ["bb"]
miss = ["bc"]
"#;

fn classifier() -> Classifier {
    let set = SignatureSet::load(&[Source { file: "rows.toml", text: ROWS }]);
    Classifier::new(
        set.unwrap_or_else(|error| panic!("{error}")),
        Options { budget_packets: 6, ..Options::default() },
    )
}

const UP: FiveTuple = FiveTuple {
    src: Address::v4([10, 0, 0, 1]),
    dst: Address::v4([192, 0, 2, 1]),
    src_port: 40_000,
    dst_port: 3478,
    transport: Transport::Udp,
};

fn datagram(payload: &[u8]) -> Packet<'_> {
    Packet { five_tuple: UP, tcp: TcpFields::default(), time_us: 0, payload, fragment: Fragment::Whole }
}

#[test]
fn state_and_verdict_have_the_promised_sizes() {
    assert_eq!((size_of::<FlowState>(), align_of::<FlowState>()), (64, 8));
    assert_eq!(size_of::<Verdict>(), 8);
    assert!(!std::mem::needs_drop::<FlowState>(), "a host may forget it");
}

#[test]
fn a_new_flow_and_a_new_verdict_know_nothing() {
    let verdict = FlowState::default().verdict();
    assert_eq!(verdict, Verdict::default());
    assert!(!verdict.is_match() && !verdict.is_final() && !verdict.is_changed() && !verdict.is_lost());
}

#[test]
fn a_classifier_is_shared_a_context_moves() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Classifier>();
    shared::<SignatureSet>();
    shared::<FlowState>();
    moved::<Context>();
    moved::<Tracker<'_>>();
}

#[test]
fn threads_that_share_a_classifier_say_the_same() {
    let classifier = classifier();
    let say = || {
        let (mut context, mut flow) = (Context::default(), FlowState::default());
        classifier.classify(&mut context, &mut flow, &datagram(b"\xaa\x00"))
    };
    let expected = say();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(say)).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
    });
}

/// Signature, and whether the packet changed something and ended the looking, of each packet.
fn story(payloads: &[&[u8]]) -> Vec<(u16, bool, bool)> {
    let classifier = classifier();
    let (mut context, mut flow) = (Context::default(), FlowState::default());
    let mut tell = |payload: &&[u8]| {
        let verdict = classifier.classify(&mut context, &mut flow, &datagram(payload));
        assert_eq!(flow.verdict().signature, verdict.signature, "the flow keeps what was said");
        assert!(!flow.verdict().is_changed(), "but the packet alone tells of a change");
        (verdict.signature.0, verdict.is_changed(), verdict.is_final())
    };
    payloads.iter().map(&mut tell).collect()
}

#[test]
fn each_change_is_told_once() {
    assert_eq!(
        story(&[b"", b"\x00", b"\xbb", b"\xbb", b"", b"\xaa", b"\xbb", b"\xcc", b"\xaa"]),
        [
            (0, false, false),
            (0, false, false),
            (903, true, false),
            (903, false, false),
            (903, false, false),
            (901, true, false),
            (901, false, false),
            // The sixth packet with payload: the veto takes the strong verdict back, and the budget is used up.
            (0, true, false),
            (0, false, false),
        ]
    );
    // Of one without a verdict other flows may still tell: nothing is new, and it stays open.
    assert_eq!(story(&[b"\x00".as_slice(); 7])[5..], [(0, false, false), (0, false, false)]);
}

/// A datagram in two IPv4 fragments: frames from the IP header on.
fn fragments(payload: &[u8]) -> [Vec<u8>; 2] {
    let mut datagram = vec![0x9c, 0x40, 0x0d, 0x96];
    datagram.extend((payload.len() as u16 + 8).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let cut = 16;
    [(0, 0x2000, &datagram[..cut]), (1, 0, &datagram[cut..])].map(|(_, more, part): (u8, u16, &[u8])| {
        let offset = if more == 0 { cut as u16 / 8 } else { 0 };
        let mut frame = vec![0x45, 0];
        frame.extend((part.len() as u16 + 20).to_be_bytes());
        frame.extend([0, 7]);
        frame.extend((more | offset).to_be_bytes());
        frame.extend([64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
        frame.extend(part);
        frame
    })
}

#[test]
fn a_datagram_in_fragments_tells_of_the_change_once_when_it_is_whole() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
    let told: Vec<_> = fragments(&[0xaa; 24])
        .iter()
        .map(|bytes| {
            let frame =
                Frame { link_type: LinkType::Ipv4, time_us: 1, bytes, wire_bytes: bytes.len() as u32 };
            let seen = tracker.frame(&frame, &mut |_| {}).expect("a datagram's piece");
            (seen.verdict.signature.0, seen.verdict.is_changed())
        })
        .collect();
    assert_eq!(told, [(0, false), (901, true)]);
}
