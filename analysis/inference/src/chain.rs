//! Repeated elements that say how long they are: a header of a few bytes with a length in it, then as many bytes.
//!
//! Type-length-value lists, length-prefixed strings, labels of a name, attributes, records and nested payloads are all of
//! this shape. It is searched for exactly: elements must follow one another up to the end of (nearly) every message.

use std::collections::HashSet;

use crate::messages::{Messages, Span};
use crate::number::{Firsts, WIDTHS, number};

/// Where and how an element states its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Bytes before the first element.
    pub start: usize,
    /// Bytes of an element's header, its length field included.
    pub header: usize,
    /// Offset of the length field in the header.
    pub at: usize,
    /// Bytes of the length field.
    pub width: usize,
    /// Whether the length field is little-endian.
    pub little: bool,
    /// What is added to the length to come to the element's size: the header's bytes, or nothing where it counts them.
    pub plus: usize,
    /// Elements begin at multiples of this.
    pub align: usize,
    /// How it ends.
    pub end: End,
    /// Bytes behind the last element.
    pub trailer: usize,
}

/// How a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the message, or with a byte behind which all are alike (an end mark and padding).
    Message,
    /// With an element of length 0; more follows.
    Zero,
}

/// One message's elements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elements {
    /// Start and end (padding excluded) of each.
    pub parts: Vec<(usize, usize)>,
    /// Where the chain ends.
    pub end: usize,
    /// An end mark without a length stands here.
    pub mark: Option<usize>,
}

impl Chain {
    /// For people.
    pub(crate) fn words(&self) -> String {
        let Self { start, header, at, width, .. } = self;
        let order = match (width, self.little) {
            (1, _) => "",
            (_, true) => ", little-endian",
            (_, false) => ", big-endian",
        };
        let counted = if self.plus == 0 { ", which counts the header too" } else { "" };
        let padded = if self.align > 1 { format!(", padded to {}", self.align) } else { String::new() };
        let trailer = if self.trailer > 0 {
            format!("; {} bytes behind the last", self.trailer)
        } else {
            String::new()
        };
        match self.end {
            End::Zero => {
                format!("a name of labels from byte {start}, each behind its length, up to an empty one")
            }
            End::Message => format!(
                "a list from byte {start}: {header}-byte headers with a length of {width} at {at}{order}{counted}{padded}{trailer}"
            ),
        }
    }

    /// Plain enough to be believed where it fits some spans only.
    fn is_plain(&self) -> bool {
        (2..=4).contains(&self.header) && self.align == 1 && self.start <= 32 && self.end == End::Message
    }

    /// Cuts `bytes` (a whole span) into elements; `None` where they do not fit.
    pub(crate) fn cut(&self, bytes: &[u8], out: &mut Elements) -> bool {
        let Some(kept) = bytes.len().checked_sub(self.trailer) else { return false };
        self.cut_before(&bytes[..kept], alike_from(&bytes[..kept]), out)
    }

    /// The same for bytes without the trailer, of which it is known where the equal ones at the end begin.
    fn cut_before(&self, bytes: &[u8], alike_from: usize, out: &mut Elements) -> bool {
        out.parts.clear();
        out.mark = None;
        if bytes.len() < self.start {
            return false;
        }
        let is_whole = self.end == End::Message;
        let mut at = self.start;
        let mut empty = 0;
        let last = bytes.last().copied();
        loop {
            if at == bytes.len() {
                out.end = at;
                return is_whole;
            }
            let rest = &bytes[at..];
            let alike = is_whole && matches!(rest[0], 0 | 0xff) && at + 1 >= alike_from;
            if alike && (rest.len() <= self.header || (rest[0] == 0xff && last == Some(0))) {
                out.mark = Some(at);
                out.end = bytes.len();
                return true;
            }
            if rest.len() < self.header {
                return false;
            }
            let length = number(&rest[self.at..self.at + self.width], self.little);
            let size = length.saturating_add(self.plus);
            if !is_whole && length == 0 {
                out.parts.push((at, at + self.header));
                out.end = at + self.header;
                return true;
            }
            empty += usize::from(size == self.header);
            if size < self.header || size > rest.len() || empty > 3 + out.parts.len() / 4 {
                return false;
            }
            let value = &rest[self.header..size];
            if !is_whole && value.iter().any(|byte| !(0x20..0x7f).contains(byte)) {
                return false;
            }
            out.parts.push((at, at + size));
            // Padding counts from the first element.
            let padded = match self.align {
                1 => at + size,
                align => (at - self.start + size).next_multiple_of(align) + self.start,
            };
            at = if is_whole { padded.min(bytes.len()) } else { padded };
            if at > bytes.len() {
                return false;
            }
        }
    }
}

