//! How the bytes of a frame begin: one small file a link type or family of them, and what leads to each.

pub mod aggregate;
pub mod arcnet;
pub mod atm;
pub mod cable;
pub mod erf;
pub mod fddi;
pub mod frame_relay;
pub mod hdlc;
pub mod ipoib;
pub mod juniper;
pub mod monitor;
pub mod names;
pub mod nflog;
pub mod pcapdroid;
pub mod pf;
pub mod pktap;
pub mod ppi;
pub mod solaris;
mod types;

pub use types::LinkType;

use super::ethernet::EtherType;
use super::tag::mpls;
use super::{ParseError, Parsed, ethernet, ieee80211, ip, null, ppp, pppoe, radiotap, sll, sll2, tunnel};

/// Headers that name the link type of what follows, within one another.
const MAX_NESTED: usize = 4;

/// ARPHRD numbers of Linux (if_arp.h) whose frames begin with a header of their own in a cooked capture.
const ARPHRD_FRAD: u16 = 770;
const ARPHRD_IEEE80211: u16 = 801;
const ARPHRD_IEEE80211_PRISM: u16 = 802;
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;

/// The type and the bytes after the link's own headers.
///
/// # Errors
/// Those of the link type's file; [`ParseError::Unsupported`] for more than 4 headers that name another link type, and
/// for a link type named there that is not read here.
pub fn parse(link_type: LinkType, frame: &[u8]) -> Parsed<'_> {
    match link_type {
        LinkType::Ethernet => ethernet::parse(frame),
        LinkType::Null | LinkType::Loop => null::parse(frame),
        LinkType::Ppp => ppp::parse(frame),
        LinkType::PppEther => pppoe::parse(frame),
        LinkType::Raw => Ok((ip::version(frame)?, frame)),
        LinkType::Ieee80211 => ieee80211::parse(frame, false),
        LinkType::LinuxSll => {
            let (ether_type, rest) = sll::parse(frame)?;
            cooked(frame.get(2..4), ether_type, rest)
        }
        LinkType::Radiotap => parse_radiotap(frame),
        LinkType::Ipv4 => Ok((EtherType::IPV4, frame)),
        LinkType::Ipv6 => Ok((EtherType::IPV6, frame)),
        LinkType::LinuxSll2 => {
            let (ether_type, rest) = sll2::parse(frame)?;
            cooked(frame.get(8..10), ether_type, rest)
        }
        other => parse_rare(other, frame),
    }
}

/// All that is not met every day.
#[cold]
fn parse_rare(mut link_type: LinkType, mut frame: &[u8]) -> Parsed<'_> {
    for _ in 0..MAX_NESTED {
        let (number, inside) = match link_type {
            LinkType::Ppi => ppi::parse(frame)?,
            LinkType::Pktap => {
                let header = pktap::Pktap::parse(frame)?;
                (header.link_type, header.frame)
            }
            other => return plain(other, frame),
        };
        link_type = LinkType::from_number(number).ok_or(ParseError::Unsupported)?;
        frame = inside;
    }
    Err(ParseError::Unsupported)
}

/// A link type that names no other.
fn plain(link_type: LinkType, frame: &[u8]) -> Parsed<'_> {
    let behind = |bytes: usize| frame.get(bytes..).ok_or(ParseError::Truncated);
    match link_type {
        LinkType::Nflog => nflog::parse(frame),
        LinkType::PppDirection => ppp::parse(behind(1)?),
        LinkType::CiscoHdlc => hdlc::parse(frame),
        LinkType::CiscoHdlcDirection => hdlc::parse(behind(1)?),
        LinkType::FrameRelay => frame_relay::parse(frame),
        LinkType::FrameRelayDirection => frame_relay::parse(behind(1)?),
        LinkType::Erf => erf::parse(frame),
        LinkType::Pflog => pf::parse_log(frame),
        LinkType::OldPflog => pf::parse_old_log(frame),
        LinkType::Enc => pf::parse_enc(frame),
        LinkType::Fddi => fddi::parse(frame),
        LinkType::TokenRing => fddi::parse_token_ring(frame),
        LinkType::Ipoib => ipoib::parse(frame),
        LinkType::ArcnetBsd => arcnet::parse(frame, false),
        LinkType::ArcnetLinux => arcnet::parse(frame, true),
        LinkType::JuniperEther
        | LinkType::JuniperPpp
        | LinkType::JuniperHdlc
        | LinkType::JuniperFrameRelay
        | LinkType::JuniperPppoe => parse_juniper(link_type, frame),
        LinkType::Slip => solaris::parse_slip(frame),
        LinkType::Ipnet => solaris::parse_ipnet(frame),
        LinkType::Prism | LinkType::Avs => ieee80211::parse(monitor::parse(frame)?, false),
        LinkType::AtmRfc1483 => atm::parse(frame),
        LinkType::SunAtm => atm::parse_sun(frame),
        LinkType::FibreChannel => atm::parse_fibre_channel(frame),
        LinkType::AppleIeee1394 => atm::parse_ieee1394(frame),
        LinkType::Docsis => cable::parse_docsis(frame),
        LinkType::NetAnalyzer => cable::behind(frame, 4),
        LinkType::NetAnalyzerTransparent => cable::behind(frame, 12),
        LinkType::Mpacket => cable::parse_mpacket(frame),
        LinkType::BroadcomTag | LinkType::MarvellTag => cable::parse_switch_tag(frame, 4),
        LinkType::BroadcomPrepended => cable::behind(frame, 4),
        LinkType::MarvellEtherTag => cable::parse_switch_tag(frame, 8),
        LinkType::Mpls => mpls::parse(frame),
        LinkType::Tzsp => tunnel::tzsp::parse(frame).ok_or(match frame.len() {
            0..5 => ParseError::Truncated,
            _ => ParseError::Unsupported,
        }),
        common => parse(common, frame),
    }
}

fn parse_radiotap(frame: &[u8]) -> Parsed<'_> {
    let (is_padded, frame) = radiotap::parse(frame)?;
    ieee80211::parse(frame, is_padded)
}

/// A cooked capture of an interface in monitor mode, or of Frame Relay, has that link's headers behind its own.
fn cooked<'a>(hardware: Option<&[u8]>, ether_type: EtherType, rest: &'a [u8]) -> Parsed<'a> {
    let Some([high, low]) = hardware else { return Err(ParseError::Truncated) };
    match u16::from_be_bytes([*high, *low]) {
        ARPHRD_FRAD => frame_relay::parse(rest),
        ARPHRD_IEEE80211 => ieee80211::parse(rest, false),
        ARPHRD_IEEE80211_PRISM => ieee80211::parse(monitor::parse(rest)?, false),
        ARPHRD_IEEE80211_RADIOTAP => parse_radiotap(rest),
        _ => Ok((ether_type, rest)),
    }
}

fn parse_juniper(link_type: LinkType, frame: &[u8]) -> Parsed<'_> {
    match (juniper::parse(frame)?, link_type) {
        (juniper::Inside::Ip(packet), _) => juniper::parse_ip(packet),
        (juniper::Inside::Link(frame), LinkType::JuniperPpp) => ppp::parse(frame),
        (juniper::Inside::Link(frame), LinkType::JuniperHdlc) => hdlc::parse(frame),
        (juniper::Inside::Link(frame), LinkType::JuniperFrameRelay) => frame_relay::parse(frame),
        (juniper::Inside::Link(frame), LinkType::JuniperPppoe) => pppoe::parse(frame),
        (juniper::Inside::Link(frame), _) => ethernet::parse(frame),
    }
}

#[cfg(test)]
mod tests;
