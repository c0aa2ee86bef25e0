//! Every shipped row keeps its word, and its number.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wiremark::signature::Signature;
use wiremark::signature::model::Trial;
use wiremark::{
    Address, AppId, Carrier, Classifier, Context, Direction, FiveTuple, FlowState, Fragment, Options, Packet,
    SignatureSet, TcpFields, Transport, Verdict,
};

fn shipped() -> SignatureSet {
    wiremark_signatures::embedded().expect("the shipped set")
}

/// Each verdict of an example's flow, packet by packet.
fn play(
    classifier: &Classifier,
    row: &Signature,
    port: u16,
    packets: &[(Direction, Vec<u8>)],
) -> Vec<Verdict> {
    let is_udp = row.conditions.stun.is_some() || row.conditions.rtp.is_some();
    let other = if is_udp { Transport::Udp } else { Transport::Tcp };
    let up = FiveTuple {
        src: Address::v4([10, 0, 0, 1]),
        dst: Address::v4([198, 51, 100, 1]),
        src_port: 40_000,
        dst_port: port,
        transport: row.conditions.transport.unwrap_or(other),
    };
    let (mut context, mut flow, mut sequence) = (Context::default(), FlowState::default(), [1u32; 2]);
    let play_one = |(direction, payload): &(Direction, Vec<u8>)| {
        let (five_tuple, side) = match direction {
            Direction::Originator => (up, 0),
            Direction::Responder => (up.reversed(), 1),
        };
        let tcp = TcpFields { sequence: sequence[side], flags: TcpFields::ACK };
        sequence[side] += payload.len() as u32;
        let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
        classifier.classify(&mut context, &mut flow, &packet)
    };
    packets.iter().map(play_one).collect()
}

/// Apps that verdicts of the flow named, provisional ones included.
fn apps(verdicts: &[Verdict]) -> BTreeSet<AppId> {
    verdicts.iter().filter(|verdict| verdict.is_match()).map(|verdict| verdict.app).collect()
}

#[test]
fn every_row_hits_its_hits_and_misses_its_misses() {
    let classifier = Classifier::new(shipped(), Options::default());
    let failures = wiremark::check(&classifier);
    let of = |row: &Signature| failures.iter().filter(|failure| failure.signature == row.id).count();
    for row in classifier.set().signatures() {
        let app = &classifier.set().app(row.app).expect("the row's app").name;
        let kind = if row.is_veto { "veto" } else { row.confidence.name() };
        let outcome = if of(row) == 0 { "ok" } else { "FAILED" };
        println!("{:>5} {app:<9} {:<26} {kind:<8} {outcome}", row.id.0, row.name);
    }
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_last_packet_of_a_hit_leaves_the_flow_with_the_rows_own_app_and_no_other_before() {
    let classifier = Classifier::new(shipped(), Options::default());
    let set = classifier.set();
    let mut complaints = Vec::new();
    for row in set.signatures().iter().filter(|row| !row.is_veto) {
        for hit in &row.hits {
            let Trial::Packets { port, packets } = &hit.trial else { continue };
            if row.conditions.joins_call {
                continue; // another flow's call is part of it
            }
            let verdicts = play(&classifier, row, *port, packets);
            let others: Vec<AppId> = apps(&verdicts).into_iter().filter(|app| *app != row.app).collect();
            let last = verdicts.last().copied().unwrap_or_default();
            if last.app != row.app || !others.is_empty() {
                complaints.push(format!(
                    "{} {}: left with {:?}, on the way {others:?}",
                    row.id.0, row.name, last.app
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn no_app_takes_another_apps_name() {
    let classifier = Classifier::new(shipped(), Options::default());
    let set = classifier.set();
    for row in set.signatures() {
        for hit in &row.hits {
            let Trial::Name(name) = &hit.trial else { continue };
            for carrier in [Carrier::Dns, Carrier::Http, Carrier::Tls, Carrier::Quic] {
                let found = classifier.by_name(name.as_bytes(), carrier).and_then(|id| set.signature(id));
                assert!(found.is_none_or(|found| found.app == row.app), "{} {name} in {carrier:?}", row.name);
            }
        }
    }
}

/// The ledger: number, app and name of every row there ever was.
fn ledger() -> (String, BTreeMap<u16, (String, String)>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ids.txt");
    let text = std::fs::read_to_string(&path).expect("tests/ids.txt");
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [id, app, name] = words[..] else { panic!("tests/ids.txt: \"{line}\" is not `id app name`") };
        let id = id.parse().unwrap_or_else(|_| panic!("tests/ids.txt: \"{line}\" begins with no number"));
        let before = rows.insert(id, (app.to_owned(), name.to_owned()));
        assert!(before.is_none(), "tests/ids.txt: {id} stands there twice");
    }
    (text, rows)
}

#[test]
fn ids_are_unique_and_permanent() {
    let set = shipped();
    let ids: BTreeSet<u16> = set.signatures().iter().map(|row| row.id.0).collect();
    assert_eq!(ids.len(), set.signatures().len(), "each id once");
    let (_, ledger) = ledger();
    let mut complaints = Vec::new();
    let app_of = |row: &Signature| set.app(row.app).map(|app| app.name.clone()).unwrap_or_default();
    for row in set.signatures() {
        let now = (app_of(row), row.name.clone());
        match ledger.get(&row.id.0) {
            None => complaints.push(format!("add to tests/ids.txt: {} {} {}", row.id.0, now.0, now.1)),
            Some(then) if *then != now => {
                complaints.push(format!(
                    "{} was {} {}, and is {} {} now: a number is never used again",
                    row.id.0, then.0, then.1, now.0, now.1
                ));
            }
            Some(_) => {}
        }
    }
    for (id, (app, name)) in ledger.iter().filter(|(id, _)| !ids.contains(id)) {
        complaints.push(format!("{id} {app} {name} is gone: records that cite it can no longer be read"));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn app_ids_and_roles_stay_in_their_order() {
    // A role's number is its place in the list: C callers and records hold numbers.
    let set = shipped();
    let roles = |name: &str| {
        set.apps().iter().find(|app| app.name == name).map(|app| (app.id.0, app.roles.join(" ")))
    };
    let begins = |name: &str, id: u16, known: &str| {
        let (its, roles) = roles(name).unwrap_or_else(|| panic!("no app {name}"));
        assert_eq!(its, id, "{name}");
        assert!(roles.starts_with(known), "{name}: \"{roles}\" does not begin with \"{known}\"");
    };
    begins("whatsapp", 1, "chat call files web dns other");
    begins("wechat", 2, "dns http longlink mmtls-short mmtls-long media voip web other");
    begins("meta", 3, "relay other");
}
