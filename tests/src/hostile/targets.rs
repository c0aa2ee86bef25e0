//! What must hold on any bytes: one function a target, for the fuzzer (`engine/fuzz`) and for the tests here.
//!
//! Each takes whatever it is given, asserts what the engine promises of it, and takes everything out of what it gets, so
//! that lazy parts are walked too.

use std::sync::OnceLock;

use wiremark::dissect::{self, Dissection};
use wiremark::wire::link::aggregate;
use wiremark::{
    Classifier, Context, ContextConfig, FlowState, Frame, LinkType, Options, Packet, ParseError, Prepared,
    Seen, SignatureSet, Source, Tracker, TrackerConfig, Trail, Verdict,
};

use super::sequence::{self, Sequence};

/// What is done with the bytes a fuzzer makes up.
pub type Target = fn(&[u8]);

/// Every target by the name of its file in `engine/fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Target); 14] = [
    ("packet", packet),
    ("dns", dns),
    ("http", http),
    ("tls", tls),
    ("quic", quic),
    ("stun", stun),
    ("rtp", rtp),
    ("mmtls", mmtls),
    ("longlink", longlink),
    ("preamble", preamble),
    ("name_list", name_list),
    ("signatures", signatures),
    ("classifier", classifier),
    ("tracker", tracker),
];

/// The link types a frame's first byte chooses from.
pub const LINKS: [LinkType; 52] = [
    LinkType::Ethernet,
    LinkType::Null,
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
    LinkType::TokenRing,
    LinkType::ArcnetBsd,
    LinkType::Slip,
    LinkType::Fddi,
    LinkType::OldPflog,
    LinkType::AtmRfc1483,
    LinkType::CiscoHdlc,
    LinkType::FrameRelay,
    LinkType::Enc,
    LinkType::Pflog,
    LinkType::Prism,
    LinkType::FibreChannel,
    LinkType::SunAtm,
    LinkType::ArcnetLinux,
    LinkType::AppleIeee1394,
    LinkType::Docsis,
    LinkType::Avs,
    LinkType::PppDirection,
    LinkType::JuniperPppoe,
    LinkType::JuniperEther,
    LinkType::JuniperPpp,
    LinkType::JuniperFrameRelay,
    LinkType::JuniperHdlc,
    LinkType::Ppi,
    LinkType::Erf,
    LinkType::CiscoHdlcDirection,
    LinkType::FrameRelayDirection,
    LinkType::Mpls,
    LinkType::Ipnet,
    LinkType::Nflog,
    LinkType::NetAnalyzer,
    LinkType::NetAnalyzerTransparent,
    LinkType::Ipoib,
    LinkType::Pktap,
    LinkType::Mpacket,
    LinkType::BroadcomTag,
    LinkType::BroadcomPrepended,
    LinkType::MarvellTag,
    LinkType::MarvellEtherTag,
    LinkType::Tzsp,
];

/// Asserts that `part` is borrowed from `whole`.
fn within(whole: &[u8], part: &[u8]) {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    assert!(part.is_empty() || whole.start <= part.start && part.end <= whole.end, "bytes from elsewhere");
}

/// `link type (1) · frame`.
pub fn packet(bytes: &[u8]) {
    let Some((link, frame)) = bytes.split_first() else { return };
    let link_type = LINKS[usize::from(*link) % LINKS.len()];
    let parsed = Packet::parse(link_type, 1, frame);
    let trail = Trail::of(link_type, frame);
    assert_eq!(trail.error, parsed.err());
    assert!(trail.steps().iter().all(|step| step.offset <= frame.len()));
    aggregate::behind_first(link_type, frame).for_each(|packet| within(frame, packet));
    if let Ok(packet) = parsed {
        within(frame, packet.payload);
        assert_eq!(packet.five_tuple.key(), packet.five_tuple.reversed().key());
        assert_eq!(
            packet.five_tuple.community_id(0).as_str(),
            packet.five_tuple.reversed().community_id(0).as_str()
        );
    }
    if let Ok(packet) = Packet::from_ip(1, frame) {
        within(frame, packet.payload);
    }
}

