//! How often each row takes structured foreign bytes for its app's: `rates [FLOWS [SEED]]`, a million flows a model if
//! nothing is said. Fails where a row that counts as payload does so more than once in a million flows, or where what one
//! flow was taken for spreads to others: every 250th flow to a server is one of those that got a verdict above.

use std::process::ExitCode;
use wiremark::{Classifier, Options};
use wiremark_tests::rates::models::MODELS;
use wiremark_tests::rates::{rate, spread, strong_rows};

/// Most hits of a row that counts as payload, in flows of one model.
const PROMISED: f64 = 1e-6;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |other: u64| arguments.next().map_or(Ok(other), |text| text.replace('_', "").parse());
    let (Ok(flows), Ok(seed)) = (number(1_000_000), number(1)) else {
        eprintln!("rates [FLOWS [SEED]]: two whole numbers, such as rates 10000000 7");
        return ExitCode::from(2);
    };
    let set = match wiremark_signatures::embedded() {
        Ok(set) => set,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let classifier = Classifier::new(set, Options::default());
    let strong = strong_rows(&classifier);
    println!(
        "{flows} flows a model, seed {seed}\n\n| model | row | evidence | hits a flow |\n|---|---|---|---:|"
    );
    let mut held = true;
    let mut teachers = Vec::new();
    for model in &MODELS {
        let (hits, with_verdict) = rate(&classifier, model, flows, seed);
        teachers.push(with_verdict);
        if hits.is_empty() {
            println!("| {} | none | | 0 |", model.name);
        }
        for (id, hits) in hits {
            let row = classifier.set().signature(id);
            let name = row.map_or("?", |row| &row.name);
            let kind = row.map_or("?", |row| row.confidence.name());
            let rate = hits as f64 / flows as f64;
            // A hit or two in few flows say nothing of a rate.
            let broken = strong.contains(&id) && rate > PROMISED && hits > 2;
            println!(
                "| {} | {} {name} | {kind} | {rate:.1e}{} |",
                model.name,
                id.0,
                if broken { " TOO OFTEN" } else { "" }
            );
            held &= !broken;
        }
    }
    println!(
        "\n| one server, model | flows | by their own bytes | by what others taught |\n|---|---:|---:|---:|"
    );
    for (model, teachers) in MODELS.iter().zip(&teachers) {
        let flows = flows.min(20_000);
        let [own, taught] = spread(&classifier, model, teachers, flows, seed);
        println!(
            "| {} | {flows} | {own} | {taught}{} |",
            model.name,
            if taught > 0 { " SPREADS" } else { "" }
        );
        held &= taught == 0;
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
