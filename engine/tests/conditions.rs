//! Corners of the signature language, and of the streams and names that rows are held against.

use wiremark::{
    Address, AppId, Carrier, Classifier, Confidence, Context, FiveTuple, FlowState, Fragment, Options,
    Packet, SignatureSet, Source, TcpFields, Transport, Verdict,
};

/// A classifier for rows, each a name and what follows its fixed keys. Their examples must hold.
fn classifier(rows: &[(&str, &str)]) -> Classifier {
    let mut text = String::from("[app]\nid = 9\nname = \"example\"\nroles = [\"chat\"]\n");
    for (id, (name, more)) in (901..).zip(rows) {
        let role = if more.contains("veto = true") { "" } else { "role = \"chat\"\n" };
        text += &format!(
            "[[signature]]\nid = {id}\nname = \"{name}\"\n{role}why = \"w\"\nsource = \"s\"\n{more}\n"
        );
    }
    let set = SignatureSet::load(&[Source { file: "rows.toml", text: &text }]);
    let classifier = Classifier::new(set.unwrap_or_else(|error| panic!("{error}")), Options::default());
    let failures: Vec<String> = wiremark::check(&classifier).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    classifier
}

/// A flow of 10.0.0.1 to 192.0.2.1 of which only the originator's packets are seen.
struct Talk<'c> {
    classifier: &'c Classifier,
    context: Context,
    flow: FlowState,
    transport: Transport,
}

impl<'c> Talk<'c> {
    fn new(classifier: &'c Classifier, transport: Transport) -> Self {
        Self { classifier, context: Context::default(), flow: FlowState::default(), transport }
    }

    fn at(&mut self, sequence: u32, payload: &[u8]) -> Verdict {
        let five_tuple = FiveTuple {
            src: Address::v4([10, 0, 0, 1]),
            dst: Address::v4([192, 0, 2, 1]),
            src_port: 40_000,
            dst_port: 443,
            transport: self.transport,
        };
        let tcp = TcpFields { sequence, flags: TcpFields::ACK };
        let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
        self.classifier.classify(&mut self.context, &mut self.flow, &packet)
    }
}

fn one_datagram(classifier: &Classifier, payload: &[u8]) -> Verdict {
    Talk::new(classifier, Transport::Udp).at(0, payload)
}

fn one_segment(classifier: &Classifier, payload: &[u8]) -> Verdict {
    Talk::new(classifier, Transport::Tcp).at(1, payload)
}

const OPENING: (&str, &str) =
    ("opening", "transport = \"tcp\"\nprefix = '\"HELLO\"'\nhit = ['\"HELLO\"']\nmiss = ['\"HALLO\"']");

#[test]
fn a_repeated_segment_is_no_start() {
    let classifier = classifier(&[OPENING]);
    let mut talk = Talk::new(&classifier, Transport::Tcp);
    assert!(!talk.at(100, b"HE").is_match(), "the start, and it may go on");
    assert!(!talk.at(102, b"y HELLO").is_match());
    assert!(!talk.at(104, b"HELLO").is_match(), "part of what came before, sent again");
    assert!(!talk.at(102, b"y HELLO").is_match());
    assert!(talk.at(95, b"HELLOHE").is_match(), "from before the start: that is where the stream begins");
}

#[test]
fn a_first_segment_as_long_as_is_kept_is_not_waited_for() {
    let rows = [
        ("long", "transport = \"tcp\"\nprefix = \"00*5000 01\"\nhit = [\"00*5000 01\"]\nmiss = [\"01\"]"),
        (
            "any",
            "transport = \"tcp\"\nstart = \"segment\"\nprefix = \"aa bb\"\nhit = [\"aa bb\"]\nmiss = [\"01\"]",
        ),
    ];
    let classifier = classifier(&rows);
    for sizes in [&[4096][..], &[4000, 96], &[4500]] {
        let (mut talk, mut sequence) = (Talk::new(&classifier, Transport::Tcp), 1);
        for size in sizes {
            assert!(!talk.at(sequence, &vec![0; *size]).is_match());
            sequence += *size as u32;
        }
        assert!(talk.at(sequence, b"\xaa\xbb").is_match(), "{sizes:?}");
    }
}

#[test]
fn a_text_that_stands_there_often_leaves_room_for_others() {
    let rows = [
        (
            "often",
            "transport = \"udp\"\ncontains = '\"ab\"'\nunless = [\"no\"]\nhit = ['\"ab\"']\nmiss = ['\"ab no\"']",
        ),
        ("no", "veto = true\ntransport = \"udp\"\ncontains = '\"no\"'\nhit = ['\"no\"']\nmiss = ['\"on\"']"),
    ];
    let classifier = classifier(&rows);
    assert!(one_datagram(&classifier, &b"ab".repeat(100)).is_match());
    assert!(!one_datagram(&classifier, &[b"ab".repeat(100), b"no".to_vec()].concat()).is_match());
}

