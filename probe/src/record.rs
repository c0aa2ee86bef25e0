//! One flow as a record: the fields of a JSON line and of a CSV row.

use std::net::IpAddr;

use serde::Serialize;
use wiremark::{Flow, SignatureSet, Transport};

use crate::time::timestamp;

/// A flow with its verdict, in the way of Suricata's EVE flow records. Field names and their order are stable.
///
/// `app`, `role`, `confidence`, `signature`, `signature_id` and `decided_at_packet` are null where no app was found.
#[derive(Debug, Serialize)]
pub struct FlowRecord<'a> {
    /// Time of the flow's first packet that has one.
    pub timestamp: Option<String>,
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
    /// The packet of the flow, from 1, after which the verdict stood.
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
    pub community_id: String,
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
}

impl FlowRecord<'_> {
    /// The fields' names, in order: the header of a CSV file.
    pub const FIELDS: [&'static str; 25] = [
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
    ];
}

impl<'a> FlowRecord<'a> {
    /// The record of a flow that was classified with this set.
    pub fn new(flow: &Flow, set: &'a SignatureSet) -> Self {
        let (five_tuple, verdict) = (&flow.five_tuple, &flow.verdict);
        let app = set.app(verdict.app).filter(|_| verdict.is_match());
        let signature = app.and_then(|_| set.signature(verdict.signature));
        let ([vlan, inner_vlan], tunnel) = (flow.encapsulation.vlans(), flow.encapsulation.tunnel());
        let [packets_toserver, packets_toclient] = flow.packets;
        let [bytes_toserver, bytes_toclient] = flow.bytes;
        Self {
            timestamp: Some(flow.first_us).filter(|time_us| *time_us > 0).map(timestamp),
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
            community_id: five_tuple.community_id(0).to_string(),
            vlan: Some(vlan).filter(|vlan| *vlan > 0),
            inner_vlan: Some(inner_vlan).filter(|vlan| *vlan > 0),
            tunnel: tunnel.map(|(kind, _)| kind.name()),
            tunnel_id: tunnel.map(|(_, number)| number),
            process: None,
        }
    }
}

/// `TCP` or `UDP`.
pub fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}
