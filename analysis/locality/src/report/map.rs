//! A map of the world: country outlines in the Equal Earth projection, with paths between countries.
//!
//! Projection: Šavrič, Patterson, Jenny 2018, "The Equal Earth map projection", equations 7 to 9.

use std::collections::BTreeMap;
use std::fmt::Write;

use wiremark_report::page::escape;

use crate::country::{Country, CountrySet};
use crate::outline::{OUTLINES, Outline, Point, outline};

/// Size of the map in its own units.
pub(super) const WIDTH: f64 = 1200.0;
pub(super) const HEIGHT: f64 = 520.0;
/// The map's northern and southern end, degrees.
const NORTH: f64 = 83.7;
const SOUTH: f64 = -56.0;
/// Points of a path's line.
const STEPS: u32 = 48;

/// Longitude and latitude on the sheet.
pub(super) fn place((longitude, latitude): Point) -> (f64, f64) {
    let (x, y) = equal_earth(longitude, latitude);
    let (east, north, south) =
        (equal_earth(180.0, 0.0).0, equal_earth(0.0, NORTH).1, equal_earth(0.0, SOUTH).1);
    let scale = (WIDTH / (2.0 * east)).min(HEIGHT / (north - south));
    (WIDTH / 2.0 + x * scale, (north - y) * scale)
}

fn equal_earth(longitude: f64, latitude: f64) -> (f64, f64) {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let root = 3f64.sqrt();
    let theta = (root / 2.0 * latitude.to_radians().sin()).asin();
    let (t2, t6) = (theta.powi(2), theta.powi(6));
    let slope = 9.0 * A[3] * theta.powi(8) + 7.0 * A[2] * t6 + 3.0 * A[1] * t2 + A[0];
    let x = 2.0 * root * longitude.to_radians() * theta.cos() / (3.0 * slope);
    let y = theta * (A[3] * theta.powi(8) + A[2] * t6 + A[1] * t2 + A[0]);
    (x, y)
}

