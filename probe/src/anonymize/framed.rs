//! Binary framings that signatures look at: headers stay, what they frame goes.

use std::ops::Range;

use wiremark::dissect::{Dissection, longlink, mmtls};

use super::sheet::Sheet;

/// Header of a record.
const RECORD_HEADER: usize = 5;
/// A hello's length, kind and version.
const HELLO_FIXED: usize = 7;
/// Payload of an alert in clear.
const ALERT: usize = 7;

/// Records: their headers, of hellos what stands before the random numbers, and alerts in clear.
pub(super) fn mmtls(sheet: &mut Sheet<'_>, range: Range<usize>) {
    let mut at = range.start;
    while let Some(record) = sheet.bytes.get(at..range.end).filter(|record| mmtls::is_record(record)) {
        sheet.keep(at..at + RECORD_HEADER);
        if let Dissection::Found(hello) = mmtls::hello(record) {
            let suites = hello.suites().count() * 2;
            // A client says how many suites it offers.
            let count = usize::from(hello.sender == mmtls::Sender::Client);
            sheet.keep(at + RECORD_HEADER..at + RECORD_HEADER + HELLO_FIXED + count + suites);
        }
        let length = match mmtls::records(record).next_length() {
            Dissection::Found(length) => length,
            _ => return,
        };
        if record.first() == Some(&mmtls::ALERT) && length == RECORD_HEADER + ALERT {
            sheet.keep(at..(at + length).min(range.end));
        }
        at += length;
    }
}

/// Long-link messages: their headers, and the headers of their bodies.
pub(super) fn longlink(sheet: &mut Sheet<'_>, range: Range<usize>) {
    let mut at = range.start;
    while at < range.end
        && let Dissection::Found(header) = longlink::header(sheet.from(at))
    {
        sheet.keep(at..at + longlink::HEADER_LENGTH);
        business_header(sheet, at + longlink::HEADER_LENGTH);
        at += header.length as usize;
    }
}

/// The business header at a place, where there is one, without account number and cookie.
pub(super) fn business_header(sheet: &mut Sheet<'_>, at: usize) {
    let Dissection::Found(header) = longlink::business_header(sheet.from(at)) else { return };
    let start = at + usize::from(header.marked);
    // Flags and client version, then four bytes of account number, then the cookie.
    sheet.keep(at..start + 6);
    let behind = start + 10 + usize::from(header.cookie_length);
    sheet.keep(behind..start + usize::from(header.header_length));
}
