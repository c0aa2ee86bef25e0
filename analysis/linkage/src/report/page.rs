//! Charts of a page: what the paper's Figures 5, 6, 10 and 11 show, of the calls at hand.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write;

use wiremark_report::{LineChart, line_chart};

use crate::audit::{Audit, AuditSettings};
use crate::channel::{Channel, Kind};
use crate::control::{confidence, intersection_over_union};
use crate::distance::dfw;
use crate::flow::widen;
use crate::graph::ContactGraph;
use crate::pseudonym::Pseudonym;

/// Colours of communities (Okabe and Ito), to be told apart with any colour vision.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"];
/// By so much one seed of a sunflower is turned against the one before, in radians.
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
/// End points that a picture has room for; those with most calls are shown.
const SHOWN: usize = 300;
/// Pairs whose distance over time is averaged.
const PAIRS: usize = 40;

/// Adds the charts of an audit.
pub fn audit(page: &mut String, channels: &[Channel], audit: &Audit, settings: &AuditSettings) {
    *page += "<div class=\"charts\">\n";
    let voice: BTreeMap<u64, &Channel> = channels
        .iter()
        .filter(|channel| channel.kind == Kind::Voice)
        .map(|channel| (channel.end, channel))
        .collect();
    let by_voice = audit.links.iter().filter(|link| link.by == "voice");
    let pairs: Vec<(&Channel, &Channel)> =
        by_voice.filter_map(|link| Some((*voice.get(&link.ends.0)?, *voice.get(&link.ends.1)?))).collect();
    draw(page, &[bytes_over_time(&pairs, settings), gaps(), distances(&pairs, settings)]);
    let _ = writeln!(page, "<figure>{}</figure>\n</div>", contacts(&audit.graph, &audit.communities));
}

pub(super) fn draw(page: &mut String, charts: &[LineChart]) {
    for chart in charts {
        if let Ok(svg) = line_chart(chart) {
            let _ = writeln!(page, "<figure>{svg}</figure>");
        }
    }
}

/// Figure 5: bytes in each second of the first link, as one end sends and the other receives them.
pub(super) fn bytes_over_time(pairs: &[(&Channel, &Channel)], settings: &AuditSettings) -> LineChart {
    let wide = per_second(settings);
    let line = |channel: &Channel, series: &[f32]| -> Vec<(f64, f64)> {
        let from_s = channel.first_bin as f64 * settings.bin_us as f64 / 1e6;
        let base_s = pairs.first().map_or(0.0, |(a, b)| a.start_s.min(b.start_s));
        widen(series, wide)
            .iter()
            .zip(0..)
            .map(|(bytes, n)| (from_s - base_s + f64::from(n), f64::from(*bytes)))
            .collect()
    };
    let lines = match pairs.first() {
        Some((a, b)) => vec![
            ("sent by one end".into(), line(a, &a.up)),
            ("received by the other".into(), line(b, &b.down)),
        ],
        None => Vec::new(),
    };
    LineChart {
        title: "Bytes a second on both legs of a call (Figure 5)".into(),
        x: "seconds".into(),
        y: "bytes".into(),
        lines,
    }
}

/// Figure 6: overlap and confidence by the gap at start and at end, for a minute and for an hour.
pub(super) fn gaps() -> LineChart {
    let span = |start_s, end_s| crate::control::Span { start_s, end_s, role: None };
    let of = |long_s: f64, value: &dyn Fn(&crate::control::Span, &crate::control::Span) -> f64| {
        (0..=100)
            .map(|n| f64::from(n) / 10.0)
            .map(|gap_s| (gap_s, value(&span(0.0, long_s), &span(gap_s / 2.0, long_s + gap_s / 2.0))))
            .collect()
    };
    let decay = crate::control::ControlSettings::default().gap_decay;
    let sure = |a: &crate::control::Span, b: &crate::control::Span| confidence(a, b, decay);
    LineChart {
        title: "Overlap and confidence by gap of start and end (Figure 6)".into(),
        x: "gap at start and end together, seconds".into(),
        y: "share".into(),
        lines: vec![
            ("overlap, 1 min".into(), of(60.0, &intersection_over_union)),
            ("overlap, 1 h".into(), of(3_600.0, &intersection_over_union)),
            ("confidence, 1 min".into(), of(60.0, &sure)),
            ("confidence, 1 h".into(), of(3_600.0, &sure)),
        ],
    }
}

