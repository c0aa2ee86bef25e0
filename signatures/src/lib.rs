//! wiremark's signatures, as data: the shipped set, and folders of one's own.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::{error, fmt, fs, io};
use wiremark::{LoadError, SignatureSet, Source};

/// Name and text of each shipped file.
pub static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What packets of a call mean (`calls/`), for `wiremark-calls`.
pub mod calls {
    /// Calls over relays.
    pub const WHATSAPP: &str = include_str!("../calls/whatsapp.toml");
    /// Calls over channels.
    pub const WECHAT: &str = include_str!("../calls/wechat.toml");
}

/// What requests and messages mean to people (`tasks/`), for `wiremark-tasks`.
pub mod tasks {
    /// CGIs, request types and command ids.
    pub const WECHAT_CGIS: &str = include_str!("../tasks/wechat.csv");
    /// All else.
    pub const WECHAT: &str = include_str!("../tasks/wechat.toml");
}

/// The shipped set.
///
/// # Errors
/// None in a build whose tests pass.
pub fn embedded() -> Result<SignatureSet, LoadError> {
    let sources: Vec<Source<'_>> = EMBEDDED.iter().map(|(file, text)| Source { file, text }).collect();
    SignatureSet::load(&sources)
}

/// Why a folder gave no set.
#[derive(Debug)]
pub enum ReadError {
    /// A file or the folder could not be read.
    Unreadable(PathBuf, io::Error),
    /// There is no `.toml` file in the folder.
    Empty(PathBuf),
    /// A file says something that cannot be.
    Refused(LoadError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            ReadError::Empty(path) => {
                write!(f, "{}: expected at least one signature file (*.toml) here", path.display())
            }
            ReadError::Refused(error) => error.fmt(f),
        }
    }
}

impl error::Error for ReadError {}

/// The files of a folder: every `*.toml` but `Cargo.toml`, by name.
///
/// # Errors
/// What could not be read.
pub fn read_files(folder: &Path) -> Result<Vec<(String, String)>, ReadError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |error| ReadError::Unreadable(path, error)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        if is_toml && path.file_name().is_some_and(|name| name != "Cargo.toml") {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push((path.display().to_string(), text));
        }
    }
    if files.is_empty() {
        return Err(ReadError::Empty(folder.to_path_buf()));
    }
    files.sort();
    Ok(files)
}

/// The shipped set and a folder's files, as one set.
///
/// # Errors
/// The first thing that could not be read or was refused: an app, a number or a name that the shipped set has already, too.
pub fn embedded_and(folder: &Path) -> Result<SignatureSet, ReadError> {
    let files = read_files(folder)?;
    let own = files.iter().map(|(file, text)| Source { file, text });
    let sources: Vec<Source<'_>> =
        EMBEDDED.iter().map(|(file, text)| Source { file, text }).chain(own).collect();
    SignatureSet::load(&sources).map_err(ReadError::Refused)
}

/// The set in a folder.
///
/// # Errors
/// The first thing that could not be read or was refused.
pub fn read_folder(folder: &Path) -> Result<SignatureSet, ReadError> {
    let files = read_files(folder)?;
    let sources: Vec<Source<'_>> = files.iter().map(|(file, text)| Source { file, text }).collect();
    SignatureSet::load(&sources).map_err(ReadError::Refused)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_set_loads() {
        if let Err(error) = super::embedded() {
            panic!("{error}");
        }
    }

    #[test]
    fn every_hit_hits_and_every_miss_misses() {
        let classifier = wiremark::Classifier::new(super::embedded().unwrap(), wiremark::Options::default());
        let failures: Vec<String> = wiremark::check(&classifier).iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{failures:#?}");
    }

    /// Every sheet and section that a row names is there to be read.
    #[test]
    fn cited_sections_exist() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("facts");
        let (mut cited, mut missing) = (0, Vec::new());
        for row in super::embedded().unwrap().signatures() {
            for part in row.source.split("facts/").skip(1) {
                let (sheet, rest) = part.split_once(".md").unwrap_or((part, ""));
                let Ok(text) = std::fs::read_to_string(folder.join(format!("{sheet}.md"))) else {
                    missing.push(format!("{}: facts/{part}", row.name));
                    continue;
                };
                let rest = rest.split([';', ':']).next().unwrap_or_default();
                let numbers = rest.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '.']));
                let is_section = |word: &&str| {
                    let mut parts = word.split('.');
                    parts.all(|part| part.len() == 1 && part.as_bytes()[0].is_ascii_digit())
                };
                // "3", "7.1 and 7.2", "5.1 to 5.3"; what follows is words.
                let sections = numbers.take_while(|word| is_section(word) || ["and", "to"].contains(word));
                for section in sections.filter(is_section) {
                    cited += 1;
                    let is_it = |line: &str| {
                        let title = line.trim_start_matches('#');
                        let found = title.len() < line.len() && title.trim_start().starts_with(section);
                        found
                            && !title.trim_start()[section.len()..].starts_with(|c: char| c.is_ascii_digit())
                    };
                    if !text.lines().any(is_it) {
                        missing.push(format!("{}: facts/{sheet}.md {section}", row.name));
                    }
                }
            }
        }
        assert!(cited > 100 && missing.is_empty(), "{cited} {missing:#?}");
    }
}
