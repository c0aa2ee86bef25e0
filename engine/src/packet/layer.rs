//! Names for the headers of a frame.

use crate::wire::ethernet::EtherType;
use crate::wire::ip::protocol;
use crate::wire::link::{LinkType, names};
use crate::wire::tunnel::udp;
use core::fmt;

/// One header: what led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The link type.
    Link(LinkType),
    /// An EtherType, or a length.
    Ether(EtherType),
    /// An IP protocol number.
    Ip(u8),
    /// The port of a tunnel over UDP.
    Udp(u16),
    /// LLC's destination service access point.
    Llc(u8),
    /// PPP's protocol number.
    Ppp(u16),
}

impl Layer {
    /// Whether it is the network's own talk (addresses, routes, the state of links) and carries no packets of users.
    pub fn is_control(self) -> bool {
        match self {
            Self::Ether(EtherType(number)) => matches!(
                number,
                0x0806 | 0x2000..=0x2007 | 0x8035 | 0x8808..=0x8809 | 0x8863 | 0x8899 | 0x88cc | 0x8902 | 0x88f7 | 0x888e
                    | 0x9000 | 0x88e1 | 0x8912 | 0x893a | 0x8914
            ),
            Self::Ip(number) => matches!(number, 1 | 2 | 8 | 9 | 58 | 59 | 88 | 89 | 103 | 112 | 113),
            Self::Llc(number) => matches!(number, 0x00 | 0x01 | 0x02 | 0x03 | 0x42 | 0xfe),
            Self::Ppp(number) => number >= 0x8000,
            Self::Link(_) | Self::Udp(_) => false,
        }
    }
}

fn ether_type_name(ether_type: EtherType) -> Option<&'static str> {
    Some(match ether_type {
        EtherType::IPV4 => "IPv4",
        EtherType::IPV6 => "IPv6",
        EtherType::ETHERNET => "Ethernet",
        EtherType::VLAN => "VLAN",
        EtherType::SERVICE_VLAN | EtherType::OLD_QINQ | EtherType::OLD_QINQ_2 | EtherType::OLD_QINQ_3 => {
            "QinQ"
        }
        EtherType::PPP => "PPP",
        EtherType::MPLS | EtherType::MPLS_UPSTREAM => "MPLS",
        EtherType::PPPOE => "PPPoE",
        EtherType::ERSPAN_2 | EtherType::ERSPAN_3 => "ERSPAN",
        EtherType::JUMBO_LLC => "LLC",
        EtherType::ARP => "ARP",
        EtherType::TRILL => "TRILL",
        EtherType::BATMAN => "B.A.T.M.A.N.",
        EtherType::EOIP => "EoIP",
        EtherType::FRAME_RELAY => "Frame Relay",
        EtherType::WCCP => "WCCP",
        EtherType::MACSEC => "MACsec",
        EtherType::PBB => "802.1ah",
        EtherType::FABRIC_PATH => "FabricPath",
        EtherType::CISCO_METADATA => "Cisco metadata",
        EtherType::VN_TAG => "VN-tag",
        EtherType::HSR => "HSR",
        EtherType::E_TAG => "E-tag",
        EtherType::NSH => "NSH",
        EtherType::CISCO_TIME => "Cisco time tag",
        EtherType::ARISTA => "Arista time stamp",
        EtherType::EDSA => "EDSA",
        EtherType(0x0842) => "Wake-on-LAN",
        EtherType(0x2000) => "CDP",
        EtherType(0x2001) => "NHRP or CGMP",
        EtherType(0x2003) => "VTP",
        EtherType(0x2004) => "DTP",
        EtherType(0x6003) => "DECnet",
        EtherType(0x8035) => "RARP",
        EtherType(0x809b) => "AppleTalk",
        EtherType(0x80f3) => "AppleTalk ARP",
        EtherType(0x8137) => "IPX",
        EtherType(0x8808) => "Ethernet flow control",
        EtherType(0x8809) => "slow protocols (LACP)",
        EtherType(0x8863) => "PPPoE discovery",
        EtherType(0x887b) => "HomePlug",
        EtherType(0x888e) => "EAPOL",
        EtherType(0x8892) => "PROFINET",
        EtherType(0x8899) => "Realtek loop detection",
        EtherType(0x88a2) => "ATA over Ethernet",
        EtherType(0x88a4) => "EtherCAT",
        EtherType(0x88b8) => "GOOSE",
        EtherType(0x88ba) => "IEC 61850 sampled values",
        EtherType(0x88bb) => "LWAPP",
        EtherType(0x88cc) => "LLDP",
        EtherType(0x88e1 | 0x8912) => "HomePlug AV",
        EtherType(0x88f7) => "PTP",
        EtherType(0x88fb) => "PRP supervision",
        EtherType(0x8902) => "CFM",
        EtherType(0x8906) => "FCoE",
        EtherType(0x890d) => "802.11 TDLS",
        EtherType(0x8914) => "FIP",
        EtherType(0x8915) => "RoCE",
        EtherType(0x893a) => "IEEE 1905.1",
        EtherType(0x9000) => "loopback test",
        _ => return None,
    })
}

