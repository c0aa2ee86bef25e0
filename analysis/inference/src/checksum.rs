//! Checks that fields may be: tried one by one over the bytes before them.

use crate::messages::Messages;

type Check = (&'static str, usize, fn(&[u8]) -> u64);

/// Name, bytes, function.
const CHECKS: [Check; 6] = [
    ("sum of bytes", 1, |bytes| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).into()),
    ("exclusive or of bytes", 1, |bytes| bytes.iter().fold(0u8, |sum, byte| sum ^ byte).into()),
    ("CRC-16/CCITT-FALSE", 2, |bytes| u64::from(crc16(bytes, 0xffff, 0x1021))),
    ("CRC-16/XMODEM", 2, |bytes| u64::from(crc16(bytes, 0, 0x1021))),
    ("CRC-16/MODBUS", 2, |bytes| u64::from(crc16_reflected(bytes, 0xffff, 0xa001))),
    ("CRC-32", 4, |bytes| u64::from(crc32(bytes))),
];

fn crc16(bytes: &[u8], start: u16, polynomial: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ polynomial }
        })
    })
}

fn crc16_reflected(bytes: &[u8], start: u16, polynomial: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte),
            |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ polynomial },
        )
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 },
        )
    })
}

/// The check whose value stands at `start..end` of all messages that have it, in either byte order.
pub(crate) fn find(messages: &Messages, start: usize, end: usize) -> Option<&'static str> {
    let width = end - start;
    let all: Vec<&[u8]> = messages.iter().filter(|message| message.len() >= end).take(200).collect();
    if start == 0 || all.len() < 8 {
        return None;
    }
    CHECKS.iter().filter(|check| check.1 == width).find_map(|(name, _, check)| {
        [false, true]
            .into_iter()
            .any(|little| {
                all.iter().all(|message| {
                    crate::number::number(&message[start..end], little) as u64 == check(&message[..start])
                })
            })
            .then_some(*name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_have_their_published_values() {
        // The check values of the CRC catalogue, over "123456789".
        let text = b"123456789";
        let value = |name: &str| CHECKS.iter().find(|check| check.0 == name).unwrap().2(text);
        assert_eq!(value("CRC-16/CCITT-FALSE"), 0x29b1);
        assert_eq!(value("CRC-16/XMODEM"), 0x31c3);
        assert_eq!(value("CRC-16/MODBUS"), 0x4b37);
        assert_eq!(value("CRC-32"), 0xcbf4_3926);
    }
}
