//! A set of signatures, loaded and compiled.

use super::load::{self, Source};
use super::load_error::LoadError;
use super::model::{App, Signature};
use super::table::Table;
use crate::verdict::{AppId, Role, SignatureId};
use alloc::string::String;
use alloc::vec::Vec;

/// Apps and their rows, checked, in order of their ids.
#[derive(Debug)]
pub struct SignatureSet {
    apps: Vec<App>,
    signatures: Vec<Signature>,
    pub(crate) table: Table,
    number: u64,
}

impl SignatureSet {
    /// Reads files of the language that `signatures/README.md` describes.
    ///
    /// # Errors
    /// The first thing wrong, with file, line, key and what was expected. Nothing of a broken set is kept.
    pub fn load(sources: &[Source<'_>]) -> Result<SignatureSet, LoadError> {
        let (apps, signatures) = load::load(sources)?;
        let table = Table::new(&apps, &signatures)?;
        // FNV-1a.
        let text = sources.iter().flat_map(|source| source.text.bytes());
        let number = text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(SignatureSet { apps, signatures, table, number })
    }

    /// A number that sets of other text do not have.
    pub(crate) fn number(&self) -> u64 {
        self.number
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
