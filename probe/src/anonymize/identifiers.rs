//! What stands for a person in payloads: data, read from `data/identifiers.toml`.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;
use serde::Deserialize;

/// The file, as it is in the source.
const EMBEDDED: &str = include_str!("../../data/identifiers.toml");
/// Shortest run of readable signs that is taken for text.
const TEXT_MIN: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Http,
    text: Text,
    identifier: Vec<Row>,
}

/// Of HTTP heads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// Fields whose names stay, in lower case.
    pub(super) names: Vec<String>,
    /// Fields whose values stay, too, where the flow has a verdict.
    pub(super) fields: Vec<String>,
    /// Fields whose values stay where the verdict needs them.
    pub(super) looked_at: Vec<String>,
    /// Fields with a host name.
    pub(super) hosts: Vec<String>,
    /// Fields with a URL.
    pub(super) urls: Vec<String>,
    /// Parameters of URLs whose values stay.
    pub(super) parameters: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    plain: Vec<String>,
    suffixes: Vec<String>,
    protocols: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    why: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    source: String,
    within: Within,
    pattern: String,
}

/// Where a pattern is looked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Within {
    /// Everywhere.
    Payload,
    /// In text that stays readable.
    Text,
    /// In host names.
    Name,
}

/// The patterns, ready to look with.
#[derive(Debug)]
pub(super) struct Identifiers {
    pub(super) http: Http,
    /// Ends of host names that tell nobody's name.
    pub(super) suffixes: Vec<String>,
    /// Protocols that TLS's hellos name.
    pub(super) protocols: Vec<String>,
    /// Words of protocols, in any case.
    plain: AhoCorasick,
    patterns: Vec<(Within, Regex)>,
}

/// Made when they are first asked for.
static IDENTIFIERS: LazyLock<Result<Identifiers, String>> = LazyLock::new(Identifiers::read);

impl Identifiers {
    /// The embedded ones.
    ///
    /// # Errors
    /// None in a build whose tests pass.
    pub(super) fn embedded() -> Result<&'static Self, String> {
        IDENTIFIERS.as_ref().map_err(Clone::clone)
    }

    fn read() -> Result<Self, String> {
        let file: File = toml::from_str(EMBEDDED).map_err(|error| error.to_string())?;
        let compiled = |row: Row| {
            let pattern = Regex::new(&row.pattern).map_err(|error| format!("{}: {error}", row.name))?;
            Ok((row.within, pattern))
        };
        let patterns: Result<_, String> = file.identifier.into_iter().map(compiled).collect();
        let Text { plain, suffixes, protocols } = file.text;
        let plain = AhoCorasick::builder().ascii_case_insensitive(true).build(plain);
        let plain = plain.map_err(|error| error.to_string())?;
        Ok(Self { http: file.http, suffixes, protocols, plain, patterns: patterns? })
    }

    /// The places of identifiers.
    pub(super) fn find<'t>(
        &'t self,
        within: Within,
        bytes: &'t [u8],
    ) -> impl Iterator<Item = Range<usize>> + 't {
        self.patterns
            .iter()
            .filter(move |(place, _)| *place == within)
            .flat_map(move |(_, pattern)| pattern.captures_iter(bytes))
            .flat_map(|found| {
                let groups: Vec<_> = found.iter().skip(1).flatten().map(|group| group.range()).collect();
                groups
            })
    }

    /// The bytes with their identifiers blanked.
    pub(super) fn blanked(&self, within: Within, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for range in self.find(within, bytes) {
            out.get_mut(range).unwrap_or_default().iter_mut().for_each(|byte| *byte = blank(*byte));
        }
        out
    }

    /// The bytes with all letters and digits of texts blanked but for words of protocols. What is text from one end to the other is blanked
    /// whatever its letters.
    pub(super) fn textless(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let readable = |byte: &u8| (b' '..0x7f).contains(byte);
        let ends_within_letter = |bytes: &[u8]| match str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        };
        let all_text = bytes.len() >= TEXT_MIN
            && ends_within_letter(bytes)
            && bytes.iter().all(|byte| readable(byte) || *byte >= 0x80 || b"\t\r\n".contains(byte));
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let run = rest.iter().take_while(|byte| readable(byte) || all_text && **byte >= 0x80).count();
            if run >= TEXT_MIN || all_text && run > 0 {
                let range = at..at + run;
                out.get_mut(range).unwrap_or_default().iter_mut().for_each(|byte| {
                    *byte = match *byte {
                        0x80.. => b'x',
                        letter if letter.is_ascii_alphanumeric() => blank(letter),
                        sign => sign,
                    };
                });
            }
            at += run.max(1);
        }
        for range in self.plain_places(bytes) {
            if let (Some(to), Some(from)) = (out.get_mut(range.clone()), bytes.get(range)) {
                to.copy_from_slice(from);
            }
        }
        out
    }

    /// Where words of protocols stand.
    pub(super) fn plain_places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.plain.find_overlapping_iter(bytes).map(|found| found.range()).collect()
    }
}

