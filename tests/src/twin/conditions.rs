//! Whether a row's conditions hold for a packet: yes, no, or not before more bytes have come.

use super::names::covers;
use std::ops::RangeInclusive;
use wiremark::dissect::http::{Head, Request, Response};
use wiremark::dissect::{protobuf, rtp, stun};
use wiremark::signature::equation::{Equation, Relation, Source, Term};
use wiremark::signature::model::{Conditions, HttpCondition, ProtobufCondition, RtpCondition, StunCondition};
use wiremark::signature::pattern::{Element, Pattern};
use wiremark::{Address, Direction, Packet, Transport};

/// `None` is "not before more bytes have come".
pub(super) type Holds = Option<bool>;

/// What is known of a packet.
pub(super) struct View<'v> {
    pub(super) packet: &'v Packet<'v>,
    /// Where the capture shows it.
    pub(super) direction: Option<Direction>,
    /// The stream start, a segment, or a datagram.
    pub(super) bytes: &'v [u8],
    pub(super) http: Option<Head<'v>>,
    pub(super) stun: Option<stun::Message<'v>>,
    pub(super) media: Option<rtp::Media<'v>>,
    /// Payload length of the packet, or of the datagram a stream carries, and whether it is that.
    pub(super) length: usize,
    pub(super) is_framed: bool,
    /// UDP: all datagrams with payload of the same side so far, this one included, and of the other side.
    pub(super) history: Option<[Vec<Vec<u8>>; 2]>,
}

fn in_history(conditions: &Conditions, view: &View<'_>) -> bool {
    let Conditions { ordinal, moves, unlike, is_one_sided, .. } = conditions;
    if ordinal.is_empty() && moves.is_none() && unlike.is_none() && !is_one_sided {
        return true;
    }
    let Some([own, other]) = &view.history else { return false };
    let part = |bytes: &[u8], range: &RangeInclusive<u16>| {
        let bytes = &bytes[..bytes.len().min(12)];
        bytes.get((*range.start()).into()..usize::from(*range.end()) + 1).map(<[u8]>::to_vec)
    };
    let now = |range: &RangeInclusive<u16>| {
        view.bytes.get((*range.start()).into()..usize::from(*range.end()) + 1).map(<[u8]>::to_vec)
    };
    within(own.len().min(255), ordinal)
        && (!is_one_sided || other.is_empty())
        && moves.as_ref().is_none_or(|range| own.len() > 1 && part(&own[0], range) != now(range))
        && unlike
            .as_ref()
            .is_none_or(|range| other.first().is_none_or(|first| part(first, range) != now(range)))
}

fn is_protobuf(wanted: &ProtobufCondition, bytes: &[u8]) -> bool {
    protobuf::fits(bytes.get(wanted.at.into()..).unwrap_or_default(), &wanted.fields)
}