fn protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        protocol::HOP_BY_HOP => "IPv6 hop-by-hop options",
        1 => "ICMP",
        2 => "IGMP",
        protocol::IPV4 => "IPv4 in IP",
        protocol::TCP => "TCP",
        8 => "EGP",
        9 => "IGP",
        protocol::UDP => "UDP",
        33 => "DCCP",
        protocol::IPV6 => "IPv6 in IP",
        protocol::ROUTING => "IPv6 routing header",
        protocol::FRAGMENT => "IPv6 fragment header",
        46 => "RSVP",
        protocol::GRE => "GRE",
        50 => "ESP",
        protocol::AH => "AH",
        protocol::MINIMAL => "minimal encapsulation",
        58 => "ICMPv6",
        protocol::NO_NEXT => "nothing (IPv6 no next header)",
        protocol::DESTINATION => "IPv6 destination options",
        88 => "EIGRP",
        89 => "OSPF",
        94 => "IPIP (94)",
        protocol::ETHERIP => "EtherIP",
        98 => "ENCAP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        113 => "PGM",
        protocol::L2TP => "L2TPv3",
        132 => "SCTP",
        protocol::MOBILITY => "Mobile IPv6",
        136 => "UDP-Lite",
        protocol::MPLS => "MPLS in IP",
        protocol::HIP => "HIP",
        protocol::SHIM6 => "shim6",
        protocol::ETHERNET => "Ethernet in IPv6",
        _ => return None,
    })
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Link(link_type) => f.write_str(names::name(link_type.number().into()).unwrap_or("link")),
            Self::Ether(ether_type) if ether_type.is_length() => f.write_str("LLC"),
            Self::Ether(ether_type) => match ether_type_name(ether_type) {
                Some(name) => f.write_str(name),
                None => write!(f, "EtherType 0x{:04x}", ether_type.0),
            },
            Self::Ip(number) => match protocol_name(number) {
                Some(name) => f.write_str(name),
                None => write!(f, "IP protocol {number}"),
            },
            Self::Udp(port) => match udp::name(port) {
                Some(name) => f.write_str(name),
                None => write!(f, "UDP port {port}"),
            },
            Self::Llc(point) => match point {
                0x42 => f.write_str("spanning tree"),
                0xe0 => f.write_str("IPX"),
                0xf0 => f.write_str("NetBIOS frames"),
                0xfe => f.write_str("IS-IS"),
                0xaa => f.write_str("SNAP of a maker's own"),
                0x00..=0x03 => f.write_str("LLC test"),
                point => write!(f, "LLC 0x{point:02x}"),
            },
            Self::Ppp(number) => match number {
                0x8021 | 0x8057 | 0x8281 => f.write_str("PPP network control"),
                0xc021 => f.write_str("PPP link control"),
                0xc023 => f.write_str("PPP PAP"),
                0xc223 => f.write_str("PPP CHAP"),
                0x00fd => f.write_str("PPP, compressed or encrypted"),
                0x003d => f.write_str("multilink PPP"),
                0x002d | 0x002f => f.write_str("PPP, compressed headers"),
                number => write!(f, "PPP 0x{number:04x}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_and_numbers_without_a_name() {
        for (layer, expected) in [
            (Layer::Link(LinkType::Nflog), "NFLOG"),
            (Layer::Ether(EtherType::ARP), "ARP"),
            (Layer::Ether(EtherType(60)), "LLC"),
            (Layer::Ether(EtherType(0xabcd)), "EtherType 0xabcd"),
            (Layer::Ip(50), "ESP"),
            (Layer::Ip(250), "IP protocol 250"),
            (Layer::Udp(4789), "VXLAN"),
            (Layer::Udp(9), "UDP port 9"),
            (Layer::Llc(0x42), "spanning tree"),
            (Layer::Ppp(0xc021), "PPP link control"),
        ] {
            assert_eq!(layer.to_string(), expected);
        }
    }

    #[test]
    fn what_carries_users_packets_is_not_control() {
        assert!(Layer::Ether(EtherType::ARP).is_control() && Layer::Ip(1).is_control());
        assert!(!Layer::Ip(50).is_control() && !Layer::Ether(EtherType::MACSEC).is_control());
    }
}
