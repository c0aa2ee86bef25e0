//! Look-up lists sent over HTTP: XML with names and the addresses they stand for.
//!
//! ```text
//! <dns>.. <domain name="a.example.net" timeout="1800"><ip>192.0.2.1</ip><ip>..</ip></domain> ..</dns>
//! ```
//!
//! (MATAdOR, listing of DNS over HTTP: one `domain` element a name, each with `ip` children; later years add `ipv6`.)
//! Nothing else of XML is understood; a list that breaks off gives what stands before the break.

use core::net::IpAddr;

/// Most (name, address) pairs of one list.
pub const PAIRS_MAX: usize = 1024;

/// Whether a body is such a list.
pub fn is_list(body: &[u8]) -> bool {
    let start = body.get(..256).unwrap_or(body);
    memchr::memmem::find(start, b"<dns>").is_some()
}

/// The names and their addresses, in order; at most [`PAIRS_MAX`].
pub fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], IpAddr)> {
    Pairs { rest: body, name: &[] }.take(PAIRS_MAX)
}

struct Pairs<'a> {
    rest: &'a [u8],
    name: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], IpAddr);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = memchr::memchr(b'<', self.rest)?;
            let tag = self.rest.get(open + 1..)?;
            if let Some(attributes) = tag.strip_prefix(b"domain ") {
                let end = memchr::memchr(b'>', attributes)?;
                self.name = name_attribute(&attributes[..end]).unwrap_or(&[]);
                self.rest = &attributes[end..];
            } else if let Some(text) = tag.strip_prefix(b"ip>").or(tag.strip_prefix(b"ipv6>")) {
                let end = memchr::memchr(b'<', text)?;
                self.rest = &text[end..];
                let address =
                    core::str::from_utf8(&text[..end]).ok().and_then(|text| text.trim().parse().ok());
                if let Some(address) = address.filter(|_| !self.name.is_empty()) {
                    return Some((self.name, address));
                }
            } else {
                if tag.starts_with(b"/domain>") {
                    self.name = &[];
                }
                self.rest = tag;
            }
        }
    }
}

fn name_attribute(attributes: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(attributes, b"name=\"")? + b"name=\"".len();
    let value = attributes.get(at..)?;
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
