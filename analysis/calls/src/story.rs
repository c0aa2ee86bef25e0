//! A call in words, one screen long.

use std::fmt::Write;

use super::names::Names;
use super::population::two_visits;
use super::quality::ASSUMPTIONS;
use super::record::{LegRecord, Record, RelayRecord, StreamRecord};

/// Most lines of one kind; what is left is counted.
const LINES: usize = 16;

/// The call as text; `when` is its start in words.
pub fn tell(record: &Record, when: &str) -> String {
    let mut out = String::new();
    head(&mut out, record, when);
    states(&mut out, record);
    relays(&mut out, record);
    legs(&mut out, record);
    streams(&mut out, record);
    if !record.findings.is_empty() {
        out += "\n  findings\n";
        limited(&mut out, &record.findings, |out, finding| {
            let _ = writeln!(out, "    - {finding}");
        });
    }
    out
}

/// What is to be said of all calls together.
pub fn close(names: &Names, calls: u64) -> String {
    let mut out = format!("{calls} call{}", if calls == 1 { "" } else { "s" });
    let mark_recapture = &names.mark_recapture;
    if mark_recapture.relays() > 0 {
        let _ = write!(
            out,
            "; {} different relays asked in {} of them",
            mark_recapture.relays(),
            mark_recapture.calls()
        );
        let (marked, captured, recaptured) = mark_recapture.halves();
        match mark_recapture.all_visits() {
            Some(all) => {
                let _ = write!(
                    out,
                    "\nrelays there are, by mark and recapture: {:.1} +- {:.1}",
                    all.mean, all.deviation
                );
                let _ = write!(out, " (every call a visit)");
                if let Some(two) = two_visits(marked, captured, recaptured) {
                    let _ = write!(
                        out,
                        "; {:.1} +- {:.1} (two visits: odd and even calls,",
                        two.mean, two.deviation
                    );
                    let _ = write!(out, " K={marked} n={captured} k={recaptured})");
                }
            }
            None if mark_recapture.calls() > 1 => {
                out +=
                    "\nrelays there are: too few met twice for an estimate (mark and recapture needs four)";
            }
            None => {}
        }
    }
    out + "\n"
}

/// How quality was estimated.
pub fn assumptions() -> &'static str {
    ASSUMPTIONS
}

fn seconds(us: u64) -> String {
    format!("{:.3}", us as f64 / 1e6)
}