/// A DNS message, and the same bytes as a stream.
pub fn dns(bytes: &[u8]) {
    for message in [dissect::dns::message(bytes), dissect::dns::tcp_message(bytes)]
        .into_iter()
        .filter_map(Dissection::found)
    {
        let mut buffer = dissect::dns::NameBuffer::new();
        let mut names = 0;
        for question in message.questions() {
            assert!(question.name.read(&mut buffer).len() <= 255);
            names += 1;
        }
        for answer in message.answers() {
            match answer.record {
                dissect::dns::Record::Alias(name) => assert!(name.read(&mut buffer).len() <= 255),
                dissect::dns::Record::Service(service) => {
                    assert!(service.v4_hints().count() + service.v6_hints().count() <= bytes.len() / 4);
                }
                _ => {}
            }
            names += 1;
        }
        assert!(names <= bytes.len());
    }
}

/// The start of an HTTP stream.
pub fn http(bytes: &[u8]) {
    match dissect::http::head(bytes).found() {
        Some(dissect::http::Head::Request(request)) => {
            // Of a target that is a host alone, the path is not in the bytes.
            assert!(request.path().len() <= bytes.len());
            within(bytes, request.host().unwrap_or_default());
            within(bytes, request.body);
        }
        Some(dissect::http::Head::Response(response)) => within(bytes, response.body),
        None => {}
    }
}

/// The start of a TLS stream, whole, in records of all sizes, and without records.
pub fn tls(bytes: &[u8]) {
    let mut scratch = [0; 1024];
    let whole = dissect::tls::client_hello(bytes);
    let joined = dissect::tls::client_hello_in(bytes, &mut scratch);
    if let (Dissection::Found(whole), Dissection::Found(joined)) = (whole, joined) {
        assert!(whole.sni.is_none() || whole.sni == joined.sni);
    }
    for hello in [whole, dissect::tls::hello_message(bytes)].into_iter().filter_map(Dissection::found) {
        within(bytes, hello.sni.unwrap_or_default());
        assert!(hello.alpn().count() <= bytes.len());
    }
    let _ = (dissect::tls::server_hello(bytes), dissect::tls::is_record(bytes));
}

/// A QUIC datagram, and the same bytes as an Initial's plaintext and as a hello.
pub fn quic(bytes: &[u8]) {
    use dissect::quic;
    let mut scratch = [0; 2048];
    let mut count = 0;
    for header in quic::packets(bytes) {
        within(bytes, header.packet);
        assert!(header.number_at <= header.packet.len());
        if let Some(frames) = quic::decrypt_initial(header.packet, &mut scratch) {
            quic::crypto_frames(frames).for_each(|frame| assert!(frame.offset < 1 << 62));
        }
        count += 1;
    }
    assert!(count <= bytes.len());
    assert!(quic::crypto_frames(bytes).count() <= bytes.len().min(quic::CRYPTO_FRAMES_MAX));
    let google = quic::google::packet(bytes).found().and_then(|packet| packet.hello());
    for hello in [google, quic::google::hello_message(bytes).found()].into_iter().flatten() {
        within(bytes, hello.sni().unwrap_or_default());
        within(bytes, hello.value(*b"UAID").unwrap_or_default());
    }
}

/// A STUN message.
pub fn stun(bytes: &[u8]) {
    if let Some(message) = dissect::stun::message(bytes).found() {
        for attribute in message.attributes() {
            within(bytes, attribute.value);
            let _ = dissect::stun::xor_address(attribute.value, message.transaction_id);
            let _ = dissect::stun::mapped_address(attribute.value);
        }
    }
    let _ = dissect::stun::mapped_address(bytes);
}

/// An RTP or RTCP packet.
pub fn rtp(bytes: &[u8]) {
    if let Some(dissect::rtp::Media::Rtp(packet)) = dissect::rtp::packet(bytes).found()
        && let Some((_, extension)) = packet.extension
    {
        within(bytes, extension);
    }
}

