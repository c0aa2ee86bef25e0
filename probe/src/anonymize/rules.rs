//! What the parts of a payload are replaced by: one place that knows addresses, names and identifiers.

use std::collections::HashSet;
use std::net::IpAddr;

use aho_corasick::{AhoCorasick, MatchKind};
use wiremark::dissect::dns::is_private_suffix;
use wiremark::{Carrier, Classifier};

use super::addresses::Addresses;
use super::headers::octets;
use super::identifiers::{Identifiers, Within, blank};

/// What [`Key::draw`](super::key::Key::draw) is used for.
const NAME: u8 = 1;

/// Bytes kept of payloads in no known format, where the flow's verdict needs them: as far as signatures look.
const NEEDED_BYTES: usize = 64;
/// The same at the start of every segment: signatures for connections picked up midway look no further.
pub(super) const SEGMENT_BYTES: usize = 32;

/// Longest last label that stays unknown.
const SUFFIX_BYTES: usize = 3;
/// Labels of a service's transport (RFC 6763, 4.1.2).
const TRANSPORTS: [&[u8]; 2] = [b"_tcp", b"_udp"];

/// Everything that payloads are rewritten by.
pub(super) struct Rules<'c> {
    pub(super) classifier: &'c Classifier,
    pub(super) identifiers: &'static Identifiers,
    pub(super) addresses: Addresses,
    /// Bytes kept of payloads in no known format.
    pub(super) keep_bytes: usize,
    /// Whether names of no known app get pseudonyms.
    pub(super) names: bool,
    originals: Originals,
}

/// The addresses of the input's headers in the forms in which a payload may hold them.
struct Originals {
    forms: AhoCorasick,
    /// Of each form, whether it is text.
    is_text: Vec<bool>,
}

/// How much of what would go a flow's verdict needs, as trying shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Need {
    #[default]
    Nothing,
    /// First bytes of what is not understood, and fields that signatures look at.
    Fields,
    /// First bytes, and paths.
    Paths,
    /// All of these, and whatever else stands in clear.
    All,
}

impl Need {
    /// What is tried next.
    pub(super) fn more(self) -> Self {
        match self {
            Need::Nothing => Need::Fields,
            Need::Fields => Need::Paths,
            Need::Paths | Need::All => Need::All,
        }
    }
}

impl Facts {
    /// Whether the verdict is another one without more than is understood.
    pub(super) fn is_needy(&self) -> bool {
        self.need != Need::Nothing
    }
}

/// What of a flow matters for its payload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// The flow has, or for a while had, a verdict.
    pub(super) is_decided: bool,
    /// What its verdict needs of what is not understood, or tells somebody's doings.
    pub(super) need: Need,
    /// The datagram is media, as its flow proves.
    pub(super) is_media: bool,
    /// Both ports.
    pub(super) ports: [u16; 2],
}

impl<'c> Rules<'c> {
    pub(super) fn new(
        classifier: &'c Classifier,
        addresses: Addresses,
        ips: &HashSet<IpAddr>,
        macs: &HashSet<[u8; 6]>,
    ) -> Result<Self, String> {
        Ok(Self {
            classifier,
            identifiers: Identifiers::embedded()?,
            addresses,
            keep_bytes: 0,
            names: false,
            originals: Originals::new(ips, macs)?,
        })
    }

    /// Bytes kept of a payload in no known format.
    pub(super) fn unknown_bytes(&self, facts: Facts) -> usize {
        if facts.is_needy() { self.keep_bytes.max(NEEDED_BYTES) } else { self.keep_bytes }
    }

    /// Blanks original addresses wherever they stand.
    pub(super) fn blank_originals(&self, bytes: &mut [u8]) {
        let found: Vec<_> = self.originals.forms.find_overlapping_iter(&*bytes).collect();
        for one in found {
            let is_text = self.originals.is_text.get(one.pattern().as_usize()).copied().unwrap_or(false);
            let place = bytes.get_mut(one.range()).unwrap_or_default();
            match is_text {
                true => {
                    place.iter_mut().filter(|byte| byte.is_ascii_hexdigit()).for_each(|byte| *byte = b'0')
                }
                false => place.fill(0),
            }
        }
    }

    /// Whether a name belongs to a known app.
    pub(super) fn is_known(&self, name: &[u8]) -> bool {
        let carriers = [Carrier::Dns, Carrier::Tls, Carrier::Http, Carrier::Quic];
        carriers.into_iter().any(|carrier| self.classifier.by_name(name, carrier).is_some())
    }

