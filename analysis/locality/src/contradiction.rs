//! Where a study contradicts itself, or what was measured falls short of it.

use serde::Serialize;

use crate::country::CountrySet;
use crate::region::Group;
use crate::study::Study;
use crate::survey::{Kind, Survey};
use crate::table::{nodes_in, pairs};

/// One thing to know before the tables are believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// What kind of thing.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// Looks for them. `groups` are all that are known, to compare rival definitions.
pub fn contradictions(survey: &Survey, study: &Study, groups: &[Group]) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let mut tell = |kind, text| found.push(Contradiction { kind, text });
    regions(survey, study, &mut tell);
    of_groups(survey, study, groups, &mut tell);
    measurements(survey, study, &mut tell);
    found
}

fn regions(survey: &Survey, study: &Study, tell: &mut impl FnMut(&'static str, String)) {
    for (name, rows) in [("leaving", &study.leaving), ("accessible", &study.accessible)] {
        for (at, one) in rows.iter().enumerate() {
            for other in &rows[at + 1..] {
                let shared: Vec<usize> = nodes_in(survey, one)
                    .into_iter()
                    .filter(|node| nodes_in(survey, other).contains(node))
                    .collect();
                let counted = pairs(&shared).count();
                if one.countries.meets(&other.countries) {
                    let (large, small) =
                        if other.countries.is_inside(&one.countries) { (one, other) } else { (other, one) };
                    let verb =
                        if small.countries.is_inside(&large.countries) { "contains" } else { "overlaps" };
                    tell(
                        "overlapping-regions",
                        format!(
                            "{} {verb} {}: {counted} pairs are counted in both rows (table {name})",
                            large.name, small.name
                        ),
                    );
                }
            }
        }
    }
    for (missing_from, rows, others) in
        [("accessible", &study.leaving, &study.accessible), ("leaving", &study.accessible, &study.leaving)]
    {
        for region in rows {
            if others.iter().any(|other| other.name == region.name) {
                continue;
            }
            let nodes = nodes_in(survey, region);
            let twin = others.iter().find(|other| !nodes.is_empty() && nodes_in(survey, other) == nodes);
            match twin {
                // Told once, from the first table.
                Some(twin) if missing_from == "accessible" => tell(
                    "two-names",
                    format!(
                        "{} in one table is {} in the other: the same {} nodes, but not the same region ({} and {} countries)",
                        region.name,
                        twin.name,
                        nodes.len(),
                        region.countries.len(),
                        twin.countries.len()
                    ),
                ),
                Some(_) => {}
                None => tell(
                    "region-without-row",
                    format!("{} has no row in the table {missing_from}", region.name),
                ),
            }
        }
    }
}

fn of_groups(survey: &Survey, study: &Study, groups: &[Group], tell: &mut impl FnMut(&'static str, String)) {
    let used = study
        .groups
        .iter()
        .map(|group| (group, true))
        .chain(study.defined.iter().map(|group| (group, false)));
    for (group, has_row) in used {
        let (id, name, members) = (&group.id, &group.name, &group.members);
        if !has_row {
            tell("group-without-row", format!("{name} ({id}) is defined, but has no row"));
        }
        if members.is_empty() {
            tell("empty-group", format!("{name} ({id}) has no member on {}", study.day));
        }
        let number = name.split(' ').next().and_then(|word| word.parse::<u32>().ok());
        if let Some(number) = number.filter(|number| *number != members.len()) {
            tell(
                "group-size",
                format!("{name} ({id}) has {} members on {}, not {number}", members.len(), study.day),
            );
        }
        for rival in groups.iter().filter(|rival| rival.name == *name && rival.id != *id) {
            let theirs = rival.on(study.day);
            let list = |one: &CountrySet, without: &CountrySet| {
                let codes: Vec<String> = one
                    .iter()
                    .filter(|country| !without.contains(*country))
                    .map(|country| country.to_string())
                    .collect();
                codes.join(" ")
            };
            let (lacks, adds) = (list(&theirs, members), list(members, &theirs));
            let mut parts = Vec::new();
            if !lacks.is_empty() {
                parts.push(format!("lacks {lacks}"));
            }
            if !adds.is_empty() {
                parts.push(format!("adds {adds}"));
            }
            if parts.is_empty() {
                continue;
            }
            let concerned = survey
                .nodes
                .iter()
                .filter(|node| theirs.contains(node.country) != members.contains(node.country))
                .count();
            let nodes = if concerned > 0 { format!("; {concerned} nodes are there") } else { String::new() };
            tell(
                "rival-definition",
                format!("{name}: {id}, used here, {} against {}{nodes}", parts.join(" and "), rival.id),
            );
        }
    }
}

fn measurements(survey: &Survey, study: &Study, tell: &mut impl FnMut(&'static str, String)) {
    let mut rows: Vec<_> = Vec::new();
    for region in study.leaving.iter().chain(&study.accessible) {
        if !rows.iter().any(|known: &&crate::Region| known.name == region.name) {
            rows.push(region);
        }
    }
    for region in rows {
        let nodes = nodes_in(survey, region);
        if nodes.is_empty() {
            tell("empty-region", format!("{}: no node is there", region.name));
            continue;
        }
        let all = pairs(&nodes).count();
        for kind in survey.kinds_known() {
            let missing = pairs(&nodes).filter(|(a, b)| survey.between(kind, *a, *b).is_none()).count();
            if missing > 0 {
                let kind = survey.kind_name(kind);
                tell(
                    "missing-measurements",
                    format!("{}, {kind}: {missing} of {all} pairs were not measured", region.name),
                );
            }
        }
        let one_way = pairs(&nodes).filter(|(a, b)| survey.is_one_way(*a, *b)).count();
        if one_way > 0 {
            let kind = survey.kind_name(Kind::Network);
            tell(
                "one-way",
                format!(
                    "{}, {kind}: {one_way} of {all} pairs were measured in one direction only",
                    region.name
                ),
            );
        }
    }
    let covered =
        |node: &crate::Node| study.leaving.iter().any(|region| region.countries.contains(node.country));
    let outside: Vec<&str> =
        survey.nodes.iter().filter(|node| !covered(node)).map(|node| node.name.as_str()).take(5).collect();
    if !outside.is_empty() {
        tell("node-without-region", format!("in no region of the tables: {}", outside.join(", ")));
    }
}
