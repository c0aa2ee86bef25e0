//! Commands that this build was made without.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::stop::Stop;

/// The commands that are features.
const FEATURES: [&str; 8] =
    ["anonymize", "audit", "calls", "completions", "infer", "locality", "man", "tasks"];

/// Says how a command is had that only other builds have; ends as the parser does for a word that is no command at all.
pub(crate) fn explain<C: CommandFactory>(words: &[OsString]) -> Stop {
    let word = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    if !FEATURES.contains(&word.as_ref()) {
        let text = format!("unrecognized subcommand '{word}'");
        C::command().error(ErrorKind::InvalidSubcommand, text).exit();
    }
    Stop::Usage(format!(
        "{word}: this wiremark was built for the main job only; a build with `--features full` has it (cargo install --path probe --features full)"
    ))
}
