//! A packet as the rows see it: its bytes, the facts dissectors found in them, and whether a row's conditions hold.

use crate::dissect::{dns, http, protobuf, rtp, stun};
use crate::five_tuple::{Address, Direction, Transport};
use crate::flow::History;
use crate::packet::Packet;
use crate::signature::candidate::{self, CandidateRow, course};
use crate::signature::model::{
    AttributeCondition, Block, Conditions, HttpCondition, RtpCondition, StunCondition,
};
use crate::signature::pattern::Match;
use core::ops::RangeInclusive;

/// What there is to look at.
pub(crate) struct PacketView<'s> {
    pub(crate) packet: &'s Packet<'s>,
    /// Who sent it; `None` where the capture does not show who opened the flow.
    direction: Option<Direction>,
    /// How it goes, for rows: as its packet, or, where a stream carries it, as a datagram.
    course: u8,
    /// The stream from its start, a segment, or a datagram.
    pub(crate) bytes: &'s [u8],
    /// Payload length of the packet; of a datagram that a stream carries, its own.
    length: usize,
    /// The bytes are a datagram that a stream carries: rows about datagrams count.
    is_framed: bool,
    /// UDP: the message to or from a resolver.
    pub(crate) dns: Option<&'s dns::Message<'s>>,
    pub(crate) http: Option<http::Head<'s>>,
    /// The path of the HTTP request.
    pub(crate) path: &'s [u8],
    pub(crate) stun: Option<stun::Message<'s>>,
    /// Its [`attribute_bits`](stun::Message::attribute_bits).
    pub(crate) stun_attributes: u64,
    /// UDP: what the flow keeps of earlier datagrams.
    pub(crate) history: Option<History>,
}

/// A day, in microseconds.
const DAY_US: u64 = 86_400_000_000;
/// Unix times in milliseconds that are believed where the packet's own time is not known: 2009 to 2109.
const PLAUSIBLE_MS: RangeInclusive<u64> = 1_230_768_000_000..=4_386_528_000_000;

impl<'s> PacketView<'s> {
    pub(crate) fn new(packet: &'s Packet<'s>, direction: Option<Direction>, bytes: &'s [u8]) -> Self {
        Self {
            packet,
            direction,
            course: course(packet.five_tuple.transport, direction),
            bytes,
            length: packet.payload.len(),
            is_framed: false,
            dns: None,
            http: None,
            path: &[],
            stun: None,
            stun_attributes: 0,
            history: None,
        }
    }

    /// Looks at a datagram that the stream carries.
    pub(crate) fn enter(&mut self, datagram: &'s [u8]) {
        (self.bytes, self.length, self.is_framed) = (datagram, datagram.len(), true);
        self.course = course(Transport::Udp, self.direction);
    }

    /// Looks at the stream again.
    pub(crate) fn leave(&mut self, stream: &'s [u8]) {
        (self.bytes, self.length, self.is_framed) = (stream, self.packet.payload.len(), false);
        self.course = course(self.packet.five_tuple.transport, self.direction);
    }

