//! What `mtr --json` writes: `{"report": {"mtr": {"src", "dst", ..}, "hubs": [{"count", "host", "Loss%", "Best", ..}, ..]}}`.
//!
//! `host` is an address (`-n`), a name, a name with its address (`-b`), or `???` where nobody answered. Older ones write
//! numbers as text.

use serde::Deserialize;

use super::{Hop, Reply, Trace, rtt_us};

#[derive(Deserialize)]
pub(super) struct Document {
    report: Report,
}

#[derive(Deserialize)]
struct Report {
    mtr: Head,
    hubs: Vec<Hub>,
}

#[derive(Deserialize)]
struct Head {
    src: Option<String>,
    dst: String,
}

#[derive(Deserialize)]
struct Hub {
    count: Number,
    host: String,
    #[serde(rename = "Snt")]
    sent: Option<Number>,
    #[serde(rename = "Loss%")]
    loss_percent: Option<Number>,
    #[serde(rename = "Best")]
    best_ms: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim_end_matches('%').trim().parse().ok(),
        }
    }
}

pub(super) fn trace(document: Document, line: u64) -> Result<Trace, String> {
    let Report { mtr, hubs } = document.report;
    let (_, target) = host(&mtr.dst);
    let mut trace = Trace { line, source: mtr.src, target_name: Some(mtr.dst), target, ..Trace::default() };
    for hub in &hubs {
        let ttl = hub.count.value().filter(|count| (1.0..=255.0).contains(count) && count.fract() == 0.0);
        let ttl = ttl.ok_or_else(|| "hubs: count is no number from 1 to 255".to_owned())? as u8;
        if trace.hops.last().is_some_and(|last| last.ttl > ttl) {
            return Err(format!("hubs: {ttl} stands behind a greater count"));
        }
        let sent = hub.sent.as_ref().and_then(Number::value).unwrap_or(1.0);
        let loss = hub.loss_percent.as_ref().map_or(Some(0.0), Number::value);
        let loss = loss.filter(|loss| (0.0..=100.0).contains(loss)).ok_or("hubs: Loss% is no share")?;
        let lost = (sent.clamp(0.0, 1e6) * loss / 100.0).round() as u32;
        let mut replies = Vec::new();
        if hub.host != "???" {
            let best =
                hub.best_ms.as_ref().map(|best| best.value().and_then(rtt_us).ok_or("hubs: Best is no time"));
            let (name, address) = host(&hub.host);
            if address.is_none() && !is_name(&hub.host) {
                return Err(format!("hubs: host {:?} is neither an address nor a name", hub.host));
            }
            replies.push(Reply { address, name, rtt_us: best.transpose()?, ..Reply::default() });
        }
        match trace.hops.last_mut().filter(|last| last.ttl == ttl) {
            // A further address at the same distance.
            Some(last) => last.replies.extend(replies),
            None => trace.hops.push(Hop { ttl, replies, lost }),
        }
    }
    Ok(trace)
}

/// Name and address of `name (address)`, or what there is of the two.
fn host(text: &str) -> (Option<Box<str>>, Option<std::net::IpAddr>) {
    if let Some((name, rest)) = text.split_once(" (") {
        return (Some(name.into()), rest.strip_suffix(')').and_then(|address| address.parse().ok()));
    }
    match text.parse() {
        Ok(address) => (None, Some(address)),
        Err(_) => (Some(text.into()), None),
    }
}

/// Host names have letters; what has only digits and dots was meant to be an address.
fn is_name(text: &str) -> bool {
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.bytes().all(is_label) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
