//! Signatures: what a row may say, how files become rows, and the compiled look-up.

pub mod equation;
mod example;
mod load;
pub mod model;
pub mod pattern;
pub(crate) mod table;
mod toml_view;

pub use model::{App, Signature};

use crate::verdict::{AppId, Role, SignatureId};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One signature file: a name for error messages, and its TOML text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// How errors name the file.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

/// Apps and their rows, checked, in order of their ids.
#[derive(Debug)]
pub struct SignatureSet {
    apps: Vec<App>,
    signatures: Vec<Signature>,
    pub(crate) table: table::Table,
}

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

impl SignatureSet {
    /// Reads files of the language that `signatures/README.md` describes.
    ///
    /// # Errors
    /// The first thing wrong, with file, line, key and what was expected. Nothing of a broken set is kept.
    pub fn load(sources: &[Source<'_>]) -> Result<SignatureSet, LoadError> {
        let (apps, signatures) = load::load(sources)?;
        let table = table::Table::new(&apps, &signatures)?;
        Ok(SignatureSet { apps, signatures, table })
    }

    /// The apps, by ascending id.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The rows, by ascending id.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The app with this id.
    pub fn app(&self, id: AppId) -> Option<&App> {
        self.apps.binary_search_by_key(&id, |app| app.id).ok().map(|index| &self.apps[index])
    }

    /// The row with this id.
    pub fn signature(&self, id: SignatureId) -> Option<&Signature> {
        self.signatures.binary_search_by_key(&id, |row| row.id).ok().map(|index| &self.signatures[index])
    }

    /// The word for an app's role; empty where there is none.
    pub fn role_name(&self, app: AppId, role: Role) -> &str {
        let index = usize::from(role.0).wrapping_sub(1);
        self.app(app).and_then(|app| app.roles.get(index)).map_or("", String::as_str)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
