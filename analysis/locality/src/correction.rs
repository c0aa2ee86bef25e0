//! Corrections: what is known better than a database knows it.

use crate::country::Country;
use crate::network::{Network, NetworkTable};
use crate::sheet::{FileError, Sheet};

/// What is known of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Where it is.
    pub country: Country,
    /// Why that is believed.
    pub reason: String,
    /// Who says so.
    pub source: String,
}

/// Corrections of networks.
#[derive(Clone, Debug, Default)]
pub struct Corrections(pub(crate) NetworkTable<Correction>);

/// The word for the paper's own changes.
pub const MATADOR: &str = "matador-2015";

impl Corrections {
    /// Adds those of a CSV file: columns `network`, `country`, `reason`, `source`.
    ///
    /// # Errors
    /// What the file says that cannot be, and where.
    pub fn add(&mut self, file: &str, text: &str) -> Result<usize, FileError> {
        let sheet = Sheet::open(file, text, &["network", "country", "reason", "source"], &[])?;
        let mut count = 0;
        for row in sheet.rows() {
            let row = row?;
            let network = Network::parse(row.get("network")).ok_or_else(|| {
                row.error(format!("{:?} is no network; write 192.0.2.0/24", row.get("network")))
            })?;
            let correction = Correction {
                country: row.country()?,
                reason: row.need("reason")?.to_owned(),
                source: row.need("source")?.to_owned(),
            };
            let country = correction.country;
            if let Some(before) =
                self.0.insert(network, correction).filter(|before| before.country != country)
            {
                let network = row.get("network");
                return Err(row.error(format!(
                    "{network} was said to be in {} before; keep one of the two",
                    before.country
                )));
            }
            count += 1;
        }
        Ok(count)
    }

    /// Adds the paper's changes to the ip2location database of 2015: of their time, not of today's addresses.
    ///
    /// # Errors
    /// None in a build whose tests pass, unless they contradict what was added before.
    pub fn add_matador(&mut self) -> Result<usize, FileError> {
        self.add("corrections-matador-2015.csv", include_str!("../data/corrections-matador-2015.csv"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_changes_are_shipped() {
        let mut corrections = Corrections::default();
        assert_eq!(corrections.add_matador().unwrap(), 103);
        let at = |address: &str| {
            corrections.0.get(address.parse().unwrap()).map(|found| found.country.to_string())
        };
        assert_eq!(at("4.69.137.81").as_deref(), Some("CH"));
        assert_eq!(at("176.32.125.231").as_deref(), Some("US"));
        assert_eq!(at("217.6.51.246").as_deref(), Some("US"));
        assert_eq!(at("4.69.137.82"), None);
    }

    #[test]
    fn contradictions_are_told() {
        let mut corrections = Corrections::default();
        let told = |text: &str| Corrections::default().add("c.csv", text).unwrap_err().to_string();
        let head = "network,country,reason,source\n";
        assert!(told(&format!("{head}4.0.0.1/8,CH,a,b\n")).contains("line 2: \"4.0.0.1/8\" is no network"));
        assert!(told(&format!("{head}4.0.0.0/8,CH,,b\n")).contains("line 2: reason is empty"));
        assert!(
            told(&format!("{head}4.0.0.0/8,CH,a,b\n4.0.0.0/8,US,a,b\n"))
                .contains("line 3: 4.0.0.0/8 was said")
        );
        assert_eq!(corrections.add("c.csv", &format!("{head}4.0.0.0/8,CH,a,b\n4.0.0.0/8,CH,a,b\n")), Ok(2));
    }
}
