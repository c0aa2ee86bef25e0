//! Countries of addresses: a MaxMind database file, whoever made it.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{PathElement, Reader};

use crate::country::Country;

/// Where vendors keep the country: nested (MaxMind's own, DB-IP) or flat, most telling first. A database's own is found by
/// looking at its records.
const KEYS: [&[&str]; 8] = [
    &["country", "iso_code"],
    &["country_code"],
    &["country", "code"],
    &["countryCode"],
    &["country_iso_code"],
    &["country_short"],
    &["iso_code"],
    &["country"],
];
/// Records looked at for that.
const RECORDS_TRIED: usize = 512;

/// Why a database cannot be used.
#[derive(Debug)]
pub enum DatabaseError {
    /// It cannot be read, or is no such file.
    Unreadable(String),
    /// It has no country where one was looked for; these keys it has.
    NoCountry(Vec<String>),
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "{why}; give a MaxMind database (.mmdb) with countries"),
            Self::NoCountry(keys) => write!(
                f,
                "its records hold no country that is known here (keys: {}); say where it is with --db-key, e.g. location.country",
                keys.join(", ")
            ),
        }
    }
}

impl std::error::Error for DatabaseError {}

/// A database of countries.
pub struct Database {
    reader: Reader<Vec<u8>>,
    key: Vec<String>,
    /// Countries of records, by their place in the file: many networks share one.
    records: HashMap<usize, Option<Country>>,
}

impl Database {
    /// Opens a file. `key` says where in a record the country is, words with dots between them; without it the usual
    /// places are tried.
    ///
    /// # Errors
    /// A file that is none, or has no countries.
    pub fn open(path: &Path, key: Option<&str>) -> Result<Self, DatabaseError> {
        let bytes = std::fs::read(path).map_err(|error| DatabaseError::Unreadable(error.to_string()))?;
        Self::from_bytes(bytes, key)
    }

    /// The same from memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, key: Option<&str>) -> Result<Self, DatabaseError> {
        let reader =
            Reader::from_source(bytes).map_err(|error| DatabaseError::Unreadable(error.to_string()))?;
        let owned = |key: &[&str]| key.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let key = match key {
            Some(key) => key.split('.').map(str::to_owned).collect(),
            None => match found_key(&reader) {
                Some(key) => owned(key),
                None => return Err(DatabaseError::NoCountry(keys(&reader))),
            },
        };
        let database = Self { reader, key, records: HashMap::new() };
        if !samples(&database.reader).any(|record| database.country_in(&record).is_some()) {
            return Err(DatabaseError::NoCountry(keys(&database.reader)));
        }
        Ok(database)
    }

    /// What the file says it is, and when it was built.
    pub fn describe(&self) -> String {
        let metadata = self.reader.metadata();
        let built = crate::Day::of_time(metadata.build_epoch);
        format!("{} of {built}, countries under {}", metadata.database_type, self.key.join("."))
    }

    /// The country of an address; none where the database has none.
    pub fn country(&mut self, address: IpAddr) -> Option<Country> {
        let record = self.reader.lookup(address).ok()?;
        let place = record.offset()?;
        if let Some(known) = self.records.get(&place) {
            return *known;
        }
        let country = self.country_in(&record);
        self.records.insert(place, country);
        country
    }

    fn country_in(&self, record: &Record<'_>) -> Option<Country> {
        let words: Vec<PathElement<'_>> = self.key.iter().map(|word| PathElement::Key(word)).collect();
        country(record, &words)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("key", &self.key).finish_non_exhaustive()
    }
}

type Record<'r> = maxminddb::LookupResult<'r, Vec<u8>>;

fn country(record: &Record<'_>, key: &[PathElement<'_>]) -> Option<Country> {
    let code: Option<&str> = record.decode_path(key).ok()?;
    code.and_then(Country::parse)
}

/// Records spread over the networks.
fn samples(reader: &Reader<Vec<u8>>) -> impl Iterator<Item = Record<'_>> {
    let networks = reader.networks(maxminddb::WithinOptions::default()).into_iter().flatten();
    let records = networks.filter_map(Result::ok).filter(|record| record.has_data()).enumerate();
    records.filter(|(at, _)| *at < 64 || at % 997 == 0).map(|(_, record)| record).take(RECORDS_TRIED)
}

/// The first of the usual keys that any of the records tried has a country under. One under which only a part has
/// (`country.iso_code` may be missing where only a continent is known) still counts.
fn found_key(reader: &Reader<Vec<u8>>) -> Option<&'static [&'static str]> {
    KEYS.into_iter().find(|key| {
        let words: Vec<PathElement<'_>> = key.iter().map(|word| PathElement::Key(word)).collect();
        samples(reader).any(|record| country(&record, &words).is_some())
    })
}

/// The keys of the first record.
fn keys(reader: &Reader<Vec<u8>>) -> Vec<String> {
    let first = samples(reader).next();
    let record = first.and_then(|record| record.decode::<serde_json::Value>().ok().flatten());
    let Some(serde_json::Value::Object(map)) = record else { return vec!["none".into()] };
    map.iter()
        .flat_map(|(key, value)| match value {
            serde_json::Value::Object(inner) => inner.keys().map(|below| format!("{key}.{below}")).collect(),
            _ => vec![key.clone()],
        })
        .collect()
}
