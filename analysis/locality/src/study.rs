//! What a study asks: which regions and groups its tables have rows for, and as of which day.

use serde::Deserialize;

use crate::country::CountrySet;
use crate::day::Day;
use crate::region::{Group, Region};

/// Rows of the two tables.
#[derive(Clone, Debug)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// Memberships count as of this day.
    pub day: Day,
    /// Regions of the table of traffic that leaves its region.
    pub leaving: Vec<Region>,
    /// Regions of the table of what groups can access.
    pub accessible: Vec<Region>,
    /// Groups of that table.
    pub groups: Vec<StudyGroup>,
    /// Groups that are defined beside them.
    pub defined: Vec<StudyGroup>,
    /// Corrections it asks for, by their words.
    pub corrections: Vec<String>,
}

/// A group, as it was on the day.
#[derive(Clone, Debug)]
pub struct StudyGroup {
    /// Its word.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: CountrySet,
}

/// A study's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    day: Option<String>,
    leaving: Vec<String>,
    accessible: Vec<String>,
    groups: Vec<String>,
    #[serde(default)]
    defined: Vec<String>,
    #[serde(default)]
    corrections: Vec<String>,
}

/// The paper's own study.
pub const MATADOR: &str = include_str!("../data/matador.toml");

impl Study {
    /// A study from its TOML text, with the regions and groups it may name. `asked` is the day instead of the text's own,
    /// `measured` that where neither says one.
    ///
    /// # Errors
    /// Says what the text names that is not there.
    pub fn parse(
        text: &str,
        regions: &[Region],
        groups: &[Group],
        asked: Option<Day>,
        measured: Day,
    ) -> Result<Self, String> {
        let plan: Plan = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let day = match plan.day.as_deref() {
            Some(text) => {
                Day::parse(text).ok_or_else(|| format!("day: {text:?} is no day; write 2015-09-30"))?
            }
            None => measured,
        };
        let day = asked.unwrap_or(day);
        let regions_of = |names: &[String]| {
            names.iter().map(|name| find_region(regions, name)).collect::<Result<Vec<_>, _>>()
        };
        let groups_of =
            |ids: &[String]| ids.iter().map(|id| find_group(groups, id, day)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            name: plan.name,
            day,
            leaving: regions_of(&plan.leaving)?,
            accessible: regions_of(&plan.accessible)?,
            groups: groups_of(&plan.groups)?,
            defined: groups_of(&plan.defined)?,
            corrections: plan.corrections,
        })
    }
}

/// A region by its name.
///
/// # Errors
/// Names the regions there are.
pub fn find_region(regions: &[Region], name: &str) -> Result<Region, String> {
    let found = regions.iter().find(|region| region.name.eq_ignore_ascii_case(name)).cloned();
    let names = || regions.iter().map(|region| region.name.as_str()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("no region {name:?}; there are: {}", names()))
}

/// A group by its word, as it is on a day.
///
/// # Errors
/// Names the groups there are.
pub fn find_group(groups: &[Group], id: &str, day: Day) -> Result<StudyGroup, String> {
    let found = groups.iter().find(|group| group.id == id);
    let ids = || groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>().join(", ");
    let found = found.ok_or_else(|| format!("no group {id:?}; there are: {}", ids()))?;
    Ok(StudyGroup { id: id.to_owned(), name: found.name.clone(), members: found.on(day) })
}