    /// Whether one of the flow's ports is this one.
    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.packet.five_tuple.has_port(port)
    }

    /// The stream a media packet belongs to.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.rtp().map(|packet| packet.ssrc)
    }

    /// The datagram as RTP. Few rows and few packets ask, so it is read when asked.
    fn rtp(&self) -> Option<rtp::Rtp<'s>> {
        match rtp::packet(self.packet.payload).found()? {
            rtp::Media::Rtp(packet) => Some(packet),
            rtp::Media::Rtcp(_) => None,
        }
    }

    /// Whether a row may fit, as far as its candidate tells.
    #[inline]
    pub(crate) fn may_match(&self, candidate: &CandidateRow) -> bool {
        usize::from(candidate.shortest) <= self.length
            && self.length <= usize::from(candidate.longest)
            && candidate.stun_attributes & !self.stun_attributes == 0
            && candidate.courses & self.course != 0
    }

    /// Whether all conditions hold of a row that was not [ruled out](Self::may_match), but for `reverse`, `every` and `unless`,
    /// which concern the flow. `prefix` is how that condition turned out, where that is known.
    pub(crate) fn matches(
        &self,
        candidate: &CandidateRow,
        conditions: &Conditions,
        prefix: Option<Match>,
    ) -> Match {
        let asks = |bits: u16| candidate.asks & bits != 0;
        if asks(candidate::PLACE)
            && !(within(&conditions.length, self.length as u64)
                && self.port_fits(&conditions.ports)
                && self.address_fits(&conditions.addresses))
        {
            return Match::No;
        }
        let mut fits = match (prefix, &conditions.prefix) {
            (Some(known), _) => known,
            (None, Some(pattern)) if asks(candidate::PREFIX) => pattern.matches(self.bytes),
            _ => Match::Yes,
        };
        if asks(candidate::EQUATIONS) {
            for equation in &conditions.equations {
                fits = fits.and(|| equation.matches(self.bytes, self.length));
            }
        }
        if fits == Match::No {
            return Match::No;
        }
        let rtp = || conditions.rtp.as_ref().is_none_or(|rtp| self.rtp_fits(rtp));
        let protobuf = || {
            conditions.protobuf.as_ref().is_none_or(|shape| {
                protobuf::fits(self.bytes.get(usize::from(shape.at)..).unwrap_or_default(), &shape.fields)
            })
        };
        let rest = (!asks(candidate::TEXT)
            || memchr::memmem::find(self.contained(), &conditions.contains).is_some())
            && (!asks(candidate::STUN) || self.stun_fits(conditions))
            && (!asks(candidate::MEDIA) || rtp())
            && (!asks(candidate::HISTORY) || self.history_fits(conditions))
            && (!asks(candidate::PROTOBUF) || protobuf());
        match &conditions.http {
            _ if !rest => Match::No,
            Some(http) if asks(candidate::HTTP) => {
                fits.and(|| self.http_fits(http, candidate.asks_of_request, conditions))
            }
            _ => fits,
        }
    }

    fn contained(&self) -> &[u8] {
        if self.is_framed { self.bytes } else { self.packet.payload }
    }

    fn history_fits(&self, conditions: &Conditions) -> bool {
        let Some(history) = &self.history else { return false };
        within(&conditions.ordinal, history.ordinal().into())
            && (!conditions.is_one_sided || history.is_one_sided())
            && conditions
                .moves
                .as_ref()
                .is_none_or(|range| history.ordinal() > 1 && self.differs(history.own_first(), range))
            && conditions
                .unlike
                .as_ref()
                .is_none_or(|range| history.is_one_sided() || self.differs(history.other_first(), range))
    }

    /// Whether the bytes in `range` are others than there.
    fn differs(&self, other: &[u8], range: &RangeInclusive<u16>) -> bool {
        let range = usize::from(*range.start())..usize::from(*range.end()) + 1;
        self.bytes.get(range.clone()) != other.get(range)
    }

    fn port_fits(&self, ports: &[RangeInclusive<u16>]) -> bool {
        let tuple = &self.packet.five_tuple;
        ports.is_empty()
            || ports.iter().any(|range| range.contains(&tuple.src_port) || range.contains(&tuple.dst_port))
    }

    fn address_fits(&self, blocks: &[Block]) -> bool {
        let tuple = &self.packet.five_tuple;
        blocks.is_empty() || blocks.iter().any(|block| block.contains(tuple.src) || block.contains(tuple.dst))
    }

    /// Whether the datagram is a STUN message as wanted, if it is wanted to be one.
    pub(crate) fn stun_fits(&self, conditions: &Conditions) -> bool {
        let Some(condition) = &conditions.stun else { return true };
        let Some(message) = &self.stun else { return false };
        // Most rows ask for attributes that most messages lack.
        let may_have = |kind: u16| self.stun_attributes & stun::attribute_bit(kind) != 0;
        let attribute = |kind| may_have(kind).then(|| message.attribute(kind)).flatten();
        let clock = |kind| attribute(kind).is_some_and(|value| self.clock_fits(value));
        let destination = |kind| attribute(kind).is_some_and(|value| self.is_destination(message, value));
        (condition.types.is_empty() || condition.types.contains(&message.kind))
            && condition
                .first
                .is_none_or(|kind| message.attributes().next().is_some_and(|first| first.kind == kind))
            && attributes_fit(condition, message)
            && condition.without.iter().all(|kind| attribute(*kind).is_none())
            && condition.clock.is_none_or(clock)
            && condition.xor_destination.is_none_or(destination)
            && (!condition.printable_id || stun::is_printable(message.transaction_id))
    }

    fn clock_fits(&self, value: &[u8]) -> bool {
        let Ok(value) = <[u8; 8]>::try_from(value) else { return false };
        let clock_ms = u64::from_be_bytes(value);
        match self.packet.time_us {
            0 => PLAUSIBLE_MS.contains(&clock_ms),
            now_us => clock_ms.saturating_mul(1000).abs_diff(now_us) <= DAY_US,
        }
    }

    fn is_destination(&self, message: &stun::Message<'_>, value: &[u8]) -> bool {
        let tuple = &self.packet.five_tuple;
        stun::xor_address(value, message.transaction_id)
            .is_some_and(|(ip, port)| Address::from(ip) == tuple.dst && port == tuple.dst_port)
    }

    fn rtp_fits(&self, condition: &RtpCondition) -> bool {
        let Some(packet) = self.rtp() else { return false };
        let profile = packet.extension.map(|(profile, _)| profile);
        (condition.payload_types.is_empty() || condition.payload_types.contains(&packet.payload_type))
            && (condition.profiles.is_empty() || condition.profiles.contains(&profile))
    }

    /// Whether what is open of a row's conditions about HTTP holds.
    fn http_fits(&self, condition: &HttpCondition, open: u8, conditions: &Conditions) -> Match {
        match &self.http {
            Some(http::Head::Request(request)) if condition.disposition.is_none() => {
                self.request_fits(request, open, conditions)
            }
            Some(http::Head::Response(response)) => response_fits(condition, response),
            _ => Match::No,
        }
    }

    /// The same of those about a request, whose method fits.
    #[inline]
    pub(crate) fn request_fits(
        &self,
        request: &http::Request<'_>,
        open: u8,
        conditions: &Conditions,
    ) -> Match {
        let Some(condition) = &conditions.http else { return Match::Yes };
        let asks = |bits: u8| open & bits != 0;
        let mut fits = Match::Yes;
        if asks(!(candidate::HOST | candidate::BODY)) {
            fits = self.line_and_words_fit(request, open, condition);
        }
        if asks(candidate::HOST) {
            fits = fits.and(|| match request.host() {
                None if request.complete => Match::No,
                None => Match::NeedMore,
                Some(name) => Match::from(host_fits(conditions, name)),
            });
        }
        if asks(candidate::BODY) {
            fits = fits.and(|| body_fits(condition, request.body, request.complete, request.content_length));
        }
        fits
    }

    #[inline(never)] // Of most rows the indexes know.
    fn line_and_words_fit(&self, request: &http::Request<'_>, open: u8, condition: &HttpCondition) -> Match {
        let asks = |bits: u8| open & bits != 0;
        let wait = if request.complete { Match::No } else { Match::NeedMore };
        let field = |bit: u8, wanted: &Option<alloc::string::String>, found: Option<&[u8]>| match wanted {
            Some(wanted) if asks(bit) => {
                found.map_or(wait, |found| Match::from(contains_lower(found, wanted.as_bytes())))
            }
            _ => Match::Yes,
        };
        let agent = || match request.user_agent {
            _ if !asks(candidate::AGENT) => Match::Yes,
            None => wait,
            Some(found) => {
                let mut wanted = condition.user_agents.iter();
                Match::from(wanted.any(|one| contains_version(found, one.as_bytes())))
            }
        };
        let own_agent = || match (&condition.without_user_agent, request.user_agent) {
            (Some(unwanted), Some(found)) if asks(candidate::OTHER_AGENT) => {
                Match::from(!contains_lower(found, unwanted.as_bytes()))
            }
            (Some(_), None) if asks(candidate::OTHER_AGENT) && !request.complete => Match::NeedMore,
            _ => Match::Yes,
        };
        let path = || condition.urls.iter().any(|url| self.path.starts_with(url.as_bytes()));
        Match::from(!asks(candidate::PATH) || path())
            .and(agent)
            .and(own_agent)
            .and(|| field(candidate::REFERER, &condition.referer, request.referer))
            .and(|| field(candidate::UPGRADE, &condition.upgrade, request.upgrade))
    }
}

