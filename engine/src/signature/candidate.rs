//! Rows that an index brings up for a packet.

use super::model::{Conditions, HttpCondition};
use super::row::RowIndex;
use crate::dissect::{http, stun};
use crate::five_tuple::{Direction, Transport};

/// Over which transport a packet goes, and which way, or that this is not known: a bit for each.
#[inline]
pub(crate) fn course(transport: Transport, direction: Option<Direction>) -> u8 {
    let way = match direction {
        None => 1,
        Some(Direction::Originator) => 2,
        Some(Direction::Responder) => 4,
    };
    if transport == Transport::Tcp { way } else { way << 3 }
}

/// Where it is not known which way packets go, any fits.
fn courses_of(conditions: &Conditions) -> u8 {
    let fits = |transport: &Transport| conditions.transport.is_none_or(|wanted| wanted == *transport);
    let way = |transport| match conditions.direction {
        None => [Direction::Originator, Direction::Responder]
            .into_iter()
            .fold(0, |ways, direction| ways | course(transport, Some(direction))),
        wanted => course(transport, wanted),
    };
    let transports = [Transport::Tcp, Transport::Udp].into_iter().filter(fits);
    transports.fold(0, |courses, transport| courses | way(transport) | course(transport, None))
}

/// A prefix.
pub(crate) const PREFIX: u16 = 1;
/// Ports or addresses, or several ranges of lengths.
pub(crate) const PLACE: u16 = 2;
/// Equations.
pub(crate) const EQUATIONS: u16 = 4;
/// Bytes anywhere in the payload.
pub(crate) const TEXT: u16 = 8;
/// STUN.
pub(crate) const STUN: u16 = 0x10;
/// RTP.
pub(crate) const MEDIA: u16 = 0x20;
/// Earlier datagrams.
pub(crate) const HISTORY: u16 = 0x40;
/// A protobuf message.
pub(crate) const PROTOBUF: u16 = 0x80;
/// An HTTP message.
pub(crate) const HTTP: u16 = 0x100;

/// What an HTTP request is asked for: one of several paths.
pub(crate) const PATH: u8 = 1;
/// A word in User-Agent.
pub(crate) const AGENT: u8 = 2;
/// A word in Referer.
pub(crate) const REFERER: u8 = 4;
/// Words that have an index.
pub(crate) const WORDS: u8 = AGENT | REFERER;
/// A word that User-Agent does not contain.
pub(crate) const OTHER_AGENT: u8 = 8;
/// A word in Upgrade.
pub(crate) const UPGRADE: u8 = 0x10;
/// A host.
pub(crate) const HOST: u8 = 0x20;
/// How the body begins.
pub(crate) const BODY: u8 = 0x40;

fn asks_of_request(http: &HttpCondition, conditions: &Conditions) -> u8 {
    let all = [
        (PATH, !http.urls.is_empty()),
        (AGENT, !http.user_agents.is_empty()),
        (REFERER, http.referer.is_some()),
        (OTHER_AGENT, http.without_user_agent.is_some()),
        (UPGRADE, http.upgrade.is_some()),
        (HOST, !conditions.hosts.is_empty()),
        (BODY, http.body.is_some()),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).fold(0, |asks, (bit, _)| asks | bit)
}

/// The bits of these methods; all where there are none.
fn methods(http: &HttpCondition) -> u32 {
    match http.methods.as_slice() {
        [] => u32::MAX,
        some => some.iter().fold(0, |bits, method| bits | http::method_bit(method.as_bytes())),
    }
}

fn asks(conditions: &Conditions) -> u16 {
    let is_placed =
        conditions.length.len() > 1 || !conditions.ports.is_empty() || !conditions.addresses.is_empty();
    let all = [
        (PREFIX, conditions.prefix.is_some()),
        (PLACE, is_placed),
        (EQUATIONS, !conditions.equations.is_empty()),
        (TEXT, !conditions.contains.is_empty()),
        (STUN, conditions.stun.is_some()),
        (MEDIA, conditions.rtp.is_some()),
        (HISTORY, conditions.asks_for_history),
        (PROTOBUF, conditions.protobuf.is_some()),
        (HTTP, conditions.http.is_some()),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).fold(0, |asks, (bit, _)| asks | bit)
}

/// A number of bytes, where more than these are as many as any.
fn saturated(bytes: usize) -> u16 {
    bytes.try_into().unwrap_or(u16::MAX)
}

/// A row worth trying, and what tells at a glance that it cannot fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CandidateRow {
    pub(crate) row: RowIndex,
    /// Payload lengths outside these never fit.
    pub(crate) shortest: u16,
    pub(crate) longest: u16,
    /// Bytes that the equations take at least.
    pub(super) equated: u16,
    /// The [`course`]s that fit.
    pub(crate) courses: u8,
    /// Which conditions there are beside those that stand here: what it asks after is compared, and nothing else of it is read.
    pub(crate) asks: u16,
    /// The HTTP methods that fit, a bit each.
    pub(crate) methods: u32,
    /// Of rows that are found by words, which it is.
    pub(crate) word_row: Option<u8>,
    /// What of an HTTP request it asks for beside its method.
    pub(crate) asks_of_request: u8,
    /// It asks for a STUN transaction id that is printable ASCII.
    pub(crate) is_printable: bool,
    /// Whether it matched is nothing that other rows ask of the flow's packets: it sets no bit in the flow, and has no group.
    pub(crate) is_plain: bool,
    /// A bit for each attribute that a STUN message must have, by the low six bits of its type.
    pub(crate) stun_attributes: u64,
}

impl CandidateRow {
    /// Whether so many bytes are too few for its equations: it may need more, or fail, but cannot match.
    #[inline]
    pub(crate) fn is_beyond(&self, length: usize) -> bool {
        length < usize::from(self.equated)
    }

    /// The same row, of whose conditions about an HTTP request these are open.
    pub(crate) fn with_open(&self, open: u8) -> Self {
        Self { asks_of_request: open, ..*self }
    }

    pub(super) fn new(row: RowIndex, conditions: &Conditions) -> Self {
        Self {
            row,
            shortest: conditions.length.iter().map(|range| *range.start()).min().unwrap_or(0),
            longest: conditions.length.iter().map(|range| *range.end()).max().unwrap_or(u16::MAX),
            equated: conditions.equations.iter().map(|one| saturated(one.least())).max().unwrap_or(0),
            courses: courses_of(conditions),
            asks: asks(conditions),
            methods: conditions.http.as_ref().map_or(0, methods),
            word_row: None,
            asks_of_request: conditions.http.as_ref().map_or(0, |http| asks_of_request(http, conditions)),
            is_printable: conditions.stun.as_ref().is_some_and(|stun| stun.printable_id),
            is_plain: false,
            stun_attributes: conditions.stun.iter().fold(0, |bits, stun| {
                let listed = stun.attributes.iter().map(|wanted| wanted.kind);
                let others = stun.first.into_iter().chain(stun.clock).chain(stun.xor_destination);
                listed.chain(others).fold(bits, |bits, kind| bits | stun::attribute_bit(kind))
            }),
        }
    }
}
