//! What a signature may say: rows as the files give them, checked but not yet compiled.

use super::equation::Equation;
use super::pattern::Pattern;
use crate::dissect::{protobuf, text};
use crate::five_tuple::{Address, Direction, Transport};
use crate::verdict::{AppId, Carrier, Confidence, Role, SignatureId};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// An app: one file of signatures.
#[derive(Clone, Debug)]
pub struct App {
    /// Permanent number, 1 to 65535.
    pub id: AppId,
    /// Lower-case name; what records print.
    pub name: String,
    /// The app's roles; a role's number is its place here, from 1.
    pub roles: Vec<String>,
    /// The role of a DNS look-up of one of the app's names.
    pub lookup_role: Option<Role>,
    /// The file it came from, as named by the caller of [`SignatureSet::load`](super::SignatureSet::load).
    pub file: String,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Permanent number, 1 to 65535.
    pub id: SignatureId,
    /// The app whose file holds the row.
    pub app: AppId,
    /// Unique within the app.
    pub name: String,
    /// What a flow is for when the row concludes; 0 for a veto row.
    pub role: Role,
    /// Why the row is believed, in a sentence.
    pub why: String,
    /// Where the fact comes from.
    pub source: String,
    /// First year the fact was seen; 0 where the file does not say.
    pub since: u16,
    /// Last year the fact was seen; 0 where the file does not say.
    pub until: u16,
    /// The kind of evidence the row counts as.
    pub confidence: Confidence,
    /// What a flow on which the row concludes tells about others.
    pub teaches: Option<Teaches>,
    /// The row only withdraws what others concluded.
    pub is_veto: bool,
    /// What must hold.
    pub conditions: Conditions,
    /// Short flows on which the row concludes (a veto: fires).
    pub hits: Vec<Example>,
    /// Short flows on which it does not.
    pub misses: Vec<Example>,
    /// Line of the row in its file, from 1.
    pub line: usize,
}

/// What a flow tells about other flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teaches {
    /// Its two ends are those of a call: other flows of the client's end point are legs of it, so are other flows of
    /// the client to this relay, and so is whatever carries its media streams.
    Call,
    /// What runs on its responder's address and port.
    Server,
    /// Its answers list names and their addresses.
    Names,
}

/// All of these must hold for the same packet; what a row does not mention is empty or `None`.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The packet's transport.
    pub transport: Option<Transport>,
    /// Who sent it; checked where the capture shows who opened the flow.
    pub direction: Option<Direction>,
    /// TCP: whether `prefix` is tried at every segment instead of the stream's start.
    pub any_segment: bool,
    /// The bytes begin so.
    pub prefix: Option<Pattern>,
    /// The bytes stand anywhere in the packet's payload.
    pub contains: Vec<u8>,
    /// Payload length of the packet: one of these ranges.
    pub length: Vec<RangeInclusive<u16>>,
    /// All must hold.
    pub equations: Vec<Equation>,
    /// One of the two ports is in one of these ranges.
    pub ports: Vec<RangeInclusive<u16>>,
    /// A name seen in the flow matches one of these.
    pub hosts: Vec<HostPattern>,
    /// With `hosts`: where the name must have been seen; empty is anywhere.
    pub carriers: Vec<Carrier>,
    /// One of the two addresses lies in one of these blocks.
    pub addresses: Vec<Block>,
    /// The packet holds the start of an HTTP message of this kind.
    pub http: Option<HttpCondition>,
    /// The packet is a STUN message of this kind.
    pub stun: Option<StunCondition>,
    /// The packet is RTP of this kind.
    pub rtp: Option<RtpCondition>,
    /// The datagram is protobuf of this shape.
    pub protobuf: Option<ProtobufCondition>,
    /// Number of the datagram among those with payload of its direction, from 1; from 255 on it stays 255.
    pub ordinal: Vec<RangeInclusive<u16>>,
    /// These bytes, taken together, differ from those of the first datagram of the same direction.
    pub moves: Option<RangeInclusive<u16>>,
    /// These bytes, taken together, differ from those of the first datagram of the other direction, if there is one.
    pub unlike: Option<RangeInclusive<u16>>,
    /// The other direction has sent nothing so far.
    pub is_one_sided: bool,
    /// Any of `ordinal`, `moves`, `unlike`, `is_one_sided`.
    pub asks_for_history: bool,
    /// One of these rows matched an earlier datagram of the same direction.
    pub after: Vec<SignatureId>,
    /// One of the flow's ends is the client of a call of this app, as other flows showed.
    pub joins_call: bool,
    /// This row must have matched in the other direction.
    pub reverse: Option<SignatureId>,
    /// Every packet of the flow so far must have matched some row of this group (0 to 7).
    pub every: Option<u8>,
    /// None of these veto rows may have fired.
    pub unless: Vec<SignatureId>,
}

