//! Payload bytes to facts: app-neutral, zero-copy, one pure function a file.
//!
//! Every dissector takes the bytes it is to look at and nothing else, allocates nothing, cannot panic, and states the
//! most work a hostile sender can make it do. Dissectors of byte streams (TLS, HTTP, DNS over TCP, ...) take the stream
//! from its start, or from the start of a message, in as many bytes as have arrived.

pub mod banner;
mod cursor;
pub mod dns;
pub mod http;
pub mod longlink;
pub mod mmtls;
pub mod name_list;
pub mod preamble;
pub mod protobuf;
pub mod quic;
pub mod records;
pub mod rtp;
pub mod stun;
pub(crate) mod text;
pub mod tls;
pub(crate) mod unpack;

use cursor::Stop;

/// What a dissector says about bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dissection<T> {
    /// The protocol was recognised; here are the facts.
    Found(T),
    /// Not this protocol.
    NotMine,
    /// So far it fits, but the bytes end too early to tell.
    NeedMore,
}

impl<T> Dissection<T> {
    /// The facts, where there are any.
    pub fn found(self) -> Option<T> {
        match self {
            Dissection::Found(facts) => Some(facts),
            Dissection::NotMine | Dissection::NeedMore => None,
        }
    }

    /// The same answer with its facts turned into others.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Dissection<U> {
        match self {
            Dissection::Found(facts) => Dissection::Found(turn(facts)),
            Dissection::NotMine => Dissection::NotMine,
            Dissection::NeedMore => Dissection::NeedMore,
        }
    }

    /// The same answer for bytes that will not grow, such as a datagram: "need more" becomes "not mine".
    pub fn settled(self) -> Self {
        match self {
            Dissection::NeedMore => Dissection::NotMine,
            other => other,
        }
    }
}

impl<T> From<Result<T, Stop>> for Dissection<T> {
    fn from(read: Result<T, Stop>) -> Self {
        match read {
            Ok(facts) => Dissection::Found(facts),
            Err(Stop::Cut) => Dissection::NeedMore,
            Err(Stop::Malformed) => Dissection::NotMine,
        }
    }
}

#[cfg(test)]
mod torture {
    use alloc::vec::Vec;

    /// Hands over every prefix of the bytes, the empty one and the whole included, with its length.
    pub(super) fn prefixes(bytes: &[u8], mut look: impl FnMut(usize, &[u8])) {
        for length in 0..=bytes.len() {
            look(length, &bytes[..length]);
        }
    }

    /// Hands over every message that differs from the bytes in one byte (each of 256 values), whole and cut behind it.
    pub(super) fn mutations(bytes: &[u8], mut look: impl FnMut(&[u8])) {
        let mut changed = Vec::from(bytes);
        for at in 0..bytes.len() {
            for value in 0..=255 {
                changed[at] = value;
                look(&changed);
                look(&changed[..=at]);
            }
            changed[at] = bytes[at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_does_not_grow() {
        assert_eq!(Dissection::<u8>::NeedMore.settled(), Dissection::NotMine);
        assert_eq!(Dissection::Found(1).settled().map(|facts| facts + 1).found(), Some(2));
    }
}
