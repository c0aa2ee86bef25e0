//! STUN: the structure of a message, small values, and addresses with their pseudonyms.

use std::net::IpAddr;
use std::ops::Range;

use wiremark::dissect::stun::{self, Message};

use super::headers::octets;
use super::rules::Rules;
use super::sheet::Sheet;

/// Length of a message's header (RFC 8489, 5).
const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
/// Attributes that hold an address in clear: MAPPED-ADDRESS, RESPONSE-ADDRESS, SOURCE-ADDRESS, CHANGED-ADDRESS,
/// REFLECTED-FROM (RFC 3489), ALTERNATE-SERVER, RESPONSE-ORIGIN, OTHER-ADDRESS (RFC 8489, RFC 5780).
const CLEAR: [u16; 8] = [0x0001, 0x0002, 0x0004, 0x0005, 0x000b, 0x8023, 0x802b, 0x802c];
/// Attributes of an integrity value, which is wrong from now on.
const INTEGRITY: [u16; 3] = [0x0008, 0x001c, 0x8028];
/// SOFTWARE, which is the same for all who use it, and ERROR-CODE.
const TEXTS: [u16; 2] = [0x8022, 0x0009];
/// Longer values of other attributes are tokens, names and keys: so much of their beginning stays.
const SMALL: usize = 8;
const BEGINNING: usize = 4;

/// A message that the sheet begins with.
pub(super) fn message(sheet: &mut Sheet<'_>, message: &Message<'_>, rules: &mut Rules<'_>) {
    sheet.keep(0..HEADER);
    for attribute in message.attributes() {
        let value = sheet.place(attribute.value);
        // Its type and length.
        sheet.keep(value.start.saturating_sub(4)..value.start);
        address_or_value(sheet, attribute.kind, value, message.transaction_id, rules);
    }
}

fn address_or_value(
    sheet: &mut Sheet<'_>,
    kind: u16,
    range: Range<usize>,
    id: &[u8; 12],
    rules: &mut Rules<'_>,
) {
    let value = sheet.bytes.get(range.clone()).unwrap_or_default();
    let is_address = matches!(value.first_chunk(), Some([0, 1 | 2])) && matches!(value.len(), 8 | 20);
    if INTEGRITY.contains(&kind) && !(is_address && value.len() == 8) {
        return;
    }
    if is_address && CLEAR.contains(&kind) {
        if let Some((address, _)) = stun::mapped_address(value) {
            sheet.keep(range.start..range.start + 4);
            sheet.put(range.start + 4, octets(rules.addresses.ip(address)));
            return;
        }
    } else if is_address && let Some((address, _)) = stun::xor_address(value, id) {
        // Every other value of that shape, whatever its type: coded like XOR-MAPPED-ADDRESS.
        sheet.keep(range.start..range.start + 4);
        sheet.put(range.start + 4, coded(rules.addresses.ip(address), id));
        return;
    }
    if TEXTS.contains(&kind) {
        sheet.keep_text(range, rules);
    } else if value.len() <= SMALL {
        sheet.keep_textless(range, rules);
    } else {
        let end = range.start + BEGINNING;
        let plain = rules.identifiers.plain_places(value);
        sheet.keep_textless(range.start..end, rules);
        for place in plain {
            sheet.keep(range.start + place.start..range.start + place.end);
        }
    }
}

/// As XOR-MAPPED-ADDRESS has it (RFC 8489, 14.2).
fn coded(address: IpAddr, id: &[u8; 12]) -> Vec<u8> {
    let mask = COOKIE.to_be_bytes().into_iter().chain(*id);
    octets(address).into_iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}