/// A name, matched on label boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// The fixed labels at the end, lower case: `example.net`.
    pub suffix: String,
    /// For `*short.example.net`: how the label before `suffix` begins and ends.
    pub label: Option<(String, String)>,
    /// Whether further labels in front are refused.
    pub is_exact: bool,
}

/// A CIDR block; IPv4 as IPv4-mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first address.
    pub first: Address,
    /// Leading bits that count, 0 to 128.
    pub bits: u8,
}

/// What an HTTP/1 message must look like; texts are held in lower case and matched without regard to case.
#[derive(Clone, Debug, Default)]
pub struct HttpCondition {
    /// One of these methods; empty is any.
    pub methods: Vec<String>,
    /// The path begins with one of these (case counts); empty is any.
    pub urls: Vec<String>,
    /// User-Agent contains one of these; `#` stands for one or more digits and dots. Empty is any.
    pub user_agents: Vec<String>,
    /// User-Agent does not contain this.
    pub without_user_agent: Option<String>,
    /// Referer contains this.
    pub referer: Option<String>,
    /// Upgrade contains this.
    pub upgrade: Option<String>,
    /// Content-Disposition contains this: the row speaks of a response.
    pub disposition: Option<String>,
    /// The body begins so.
    pub body: Option<Pattern>,
}

/// What a STUN message must look like.
#[derive(Clone, Debug, Default)]
pub struct StunCondition {
    /// One of these message types (16 bits as on the wire); empty is any.
    pub types: Vec<u16>,
    /// All of these are present.
    pub attributes: Vec<AttributeCondition>,
    /// `attributes` is the whole list, in this order.
    pub only: bool,
    /// Type of the first attribute.
    pub first: Option<u16>,
    /// None of these types is present.
    pub without: Vec<u16>,
    /// This attribute holds the packet's own destination, XOR-coded (RFC 8489, 14.2).
    pub xor_destination: Option<u16>,
    /// This attribute is a Unix time in milliseconds within a day of the packet's time.
    pub clock: Option<u16>,
    /// The transaction id is printable ASCII.
    pub printable_id: bool,
}

/// One attribute: type and accepted value lengths (empty: any).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeCondition {
    /// Attribute type.
    pub kind: u16,
    /// Value lengths in bytes, without padding.
    pub lengths: Vec<RangeInclusive<u16>>,
}

/// What a protobuf message must look like: these fields, in this order, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtobufCondition {
    /// Offset of the message in the datagram; it ends where the datagram ends.
    pub at: u16,
    /// The fields.
    pub fields: Vec<(u32, protobuf::Field)>,
}

/// What an RTP packet must look like.
#[derive(Clone, Debug, Default)]
pub struct RtpCondition {
    /// One of these payload types; empty is any.
    pub payload_types: Vec<u8>,
    /// One of these header extension profiles, `None` being "no extension"; empty is any.
    pub profiles: Vec<Option<u16>>,
}

/// A short flow that a row is tried on.
#[derive(Clone, Debug)]
pub struct Example {
    /// As written in the file.
    pub text: String,
    /// What it stands for.
    pub trial: Trial,
}

