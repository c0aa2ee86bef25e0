//! Opening the client's Initial packets (RFC 9001, 5; RFC 9369, 3.3): the keys come from the version's salt and the
//! connection id in the packet, so that anyone on the path can read them.

use super::{Dialect, ID_MAX, LongHeader, PacketKind, header};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::aes::{Aes128, Block};
use aes_gcm::{Aes128Gcm, Tag};
use alloc::boxed::Box;
use hkdf::Hkdf;
use sha2::Sha256;

const TAG_LENGTH: usize = 16;
/// Where the sample for header protection begins, behind the longest packet number (RFC 9001, 5.4.2).
const SAMPLE_AT: usize = 4;

/// Shortest connection id that a client chooses for the server (RFC 9000, 7.2). Shorter ones are those of clients, in a
/// server's packets, and give no keys.
const FIRST_ID_MIN: usize = 8;

/// RFC 9001, 5.2, and drafts 33 and 34.
const SALT_V1: [u8; 20] =
    *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
/// RFC 9369, 3.3.1.
const SALT_V2: [u8; 20] =
    *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
/// draft-ietf-quic-tls-29 to -32.
const SALT_29: [u8; 20] =
    *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
/// draft-ietf-quic-tls-23 to -28.
const SALT_23: [u8; 20] =
    *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
/// draft-ietf-quic-tls-22.
const SALT_22: [u8; 20] =
    *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";
/// Google's Q050.
const SALT_GOOGLE_50: [u8; 20] =
    *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45";

/// The plaintext of the client's Initial packet that begins the bytes: its frames, for
/// [`crypto_frames`](super::crypto_frames).
///
/// `None` if the bytes do not begin with an Initial of a known version, if it is not a client's (the authentication tag
/// tells: a server's packets, and a client's after it has taken on the server's connection id, have other keys in them),
/// or if `scratch` is shorter than the packet. The plaintext lies in `scratch`.
///
/// Work: four key derivations, and AES over the packet once.
pub fn decrypt_initial<'a>(datagram_packet: &[u8], scratch: &'a mut [u8]) -> Option<&'a [u8]> {
    let header = header(datagram_packet).ok()?;
    decrypt_initial_of(datagram_packet, header.destination_id, scratch)
}

/// The same with the keys of another connection id: the one the client chose first goes on to give the keys when the
/// client writes to the id that the server has chosen (RFC 9001, 5.2).
pub fn decrypt_initial_of<'a>(
    datagram_packet: &[u8],
    first_id: &[u8],
    scratch: &'a mut [u8],
) -> Option<&'a [u8]> {
    let header = header(datagram_packet).ok().filter(|header| header.kind == PacketKind::Initial)?;
    open(&header, &Keys::client(Dialect::of(header.version)?, first_id)?, scratch)
}

/// Connection ids whose keys are kept.
const KEPT: usize = 64;

/// Keys of connection ids met lately: a hello comes in several packets, some of them sent again, and to derive the keys takes most
/// of the work that opening a packet is.
#[derive(Debug)]
pub(crate) struct InitialKeys(Box<[Option<KeptKeys>; KEPT]>);

#[derive(Clone, Copy)]
struct KeptKeys {
    dialect: Dialect,
    id_bytes: u8,
    id: [u8; ID_MAX as usize],
    keys: Keys,
}

impl core::fmt::Debug for KeptKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KeptKeys")
    }
}

impl InitialKeys {
    pub(crate) fn new() -> Self {
        Self(Box::new([None; KEPT]))
    }

    /// As [`decrypt_initial_of`], of a packet whose header is at hand.
    pub(crate) fn decrypt<'a>(
        &mut self,
        header: &LongHeader<'_>,
        first_id: &[u8],
        scratch: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        open(header, self.of(Dialect::of(header.version)?, first_id)?, scratch)
    }

    fn of(&mut self, dialect: Dialect, id: &[u8]) -> Option<&Keys> {
        let mut padded = [0; ID_MAX as usize];
        padded.get_mut(..id.len())?.copy_from_slice(id);
        let id_bytes = id.len() as u8;
        let number = id.iter().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        let place = &mut self.0[usize::from(number) % KEPT];
        let is_known =
            |kept: &KeptKeys| (kept.dialect, kept.id_bytes, kept.id) == (dialect, id_bytes, padded);
        if !place.as_ref().is_some_and(is_known) {
            let keys = Keys::client(dialect, id)?;
            *place = Some(KeptKeys { dialect, id_bytes, id: padded, keys });
        }
        place.as_ref().map(|kept| &kept.keys)
    }
}

