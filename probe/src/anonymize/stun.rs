//! STUN: the structure of a message, small values, and addresses with their pseudonyms.

use std::net::IpAddr;
use std::ops::Range;

use wiremark::dissect::stun::{self, Message};

use super::headers::octets;
use super::rules::{Facts, Need, Rules};
use super::sheet::Sheet;

/// What [`Key::draw`](super::key::Key::draw) is used for.
const TRANSACTION: u8 = 3;
/// What of a message's header stands before the transaction's number (RFC 8489, 5).
const FIXED: usize = 8;
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
const BEGINNING: usize = 1;
/// Where the verdict needs more.
const MORE: usize = 4;

/// A message that the sheet begins with. Of flows without a verdict it is type, length and the attributes' types,
/// lengths and addresses that stay.
pub(super) fn message(sheet: &mut Sheet<'_>, message: &Message<'_>, facts: Facts, rules: &mut Rules<'_>) {
    let is_known = facts.is_decided || facts.is_needy();
    sheet.keep(0..FIXED);
    // The transaction's number is as random as before, and the same in request and answer. Addresses are coded with it.
    let drawn = rules.addresses.key().draw(TRANSACTION, message.transaction_id);
    let drawn = drawn.first_chunk().unwrap_or(message.transaction_id);
    let id = if facts.need == Need::All { message.transaction_id } else { drawn };
    sheet.replace(FIXED, id);
    for attribute in message.attributes() {
        let value = sheet.place(attribute.value);
        // Its type and length.
        sheet.keep(value.start.saturating_sub(4)..value.start);
        let is_address = address(sheet, attribute.kind, value.clone(), [message.transaction_id, id], rules);
        if is_known && !is_address {
            keep_value(sheet, attribute.kind, value, facts, rules);
        }
    }
}

/// Puts a pseudonym where the attribute holds an address; false where it holds none. `ids` are the transaction's
/// number as it is and as it will be.
fn address(
    sheet: &mut Sheet<'_>,
    kind: u16,
    range: Range<usize>,
    [before, after]: [&[u8; 12]; 2],
    rules: &mut Rules<'_>,
) -> bool {
    let value = sheet.bytes.get(range.clone()).unwrap_or_default();
    let has_shape = matches!(value.first_chunk(), Some([0, 1 | 2])) && matches!(value.len(), 8 | 20);
    if !has_shape || INTEGRITY.contains(&kind) && value.len() != 8 {
        return false;
    }
    let new = if CLEAR.contains(&kind) {
        stun::mapped_address(value).map(|(address, _)| octets(rules.addresses.ip(address)))
    } else {
        // Every other value of that shape, whatever its type: coded like XOR-MAPPED-ADDRESS.
        stun::xor_address(value, before).map(|(address, _)| coded(rules.addresses.ip(address), after))
    };
    let Some(new) = new else { return false };
    sheet.keep(range.start..range.start + 4);
    sheet.put(range.start + 4, new);
    true
}

/// What stays of another value.
fn keep_value(sheet: &mut Sheet<'_>, kind: u16, range: Range<usize>, facts: Facts, rules: &Rules<'_>) {
    let value = sheet.bytes.get(range.clone()).unwrap_or_default();
    if INTEGRITY.contains(&kind) {
        return;
    }
    if TEXTS.contains(&kind) {
        if facts.is_needy() {
            sheet.keep_text(range, rules);
        }
    } else if value.len() <= SMALL {
        sheet.keep_textless(range, rules);
    } else {
        let end = range.start + if facts.is_needy() { MORE } else { BEGINNING };
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
