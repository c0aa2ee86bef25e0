//! Look-up lists sent over HTTP: XML with names and the addresses they stand for.
//!
//! ```text
//! <dns>.. <domain name="a.example.net" timeout="1800"><ip>192.0.2.1</ip><ip>..</ip></domain> ..</dns>
//! ```
//!
//! `<builtiniplist>` holds `ip` elements without a name.
//!
//! (MATAdOR, listing of DNS over HTTP: one `domain` element a name, each with `ip` children; later years add `ipv6`.)
//! Nothing else of XML is understood; a list that breaks off gives what stands before the break.

use core::net::IpAddr;
use core::ops::Range;

/// Most (name, address) pairs of one list. The longest that was seen, 18 KB, has 166, of 77 names of at most 27 bytes.
pub const PAIRS_MAX: usize = 208;
/// Most addresses without a name; that one has 4.
const BUILT_IN_MAX: usize = 64;
/// Most names, their bytes, and most tags that are looked at; that list has 857.
const NAMES_MAX: usize = 97;
const NAME_BYTES_MAX: usize = 64;
const TAGS_MAX: usize = 1080;

/// Whether a body is such a list.
pub fn is_list(body: &[u8]) -> bool {
    let start = body.get(..256).unwrap_or(body);
    memchr::memmem::find(start, b"<dns>").is_some()
}

/// The names and their addresses, in order; at most [`PAIRS_MAX`], of 97 names of at most 64 bytes.
pub fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], IpAddr)> {
    let mut reader = Reader::default();
    core::iter::from_fn(move || reader.next(body))
}

/// The addresses under `builtiniplist`, which have no name; at most 64.
pub fn built_in(body: &[u8]) -> impl Iterator<Item = IpAddr> {
    let open = b"<builtiniplist>";
    let list = memchr::memmem::find(body, open).map_or(&[][..], |at| &body[at + open.len()..]);
    let list = memchr::memmem::find(list, b"</builtiniplist>").map_or(list, |end| &list[..end]);
    let mut reader = Reader { name: Some(0..0), pairs: BUILT_IN_MAX, ..Reader::default() };
    core::iter::from_fn(move || reader.next(list).map(|(_, address)| address))
}

/// Reads a list from its start on, as far as it has come.
#[derive(Debug)]
pub(crate) struct Reader {
    /// What was read.
    at: usize,
    /// Where the name stands that addresses go with.
    name: Option<Range<usize>>,
    /// Addresses and tags that are still to be looked at, and names and one more; 0 of one where the list is read to its bound.
    pairs: usize,
    names: usize,
    tags: usize,
    /// Where the last name or address was read.
    last: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { at: 0, name: None, pairs: PAIRS_MAX, names: NAMES_MAX + 1, tags: TAGS_MAX, last: 0 }
    }
}

impl Reader {
    /// Whether no more of the list is read.
    pub(crate) fn is_over(&self) -> bool {
        self.pairs == 0 || self.names == 0 || self.tags == 0
    }

    /// Where the last name or address was read; 0 before the first.
    pub(crate) fn last(&self) -> usize {
        self.last
    }

    /// The next pair of `body`, which is what was read before and maybe more.
    #[inline]
    pub(crate) fn next<'a>(&mut self, body: &'a [u8]) -> Option<(&'a [u8], IpAddr)> {
        while !self.is_over() {
            let rest = body.get(self.at..)?;
            let tag = &rest[near(b'<', rest)? + 1..];
            // As long as what is told from others.
            tag.get(..TAG_BYTES)?;
            let after = match tag[0] {
                b'd' if tag.starts_with(b"domain ") => {
                    let attributes = &tag[b"domain ".len()..];
                    let end = near(b'>', attributes)?;
                    self.last = body.len() - attributes.len();
                    self.names -= 1;
                    let name = name_attribute(&attributes[..end]);
                    let name = name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
                    self.name = name.map(|name| {
                        let start = body.len() - tag.len() + (name.as_ptr().addr() - tag.as_ptr().addr());
                        start..start + name.len()
                    });
                    &attributes[end..]
                }
                b'i' if tag.starts_with(b"ip>") || tag.starts_with(b"ipv6>") => {
                    let text = tag[if tag[2] == b'>' { 3 } else { 5 }..].trim_ascii_start();
                    let (address, rest) = address(text).map_or((None, text), |(one, rest)| (Some(one), rest));
                    let rest = rest.trim_ascii_start();
                    let end = if rest.first() == Some(&b'<') { 0 } else { near(b'<', rest)? };
                    self.last = if address.is_some() { body.len() - rest.len() } else { self.last };
                    if let (Some(address), Some(name), 0) = (address, &self.name, end) {
                        // Its closing tag is passed at once.
                        let (passed, tags) = if rest.starts_with(b"</ip") { (4, 2) } else { (0, 1) };
                        self.at = body.len() - rest.len() + passed;
                        (self.tags, self.pairs) = (self.tags.saturating_sub(tags), self.pairs - 1);
                        return Some((body.get(name.clone())?, address));
                    }
                    &rest[end..]
                }
                first => {
                    if first == b'/' && tag.starts_with(b"/domain>") {
                        self.name = None;
                    }
                    tag
                }
            };
            (self.at, self.tags) = (body.len() - after.len(), self.tags - 1);
        }
        None
    }
}

