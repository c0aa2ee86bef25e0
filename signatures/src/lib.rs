//! wiremark's signatures, as data: the shipped set, and folders of one's own.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::{error, fmt, fs, io};
use wiremark::{LoadError, SignatureSet, Source};

/// Name and text of each shipped file.
pub static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

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
}
