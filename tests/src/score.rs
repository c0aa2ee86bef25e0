//! Verdicts against labels: what `shared/traces` (or a folder like it) says of every flow, and what the engine says.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use wiremark::{
    Address, Classifier, FiveTuple, FlowKey, Frame, LinkType, Tracker, TrackerConfig, Transport, Verdict,
};
use wiremark_capture::Capture;

/// One row of `labels.csv`.
#[derive(Clone, Debug)]
pub struct Label {
    /// The flow, whichever end opened it.
    pub key: FlowKey,
    /// `None` where the flow is of no app we know.
    pub app: Option<String>,
    /// What the flow is for.
    pub role: String,
    /// Whether the label counts: its confidence is certain or likely.
    pub is_sure: bool,
    /// `payload`, `dns-context`, `flow-context`, `ip-context` or `undecidable`.
    pub decidable: String,
    /// Packets with payload, from 1, until the flow could be decided.
    pub first_packet: Option<u64>,
}

/// What the engine made of one five-tuple of a capture.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The last verdict that names an app, if any.
    pub verdict: Verdict,
    /// App and role changed after a first verdict.
    pub flapped: bool,
    /// Packets with payload, from 1, when the verdict's app and role came up; 0 where before any.
    pub at_packet: u64,
    payload_packets: u64,
}

/// How often a kind of flow came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// App and role as labelled, in time.
    pub right: usize,
    /// No verdict.
    pub missed: usize,
    /// Another app or role, or a verdict on a flow of none.
    pub wrong: usize,
    /// Right, but after the labelled packet.
    pub late: usize,
}

/// Counts by (decidable, app, role), and a line for each flow that is not right.
#[derive(Debug, Default)]
pub struct Report {
    /// Flows whose label is sure.
    pub counts: BTreeMap<(String, String, String), Count>,
    /// Captures of other traffic looked at.
    pub other_captures: usize,
    /// Flows in them.
    pub other_flows: usize,
    /// Verdicts on them: each one is false.
    pub false_positives: usize,
    /// What was not right, a line each.
    pub complaints: Vec<String>,
}

/// Every five-tuple of a capture with the engine's verdict. A capture that breaks off counts as far as it goes.
pub fn verdicts(path: &Path, classifier: &Classifier) -> Result<HashMap<FlowKey, Found>, Box<dyn Error>> {
    let mut capture = Capture::open(path)?;
    let mut tracker = Tracker::new(classifier, TrackerConfig::default());
    let mut found: HashMap<FlowKey, Found> = HashMap::new();
    while let Ok(Some(frame)) = capture.next_frame() {
        let Some(link_type) = LinkType::from_number(frame.link_type) else { continue };
        let frame = Frame {
            link_type,
            time_us: frame.time_us,
            bytes: frame.bytes,
            wire_bytes: frame.original_length,
        };
        let Ok(seen) = tracker.frame(&frame, &mut |_| {}) else { continue };
        let Ok(packet) = wiremark::Packet::parse(link_type, 0, frame.bytes) else { continue };
        let entry = found.entry(packet.five_tuple.key()).or_default();
        entry.payload_packets += u64::from(seen.payload_bytes > 0);
        let (before, now) = ((entry.verdict.app, entry.verdict.role), (seen.verdict.app, seen.verdict.role));
        if seen.verdict.is_match() && before != now {
            entry.flapped |= entry.verdict.is_match();
            entry.at_packet = entry.payload_packets;
        }
        if seen.verdict.is_match() || entry.verdict.is_match() && seen.verdict.is_changed() {
            entry.verdict = seen.verdict;
        }
    }
    Ok(found)
}

/// Reads `labels.csv`, by capture.
pub fn labels(path: &Path) -> Result<BTreeMap<String, Vec<Label>>, Box<dyn Error>> {
    let mut labels: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    for record in csv::Reader::from_path(path)?.records() {
        let record = record?;
        let end = |ip: usize, port: usize| -> Result<(Address, u16), Box<dyn Error>> {
            Ok((Address::from(record[ip].parse::<IpAddr>()?), record[port].parse()?))
        };
        let (client, server) = (end(2, 3)?, end(4, 5)?);
        let transport = if &record[1] == "tcp" { Transport::Tcp } else { Transport::Udp };
        let tuple =
            FiveTuple { src: client.0, dst: server.0, src_port: client.1, dst_port: server.1, transport };
        labels.entry(record[0].to_owned()).or_default().push(Label {
            key: tuple.key(),
            app: (&record[8] != "none").then(|| record[8].to_owned()),
            role: record[9].to_owned(),
            is_sure: &record[10] != "unsure",
            decidable: record[11].to_owned(),
            first_packet: record[12].parse().ok(),
        });
    }
    Ok(labels)
}

