//! How often each row takes structured foreign bytes for its app's, and whether one wrong verdict spreads.

pub mod models;

use crate::random::Random;
use models::{ForeignFlow, Model};
use std::collections::{BTreeMap, HashSet};
use wiremark::{
    Address, Classifier, Confidence, Context, Direction, FiveTuple, FlowState, Fragment, Packet, SignatureId,
    TcpFields, Verdict,
};

/// Hits of one row in one model.
pub type Hits = BTreeMap<SignatureId, u64>;

/// Most flows with a verdict that are kept to see what they teach.
const TEACHERS_MAX: usize = 100;
/// Of how many flows to one server one got a verdict by its own bytes.
const FLOWS_A_TEACHER: u64 = 250;

/// Makes `flows` flows of a model and counts by which row those with a verdict got it. Each flow is alone in the world. Gives back some
/// of those with a verdict, too: by payload, if there are any.
pub fn rate(classifier: &Classifier, model: &Model, flows: u64, seed: u64) -> (Hits, Vec<ForeignFlow>) {
    let mut random = Random::new(seed);
    let mut context = Context::default();
    let mut hits = Hits::new();
    let (mut strong, mut weak) = (Vec::new(), Vec::new());
    for number in 0..flows {
        let flow = (model.make)(&mut random);
        // Far enough in time that nothing an earlier flow taught is believed any more.
        let start_us = number * 86_400_000_000 % (u64::MAX / 2);
        let verdict = play(classifier, &mut context, &flow, (10, 1), start_us);
        if verdict.is_match() {
            *hits.entry(verdict.signature).or_default() += 1;
            let teachers = if verdict.confidence == Confidence::Payload { &mut strong } else { &mut weak };
            if teachers.len() < TEACHERS_MAX {
                teachers.push(flow);
            }
        }
    }
    (hits, if strong.is_empty() { weak } else { strong })
}

/// One server, many clients: how many flows got a verdict by their own bytes, and how many by what others taught. One in
/// 250 is one of `teachers`, if there are any.
pub fn spread(
    classifier: &Classifier,
    model: &Model,
    teachers: &[ForeignFlow],
    flows: u64,
    seed: u64,
) -> [u64; 2] {
    let mut random = Random::new(seed);
    let (mut context, mut alone) = (Context::default(), Context::default());
    let mut counts = [0; 2];
    for number in 0..flows {
        let mut flow = (model.make)(&mut random);
        let teacher = teachers.get((number / FLOWS_A_TEACHER) as usize % teachers.len().max(1));
        if let Some(teacher) = teacher.filter(|_| number % FLOWS_A_TEACHER == 0) {
            flow = teacher.clone();
        }
        let client = (number as u32 % 5_000 + 1, 20_000 + (number / 5_000) as u16);
        let own = play(classifier, &mut alone, &flow, client, number * 86_400_000_000 % (u64::MAX / 2));
        let among = play(classifier, &mut context, &flow, client, number * 1000);
        counts[0] += u64::from(own.is_match());
        counts[1] += u64::from(among.is_match() && !own.is_match());
    }
    counts
}

/// The rows that count as payload: those that a rate above the promise condemns.
pub fn strong_rows(classifier: &Classifier) -> HashSet<SignatureId> {
    let rows = classifier.set().signatures().iter();
    rows.filter(|row| row.confidence == Confidence::Payload && !row.is_veto).map(|row| row.id).collect()
}

fn play(
    classifier: &Classifier,
    context: &mut Context,
    flow: &ForeignFlow,
    (client, client_port): (u32, u16),
    start_us: u64,
) -> Verdict {
    let [_, b, c, d] = client.to_be_bytes();
    let up = FiveTuple {
        src: Address::v4([10, b, c, d]),
        dst: Address::v4([198, 51, 100, 20]),
        src_port: client_port,
        dst_port: flow.port,
        transport: flow.transport,
    };
    let mut state = FlowState::default();
    let mut sequence = [1u32, 1];
    let mut now_us = start_us + 1;
    for (direction, payload) in &flow.packets {
        let (five_tuple, side) = match direction {
            Direction::Originator => (up, 0),
            Direction::Responder => (up.reversed(), 1),
        };
        let tcp = TcpFields { sequence: sequence[side], flags: TcpFields::ACK };
        sequence[side] = sequence[side].wrapping_add(payload.len() as u32);
        now_us += 1000;
        let packet = Packet { five_tuple, tcp, time_us: now_us, payload, fragment: Fragment::Whole };
        classifier.classify(context, &mut state, &packet);
    }
    state.verdict()
}
