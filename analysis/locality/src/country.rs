//! Countries: two letters of ISO 3166-1, and sets of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// A country of ISO 3166-1 alpha-2, or `XK` (Kosovo, user-assigned): nothing else is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Codes and names, from `data/countries.csv`.
static NAMES: LazyLock<BTreeMap<[u8; 2], &'static str>> = LazyLock::new(|| {
    include_str!("../data/countries.csv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(','))
        .filter_map(|(code, name)| Some((code.as_bytes().try_into().ok()?, name)))
        .filter(|(code, _): &([u8; 2], _)| code.iter().all(u8::is_ascii_uppercase))
        .collect()
});

impl Country {
    /// From its two letters, in either case. Codes that databases make up for what is no country (`EU`, `AP`, `A1`, `ZZ`) give none.
    pub fn parse(code: &str) -> Option<Self> {
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        NAMES.contains_key(&code).then_some(Self(code))
    }

    /// Every country, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.keys().map(|code| Self(*code))
    }

    /// Two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        NAMES.get(&self.0).copied().unwrap_or_default()
    }

    fn number(self) -> usize {
        let [first, second] = self.0.map(|letter| usize::from(letter - b'A'));
        first * 26 + second
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A set of countries: 88 bytes, copied freely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountrySet([u64; 11]);

impl CountrySet {
    /// Adds one.
    pub fn insert(&mut self, country: Country) {
        let number = country.number();
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether it is in here.
    pub fn contains(&self, country: Country) -> bool {
        let number = country.number();
        self.0[number / 64] >> (number % 64) & 1 == 1
    }

    /// Whether the two have a country in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(word, more)| word & more != 0)
    }

    /// Whether each of its countries is in the other set.
    pub fn is_inside(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(word, more)| word & !more == 0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// By code.
    pub fn iter(&self) -> impl Iterator<Item = Country> {
        Country::all().filter(|country| self.contains(*country))
    }
}

impl FromIterator<Country> for CountrySet {
    fn from_iter<I: IntoIterator<Item = Country>>(countries: I) -> Self {
        let mut set = Self::default();
        countries.into_iter().for_each(|country| set.insert(country));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_countries_are_countries() {
        assert_eq!(Country::all().count(), 250);
        assert_eq!(Country::parse("ch").map(Country::name), Some("Switzerland"));
        for made_up in ["EU", "AP", "A1", "O1", "ZZ", "XX", "UK", "", "C", "CHE", "é"] {
            assert_eq!(Country::parse(made_up), None, "{made_up}");
        }
        assert!(Country::all().all(|country| !country.name().is_empty() && !country.name().contains('"')));
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let all: CountrySet = Country::all().collect();
        assert_eq!(all.len(), 250);
        let some: CountrySet =
            ["AA", "AD", "ZW", "ZW"].iter().filter_map(|code| Country::parse(code)).collect();
        assert_eq!(some.iter().map(|country| country.to_string()).collect::<Vec<_>>(), ["AD", "ZW"]);
        assert!(some.is_inside(&all) && all.meets(&some) && !all.is_inside(&some));
        assert!(!CountrySet::default().meets(&all) && CountrySet::default().is_inside(&some));
    }
}
