//! Measured paths into the survey.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use wiremark_locality::path::PathReader;
use wiremark_locality::servers::Server;
use wiremark_locality::{Country, Hint, Locator, Survey, path_files};

use super::arguments::Arguments;
use crate::countries::{read as read_text, refused};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Stop, complain};

/// Complaints about malformed paths that are printed; all are counted.
const COMPLAINTS: u64 = 20;

/// Back ends found in captures are servers that paths may lead to.
pub(super) fn add_servers(survey: &mut Survey, servers: &[(Server, Option<Country>)]) {
    for (server, _) in servers.iter().filter(|(server, _)| server.is_back_end != Some(false)) {
        if let (Some(app), Some(network)) =
            (&server.app, wiremark_locality::Network::parse(&server.address.to_string()))
        {
            survey.add_server(app, network);
        }
    }
}

/// Reads all path files; gives back whether any failed.
pub(super) fn read(
    arguments: &Arguments,
    survey: &mut Survey,
    locator: &mut Locator,
    interrupt: &Interrupt,
) -> Result<bool, Stop> {
    let mut failed = false;
    for path in &arguments.paths {
        if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("csv")) {
            failed |= !file(path, &Hint::default(), survey, locator, interrupt);
            continue;
        }
        let (name, text) = read_text(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for listed in path_files(&name, &text, survey).map_err(refused)? {
            failed |= !file(&folder.join(&listed.file), &listed.hint, survey, locator, interrupt);
        }
    }
    if survey.counts.malformed > COMPLAINTS {
        complain(&format!("{} more malformed paths", survey.counts.malformed - COMPLAINTS));
    }
    Ok(failed)
}

/// One file; gives back whether all of it was read.
fn file(
    path: &PathBuf,
    hint: &Hint,
    survey: &mut Survey,
    locator: &mut Locator,
    interrupt: &Interrupt,
) -> bool {
    if interrupt.came() {
        return true;
    }
    let (source, bytes): (Box<dyn BufRead>, Option<u64>) = if path == Path::new("-") {
        (Box::new(stdin().lock()), None)
    } else {
        match File::open(path) {
            Ok(file) => {
                let bytes = file.metadata().map(|metadata| metadata.len()).ok();
                (Box::new(BufReader::with_capacity(1 << 18, file)), bytes)
            }
            Err(error) => {
                complain(&format!("{}: cannot be read: {error}; check path and permissions", path.display()));
                return false;
            }
        }
    };
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut progress = Progress::new(&name, bytes, false);
    let mut reader = PathReader::new(&name, source);
    let mut is_whole = true;
    while !interrupt.came() {
        match reader.next_trace() {
            Ok(None) => break,
            Ok(Some(Ok(trace))) => survey.add(&trace, hint, &name, locator),
            Ok(Some(Err(error))) => {
                survey.counts.malformed += 1;
                is_whole = false;
                if survey.counts.malformed <= COMPLAINTS {
                    complain(&error);
                }
            }
            Err(error) => {
                complain(&format!("{name}: cannot be read any further: {error}"));
                return false;
            }
        }
        if survey.counts.paths.is_multiple_of(256) {
            progress.read(reader.bytes_read());
        }
    }
    is_whole
}

/// What became of the paths, in a line.
pub(super) fn counts(survey: &Survey) -> String {
    let counts = &survey.counts;
    let mut line = format!("{} paths", counts.paths);
    let left_out = [
        (counts.malformed, "malformed and left out"),
        (counts.without_source, "from no node of the list"),
        (counts.without_target, "to no node and no server"),
        (counts.incomplete, "whose target did not answer"),
        (counts.empty, "without any answer"),
    ];
    for (number, what) in left_out.into_iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {number} {what}");
    }
    let [located, special, unknown, silent] = counts.hops;
    line += &format!(
        ". Answers: {located} with a country, {special} private or otherwise special, {unknown} of unknown country; {silent} silent hops"
    );
    let [impossible, leaps] = counts.flagged;
    line + &format!("; {impossible} that cannot be where they are said to be, {leaps} leaps.")
}
