//! How calls run: the files of `signatures/calls`, read.

use std::fmt;

use serde::Deserialize;

use super::end_point::LinkDirection;

/// What a message does for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Meaning {
    /// Asks a relay to take part.
    Allocate,
    /// The relay does.
    Allocated,
    /// The relay does not.
    Refused,
    /// Gives a relay up.
    Release,
    /// Keep-alive.
    Ping,
    /// Its answer.
    Pong,
    /// Bandwidth probe.
    Probe,
    /// Its answer.
    Probed,
    /// Check of a path to the peer.
    Check,
    /// Its answer.
    Checked,
}

/// What a control packet of the media does for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Report {
    /// The first one, before media.
    Handshake,
    /// The last one.
    Farewell,
    /// One of a few words, in between.
    Compact,
    /// Looks like control, but measures bandwidth.
    Probe,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Voice.
    Audio,
    /// Pictures.
    Video,
    /// What repairs another stream.
    Repair,
}

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who calls.
    Caller,
    /// Who is called.
    Callee,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }

    /// `caller` or `callee`.
    pub fn name(self) -> &'static str {
        match self {
            Side::Caller => "caller",
            Side::Callee => "callee",
        }
    }
}

impl Content {
    /// `audio`, `video` or `repair`.
    pub fn name(self) -> &'static str {
        match self {
            Content::Audio => "audio",
            Content::Video => "video",
            Content::Repair => "repair",
        }
    }
}

/// What the packets of a channel are, by their first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    /// Keeps the channel alive.
    Heartbeat,
    /// Controls the call.
    Signalling,
    /// Voice.
    Content,
}

/// What signalling in clear says of a call over channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signal {
    /// The call is offered.
    Invite,
    /// It is taken.
    Answer,
    /// It is taken back, refused or ended.
    End,
}

/// Flows with this verdict.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flows {
    /// The app's name in the signature set.
    pub app: String,
    /// The role's name there.
    pub role: String,
}