    /// What becomes of a host name or of an address in its place, in as many bytes, each label in as many as it had.
    pub(super) fn host(&self, name: &[u8]) -> Vec<u8> {
        let is_address = name.contains(&b':')
            || !name.is_empty() && name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if is_address {
            return name.iter().map(|byte| if byte.is_ascii_hexdigit() { b'0' } else { *byte }).collect();
        }
        if self.is_known(name) {
            return name.to_vec();
        }
        let name = self.identifiers.blanked(Within::Name, name);
        if !self.names {
            return name;
        }
        let labels: Vec<&[u8]> = name.split(|byte| *byte == b'.').collect();
        let count = labels.len() - usize::from(labels.last().is_some_and(|label| label.is_empty()));
        let label = |(at, label): (usize, &&[u8])| {
            // A name of one label is a computer's.
            let is_end = at > 0 && at + 1 >= count && self.is_suffix(label);
            if is_end { label.to_vec() } else { self.label(label) }
        };
        labels.iter().enumerate().map(label).collect::<Vec<_>>().join(&b'.')
    }

    /// The same for names in DNS, where a resolver's search suffix may stand behind a known app's name.
    pub(super) fn searched_host(&self, name: &[u8]) -> Vec<u8> {
        let mut dots = (0..name.len()).rev().filter(|at| name.get(*at) == Some(&b'.'));
        let known = dots.find_map(|dot| {
            let (front, suffix) = name.split_at(dot);
            self.is_known(front).then(|| (front, suffix.get(1..).unwrap_or_default()))
        });
        match known {
            _ if self.is_known(name) => name.to_vec(),
            Some((_, suffix)) if is_private_suffix(suffix) => name.to_vec(),
            Some((front, suffix)) => [front, b".", &self.host(suffix)].concat(),
            None => self.host(name),
        }
    }

    /// Whether a last label tells nobody's name: a top-level domain's short one, or one that is known.
    fn is_suffix(&self, label: &[u8]) -> bool {
        let is = |one: &String| label.eq_ignore_ascii_case(one.as_bytes());
        label.len() <= SUFFIX_BYTES || self.identifiers.suffixes.iter().any(is)
    }

    /// A label's pseudonym, as long as itself. Transports of services (`_tcp`) and labels of one letter tell nobody's
    /// name.
    fn label(&self, label: &[u8]) -> Vec<u8> {
        if label.len() < 2 || TRANSPORTS.iter().any(|one| label.eq_ignore_ascii_case(one)) {
            return label.to_vec();
        }
        let drawn = self.addresses.key().draw(NAME, &label.to_ascii_lowercase());
        label.iter().zip(drawn.iter().cycle()).map(|(_, byte)| b'a' + byte % 26).collect()
    }

    /// All letters and digits blanked, but for words of protocols.
    pub(super) fn masked(&self, text: &[u8]) -> Vec<u8> {
        let kept = self.identifiers.plain_places(text);
        let mut masked: Vec<u8> =
            text.iter().map(|byte| if *byte == b' ' { b' ' } else { blank(*byte) }).collect();
        for range in kept {
            if let (Some(to), Some(from)) = (masked.get_mut(range.clone()), text.get(range)) {
                to.copy_from_slice(from);
            }
        }
        masked
    }
}

impl Originals {
    fn new(ips: &HashSet<IpAddr>, macs: &HashSet<[u8; 6]>) -> Result<Self, String> {
        let raw = ips.iter().map(|ip| octets(*ip)).chain(macs.iter().map(|mac| mac.to_vec()));
        let mut forms: Vec<(Vec<u8>, bool)> = raw.map(|bytes| (bytes, false)).collect();
        forms.extend(ips.iter().map(|ip| (ip.to_string().into_bytes(), true)));
        for mac in macs {
            let digits = |sign: &str| mac.map(|byte| format!("{byte:02x}")).join(sign).into_bytes();
            forms.extend([":", "-", ""].map(|sign| (digits(sign), true)));
        }
        let is_text = forms.iter().map(|(_, is_text)| *is_text).collect();
        let forms = AhoCorasick::builder()
            .ascii_case_insensitive(false)
            .match_kind(MatchKind::Standard)
            .build(forms.into_iter().map(|(bytes, _)| bytes))
            .map_err(|error| format!("too many addresses: {error}"))?;
        Ok(Self { forms, is_text })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::key::Key;
    use super::*;

    /// Rules with a fixed key, for nobody's addresses.
    pub(in super::super) fn rules(classifier: &Classifier) -> Rules<'_> {
        let addresses = Addresses::new(Key::from_hex(&"5a".repeat(16)).unwrap());
        Rules::new(classifier, addresses, &HashSet::new(), &HashSet::new()).unwrap()
    }

    #[test]
    fn a_known_name_stays_in_front_of_a_search_suffix() {
        let classifier = Classifier::new(wiremark_signatures::embedded().unwrap(), Default::default());
        let mut rules = rules(&classifier);
        rules.names = true;
        let known = "web.wechat.com";
        for suffix in ["lan", "home.arpa"] {
            let name = format!("{known}.{suffix}");
            assert_eq!(rules.searched_host(name.as_bytes()), name.as_bytes());
        }
        let other = rules.searched_host(format!("{known}.alice.com").as_bytes());
        assert!(other.starts_with(b"web.wechat.com.") && other.ends_with(b".com"), "{other:?}");
        assert!(!other.windows(5).any(|part| part == b"alice"));
    }
}
