//! The slides' tables, out of a measurement set built from their counts.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;
use wiremark_locality::path::{Hop, Reply, Trace};
use wiremark_locality::{
    Corrections, Country, Database, Day, Hint, Locator, Study, Survey, contradictions, known_groups, m49,
    table,
};

use crate::mmdb::database;

/// The nodes of the slides: one a country.
const NODES: &str = "node,country,aliases\n\
    kuleuven,BE,\ncesnet,CZ,\ndiku,DK,\nkarlsruhe,DE,\nhiit,FI,\njcp,FR,\nntua,GR,\nait-ie,IE,\nroma2,IT,\nuio,NO,\n\
    pw,PL,\nua-pt,PT,\num,ES,\nliu,SE,\nethz,CH,\n6test,CN,\ncuhk,HK,\nmta,IL,\nhiroshima,JP,\nkookmin,KR,\nnus,SG,\n\
    ait-th,TH,\nmonash,AU,\notago,NZ,\nsfu,CA,\nwashington,US,\nitba,AR,\nrnp,BR,\n";

const APPS: [&str; 4] = ["TextSecure", "Threema", "WeChat", "WhatsApp"];

/// Table 2 as printed: pairs, network path (count), then the apps' counts (percentages of the pairs).
const LEAVING: [(&str, u32, u32, [u32; 4]); 6] = [
    ("Europe", 120, 0, [100, 0, 100, 100]),
    ("Oceania", 3, 0, [100, 100, 100, 100]),
    ("Asia", 28, 6, [100, 100, 50, 100]),
    ("Americas", 10, 0, [0, 100, 100, 0]),
    ("South America", 3, 1, [100, 100, 100, 100]),
    ("Northern America", 3, 0, [0, 100, 100, 0]),
];

/// Region, group, pairs; counts and percentages, network path first.
type Printed = (&'static str, &'static str, u32, [(u32, u32); 5]);
/// Table 3 as printed.
const ACCESSIBLE: [Printed; 15] = [
    ("Europe", "5 Eyes", 120, [(86, 72), (120, 100), (68, 57), (119, 99), (120, 100)]),
    ("Europe", "EU", 120, [(118, 98), (119, 99), (119, 99), (120, 100), (120, 100)]),
    ("Europe", "China", 120, [(0, 0), (0, 0), (0, 0), (120, 100), (0, 0)]),
    ("Oceania", "5 Eyes", 3, [(3, 100), (3, 100), (3, 100), (3, 100), (3, 100)]),
    ("Oceania", "EU", 3, [(0, 0), (0, 0), (3, 100), (0, 0), (0, 0)]),
    ("Oceania", "China", 3, [(0, 0), (0, 0), (0, 0), (3, 100), (0, 0)]),
    ("Asia", "5 Eyes", 28, [(6, 21), (28, 100), (21, 75), (14, 50), (28, 100)]),
    ("Asia", "EU", 28, [(6, 21), (7, 25), (18, 64), (7, 25), (7, 25)]),
    ("Asia", "China", 28, [(10, 36), (7, 25), (7, 25), (28, 100), (7, 25)]),
    ("South America", "5 Eyes", 3, [(1, 33), (3, 100), (3, 100), (3, 100), (3, 100)]),
    ("South America", "EU", 3, [(0, 0), (0, 0), (2, 67), (0, 0), (0, 0)]),
    ("South America", "China", 3, [(0, 0), (0, 0), (0, 0), (3, 100), (0, 0)]),
    ("North America", "5 Eyes", 3, [(3, 100), (3, 100), (3, 100), (3, 100), (3, 100)]),
    ("North America", "EU", 3, [(0, 0), (0, 0), (2, 67), (0, 0), (0, 0)]),
    ("North America", "China", 3, [(0, 0), (0, 0), (0, 0), (3, 100), (0, 0)]),
];

fn address(country: Country) -> IpAddr {
    let place = Country::all().position(|other| other == country).unwrap();
    Ipv4Addr::new(4, place as u8, 0, 1).into()
}

