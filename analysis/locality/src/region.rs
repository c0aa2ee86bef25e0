//! Regions and interest groups, as CSV files say what they are.

use crate::country::{Country, CountrySet};
use crate::day::Day;
use crate::sheet::{FileError, Sheet};

/// A part of the world.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its countries.
    pub countries: CountrySet,
}

/// A group of countries that share what they see.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its word, e.g. `5-eyes-matador`.
    pub id: String,
    /// What it is called, e.g. `5 Eyes`; rival definitions share it.
    pub name: String,
    /// Every membership.
    pub members: Vec<Membership>,
}

/// That a country is in a group.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    /// Who.
    pub country: Country,
    /// From this day on.
    pub since: Option<Day>,
    /// Before this day.
    pub until: Option<Day>,
}

impl Group {
    /// Its members on a day.
    pub fn on(&self, day: Day) -> CountrySet {
        let is_member = |member: &&Membership| {
            member.since.is_none_or(|since| since <= day) && member.until.is_none_or(|until| day < until)
        };
        self.members.iter().filter(is_member).map(|member| member.country).collect()
    }
}

/// The shipped regions: UN M49 (`data/regions.csv`).
pub fn m49() -> Vec<Region> {
    regions("regions.csv", include_str!("../data/regions.csv")).unwrap_or_default()
}

/// The shipped groups (`data/groups.csv`).
pub fn known_groups() -> Vec<Group> {
    groups("groups.csv", include_str!("../data/groups.csv")).unwrap_or_default()
}

/// Regions from a CSV file: columns `region`, `country`, and perhaps `m49`.
///
/// # Errors
/// What the file says that cannot be, and where.
pub fn regions(file: &str, text: &str) -> Result<Vec<Region>, FileError> {
    let sheet = Sheet::open(file, text, &["region", "country"], &["m49"])?;
    let mut regions: Vec<Region> = Vec::new();
    for row in sheet.rows() {
        let row = row?;
        let (name, country) = (row.need("region")?, row.country()?);
        match regions.iter_mut().find(|region| region.name == name) {
            Some(region) => region.countries.insert(country),
            None => {
                regions.push(Region { name: name.to_owned(), countries: [country].into_iter().collect() })
            }
        }
    }
    Ok(regions)
}

/// Groups from a CSV file: columns `group`, `country`, and perhaps `name`, `since`, `until`, `source`.
///
/// # Errors
/// What the file says that cannot be, and where.
pub fn groups(file: &str, text: &str) -> Result<Vec<Group>, FileError> {
    let sheet = Sheet::open(file, text, &["group", "country"], &["name", "since", "until", "source"])?;
    let mut groups: Vec<Group> = Vec::new();
    for row in sheet.rows() {
        let row = row?;
        let id = row.need("group")?;
        let day = |column| match row.get(column) {
            "" => Ok(None),
            text => match Day::parse(text) {
                Some(day) => Ok(Some(day)),
                None => Err(row.error(format!("{column}: {text:?} is no day; write 2015-09-30"))),
            },
        };
        let member = Membership { country: row.country()?, since: day("since")?, until: day("until")? };
        if member.since.zip(member.until).is_some_and(|(since, until)| until <= since) {
            return Err(row.error("the membership ends before it begins"));
        }
        let at = groups.iter().position(|group| group.id == id).unwrap_or_else(|| {
            let name = Some(row.get("name")).filter(|name| !name.is_empty()).unwrap_or(id);
            groups.push(Group { id: id.to_owned(), name: name.to_owned(), members: Vec::new() });
            groups.len() - 1
        });
        groups[at].members.push(member);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, day: &str) -> String {
        let groups = groups("groups.csv", include_str!("../data/groups.csv")).unwrap();
        let group = groups.iter().find(|group| group.id == id).unwrap();
        let members = group.on(Day::parse(day).unwrap());
        members.iter().map(|country| country.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_country_has_its_regions() {
        let regions = regions("regions.csv", include_str!("../data/regions.csv")).unwrap();
        let of = |name: &str| regions.iter().find(|region| region.name == name).unwrap().countries;
        let continents = ["Africa", "Americas", "Asia", "Europe", "Oceania"].map(of);
        let antarctic = of("Antarctica");
        for country in Country::all() {
            let found = continents.iter().chain([&antarctic]).filter(|set| set.contains(country)).count();
            assert_eq!(found, 1, "{country}");
        }
        assert_eq!(continents.map(|set| set.len()), [60, 57, 51, 52, 29]);
        assert_eq!(of("Northern America").iter().map(|c| c.to_string()).collect::<String>(), "BMCAGLPMUS");
        assert!(of("Northern America").is_inside(&of("North America")) && of("North America").len() == 41);
        assert!(of("South America").is_inside(&of("Americas")));
    }

    #[test]
    fn memberships_begin_and_end() {
        assert_eq!(group("5-eyes", "2015-09-30"), "AU CA GB NZ US");
        assert_eq!(group("5-eyes-matador", "2015-09-30"), "CA GB NZ US");
        assert_eq!(
            group("eu", "2015-09-30"),
            "AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
        );
        assert!(group("eu", "2020-01-31").contains("GB") && !group("eu", "2020-02-01").contains("GB"));
        assert!(
            !group("eu", "2013-06-30").contains("HR") && group("eu", "1990-01-01").split(' ').count() == 12
        );
        let syria = |day| group("arab-league", day).contains("SY");
        assert_eq!(["2011-01-01", "2015-09-30", "2024-01-01"].map(syria), [true, false, true]);
        assert_eq!(group("russia", "2015-09-30") + &group("china", "2015-09-30"), "RUCN");
    }

    #[test]
    fn a_bad_file_is_told_with_its_line() {
        let told = |text: &str| groups("g.csv", text).map(|_| ()).unwrap_err().to_string();
        assert!(told("").starts_with("g.csv, line 1: is empty"));
        assert!(told("group,land\n").contains("no column country"));
        assert!(told("group,country,colour\n").contains("unknown column \"colour\""));
        assert!(told("# x\ngroup,country\na,CH\na,UK\n").starts_with("g.csv, line 4: \"UK\" is no country"));
        assert!(told("group,country,since\na,CH,2015\n").contains("line 2: since"));
        assert!(told("group,country\na\n").contains("line 2: 1 fields"));
    }
}
