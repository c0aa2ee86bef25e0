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

use core::net::{IpAddr, Ipv4Addr};

/// Most (name, address) pairs of one list. The longest that was seen, 18 KB, has 166, of 77 names of at most 27 bytes.
pub const PAIRS_MAX: usize = 256;
/// Most addresses without a name; that one has 4.
const BUILT_IN_MAX: usize = 64;
/// Most names, their bytes, and most tags that are looked at; that list has 857.
const NAMES_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 64;
const TAGS_MAX: usize = 1300;

/// Whether a body is such a list.
pub fn is_list(body: &[u8]) -> bool {
    let start = body.get(..256).unwrap_or(body);
    memchr::memmem::find(start, b"<dns>").is_some()
}

/// The names and their addresses, in order; at most [`PAIRS_MAX`], of 128 names of at most 64 bytes.
pub fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], IpAddr)> {
    Pairs::of(body, &[]).take(PAIRS_MAX)
}

/// The addresses under `builtiniplist`, which have no name; at most 64.
pub fn built_in(body: &[u8]) -> impl Iterator<Item = IpAddr> {
    let open = b"<builtiniplist>";
    let list = memchr::memmem::find(body, open).map_or(&[][..], |at| &body[at + open.len()..]);
    let list = memchr::memmem::find(list, b"</builtiniplist>").map_or(list, |end| &list[..end]);
    Pairs::of(list, b"-").map(|(_, address)| address).take(BUILT_IN_MAX)
}

struct Pairs<'a> {
    rest: &'a [u8],
    name: &'a [u8],
    /// Names and tags that are still to be looked at.
    names: usize,
    tags: usize,
}

impl<'a> Pairs<'a> {
    fn of(rest: &'a [u8], name: &'a [u8]) -> Self {
        Self { rest, name, names: NAMES_MAX, tags: TAGS_MAX }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], IpAddr);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = near(b'<', self.rest)?;
            self.tags = self.tags.checked_sub(1)?;
            let tag = self.rest.get(open + 1..)?;
            match tag.first() {
                Some(b'd') if tag.starts_with(b"domain ") => {
                    let attributes = &tag[b"domain ".len()..];
                    let end = memchr::memchr(b'>', attributes)?;
                    self.names = self.names.checked_sub(1)?;
                    let name = name_attribute(&attributes[..end]);
                    self.name = name.filter(|name| name.len() <= NAME_BYTES_MAX).unwrap_or(&[]);
                    self.rest = &attributes[end..];
                }
                Some(b'i') if tag.starts_with(b"ip>") || tag.starts_with(b"ipv6>") => {
                    let text = &tag[if tag[2] == b'>' { 3 } else { 5 }..];
                    let end = near(b'<', text)?;
                    self.rest = &text[end..];
                    if !self.name.is_empty()
                        && let Some(address) = address(text[..end].trim_ascii())
                    {
                        return Some((self.name, address));
                    }
                }
                first => {
                    if first == Some(&b'/') && tag.starts_with(b"/domain>") {
                        self.name = &[];
                    }
                    self.rest = tag;
                }
            }
        }
    }
}

/// Where the byte stands; most often within a few steps, which a search for long ones would take longer to set out on.
#[inline]
fn near(byte: u8, bytes: &[u8]) -> Option<usize> {
    let within = &bytes[..bytes.len().min(NEAR)];
    match within.iter().position(|one| *one == byte) {
        None if bytes.len() > NEAR => memchr::memchr(byte, &bytes[NEAR..]).map(|at| NEAR + at),
        found => found,
    }
}

const NEAR: usize = 12;

fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(v4) = dotted_quad(text) {
        return Some(v4.into());
    }
    v6(text).map(|groups| IpAddr::V6(groups.into()))
}

/// What the standard library's parser takes for an IPv6 address, in a third of its time: up to eight groups of one to four digits, a `::`
/// for what is left out, the last two groups as numbers with dots.
fn v6(mut text: &[u8]) -> Option<[u16; 8]> {
    let (mut groups, mut count, mut gap) = ([0u16; 8], 0, None);
    if let Some(rest) = text.strip_prefix(b"::") {
        (gap, text) = (Some(0), rest);
    }
    while !text.is_empty() {
        let (mut group, mut digits) = (0, 0);
        while let Some(digit) = text.get(digits).and_then(|byte| char::from(*byte).to_digit(16)) {
            (group, digits) = (group << 4 | digit, digits + 1);
            if digits > 4 {
                return None;
            }
        }
        if text.get(digits) == Some(&b'.') {
            let quad = u32::from(Ipv4Addr::from(dotted_quad(text)?));
            groups.get_mut(count..count + 2)?.copy_from_slice(&[(quad >> 16) as u16, quad as u16]);
            count += 2;
            break;
        }
        if digits == 0 {
            return None;
        }
        *groups.get_mut(count)? = group as u16;
        count += 1;
        text = match &text[digits..] {
            [] => break,
            [b':', b':', rest @ ..] if gap.is_none() => {
                gap = Some(count);
                rest
            }
            [b':', rest @ ..] if !rest.is_empty() => rest,
            _ => return None,
        };
    }
    match gap {
        None => (count == 8).then_some(groups),
        Some(at) => (count < 8).then(|| {
            groups[at..].rotate_right(8 - count);
            groups
        }),
    }
}

/// Nearly all of them: four numbers of one to three digits. The standard library's parser takes five times as long.
fn dotted_quad(text: &[u8]) -> Option<[u8; 4]> {
    let (mut octets, mut at, mut number, mut digits) = ([0u8; 4], 0, 0u16, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits < 3 && !(digits == 1 && number == 0) => {
                number = number * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                octets[at] = u8::try_from(number).ok()?;
                (at, number, digits) = (at + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[at] = u8::try_from(number).ok()?;
    (at == 3 && digits > 0).then_some(octets)
}

fn name_attribute(attributes: &[u8]) -> Option<&[u8]> {
    let name = b"name=\"";
    let value = match attributes.strip_prefix(name) {
        Some(value) => value,
        None => attributes.get(memchr::memmem::find(attributes, name)? + name.len()..)?,
    };
    value.get(..memchr::memchr(b'"', value)?)
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
            assert_eq!(address(text), wanted, "{}", text.escape_ascii());
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