fn trace(countries: &[Country]) -> Trace {
    let hop = |(at, country): (usize, &Country)| Hop {
        ttl: at as u8 + 1,
        replies: vec![Reply {
            address: Some(address(*country)),
            rtt_us: Some(1_000_000),
            ..Reply::default()
        }],
        lost: 0,
    };
    let hops: Vec<Hop> = countries.iter().enumerate().map(hop).collect();
    Trace { line: 1, target: countries.last().map(|country| address(*country)), hops, ..Trace::default() }
}

struct Wanted {
    leaves: bool,
    groups: [bool; 3],
}

/// For each pair of the region, in order, what its path must show so that the counts come out. A node's own membership
/// is given; the first of the other pairs get the rest.
fn wanted(
    region: &str,
    kind: usize,
    pairs: &[(usize, usize)],
    survey: &Survey,
    study: &Study,
) -> Vec<Wanted> {
    let in_table_3 = if region == "Northern America" { "North America" } else { region };
    let (_, total, network, apps) = LEAVING.iter().find(|row| row.0 == region).unwrap();
    let leaving = if kind == 0 { *network } else { (apps[kind - 1] * total + 50) / 100 };
    let mut flags: Vec<Wanted> =
        (0..pairs.len()).map(|at| Wanted { leaves: (at as u32) < leaving, groups: [false; 3] }).collect();
    for (place, group) in study.groups.iter().enumerate() {
        let row = ACCESSIBLE.iter().find(|row| row.0 == in_table_3 && row.1 == group.name).unwrap();
        let mut left = row.3[kind].0;
        let own = |pair: &(usize, usize)| {
            [pair.0, pair.1].iter().any(|node| group.members.contains(survey.nodes[*node].country))
        };
        for (flags, _) in flags.iter_mut().zip(pairs).filter(|(_, pair)| own(pair)) {
            flags.groups[place] = true;
            left -= 1;
        }
        for flags in
            flags.iter_mut().filter(|flags| !flags.groups[place]).take(left as usize).collect::<Vec<_>>()
        {
            flags.groups[place] = true;
        }
    }
    flags
}

/// Transit countries that give the path exactly what is wanted: found by trying.
fn transit(
    region: &wiremark_locality::Region,
    study: &Study,
    ends: [Country; 2],
    wanted: &Wanted,
    wide: Option<(&wiremark_locality::Region, bool)>,
) -> Vec<Country> {
    let palette: Vec<Country> = ["US", "GB", "DE", "CN", "JP", "BR", "NZ", "CA", "CH"]
        .iter()
        .filter_map(|code| Country::parse(code))
        .collect();
    for choice in 0..1u32 << palette.len() {
        let chosen: Vec<Country> =
            (0..palette.len()).filter(|at| choice >> at & 1 == 1).map(|at| palette[at]).collect();
        let set: wiremark_locality::CountrySet = chosen.iter().copied().chain(ends).collect();
        let groups = [0, 1, 2].map(|group: usize| set.meets(&study.groups[group].members));
        let wide = wide.is_none_or(|(wide, stays)| set.is_inside(&wide.countries) == stays);
        if groups == wanted.groups && set.is_inside(&region.countries) != wanted.leaves && wide {
            return chosen;
        }
    }
    panic!("no way through for {ends:?} in {}: {} {:?}", region.name, wanted.leaves, wanted.groups);
}

fn study() -> Study {
    Study::parse(wiremark_locality::MATADOR, &m49(), &known_groups(), None, Day::parse("2026-01-01").unwrap())
        .unwrap()
}

