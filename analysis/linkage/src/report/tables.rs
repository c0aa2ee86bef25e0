//! Results as tables for people.

use wiremark_report::Table;

use crate::audit::Audit;
use crate::simulate::control::{ControlScore, TABLE_TWO};
use crate::simulate::defences;
use crate::simulate::score::{DataScore, Reported};
use crate::simulate::table_one;

/// Links that a table for people shows; JSON has all.
const LINKS: usize = 1_000;

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// A decimal or two where a number is small, none where it is not.
fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// Table I: what the three distances take, and how far they are from DTW.
pub fn warping(rows: &[table_one::Row]) -> Table {
    let cells = |row: &table_one::Row| {
        let kind = if row.is_matched { "matched" } else { "unrelated" };
        let [dtw, windowed, dfw] = row.time_us;
        let [_, of_windowed, of_dfw] = row.error;
        let ratio = short(dtw / dfw.max(1e-9));
        let times = [short(dtw), short(windowed), short(dfw), ratio];
        let errors = [format!("{of_windowed:.2}"), format!("{of_dfw:.2}")];
        [kind.to_owned(), row.length.to_string()].into_iter().chain(times).chain(errors).collect()
    };
    Table {
        title: "Warping distances (UVP, Table I)".into(),
        note: "Side by side on this machine; errors against DTW, mean of 24 pairs. The paper: matched 0.31 to 2.31 % (windowed) and 0.02 to \
               1.00 % (DFW), unrelated 3.90 to 4.94 % and 4.35 to 7.45 %. DTW of unrelated series leaves the diagonal far, so that a band makes \
               a much greater error than the paper's; it is no matter, as both are far from those of matched ones.",
        columns: vec![
            "channels",
            ">length",
            ">DTW us",
            ">windowed us",
            ">DFW us",
            ">DTW : DFW",
            ">windowed error %",
            ">DFW error %",
        ],
        rows: rows.iter().map(cells).collect(),
    }
}

/// Table II: control channels at each density, means over seeds.
pub fn control(scores: &[(f64, ControlScore)]) -> Table {
    let cells = |(density, score): &(f64, ControlScore)| {
        let paper = TABLE_TWO.iter().find(|(of, _)| of == density);
        let paper = paper.map_or("-".into(), |(_, accuracy)| format!("{accuracy:.1}"));
        let shares = [score.greedy, score.assignment, score.assignment_roles].map(percent);
        [format!("{density:.1}"), paper].into_iter().chain(shares).collect()
    };
    Table {
        title: "Control channels at high density (UVP, Table II)".into(),
        note: "Calls matched rightly, in percent. Greedy is the paper's; the best assignment maximises the likelihood of all gaps at \
               start and end, without and with knowing who called.",
        columns: vec![">calls/s", ">paper", ">greedy", ">assignment", ">with roles"],
        rows: scores.iter().map(cells).collect(),
    }
}

/// Data channels: top-1 by method.
pub fn data(score: &DataScore) -> Table {
    let of = |name: &str, share: f64| vec![name.to_owned(), percent(share)];
    let mut rows: Vec<Vec<String>> = score.top1.iter().map(|(name, share)| of(name, *share)).collect();
    rows.push(of("assignment", score.assignment));
    rows.push(of("chance", score.chance));
    Table {
        title: format!("{} concurrent calls after {} s", score.calls, score.seconds),
        note: "Calls whose best candidate is the right one, in percent; the assignment is that of the best method.",
        columns: vec!["method", ">right %"],
        rows,
    }
}

/// The calibrated threshold beside the paper's.
pub fn reported(reported: &Reported) -> Table {
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    Table {
        title: "Links reported from a threshold on".into(),
        note: "Correlations count as standard deviations above those of both legs with all others. Calibrated on another population, on pairs \
               shifted against each other; every tenth leg has its other end elsewhere.",
        columns: vec!["what", ">value"],
        rows: vec![
            row("false-link rate asked for, %", format!("{:.2}", reported.false_link_rate * 100.0)),
            row("standard deviations from which on a link is reported", format!("{:.2}", reported.threshold)),
            row("calls reported, %", percent(reported.reported)),
            row("false links, % of legs", format!("{:.2}", reported.false_links * 100.0)),
            row("calls reported by the paper's ratio of 0.05, %", percent(reported.paper_reported)),
        ],
    }
}

/// What counter-measures would leave of the links found in captures.
pub fn what_if(rows: &[defences::Row]) -> Table {
    let title = "Counter-measures, had they been taken".into();
    let note = "The links by voice above are taken for the truth. What the best of correlation, DFW and L1, each end by itself or by the best \
                assignment, would still find of them, in percent; start and end of a call stay in sight.";
    Table { title, note, ..defences(rows) }
}

/// Counter-measures.
pub fn defences(rows: &[defences::Row]) -> Table {
    let cells = |row: &defences::Row| {
        vec![
            row.defence.clone(),
            row.place.to_owned(),
            percent(row.best_attack),
            row.attack.to_owned(),
            percent(row.chance),
            format!("{:+.0}", row.bytes_added * 100.0),
            format!("{:.0}", row.delay_s * 1e3),
            row.verdict.to_owned(),
        ]
    };
    Table {
        title: "Counter-measures".into(),
        note: "The best of all distances and assignments, beside blind choice; start and end of a call stay in sight and are matched as \
               control channels are, unless packets are sent all day.",
        columns: vec![
            "counter-measure",
            "at",
            ">best attack %",
            "attack",
            ">chance %",
            ">bytes %",
            ">delay ms",
            "it",
        ],
        rows: rows.iter().map(cells).collect(),
    }
}

/// The first lines: how many calls, how many linkable at which false-link rate after how many seconds.
pub fn headline(audit: &Audit) -> String {
    let by_voice = audit.over_time.last().map_or(0, |(_, linked)| *linked);
    let after = match by_voice {
        0 => String::new(),
        _ => format!(", nearly all of them after {} s", audit.after_s),
    };
    format!(
        "{} ends of calls in view; {} calls linked by size and time alone, at a false-link rate of {} %{after}.\n\n",
        audit.ends,
        audit.linked,
        audit.false_link_rate * 100.0
    )
}

/// Links over time, and the links.
pub fn audit(audit: &Audit) -> Vec<Table> {
    let over_time = Table {
        title: "Calls linked by voice".into(),
        note: "After so many seconds from the initial burst on.",
        columns: vec![">seconds", ">calls"],
        rows: audit
            .over_time
            .iter()
            .map(|(seconds, calls)| vec![seconds.to_string(), calls.to_string()])
            .collect(),
    };
    let cells = |link: &crate::audit::Link| {
        vec![
            link.a.to_string(),
            link.b.to_string(),
            link.by.to_owned(),
            format!("{:.3}", link.score),
            format!("{:.1}", link.start_s),
            format!("{:.1}", link.end_s - link.start_s),
        ]
    };
    let links = Table {
        title: "Links".into(),
        note: "End points are pseudonyms by a key of this run; start is in seconds since the first packet of a call. The score is a \
               correlation for voice, confidence (equation 3) for control channels.",
        columns: vec!["one end", "other end", "by", ">score", ">start s", ">length s"],
        rows: audit.links.iter().take(LINKS).map(cells).collect(),
    };
    vec![over_time, links]
}
