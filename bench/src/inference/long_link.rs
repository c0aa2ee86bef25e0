//! The long link of the trace builder, and bytes without any structure.

use wiremark_inference::score::Score;
use wiremark_inference::{Field, Messages, Origin, infer};
use wiremark_tests::protocol::wechat_longlink::{NOOP, RESPONSE, message};
use wiremark_tests::random::Random;

/// Messages of five flows, each request with its response; ids above 255 among them where `wide`.
fn messages(seed: u64, wide: bool) -> (Messages, Vec<Origin>) {
    let mut random = Random::new(seed);
    let mut ids: Vec<u32> = (0..random.between(4, 14)).map(|_| random.between(1, 250) as u32).collect();
    ids.push(NOOP);
    if wide {
        ids.extend((0..3).map(|_| random.between(256, 1200) as u32));
    }
    let (mut messages, mut origins, mut sequences) = (Messages::new(), Vec::new(), [10u32; 5]);
    while messages.len() < 1000 {
        let flow = random.between(0, 4);
        // Some ids are much commoner than others.
        let id = ids[random.between(0, ids.len() - 1).min(random.between(0, ids.len() - 1))];
        sequences[flow] += 1;
        let sequence = if id == NOOP { u32::MAX } else { sequences[flow] };
        for upward in [true, false] {
            let most = if id == NOOP { 0 } else { random.between(0, 900) };
            let body = random.bytes(most);
            let command = if upward { id } else { id + RESPONSE };
            origins.push(Origin { flow: flow as u64, upward, time_us: messages.len() as u64 * 700_000 });
            messages.push(&message(command, sequence, &body));
        }
    }
    (messages, origins)
}

/// Prints a line for each of ten seeds, with narrow and with wide ids, and for random bytes.
pub(super) fn run(first: u64) {
    println!("| ids | seed | F1 in 16 | fields |\n|---|---:|---:|---|");
    for wide in [false, true] {
        for seed in first..first + 10 {
            let (messages, origins) = messages(seed, wide);
            let found = infer(&messages, &origins);
            let starts: &[u32] = if wide { &[4, 8, 12] } else { &[4, 8, 11, 12] };
            let boundaries: Vec<Vec<u32>> = found
                .boundaries
                .iter()
                .map(|all| all.iter().map(|boundary| boundary.offset).collect())
                .collect();
            let truth = vec![starts.to_vec(); messages.len()];
            let score = Score::of(&messages, &boundaries, &truth, 16);
            let field = |field: &Field| format!("{}+{} {}", field.offset, field.length, field.field_type);
            let fields: Vec<String> =
                found.fields.iter().filter(|field| field.offset < 16).map(field).collect();
            let ids = if wide { "above 255 too" } else { "one byte" };
            println!("| {ids} | {seed} | {:.3} | {} |", score.f1(), fields.join(", "));
        }
    }
    for seed in first..first + 3 {
        let mut random = Random::new(seed);
        let mut messages = Messages::new();
        for _ in 0..1000 {
            let bytes = if seed == first { 64 } else { random.between(20, 300) };
            messages.push(&random.bytes(bytes));
        }
        let found: usize = infer(&messages, &[]).boundaries.iter().map(Vec::len).sum();
        println!("random bytes, seed {seed}: {found} boundaries in {} messages", messages.len());
    }
}
