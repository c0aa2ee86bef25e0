//! Lengths of messages in single mmtls records: AES-GCM adds a tag of 16 bytes and nothing else, so the length of a record is that
//! of its message ("A deeper dive into WeChat networking components": STN encrypts a task's bytes as they are).

use wiremark::dissect::mmtls;

/// Header of a record, tag of AES-GCM.
const RECORD_HEADER: u64 = 5;
const TAG: u64 = 16;
/// Of a short link's message: its total length, and the lengths of path and host (facts/wechat.md 5.5).
const SHORT_LENGTHS: u64 = 4 + 2 + 2;
/// Of the business packet's length.
const PACKET_LENGTH: u64 = 4;

/// Length of the message in a record that is so long, header included.
pub(super) fn message_bytes(record_bytes: u64) -> Option<u64> {
    record_bytes.checked_sub(RECORD_HEADER + TAG)
}

/// Length of the message in the one data record of a body whose beginning is at hand; none where there are several, or
/// where their lengths are not the body's.
pub(super) fn single_message(body: &[u8], whole: u64) -> Option<u64> {
    let (mut at, mut found) = (0u64, None);
    while at < whole {
        let rest = body.get(usize::try_from(at).ok()?..).unwrap_or_default();
        let Some([kind, high, low]) = rest.first_chunk::<5>().map(|head| [head[0], head[3], head[4]]) else {
            // What follows a data record is an alert or another one: the lengths tell which.
            return found.filter(|_| whole - at <= ALERT_RECORD);
        };
        if !mmtls::is_record(rest) {
            return None;
        }
        let length = RECORD_HEADER + u64::from(u16::from_be_bytes([high, low]));
        if kind == mmtls::APPLICATION {
            if found.is_some() {
                return None;
            }
            found = message_bytes(length);
        }
        at += length;
    }
    found.filter(|_| at == whole)
}

/// An encrypted alert: header, seven bytes, tag.
const ALERT_RECORD: u64 = RECORD_HEADER + 7 + TAG;

/// Length of path and business packet together in a short link's message, as its host is known.
pub(super) fn path_and_packet(message_bytes: u64, host_bytes: u64) -> Option<u64> {
    message_bytes.checked_sub(SHORT_LENGTHS + PACKET_LENGTH + host_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, bytes: u16) -> Vec<u8> {
        [&[kind, 0xf1, 4][..], &bytes.to_be_bytes(), &vec![0x5a; bytes.into()]].concat()
    }

    #[test]
    fn a_short_links_lengths() {
        // facts/wechat.md 5.5: Content-Length 383 = 240 + 143.
        let body = [record(0x19, 156), record(0x19, 31), record(0x17, 143), record(0x15, 23)].concat();
        assert_eq!(body.len(), 161 + 36 + 148 + 28);
        let whole = body.len() as u64;
        assert_eq!(single_message(&body, whole), Some(127));
        assert_eq!(single_message(&body[..210], whole), Some(127));
        assert_eq!(single_message(&body, whole + 100), None);
        assert_eq!(path_and_packet(127, 21), Some(94));
        let two = [record(0x17, 40), record(0x17, 40)].concat();
        assert_eq!(single_message(&two, two.len() as u64), None);
        assert_eq!(message_bytes(37), Some(16));
    }
}