/// The start of an mmtls stream.
pub fn mmtls(bytes: &[u8]) {
    use dissect::mmtls;
    if let Some(hello) = mmtls::hello(bytes).found() {
        assert!(hello.suites().count() <= bytes.len());
    }
    let mut records = mmtls::records(bytes);
    assert!(records.by_ref().inspect(|record| within(bytes, record.payload)).count() <= bytes.len());
    within(bytes, records.rest());
    let _ = (records.next_length(), mmtls::is_record(bytes));
}

/// The start of a long-link stream; and `layout (4) · bytes` as a chain of records.
pub fn longlink(bytes: &[u8]) {
    let _ = (dissect::longlink::header(bytes), dissect::longlink::business_header(bytes));
    if let Some(([at, width, plus, minimum], chain)) = bytes.split_first_chunk::<4>() {
        let layout = dissect::records::Layout {
            length_at: usize::from(*at % 32),
            length_width: usize::from(*width % 6),
            plus: if *plus == 255 { usize::MAX } else { usize::from(*plus) },
            minimum: usize::from(*minimum),
            maximum: 0x4000,
        };
        let mut records = dissect::records::Records::new(chain, layout);
        let _ = records.end();
        assert!(records.by_ref().inspect(|record| within(chain, record)).count() <= chain.len());
        within(chain, records.rest());
    }
}

/// What a client says to a proxy.
pub fn preamble(bytes: &[u8]) {
    if let Some(found) = dissect::preamble::preamble(bytes).found() {
        assert!((1..=bytes.len()).contains(&found.length), "the inner stream begins within the bytes");
        within(bytes, found.name.unwrap_or_default());
    }
}

/// A look-up list.
pub fn name_list(bytes: &[u8]) {
    if dissect::name_list::is_list(bytes) {
        assert!(bytes.len() >= 5);
    }
    let pairs = dissect::name_list::pairs(bytes).inspect(|(name, _)| within(bytes, name));
    assert!(pairs.count() <= dissect::name_list::PAIRS_MAX);
}

/// A signature file. What loads must be usable, with its own examples too.
pub fn signatures(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match SignatureSet::load(&[Source { file: "fuzz.toml", text }]) {
        Ok(set) => {
            let classifier = Classifier::new(set, Options::default());
            let _ = wiremark::check(&classifier);
        }
        Err(error) => {
            assert!(!error.expected.is_empty(), "an error says what was expected");
            assert!(
                (1..=text.lines().count().max(1) + 1).contains(&error.line),
                "a line of the file: {error}"
            );
        }
    }
}

/// The shipped set, and a set of one of its files, to change to midway.
fn classifiers() -> &'static [Classifier; 2] {
    static BOTH: OnceLock<[Classifier; 2]> = OnceLock::new();
    BOTH.get_or_init(|| {
        let set = wiremark_signatures::embedded().expect("the shipped set");
        let (file, text) = *wiremark_signatures::EMBEDDED.last().expect("a shipped file");
        let part = SignatureSet::load(&[Source { file, text }]).expect("a shipped file stands alone");
        [set, part].map(|set| Classifier::new(set, Options::default()))
    })
}

/// So little memory that things make room for each other.
const SMALL: ContextConfig = ContextConfig {
    parked_slots: 3,
    slot_bytes: 600,
    remembered: 8,
    dns_ttl_us: 14_400_000_000,
    list_ttl_us: 14_400_000_000,
    server_ttl_us: 3_600_000_000,
    call_ttl_us: 300_000_000,
    per_client: false,
    seed: 1,
};