#[test]
fn datagrams_that_no_row_is_about_count_where_a_row_without_a_group_depends_on_it() {
    let rows = [
        (
            "zero",
            "veto = true\ntransport = \"udp\"\nprefix = \"00\"\nevery = \"g\"\nhit = [\"00\"]\nmiss = [\"01\"]",
        ),
        (
            "third",
            "veto = true\ntransport = \"udp\"\nprefix = \"aa\"\nordinal = [3]\nevery = \"g\"\nhit = [\"00 > 00 > aa\"]\nmiss = [\"00 > aa\"]",
        ),
        (
            "alone",
            "transport = \"udp\"\nprefix = \"bb\"\nunless = [\"third\"]\nhit = [\"bb\"]\nmiss = [\"00\"]",
        ),
    ];
    let classifier = classifier(&rows);
    let play = |datagrams: &[&[u8]]| {
        let mut talk = Talk::new(&classifier, Transport::Udp);
        datagrams.iter().map(|payload| talk.at(0, payload).is_match()).last()
    };
    assert_eq!(play(&[b"\x33", b"\x33", b"\xaa", b"\xbb"]), Some(false));
    assert_eq!(play(&[b"\x33", b"\xaa", b"\xbb"]), Some(true));
}

#[test]
fn a_prefix_may_begin_behind_the_first_sixteen_bytes() {
    // `classifier` tries the hits.
    let far = "transport = \"udp\"\nat = 20\nprefix = \"aa bb\"\nhit = [\"00*20 aa bb\"]\nmiss = [\"00*16 aa bb 00*4\"]";
    classifier(&[("far", far)]);
}

#[test]
fn rows_that_begin_alike_are_told_apart_where_they_part() {
    let row = |prefix: &str, hit: &str, miss: &str| {
        format!(
            "transport = \"tcp\"\ndirection = \"up\"\nprefix = '{prefix}'\nhit = ['{hit}']\nmiss = ['{miss}']"
        )
    };
    let rows = [
        ("one", row("45 {u8 1-9} 57 (01-08) 00 01", "45 02 00 00 57 01 00 01", "45 02 00 00 57 01 00 02")),
        ("two", row("45 {u8 1-9} 57 (01-08) 00 02", "45 02 00 00 57 01 00 02", "45 02 00 00 57 01 00 01")),
        ("short", row("45 {u8 1-9} 58", "45 01 00 58", "45 01 00 57")),
        ("long", row("45 {u8 1-9} 58 {u8 0-3} 11", "45 01 00 58 01 ff 11", "45 01 00 58 02 ff 11")),
        ("longer", row("45 {u8 1-9} 58 {u8 0-3} 12", "45 01 00 58 01 ff 12", "45 01 00 58 02 ff 12")),
        (
            "longest",
            row("45 {u8 1-9} 58 {u8 0-3} 12 13", "45 01 00 58 01 ff 12 13", "45 01 00 58 01 ff 11 13"),
        ),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(name, more)| (*name, more.as_str())).collect();
    let classifier = classifier(&rows);
    for (bytes, row) in [
        (&b"\x45\x02\0\0\x57\x01\0\x02"[..], 902),
        (b"\x45\x02\0\0\x57\x09\0\x02", 0),
        (b"\x45\x0a\0\0\x57\x01\0\x02", 0),
        (b"\x45\x01\0\x58\x01", 903),
    ] {
        assert_eq!(one_segment(&classifier, bytes).signature.0, row, "{bytes:02x?}");
    }
}

#[test]
fn stun_and_rtp_are_udp_unasked() {
    // `classifier` tries the hits.
    classifier(&[
        (
            "stun",
            "prefix = \"08 01\"\nstun = { type = 0x0801 }\nhit = [\"08 01 00 00 21 12 a4 42 00*12\"]\nmiss = [\"08 01\"]",
        ),
        (
            "rtp",
            "prefix = \"80 60\"\nrtp = { payload_type = 96 }\nhit = [\"80 60 00*10\"]\nmiss = [\"80 60 00\"]",
        ),
    ]);
}

const NAMED: (&str, &str) =
    ("named", "host = \"example.net\"\nhit = [\"name example.net\"]\nmiss = [\"name example.org\"]");

#[test]
fn a_dot_at_the_end_of_a_name_changes_nothing() {
    let hit = r#"'"GET / HTTP/1.1\r\nHost: example.net\r\n\r\n"'"#;
    let with_http =
        format!("host = \"example.net\"\nhttp = {{ method = \"GET\" }}\nhit = [{hit}]\nmiss = [\"00\"]");
    for rows in [[NAMED], [("with-http", with_http.as_str())]] {
        let verdict = one_segment(&classifier(&rows), b"GET / HTTP/1.1\r\nHost: example.net.\r\n\r\n");
        assert_eq!(verdict.app, AppId(9), "{}", rows[0].0);
    }
}

#[test]
fn a_name_told_to_a_proxy_leaves_the_carrier_to_what_follows() {
    let classifier = classifier(&[NAMED]);
    let request = b"CONNECT example.net:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let verdict = one_segment(&classifier, request);
    assert_eq!((verdict.confidence, verdict.carrier), (Confidence::Name, Carrier::Http));
}