/// What becomes of one byte.
pub(super) fn blank(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b' '..0x7f => b'x',
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(within: Within, bytes: &[u8]) -> Vec<u8> {
        Identifiers::embedded().unwrap().blanked(within, bytes)
    }

    #[test]
    fn every_pattern_has_a_group() {
        let identifiers = Identifiers::embedded().unwrap_or_else(|error| panic!("{error}"));
        assert!(identifiers.patterns.iter().all(|(_, pattern)| pattern.captures_len() > 1));
    }

    #[test]
    fn account_numbers_in_their_frames() {
        assert_eq!(blanked(Within::Payload, b"/dns?uin=1234567890&net=1"), b"/dns?uin=0000000000&net=1");
        let longlink =
            [&[0, 0, 0, 60, 0, 0x10, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9][..], &[0xbf, 0xbe, 0x5f, 1, 2, 3, 4]];
        let message = [longlink.concat(), vec![9, 8, 7, 6], vec![5; 20]].concat();
        let expected = [longlink.concat(), vec![0; 4], vec![5; 20]].concat();
        assert_eq!(blanked(Within::Payload, &message), expected);
        let media = [&[0xab, 0, 0, 0, 0x37, 0x4e, 0x20][..], &[0x80, 8, 7, 6], &[0; 10]].concat();
        assert_eq!(blanked(Within::Payload, &media)[7..11], [0; 4]);
        assert_eq!(
            blanked(Within::Payload, b"\0\0\0\x09weixinnum\0\0\0\x0a1234567890"),
            b"\0\0\0\x09weixinnum\0\0\0\x0a0000000000"
        );
        let chat = b"\0\0\x0c\xf8\x06\x0c\x56\xbf\xfc\x0c391234567890";
        let out = blanked(Within::Payload, chat);
        assert!(out.starts_with(&chat[..6]) && out.ends_with(b"000000000000"), "{out:?}");
    }

    #[test]
    fn people_in_text() {
        assert_eq!(blanked(Within::Text, b"a.b@example.net, ok"), b"xxxxxxxxxxxxxxx, ok");
        assert_eq!(blanked(Within::Text, b"tel +41 79 000-11-22"), b"tel +00x00x000x00x00");
        assert_eq!(
            blanked(Within::Text, b"Mozilla/5.0 (Android 12; rv:91.0)"),
            b"Mozilla/5.0 (Android 12; rv:91.0)"
        );
        assert_eq!(blanked(Within::Name, b"host-192-0-2-77.example.net"), b"host-000x0x0x00.example.net");
        assert_eq!(blanked(Within::Name, b"1.2.0.192.in-addr.arpa"), b"0x0x0x000.in-addr.arpa");
        assert_eq!(blanked(Within::Name, b"cdn1.example.net"), b"cdn1.example.net");
    }

    #[test]
    fn text_goes_and_numbers_stay() {
        let textless = |bytes: &[u8]| Identifiers::embedded().unwrap().textless(bytes);
        assert_eq!(textless(b"USER alice\r\n"), b"xxxx xxxxx\r\n");
        assert_eq!(textless(b"\xde\xad\xbe\xef secret 12"), b"\xde\xad\xbe\xef xxxxxx 00");
        assert_eq!(textless(b"\x57\x41\x05\x02\0\0\xee"), b"\x57\x41\x05\x02\0\0\xee");
        assert_eq!(textless(b"health"), b"health");
        assert_eq!(textless(b"OK"), b"OK");
        assert_eq!(textless("wer da\u{df}".as_bytes()), b"xxx xxxx");
    }
}