fn survey() -> Survey {
    let study = study();
    let networks: Vec<_> = Country::all()
        .map(|country| (address(country), 24, json!({"country_code": country.code()})))
        .collect();
    let found = Database::from_bytes(database("test", &networks), None).unwrap();
    let mut locator = Locator::new(Some(found), Corrections::default(), false);
    let mut survey = Survey::with_nodes("nodes.csv", NODES).unwrap();
    APPS.iter().for_each(|app| {
        survey.app(app);
    });
    let regions: Vec<_> = m49();
    let americas = regions.iter().find(|region| region.name == "Americas").unwrap();
    for region in study.leaving.iter().filter(|region| region.name != "Americas") {
        let nodes = table::nodes_in(&survey, region);
        let pairs: Vec<_> = table::pairs(&nodes).collect();
        for kind in 0..=APPS.len() {
            // Where no pair of the Americas leaves them, no pair of its parts does; where all do, all do.
            let stays = kind == 0 || LEAVING[3].3[kind - 1] == 0;
            let wide = region.name.ends_with("America").then_some((americas, stays));
            for (flags, (a, b)) in wanted(&region.name, kind, &pairs, &survey, &study).iter().zip(&pairs) {
                let ends = [survey.nodes[*a].country, survey.nodes[*b].country];
                add(&mut survey, &mut locator, kind, (*a, *b), &transit(region, &study, ends, flags, wide));
            }
        }
    }
    // Pairs between the Americas' parts, which only the row of the whole counts.
    let nodes = table::nodes_in(&survey, americas);
    let south = |survey: &Survey, node: usize| ["AR", "BR"].contains(&survey.nodes[node].country.code());
    for (a, b) in table::pairs(&nodes).collect::<Vec<_>>() {
        if south(&survey, a) != south(&survey, b) {
            for kind in 0..=APPS.len() {
                let out: &[&str] = if kind > 0 && LEAVING[3].3[kind - 1] == 100 { &["CH"] } else { &["US"] };
                let out: Vec<Country> = out.iter().filter_map(|code| Country::parse(code)).collect();
                add(&mut survey, &mut locator, kind, (a, b), &out);
            }
        }
    }
    survey
}

/// Paths of a pair, both ways, with transit countries on the first.
fn add(survey: &mut Survey, locator: &mut Locator, kind: usize, (a, b): (usize, usize), transit: &[Country]) {
    if kind == 0 && a == b && transit.is_empty() {
        return;
    }
    let name = |node: usize| Some(survey.nodes[node].name.clone());
    let country = |node: usize| survey.nodes[node].country;
    let mut hints = Vec::new();
    for (from, to) in [(a, b), (b, a)] {
        let hint = match kind {
            0 => Hint { from: name(from), to: name(to), ..Hint::default() },
            app => {
                Hint { from: name(from), app: Some(APPS[app - 1].into()), with: name(to), ..Hint::default() }
            }
        };
        let mut hops = vec![country(from)];
        hops.extend(transit);
        if kind == 0 {
            hops.push(country(to));
        }
        hints.push((hint, hops));
    }
    for (hint, hops) in hints {
        survey.add(&trace(&hops), &hint, "built", locator);
    }
}

#[test]
fn all_75_cells_of_table_3_come_out_as_printed() {
    let found = table::accessible(&survey(), &study());
    assert_eq!(found.len(), ACCESSIBLE.len());
    let mut cells = 0;
    for (row, (region, group, pairs, wanted)) in found.iter().zip(ACCESSIBLE) {
        assert_eq!(
            (row.region.as_str(), row.group.as_ref().unwrap().1.as_str(), row.pairs),
            (region, group, pairs)
        );
        for (cell, (count, percent)) in row.cells.iter().zip(wanted) {
            assert_eq!(
                (cell.pairs, cell.count, cell.percent()),
                (pairs, count, Some(percent)),
                "{region} {group}"
            );
            cells += 1;
        }
    }
    assert_eq!(cells, 75);
}

#[test]
fn table_2_comes_out_as_printed() {
    let found = table::leaving(&survey(), &study());
    for (row, (region, pairs, network, apps)) in found.iter().zip(LEAVING) {
        assert_eq!(
            (row.region.as_str(), row.pairs, row.cells[0].count),
            (region, pairs, network),
            "{region}"
        );
        let percent: Vec<u32> = row.cells[1..].iter().map(|cell| cell.percent().unwrap()).collect();
        assert_eq!(percent, apps, "{region}");
        assert!(row.cells.iter().all(|cell| cell.pairs == pairs), "{region}");
    }
    let network: Vec<u32> = found.iter().map(|row| row.cells[0].percent().unwrap()).collect();
    assert_eq!(network, [0, 0, 21, 0, 33, 0]);
    let marks: Vec<&str> = found[2].cells[1..].iter().map(|cell| cell.against(found[2].cells[0])).collect();
    assert_eq!(marks, [">"; 4]);
}

