//! What fuzzing starts from: valid bytes of every kind, from the cases, the demo capture and the shipped signatures.

use std::collections::{BTreeMap, BTreeSet};

use wiremark::dissect::{self, Dissection, quic};
use wiremark::{Direction, LinkType, Packet, TcpFields, Transport};

use super::sequence;
use super::targets::LINKS;
use crate::conversation::end_point;
use crate::protocol::whatsapp_chat::Chat;
use crate::trace::Trace;
use crate::wrap::Wrap;
use crate::{carriers, case, demo};

/// Seeds by target.
pub type Seeds = BTreeMap<&'static str, BTreeSet<Vec<u8>>>;

/// Longest sequence, in bytes.
const SEQUENCE_BYTES: usize = 8 * 1024;
/// Most packets of one capture that become seeds of their own.
const PACKETS: usize = 40;

/// Every seed. An error names the case that could not be built.
pub fn seeds() -> Result<Seeds, String> {
    let mut seeds = Seeds::new();
    for case in case::load(case::folder())? {
        add_trace(&mut seeds, &case.trace().map_err(|error| format!("{}: {error}", case.name))?);
    }
    let demo = demo::trace();
    for part in 0..demo.len() / 60 {
        add_trace(&mut seeds, &demo.clone().skip(part * 60));
    }
    let chat = Chat::of((6, 3)).flow(end_point("10.0.0.1:40000"), end_point("198.51.100.60:5222"), 7);
    let chat = chat.at(1_700_000_000_000_000).trace().skip(3);
    for chat in [chat.clone(), chat.to_ipv6()] {
        carriers::all().for_each(|carrier| add_trace(&mut seeds, &chat.clone().carried(&carrier)));
        add_trace(&mut seeds, &chat.clone().fragment(48));
        add_trace(&mut seeds, &chat.wrap(Wrap::GtpU(9, false)).fragment(64).duplicate(1, 30));
    }
    add_signatures(&mut seeds);
    let list: &[u8] =
        b"<?xml version=\"1.0\"?><dns><retcode>0</retcode><domainlist><domain name=\"a.example.net\" \
        timeout=\"1800\"><ip>192.0.2.1</ip><ipv6>2001:db8::1</ipv6></domain></domainlist></dns>";
    add(&mut seeds, "name_list", list);
    Ok(seeds)
}

fn add(seeds: &mut Seeds, target: &'static str, bytes: &[u8]) {
    seeds.entry(target).or_default().insert(bytes.to_vec());
}

fn link_index(link: u16) -> Option<(LinkType, u8)> {
    let link_type = LinkType::from_number(link)?;
    LINKS.iter().position(|one| *one == link_type).map(|index| (link_type, index as u8))
}

fn add_trace(seeds: &mut Seeds, trace: &Trace) {
    let (mut frames, mut sequence) = (Vec::new(), vec![255]);
    let mut clients = BTreeSet::new();
    for (number, (_, link, frame)) in trace.frames().enumerate() {
        let Some((link_type, index)) = link_index(link) else { continue };
        if frames.len() < SEQUENCE_BYTES {
            sequence::push_frame(&mut frames, index.into(), frame);
        }
        let Ok(packet) = Packet::parse(link_type, 0, frame) else { continue };
        if number < PACKETS {
            add(seeds, "packet", &[&[index], frame].concat());
            add_payload(seeds, &packet);
        }
        if sequence.len() < SEQUENCE_BYTES {
            let tuple = packet.five_tuple;
            let key = format!("{:?}", tuple.key());
            let side = if tuple.is_from_high() { Direction::Responder } else { Direction::Originator };
            if !clients.iter().any(|(known, _)| *known == key) {
                clients.insert((key.clone(), format!("{side:?}")));
            }
            let from_server = !clients.contains(&(key, format!("{side:?}")));
            let syn = packet.tcp.flags & TcpFields::SYN != 0;
            let ports = (tuple.src_port, tuple.dst_port);
            sequence::push(&mut sequence, tuple.transport, ports, from_server, syn, packet.payload);
        }
    }
    add(seeds, "tracker", &frames);
    add(seeds, "classifier", &sequence);
}

/// A payload is a seed of every dissector that does not refuse it.
fn add_payload(seeds: &mut Seeds, packet: &Packet<'_>) {
    fn fits<T>(answer: Dissection<T>) -> bool {
        !matches!(answer, Dissection::NotMine)
    }
    let bytes = packet.payload;
    if bytes.is_empty() {
        return;
    }
    let is_dns = packet.five_tuple.src_port == 53 || packet.five_tuple.dst_port == 53;
    let mut scratch = [0; 4096];
    let plaintext = quic::packets(bytes).find_map(|one| {
        let frames = quic::decrypt_initial(one.packet, &mut scratch)?;
        Some(frames.to_vec())
    });
    for (target, fits) in [
        ("dns", is_dns),
        ("http", fits(dissect::http::head(bytes))),
        ("tls", fits(dissect::tls::client_hello(bytes)) || fits(dissect::tls::server_hello(bytes))),
        ("quic", fits(quic::long_header(bytes)) || fits(quic::google::packet(bytes))),
        ("stun", fits(dissect::stun::message(bytes))),
        ("rtp", packet.five_tuple.transport == Transport::Udp && fits(dissect::rtp::packet(bytes))),
        ("mmtls", dissect::mmtls::is_record(bytes)),
        ("longlink", fits(dissect::longlink::header(bytes))),
        ("preamble", fits(dissect::preamble::preamble(bytes))),
    ] {
        if fits {
            add(seeds, target, bytes);
        }
    }
    if let Some(frames) = plaintext {
        for frame in quic::crypto_frames(&frames) {
            add(seeds, "tls", frame.bytes);
        }
        add(seeds, "quic", &frames);
    }
    if let Some(dissect::http::Head::Response(response)) = dissect::http::head(bytes).found() {
        add(seeds, "name_list", response.body);
    }
}

/// Each row alone under its app, and each file.
fn add_signatures(seeds: &mut Seeds) {
    for (_, text) in wiremark_signatures::EMBEDDED {
        let mut parts = text.split("[[signature]]");
        let app = parts.next().unwrap_or_default();
        for row in parts {
            add(seeds, "signatures", format!("{app}[[signature]]{row}").as_bytes());
        }
        add(seeds, "signatures", text.as_bytes());
    }
}
