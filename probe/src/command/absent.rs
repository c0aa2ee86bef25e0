//! Commands that this build was made without.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

use crate::stop::Stop;

/// The commands that are features.
const FEATURES: [&str; 8] =
    ["anonymize", "audit", "calls", "completions", "infer", "locality", "man", "tasks"];

fn absent(command: &Command) -> impl Iterator<Item = &'static str> {
    FEATURES.into_iter().filter(|word| command.find_subcommand(word).is_none())
}

/// The help text with the examples of commands that are here: a line each, and one behind it that says what it does.
pub(crate) fn leave_out(command: Command, examples: &str) -> Command {
    let is_absent =
        |line: &str| absent(&command).any(|word| line.starts_with(&format!("  wiremark {word} ")));
    let mut kept = String::new();
    let mut is_left_out = false;
    for line in examples.lines() {
        let goes_on = line.starts_with("      ");
        is_left_out = is_left_out && goes_on || is_absent(line);
        if !is_left_out {
            kept.extend([line, "\n"]);
        }
    }
    command.after_long_help(kept)
}

/// `wiremark help WORD` for a command that is not here.
pub(crate) fn explain_help(command: &Command) -> Option<Stop> {
    let mut words = std::env::args().skip(1);
    (words.next()? == "help").then(|| words.next()).flatten().and_then(|asked| {
        let word = absent(command).find(|word| *word == asked)?;
        Some(elsewhere(word))
    })
}

/// Says how a command is had that only other builds have; ends as the parser does for a word that is no command at all.
pub(crate) fn explain<C: CommandFactory>(words: &[OsString]) -> Stop {
    let word = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    if !FEATURES.contains(&word.as_ref()) {
        let text = format!("unrecognized subcommand '{word}'");
        C::command().error(ErrorKind::InvalidSubcommand, text).exit();
    }
    elsewhere(&word)
}

fn elsewhere(word: &str) -> Stop {
    Stop::Usage(format!(
        "{word}: this wiremark was built for the main job only; a build with `--features full` has it (cargo install --path probe --features full)"
    ))
}