/// Every country's outline, named when pointed at; `class` says how it is to look.
pub(super) fn countries(svg: &mut String, class: &dyn Fn(Country) -> String) {
    for outline in OUTLINES.iter().filter(|outline| outline.country.code() != "AQ") {
        let (class, name, path) = (class(outline.country), escape(outline.country.name()), shape(outline));
        let _ = writeln!(svg, r#"<path class="{class}" d="{path}"><title>{name}</title></path>"#);
    }
}

/// A country's outline as the data of a path.
pub(super) fn shape(outline: &Outline) -> String {
    let mut path = String::new();
    for ring in outline.rings.iter().filter(|ring| ring.len() > 1) {
        // What crosses the date line is drawn at both ends, and cut off there.
        let least = ring.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let most = ring.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
        for turn in [-360.0, 0.0, 360.0] {
            if least + turn > 180.0 || most + turn < -180.0 {
                continue;
            }
            for (at, (longitude, latitude)) in ring.iter().enumerate() {
                let (x, y) = place(((longitude + turn).clamp(-180.0, 180.0), *latitude));
                let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
            }
            path.push('Z');
        }
    }
    for (x, y) in outline.rings.iter().filter(|ring| ring.len() == 1).map(|ring| place(ring[0])) {
        let _ = write!(path, "M{:.1} {y:.1}a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0 -3 0Z", x - 1.5);
    }
    path
}

/// Lines between the countries that paths of one kind go through, the wider the more paths; both directions are one line.
pub(super) fn legs(svg: &mut String, legs: &BTreeMap<(Country, Country), u64>) {
    let mut lines: BTreeMap<(Country, Country), u64> = BTreeMap::new();
    for ((from, to), count) in legs.iter().filter(|((from, to), _)| from != to) {
        *lines.entry(((*from).min(*to), (*from).max(*to))).or_default() += count;
    }
    let most = lines.values().copied().max().unwrap_or(1) as f64;
    let mut ordered: Vec<_> = lines.into_iter().collect();
    ordered.sort_by_key(|(_, count)| *count);
    let mut ends = CountrySet::default();
    for ((from, to), count) in ordered {
        let (Some(a), Some(b)) = (outline(from), outline(to)) else { continue };
        ends.extend(&[from, to].into_iter().collect());
        let width = 0.6 + 4.4 * (count as f64 / most).sqrt();
        let title = format!("{} and {}: {count}", from.name(), to.name());
        let path = great_circle(a.middle(), b.middle());
        let _ = writeln!(
            svg,
            r#"<path class="leg" stroke-width="{width:.1}" d="{path}"><title>{title}</title></path>"#
        );
    }
    for country in ends.iter() {
        let Some((x, y)) = outline(country).map(|outline| place(outline.middle())) else { continue };
        let _ = writeln!(
            svg,
            r#"<circle class="stop" cx="{x:.1}" cy="{y:.1}" r="2.6"><title>{}</title></circle>"#,
            escape(country.name())
        );
    }
}

/// Names of the countries on these legs, where there is room for them.
pub(super) fn labels(svg: &mut String, countries: &CountrySet) {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for country in countries.iter() {
        let Some((x, y)) = outline(country).map(|outline| place(outline.middle())) else { continue };
        let places = [
            (x + 4.5, y + 4.0),
            (x + 4.5, y - 5.0),
            (x - 18.0, y + 4.0),
            (x - 18.0, y - 5.0),
            (x - 6.0, y + 13.0),
        ];
        let is_free =
            |(x, y): &(f64, f64)| !taken.iter().any(|(u, v)| (x - u).abs() < 15.0 && (y - v).abs() < 10.0);
        let Some((x, y)) = places.into_iter().find(is_free) else { continue };
        taken.push((x, y));
        let _ = writeln!(svg, r#"<text class="code" x="{x:.1}" y="{y:.1}">{country}</text>"#);
    }
}

/// The great circle between two points, in pieces where it crosses the date line.
fn great_circle(a: Point, b: Point) -> String {
    let sphere = |(longitude, latitude): Point| {
        let (lambda, phi) = (longitude.to_radians(), latitude.to_radians());
        [phi.cos() * lambda.cos(), phi.cos() * lambda.sin(), phi.sin()]
    };
    let (p, q) = (sphere(a), sphere(b));
    let angle = p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>().clamp(-1.0, 1.0).acos().max(1e-9);
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let (one, other) = (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin());
        let [x, y, z] = [0, 1, 2].map(|axis| one * p[axis] + other * q[axis]);
        let longitude = y.atan2(x).to_degrees();
        let latitude = z.clamp(-1.0, 1.0).asin().to_degrees();
        // Beyond the sheet, too, there is nothing to see.
        if !(SOUTH..=NORTH).contains(&latitude) {
            before = None;
            continue;
        }
        let is_cut = before.is_none_or(|before| (longitude - before).abs() > 180.0);
        let (x, y) = place((longitude, latitude));
        let _ = write!(path, "{}{x:.1} {y:.1}", if is_cut { 'M' } else { 'L' });
        before = Some(longitude);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_lie_on_the_sheet() {
        for outline in OUTLINES.iter().filter(|outline| outline.country.code() != "AQ") {
            let (x, y) = place(outline.middle());
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{} {x} {y}", outline.country);
        }
        let (west, east) = (place((-180.0, 0.0)), place((180.0, 0.0)));
        assert!((west.0 + east.0 - WIDTH).abs() < 0.01 && place((0.0, NORTH)).1.abs() < 0.01);
    }

    #[test]
    fn a_way_over_the_date_line_is_cut_there() {
        let pacific = great_circle((140.0, 36.0), (-120.0, 40.0));
        assert_eq!(pacific.matches('M').count(), 2);
        assert_eq!(great_circle((0.0, 0.0), (90.0, 0.0)).matches('M').count(), 1);
        assert!(!great_circle((10.0, 10.0), (10.0, 10.0)).contains("NaN"));
    }
}