/// Asserts what every verdict promises.
fn consistent(set: &SignatureSet, verdict: &Verdict) {
    assert_eq!(verdict.is_match(), verdict.signature.0 != 0);
    assert_eq!(verdict.is_match(), verdict.confidence != wiremark::Confidence::None);
    if verdict.is_match() {
        let row = set.signature(verdict.signature).expect("a row of the set in force");
        assert_eq!(set.app(verdict.app).map(|app| app.id), Some(verdict.app));
        assert_eq!(row.app, verdict.app);
        assert!(!set.role_name(verdict.app, verdict.role).is_empty());
    }
}

/// What of a verdict stays with its flow.
fn kept(verdict: Verdict) -> impl PartialEq + core::fmt::Debug {
    let Verdict { signature, app, role, carrier, confidence, .. } = verdict;
    (signature, app, role, carrier, confidence, verdict.is_final(), verdict.is_lost())
}

/// `at which packet the set is replaced (1) · sequence`.
pub fn classifier(bytes: &[u8]) {
    let Some((swap_at, bytes)) = bytes.split_first() else { return };
    let mut context = Context::new(SMALL);
    let mut flows = [FlowState::default(); 8];
    for (number, (flow, packet)) in Sequence::new(bytes).enumerate() {
        let swapped = number >= usize::from(*swap_at);
        let classifier = &classifiers()[usize::from(swapped)];
        let before = flows[flow].verdict();
        let verdict = classifier.classify(&mut context, &mut flows[flow], &packet);
        assert_eq!(kept(verdict), kept(flows[flow].verdict()), "the flow keeps all but whether it changed");
        let kinds = |v: &Verdict| (v.app, v.role, v.confidence, v.is_final());
        assert_eq!(
            verdict.is_changed(),
            kinds(&before) != kinds(&verdict),
            "a change is told, and only a change"
        );
        if before.is_final() {
            assert_eq!(kinds(&before), kinds(&verdict), "final is final");
        }
        // What the old set decided stays, whether or not the new one knows the row.
        consistent(classifiers()[0].set(), &verdict);
    }
}

/// Frames, as [`sequence::frames`] takes them apart: as they come, and read some frames ahead, which comes to the same.
pub fn tracker(bytes: &[u8]) {
    let config =
        TrackerConfig { capacity: 16, context: SMALL, fragmented_packets: 16, ..TrackerConfig::default() };
    let mut tracker = Tracker::new(&classifiers()[0], config);
    let mut ahead = Tracker::new(&classifiers()[0], config);
    let preparer = ahead.preparer();
    let frames: Vec<Frame<'_>> = sequence::frames(bytes)
        .map(|(link, time_us, bytes)| {
            let link_type = LINKS[usize::from(link) % LINKS.len()];
            Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 }
        })
        .collect();
    let mut prepared: Vec<Prepared> =
        frames.iter().map(|frame| preparer.prepare(frame.link_type, frame.bytes)).collect();
    let mut ended = 0;
    for (number, frame) in frames.iter().enumerate() {
        if let Some(soon) = prepared.get_mut(number + 2) {
            ahead.prefetch_flow(frames[number + 2].bytes, soon);
        }
        let read_ahead = ahead.prepared_frame(frame, &prepared[number], &mut |_| (), &mut ());
        let seen = tracker.frame(frame, &mut |_| ended += 1);
        let told =
            |seen: &Seen| (seen.verdict, seen.direction, seen.flow_number, seen.place, seen.packet_number);
        assert_eq!(read_ahead.as_ref().map(told), seen.as_ref().map(told));
        match seen {
            Ok(seen) => consistent(classifiers()[0].set(), &seen.verdict),
            Err(
                ParseError::Truncated
                | ParseError::Malformed
                | ParseError::Unsupported
                | ParseError::Fragment,
            ) => {}
        }
    }
    tracker.finish(&mut |flow| {
        assert!(flow.packets[0] + flow.packets[1] > 0);
        ended += 1;
    });
    let seen = tracker.statistics();
    let not_counted = seen.truncated + seen.malformed + seen.unsupported + seen.fragments_lost;
    assert_eq!(seen.frames, seen.packets + not_counted);
    assert_eq!(seen.flows, ended);
}
