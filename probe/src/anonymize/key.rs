//! The secret that pseudonyms are drawn with.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest key, in bytes: shorter ones can be found by trying.
const KEY_MIN: usize = 16;
/// Longest key that HMAC-SHA-256 takes as it is (RFC 2104, 2).
const KEY_MAX: usize = 64;

/// A keyed pseudo-random function: HMAC-SHA-256 (RFC 2104, FIPS 180-4). Who has the key can undo every pseudonym.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// From the operating system's random numbers.
    ///
    /// # Errors
    /// There are none to be had.
    pub fn random() -> Result<Self, String> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| format!("no random numbers from the system: {error}; give a key with --key"))?;
        Ok(Self::new(&bytes))
    }

    /// From hexadecimal digits, 16 to 64 bytes of them.
    ///
    /// # Errors
    /// It is something else; the message says what was expected.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let expected = || format!("expected {} to {} hexadecimal digits", 2 * KEY_MIN, 2 * KEY_MAX);
        let nibbles: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let nibbles = nibbles.ok_or_else(expected)?;
        let (pairs, odd) = nibbles.as_chunks();
        if !odd.is_empty() || !(KEY_MIN..=KEY_MAX).contains(&pairs.len()) {
            return Err(expected());
        }
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| (high << 4 | low) as u8).collect();
        Ok(Self::new(&bytes))
    }

    fn new(bytes: &[u8]) -> Self {
        let mut block = [0; KEY_MAX];
        // HMAC fills a shorter key up with zeros itself.
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// 32 bytes that nobody can tell from random ones without the key. `purpose` keeps what they are used for apart.
    pub(super) fn draw(&self, purpose: u8, input: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&[purpose]);
        mac.update(input);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")?;
        f.write_char('?')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_hexadecimal() {
        let one = Key::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
        let same = Key::from_hex("000102030405060708090A0B0C0D0E0F").unwrap();
        let other = Key::from_hex("000102030405060708090a0b0c0d0e0e").unwrap();
        assert_eq!(one.draw(1, b"x"), same.draw(1, b"x"));
        assert_ne!(one.draw(1, b"x"), other.draw(1, b"x"));
        assert_ne!(one.draw(1, b"x"), one.draw(2, b"x"));
        for wrong in ["", "00", "000102030405060708090a0b0c0d0e0", "zz0102030405060708090a0b0c0d0e0f"] {
            assert!(Key::from_hex(wrong).is_err(), "{wrong}");
        }
        assert!(Key::from_hex(&"ab".repeat(65)).is_err());
    }

    #[test]
    fn random_keys_differ() {
        assert_ne!(Key::random().unwrap().draw(1, b"x"), Key::random().unwrap().draw(1, b"x"));
    }
}