/// Opens an Initial packet into `scratch`.
fn open<'a>(header: &LongHeader<'_>, keys: &Keys, scratch: &'a mut [u8]) -> Option<&'a [u8]> {
    let packet = scratch.get_mut(..header.packet.len())?;
    packet.copy_from_slice(header.packet);
    let (head, protected) = packet.split_at_mut_checked(header.number_at)?;
    let sample = protected.get(SAMPLE_AT..)?.first_chunk::<16>()?;
    let mask = keys.mask(sample);
    let first = head.first_mut()?;
    *first ^= mask[0] & 0x0f;
    let number_length = usize::from(*first & 3) + 1;
    let mut number = 0u32;
    for (byte, mask) in protected.iter_mut().zip(&mask[1..]).take(number_length) {
        *byte ^= mask;
        number = number << 8 | u32::from(*byte);
    }

    let (head, sealed) = packet.split_at_mut_checked(header.number_at + number_length)?;
    let (text, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG_LENGTH)?)?;
    let tag = Tag::from(*tag.first_chunk::<TAG_LENGTH>()?);
    // A client's first packets have small numbers, which come in full (RFC 9000, 17.1).
    let nonce = keys.nonce(number);
    Aes128Gcm::new(&keys.key.into())
        .decrypt_inout_detached(&nonce.into(), head, (&mut *text).into(), &tag)
        .ok()?;
    Some(text)
}

#[derive(Clone, Copy)]
struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    mask_key: [u8; 16],
}

impl Keys {
    fn client(dialect: Dialect, destination_id: &[u8]) -> Option<Self> {
        let salt = match dialect {
            Dialect::V1 | Dialect::Draft(33..) => &SALT_V1,
            Dialect::V2 => &SALT_V2,
            Dialect::Draft(29..) => &SALT_29,
            Dialect::Draft(23..) => &SALT_23,
            Dialect::Draft(_) => &SALT_22,
            Dialect::Google50 => &SALT_GOOGLE_50,
        };
        let [key, iv, mask_key] = match dialect {
            Dialect::V2 => [&b"tls13 quicv2 key"[..], b"tls13 quicv2 iv", b"tls13 quicv2 hp"],
            _ => [&b"tls13 quic key"[..], b"tls13 quic iv", b"tls13 quic hp"],
        };
        if destination_id.len() < FIRST_ID_MIN {
            return None;
        }
        let initial = Hkdf::<Sha256>::new(Some(salt), destination_id);
        let client = Hkdf::<Sha256>::from_prk(&expand::<32>(&initial, b"tls13 client in")?).ok()?;
        Some(Self {
            key: expand(&client, key)?,
            iv: expand(&client, iv)?,
            mask_key: expand(&client, mask_key)?,
        })
    }

    /// Header protection's mask (RFC 9001, 5.4.3); five bytes of it count.
    fn mask(&self, sample: &[u8; 16]) -> [u8; 16] {
        let mut block = Block::from(*sample);
        Aes128::new(&self.mask_key.into()).encrypt_block(&mut block);
        block.into()
    }

    /// The packet number on the right of the initialisation vector (RFC 9001, 5.3).
    fn nonce(&self, number: u32) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446, 7.1): `length u16 · label length u8 · label · 0 u8`.
