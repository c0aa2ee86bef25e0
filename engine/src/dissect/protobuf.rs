//! Protobuf messages of a known shape: fields in order, to the last byte (protobuf.dev, Encoding).

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Varint,
    /// This number.
    Number(u32),
    /// A number that is the length of the next field that holds bytes.
    LengthOfNext,
    /// Bytes with their length.
    Bytes,
}

/// Whether `bytes` are a message of exactly these fields, in this order.
///
/// A field that tells the length of the next one must tell the truth.
pub fn fits(bytes: &[u8], fields: &[(u32, Field)]) -> bool {
    let (mut rest, mut told) = (bytes, None);
    for (number, kind) in fields {
        let wire_type = if *kind == Field::Bytes { 2 } else { 0 };
        let Some((tag, behind)) = varint(rest) else { return false };
        if tag != u64::from(*number) << 3 | wire_type {
            return false;
        }
        let Some((value, behind)) = varint(behind) else { return false };
        rest = behind;
        match kind {
            Field::Varint => {}
            Field::Number(wanted) if u64::from(*wanted) == value => {}
            Field::Number(_) => return false,
            Field::LengthOfNext => told = Some(value),
            Field::Bytes => {
                if told.take().is_some_and(|told| told != value) {
                    return false;
                }
                let Some(behind) = usize::try_from(value).ok().and_then(|length| rest.get(length..)) else {
                    return false;
                };
                rest = behind;
            }
        }
    }
    rest.is_empty()
}

/// A number in groups of seven bits, the lowest first; at most ten bytes.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    let value = number.iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Field::{Bytes, LengthOfNext, Varint};

    #[test]
    fn a_shape_fits_to_the_last_byte() {
        let shape = [(1, Varint), (2, Varint), (3, LengthOfNext), (4, Bytes)];
        let message = [0x08, 0xc8, 0x01, 0x10, 0x11, 0x18, 3, 0x22, 3, 7, 8, 9];
        assert!(fits(&message, &shape));
        assert!(!fits(&message[..11], &shape), "cut");
        assert!(!fits(&[&message[..], &[0]].concat(), &shape), "a byte too many");
        let mut lie = message;
        lie[6] = 2;
        assert!(!fits(&lie, &shape), "a length that is none");
        let mut other = message;
        other[3] = 0x18;
        assert!(!fits(&other, &shape), "another field");
        assert!(!fits(&[0xff; 12], &shape));
        assert!(fits(&[0x10, 0x11], &[(2, Field::Number(17))]));
        assert!(!fits(&[0x10, 0x12], &[(2, Field::Number(17))]));
        assert!(fits(&[], &[]));
    }
}