/// All must hold: one that does not outweighs one that waits.
fn all(conditions: impl IntoIterator<Item = Holds>) -> Holds {
    let conditions: Vec<Holds> = conditions.into_iter().collect();
    if conditions.contains(&Some(false)) {
        Some(false)
    } else if conditions.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn within(number: usize, ranges: &[RangeInclusive<u16>]) -> bool {
    ranges.is_empty()
        || ranges
            .iter()
            .any(|range| usize::from(*range.start()) <= number && number <= usize::from(*range.end()))
}

/// All of a row's conditions but `reverse`, `every` and `unless`; `host` only beside `http`.
pub(super) fn hold(conditions: &Conditions, view: &View<'_>) -> Holds {
    let (packet, tuple) = (view.packet, &view.packet.five_tuple);
    let ports = [tuple.src_port, tuple.dst_port];
    let port =
        conditions.ports.is_empty() || ports.iter().any(|port| within((*port).into(), &conditions.ports));
    let in_block = |address: Address| conditions.addresses.iter().any(|block| block.contains(address));
    let text = &conditions.contains;
    let direction = match (conditions.direction, view.direction) {
        (Some(wanted), Some(known)) => wanted == known,
        _ => true,
    };
    let transport = if view.is_framed { Transport::Udp } else { tuple.transport };
    let content = if view.is_framed { view.bytes } else { packet.payload };
    let mut outcomes = vec![
        Some(conditions.transport.is_none_or(|wanted| wanted == transport)),
        Some(direction),
        Some(within(view.length, &conditions.length)),
        Some(in_history(conditions, view)),
        Some(port),
        Some(conditions.addresses.is_empty() || in_block(tuple.src) || in_block(tuple.dst)),
        Some(text.is_empty() || content.windows(text.len()).any(|window| window == text)),
    ];
    outcomes.extend(conditions.prefix.as_ref().map(|pattern| begins(pattern, view.bytes)));
    let equations = conditions.equations.iter();
    outcomes.extend(equations.map(|equation| relates(equation, view.bytes, view.length)));
    outcomes.extend(conditions.stun.as_ref().map(|wanted| Some(is_stun(wanted, view))));
    outcomes.extend(conditions.protobuf.as_ref().map(|wanted| Some(is_protobuf(wanted, view.bytes))));
    outcomes.extend(conditions.rtp.as_ref().map(|wanted| Some(is_rtp(wanted, view))));
    outcomes.extend(conditions.http.as_ref().map(|wanted| match &view.http {
        Some(Head::Request(request)) if wanted.disposition.is_none() => {
            is_request(wanted, conditions, request)
        }
        Some(Head::Response(response)) if wanted.disposition.is_some() => is_response(wanted, response),
        _ => Some(false),
    }));
    all(outcomes)
}

fn begins(pattern: &Pattern, bytes: &[u8]) -> Holds {
    follow(&pattern.elements, bytes.get(pattern.at..)?)
}

fn follow(elements: &[Element], bytes: &[u8]) -> Holds {
    let Some((element, later)) = elements.split_first() else { return Some(true) };
    let (fits, skip) = match element {
        Element::Masked { value, mask } => (bytes.first()? & mask == *value, 1),
        Element::OneOf(set) => {
            let byte = *bytes.first()?;
            (set[usize::from(byte / 64)] & 1 << (byte % 64) != 0, 1)
        }
        Element::Jump { width, bounds } => {
            let field = bytes.get(..usize::from(*width))?;
            let length = field.iter().fold(0u64, |sum, byte| sum * 256 + u64::from(*byte));
            let fits = u64::from(*bounds.start()) <= length && length <= u64::from(*bounds.end());
            (fits, usize::from(*width) + usize::try_from(length).unwrap_or(usize::MAX / 2))
        }
    };
    if !fits {
        return Some(false);
    }
    follow(later, bytes.get(skip..)?)
}

fn relates(equation: &Equation, bytes: &[u8], length: usize) -> Holds {
    let mut left = &equation.first;
    let mut outcomes = Vec::new();
    for (relation, right) in &equation.rest {
        let outcome = match (number(left, bytes, length), number(right, bytes, length)) {
            (Some(left), Some(right)) => Some(match relation {
                Relation::Equal => left == right,
                Relation::AtMost => left <= right,
                Relation::AtLeast => left >= right,
            }),
            _ => None,
        };
        outcomes.push(outcome);
        left = right;
    }
    all(outcomes)
}

fn number(term: &Term, bytes: &[u8], length: usize) -> Option<i64> {
    let number = match term.source {
        Source::Number => 0,
        Source::Length => length as i64,
        Source::Field { at, width, little_endian } => {
            let mut field = bytes.get(at..at + usize::from(width))?.to_vec();
            if little_endian {
                field.reverse();
            }
            field.iter().fold(0, |sum, byte| sum * 256 + i64::from(*byte))
        }
    };
    Some(number + term.plus)
}

fn is_stun(wanted: &StunCondition, view: &View<'_>) -> bool {
    let Some(message) = &view.stun else { return false };
    let found: Vec<_> = message.attributes().map(|attribute| (attribute.kind, attribute.value)).collect();
    let value = |kind: u16| found.iter().find(|(its, _)| *its == kind).map(|(_, value)| *value);
    let fits = |(kind, value): &(u16, &[u8]), index: usize| {
        let wanted = &wanted.attributes[index];
        wanted.kind == *kind && within(value.len(), &wanted.lengths)
    };
    let count = wanted.attributes.len();
    let attributes = if wanted.only {
        found.len() == count && (0..count).all(|index| fits(&found[index], index))
    } else {
        (0..count).all(|index| found.iter().any(|attribute| fits(attribute, index)))
    };
    let destination = |kind: u16| {
        let to = &view.packet.five_tuple;
        let decoded = value(kind).and_then(|value| stun::xor_address(value, message.transaction_id));
        decoded.is_some_and(|(ip, port)| (Address::from(ip), port) == (to.dst, to.dst_port))
    };
    let clock = |kind: u16| {
        let Some(&[a, b, c, d, e, f, g, h]) = value(kind) else { return false };
        let clock_ms = i128::from(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        match view.packet.time_us {
            0 => (1_230_768_000_000..=4_386_528_000_000).contains(&clock_ms),
            now_us => (clock_ms * 1000 - i128::from(now_us)).abs() <= 24 * 3600 * 1_000_000,
        }
    };
    (wanted.types.is_empty() || wanted.types.contains(&message.kind))
        && attributes
        && wanted.first.is_none_or(|kind| found.first().is_some_and(|(first, _)| *first == kind))
        && wanted.without.iter().all(|kind| value(*kind).is_none())
        && wanted.xor_destination.is_none_or(destination)
        && wanted.clock.is_none_or(clock)
        && (!wanted.printable_id
            || message.transaction_id.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic()))
}

fn is_rtp(wanted: &RtpCondition, view: &View<'_>) -> bool {
    let Some(rtp::Media::Rtp(packet)) = &view.media else { return false };
    let profile = packet.extension.map(|(profile, _)| profile);
    (wanted.payload_types.is_empty() || wanted.payload_types.contains(&packet.payload_type))
        && (wanted.profiles.is_empty() || wanted.profiles.contains(&profile))
}

/// A header field that must contain a text, while more of the head may come.
fn field(wanted: &Option<String>, found: Option<&[u8]>, is_complete: bool) -> Holds {
    match (wanted, found) {
        (None, _) => Some(true),
        (Some(wanted), Some(found)) => {
            Some(String::from_utf8_lossy(found).to_ascii_lowercase().contains(wanted))
        }
        (Some(_), None) => is_complete.then_some(false),
    }
}

/// A User-Agent that must contain one of the texts, `#` being digits and dots.
fn agent(wanted: &[String], found: Option<&[u8]>, is_complete: bool) -> Holds {
    if wanted.is_empty() {
        return Some(true);
    }
    let Some(found) = found else { return is_complete.then_some(false) };
    let found = String::from_utf8_lossy(found).to_ascii_lowercase();
    Some(wanted.iter().any(|text| match text.split_once('#') {
        None => found.contains(text),
        Some((before, after)) => found.match_indices(before).any(|(at, _)| {
            let rest = &found[at + before.len()..];
            let version = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            version.len() < rest.len() && version.starts_with(after)
        }),
    }))
}

fn body(wanted: &HttpCondition, body: &[u8], is_complete: bool, length: Option<u64>) -> Holds {
    match &wanted.body {
        None => Some(true),
        Some(_) if is_complete && length == Some(0) => Some(false),
        Some(pattern) => begins(pattern, body),
    }
}

fn is_request(wanted: &HttpCondition, conditions: &Conditions, request: &Request<'_>) -> Holds {
    let path = request.path();
    let method = wanted.methods.iter().any(|method| method.as_bytes() == request.method);
    let url = wanted.urls.iter().any(|url| path.starts_with(url.as_bytes()));
    let host = match request.host() {
        _ if conditions.hosts.is_empty() => Some(true),
        Some(name) => Some(conditions.hosts.iter().any(|pattern| covers(pattern, name))),
        None => request.complete.then_some(false),
    };
    all([
        Some(wanted.methods.is_empty() || method),
        Some(wanted.urls.is_empty() || url),
        agent(&wanted.user_agents, request.user_agent, request.complete),
        match (&wanted.without_user_agent, request.user_agent) {
            (None, _) => Some(true),
            (Some(_), None) => request.complete.then_some(true),
            (Some(unwanted), Some(found)) => {
                Some(!String::from_utf8_lossy(found).to_ascii_lowercase().contains(unwanted))
            }
        },
        field(&wanted.referer, request.referer, request.complete),
        field(&wanted.upgrade, request.upgrade, request.complete),
        host,
        body(wanted, request.body, request.complete, request.content_length),
    ])
}

fn is_response(wanted: &HttpCondition, response: &Response<'_>) -> Holds {
    all([
        field(&wanted.disposition, response.content_disposition, response.complete),
        body(wanted, response.body, response.complete, response.content_length),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_hold_fail_or_wait() {
        for (pattern, bytes, expected) in [
            ("16 (03|04) ?? 1?", &[0x16, 3, 9, 0x1f][..], Some(true)),
            ("16 (03|04) ??", &[0x16, 5, 9], Some(false)),
            ("16 (!03)", &[0x16, 3], Some(false)),
            ("16 (03|04)", &[0x16], None),
            ("{u8 1-4} 57", &[2, 9, 9, 0x57], Some(true)),
            ("{u8 1-4} 57", &[2, 9, 9, 0x58], Some(false)),
            ("{u8 1-4} 57", &[2, 9], None),
            ("{u8 1-4} 57", &[9, 9, 9, 9], Some(false)),
            ("{u32 0-4294967295}", &[0xff; 8], None),
        ] {
            assert_eq!(begins(&Pattern::parse(pattern, 0).unwrap(), bytes), expected, "{pattern} {bytes:?}");
        }
        assert_eq!(begins(&Pattern::parse("01", 4).unwrap(), &[0]), None);
    }

    #[test]
    fn equations_hold_fail_or_wait() {
        for (equation, bytes, expected) in [
            ("u16@0 - 4 = u8@2", &[0, 9, 5][..], Some(true)),
            ("3 <= u8@0 <= length", &[4, 0, 0], Some(false)),
            ("le16@0 = 256", &[0, 1], Some(true)),
            ("u32@0 = 1", &[0, 0, 0], None),
            ("u8@0 >= 5 = u8@9", &[4], Some(false)),
        ] {
            assert_eq!(
                relates(&Equation::parse(equation).unwrap(), bytes, bytes.len()),
                expected,
                "{equation}"
            );
        }
    }
}
