//! Which captures a command reads, in which order, and on how many threads.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use wiremark::TrackerConfig;
use wiremark_capture::{Capture, Problem};

use crate::headings::INPUT;
use crate::signal::Interrupt;
use crate::stop::Stop;

/// How often a folder is looked into for captures that are still to come.
const PAUSE: Duration = Duration::from_millis(100);

/// How captures are taken.
#[derive(Args)]
pub(crate) struct CaptureArguments {
    /// Read all captures as one stream, in the order of their first packets: flows, and what was learned on the way, go on
    /// from one to the next
    #[arg(long = "continue", help_heading = INPUT)]
    pub(crate) is_continued: bool,

    /// Read files on so many threads; the results are the same for every number [default: the processor's cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = INPUT)]
    threads: Option<u16>,
}

impl CaptureArguments {
    /// Threads to read a file on.
    pub(crate) fn threads(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    /// The files meant, each with the number of its stream: one stream each, or the same for all.
    pub(crate) fn streams(&self, given: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, Stop> {
        let mut files = Vec::new();
        for path in given {
            files.extend(named(path)?);
        }
        if !self.is_continued {
            return Ok(files.into_iter().map(|file| vec![file]).collect());
        }
        if files.iter().any(|file| file == Path::new("-")) {
            return Err(Stop::Usage(
                "--continue looks into files for their order: it cannot take standard input".into(),
            ));
        }
        // Those that cannot be read come last, and are complained about then.
        files.sort_by_cached_key(|file| first_time_ns(file).unwrap_or(u64::MAX));
        Ok(vec![files])
    }
}

/// What errors call a file.
pub(crate) fn name_of(file: &Path) -> String {
    if file == Path::new("-") { "standard input".into() } else { file.display().to_string() }
}

/// What errors and records call files that are read as one.
pub(crate) fn stream_name(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [only] => name_of(only),
        [first, ..] => format!("{} and {} more", name_of(first), files.len() - 1),
    }
}

/// More frames than there can be in what is read as one. Of several files nobody knows.
pub(crate) fn frames_at_most(files: &[impl AsRef<Path>]) -> Option<usize> {
    match files {
        [only] => Capture::frames_at_most(only.as_ref()),
        _ => None,
    }
}

/// A tracker's sizes for what is read as one: no larger than its frames can fill.
pub(crate) fn sized(config: TrackerConfig, files: &[impl AsRef<Path>]) -> TrackerConfig {
    frames_at_most(files).map_or(config, |frames| config.for_frames(frames))
}

/// The files a path stands for: those of a folder that begin like captures, those that match a pattern, or itself.
fn named(path: &Path) -> Result<Vec<PathBuf>, Stop> {
    if path.is_dir() {
        let files = captures_in(path)?;
        // A folder without captures is complained about as what it is, when its turn comes.
        return Ok(if files.is_empty() { vec![path.to_owned()] } else { files });
    }
    let text = path.to_string_lossy();
    if !text.contains(['*', '?', '[']) || path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    let wrong = |error: &dyn std::fmt::Display| Stop::Usage(format!("{text}: not a pattern: {error}"));
    let matching = glob::glob(&text).map_err(|error| wrong(&error))?;
    let mut files: Vec<PathBuf> = matching.filter_map(Result::ok).filter(|file| file.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(Stop::Usage(format!("{text}: no file matches; check the pattern")));
    }
    Ok(files)
}

/// The captures of a folder, by name; hidden files and those of other kinds are none.
fn captures_in(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut files = files_in(folder)?;
    files.retain(|file| {
        let is_other = |error: &wiremark_capture::CaptureError| {
            matches!(error.problem, Problem::NotACapture(_) | Problem::Empty)
        };
        !Capture::open(file).is_err_and(|error| is_other(&error))
    });
    Ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let unreadable = |error: std::io::Error| {
        Stop::Failed(format!(
            "{}: cannot be read: {error}; name a folder that you may read",
            folder.display()
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_file() && !is_hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The time of a capture's first packet that has one; none where it cannot be had.
fn first_time_ns(file: &Path) -> Option<u64> {
    let mut capture = Capture::open(file).ok()?;
    while let Ok(Some(frame)) = capture.next_frame() {
        if frame.is_timed {
            return Some(frame.time_ns());
        }
    }
    None
}

/// A folder into which captures come: rotated ones, the last still being written.
pub(crate) struct Watched {
    folder: PathBuf,
    seen: HashSet<PathBuf>,
    waiting: Vec<PathBuf>,
    interrupt: Interrupt,
}

impl Watched {
    pub(crate) fn new(folder: &Path, interrupt: &Interrupt) -> Self {
        let (folder, interrupt) = (folder.to_owned(), interrupt.clone());
        Self { folder, seen: HashSet::new(), waiting: Vec::new(), interrupt }
    }

    /// The next capture, and a flag that comes true once it will not grow any more, because another came; none once a signal
    /// came.
    pub(crate) fn next(&mut self) -> Result<Option<(PathBuf, Arc<AtomicBool>)>, Stop> {
        while self.waiting.is_empty() {
            if self.interrupt.came() {
                return Ok(None);
            }
            self.waiting = new_in(&self.folder, &self.seen)?;
            self.waiting
                .sort_by_cached_key(|file| std::cmp::Reverse(first_time_ns(file).unwrap_or(u64::MAX)));
            if self.waiting.is_empty() {
                thread::sleep(PAUSE);
            }
        }
        let Some(file) = self.waiting.pop() else { return Ok(None) };
        self.seen.insert(file.clone());
        let is_whole = Arc::new(AtomicBool::new(!self.waiting.is_empty()));
        let (flag, interrupt) = (Arc::clone(&is_whole), self.interrupt.clone());
        let (folder, seen) = (self.folder.clone(), self.seen.clone());
        thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) && Arc::strong_count(&flag) > 1 {
                thread::sleep(PAUSE);
                if interrupt.came() || new_in(&folder, &seen).is_ok_and(|new| !new.is_empty()) {
                    flag.store(true, Ordering::Relaxed);
                }
            }
        });
        Ok(Some((file, is_whole)))
    }
}

/// The captures of a folder that were not seen before; a packed copy of one that was is none.
fn new_in(folder: &Path, seen: &HashSet<PathBuf>) -> Result<Vec<PathBuf>, Stop> {
    let mut new = files_in(folder)?;
    new.retain(|file| {
        let is_packed = ["gz", "zst", "xz", "lz4", "bz2"]
            .iter()
            .any(|ending| file.extension() == Some(OsStr::new(ending)));
        let is_copy = is_packed && seen.contains(&file.with_extension(""));
        // A file of which the header is not there yet is looked at later.
        !seen.contains(file) && !is_copy && Capture::open(file).is_ok()
    });
    Ok(new)
}
