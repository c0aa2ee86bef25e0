//! Why a signature file is refused.

use alloc::string::String;
use core::fmt;

/// Why a signature file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The row and key.
    pub key: String,
    /// What was expected there.
    pub expected: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, expected } = self;
        write!(f, "{file}:{line}: {key}: expected {expected}")
    }
}

impl core::error::Error for LoadError {}
