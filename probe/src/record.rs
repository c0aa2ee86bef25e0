//! One flow as a record: the fields of a JSON line and of a CSV row.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use serde_json::Value;
use wiremark::{Carrier, CommunityId, FiveTuple, Flow, SignatureSet, Transport};

use crate::time::Timestamp;

#[cfg(feature = "arrow")]
pub mod columns;

/// A flow with its verdict, in the way of Suricata's EVE flow records. Field names and their order are stable.
///
/// `app`, `role`, `confidence`, `signature`, `signature_id` and `decided_at_packet` are null where no app was found.
#[derive(Debug, Serialize)]
pub struct FlowRecord<'a> {
    /// Time of the flow's first packet that has one.
    pub timestamp: Option<Timestamp>,
    /// Always `flow`.
    pub event_type: &'static str,
    /// The originator's address.
    pub src_ip: IpAddr,
    /// The originator's port.
    pub src_port: u16,
    /// The responder's address.
    pub dest_ip: IpAddr,
    /// The responder's port.
    pub dest_port: u16,
    /// `TCP` or `UDP`.
    pub proto: &'static str,
    /// The app, in lower case.
    pub app: Option<&'a str>,
    /// What the flow is for, in the app's own words.
    pub role: Option<&'a str>,
    /// The protocol that carries it; `unknown` where not recognised.
    pub carrier: &'static str,
    /// The kind of evidence.
    pub confidence: Option<&'static str>,
    /// Name of the signature that decided.
    pub signature: Option<&'a str>,
    /// Its number.
    pub signature_id: Option<u16>,
    /// Whether no further packet could have changed the verdict.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The packet of the flow, from 1, whose bytes decided: with it app, role, signature and evidence became what they are.
    pub decided_at_packet: Option<u64>,
    /// Packets from the originator.
    pub packets_toserver: u64,
    /// Packets from the responder.
    pub packets_toclient: u64,
    /// Bytes from the originator.
    pub bytes_toserver: u64,
    /// Bytes from the responder.
    pub bytes_toclient: u64,
    /// Community ID, version 1, seed 0.
    #[serde(serialize_with = "as_text")]
    pub community_id: CommunityId,
    /// The outermost VLAN.
    pub vlan: Option<u16>,
    /// The next VLAN.
    pub inner_vlan: Option<u16>,
    /// The innermost tunnel that numbers its networks or users.
    pub tunnel: Option<&'static str>,
    /// Its number there; of GTP-U and L2TP, the originator's direction.
    pub tunnel_id: Option<u32>,
    /// The program or app on the capturing machine, where the capture tells it (PKTAP, PCAPdroid).
    pub process: Option<String>,
    /// The capture's name.
    pub file: Option<&'a str>,
    /// Number of the flow in its capture, from 1: what `wiremark explain --flow` takes.
    pub flow: u64,
    /// Time of the flow's last packet.
    pub end: Option<Timestamp>,
    /// Seconds between first and last packet.
    pub duration: f64,
    /// Host names seen in the flow (TLS, QUIC, HTTP, DNS), eight at most; empty, too, where they are to be left out.
    pub names: Vec<String>,
    /// Whether a frame of the flow was longer on the wire than what was captured.
    pub truncated: bool,
    /// The frame of the capture, from 1, that `decided_at_packet` came in.
    pub frame: Option<u64>,
    /// EVE's word for `flow`.
    pub flow_id: u64,
    /// The carrier in EVE's words: `failed` where it was not recognised.
    pub app_proto: &'static str,
    /// How the originator is known: `syn` (a TCP SYN showed it), `first` (the end seen first) or `port`: guessed, the end seen first
    /// sends from a service's port to a client's, so it answers what the capture missed.
    pub originator_by: &'static str,
    /// `outbound` where the capturing machine opened the flow, `inbound` where another did, where the capture tells it (PKTAP).
    pub direction: Option<&'static str>,
}

