//! The lanes of a call: who was in touch when, and how much media there was.

use super::super::record::{Record, SeriesRecord, StreamRecord};
use super::scale::{EDGE, Scale};
use super::state_band::state_band;
use wiremark_report::svg::Drawing;

const LANE: f64 = 18.0;
const CHART: f64 = 64.0;

/// A row for every relay and peer address, one for signalling, a chart for each way of the media.
pub(super) fn draw(drawing: &mut Drawing, record: &Record, scale: &Scale, mut y: f64) -> f64 {
    for (number, party) in record.parties.iter().enumerate() {
        let whose =
            if record.parties.len() > 1 { format!("state of {}", party.name) } else { "state".into() };
        drawing.text((8.0, y + 10.0), "name used", &whose);
        state_band(drawing, record, number, scale, y);
        y += 16.0;
        for relay in record.relays.iter().filter(|relay| relay.party == number) {
            let name = with_country(&relay.name, relay.country.as_deref());
            lane(drawing, scale, y, &name, relay.chosen_by.is_some());
            ticks(drawing, scale, y, &relay.activity, "tick");
            media_bars(drawing, record, scale, y, number, &relay.name);
            y += LANE;
        }
        let is_relay = |name: &str| record.relays.iter().any(|relay| *relay.name == *name);
        for leg in record.legs.iter().filter(|leg| leg.party == number && !is_relay(&leg.name)) {
            if let Some(series) = &leg.series {
                let name = with_country(&leg.name, leg.country.as_deref());
                let title = format!("{name} ({})", leg.kind);
                y = chart(drawing, scale, y, &title, "both", &[series]);
                continue;
            }
            let answered = leg.checked[1] > 0 || leg.checked[0] > 0;
            lane(
                drawing,
                scale,
                y,
                &format!("{}{}", leg.name, if answered { "" } else { " (silent)" }),
                leg.media != [0; 2],
            );
            ticks(drawing, scale, y, &leg.activity, "tick");
            media_bars(drawing, record, scale, y, number, &leg.name);
            y += LANE;
        }
        lane(drawing, scale, y, "signalling", false);
        ticks(drawing, scale, y, &party.signalling_at, "signal");
        y += LANE + 4.0;
        for (way, title) in [("up", "media up"), ("down", "media down")] {
            let of_way = |stream: &&StreamRecord| stream.party == number && stream.way == way;
            let series: Vec<&SeriesRecord> =
                record.streams.iter().filter(of_way).map(|stream| &stream.series).collect();
            if !series.is_empty() {
                y = chart(drawing, scale, y, title, way, &series);
            }
        }
    }
    y
}

fn with_country(name: &str, country: Option<&str>) -> String {
    country.map_or_else(|| name.to_owned(), |country| format!("{name}, {country}"))
}

fn lane(drawing: &mut Drawing, scale: &Scale, y: f64, name: &str, is_used: bool) {
    drawing.text((8.0, y + LANE - 5.0), if is_used { "name used" } else { "name" }, name);
    drawing.line((scale.left, y + LANE / 2.0), (EDGE, y + LANE / 2.0), "rail");
}

fn span(from_us: u64, until_us: u64) -> String {
    format!("{:.3} s to {:.3} s", from_us as f64 / 1e6, until_us as f64 / 1e6)
}

/// A tick for every stretch in which anything came.
fn ticks(drawing: &mut Drawing, scale: &Scale, y: f64, spans: &[[u64; 2]], class: &str) {
    for [from, until] in spans {
        let (left, right) = (scale.x(*from), scale.x(*until));
        drawing.titled_rect(
            (left, y + 4.0),
            ((right - left).max(2.0), LANE - 8.0),
            class,
            &span(*from, *until),
        );
    }
}

/// Where media ran: up in the upper half of the lane, down in the lower.
fn media_bars(drawing: &mut Drawing, record: &Record, scale: &Scale, y: f64, party: usize, name: &str) {
    for stream in record.streams.iter().filter(|stream| stream.party == party) {
        let (top, class) = if stream.way == "up" { (y + 2.0, "up") } else { (y + LANE / 2.0, "down") };
        for [from, until] in stream.legs.iter().filter(|leg| *leg.with == *name).flat_map(|leg| &leg.activity)
        {
            let (left, right) = (scale.x(*from), scale.x(*until));
            let title = format!("media {}, {}", stream.way, span(*from, *until));
            drawing.titled_rect((left, top), ((right - left).max(2.0), LANE / 2.0 - 2.0), class, &title);
        }
    }
}

/// Bit rate over time.
fn chart(
    drawing: &mut Drawing,
    scale: &Scale,
    y: f64,
    title: &str,
    way: &str,
    series: &[&SeriesRecord],
) -> f64 {
    let base = y + CHART - 6.0;
    let width_us = series.iter().map(|series| series.width_us).max().unwrap_or(1).max(1);
    let bins = (scale.length_us / width_us + 1) as usize;
    let mut bytes = vec![0u64; bins.min(4096)];
    for one in series {
        for (n, amount) in one.values.iter().enumerate() {
            let middle = one.at_us + one.width_us * n as u64 + one.width_us / 2;
            let at = ((middle / width_us) as usize).min(bytes.len().saturating_sub(1));
            if let Some(bin) = bytes.get_mut(at) {
                *bin += u64::from(*amount);
            }
        }
    }
    let kbit = |bytes: u64| bytes as f64 * 8000.0 / width_us as f64;
    let most = bytes.iter().copied().map(kbit).fold(0.0, f64::max).max(1.0);
    let height = CHART - 14.0;
    let per = if width_us > 1_000_000 { format!(", per {} s", width_us / 1_000_000) } else { String::new() };
    drawing.text((8.0, y + 16.0), "name used", title);
    drawing.text((8.0, y + 30.0), "small", &format!("most {most:.0} kbit/s{per}"));
    drawing.line((scale.left, base), (EDGE, base), "axis");
    drawing.line((scale.left, base - height), (EDGE, base - height), "rail");
    let mut run: Vec<(f64, f64)> = Vec::new();
    for (n, amount) in bytes.iter().enumerate() {
        if *amount == 0 {
            drawing.area(base, &run, way);
            run.clear();
            continue;
        }
        let top = base - kbit(*amount) / most * height;
        let (from, until) = (width_us * n as u64, width_us * (n as u64 + 1));
        run.extend([(scale.x(from), top), (scale.x(until.min(scale.length_us.max(from))), top)]);
    }
    drawing.area(base, &run, way);
    y + CHART
}
