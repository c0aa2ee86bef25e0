//! Where countries lie: outlines, and how far apart two countries are at least.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::country::Country;

/// Mean radius of the Earth, kilometres (IUGG).
const EARTH_KM: f64 = 6371.0;
/// By so much the outlines may be off: they are thinned out, and small islands left out.
const SLACK_KM: f64 = 100.0;
/// Corners of an outline are never further apart than this, degrees, for distances.
const STEP_DEGREES: f64 = 2.0;

/// Longitude and latitude in degrees.
pub type Point = (f64, f64);

/// A country's rings, the largest first; a ring of one point is a place.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Whose.
    pub country: Country,
    /// Corner by corner; over the date line longitudes go on beyond 180 degrees.
    pub rings: Vec<Vec<Point>>,
}

/// Every country's outline, from Natural Earth (public domain; `data/shapes.csv`), by code.
pub static OUTLINES: LazyLock<Vec<Outline>> = LazyLock::new(|| {
    let mut outlines: Vec<Outline> = Vec::new();
    for line in include_str!("../data/shapes.csv").lines() {
        let Some((code, ring)) = line.split_once(',') else { continue };
        let Some(country) = Country::parse(code) else { continue };
        let numbers: Vec<f64> = ring
            .split(' ')
            .filter_map(|number| number.parse().ok())
            .map(|tenths: f64| tenths / 10.0)
            .collect();
        let mut ring: Vec<Point> = numbers.as_chunks::<2>().0.iter().map(|[x, y]| (*x, *y)).collect();
        // Over the date line longitudes go on beyond 180 degrees.
        for at in 1..ring.len() {
            let turns = ((ring[at].0 - ring[at - 1].0) / 360.0).round();
            ring[at].0 -= 360.0 * turns;
        }
        match outlines.last_mut().filter(|last| last.country == country) {
            Some(last) => last.rings.push(ring),
            None => outlines.push(Outline { country, rings: vec![ring] }),
        }
    }
    outlines
});

/// A country's outline.
pub fn outline(country: Country) -> Option<&'static Outline> {
    OUTLINES.binary_search_by_key(&country, |outline| outline.country).ok().map(|at| &OUTLINES[at])
}

impl Outline {
    /// The middle of its largest ring, by area: where a drawing says it is.
    pub fn middle(&self) -> Point {
        let Some(ring) = self.rings.first().filter(|ring| !ring.is_empty()) else { return (0.0, 0.0) };
        let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let cross = a.0 * b.1 - b.0 * a.1;
            area += cross;
            x += (a.0 + b.0) * cross;
            y += (a.1 + b.1) * cross;
        }
        if area.abs() < 1e-6 {
            let count = ring.len() as f64;
            return (
                ring.iter().map(|p| p.0).sum::<f64>() / count,
                ring.iter().map(|p| p.1).sum::<f64>() / count,
            );
        }
        let longitude = x / (3.0 * area);
        (longitude - 360.0 * (longitude / 360.0).round(), y / (3.0 * area))
    }

    /// Points along the borders, on the unit sphere.
    fn border(&self) -> Vec<[f64; 3]> {
        let mut points = Vec::new();
        for ring in &self.rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let far = (a.0 - b.0).abs().max((a.1 - b.1).abs());
                // What goes around a pole is closed by no border.
                let parts = if far > 180.0 { 1.0 } else { (far / STEP_DEGREES).ceil().max(1.0) };
                for part in 0..parts as u32 {
                    let share = f64::from(part) / parts;
                    points.push(on_sphere((a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)));
                }
            }
        }
        points
    }
}

fn on_sphere((longitude, latitude): Point) -> [f64; 3] {
    let (lambda, phi) = (longitude.to_radians(), latitude.to_radians());
    [phi.cos() * lambda.cos(), phi.cos() * lambda.sin(), phi.sin()]
}

/// The great circle between two places, kilometres.
pub fn great_circle_km(a: Point, b: Point) -> f64 {
    let (a, b) = (on_sphere(a), on_sphere(b));
    2.0 * EARTH_KM * (squared(&a, &b).sqrt() / 2.0).min(1.0).asin()
}

