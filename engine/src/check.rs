//! Runs the examples of every row: what `signatures check` and the test suite do.

mod why;

use crate::classifier::Classifier;
use crate::context::{Context, ContextConfig};
use crate::five_tuple::{Address, Direction, FiveTuple, Transport};
use crate::flow::FlowState;
use crate::observer::{Event, Observer};
use crate::packet::{Fragment, Packet, TcpFields};
use crate::signature::Signature;
use crate::signature::model::{Example, Trial};
use crate::verdict::{AppId, Carrier, SignatureId, Verdict};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// An example that does not do what its row promises.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The row.
    pub signature: SignatureId,
    /// The example as the file has it.
    pub example: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.example.chars().take(60).collect();
        write!(f, "signature {}: {}: {shown}", self.signature.0, self.problem)
    }
}

/// End points of every example flow; the responder's port is the example's.
const ORIGINATOR: (Address, u16) = (Address::v4([10, 0, 0, 1]), 40_000);
const RESPONDER: Address = Address::v4([198, 51, 100, 1]);

/// Tries every hit and every miss of every row. An empty answer is a set whose rows keep their word:
/// a hit makes its row conclude (a veto row fire) and leaves the flow with the row's own app, a miss does not.
pub fn check(classifier: &Classifier) -> Vec<Failure> {
    let mut failures = Vec::new();
    for row in classifier.set().signatures() {
        for (examples, wanted) in [(&row.hits, true), (&row.misses, false)] {
            for example in examples {
                let problem = problem(classifier, row, example, wanted);
                failures.extend(problem.map(|problem| Failure {
                    signature: row.id,
                    example: example.text.clone(),
                    problem,
                }));
            }
        }
    }
    failures
}

fn problem(classifier: &Classifier, row: &Signature, example: &Example, wanted: bool) -> Option<String> {
    let (concluded, app) = match &example.trial {
        Trial::Packets { port, packets } => run(classifier, row, *port, packets),
        Trial::Name(name) => {
            let allowed = &row.conditions.carriers;
            let carriers = [Carrier::Dns, Carrier::Http, Carrier::Tls, Carrier::Quic];
            let carriers = || carriers.iter().filter(|one| allowed.is_empty() || allowed.contains(one));
            let found = |carrier: &Carrier| classifier.by_name(name.as_bytes(), *carrier) == Some(row.id);
            (if wanted { carriers().all(found) } else { carriers().any(found) }, row.app)
        }
        Trial::Address(address) => {
            let found = classifier.set().table.by_address(*address);
            (found.is_some_and(|found| classifier.set().table.rows[usize::from(found)].id == row.id), row.app)
        }
    };
    match (wanted, concluded) {
        (true, false) => Some(match &example.trial {
            Trial::Packets { port, packets } => {
                format!("this hit does not match: {}", why::why(row, *port, packets))
            }
            Trial::Name(_) | Trial::Address(_) => {
                String::from("this hit does not match: another row has it, or none")
            }
        }),
        (false, true) => Some(String::from("this miss matches")),
        (true, true) if app != row.app && !row.is_veto => {
            let other = classifier.set().app(app).map_or("no app", |app| app.name.as_str());
            Some(format!("this hit leaves the flow with {other}"))
        }
        _ => None,
    }
}

struct Watch {
    row: SignatureId,
    seen: bool,
}

impl Observer for Watch {
    fn event(&mut self, event: Event<'_>) {
        let mine = [Event::Matched(self.row), Event::Vetoed(self.row), Event::Noted(self.row)];
        self.seen |= mine.contains(&event);
    }
}

/// Plays the packets as one flow. Whether the row concluded and still stands, and the app the flow ends with.
fn run(
    classifier: &Classifier,
    row: &Signature,
    port: u16,
    packets: &[(Direction, Vec<u8>)],
) -> (bool, AppId) {
    let transport = match row.conditions.transport {
        None if row.conditions.stun.is_some() || row.conditions.rtp.is_some() => Transport::Udp,
        transport => transport.unwrap_or(Transport::Tcp),
    };
    let mut context = Context::new(ContextConfig { parked_slots: 4, ..ContextConfig::default() });
    let mut flow = FlowState::default();
    let mut watch = Watch { row: row.id, seen: false };
    let mut sequence = [1u32, 1];
    let up =
        FiveTuple { src: ORIGINATOR.0, dst: RESPONDER, src_port: ORIGINATOR.1, dst_port: port, transport };
    if row.conditions.joins_call {
        context.evidence.note_call((ORIGINATOR, (RESPONDER, port)), &up, row.id, 0);
    }
    for (direction, payload) in packets {
        let (five_tuple, side) = match direction {
            Direction::Originator => (up, 0),
            Direction::Responder => (up.reversed(), 1),
        };
        let tcp = TcpFields { sequence: sequence[side], flags: TcpFields::ACK };
        sequence[side] = sequence[side].wrapping_add(payload.len() as u32);
        let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
        classifier.classify_observed(&mut context, &mut flow, &packet, &mut watch);
        flow.verdict.flags &= !Verdict::FINAL;
    }
    let stands = classifier
        .set()
        .table
        .row(row.id)
        .is_some_and(|row| row.unless & flow.seen == 0 && row.group & flow.dead_groups == 0);
    (watch.seen && stands, flow.verdict.app)
}