impl FlowRecord<'_> {
    /// The fields' names, in order: the header of a CSV file.
    pub const FIELDS: [&'static str; 36] = [
        "timestamp",
        "event_type",
        "src_ip",
        "src_port",
        "dest_ip",
        "dest_port",
        "proto",
        "app",
        "role",
        "carrier",
        "confidence",
        "signature",
        "signature_id",
        "final",
        "decided_at_packet",
        "packets_toserver",
        "packets_toclient",
        "bytes_toserver",
        "bytes_toclient",
        "community_id",
        "vlan",
        "inner_vlan",
        "tunnel",
        "tunnel_id",
        "process",
        "file",
        "flow",
        "end",
        "duration",
        "names",
        "truncated",
        "frame",
        "flow_id",
        "app_proto",
        "originator_by",
        "direction",
    ];

    /// The record as cells of a table, in the order of [`FIELDS`](Self::FIELDS): nothing for null, blanks between names. A cell that a
    /// spreadsheet would take for a formula gets an apostrophe in front.
    pub fn cells(&self) -> Vec<String> {
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => harmless(text),
            Value::Array(texts) => {
                harmless(&texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
            }
            other => other.to_string(),
        };
        let record = serde_json::to_value(self).unwrap_or_default();
        Self::FIELDS.iter().map(|field| cell(&record[*field])).collect()
    }
}

impl<'a> FlowRecord<'a> {
    /// The record of a flow that was classified with this set.
    pub fn new(flow: &Flow, set: &'a SignatureSet) -> Self {
        let verdict = &flow.verdict;
        let (five_tuple, is_turned) = oriented(flow);
        let app = set.app(verdict.app).filter(|_| verdict.is_match());
        let signature = app.and_then(|_| set.signature(verdict.signature));
        let ([vlan, inner_vlan], tunnel) = (flow.encapsulation.vlans(), flow.encapsulation.tunnel());
        let ways = |[up, down]: [u64; 2]| if is_turned { [down, up] } else { [up, down] };
        let [packets_toserver, packets_toclient] = ways(flow.packets);
        let [bytes_toserver, bytes_toclient] = ways(flow.bytes);
        Self {
            timestamp: Some(flow.first_us).filter(|time_us| *time_us > 0).map(Timestamp),
            event_type: "flow",
            src_ip: five_tuple.src.ip(),
            src_port: five_tuple.src_port,
            dest_ip: five_tuple.dst.ip(),
            dest_port: five_tuple.dst_port,
            proto: transport_name(five_tuple.transport),
            app: app.map(|app| app.name.as_str()),
            role: app.map(|app| set.role_name(app.id, verdict.role)),
            carrier: verdict.carrier.name(),
            confidence: app.map(|_| verdict.confidence.name()),
            signature: signature.map(|signature| signature.name.as_str()),
            signature_id: signature.map(|signature| signature.id.0),
            is_final: verdict.is_final(),
            decided_at_packet: app.map(|_| flow.decided_at_packet),
            packets_toserver,
            packets_toclient,
            bytes_toserver,
            bytes_toclient,
            community_id: five_tuple.community_id(0),
            vlan: Some(vlan).filter(|vlan| *vlan > 0),
            inner_vlan: Some(inner_vlan).filter(|vlan| *vlan > 0),
            tunnel: tunnel.map(|(kind, _)| kind.name()),
            tunnel_id: tunnel.map(|(_, number)| number),
            process: None,
            file: None,
            flow: flow.number,
            end: Some(flow.last_us).filter(|time_us| *time_us > 0).map(Timestamp),
            duration: flow.last_us.saturating_sub(flow.first_us) as f64 / 1e6,
            names: Vec::new(),
            truncated: false,
            frame: None,
            flow_id: flow.number,
            app_proto: match verdict.carrier {
                Carrier::Unknown | Carrier::Raw => "failed",
                carrier => carrier.name(),
            },
            originator_by: match (flow.is_oriented, is_turned) {
                (true, _) => "syn",
                (false, true) => "port",
                (false, false) => "first",
            },
            direction: None,
        }
    }
}

fn as_text<S: Serializer>(id: &CommunityId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

/// End points with the originator first, and whether they are turned round: a flow picked up midway may begin with an answer.
fn oriented(flow: &Flow) -> (FiveTuple, bool) {
    // System ports (RFC 6335) without FTP's data, from which servers open connections; STUN; HTTP's other one.
    let is_service = |port: u16| (1..1024).contains(&port) && port != 20 || [3478, 8080].contains(&port);
    let ends = flow.five_tuple;
    let is_turned = !flow.is_oriented && is_service(ends.src_port) && !is_service(ends.dst_port);
    if is_turned { (ends.reversed(), true) } else { (ends, false) }
}

/// Text that no spreadsheet runs: what begins like a formula gets an apostrophe in front.
pub fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// `TCP` or `UDP`.
pub fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, cell) in [
            ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("g.example.net", "g.example.net"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), cell);
        }
    }
}