/// Where the run of equal bytes at the end begins.
fn alike_from(bytes: &[u8]) -> usize {
    let last = bytes.last();
    bytes.iter().rposition(|byte| Some(byte) != last).map_or(0, |at| at + 1)
}

/// How well a chain fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    pub chain: Chain,
    /// Share of spans it fits.
    pub share: f32,
    /// Elements a span, in the mean.
    pub elements: f32,
    /// Different sequences of element sizes.
    pub shapes: usize,
}

/// Spans a search looks at.
const LOOK: usize = 120;

/// Looks for the chain that fits best, `None` where none does beyond doubt.
pub(crate) fn search(messages: &Messages, spans: &[Span], end: End) -> Option<Fit> {
    let mut seen = HashSet::new();
    let stride = (spans.len() / 2000).max(1);
    let mut different: Vec<&[u8]> = spans
        .iter()
        .step_by(stride)
        .map(|span| span.of(messages))
        .filter(|bytes| bytes.len() >= 2 && seen.insert(*bytes))
        .collect();
    if different.len() < 6 {
        return None;
    }
    let stride = different.len().div_ceil(LOOK);
    different = different.into_iter().step_by(stride).collect();
    // Short and long ones in turn, so that what does not fit is seen early.
    different.sort_by_key(|bytes| bytes.len());
    let half = different.len() / 2;
    let order: Vec<usize> = (0..half).flat_map(|at| [at, different.len() - 1 - at]).collect();
    let looked: Vec<&[u8]> = order.into_iter().map(|at| different[at]).collect();
    let shortest = looked.iter().map(|bytes| bytes.len()).min().unwrap_or(0);
    let longest = looked.iter().map(|bytes| bytes.len()).max().unwrap_or(0);
    let first = Firsts::of(&looked, shortest.min(340));
    let trailers: &[usize] = if end == End::Zero { &[0] } else { &[0, 1, 2, 4] };
    let found =
        trailers.iter().filter_map(|&trailer| with_trailer(&looked, &first, end, trailer, shortest, longest));
    found.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, fit)| fit)
}

