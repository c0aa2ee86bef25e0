//! Datagrams: what of each known format stays.

use wiremark::dissect::quic::{self, PacketKind};
use wiremark::dissect::{banner, dns, rtp, stun};

use super::banners;
use super::rules::{Facts, Need, Rules};
use super::sheet::Sheet;

pub(super) const DNS_PORT: u16 = 53;
/// Fixed headers (RFC 3550, 5.1 and 6.4): of media, and of control with its sender.
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;
/// Where the source's number stands in them.
const SSRC_AT: usize = 8;
const RTCP_SSRC_AT: usize = 4;
/// What [`Key::draw`](super::key::Key::draw) is used for.
const SOURCE: u8 = 5;
/// Behind a control packet's header stays as much as shows an SRTCP trailer (RFC 3711, 3.4) in the shortest ones.
const RTCP_BYTES: usize = 16;
/// Longest header extension that stays.
const EXTENSION_MAX: usize = 64;
/// Room to open one packet in.
const SCRATCH: usize = 1 << 16;

/// A whole datagram, or the first fragment of one.
pub(super) fn rewrite(payload: &[u8], facts: Facts, rules: &mut Rules<'_>) -> Vec<u8> {
    let mut sheet = Sheet::new(payload);
    if facts.ports.contains(&DNS_PORT) && dns::message(payload).found().is_some() {
        super::dns::message(&mut sheet, 0..payload.len(), rules);
    } else if let Some(message) = stun::message(payload).found() {
        super::stun::message(&mut sheet, &message, facts, rules);
    } else if facts.is_media
        && let Some(media) = rtp::packet(payload).found()
    {
        keep_media(&mut sheet, &media, facts, rules);
    } else if !keep_quic(&mut sheet, facts, rules) {
        if facts.is_needy() {
            banners::keep(&mut sheet, 0, |bytes| banner::is_foreign_datagram(bytes, facts.ports));
        }
        let length = rules.unknown_bytes(facts);
        if facts.is_decided && facts.need == Need::All {
            // Numbers among them may look like text.
            sheet.keep(0..length);
        } else {
            sheet.keep_textless(0..length, rules);
        }
    }
    sheet.finish(rules)
}

fn keep_media(sheet: &mut Sheet<'_>, media: &rtp::Media<'_>, facts: Facts, rules: &Rules<'_>) {
    match media {
        rtp::Media::Rtp(packet) => {
            sheet.keep(0..RTP_HEADER + usize::from(packet.csrc_count) * 4);
            source(sheet, SSRC_AT, facts, rules);
            if let Some((_, words)) = packet.extension {
                let place = sheet.place(words);
                sheet.keep(place.start.saturating_sub(4)..place.start);
                if facts.is_needy() {
                    sheet.keep_textless(place.start..place.end.min(place.start + EXTENSION_MAX), rules);
                }
            }
        }
        rtp::Media::Rtcp(_) => {
            sheet.keep(0..RTCP_HEADER);
            source(sheet, RTCP_SSRC_AT, facts, rules);
            sheet.keep_textless(RTCP_HEADER..RTCP_BYTES, rules);
        }
    }
}

/// A source's number becomes another one, the same wherever it stands.
fn source(sheet: &mut Sheet<'_>, at: usize, facts: Facts, rules: &Rules<'_>) {
    let number = sheet.bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    if let Some(number) = number.filter(|_| facts.need != Need::All) {
        let drawn = rules.addresses.key().draw(SOURCE, number);
        sheet.replace(at, drawn.get(..4).unwrap_or_default());
    }
}

/// QUIC's packets with long headers. A client's Initial of a flow with a verdict stays as it is, as nothing in it can be
/// changed without making all of it unreadable; its hello was readable for everybody on the way. Without a verdict form
/// and version stay. False where there are none.
fn keep_quic(sheet: &mut Sheet<'_>, facts: Facts, rules: &Rules<'_>) -> bool {
    if let Some(packet) = quic::google::packet(sheet.bytes).found() {
        if facts.is_decided {
            keep_google(sheet, &packet, rules);
        }
        return facts.is_decided || !facts.is_needy();
    }
    if !facts.is_decided && !facts.is_needy() {
        // The first byte's low bits are protected (RFC 9001, 5.4).
        let is_long = quic::packets(sheet.bytes).next().is_some();
        if let (true, Some(first)) = (is_long, sheet.bytes.first()) {
            sheet.replace(0, &[first & 0xf0]);
            sheet.keep(1..5);
        }
        return is_long;
    }
    let mut scratch = vec![0; SCRATCH];
    let mut found = false;
    for header in quic::packets(sheet.bytes) {
        found = true;
        let packet = sheet.place(header.packet);
        let is_open = header.kind == PacketKind::Initial
            && quic::decrypt_initial(header.packet, &mut scratch).is_some();
        if is_open {
            sheet.keep(packet);
            continue;
        }
        let number_at = packet.start + header.number_at.min(packet.len());
        let token = sheet.place(header.token);
        if token.is_empty() {
            sheet.keep(packet.start..number_at);
        } else {
            // A token may hold the client's address, in a form that the server knows.
            sheet.keep(packet.start..token.start);
            sheet.keep(token.end..number_at);
        }
    }
    found
}

/// Google's packet: header, and of the hello the tags with the server's name, the versions and the program.
fn keep_google(sheet: &mut Sheet<'_>, packet: &quic::google::Packet<'_>, rules: &Rules<'_>) {
    let id = sheet.place(packet.connection_id);
    let Some(hello) = packet.hello() else { return sheet.keep(0..id.end + 4) };
    // The table of tags ends where the values begin.
    let start = sheet.bytes.windows(4).position(|window| window == b"CHLO").unwrap_or(0);
    let count =
        sheet.from(start + 4).first_chunk().map_or(0, |count| usize::from(u16::from_le_bytes(*count)));
    sheet.keep(0..start + 8 + count * 8);
    if let Some(name) = hello.sni() {
        sheet.keep_host(sheet.place(name), rules);
    }
    for tag in [*b"VER\0", *b"PDMD", *b"AEAD", *b"KEXS"] {
        if let Some(value) = hello.value(tag) {
            let place = sheet.place(value);
            sheet.keep(place);
        }
    }
}
