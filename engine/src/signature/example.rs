//! Hits and misses: short flows written in a line.

use super::model::{Conditions, Trial};
use super::pattern::Pattern;
use crate::five_tuple::{Address, Direction};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// Reads one example; its conditions give the port and the direction it does not name itself.
pub(super) fn parse(text: &str, conditions: &Conditions) -> Result<Trial, String> {
    if let Some(name) = text.strip_prefix("name ") {
        return Ok(Trial::Name(name.trim().to_ascii_lowercase()));
    }
    if let Some(address) = text.strip_prefix("address ") {
        let ip: IpAddr = address.trim().parse().map_err(|_| format!("an IP address, found \"{address}\""))?;
        return Ok(Trial::Address(Address::from(ip)));
    }
    let (port, rest) = match text.strip_prefix("port ") {
        None => (conditions.ports.first().map_or(443, |range| *range.start()), text),
        Some(rest) => {
            let wrong = || format!("a port and a colon, found \"{rest}\"");
            let (port, rest) = rest.split_once(':').ok_or_else(wrong)?;
            (port.trim().parse().map_err(|_| wrong())?, rest)
        }
    };
    let first = conditions.direction.unwrap_or(Direction::Originator);
    let mut packets = Vec::new();
    for (direction, bytes) in split(rest, first) {
        if bytes.trim().is_empty() {
            continue;
        }
        let pattern = Pattern::parse(bytes, 0)?;
        let bytes = pattern.literal().ok_or_else(|| String::from("plain bytes and text in an example"))?;
        packets.push((direction, bytes));
    }
    if packets.is_empty() {
        return Err(String::from("bytes, \"name HOST\" or \"address IP\""));
    }
    Ok(Trial::Packets { port, packets })
}

/// Cuts at `>` and `<` outside quotes.
fn split(text: &str, first: Direction) -> Vec<(Direction, &str)> {
    let (mut parts, mut begin, mut direction) = (Vec::new(), 0, first);
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' | b'<' if !quoted => {
                parts.push((direction, &text[begin..index]));
                direction = if byte == b'>' { Direction::Originator } else { Direction::Responder };
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push((direction, &text[begin..]));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(text: &str) -> (u16, Vec<(Direction, Vec<u8>)>) {
        match parse(text, &Conditions::default()).unwrap() {
            Trial::Packets { port, packets } => (port, packets),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flows_are_written_in_a_line() {
        use Direction::{Originator, Responder};
        let (port, both) = packets("port 3478: > \"a>\\\"<\" < 01*2 > ff");
        assert_eq!(port, 3478);
        let expected: [(Direction, &[u8]); 3] =
            [(Originator, b"a>\"<"), (Responder, &[1, 1]), (Originator, &[0xff])];
        assert_eq!(both.len(), 3);
        for (found, expected) in both.iter().zip(expected) {
            assert_eq!((found.0, &found.1[..]), expected);
        }
        assert_eq!(packets("00").0, 443);
    }

    #[test]
    fn names_addresses_and_nonsense() {
        let none = Conditions::default();
        assert!(
            matches!(parse("name G.Example.NET", &none), Ok(Trial::Name(name)) if name == "g.example.net")
        );
        assert!(matches!(parse("address 192.0.2.1", &none), Ok(Trial::Address(_))));
        for text in ["", "> <", "?? 01", "port x: 01", "address no"] {
            assert!(parse(text, &none).is_err(), "{text}");
        }
    }
}