/// Figure 10: DFW distance of linked legs, and of one with the next link's, over time.
pub(super) fn distances(pairs: &[(&Channel, &Channel)], settings: &AuditSettings) -> LineChart {
    let pairs = &pairs[..pairs.len().min(PAIRS)];
    let wide = per_second(settings);
    let up: Vec<Vec<f32>> = pairs.iter().map(|(a, _)| widen(&a.up, wide)).collect();
    let down: Vec<Vec<f32>> = pairs.iter().map(|(_, b)| widen(&b.down, wide)).collect();
    let mean = |seconds: usize, next: usize| {
        let distances = (0..pairs.len()).filter_map(|n| {
            let (a, b) = (up[n].get(..seconds)?, down[(n + next) % pairs.len()].get(..seconds)?);
            Some(dfw(a, b, 10, 2))
        });
        let all: Vec<f64> = distances.collect();
        (!all.is_empty()).then(|| (seconds as f64, all.iter().sum::<f64>() / all.len() as f64))
    };
    let line = |next: usize| (1..=settings.seconds).filter_map(|seconds| mean(seconds, next)).collect();
    let lines = match pairs.len() {
        0 => Vec::new(),
        1 => vec![("linked".into(), line(0))],
        _ => vec![("linked".into(), line(0)), ("unrelated".into(), line(1))],
    };
    LineChart {
        title: "Distance of channels over time (Figure 10)".into(),
        x: "seconds".into(),
        y: "DFW, bytes".into(),
        lines,
    }
}

fn per_second(settings: &AuditSettings) -> usize {
    (1_000_000 / settings.bin_us.max(1)).max(1) as usize
}

/// Figure 11: the contact graph, each community a circle in its colour.
pub fn contacts(graph: &ContactGraph, communities: &[Vec<Pseudonym>]) -> String {
    const SIZE: f64 = 760.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIZE} {SIZE}\" font-family=\"sans-serif\">\n\
         <text x=\"20\" y=\"28\" font-size=\"18\">Contact graph (Figure 11)</text>\n"
    );
    let weights = graph.end_points();
    let mut by_calls: Vec<u64> = weights.values().map(|contact| contact.calls).collect();
    by_calls.sort_unstable_by(|a, b| b.cmp(a));
    let least = by_calls.get(SHOWN).copied().unwrap_or_default();
    let shown = communities
        .iter()
        .enumerate()
        .flat_map(|(n, members)| members.iter().map(move |member| (n, *member)));
    let shown: Vec<(usize, Pseudonym)> = shown
        .filter(|(_, member)| {
            weights.get(member).is_some_and(|contact| contact.calls > least || weights.len() <= SHOWN)
        })
        .take(SHOWN)
        .collect();
    // Each community is a circle of its own, the larger ones in the middle, as seeds of a sunflower lie: areas go by members.
    let mut places: BTreeMap<Pseudonym, (f64, f64)> = BTreeMap::new();
    for of in shown.chunk_by(|(one, _), (other, _)| one == other) {
        let share = |members: f64| 330.0 * (members / shown.len() as f64).sqrt();
        let (before, members) = (places.len() as f64, of.len() as f64);
        let (far, turn) =
            (share(before + members / 2.0), GOLDEN_ANGLE * of.first().map_or(0.0, |(n, _)| *n as f64));
        for (at, (_, member)) in of.iter().enumerate() {
            let (radius, angle) = (0.6 * share(members), TAU * at as f64 / members);
            let (x, y) = (far * turn.cos() + radius * angle.cos(), far * turn.sin() + radius * angle.sin());
            places.insert(*member, (SIZE / 2.0 + x, SIZE / 2.0 + 10.0 + y));
        }
    }
    for (a, b, contact) in graph.contacts() {
        if let (Some(a), Some(b)) = (places.get(&a), places.get(&b)) {
            let width = (contact.calls as f64).sqrt();
            let _ = writeln!(
                svg,
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#bbb\" stroke-width=\"{width:.1}\"/>",
                a.0, a.1, b.0, b.1
            );
        }
    }
    for (community, member) in &shown {
        let ((x, y), colour) = (places[member], COLOURS[community % COLOURS.len()]);
        let contact = weights.get(member).copied().unwrap_or_default();
        let radius = 3.0 + (contact.calls as f64).sqrt();
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"><title>{member}: {} calls, {:.0} s</title></circle>",
            contact.calls, contact.seconds
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pseudonym::Key;

    #[test]
    fn a_picture_has_pseudonyms_only() {
        let key = Key::from_bytes(&[3; 16]).unwrap();
        let [a, b] = [b"192.0.2.1", b"192.0.2.2"].map(|address| key.pseudonym(address));
        let mut graph = ContactGraph::default();
        graph.add(a, b, 60.0);
        let svg = contacts(&graph, &graph.communities());
        assert!(svg.contains(&a.to_string()) && svg.contains(&b.to_string()) && !svg.contains("192.0.2"));
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