fn expand<const LENGTH: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; LENGTH]> {
    let length = u16::try_from(LENGTH).ok()?.to_be_bytes();
    let label_length = [u8::try_from(label.len()).ok()?];
    let mut output = [0; LENGTH];
    secret.expand_multi_info(&[&length, &label_length, label, &[0]], &mut output).ok()?;
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::super::super::tls;
    use super::super::super::torture::prefixes;
    use super::super::vectors::{RFC_9001_A_2, RFC_9369_A_2};
    use super::super::{GOOGLE_50, crypto_frames};
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    const CLIENT_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    fn bytes_of(hexadecimal: &str) -> Vec<u8> {
        let (pairs, []) = hexadecimal.as_bytes().as_chunks::<2>() else { panic!() };
        pairs.iter().map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn keys_are_those_of_the_rfcs() {
        // RFC 9001, A.1; RFC 9369, A.1.
        let keys = Keys::client(Dialect::V1, &CLIENT_ID).unwrap();
        assert_eq!(keys.key[..], bytes_of("1f369613dd76d5467730efcbe3b1a22d"));
        assert_eq!(keys.iv[..], bytes_of("fa044b2f42a3fd3b46fb255c"));
        assert_eq!(keys.mask_key[..], bytes_of("9f50449e04a0e810283a1e9933adedd2"));
        let keys = Keys::client(Dialect::V2, &CLIENT_ID).unwrap();
        assert_eq!(keys.key[..], bytes_of("8b1a0bc121284290a29e0971b5cd045d"));
        assert_eq!(keys.iv[..], bytes_of("91f73e2351d8fa91660e909f"));
        assert_eq!(keys.mask_key[..], bytes_of("45b95e15235d6f45a6b19cbcb0294ba9"));
    }

    #[test]
    fn packets_of_the_rfcs_are_opened() {
        for packet in [RFC_9001_A_2, RFC_9369_A_2] {
            let mut datagram = bytes_of(packet);
            datagram.extend(b"another packet");
            let mut scratch = [0; 1200];
            let plaintext = decrypt_initial(&datagram, &mut scratch).unwrap();
            assert_eq!(plaintext.len(), 1162);
            let frames: Vec<_> = crypto_frames(plaintext).collect();
            assert_eq!(
                frames.iter().map(|frame| (frame.offset, frame.bytes.len())).collect::<Vec<_>>(),
                [(0, 241)]
            );
            let hello = tls::hello_message(frames[0].bytes).found().unwrap();
            assert_eq!((hello.sni, hello.complete), (Some(&b"example.com"[..]), true));
        }
    }

    #[test]
    fn every_version_has_its_own_keys() {
        let versions = [1, 0x6b33_43cf, 0xff00_001d, 0xff00_0017, 0xff00_0016, GOOGLE_50];
        let keys =
            versions.map(|version| Keys::client(Dialect::of(version).unwrap(), &CLIENT_ID).unwrap().key);
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "version {:08x}", versions[at]);
        }
        let same = |one: u32, other: u32| {
            let [one, other] = [one, other]
                .map(|version| Keys::client(Dialect::of(version).unwrap(), &CLIENT_ID).unwrap().key);
            one == other
        };
        assert!(same(0xff00_001d, 0xff00_0020) && same(0xff00_0017, 0xff00_001c));
        assert!(same(0xff00_0021, 1) && same(0xff00_0022, 1));
        assert!(same(0xface_b001, 0xff00_0016) && same(0xface_b002, 0xff00_001b));
        assert!(same(0xface_b003, 1) && same(0xface_b004, 1) && same(0xface_b010, 0xface_b002));
    }

    #[test]
    fn keys_are_kept_by_version_and_id() {
        let datagram = bytes_of(RFC_9001_A_2);
        let Ok(header) = header(&datagram) else { panic!() };
        let mut kept = InitialKeys::new();
        let (mut one, mut other) = ([0; 1200], [0; 1200]);
        let alone = decrypt_initial(&datagram, &mut one).unwrap();
        for _ in 0..2 {
            assert_eq!(kept.decrypt(&header, &CLIENT_ID, &mut other), Some(alone));
            assert_eq!(
                kept.decrypt(
                    &LongHeader { version: super::super::VERSION_2, ..header },
                    &CLIENT_ID,
                    &mut other
                ),
                None
            );
        }
        // Many others, some in its place, and ids that are too short or too long.
        for number in 0..1000u64 {
            let id = number.to_be_bytes();
            let keys = *kept.of(Dialect::V1, &id).unwrap();
            assert_eq!(keys.key, Keys::client(Dialect::V1, &id).unwrap().key);
            assert_eq!(kept.of(Dialect::V1, &id[1..]).map(|keys| keys.key), None);
        }
        assert!(kept.of(Dialect::V1, &[0; 21]).is_none() && kept.of(Dialect::V1, &[0; 20]).is_some());
        assert_eq!(kept.decrypt(&header, &CLIENT_ID, &mut other), Some(alone));
    }

    #[test]
    fn a_packet_that_was_touched_stays_closed() {
        let packet = bytes_of(RFC_9001_A_2);
        let mut scratch = vec![0; 1200];
        for at in [0, 4, 6, 16, 18, 21, 22, 600, 1199] {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert_eq!(decrypt_initial(&changed, &mut scratch), None, "byte {at}");
        }
        prefixes(&packet[..1199], |_, prefix| assert_eq!(decrypt_initial(prefix, &mut scratch), None));
        assert_eq!(decrypt_initial(&packet, &mut scratch[..1199]), None);
    }

    #[test]
    fn short_payloads_do_not_panic() {
        let mut scratch = [0; 64];
        for length in 0..40 {
            let packet = [&b"\xc0\0\0\0\x01\x01\x07\0\0"[..], &[length], &[0; 40]].concat();
            assert_eq!(decrypt_initial(&packet, &mut scratch), None);
        }
    }
}