/// What an example stands for.
#[derive(Clone, Debug)]
pub enum Trial {
    /// Packets of one flow between 10.0.0.1:40000 and 198.51.100.1:`port`.
    Packets {
        /// The responder's port.
        port: u16,
        /// Sender and payload of each.
        packets: Vec<(Direction, Vec<u8>)>,
    },
    /// A name seen in every carrier the row allows.
    Name(String),
    /// A flow to this address.
    Address(Address),
}

/// The condition by which a row is found; its others are then checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Prefix,
    Http,
    Stun,
    Rtp,
    Address,
    Host,
    Text,
}

impl Conditions {
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        let present = [
            (self.stun.is_some(), Anchor::Stun),
            (self.rtp.is_some(), Anchor::Rtp),
            (self.prefix.is_some(), Anchor::Prefix),
            (self.http.is_some(), Anchor::Http),
            (!self.hosts.is_empty(), Anchor::Host),
            (!self.contains.is_empty(), Anchor::Text),
            (!self.addresses.is_empty(), Anchor::Address),
        ];
        present.into_iter().find(|(present, _)| *present).map(|(_, anchor)| anchor)
    }
}

impl Block {
    /// Whether `address` lies inside.
    pub fn contains(&self, address: Address) -> bool {
        let differing = u128::from_be_bytes(self.first.0) ^ u128::from_be_bytes(address.0);
        self.bits == 0 || differing >> (128 - u32::from(self.bits)) == 0
    }
}

impl HostPattern {
    /// Whether a name (in any case, without a trailing dot) matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        let Some((front, end)) =
            name.len().checked_sub(self.suffix.len()).and_then(|at| name.split_at_checked(at))
        else {
            return false;
        };
        if !text::is_caseless(end, self.suffix.as_bytes()) {
            return false;
        }
        match front {
            [] => self.fits_label(None),
            [b'.'] => false,
            [front @ .., b'.'] if self.label.is_some() || self.is_exact => {
                let dot = front.iter().rposition(|byte| *byte == b'.');
                self.fits_label(Some((&front[dot.map_or(0, |dot| dot + 1)..], dot.is_none())))
            }
            [.., b'.'] => true,
            _ => false,
        }
    }

    /// Whether the label right before the suffix, if there is one, suits the pattern; said with it is whether it is the only one.
    #[inline]
    pub(crate) fn fits_label(&self, before: Option<(&[u8], bool)>) -> bool {
        match (&self.label, before) {
            (wanted, None) => wanted.is_none(),
            (None, Some(_)) => !self.is_exact,
            (Some((begins, ends)), Some((label, is_only))) => {
                (is_only || !self.is_exact)
                    && label.len() >= begins.len() + ends.len()
                    && (begins.is_empty() || text::is_caseless(&label[..begins.len()], begins.as_bytes()))
                    && text::is_caseless(&label[label.len() - ends.len()..], ends.as_bytes())
            }
        }
    }

    /// How specific the pattern is: of several that match, the greatest wins.
    pub fn rank(&self) -> usize {
        let label = self.label.as_ref().map_or(0, |(begins, ends)| begins.len() + ends.len());
        // A label spelled out is one dot longer than one with a '*', and so more specific.
        (self.suffix.len() + label) * 2 + usize::from(self.is_exact || self.label.is_some())
    }

    /// Reads a name pattern; `{a,b}` and `{1..16}` make several.
    pub fn parse(text: &str) -> Result<Vec<HostPattern>, String> {
        let wrong = |why: &str| alloc::format!("{why}, found \"{text}\"");
        let (names, is_exact) = match text.strip_prefix('=') {
            Some(name) => (expand(name).ok_or_else(|| wrong("alternatives such as {a,b} or {1..16}"))?, true),
            None => (expand(text).ok_or_else(|| wrong("alternatives such as {a,b} or {1..16}"))?, false),
        };
        names
            .into_iter()
            .map(|name| {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
                let (label, suffix) = match name.split_once('*') {
                    None => (None, name.as_str()),
                    Some((begins, rest)) => {
                        let (ends, suffix) =
                            rest.split_once('.').ok_or_else(|| wrong("labels after the one with '*'"))?;
                        if begins.contains('.') || ends.contains('*') {
                            return Err(wrong("one '*', in the first label"));
                        }
                        (Some((String::from(begins), String::from(ends))), suffix)
                    }
                };
                let labels_ok = suffix.split('.').all(|label| !label.is_empty() && label.len() <= 63);
                if !labels_ok || !name.replace('*', "").chars().all(plain) || suffix.len() > 253 {
                    return Err(wrong("a lower-case host name of letters, digits, '-' and '_'"));
                }
                Ok(HostPattern { suffix: String::from(suffix), label, is_exact })
            })
            .collect()
    }
}