fn length(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        1_000_000..120_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => format!("{} min {:02} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

fn head(out: &mut String, record: &Record, when: &str) {
    let app = record.app.as_deref().unwrap_or("unknown app");
    let dialect = record.dialect.as_deref().map(|year| format!(", dialect of {year}")).unwrap_or_default();
    let (id, outcome, lasted) = (record.call_id, record.outcome, length(record.duration_us));
    let media_us = record.parties.iter().map(|party| party.relayed_us + party.direct_us).max().unwrap_or(0);
    let talked = if media_us > 0 { format!(", {} of them media", length(media_us)) } else { String::new() };
    let _ = writeln!(out, "call {id}: {app}{dialect}, {outcome}; {when}, {lasted}{talked}");
    for party in &record.parties {
        let mut words = vec![party.name.clone()];
        words.extend(party.address.clone());
        words.extend(party.side_evidence.map(|evidence| format!("by {evidence}")));
        words.extend((party.captured != "both").then(|| format!("captured {} only", party.captured)));
        words.extend(party.behind_nat.map(|nat| (if nat { "behind NAT" } else { "no NAT" }).to_owned()));
        words.extend(party.country.as_ref().map(|country| format!("in {country}")));
        words.extend(party.setup_us.map(|us| format!("relay found in {}", length(us))));
        words.extend(party.ringing_us.map(|us| format!("rang {}", length(us))));
        words.extend(party.first_media_us.map(|us| format!("media {} later", length(us))));
        let spans = [(party.relayed_us, "on the relay"), (party.direct_us, "to the peer")];
        words.extend(
            spans.iter().filter(|(us, _)| *us > 0).map(|(us, what)| format!("{} {what}", length(*us))),
        );
        let _ = writeln!(out, "  {}", words.join(", "));
        let mut counts = Vec::new();
        let [up, down] = party.rtcp;
        if up + down > 0 {
            let (srtcp, compact) = (party.srtcp, party.compact_rtcp);
            counts.push(format!("RTCP {up} up {down} down ({srtcp} SRTCP, {compact} compact)"));
        }
        let [up, down] = party.signalling;
        if up + down > 0 {
            counts.push(format!("signalling {up} up {down} down"));
        }
        if !counts.is_empty() {
            let _ = writeln!(out, "    {}", counts.join(", "));
        }
    }
}

/// A name, with whose it is where there are several ends.
fn owned(record: &Record, party: usize, name: &str) -> String {
    match record.parties.get(party).filter(|_| record.parties.len() > 1) {
        Some(party) => format!("{}'s {name}", party.name),
        None => name.to_owned(),
    }
}

fn states(out: &mut String, record: &Record) {
    let who = |party: usize| record.parties.get(party).map_or("", |party| party.name.as_str());
    let _ = writeln!(out, "\n  {:>9}  {:>7}  {:<10}  what", "time s", "packet", "state");
    let several = record.parties.len() > 1;
    limited_to(out, &record.states, 24, |out, state| {
        let arrow = if state.way == "up" { "->" } else { "<-" };
        let with = state.with.as_deref().unwrap_or("-");
        let party = if several { format!("{} ", who(state.party)) } else { String::new() };
        let signature = state.signature.as_ref().map(|name| format!(" [{name}]")).unwrap_or_default();
        let (at, packet, name, evidence) = (seconds(state.at_us), state.packet, state.state, &state.evidence);
        let _ =
            writeln!(out, "  {at:>9}  {packet:>7}  {name:<10}  {party}{arrow} {with}: {evidence}{signature}");
    });
}

fn relays(out: &mut String, record: &Record) {
    let asked: Vec<&RelayRecord> = record.relays.iter().collect();
    if asked.is_empty() {
        return;
    }
    let names: Vec<String> = asked.iter().map(|relay| owned(record, relay.party, &relay.name)).collect();
    let width = width(names.iter().map(String::as_str), "relay");
    let has_places = asked.iter().any(|relay| relay.country.is_some() || relay.km.is_some());
    let place = |words: &str| if has_places { format!("  {words:<17}") } else { String::new() };
    let titles = format!(
        "\n  {:<width$}{}  {:>5} {:>8}  {:>7} {:>7}  {:>12}  {:>5} {:>6}  used",
        "relay",
        place("where, km"),
        "asked",
        "answered",
        "RTT ms",
        "least",
        "clock ms",
        "pings",
        "probes"
    );
    let _ = writeln!(out, "{titles}");
    limited(out, &asked, |out, relay| {
        let ms = |us: Option<u64>| us.map_or("-".into(), |us| format!("{:.1}", us as f64 / 1e3));
        let clock = match relay.clock_ahead_us {
            Some([least, most]) => format!("{:+.0} {:+.0}", least as f64 / 1e3, most as f64 / 1e3),
            None => "-".into(),
        };
        let used = relay.chosen_by.map_or(String::new(), |by| format!("chosen, by {by}"));
        let count = |count: Option<u64>| count.map_or("?".into(), |count| count.to_string());
        let (asked, answered) = (count(relay.asked), count(relay.answered));
        let (pings, probes) = (relay.keepalives, relay.probes);
        let name = owned(record, relay.party, &relay.name);
        let (first, least) = (ms(relay.rtt_us), ms(relay.min_rtt_us));
        let at = place(&where_told(relay.country.as_deref(), relay.km));
        let line = format!(
            "  {name:<width$}{at}  {asked:>5} {answered:>8}  {first:>7} {least:>7}  {clock:>12}  {pings:>5} {probes:>6}  {used}"
        );
        let _ = writeln!(out, "{}", line.trim_end());
    });
}

/// `US 5400-12100`: country and distance.
fn where_told(country: Option<&str>, km: Option<[u32; 2]>) -> String {
    let country = country.unwrap_or("-");
    km.map_or_else(|| country.to_owned(), |[least, most]| format!("{country} {least}-{most}"))
}

fn legs(out: &mut String, record: &Record) {
    if record.legs.is_empty() {
        return;
    }
    let names: Vec<String> = record.legs.iter().map(|leg| owned(record, leg.party, &leg.name)).collect();
    let width = width(names.iter().map(String::as_str), "leg");
    let _ = writeln!(
        out,
        "\n  {:<width$}  {:<9}  {:>9} {:>9}  {:>11}  {:>13}  {:>11}  checks",
        "leg", "kind", "from s", "to s", "packets", "kB", "RTP"
    );
    let legs: Vec<&LegRecord> = record.legs.iter().collect();
    limited(out, &legs, |out, leg| {
        let pair = |[up, down]: [u64; 2]| format!("{up}/{down}");
        let kilobytes = leg.bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e3)).join("/");
        let (sent, received) = (leg.checks[0], leg.checks[1]);
        let answered = leg.checked[1];
        let checks = if leg.country.is_some() {
            format!("in {} km", where_told(leg.country.as_deref(), leg.km))
        } else if sent + received == 0 {
            String::new()
        } else {
            let rtt = leg.rtt_us.map(|us| format!(", {:.1} ms", us as f64 / 1e3)).unwrap_or_default();
            format!("{sent} sent, {answered} answered{rtt}; {received} received")
        };
        let line = format!(
            "  {:<width$}  {:<9}  {:>9} {:>9}  {:>11}  {:>13}  {:>11}  {checks}",
            owned(record, leg.party, &leg.name),
            leg.kind,
            seconds(leg.at_us),
            seconds(leg.until_us),
            pair(leg.packets),
            kilobytes,
            pair(leg.media)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    });
}

fn streams(out: &mut String, record: &Record) {
    if record.streams.is_empty() {
        return;
    }
    let titles = [
        "source",
        "way",
        "payload",
        "clock",
        "packets",
        "lost",
        "twice",
        "late",
        "codec/net kbit/s",
        "steps ms (times)",
        "MOS",
        "jitter ms by leg",
    ];
    let [source, way, payload, clock, packets, lost, twice, late, rate, steps, mos, jitter] = titles;
    let _ = writeln!(
        out,
        "\n  {source:<10} {way:<4} {payload:<9} {clock:>6} {packets:>7} {lost:>5} {twice:>5} {late:>4} {rate:>16}  {steps:<26} {mos:>4}  {jitter}"
    );
    limited(out, &record.streams, |out, stream| {
        let payload = stream.payload_types.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let payload = format!("{payload} {}", stream.media.unwrap_or(""));
        let clock = stream.clock_hz.map_or("-".into(), |clock| format!("{}k", f64::from(clock) / 1000.0));
        let steps: Vec<String> = stream.steps.iter().take(3).map(step).collect();
        let mos = stream.quality.map_or("-".into(), |quality| format!("{:.1}", quality.mos));
        let jitter: Vec<String> = stream
            .legs
            .iter()
            .map(|leg| {
                let jitter = leg.jitter_ms.map_or("-".into(), |ms| format!("{ms:.1}"));
                format!("{} {jitter} ({} packets)", owned(record, stream.party, &leg.with), leg.packets)
            })
            .collect();
        let _ = writeln!(
            out,
            "  {:<10} {:<4} {payload:<9} {clock:>6} {:>7} {:>5} {:>5} {:>4} {:>16}  {:<26} {mos:>4}  {}",
            stream.ssrc,
            stream.way,
            stream.packets,
            stream.lost,
            stream.duplicates,
            stream.reordered,
            rate_kbit(stream),
            steps.join(", "),
            jitter.join("; ")
        );
    });
}

fn step(step: &super::record::StepRecord) -> String {
    let count = step.count;
    step.ms.map_or_else(|| format!("{} units ({count})", step.units), |ms| format!("{ms:.0} ({count})"))
}

/// What the codec needs, and what the network carries for it.
fn rate_kbit(stream: &StreamRecord) -> String {
    match (stream.codec_kbit_s, stream.net_kbit_s) {
        (Some(codec), Some(net)) => format!("{codec:.1}/{net:.1}"),
        _ => "-".into(),
    }
}

fn width<'n>(names: impl Iterator<Item = &'n str>, title: &str) -> usize {
    names.map(|name| name.chars().count()).chain([title.len()]).max().unwrap_or(0)
}

fn limited<T>(out: &mut String, items: &[T], line: impl Fn(&mut String, &T)) {
    limited_to(out, items, LINES, line);
}

fn limited_to<T>(out: &mut String, items: &[T], most: usize, line: impl Fn(&mut String, &T)) {
    items.iter().take(most).for_each(|item| line(out, item));
    if items.len() > most {
        let _ = writeln!(out, "    ... {} more (all are in the JSON record)", items.len() - most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_the_unit_that_fits() {
        let told = [999_000, 1_500_000, 119_000_000, 120_000_000, 180_000_000, 3_599_900_000].map(length);
        assert_eq!(told, ["999 ms", "1.5 s", "119.0 s", "2 min 00 s", "3 min 00 s", "59 min 59 s"]);
    }
}
