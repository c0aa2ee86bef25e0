//! End points by another name.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;

/// Shortest key, in bytes: shorter ones can be found by trying.
const SHORTEST_KEY_BYTES: usize = 16;

/// What stands for an end point: 64 bits that say nothing of it to who has not the key (HMAC-SHA-256, RFC 2104, cut off).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(u64);

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:016x}", self.0)
    }
}

impl Serialize for Pseudonym {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The secret of all pseudonyms of a run. Who has it can find out whose they are by trying all addresses.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// From the operating system's random numbers: two runs cannot be joined.
    ///
    /// # Errors
    /// There are none to be had.
    pub fn random() -> Result<Self, String> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers from the system: {error}"))?;
        Self::from_bytes(&bytes)
    }

    /// From a key of one's own, to join several runs.
    ///
    /// # Errors
    /// It is shorter than 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < SHORTEST_KEY_BYTES {
            return Err(format!(
                "{} bytes of key, where it takes {SHORTEST_KEY_BYTES} at least",
                bytes.len()
            ));
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|error| error.to_string())
    }

    /// The name of an end point, whatever bytes tell it from others.
    pub fn pseudonym(&self, end_point: &[u8]) -> Pseudonym {
        let mut mac = self.0.clone();
        mac.update(end_point);
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
        Pseudonym(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_makes_the_names() {
        let (one, other) = (Key::from_bytes(&[1; 16]).unwrap(), Key::from_bytes(&[2; 16]).unwrap());
        assert_eq!(one.pseudonym(b"x"), one.clone().pseudonym(b"x"));
        assert_ne!(one.pseudonym(b"x"), one.pseudonym(b"y"));
        assert_ne!(one.pseudonym(b"x"), other.pseudonym(b"x"));
        assert!(Key::from_bytes(&[1; 15]).is_err());
        assert_eq!(format!("{one:?}"), "Key");
    }

    #[test]
    fn two_runs_cannot_be_joined() {
        assert_ne!(Key::random().unwrap().pseudonym(b"x"), Key::random().unwrap().pseudonym(b"x"));
    }
}