fn squared(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// No two places are further apart along a great circle.
const FURTHEST_KM: f64 = std::f64::consts::PI * EARTH_KM;

/// How far countries are apart: from border to border, along great circles. Remembers what it was asked.
#[derive(Debug, Default)]
pub struct Distances {
    borders: HashMap<Country, Vec<[f64; 3]>>,
    known: HashMap<(Country, Country), [f64; 2]>,
}

impl Distances {
    /// Kilometres, less what the outlines may be off; 0 for neighbours, and where a country has no outline.
    pub fn least_km(&mut self, a: Country, b: Country) -> f64 {
        if a == b { 0.0 } else { self.km(a, b)[0] }
    }

    /// How far a place in one may be from a place in the other: least and greatest, kilometres, with what the outlines may be off.
    pub fn km(&mut self, a: Country, b: Country) -> [f64; 2] {
        let pair = (a.min(b), a.max(b));
        if let Some(known) = self.known.get(&pair) {
            return *known;
        }
        for country in [a, b] {
            let border = || outline(country).map(Outline::border).unwrap_or_default();
            self.borders.entry(country).or_insert_with(border);
        }
        let (one, other) = (&self.borders[&a], &self.borders[&b]);
        let pairs = one.iter().flat_map(|a| other.iter().map(move |b| squared(a, b)));
        let (least, most) = pairs.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), squared| {
            (least.min(squared), most.max(squared))
        });
        let km = |squared: f64| 2.0 * EARTH_KM * (squared.sqrt() / 2.0).min(1.0).asin();
        let found = if least.is_finite() {
            [(km(least) - SLACK_KM).max(0.0), (km(most) + SLACK_KM).min(FURTHEST_KM)]
        } else {
            [0.0, FURTHEST_KM]
        };
        self.known.insert(pair, found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_lies_somewhere() {
        for country in Country::all() {
            let outline = outline(country).unwrap_or_else(|| panic!("{country} has no outline"));
            let (x, y) = outline.middle();
            assert!((-180.0..=180.0).contains(&x) && (-90.0..=90.0).contains(&y), "{country} {x} {y}");
        }
        assert_eq!(OUTLINES.len(), 250);
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        // Zurich and Miami; an antipode.
        assert!((great_circle_km((8.54, 47.37), (-80.19, 25.76)) - 7_860.0).abs() < 40.0);
        assert!((great_circle_km((0.0, 0.0), (180.0, 0.0)) - 20_015.0).abs() < 1.0);
        let mut distances = Distances::default();
        let mut km =
            |a: &str, b: &str| distances.least_km(Country::parse(a).unwrap(), Country::parse(b).unwrap());
        for (a, b) in [
            ("CH", "DE"),
            ("US", "CA"),
            ("US", "MX"),
            ("CN", "HK"),
            ("FR", "GB"),
            ("ES", "PT"),
            ("CH", "CH"),
            ("US", "RU"),
        ] {
            assert_eq!(km(a, b), 0.0, "{a} {b}");
        }
        for (a, b, from, to) in [
            ("US", "CH", 5_300.0, 5_900.0),
            ("AU", "DE", 11_000.0, 12_800.0),
            ("NZ", "AU", 1_300.0, 2_100.0),
            ("AR", "US", 5_000.0, 6_600.0),
            ("JP", "CH", 7_500.0, 8_900.0),
            ("FR", "BR", 4_000.0, 6_500.0),
            ("SG", "HK", 2_300.0, 2_600.0),
        ] {
            let found = km(a, b);
            assert!((from..to).contains(&found) && found == km(b, a), "{a} {b} {found}");
        }
    }

    #[test]
    fn the_greatest_distance_is_from_end_to_end() {
        let mut distances = Distances::default();
        let mut km = |a: &str, b: &str| distances.km(Country::parse(a).unwrap(), Country::parse(b).unwrap());
        for (a, b, from, to) in
            [("CH", "CH", 350.0, 500.0), ("CH", "DE", 1_000.0, 1_300.0), ("US", "CH", 11_000.0, 13_500.0)]
        {
            let [least, most] = km(a, b);
            assert!((from..to).contains(&most) && least < most, "{a} {b} {least} {most}");
        }
    }
}
