//! The tunnels over UDP by their ports.

use super::{ayiya, capwap, geneve, gre, gtp, gue, l2tp, lisp, lwapp, teredo, tzsp, vxlan};
use crate::wire::ethernet::EtherType;
use crate::wire::tag::mpls;
use crate::wire::udp::Udp;

/// MPLS in UDP (RFC 7510, 3).
const MPLS_PORT: u16 = 6635;
/// GRE in UDP (RFC 8086, 3).
const GRE_PORT: u16 = 4754;

/// The ports of the receiver.
const RECEIVERS: [u16; 12] = [
    gtp::PORT,
    gtp::PORT_0,
    vxlan::PORT,
    vxlan::LINUX_PORT,
    vxlan::GPE_PORT,
    geneve::PORT,
    gue::PORT,
    gue::FOU_PORT,
    lisp::PORT,
    tzsp::PORT,
    MPLS_PORT,
    GRE_PORT,
];
/// The ports of either end: a server answers from them.
const EITHER: [u16; 5] = [l2tp::PORT, teredo::PORT, ayiya::PORT, capwap::PORT, lwapp::PORT];

/// Whether a port of these last twelve bits is a tunnel's: one look a port, and for hardly one ordinary datagram in a
/// hundred a second, longer one.
static MAYBE: [bool; 4096] = {
    let mut places = [false; 4096];
    let mut index = 0;
    while index < RECEIVERS.len() {
        places[(RECEIVERS[index] & 4095) as usize] = true;
        index += 1;
    }
    index = 0;
    while index < EITHER.len() {
        places[(EITHER[index] & 4095) as usize] = true;
        index += 1;
    }
    places
};

/// Whether one of these ports may be a tunnel's; most that are none are told here.
#[inline]
pub(crate) fn is_maybe_port(src: u16, dst: u16) -> bool {
    let is_maybe = |port: u16| MAYBE.get(usize::from(port & 4095)).copied().unwrap_or_default();
    is_maybe(src) | is_maybe(dst)
}

/// Whether a datagram with these ports may be a tunnel's.
pub fn is_port(src: u16, dst: u16) -> bool {
    RECEIVERS.iter().chain(&EITHER).any(|port| *port == src || *port == dst)
}

/// Whether a datagram with a port that may be a tunnel's seems to be one.
#[cold]
#[inline(never)]
pub(crate) fn is_tunnel(udp: &Udp<'_>) -> bool {
    inside(udp).is_some()
}

/// The name of the tunnel over a port.
pub fn name(port: u16) -> Option<&'static str> {
    Some(match port {
        gtp::PORT => "GTP-U",
        gtp::PORT_0 => "GTP version 0",
        vxlan::PORT | vxlan::LINUX_PORT => "VXLAN",
        vxlan::GPE_PORT => "VXLAN-GPE",
        geneve::PORT => "Geneve",
        gue::PORT => "GUE",
        gue::FOU_PORT => "foo over UDP",
        lisp::PORT => "LISP",
        tzsp::PORT => "TZSP",
        MPLS_PORT => "MPLS in UDP",
        GRE_PORT => "GRE in UDP",
        l2tp::PORT => "L2TP",
        teredo::PORT => "Teredo",
        ayiya::PORT => "AYIYA",
        capwap::PORT => "CAPWAP",
        lwapp::PORT => "LWAPP",
        _ => return None,
    })
}

/// What lies in a datagram that seems to be a tunnel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside<'a> {
    /// The port that tells the tunnel.
    pub port: u16,
    /// What it carries.
    pub next: Next<'a>,
}

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A header by its EtherType.
    EtherType(EtherType, &'a [u8]),
    /// A header by its IP protocol number.
    Protocol(u8, &'a [u8]),
}

/// What lies in a datagram that seems to be a tunnel's; `None` for an ordinary one.
pub fn inside<'a>(udp: &Udp<'a>) -> Option<Inside<'a>> {
    let &Udp { src_port, dst_port, payload_bytes, payload } = udp;
    let found = |port: u16| {
        let (ether_type, bytes) = match port {
            gtp::PORT => gtp::parse(payload, payload_bytes)?,
            gtp::PORT_0 => gtp::parse_version_0(payload, payload_bytes)?,
            vxlan::PORT | vxlan::LINUX_PORT | vxlan::GPE_PORT => vxlan::parse(payload)?,
            geneve::PORT => geneve::parse(payload)?,
            lisp::PORT => lisp::parse(payload)?,
            tzsp::PORT => tzsp::parse(payload)?,
            MPLS_PORT => mpls::parse(payload).ok()?,
            GRE_PORT => gre::parse(payload).ok()?,
            l2tp::PORT => l2tp::parse(payload, payload_bytes)?,
            teredo::PORT => teredo::parse(payload, payload_bytes)?,
            ayiya::PORT => ayiya::parse(payload)?,
            capwap::PORT => capwap::parse(payload)?,
            lwapp::PORT => lwapp::parse(payload)?,
            gue::PORT | gue::FOU_PORT => {
                let parse = if port == gue::PORT { gue::parse } else { gue::parse_bare };
                let (protocol, bytes) = parse(payload, payload_bytes)?;
                return Some(Inside { port, next: Next::Protocol(protocol, bytes) });
            }
            _ => return None,
        };
        Some(Inside { port, next: Next::EtherType(ether_type, bytes) })
    };
    found(dst_port).or_else(|| if EITHER.contains(&src_port) { found(src_port) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_has_a_place_and_a_name() {
        for port in RECEIVERS.into_iter().chain(EITHER) {
            assert!(is_port(port, 1) && is_port(1, port) && name(port).is_some(), "{port}");
            assert!(is_maybe_port(port, 1) && is_maybe_port(1, port), "{port}");
        }
        let ports = (0..=u16::MAX).filter(|port| is_port(*port, 1)).count();
        assert_eq!(ports, RECEIVERS.len() + EITHER.len());
    }

    #[test]
    fn answers_of_a_server() {
        let packet = [0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21, 0x45];
        let udp = |src_port, dst_port| Udp { src_port, dst_port, payload_bytes: 11, payload: &packet };
        let expected = Some(Inside { port: 1701, next: Next::EtherType(EtherType::IPV4, &packet[10..]) });
        assert_eq!(inside(&udp(1701, 40000)), expected);
        assert_eq!(inside(&udp(40000, 1701)), expected);
        assert_eq!(inside(&udp(4341, 40000)), None, "LISP goes to its port");
    }
}
