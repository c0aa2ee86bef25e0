//! `wiremark signatures`: what the signatures are, and whether a folder of them holds.

mod against;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use wiremark::signature::Signature;
use wiremark::{Classifier, Failure, LoadError, Options, SignatureSet, Source, check};
use wiremark_signatures::{ReadError, embedded_and, read_folder};

use crate::inputs::{SignatureFolders, read_files};
use crate::output::{Output, Overwrite};
use crate::stop::{Outcome, Stop, complain};
use crate::table::{table, text};

/// Lists signatures, or checks a folder of signature files
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Loads every signature file of a folder and runs its examples
    ///
    /// Prints a line a file: ok or failed, how many signatures it holds and how many examples were run. What is wrong
    /// stands on standard error, one line each: FILE:LINE: KEY: expected ...
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Folder with *.toml files
        #[arg(value_name = "DIR")]
        folder: PathBuf,

        /// Also play every capture under this folder, which holds none of the apps' traffic: a verdict by payload there
        /// fails, a weaker one is told
        #[arg(long, value_name = "CAPTURES")]
        against: Option<PathBuf>,
    },
    /// Prints every signature with its reason and its source
    #[command(after_help = LIST_HELP)]
    List {
        #[command(flatten)]
        folders: SignatureFolders,

        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// JSON lines, one a signature
    Json,
}

const CHECK_HELP: &str = "\
Examples:
  wiremark signatures check signatures/
  wiremark signatures check my-signatures/ --against foreign-captures/
  wiremark signatures check my-signatures/
  wiremark classify --signatures my-signatures/ capture.pcap

Exit codes:
  0  every file loads and every example holds
  1  something failed
  2  wrong usage";

const LIST_HELP: &str = "\
Examples:
  wiremark signatures list
  wiremark signatures list --format json | jq 'select(.id == 201)'

Exit codes:
  0  all done
  1  the signatures could not be loaded
  2  wrong usage";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let mut output = Output::open(None, &[], Overwrite::default())?;
    let outcome = match &arguments.command {
        Command::Check { folder, against } => {
            let outcome = check_folder(folder, &mut output)?;
            match against {
                Some(captures) if outcome == Outcome::Done => {
                    let classifier = Classifier::new(
                        read_folder(folder).map_err(|error| Stop::Failed(error.to_string()))?,
                        Options::default(),
                    );
                    against::against(&classifier, captures, &mut output)?
                }
                _ => outcome,
            }
        }
        Command::List { folders, format } => list(&folders.load()?, *format, &mut output)?,
    };
    output.finish()?;
    Ok(outcome)
}

fn check_folder(folder: &Path, output: &mut Output) -> Result<Outcome, Stop> {
    let files = read_files(folder)?;
    // Each file alone first, so that every broken file gets its line; then all together, for what only shows then.
    let alone: Vec<Result<SignatureSet, LoadError>> =
        files.iter().map(|(file, text)| SignatureSet::load(&[Source { file, text }])).collect();
    let sound = files.iter().zip(&alone).filter(|(_, set)| set.is_ok());
    let sound: Vec<_> = sound.map(|((file, text), _)| Source { file, text }).collect();
    let failures = match SignatureSet::load(&sound) {
        Ok(set) => failed_examples(set),
        Err(error) => vec![(error.file.clone(), error.to_string())],
    };
    let mut failed = false;
    for ((file, _), set) in files.iter().zip(&alone) {
        let (held, complaints) = match set {
            Err(error) => (String::new(), vec![error.to_string()]),
            Ok(set) => {
                let rows = set.signatures();
                let examples: usize = rows.iter().map(|row| row.hits.len() + row.misses.len()).sum();
                let mine = failures.iter().filter(|(of, _)| of == file).map(|(_, line)| line.clone());
                (format!(": {} signatures, {examples} examples", rows.len()), mine.collect())
            }
        };
        let verdict = if complaints.is_empty() { "ok" } else { "failed" };
        output.text(&format!("{verdict:6}  {file}{held}\n"))?;
        failed |= !complaints.is_empty();
        complaints.iter().for_each(complain);
    }
    // A name that a built-in app has is told here, not when somebody comes to use the folder.
    if !failed
        && let Err(ReadError::Refused(error)) = embedded_and(folder)
        && error.key.ends_with(", host")
    {
        complain(&format!("{error} of the built-in signatures"));
        failed = true;
    }
    Ok(Outcome::failed_if(failed))
}

/// File and complaint of every example that does not hold.
fn failed_examples(set: SignatureSet) -> Vec<(String, String)> {
    let classifier = Classifier::new(set, Options::default());
    let set = classifier.set();
    let complaint = |failure: Failure| {
        let row = set.signature(failure.signature);
        let file = row.and_then(|row| set.app(row.app)).map_or("", |app| app.file.as_str());
        let line = row.map_or(0, |row| row.line);
        (file.to_owned(), format!("{file}:{line}: {failure}"))
    };
    check(&classifier).into_iter().map(complaint).collect()
}

/// A signature as a JSON line.
#[derive(Serialize)]
struct Row<'a> {
    id: u16,
    name: &'a str,
    app: &'a str,
    app_id: u16,
    role: Option<&'a str>,
    veto: bool,
    confidence: &'static str,
    since: u16,
    until: u16,
    why: &'a str,
    source: &'a str,
}

impl<'a> Row<'a> {
    fn new(set: &'a SignatureSet, signature: &'a Signature) -> Self {
        Self {
            id: signature.id.0,
            name: &signature.name,
            app: set.app(signature.app).map_or("", |app| app.name.as_str()),
            app_id: signature.app.0,
            role: (!signature.is_veto).then(|| set.role_name(signature.app, signature.role)),
            veto: signature.is_veto,
            confidence: signature.confidence.name(),
            since: signature.since,
            until: signature.until,
            why: &signature.why,
            source: &signature.source,
        }
    }
}

fn list(set: &SignatureSet, format: Format, output: &mut Output) -> Result<Outcome, Stop> {
    let mut rows: Vec<_> = set.signatures().iter().map(|signature| Row::new(set, signature)).collect();
    rows.sort_by_key(|row| row.id);
    match format {
        Format::Json => {
            for row in rows {
                let line = serde_json::to_string(&row).map_err(|error| Stop::Failed(error.to_string()))?;
                output.text(&(line + "\n"))?;
            }
        }
        Format::Table => {
            let titles = [">id", "app", "role", "name", "evidence", "seen", "why", "source"];
            let mut table = table(output.is_terminal(), &titles);
            for row in rows {
                let evidence = if row.veto { "(veto)" } else { row.confidence };
                let year = |year: u16| if year == 0 { String::new() } else { year.to_string() };
                let seen = match (row.since, row.until) {
                    (0, 0) => String::from("-"),
                    (since, until) => format!("{}-{}", year(since), year(until)),
                };
                let id = row.id.to_string();
                table.add_row([
                    &id,
                    row.app,
                    row.role.unwrap_or("-"),
                    row.name,
                    evidence,
                    &seen,
                    row.why,
                    row.source,
                ]);
            }
            output.text(&text(&table))?;
        }
    }
    Ok(Outcome::Done)
}
