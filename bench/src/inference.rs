//! How good `wiremark infer` is: boundaries found in sets with truth, by the measures of the literature; and its trainer.

mod long_link;
mod made_up;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Subcommand;
use made_up::Protocol;
use wiremark_inference::score::Score;
use wiremark_inference::training::{ROW_WIDTH, rows};
use wiremark_inference::{Messages, infer};
use wiremark_tests::random::Random;

use trees::{Growth, Rows, Trees};

/// What to do with sets: folders with `messages/NAME.hex` and `truth/NAME.txt`.
#[derive(Debug, Subcommand)]
pub(crate) enum Wanted {
    /// Score boundaries, set by set.
    Score {
        /// Folders of sets.
        #[arg(default_value = "../shared/inference")]
        sets: Vec<PathBuf>,
        /// Made-up protocols to score as well.
        #[arg(long, default_value_t = 0)]
        made_up: u64,
    },
    /// The long link of the trace builder, ten seeds, and random bytes.
    LongLink {
        /// First seed.
        #[arg(long, default_value_t = 100)]
        seed: u64,
    },
    /// Grow the forest anew.
    Train {
        /// Folders of sets.
        sets: Vec<PathBuf>,
        /// Made-up protocols to learn from.
        #[arg(long, default_value_t = 100)]
        made_up: u64,
        /// Sets that take no part, to be reported on.
        #[arg(long, value_delimiter = ',', default_value = "mavlink,bgp,dhcp,dns,stun")]
        without: Vec<String>,
        /// Where the trees go.
        #[arg(long, default_value = "analysis/inference/src/boundaries.forest")]
        output: PathBuf,
    },
}

/// A set: its name, its messages, where their fields begin.
struct Set {
    name: String,
    messages: Messages,
    truth: Vec<Vec<u32>>,
}

pub(crate) fn run(wanted: &Wanted) -> Result<(), Box<dyn std::error::Error>> {
    match wanted {
        Wanted::Score { sets, made_up } => {
            // Seeds that no training sees.
            let made = (0..*made_up).filter_map(|seed| made(1000 + seed));
            score(read(sets)?.into_iter().chain(made));
            Ok(())
        }
        Wanted::LongLink { seed } => {
            long_link::run(*seed);
            Ok(())
        }
        Wanted::Train { sets, made_up, without, output } => {
            let sets = read(sets)?.into_iter().filter(|set| !without.contains(&set.name));
            let text = train(sets.chain((0..*made_up).filter_map(made)).collect());
            Ok(fs::write(output, text)?)
        }
    }
}

fn read(folders: &[PathBuf]) -> Result<Vec<Set>, Box<dyn std::error::Error>> {
    let mut sets = Vec::new();
    for folder in folders {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder.join("messages"))? {
            files.push(entry?.path());
        }
        files.sort();
        for file in files {
            sets.push(read_set(folder, &file)?);
        }
    }
    Ok(sets)
}

fn read_set(folder: &Path, file: &Path) -> Result<Set, Box<dyn std::error::Error>> {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let messages = Messages::from_hex(&fs::read_to_string(file)?)?;
    let truth = fs::read_to_string(folder.join("truth").join(format!("{name}.txt")))?;
    let truth: Vec<Vec<u32>> = truth
        .lines()
        .map(|line| line.split_whitespace().map(str::parse).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()?;
    if truth.len() != messages.len() {
        return Err(format!("{name}: {} messages, but truth of {}", messages.len(), truth.len()).into());
    }
    Ok(Set { name, messages, truth })
}

fn made(seed: u64) -> Option<Set> {
    let mut random = Random::new(seed * 7919 + 1);
    let protocol = Protocol::draw(&mut random);
    let count = random.between(60, 500);
    let (all, truth) = protocol.messages(&mut random, count);
    let messages: Messages = all.iter().map(Vec::as_slice).collect();
    (messages.len() >= 30).then(|| Set { name: format!("made-up-{seed}"), messages, truth })
}

fn score(sets: impl Iterator<Item = Set>) {
    println!(
        "| set | messages | F1 | FPR | precision | recall | messages' own F1 | perfection | F1 in 16 | FPR in 16 | s |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut sums = [0.0; 8];
    let mut count = 0.0;
    for set in sets {
        let start = Instant::now();
        let found: Vec<Vec<u32>> = infer(&set.messages, &[])
            .boundaries
            .iter()
            .map(|found| found.iter().map(|boundary| boundary.offset).collect())
            .collect();
        let took = start.elapsed().as_secs_f64();
        let whole = Score::of(&set.messages, &found, &set.truth, usize::MAX);
        let first = Score::of(&set.messages, &found, &set.truth, 16);
        let figures = [
            whole.f1(),
            whole.false_positive_rate(),
            whole.precision(),
            whole.recall(),
            whole.mean_own_f1(),
            whole.perfection(),
            first.f1(),
            first.false_positive_rate(),
        ];
        line(&set.name, set.messages.len(), &figures, took);
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        count += 1.0;
    }
    line("mean", 0, &sums.map(|sum| sum / count), 0.0);
}

fn line(name: &str, messages: usize, figures: &[f64; 8], took: f64) {
    let figures: Vec<String> = figures.iter().map(|figure| format!("{figure:.3}")).collect();
    println!("| {name} | {messages} | {} | {took:.2} |", figures.join(" | "));
}

/// Rows a set gives at most.
const MOST_ROWS: [usize; 2] = [2500, 700];

fn train(sets: Vec<Set>) -> String {
    let mut all = Rows { width: ROW_WIDTH, ..Rows::default() };
    for set in sets {
        let is_made = set.name.starts_with("made-up-");
        let own = rows(&set.messages, &set.truth);
        let most = MOST_ROWS[usize::from(is_made)];
        let mut random = Random::new(7);
        let picked: Vec<_> =
            own.iter().filter(|_| own.len() <= most || random.between(1, own.len()) <= most).collect();
        let weight = |messages: u32| (messages as f32).sqrt();
        let total: f32 = picked.iter().map(|row| weight(row.messages)).sum();
        // Small sets say less; a made-up one less than a real one.
        let share = if is_made { 0.4 } else { 1.0 } * (own.len() as f32 / 300.0).clamp(0.3, 1.0);
        for row in picked {
            all.labels.push(row.truth);
            all.weights.push(weight(row.messages) / total * share * 1000.0);
            all.values.extend(&row.numbers);
        }
    }
    Trees::grow(&all, Growth { trees: 200, leaves: 16, rate: 0.1, ridge: 5.0, percent: 30, seed: 7 }).text()
}