/// Bytes of the longest tag that is told from others, `/domain>`.
const TAG_BYTES: usize = 8;

/// Where the byte stands; most often within a few steps of eight bytes, which a search for long ones would take longer to set out on.
#[inline]
fn near(byte: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut rest = bytes;
    for _ in 0..NEAR {
        let Some((eight, behind)) = rest.split_first_chunk() else { break };
        let other = u64::from_le_bytes(*eight) ^ (ONES * u64::from(byte));
        // The lowest byte of which the highest bit is set here is one without a difference.
        let same = other.wrapping_sub(ONES) & !other & ONES << 7;
        if same != 0 {
            return Some(bytes.len() - rest.len() + same.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    memchr::memchr(byte, rest).map(|at| bytes.len() - rest.len() + at)
}

const NEAR: usize = 5;

/// The address that a text begins with, and what follows it. A colon within five bytes is what every IPv6 address has.
fn address(text: &[u8]) -> Option<(IpAddr, &[u8])> {
    if text.iter().take(5).any(|byte| *byte == b':') {
        v6(text).map(|(groups, rest)| (IpAddr::V6(groups.into()), rest))
    } else {
        dotted_quad(text).map(|(v4, rest)| (v4.into(), rest))
    }
}

/// Of each byte what it stands for as a digit; 255 for none.
const DIGITS: [u8; 256] = {
    let (mut digits, mut byte) = ([255; 256], 0);
    while byte < 256 {
        if let Some(digit) = (byte as u8 as char).to_digit(16) {
            digits[byte] = digit as u8;
        }
        byte += 1;
    }
    digits
};

/// What the standard library's parser takes for an IPv6 address, in a fraction of its time: up to eight groups of one to four digits, a `::`
/// for what is left out, the last two groups as numbers with dots.
fn v6(text: &[u8]) -> Option<([u16; 8], &[u8])> {
    let (mut groups, mut count, mut gap) = ([0u16; 8], 0, None);
    // The group that is being read, and where it begins.
    let (mut group, mut start) = (0u32, 0);
    let text_end = text.len().min(V6_BYTES);
    let mut end = text_end;
    for (at, byte) in text[..text_end].iter().enumerate() {
        let digit = DIGITS[usize::from(*byte)];
        if digit < 16 {
            group = group << 4 | u32::from(digit);
            continue;
        }
        if *byte != b':' {
            end = at;
            break;
        }
        match at - start {
            0 if at == 0 && text.get(1) == Some(&b':') => {}
            0 if at > 0 && gap.is_none() => gap = Some(count),
            1..5 => {
                *groups.get_mut(count)? = group as u16;
                count += 1;
            }
            _ => return None,
        }
        (group, start) = (0, at + 1);
    }
    let mut rest = &text[end..];
    match end - start {
        _ if rest.first() == Some(&b'.') => {
            let (quad, behind) = dotted_quad(&text[start..])?;
            let quad = u32::from_be_bytes(quad);
            groups.get_mut(count..count + 2)?.copy_from_slice(&[(quad >> 16) as u16, quad as u16]);
            (count, rest) = (count + 2, behind);
        }
        0 if gap == Some(count) => {}
        1..5 => {
            *groups.get_mut(count)? = group as u16;
            count += 1;
        }
        _ => return None,
    }
    match gap {
        None => (count == 8).then_some((groups, rest)),
        Some(at) => (count < 8).then(|| {
            // What stands behind the gap moves to the end.
            for moved in 1..=count - at {
                groups.swap(count - moved, 8 - moved);
            }
            (groups, rest)
        }),
    }
}

/// The longest text of one, `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const V6_BYTES: usize = 45;

/// Four numbers with dots between them.
fn dotted_quad(text: &[u8]) -> Option<([u8; 4], &[u8])> {
    let (one, rest) = number(text)?;
    let (two, rest) = number(rest.strip_prefix(b".")?)?;
    let (three, rest) = number(rest.strip_prefix(b".")?)?;
    let (four, rest) = number(rest.strip_prefix(b".")?)?;
    let is_over = !matches!(rest, [b'0'..=b'9' | b'.', ..]);
    is_over.then_some(([one, two, three, four], rest))
}

/// A number of one to three digits, of which the first is 0 of no other.
#[inline]
fn number(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |at: usize| text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
    let one = digit(0)?;
    let Some(two) = digit(1) else { return Some((one, &text[1..])) };
    if one == 0 {
        return None;
    }
    let Some(three) = digit(2) else { return Some((one * 10 + two, &text[2..])) };
    let all = u16::from(one) * 100 + u16::from(two * 10 + three);
    Some((u8::try_from(all).ok()?, &text[3..]))
}

fn name_attribute(attributes: &[u8]) -> Option<&[u8]> {
    let name = b"name=\"";
    let value = match attributes.strip_prefix(name) {
        Some(value) => value,
        None => attributes.get(memchr::memmem::find(attributes, name)? + name.len()..)?,
    };
    value.get(..near(b'"', value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const LIST: &[u8] = b"<dns><retcode>0</retcode><domainlist><domain name=\"a.example.net\" timeout=\"1800\">\
        <ip>192.0.2.1</ip><ip>nonsense</ip><ip>192.0.2.2</ip></domain><domain name=\"b.example.net\">\
        <ipv6>2001:db8::1</ipv6></domain></domainlist><builtiniplist><ip>192.0.2.9</ip></builtiniplist></dns>";

    #[test]
    fn names_go_with_their_addresses() {
        let found: Vec<_> = pairs(LIST).collect();
        let wanted: [(&[u8], IpAddr); 3] = [
            (b"a.example.net", "192.0.2.1".parse().unwrap()),
            (b"a.example.net", "192.0.2.2".parse().unwrap()),
            (b"b.example.net", "2001:db8::1".parse().unwrap()),
        ];
        assert_eq!(found, wanted, "addresses outside a domain stand for no name");
        assert!(is_list(LIST));
        assert!(!is_list(b"<html><body>dns</body></html>"));
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        let seeds =
            ["1:2:3:4:5:6:7:8", "::", "::1", "1::", "fe80::1:2", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"]
                .into_iter()
                .chain([
                    "::ffff:192.0.2.1",
                    "1:2:3:4:5:6:9.8.7.6",
                    "1:2:3:4:5:6:7:9.8.7.6",
                    "ABCD:ef01::1.2.3.4::",
                ])
                .chain([
                    "192.0.2.1",
                    "0.0.0.0",
                    "01.2.3.4",
                    "1.2.3",
                    "256.1.1.1",
                    "12345::",
                    "1:::2",
                    ":1",
                    "1:",
                    "",
                ]);
        let check = |text: &[u8]| {
            let wanted = core::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            let found = address(text).and_then(|(one, rest)| rest.is_empty().then_some(one));
            assert_eq!(found, wanted, "{}", text.escape_ascii());
        };
        for seed in seeds.map(str::as_bytes) {
            check(seed);
            for at in 0..=seed.len() {
                check(&seed[..at]);
                check(&seed[at..]);
                for byte in *b":.0f9g \xc3" {
                    check(&[&seed[..at], &[byte], &seed[at..]].concat());
                    check(&[&seed[..at], &[byte], seed.get(at + 1..).unwrap_or_default()].concat());
                }
            }
        }
    }

    #[test]
    fn a_list_that_comes_in_pieces_says_the_same() {
        let all: Vec<_> = pairs(LIST).collect();
        for bytes in 1..LIST.len() {
            let (mut reader, mut found) = (Reader::default(), Vec::new());
            for end in (bytes..LIST.len()).step_by(bytes).chain([LIST.len()]) {
                found.extend(core::iter::from_fn(|| reader.next(&LIST[..end])));
            }
            assert_eq!(found, all, "{bytes}");
        }
    }

    #[test]
    fn names_addresses_and_tags_are_bounded() {
        let many = |element: &str| [b"<dns><domain name=\"a\">", element.repeat(2000).as_bytes()].concat();
        assert_eq!(pairs(&many("<ip>192.0.2.1</ip>")).count(), PAIRS_MAX);
        assert_eq!(pairs(&many("<domain name=\"b\"><ip>192.0.2.1</ip>")).count(), NAMES_MAX - 1);
        assert_eq!(pairs(&[many("<"), LIST.to_vec()].concat()).count(), 0);
        let long = alloc::format!("<domain name=\"{}\"><ip>192.0.2.1</ip>", "a".repeat(NAME_BYTES_MAX + 1));
        assert_eq!(pairs(long.as_bytes()).count(), 0);
        let own = [b"<builtiniplist>", "<ip>192.0.2.1</ip>".repeat(100).as_bytes()].concat();
        assert_eq!(built_in(&own).count(), BUILT_IN_MAX);
    }

    #[test]
    fn a_list_that_breaks_off_gives_what_came_before() {
        let whole = pairs(LIST).count();
        for cut in 0..LIST.len() {
            assert!(pairs(&LIST[..cut]).count() <= whole);
        }
    }
}