fn response_fits(condition: &HttpCondition, response: &http::Response<'_>) -> Match {
    match (&condition.disposition, response.content_disposition) {
        (None, _) => Match::No,
        (Some(wanted), Some(found)) => Match::from(contains_lower(found, wanted.as_bytes()))
            .and(|| body_fits(condition, response.body, response.complete, response.content_length)),
        (Some(_), None) if response.complete => Match::No,
        (Some(_), None) => Match::NeedMore,
    }
}

fn attributes_fit(condition: &StunCondition, message: &stun::Message<'_>) -> bool {
    let fits = |wanted: &AttributeCondition, found: &stun::Attribute<'_>| {
        wanted.kind == found.kind && within(&wanted.lengths, found.value.len() as u64)
    };
    let mut found = message.attributes();
    if condition.only {
        let all =
            condition.attributes.iter().all(|wanted| found.next().is_some_and(|one| fits(wanted, &one)));
        return all && found.next().is_none();
    }
    condition.attributes.iter().all(|wanted| message.attributes().any(|one| fits(wanted, &one)))
}

fn body_fits(condition: &HttpCondition, body: &[u8], head_complete: bool, length: Option<u64>) -> Match {
    match &condition.body {
        None => Match::Yes,
        Some(_) if head_complete && length == Some(0) => Match::No,
        Some(pattern) => pattern.matches(body),
    }
}

