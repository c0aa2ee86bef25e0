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

/// Most (name, address) pairs of one list. A list as servers send it has some 300 in the 32 KB that are inflated at most.
pub const PAIRS_MAX: usize = 512;

/// Whether a body is such a list.
pub fn is_list(body: &[u8]) -> bool {
    let start = body.get(..256).unwrap_or(body);
    memchr::memmem::find(start, b"<dns>").is_some()
}

/// The names and their addresses, in order; at most [`PAIRS_MAX`].
pub fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], IpAddr)> {
    Pairs { rest: body, name: &[] }.take(PAIRS_MAX)
}

/// The addresses under `builtiniplist`, which have no name; at most [`PAIRS_MAX`].
pub fn built_in(body: &[u8]) -> impl Iterator<Item = IpAddr> {
    let open = b"<builtiniplist>";
    let list = memchr::memmem::find(body, open).map_or(&[][..], |at| &body[at + open.len()..]);
    let list = memchr::memmem::find(list, b"</builtiniplist>").map_or(list, |end| &list[..end]);
    Pairs { rest: list, name: b"-" }.map(|(_, address)| address).take(PAIRS_MAX)
}

struct Pairs<'a> {
    rest: &'a [u8],
    name: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], IpAddr);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = near(b'<', self.rest)?;
            let tag = self.rest.get(open + 1..)?;
            match tag.first() {
                Some(b'd') if tag.starts_with(b"domain ") => {
                    let attributes = &tag[b"domain ".len()..];
                    let end = memchr::memchr(b'>', attributes)?;
                    self.name = name_attribute(&attributes[..end]).unwrap_or(&[]);
                    self.rest = &attributes[end..];
                }
                Some(b'i') if tag.starts_with(b"ip>") || tag.starts_with(b"ipv6>") => {
                    let text = &tag[if tag[2] == b'>' { 3 } else { 5 }..];
                    let end = memchr::memchr(b'<', text)?;
                    self.rest = &text[end..];
                    if let Some(address) = address(text[..end].trim_ascii()).filter(|_| !self.name.is_empty())
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
    // Without a colon it may only be what is refused above, such as a number with a zero in front.
    let may_be_v6 = near(b':', text).is_some();
    may_be_v6.then(|| core::str::from_utf8(text).ok()?.parse().ok().map(IpAddr::V6)).flatten()
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
    fn a_list_that_breaks_off_gives_what_came_before() {
        let whole = pairs(LIST).count();
        for cut in 0..LIST.len() {
            assert!(pairs(&LIST[..cut]).count() <= whole);
        }
    }
}
