//! Charts of simulated populations.

use wiremark_report::LineChart;

use super::page::{bytes_over_time, distances, draw, gaps};
use crate::audit::AuditSettings;
use crate::channel::Channel;
use crate::defend::Defence;
use crate::simulate::control::{ControlScore, TABLE_TWO};
use crate::simulate::data::{DataPopulation, Place, calls};
use crate::simulate::table_one;

/// Calls whose distance over time is averaged.
const CALLS: usize = 40;
/// Counter-measures beside each other in one chart.
const DEFENCES: usize = 3;

/// Table II as lines: calls matched rightly, by density; and Figure 6.
pub fn control(page: &mut String, scores: &[(f64, ControlScore)]) {
    let line = |of: fn(&ControlScore) -> f64| -> Vec<(f64, f64)> {
        scores.iter().map(|(density, score)| (*density, 100.0 * of(score))).collect()
    };
    let accuracy = LineChart {
        title: "Calls matched rightly, by density (Table II)".into(),
        x: "calls a second".into(),
        y: "percent".into(),
        lines: vec![
            ("paper".into(), TABLE_TWO.to_vec()),
            ("greedy".into(), line(|score| score.greedy)),
            ("assignment".into(), line(|score| score.assignment)),
            ("with roles".into(), line(|score| score.assignment_roles)),
        ],
    };
    figures(page, &[accuracy, gaps()]);
}

/// Figures 5 and 10 of the first calls of a population.
pub fn data(page: &mut String, population: &DataPopulation) {
    let settings = AuditSettings { seconds: population.seconds, ..AuditSettings::default() };
    let few = DataPopulation { calls: population.calls.min(CALLS), ..population.clone() };
    let channels = calls(&few, 1).channels(settings.bin_us, settings.seconds);
    let pairs: Vec<(&Channel, &Channel)> = channels.iter().map(|[a, b]| (a, b)).collect();
    figures(page, &[bytes_over_time(&pairs, &settings), distances(&pairs, &settings)]);
}

/// Bytes a second of one sender, as it is and with the first counter-measures; and how far channels are apart.
pub fn defences(page: &mut String, population: &DataPopulation, defences: &[(Defence, Place)]) {
    let settings = AuditSettings { seconds: population.seconds, ..AuditSettings::default() };
    let named = defences.iter().filter(|(_, place)| *place == Place::Sender);
    // What says nothing is shown beside what says all.
    let (constant, others): (Vec<_>, Vec<_>) =
        named.partition(|(defence, _)| matches!(defence, Defence::Constant { .. }));
    let shown = constant.into_iter().chain(others).take(DEFENCES).map(Some);
    let mut charts = Vec::new();
    let mut lines = Vec::new();
    for defence in std::iter::once(None).chain(shown) {
        let few = DataPopulation {
            calls: population.calls.min(CALLS),
            defence: defence.cloned(),
            ..population.clone()
        };
        let channels = calls(&few, 1).channels(settings.bin_us, settings.seconds);
        let pairs: Vec<(&Channel, &Channel)> = channels.iter().map(|[a, b]| (a, b)).collect();
        let name = defence.map_or("as it is".into(), |(defence, _)| defence.to_string());
        let sent = bytes_over_time(&pairs, &settings).lines.into_iter().next();
        lines.extend(sent.map(|(_, points)| (name.clone(), points)));
        let apart = distances(&pairs, &settings);
        charts.push(LineChart { title: format!("{}: {name}", apart.title), ..apart });
    }
    charts.insert(
        0,
        LineChart {
            title: "Bytes a second of one sender, by counter-measure".into(),
            x: "seconds".into(),
            y: "bytes".into(),
            lines,
        },
    );
    figures(page, &charts);
}

/// Table I as lines: time and error by length.
pub fn warping(page: &mut String, rows: &[table_one::Row]) {
    let of = |is_matched: bool, value: &dyn Fn(&table_one::Row) -> f64| -> Vec<(f64, f64)> {
        let rows = rows.iter().filter(|row| row.is_matched == is_matched);
        rows.map(|row| (row.length as f64, value(row))).collect()
    };
    let time = |n: usize| of(true, &|row| row.time_us[n].max(1e-3).log10());
    let error = |is_matched, n: usize| of(is_matched, &|row| row.error[n]);
    let times = LineChart {
        title: "Time of one distance (Table I)".into(),
        x: "values in a series".into(),
        y: "microseconds, power of ten".into(),
        lines: vec![("DTW".into(), time(0)), ("windowed".into(), time(1)), ("DFW".into(), time(2))],
    };
    let errors = LineChart {
        title: "Error against DTW (Table I)".into(),
        x: "values in a series".into(),
        y: "percent".into(),
        lines: vec![
            ("windowed, matched".into(), error(true, 1)),
            ("DFW, matched".into(), error(true, 2)),
            ("windowed, unrelated".into(), error(false, 1)),
            ("DFW, unrelated".into(), error(false, 2)),
        ],
    };
    figures(page, &[times, errors]);
}

fn figures(page: &mut String, charts: &[LineChart]) {
    *page += "<div class=\"charts\">\n";
    draw(page, charts);
    *page += "</div>\n";
}
