//! Databases of several vendors' layouts; and real ones, where they are at hand.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde_json::{Value, json};
use wiremark_locality::{Corrections, Country, Database, Locator};

use crate::mmdb::database;

type Layout = fn(&str) -> Value;

const LAYOUTS: [(&str, Layout); 7] = [
    (
        "MaxMind",
        |code| json!({"continent": {"code": "EU"}, "country": {"geoname_id": 1, "iso_code": code}, "registered_country": {"iso_code": "US"}}),
    ),
    (
        "City",
        |code| json!({"city": {"geoname_id": 5}, "country": {"iso_code": code, "names": {"en": "x"}}, "traits": {}}),
    ),
    ("flat", |code| json!({"country_code": code})),
    (
        "flat with name",
        |code| json!({"asn": "AS1", "continent_code": "EU", "country": "Somewhere", "country_code": code}),
    ),
    ("only country", |code| json!({"asn": "AS1", "country": code})),
    ("camel", |code| json!({"countryCode": code, "countryName": "x"})),
    ("short", |code| json!({"country_long": "x", "country_short": code})),
];

/// Networks of 4.0.0.0/8, a country each.
fn rows(layout: Layout) -> Vec<(IpAddr, u8, Value)> {
    let v4 = |(number, country): (usize, Country)| {
        let address = Ipv4Addr::new(4, number as u8, 0, 0).into();
        (address, 16, layout(country.code()))
    };
    let mut rows: Vec<_> = Country::all().enumerate().map(v4).collect();
    rows.push(("2a00:31::".parse().unwrap(), 32, layout("CH")));
    rows
}

#[test]
fn every_layout_gives_the_same_countries() {
    let mut databases: Vec<_> = LAYOUTS
        .iter()
        .map(|(name, layout)| (name, Database::from_bytes(database(name, &rows(*layout)), None).unwrap()))
        .collect();
    for at in 0..1_000u32 {
        let address = IpAddr::from(Ipv4Addr::from(0x0400_0000 + at * 16_007));
        let (_, first) = &mut databases[0];
        let wanted = first.country(address);
        let second: u8 = address.to_string().split('.').nth(1).unwrap().parse().unwrap();
        assert_eq!(wanted, Country::all().nth(second.into()));
        for (name, other) in &mut databases[1..] {
            assert_eq!(other.country(address), wanted, "{name} {address}");
        }
    }
    for (name, database) in &mut databases {
        assert_eq!(database.country("2a00:31::1".parse().unwrap()), Country::parse("CH"), "{name}");
        assert_eq!(database.country("9.9.9.9".parse().unwrap()), None, "{name}");
        assert!(database.describe().contains("2015-09-30"));
    }
}

#[test]
fn where_an_address_is_registered_is_not_where_it_is() {
    let rows = [
        ("4.0.0.0".parse().unwrap(), 8, json!({"registered_country": {"iso_code": "AU"}})),
        ("5.0.0.0".parse().unwrap(), 8, json!({"country": {"iso_code": "CH"}})),
        ("6.0.0.0".parse().unwrap(), 8, json!({"country": {"iso_code": "EU"}})),
    ];
    let mut found = Database::from_bytes(database("x", &rows), None).unwrap();
    let countries = ["4.1.1.1", "5.1.1.1", "6.1.1.1"].map(|address| found.country(address.parse().unwrap()));
    assert_eq!(countries, [None, Country::parse("CH"), None]);
}

#[test]
fn a_database_without_countries_says_what_it_has() {
    let rows = [("4.0.0.0".parse().unwrap(), 8, json!({"as": {"number": 64500}, "place": {"land": "CH"}}))];
    let bytes = database("x", &rows);
    let told = Database::from_bytes(bytes.clone(), None).unwrap_err().to_string();
    assert!(told.contains("as.number, place.land") && told.contains("--db-key"), "{told}");
    let mut named = Database::from_bytes(bytes.clone(), Some("place.land")).unwrap();
    assert_eq!(named.country("4.1.1.1".parse().unwrap()), Country::parse("CH"));
    assert!(Database::from_bytes(bytes, Some("place.name")).is_err());
    assert!(Database::from_bytes(b"no database".to_vec(), None).unwrap_err().to_string().contains(".mmdb"));
}

#[test]
fn special_addresses_and_corrections_come_before_the_database() {
    let rows = [("0.0.0.0".parse().unwrap(), 1, json!({"country_code": "US"}))];
    let mut corrections = Corrections::default();
    let text =
        "network,country,reason,source\n4.69.0.0/16,CH,reverse name says Zurich,me\n10.0.0.0/8,CH,x,me\n";
    corrections.add("c.csv", text).unwrap();
    let found = Database::from_bytes(database("x", &rows), None).unwrap();
    let mut locator = Locator::new(Some(found), corrections, false);
    let countries = ["4.69.1.1", "4.70.1.1", "10.1.1.1", "100.64.1.1"]
        .map(|address| locator.country(address.parse().unwrap()));
    assert_eq!(countries, [Country::parse("CH"), Country::parse("US"), None, None]);
}

/// Two vendors' databases from a package registry, with other layouts. `bench/locality/databases.sh` brings them; without them there is
/// nothing to compare.
#[test]
fn two_real_databases_agree_or_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/databases");
    let open = |name: &str| Database::open(&folder.join(name), None);
    let (Ok(mut nested), Ok(mut flat)) = (open("nested.mmdb"), open("flat.mmdb")) else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: locality: no databases in target/databases; bench/locality/databases.sh fetches them\n");
        return;
    };
    assert!(nested.describe().contains("country.iso_code") && flat.describe().contains("under country_code"));
    let (mut sampled, mut both, mut differ, mut told) = (0u32, 0, 0, Vec::new());
    let mut number = 0x9e37_79b9u32;
    while sampled < 1_000 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let address = IpAddr::from(Ipv4Addr::from(number));
        if wiremark_locality::is_special(address) {
            continue;
        }
        sampled += 1;
        let (one, other) = (nested.country(address), flat.country(address));
        both += u32::from(one.is_some() && other.is_some());
        if one != other {
            differ += u32::from(one.is_some() && other.is_some());
            told.push(format!("{address} {one:?} {other:?}"));
        }
    }
    eprintln!(
        "{sampled} addresses, {both} in both, of which {differ} differ; all that are not the same:\n{}",
        told.join("\n")
    );
    // They differ in places; databases read at the wrong key would differ nearly everywhere.
    assert!(both > 750 && differ * 8 < both, "{both} in both, {differ} differ");
}
