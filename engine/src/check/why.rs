//! Why an example does not hit: the first condition that fails, and at which byte.

use crate::five_tuple::{Direction, Transport};
use crate::signature::Signature;
use crate::signature::pattern::{Match, Pattern};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// In words, for packets to a responder's `port`.
pub(super) fn why(row: &Signature, port: u16, packets: &[(Direction, Vec<u8>)]) -> String {
    let asked = &row.conditions;
    // A direction is not asked for: no SYN shows who opened an example's flow.
    let mine: Vec<&[u8]> = packets.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let Some(last) = mine.last() else { return "it has no packet".into() };
    if !asked.ports.is_empty() && !asked.ports.iter().any(|range| range.contains(&port)) {
        return format!("port: {port} is none of them");
    }
    let lengths = || mine.iter().map(|bytes| bytes.len().to_string()).collect::<Vec<_>>().join(", ");
    let fits = |bytes: &&&[u8]| {
        asked
            .length
            .iter()
            .any(|range| u16::try_from(bytes.len()).is_ok_and(|length| range.contains(&length)))
    };
    if !asked.length.is_empty() && !mine.iter().any(|bytes| fits(&bytes)) {
        return format!("length: {} bytes are none of them", lengths());
    }
    // A stream's start is put together from its segments; datagrams and single segments stand for themselves.
    let is_stream = asked.transport == Some(Transport::Tcp) && !asked.any_segment;
    let joined = [Direction::Originator, Direction::Responder].map(|way| {
        packets
            .iter()
            .filter(|(of, _)| *of == way)
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect::<Vec<u8>>()
    });
    let streams = || joined.iter().map(Vec::as_slice).filter(|bytes| !bytes.is_empty()).collect();
    let candidates: Vec<&[u8]> = if is_stream { streams() } else { mine.clone() };
    if let Some(prefix) = &asked.prefix
        && !candidates.iter().any(|bytes| prefix.matches(bytes) == Match::Yes)
    {
        let bytes = candidates.iter().copied().max_by_key(|bytes| fits_up_to(prefix, bytes)).unwrap_or(last);
        return prefix_fails(prefix, bytes);
    }
    let holds =
        |bytes: &&&[u8]| bytes.windows(asked.contains.len().max(1)).any(|part| part == asked.contains);
    if !asked.contains.is_empty() && !mine.iter().any(|bytes| holds(&bytes)) {
        return "contains: the bytes stand nowhere in it".into();
    }
    for (number, equation) in (1..).zip(&asked.equations) {
        if !candidates.iter().any(|bytes| equation.matches(bytes, last.len()) == Match::Yes) {
            return format!("equation {number} does not hold");
        }
    }
    let rest = [
        ("http", asked.http.is_some()),
        ("stun", asked.stun.is_some()),
        ("rtp", asked.rtp.is_some()),
        ("protobuf", asked.protobuf.is_some()),
        ("ordinal, moves, unlike or one_sided", asked.asks_for_history),
        ("after", !asked.after.is_empty()),
        ("reverse", asked.reverse.is_some()),
        ("every", asked.every.is_some()),
        ("unless", !asked.unless.is_empty()),
    ];
    let rest: Vec<&str> = rest.iter().filter(|(_, has)| *has).map(|(word, _)| *word).collect();
    if rest.is_empty() {
        "another row comes before it".into()
    } else {
        format!("{}: does not hold", rest.join(", "))
    }
}

/// How many bytes fit the pattern.
fn fits_up_to(pattern: &Pattern, bytes: &[u8]) -> usize {
    (1..=bytes.len()).find(|n| pattern.matches(&bytes[..*n]) == Match::No).map_or(bytes.len(), |n| n - 1)
}

fn prefix_fails(prefix: &Pattern, bytes: &[u8]) -> String {
    let fit = fits_up_to(prefix, bytes);
    match bytes.get(fit) {
        Some(byte) => format!("prefix: byte {fit} is {byte:02x}"),
        None => format!("prefix: the bytes end at {fit} before the pattern does"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Classifier, Options, SignatureSet, Source, check};
    use alloc::format;
    use alloc::string::{String, ToString};

    /// What `check` says of one hit of a row with these conditions.
    fn said(conditions: &str, hit: &str) -> String {
        let text = format!(
            "[app]\nid = 9\nname = \"example\"\nroles = [\"a\"]\n\n[[signature]]\nid = 901\nname = \"x\"\nrole = \"a\"\n\
             why = \"y\"\nsource = \"z\"\n{conditions}\nhit = [\"{hit}\"]\nmiss = [\"00\"]\n"
        );
        let set = SignatureSet::load(&[Source { file: "x.toml", text: &text }]).unwrap();
        let failures = check(&Classifier::new(set, Options::default()));
        assert_eq!(failures.len(), 1, "{conditions}");
        failures[0].problem.to_string()
    }

    #[test]
    fn the_byte_or_the_condition_is_named() {
        for (conditions, hit, wanted) in [
            ("transport = \"udp\"\nprefix = \"de ad be ef\"", "de ad bb ef", "prefix: byte 2 is bb"),
            ("transport = \"tcp\"\nprefix = \"de ad (01-03)\"", "de ad 04 00", "prefix: byte 2 is 04"),
            ("transport = \"tcp\"\nprefix = \"de ad be\"", "de ad", "the bytes end at 2"),
            (
                "transport = \"udp\"\nprefix = \"de\"\nlength = [4]",
                "de ad be",
                "length: 3 bytes are none of them",
            ),
            ("transport = \"udp\"\nprefix = \"de\"\nport = [53]", "port 54: de", "port: 54 is none of them"),
            ("transport = \"udp\"\nprefix = \"de\"\ncontains = \"ff fe\"", "de fe ff", "contains"),
            (
                "transport = \"udp\"\nprefix = \"de\"\nequation = \"u8@1 = length\"",
                "de 05",
                "equation 1 does not hold",
            ),
        ] {
            let said = said(conditions, hit);
            assert!(
                said.starts_with("this hit does not match: ") && said.contains(wanted),
                "{conditions}: {said}"
            );
        }
    }
}
