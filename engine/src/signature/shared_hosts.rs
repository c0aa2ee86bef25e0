//! Names that two apps claim.

use super::load_error::LoadError;
use super::model::{Anchor, App, Signature};
use super::row::refused;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// A host pattern: suffix, how the label before it begins and ends, whether it is exact.
type Name<'s> = (&'s str, &'s Option<(String, String)>, bool);

/// Refuses a name that rows of two apps have: which of them a flow is could not be told. Rows with `http` ask for more than the name.
pub(super) fn refuse_shared_hosts(apps: &[App], signatures: &[Signature]) -> Result<(), LoadError> {
    let mut known: BTreeMap<Name<'_>, &Signature> = BTreeMap::new();
    let by_name = signatures.iter().filter(|row| row.conditions.anchor() == Some(Anchor::Host));
    for (row, host) in by_name.flat_map(|row| row.conditions.hosts.iter().map(move |host| (row, host))) {
        let other = *known.entry((&host.suffix, &host.label, host.is_exact)).or_insert(row);
        if other.app != row.app {
            let app = apps.iter().find(|app| app.id == other.app).map_or("", |app| app.name.as_str());
            let expected =
                format!("names that no other app has; {} is in \"{}\" of {app}", host.suffix, other.name);
            return Err(refused(apps, row, "host", &expected));
        }
    }
    Ok(())
}
