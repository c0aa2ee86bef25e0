//! What the fuzz targets assert, on their seeds, on the seeds mutated, and on what fuzzing once found.

use std::path::Path;

use wiremark_tests::hostile::seeds::seeds;
use wiremark_tests::hostile::targets::{TARGETS, Target};
use wiremark_tests::random::Random;

/// Mutations a seed; `MUTATIONS=1000 cargo test -p wiremark-tests --test all -- targets::` does more.
fn mutations() -> usize {
    std::env::var("MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(8)
}

/// Changes some bytes, cuts some off, or puts a piece somewhere else.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.between(1, 6) {
        if bytes.is_empty() {
            return;
        }
        let at = random.between(0, bytes.len() - 1);
        match random.between(0, 5) {
            0 => bytes[at] ^= 1 << random.between(0, 7),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][random.between(0, 5)],
            2 => bytes[at] = random.word() as u8,
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..bytes.len().min(at + random.between(1, 40))].to_vec();
                let to = random.between(0, bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => drop(bytes.drain(at..bytes.len().min(at + random.between(1, 8)))),
        }
    }
}

#[test]
fn targets_hold_on_seeds_and_mutated_seeds() {
    let seeds = seeds().expect("cases that build");
    let mut random = Random::new(17);
    for (name, target) in TARGETS {
        let own = seeds.get(name).unwrap_or_else(|| panic!("{name} has seeds"));
        assert!(!own.is_empty());
        // Signature sets take milliseconds each.
        let (every, times) = if name == "signatures" { (8, 1) } else { (1, mutations()) };
        for seed in own.iter().step_by(every) {
            target(seed);
            for _ in 0..times {
                let mut bytes = seed.clone();
                mutate(&mut bytes, &mut random);
                target(&bytes);
            }
        }
    }
}

/// Files `tests/regressions/TARGET-WHAT`, each the bytes of a find.
#[test]
fn what_fuzzing_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let target: &(&str, Target) = TARGETS
            .iter()
            .find(|(target, _)| name.strip_prefix(target).is_some_and(|rest| rest.starts_with('-')))
            .unwrap_or_else(|| panic!("{name} begins with a target's name"));
        println!("{name}");
        target.1(&std::fs::read(&path).expect("a find"));
    }
}

#[test]
fn every_target_is_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/fuzz/fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    files.sort();
    let mut names = TARGETS.map(|(name, _)| name);
    names.sort_unstable();
    assert_eq!(files, names);
}