fn with_trailer(
    looked: &[&[u8]],
    first: &Firsts,
    end: End,
    trailer: usize,
    shortest: usize,
    longest: usize,
) -> Option<(f32, Fit)> {
    let mut best: Option<(f32, Fit)> = None;
    let looked: Vec<(&[u8], usize)> = looked
        .iter()
        .map(|bytes| &bytes[..bytes.len().saturating_sub(trailer)])
        .map(|bytes| (bytes, alike_from(bytes)))
        .collect();
    let looked = &looked[..];
    let mut cut = Elements::default();
    for start in 0..shortest.min(320) + 1 {
        let deepest: usize = match (start <= 64, trailer) {
            (true, 0) => 12,
            (false, 0) => 4,
            (true, _) => 8,
            _ => break,
        };
        for header in 1..=deepest {
            if end == End::Zero && header > 2 {
                break;
            }
            let most = looked.len() * if header <= 4 { 6 } else { 1 } / 10;
            for &(width, orders) in WIDTHS.iter().filter(|(width, _)| *width <= header) {
                for at in 0..=header - width {
                    if header > 4 && (header - at - width) % 2 == 1 && at > 0 && width > 1 {
                        continue;
                    }
                    for &(read, little) in orders {
                        if first.misfits(start + at, read) > most {
                            continue;
                        }
                        for &plus in &[header, 0] {
                            if plus == 0 && end == End::Zero {
                                continue;
                            }
                            for &align in &[1, 4] {
                                if align > 1 && (end == End::Zero || header < 2) {
                                    continue;
                                }
                                let chain =
                                    Chain { start, header, at, width, little, plus, align, end, trailer };
                                if let Some(fit) = fit(looked, chain, &mut cut)
                                    && let worth = worth(&fit, longest)
                                    && best.as_ref().is_none_or(|(most, _)| worth > *most)
                                {
                                    best = Some((worth, fit));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    best
}

fn worth(fit: &Fit, longest: usize) -> f32 {
    let chain = &fit.chain;
    let wide = chain.width as f32 * if chain.at.is_multiple_of(chain.width) { 0.04 } else { 0.03 };
    let natural = if chain.at == chain.width || chain.header == chain.width { 0.15 } else { 0.0 };
    let plain = if chain.align == 1 { 0.05 } else { 0.0 };
    let front =
        if (chain.at == 0 && chain.plus > 0) || chain.at + chain.width == chain.header { 0.1 } else { 0.0 };
    let early = 0.1 - 0.1 * chain.start as f32 / longest.max(1) as f32;
    (fit.share * 10.0)
        + (fit.elements + 1.0).ln()
        + (fit.shapes as f32).ln() * 0.5
        + early
        + wide
        + natural
        + plain
        + front
        - chain.header as f32 * 0.03
        - if chain.trailer > 0 { 0.08 } else { 0.0 }
}

/// `looked`: bytes without the trailer, and where the equal ones at their end begin.
fn fit(looked: &[(&[u8], usize)], chain: Chain, cut: &mut Elements) -> Option<Fit> {
    // Plain evidence may leave out much: captures cut messages short, and one port has several protocols.
    let plain = chain.is_plain();
    let allowed = looked.len() * if plain { 60 } else { 10 } / 100;
    let reaches = |bytes: &[u8]| bytes.len() + chain.trailer > chain.start;
    // Nearly all chains go no further than this.
    let (mut failed, mut fits) = (0usize, 0usize);
    for &(bytes, alike_from) in looked {
        if !reaches(bytes) {
            continue;
        }
        if chain.cut_before(bytes, alike_from, cut) {
            fits += 1;
            continue;
        }
        failed += 1;
        if failed > allowed || (failed >= 6 && fits * 3 < failed) {
            return None;
        }
    }
    if fits < 5 {
        return None;
    }
    let (mut elements, mut empty, mut full, mut padded) = (0usize, 0, 0, 0);
    let (mut shapes, mut lengths) = (HashSet::new(), HashSet::new());
    let (mut counts, mut inner) = (HashSet::new(), HashSet::new());
    for &(bytes, alike_from) in looked {
        if !reaches(bytes) || !chain.cut_before(bytes, alike_from, cut) {
            continue;
        }
        elements += cut.parts.len();
        let mut shape = Vec::with_capacity(cut.parts.len());
        for part in &cut.parts {
            let value = part.1 - part.0 - chain.header;
            shape.push(value as u16);
            if value == 0 {
                empty += 1;
            } else {
                full += 1;
            }
            padded += usize::from(!value.is_multiple_of(chain.align));
        }
        counts.insert(shape.len());
        shape[..shape.len().saturating_sub(1)].iter().for_each(|&value| {
            inner.insert(value);
        });
        shapes.insert(shape);
        lengths.insert(bytes.len());
    }
    if full == 0 {
        return None;
    }
    if chain.align > 1 && padded == 0 {
        return None;
    }
    let mean = elements as f32 / fits as f32;
    // A chain of one element is a length field and nothing more; what fits by chance has few shapes.
    let closing = if chain.end == End::Zero { fits } else { 0 };
    if (empty - closing.min(empty)) * 4 > full || mean < 1.3 + if chain.end == End::Zero { 1.0 } else { 0.0 }
    {
        return None;
    }
    // Where only the last element's length differs there is one length field, and a number that happens to lead there.
    if chain.end == End::Message && inner.len() < 3 && (counts.len() < 4 || mean < 3.0) {
        return None;
    }
    let needed = 5 + if chain.align > 1 { 3 } else { 0 };
    if shapes.len() < needed || lengths.len() < 3 {
        return None;
    }
    let rarely = failed * 10 > looked.len();
    if rarely && (shapes.len() < 20 || mean < 3.0 || !plain) {
        return None;
    }
    // Elements that all spans begin with alike may be no elements.
    let same = shapes.iter().next().map_or(0, |first: &Vec<u16>| {
        (0..first.len())
            .take_while(|&at| shapes.iter().all(|shape| shape.get(at) == Some(&first[at])))
            .count()
    });
    Some(Fit {
        chain,
        share: fits as f32 / (fits + failed) as f32,
        elements: mean - same as f32,
        shapes: shapes.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(messages: &[Vec<u8>], end: End) -> Option<Chain> {
        let messages: Messages = messages.iter().map(Vec::as_slice).collect();
        let spans: Vec<Span> = (0..messages.len())
            .map(|at| Span { message: at as u32, start: 0, end: messages.get(at).len() as u32 })
            .collect();
        search(&messages, &spans, end).map(|fit| fit.chain)
    }

    fn made(seed: u32, n: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn a_list_of_type_length_value_is_found() {
        let messages: Vec<Vec<u8>> = (0..60)
            .map(|n| {
                let mut message = made(n, 8);
                for element in 0..2 + n % 3 {
                    let value = made(n * 7 + element, 1 + ((n * 5 + element * 3) % 9) as usize);
                    message.extend([0, element as u8 + 1, 0, value.len() as u8]);
                    message.extend(value);
                }
                message
            })
            .collect();
        let chain = look(&messages, End::Message).unwrap();
        assert_eq!((chain.start, chain.header, chain.at, chain.width, chain.plus), (8, 4, 2, 2, 4));
    }

    #[test]
    fn random_bytes_are_no_chain() {
        let messages: Vec<Vec<u8>> = (0..300).map(|n| made(n, 40 + (n % 50) as usize)).collect();
        assert_eq!(look(&messages, End::Message), None);
        assert_eq!(look(&messages, End::Zero), None);
    }
}
