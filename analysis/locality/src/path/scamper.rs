//! What scamper's `sc_warts2json` writes: an object a line, of several types; traces have `"type":"trace"`.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Hop, Reply, Trace, rtt_us};

#[derive(Deserialize)]
pub(super) struct Document<'d> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'d, str>,
    #[serde(default)]
    src: Option<IpAddr>,
    #[serde(default)]
    dst: Option<IpAddr>,
    #[serde(default)]
    start: Option<Start>,
    #[serde(default)]
    hops: Vec<Probe<'d>>,
    /// Only cycles of a list have one: tells them from what other tools call a type.
    #[serde(default, rename = "list_name")]
    _list: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Start {
    sec: u64,
}

#[derive(Deserialize)]
struct Probe<'d> {
    addr: IpAddr,
    #[serde(default, borrow)]
    name: Option<Cow<'d, str>>,
    probe_ttl: u8,
    rtt: f64,
    #[serde(default)]
    icmp_type: Option<u8>,
    #[serde(default)]
    icmp_code: Option<u8>,
    #[serde(default)]
    icmpext: Vec<Extension>,
}

#[derive(Deserialize)]
struct Extension {
    #[serde(default)]
    mpls_labels: Vec<IgnoredAny>,
}

/// The trace; none of an object of another type.
pub(super) fn trace(document: Document<'_>, line: u64) -> Result<Option<Trace>, String> {
    if document.kind != "trace" {
        return Ok(None);
    }
    let (Some(source), Some(target)) = (document.src, document.dst) else {
        return Err("a trace needs src and dst".into());
    };
    let mut trace = Trace {
        line,
        source: Some(source.to_string()),
        target_name: Some(target.to_string()),
        target: Some(target),
        time_s: document.start.map(|start| start.sec),
        hops: Vec::with_capacity(document.hops.len()),
    };
    for probe in document.hops {
        let rtt = rtt_us(probe.rtt).ok_or_else(|| format!("no round trip takes {} ms", probe.rtt))?;
        if probe.probe_ttl == 0 {
            return Err("no hop has the number 0".into());
        }
        let reply = Reply {
            address: Some(probe.addr),
            name: probe.name.map(|name| name.into_owned().into()),
            rtt_us: Some(rtt),
            mark: mark(&probe.addr, probe.icmp_type, probe.icmp_code),
            is_labelled: probe.icmpext.iter().any(|extension| !extension.mpls_labels.is_empty()),
            is_late: false,
        };
        match trace.hops.last_mut() {
            Some(last) if last.ttl == probe.probe_ttl => last.replies.push(reply),
            Some(last) if last.ttl > probe.probe_ttl => {
                return Err(format!("hop {} stands behind hop {}", probe.probe_ttl, last.ttl));
            }
            _ => trace.hops.push(Hop { ttl: probe.probe_ttl, replies: vec![reply], lost: 0 }),
        }
    }
    Ok(Some(trace))
}

/// Destination unreachable, as traceroute marks it (RFC 792; RFC 4443, 3.1); a closed port is how a target answers.
fn mark(address: &IpAddr, icmp_type: Option<u8>, code: Option<u8>) -> Option<Box<str>> {
    let (icmp_type, code) = (icmp_type?, code?);
    let mark = match (address, icmp_type, code) {
        (IpAddr::V4(_), 3, 0) | (IpAddr::V6(_), 1, 0) => "N",
        (IpAddr::V4(_), 3, 1) | (IpAddr::V6(_), 1, 3) => "H",
        (IpAddr::V4(_), 3, 2) => "P",
        (IpAddr::V4(_), 3, 3) | (IpAddr::V6(_), 1, 4) => return None,
        (IpAddr::V4(_), 3, 9 | 10 | 13) | (IpAddr::V6(_), 1, 1 | 5 | 6) => "X",
        (IpAddr::V4(_), 3, code) | (IpAddr::V6(_), 1, code) => return Some(code.to_string().into()),
        _ => return None,
    };
    Some(mark.into())
}