fn host_fits(conditions: &Conditions, name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    conditions.hosts.iter().any(|host| host.matches(name))
}

/// No range is any number.
fn within(ranges: &[RangeInclusive<u16>], number: u64) -> bool {
    ranges.is_empty()
        || ranges.iter().any(|range| (u64::from(*range.start())..=u64::from(*range.end())).contains(&number))
}

/// The same, where `#` in `wanted` stands for one or more digits and dots.
fn contains_version(text: &[u8], wanted: &[u8]) -> bool {
    let Some(mark) = memchr::memchr(b'#', wanted) else { return contains_lower(text, wanted) };
    let (before, after) = (&wanted[..mark], &wanted[mark + 1..]);
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let fits = |at: usize| {
        let Some(rest) = text.get(at..at + before.len()).filter(|found| found.eq_ignore_ascii_case(before))
        else {
            return false;
        };
        let rest = &text[at + rest.len()..];
        let digits = rest.iter().take_while(|byte| is_version(byte)).count();
        digits > 0 && rest[digits..].get(..after.len()).is_some_and(|found| found.eq_ignore_ascii_case(after))
    };
    match before.first() {
        Some(first) => {
            memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).any(fits)
        }
        None => (0..text.len()).any(fits),
    }
}

/// Whether `text` contains `wanted`, which is lower case, in any case.
fn contains_lower(text: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text)
        .any(|at| text[at..].get(..wanted.len()).is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
}
