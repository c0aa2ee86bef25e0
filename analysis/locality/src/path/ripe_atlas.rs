//! RIPE Atlas traceroute results: JSON lines, or one array, of objects with `prb_id`, `dst_addr` and `result`.
//!
//! Of a hop's answers, `{"x": "*"}` is a probe lost, `"late"` an answer to an earlier probe (it says nothing of this hop),
//! `"error"` a probe that could not be sent, `"err"` what traceroute marks with `!`, `"icmpext"` may hold MPLS labels.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Hop, Reply, Trace, rtt_us};

#[derive(Deserialize)]
pub(super) struct Document<'d> {
    prb_id: u64,
    #[serde(default, rename = "type", borrow)]
    kind: Option<Cow<'d, str>>,
    /// Missing where the name was not found.
    #[serde(default, borrow)]
    dst_addr: Option<Cow<'d, str>>,
    #[serde(default, borrow)]
    dst_name: Option<Cow<'d, str>>,
    #[serde(default)]
    timestamp: Option<u64>,
    #[serde(borrow)]
    result: Vec<Step<'d>>,
}

#[derive(Deserialize)]
struct Step<'d> {
    #[serde(default)]
    hop: Option<u16>,
    #[serde(default, borrow)]
    result: Vec<Answer<'d>>,
    /// The probes of this hop could not be sent.
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Answer<'d> {
    #[serde(default, borrow)]
    from: Option<Cow<'d, str>>,
    #[serde(default)]
    rtt: Option<f64>,
    #[serde(default)]
    late: Option<IgnoredAny>,
    #[serde(default)]
    dup: Option<IgnoredAny>,
    #[serde(default)]
    err: Option<ErrorCode>,
    #[serde(default)]
    icmpext: Option<Extensions>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorCode {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    obj: Vec<Extension>,
}

#[derive(Deserialize)]
struct Extension {
    #[serde(default)]
    mpls: Vec<IgnoredAny>,
}

/// The trace; none of a result of another kind of measurement.
pub(super) fn trace(document: Document<'_>, line: u64) -> Result<Option<Trace>, String> {
    if document.kind.as_ref().is_some_and(|kind| kind != "traceroute") {
        return Ok(None);
    }
    let target = document.dst_addr.as_ref().map(|text| address(text)).transpose()?;
    let mut trace = Trace {
        line,
        source: Some(document.prb_id.to_string()),
        target_name: document.dst_name.or(document.dst_addr).map(Cow::into_owned),
        target,
        time_s: document.timestamp,
        hops: Vec::with_capacity(document.result.len()),
    };
    for step in document.result {
        // `{"error": ..}` alone: the measurement did not even begin.
        let Some(number) = step.hop else {
            if step.error.is_some() && step.result.is_empty() {
                continue;
            }
            return Err("a result needs its hop".into());
        };
        let ttl = u8::try_from(number).ok().filter(|ttl| *ttl > 0);
        let ttl = ttl.ok_or_else(|| format!("no hop has the number {number}"))?;
        if let Some(last) = trace.hops.last().filter(|last| last.ttl >= ttl) {
            return Err(format!("hop {ttl} stands behind hop {}", last.ttl));
        }
        let mut hop = Hop { ttl, ..Hop::default() };
        for answer in step.result {
            match reply(answer)? {
                Some(reply) => hop.replies.push(reply),
                None => hop.lost += 1,
            }
        }
        trace.hops.push(hop);
    }
    Ok(Some(trace))
}

fn reply(answer: Answer<'_>) -> Result<Option<Reply>, String> {
    let Some(from) = answer.from else { return Ok(None) };
    let address = address(&from)?;
    let is_late = answer.late.is_some() || answer.dup.is_some();
    let rtt_us = match answer.rtt {
        Some(rtt) => Some(rtt_us(rtt).ok_or_else(|| format!("no round trip takes {rtt} ms"))?),
        None => None,
    };
    let mark = answer.err.map(|mark| match mark {
        ErrorCode::Number(number) => number.to_string().into(),
        ErrorCode::Text(text) => text.into(),
    });
    let labels = |extensions: Extensions| extensions.obj.iter().any(|object| !object.mpls.is_empty());
    let is_labelled = answer.icmpext.is_some_and(labels);
    Ok(Some(Reply { address: Some(address), name: None, rtt_us, mark, is_late, is_labelled }))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no address"))
}