/// Scores the captures of `messenger/` against `labels.csv`, and those of `other/` against silence.
pub fn score(traces: &Path, classifier: &Classifier) -> Result<Report, Box<dyn Error>> {
    let mut report = Report::default();
    for (capture, labels) in labels(&traces.join("labels.csv"))? {
        let found = verdicts(&traces.join("messenger").join(&capture), classifier)?;
        for label in labels {
            score_one(&mut report, classifier, &capture, &label, found.get(&label.key));
        }
    }
    let mut others: Vec<_> = std::fs::read_dir(traces.join("other"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    others.sort();
    for path in others {
        report.other_captures += 1;
        let found = verdicts(&path, classifier)?;
        report.other_flows += found.len();
        // A capture with an app's name is of that app, which may be found in it.
        let own = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_own =
            |found: &Found| classifier.set().app(found.verdict.app).is_some_and(|app| app.name == own);
        let is_false = |found: &Found| (found.verdict.is_match() || found.at_packet > 0) && !is_own(found);
        for (key, found) in found.iter().filter(|(_, found)| is_false(found)) {
            report.false_positives += 1;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let verdict = words(classifier, found.verdict);
            report.complaints.push(format!("false: {name} port {} {}: {verdict}", key.low.1, key.high.1));
        }
    }
    Ok(report)
}

fn words(classifier: &Classifier, verdict: Verdict) -> String {
    let app = classifier.set().app(verdict.app).map_or("none", |app| &app.name);
    let role = classifier.set().role_name(verdict.app, verdict.role);
    format!("{app} {role} by signature {}", verdict.signature.0)
}

fn score_one(
    report: &mut Report,
    classifier: &Classifier,
    capture: &str,
    label: &Label,
    found: Option<&Found>,
) {
    let none = Found::default();
    let found = found.unwrap_or(&none);
    let app = classifier.set().app(found.verdict.app).map(|app| app.name.clone());
    let role = classifier.set().role_name(found.verdict.app, found.verdict.role);
    let outcome = match (&label.app, app) {
        (None, None) => "right",
        (None, Some(_)) => "wrong",
        (Some(_), None) => "missed",
        (Some(wanted), Some(found)) if *wanted != found || label.role != role => "wrong",
        _ if label.first_packet.is_some_and(|first| found.at_packet > first) => "late",
        _ => "right",
    };
    let wanted = label.app.clone().unwrap_or_else(|| "none".to_owned());
    if label.is_sure || label.app.is_none() {
        let kind = (label.decidable.clone(), wanted.clone(), label.role.clone());
        let count = report.counts.entry(kind).or_default();
        match outcome {
            "right" => count.right += 1,
            "missed" => count.missed += 1,
            "wrong" => count.wrong += 1,
            _ => count.late += 1,
        }
        if outcome != "right" {
            let verdict = words(classifier, found.verdict);
            report.complaints.push(format!(
                "{outcome}: {capture} ports {} {} ({}): {wanted} {} wanted, {verdict} at payload packet {}",
                label.key.low.1, label.key.high.1, label.decidable, label.role, found.at_packet
            ));
        }
    }
}

impl Report {
    /// The table that the score command prints.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<14} {:<10} {:<12} {:>6} {:>7} {:>6} {:>5}\n",
            "decidable by", "app", "role", "right", "missed", "wrong", "late"
        );
        for ((decidable, app, role), count) in &self.counts {
            let Count { right, missed, wrong, late } = count;
            _ = writeln!(
                text,
                "{decidable:<14} {app:<10} {role:<12} {right:>6} {missed:>7} {wrong:>6} {late:>5}"
            );
        }
        _ = writeln!(
            text,
            "other traffic: {} verdicts on {} flows of {} captures",
            self.false_positives, self.other_flows, self.other_captures
        );
        text
    }

    /// Whether everything that must hold holds: payload, dns-context and flow-context flows right and in time, no
    /// wrong verdict anywhere, silence on other traffic.
    pub fn holds(&self) -> bool {
        let must = |decidable: &str| decidable != "ip-context" && decidable != "undecidable";
        self.false_positives == 0
            && self.counts.iter().all(|((decidable, ..), count)| {
                count.wrong == 0 && (!must(decidable) || count.missed == 0 && count.late == 0)
            })
    }
}

/// Where the labelled captures lie on a developer's machine.
pub fn default_traces() -> std::path::PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    std::env::var_os("WIREMARK_TRACES").map_or_else(beside, Into::into)
}
