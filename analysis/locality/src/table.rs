//! The two tables: traffic that leaves its region, and what interest groups can access (the slides' Tables 2 and 3).

use serde::Serialize;

use crate::region::Region;
use crate::study::Study;
use crate::survey::{Kind, Survey};

/// How many of the pairs measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Pairs measured.
    pub pairs: u32,
    /// Of those, how many.
    pub count: u32,
}

impl Cell {
    /// In percent, rounded; none where nothing was measured.
    pub fn percent(self) -> Option<u32> {
        (self.pairs > 0).then(|| (200 * self.count + self.pairs) / (2 * self.pairs))
    }

    /// How it compares with the network path: `>` a greater share, `<` a smaller one.
    pub fn against(self, network: Self) -> &'static str {
        let (own, other) = (
            u64::from(self.count) * u64::from(network.pairs),
            u64::from(network.count) * u64::from(self.pairs),
        );
        match own.cmp(&other) {
            _ if self.pairs == 0 || network.pairs == 0 => "",
            std::cmp::Ordering::Greater => ">",
            std::cmp::Ordering::Less => "<",
            std::cmp::Ordering::Equal => "",
        }
    }
}

/// A row: of a region, or of a region and a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRow {
    /// The region's name.
    pub region: String,
    /// The group's word and name.
    pub group: Option<(String, String)>,
    /// Pairs of nodes in the region, those with themselves included.
    pub pairs: u32,
    /// Network path, then the apps, in the survey's order.
    pub cells: Vec<Cell>,
}

/// Places of the nodes in a region.
pub fn nodes_in(survey: &Survey, region: &Region) -> Vec<usize> {
    (0..survey.nodes.len()).filter(|node| region.countries.contains(survey.nodes[*node].country)).collect()
}

/// All n(n+1)/2 pairs of nodes, those with themselves included, as the paper counts.
pub fn pairs(nodes: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    nodes.iter().enumerate().flat_map(|(at, a)| nodes[at..].iter().map(|b| (*a, *b)))
}

/// Table 2: pairs of a region whose traffic leaves it.
pub fn leaving(survey: &Survey, study: &Study) -> Vec<TableRow> {
    let row =
        |region: &Region| row(survey, region, None, |countries| !countries.is_inside(&region.countries));
    study.leaving.iter().map(row).collect()
}

/// Table 3: pairs of a region whose traffic a group can access, which is: a hop lies in one of its countries.
pub fn accessible(survey: &Survey, study: &Study) -> Vec<TableRow> {
    let rows =
        study.accessible.iter().flat_map(|region| study.groups.iter().map(move |group| (region, group)));
    rows.map(|(region, group)| {
        let named = Some((group.id.clone(), group.name.clone()));
        row(survey, region, named, |countries| countries.meets(&group.members))
    })
    .collect()
}

fn row(
    survey: &Survey,
    region: &Region,
    group: Option<(String, String)>,
    counts: impl Fn(&crate::CountrySet) -> bool,
) -> TableRow {
    let nodes = nodes_in(survey, region);
    let cell = |kind: Kind| {
        let mut cell = Cell::default();
        for countries in pairs(&nodes).filter_map(|(a, b)| survey.between(kind, a, b)) {
            cell.pairs += 1;
            cell.count += u32::from(counts(&countries));
        }
        cell
    };
    let cells = survey.kinds_known().into_iter().map(cell).collect();
    TableRow { region: region.name.clone(), group, pairs: pairs(&nodes).count() as u32, cells }
}