/// How calls over relays run; `signatures/calls/README.md` tells the keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayScript {
    pub(crate) flows: Vec<Flows>,
    pub(crate) signalling: Vec<Flows>,
    pub(crate) quiet_us: u64,
    pub(crate) linger_us: u64,
    pub(crate) relay_ports: Vec<u16>,
    pub(crate) token_attributes: Vec<u16>,
    pub(crate) mapped_attribute: u16,
    pub(crate) clock_attribute: u16,
    /// Bytes of authentication behind each media packet's payload.
    pub(crate) authentication_bytes: usize,
    pub(crate) reporting_side: Side,
    message: Vec<MessageRow>,
    literal: Vec<LiteralRow>,
    report: Vec<ReportRow>,
    payload: Vec<PayloadRow>,
    silence: Option<Silence>,
    pub(crate) dialect: Vec<DialectRow>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageRow {
    #[serde(rename = "type")]
    kind: u16,
    empty: Option<bool>,
    means: Meaning,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiteralRow {
    text: String,
    means: Meaning,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportRow {
    packet_type: u8,
    bytes: Option<usize>,
    means: Report,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadRow {
    #[serde(rename = "type")]
    kind: u8,
    clock_hz: u32,
    media: Content,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Silence {
    words: Hex,
}

/// What allocations look like in one dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DialectRow {
    pub(crate) name: String,
    pub(crate) token_attribute: Option<u16>,
    pub(crate) token_bytes: Option<usize>,
    #[serde(default)]
    pub(crate) token_begins: Hex,
    pub(crate) attribute: Option<u16>,
    pub(crate) side: Option<Side>,
}

/// How calls over channels run; `signatures/calls/README.md` tells the keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelScript {
    pub(crate) flows: Vec<Flows>,
    pub(crate) signalling: Vec<Flows>,
    pub(crate) quiet_us: u64,
    pub(crate) burst_bytes: u64,
    pub(crate) burst_us: u64,
    /// An invite in clear comes at most so long before the channels.
    pub(crate) invite_us: u64,
    /// One that nobody can read, at most so long.
    pub(crate) hidden_invite_us: u64,
    class: Vec<ClassRow>,
    command: Vec<CommandRow>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandRow {
    id: u32,
    way: Sender,
    means: Signal,
    #[serde(rename = "source")]
    _source: Option<String>,
}

/// Who sends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sender {
    Up,
    Down,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassRow {
    byte: u8,
    means: Class,
    #[serde(rename = "source")]
    _source: Option<String>,
}

/// Bytes written as hexadecimal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16).ok_or_else(|| format!("{c} is no hexadecimal digit")))
            .collect::<Result<_, _>>()?;
        if !digits.len().is_multiple_of(2) {
            return Err(format!("half a byte in {text}"));
        }
        Ok(Hex(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()))
    }
}

impl RelayScript {
    /// What a STUN message of this type means.
    pub(crate) fn message(&self, kind: u16, is_empty: bool) -> Option<Meaning> {
        let fits = |row: &&MessageRow| row.kind == kind && row.empty.is_none_or(|empty| empty == is_empty);
        self.message.iter().find(fits).map(|row| row.means)
    }

    /// What a datagram that is exactly this text means.
    pub(crate) fn literal(&self, datagram: &[u8]) -> Option<Meaning> {
        self.literal.iter().find(|row| row.text.as_bytes() == datagram).map(|row| row.means)
    }

    /// What a control packet of this type and length means; none for the ordinary ones.
    pub(crate) fn report(&self, packet_type: u8, bytes: usize) -> Option<Report> {
        let fits = |row: &&ReportRow| {
            row.packet_type == packet_type && row.bytes.is_none_or(|wanted| wanted == bytes)
        };
        self.report.iter().find(fits).map(|row| row.means)
    }

    /// Clock and content of a payload type.
    pub(crate) fn payload(&self, kind: u8) -> Option<(u32, Content)> {
        self.payload.iter().find(|row| row.kind == kind).map(|row| (row.clock_hz, row.media))
    }

    /// Whether an extension of these words marks a packet without voice.
    pub(crate) fn is_silence(&self, words: &[u8]) -> bool {
        self.silence.as_ref().is_some_and(|silence| words.starts_with(&silence.words.0))
    }
}

impl ChannelScript {
    /// What a datagram that begins with this byte is.
    pub(crate) fn class(&self, byte: u8) -> Option<Class> {
        self.class.iter().find(|row| row.byte == byte).map(|row| row.means)
    }

    /// What a command of the signalling says.
    pub(crate) fn signal(&self, id: u32, way: LinkDirection) -> Option<Signal> {
        let sender = if way == LinkDirection::Up { Sender::Up } else { Sender::Down };
        self.command.iter().find(|row| row.id == id && row.way == sender).map(|row| row.means)
    }
}

/// All that is known of how calls run.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// Over relays.
    pub relays: RelayScript,
    /// Over channels.
    pub channels: ChannelScript,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The file.
    pub file: &'static str,
    /// What is wrong, with its line.
    pub what: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what.trim_end())
    }
}

impl std::error::Error for ScriptError {}

impl Scripts {
    /// The ones shipped.
    ///
    /// # Errors
    /// None in a build whose tests pass.
    pub fn embedded() -> Result<Self, ScriptError> {
        let wrong = |file| move |error: toml::de::Error| ScriptError { file, what: error.to_string() };
        Ok(Self {
            relays: toml::from_str(wiremark_signatures::calls::WHATSAPP)
                .map_err(wrong("signatures/calls/whatsapp.toml"))?,
            channels: toml::from_str(wiremark_signatures::calls::WECHAT)
                .map_err(wrong("signatures/calls/wechat.toml"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_scripts_are_read() {
        let scripts = Scripts::embedded().unwrap_or_else(|error| panic!("{error}"));
        let relays = &scripts.relays;
        assert_eq!(relays.message(0x0801, true), Some(Meaning::Ping));
        assert_eq!(relays.message(0x0801, false), Some(Meaning::Probe));
        assert_eq!(relays.message(0x0803, true), None);
        assert_eq!(relays.literal(b"OK"), Some(Meaning::Pong));
        assert_eq!(relays.literal(b"OKAY"), None);
        assert_eq!(relays.report(202, 46), Some(Report::Handshake));
        assert_eq!(relays.report(202, 50), None);
        assert_eq!(relays.report(199, 472), Some(Report::Probe));
        assert!(relays.is_silence(&[0x30, 1, 0, 0]) && !relays.is_silence(&[0x30, 1]));
        assert_eq!(scripts.channels.class(0xd1), Some(Class::Heartbeat));
    }

    #[test]
    fn a_wrong_word_is_told_with_its_line() {
        let text = wiremark_signatures::calls::WECHAT.replace("\"heartbeat\"", "\"pulse\"");
        let error = toml::from_str::<ChannelScript>(&text).unwrap_err().to_string();
        assert!(error.contains("pulse") && error.contains("line"), "{error}");
    }
}