#[test]
fn the_slides_contradictions_are_listed() {
    let found = contradictions(&survey(), &study(), &known_groups());
    let told: Vec<String> = found.iter().map(|found| format!("{}: {}", found.kind, found.text)).collect();
    for wanted in [
        "overlapping-regions: Americas contains South America: 3 pairs are counted in both rows (table leaving)",
        "overlapping-regions: Americas contains Northern America: 3 pairs are counted in both rows (table leaving)",
        "two-names: Northern America in one table is North America in the other: the same 2 nodes, but not the same region (5 and 41 countries)",
        "region-without-row: Americas has no row in the table accessible",
        "group-size: 5 Eyes (5-eyes-matador) has 4 members on 2015-09-30, not 5",
        "rival-definition: 5 Eyes: 5-eyes-matador, used here, lacks AU against 5-eyes; 1 nodes are there",
        "group-without-row: Arab League (arab-league-matador) is defined, but has no row",
        "group-without-row: Russia (russia) is defined, but has no row",
        "rival-definition: Arab League: arab-league-matador, used here, lacks AE TN YE against arab-league",
    ] {
        assert!(told.iter().any(|line| line == wanted), "{wanted:?} is not in {told:#?}");
    }
    assert!(!told.iter().any(|line| line.starts_with("missing")), "{told:#?}");
    // Without paths everything but what needs none is missing.
    let bare = Survey::with_nodes("nodes.csv", NODES).unwrap();
    let found = contradictions(&bare, &study(), &known_groups());
    assert!(
        found.iter().any(|found| found.text == "Europe, network path: 105 of 120 pairs were not measured")
    );
}

/// The slides' anomaly: Miami, then Zurich, and no country of the EU between.
#[test]
fn the_leap_from_miami_to_zurich() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/paths/traceroute/anomaly.txt"))
            .unwrap();
    let trace = crate::paths::traces(&text).remove(0).unwrap();
    let located = |zurich: &str, leaves_out| {
        let places = [
            ("190.227.163.129", "AR"),
            ("63.209.150.165", "US"),
            ("4.69.142.133", zurich),
            ("213.242.67.94", "CH"),
            ("5.148.175.201", "CH"),
        ];
        let rows: Vec<_> = places
            .iter()
            .map(|(address, code)| (address.parse().unwrap(), 32, json!({"country_code": code})))
            .collect();
        let found = Database::from_bytes(database("test", &rows), None).unwrap();
        Locator::new(Some(found), Corrections::default(), leaves_out).locate(&trace, Country::parse("AR"))
    };
    // Where the database is right, time allows the leap: it is told, with its figures, and stands.
    let right = located("CH", true);
    let leap = right.flagged.iter().find(|flagged| flagged.from.code() == "US").unwrap();
    assert!(!leap.flag.is_impossible() && (5_200.0..5_600.0).contains(&leap.least_km), "{leap:?}");
    assert!((leap.had_ms - 117.616).abs() < 0.01 && (52.0..56.0).contains(&leap.needs_ms), "{leap:?}");
    assert_eq!(right.stays.iter().map(|country| country.code()).collect::<Vec<_>>(), ["AR", "US", "CH"]);
    // Where it takes Zurich's router for an American one, that claim goes, not those of the two behind it.
    let wrong = located("US", true);
    let flagged: Vec<String> = wrong
        .flagged
        .iter()
        .filter(|flagged| flagged.flag.is_impossible())
        .map(|flagged| wrong.claims[flagged.at].address.to_string())
        .collect();
    assert_eq!(flagged, ["4.69.142.133", "4.69.142.133"]);
    assert_eq!(wrong.stays, right.stays);
}