/// Expands `{a,b,}` and `{1..16}`, left to right.
fn expand(text: &str) -> Option<Vec<String>> {
    let Some(open) = text.find('{') else {
        return (!text.contains('}')).then(|| alloc::vec![String::from(text)]);
    };
    let close = open + text[open..].find('}')?;
    let inner = &text[open + 1..close];
    let choices: Vec<String> = match inner.split_once("..") {
        Some((low, high)) => {
            let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
            (low..=high.min(low.saturating_add(999))).map(|n| alloc::format!("{n}")).collect()
        }
        None => inner.split(',').map(String::from).collect(),
    };
    let rests = expand(&text[close + 1..])?;
    let joined = choices
        .iter()
        .flat_map(|choice| rests.iter().map(move |rest| alloc::format!("{}{choice}{rest}", &text[..open])));
    Some(joined.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(pattern: &str, name: &str) -> bool {
        HostPattern::parse(pattern).unwrap().iter().any(|one| one.matches(name.as_bytes()))
    }

    #[test]
    fn names_match_on_label_boundaries() {
        assert!(host("example.net", "example.net"));
        assert!(host("example.net", "a.b.example.net"));
        assert!(!host("example.net", "badexample.net"));
        assert!(!host("example.net", "example.net.org"));
        assert!(host("=example.net", "example.net"));
        assert!(!host("=example.net", "a.example.net"));
        assert!(host("{e,s}{1..3}.example.net", "s3.example.net"));
        assert!(!host("{e,s}{1..3}.example.net", "s4.example.net"));
        assert!(host("*short.example.net", "hkshort.example.net"));
        assert!(host("*short.example.net", "short.example.net"));
        assert!(!host("*short.example.net", "shorty.example.net"));
        assert!(!host("*short.example.net", "example.net"));
        assert!(!host("a*a.example.net", "a.example.net"), "both ends need their own bytes");
    }

    #[test]
    fn the_more_specific_name_ranks_higher() {
        let rank = |text: &str| HostPattern::parse(text).unwrap()[0].rank();
        assert!(rank("a.example.net") > rank("example.net"));
        assert!(rank("*short.example.net") > rank("example.net"));
        assert!(rank("hkshort.example.net") > rank("*short.example.net"));
        assert!(rank("b.example.net") > rank("*b.example.net"));
        assert!(rank("*.example.net") > rank("example.net"));
        assert!(rank("=example.net") > rank("example.net"));
    }

    #[test]
    fn bad_names_are_refused() {
        for text in ["", "Example.net", "a..b", "x.*.net", "*", "{a,b.net", "a}.net", "*a*.b"] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn blocks_contain_their_addresses() {
        let block = Block { first: Address::v4([10, 1, 0, 0]), bits: 112 };
        assert!(block.contains(Address::v4([10, 1, 2, 3])));
        assert!(!block.contains(Address::v4([10, 2, 2, 3])));
        assert!(Block { first: Address::default(), bits: 0 }.contains(Address::v4([1, 2, 3, 4])));
    }
}
