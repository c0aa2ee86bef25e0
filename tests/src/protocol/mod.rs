//! What each protocol puts into a payload: one protocol a file, both sides.
//!
//! Functions give payload bytes; those named `flow` give a whole [`Trace`](crate::trace::Trace).

pub mod dns;
pub mod http;
pub mod linkable;
pub mod messenger_relay;
pub mod mmtls;
pub mod ordinary;
pub mod proxy;
pub mod quic;
pub mod rtp;
pub mod stun;
pub mod tls;
pub mod wechat_call;
pub mod wechat_http;
pub mod wechat_longlink;
pub mod wechat_media;
pub mod wechat_voip;
pub mod whatsapp_call;
pub mod whatsapp_chat;
pub mod whatsapp_relay;

/// Bytes written as hexadecimal text; blanks between them are free.
///
/// # Panics
/// Where the text holds anything else.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter(|c| !c.is_whitespace()).map(digit).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}

fn digit(c: char) -> u8 {
    c.to_digit(16).unwrap_or_else(|| panic!("{c} is no hexadecimal digit")) as u8
}

/// The bytes with their length before them in one byte.
pub fn len8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// The bytes with their length before them in two bytes, big-endian.
pub fn len16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// The bytes with their length before them in three bytes, big-endian.
pub fn len24(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}

/// The bytes with their length before them in four bytes, big-endian.
pub fn len32(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// A base-128 varint as protobuf writes it.
pub fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// A length-delimited protobuf field with a number below 16.
pub fn protobuf(field: u8, bytes: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2], varint(bytes.len() as u64).as_slice(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stand_before_the_bytes() {
        assert_eq!(len24(&hex("aa bb")), hex("00 00 02 aa bb"));
        assert_eq!(len16(b"x"), hex("00 01 78"));
        assert_eq!(protobuf(2, &[0; 300])[..3], hex("12 ac 02"));
    }
}
