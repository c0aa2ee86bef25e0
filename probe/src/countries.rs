//! Countries of addresses, for the commands that ask for them: a database, and what is known better.

use std::path::{Path, PathBuf};

use clap::Args;
use wiremark_locality::{Corrections, Country, Database, Locator, MATADOR_CORRECTIONS};

use crate::stop::Stop;

/// Arguments that say where addresses are.
#[derive(Args)]
pub(crate) struct CountryArguments {
    /// A MaxMind database file with countries, of any vendor
    #[arg(long, value_name = "MMDB", help_heading = "Countries")]
    pub(crate) db: Option<PathBuf>,

    /// Where the database has the country, e.g. location.country; without it the usual places are tried
    #[arg(long, value_name = "KEY", requires = "db", help_heading = "Countries")]
    pub(crate) db_key: Option<String>,

    /// What is known better than the database: CSV with the columns network, country, reason, source; or matador-2015
    #[arg(long, value_name = "CSV", help_heading = "Countries")]
    pub(crate) corrections: Vec<String>,
}

/// What was asked for, open.
pub(crate) struct Countries {
    pub(crate) locator: Locator,
    /// What the database says it is.
    pub(crate) database: Option<String>,
    /// How many corrections there are.
    pub(crate) corrections: usize,
}

impl CountryArguments {
    /// Opens them. `more` are corrections beside those asked for; with `leaves_out`, hops that physics flags are no part of a path.
    pub(crate) fn open(&self, more: &[String], leaves_out: bool) -> Result<Countries, Stop> {
        let mut corrections = Corrections::default();
        let mut count = 0;
        for word in self.corrections.iter().chain(more) {
            count += match word.as_str() {
                MATADOR_CORRECTIONS => corrections.add_matador().map_err(refused)?,
                path => read(Path::new(path))
                    .and_then(|(name, text)| corrections.add(&name, &text).map_err(refused))?,
            };
        }
        let database = match &self.db {
            Some(path) => {
                let opened = Database::open(path, self.db_key.as_deref());
                Some(opened.map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?)
            }
            None => None,
        };
        let described = database.as_ref().map(Database::describe);
        let locator = Locator::new(database, corrections, leaves_out);
        Ok(Countries { locator, database: described, corrections: count })
    }
}

/// A small file as text, with its name.
pub(crate) fn read(path: &Path) -> Result<(String, String), Stop> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            Err(Stop::Failed(format!("{name}: cannot be read: {error}; check path and permissions")))
        }
    }
}

pub(crate) fn refused(error: wiremark_locality::FileError) -> Stop {
    Stop::Failed(error.to_string())
}

/// The countries of relays, for `wiremark calls`.
#[cfg(feature = "calls")]
pub(crate) struct CallAtlas(pub(crate) Locator);

#[cfg(feature = "calls")]
impl wiremark_calls::Atlas for CallAtlas {
    fn country(&mut self, address: std::net::IpAddr) -> Option<String> {
        self.0.country(address).map(|country| country.code().to_owned())
    }

    fn km(&mut self, a: &str, b: &str) -> Option<[f64; 2]> {
        Some(self.0.km(Country::parse(a)?, Country::parse(b)?))
    }
}
