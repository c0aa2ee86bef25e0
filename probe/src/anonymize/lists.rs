//! Look-up lists over HTTP: names and addresses stay as evidence, with pseudonyms for the addresses.

use std::fmt::Write as _;
use std::io::Read;
use std::net::IpAddr;
use std::ops::Range;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use flate2::{Compress, Compression, FlushCompress};
use wiremark::dissect::name_list;

use super::rules::Rules;
use super::sheet::Sheet;

/// Longest list, unpacked.
const LIST_MAX: u64 = 1 << 20;
/// Header and lengths of a stored block (RFC 1951, 3.2.4).
const STORED: usize = 5;

/// How a body is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    /// With zlib's header and checksum (RFC 1950).
    Zlib,
    Deflate,
}

/// Writes a list anew in exactly as many bytes; whatever else stood in it (the client's address, signatures) goes.
/// False where the body is no list. One that cannot be made to fit stays blank.
pub(super) fn rewrite(
    sheet: &mut Sheet<'_>,
    range: Range<usize>,
    encoding: Option<&[u8]>,
    rules: &mut Rules<'_>,
) -> bool {
    let body = sheet.bytes.get(range.clone()).unwrap_or_default();
    let (packing, text) = unpack(encoding, body);
    if !name_list::is_list(&text) {
        return false;
    }
    let all: Vec<(&[u8], IpAddr)> = name_list::pairs(&text).collect();
    let known: Vec<_> = all.iter().filter(|(name, _)| rules.is_known(name)).copied().collect();
    let built_in: Vec<IpAddr> = name_list::built_in(&text).collect();
    for (pairs, built_in) in [(&all, &built_in), (&known, &built_in), (&known, &Vec::new())] {
        let list = list(pairs, built_in, rules);
        if let Some(packed) = pack(packing, &list, body.len()) {
            sheet.put(range.start, packed);
            break;
        }
    }
    true
}

fn unpack(encoding: Option<&[u8]>, body: &[u8]) -> (Packing, Vec<u8>) {
    if !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"deflate")) {
        return (Packing::Plain, body.to_vec());
    }
    let mut text = Vec::new();
    let zlib = body.first_chunk().is_some_and(|two| two[0] & 15 == 8 && u16::from_be_bytes(*two) % 31 == 0);
    // One that breaks off gives what stands before the break.
    let (packing, _) = if zlib {
        (Packing::Zlib, ZlibDecoder::new(body).take(LIST_MAX).read_to_end(&mut text))
    } else {
        (Packing::Deflate, DeflateDecoder::new(body).take(LIST_MAX).read_to_end(&mut text))
    };
    (packing, text)
}

/// The list as [`name_list`] reads it.
fn list(pairs: &[(&[u8], IpAddr)], built_in: &[IpAddr], rules: &mut Rules<'_>) -> Vec<u8> {
    let mut text = String::from("<dns><domainlist>");
    for domain in pairs.chunk_by(|one, other| one.0 == other.0) {
        let name = domain.first().map(|(name, _)| rules.host(name)).unwrap_or_default();
        _ = write!(text, "<domain name=\"{}\">", String::from_utf8_lossy(&name));
        for (_, address) in domain {
            _ = write!(text, "<ip>{}</ip>", rules.addresses.ip(*address));
        }
        text += "</domain>";
    }
    text += "</domainlist>";
    if !built_in.is_empty() {
        text += "<builtiniplist>";
        for address in built_in {
            _ = write!(text, "<ip>{}</ip>", rules.addresses.ip(*address));
        }
        text += "</builtiniplist>";
    }
    (text + "</dns>").into_bytes()
}

/// The list in exactly `length` bytes, blanks behind it; none where it needs more.
fn pack(packing: Packing, list: &[u8], length: usize) -> Option<Vec<u8>> {
    if packing == Packing::Plain {
        let mut packed = list.to_vec();
        packed.resize(length.max(list.len()), b' ');
        return (packed.len() == length).then_some(packed);
    }
    let mut compress = Compress::new(Compression::best(), packing == Packing::Zlib);
    let mut packed = Vec::with_capacity(list.len() + 1024);
    compress.compress_vec(list, &mut packed, FlushCompress::Sync).ok()?;
    let trailer = if packing == Packing::Zlib { 4 } else { 0 };
    // The last block is stored, and holds as many blanks as are wanted.
    let blanks = length.checked_sub(packed.len() + STORED + trailer)?;
    let count = u16::try_from(blanks).ok()?;
    packed.push(1);
    packed.extend(count.to_le_bytes());
    packed.extend((!count).to_le_bytes());
    packed.resize(packed.len() + blanks, b' ');
    if packing == Packing::Zlib {
        let sum = adler32(list.iter().copied().chain(std::iter::repeat_n(b' ', blanks)));
        packed.extend(sum.to_be_bytes());
    }
    Some(packed)
}

/// zlib's checksum (RFC 1950, 8.2).
fn adler32(bytes: impl Iterator<Item = u8>) -> u32 {
    let (low, high) = bytes.fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use std::io::Write;

    #[test]
    fn packed_to_the_length_asked_for() {
        let list = b"<dns><domain name=\"a.example.net\"><ip>192.0.2.1</ip></domain></dns>".repeat(3);
        for (packing, encoding) in
            [(Packing::Zlib, "deflate"), (Packing::Deflate, "deflate"), (Packing::Plain, "")]
        {
            let least = (0..1000).find(|length| pack(packing, &list, *length).is_some()).unwrap();
            for length in least..least + 50 {
                let packed = pack(packing, &list, length).unwrap();
                assert_eq!(packed.len(), length);
                let (same, text) = unpack(Some(encoding.as_bytes()), &packed);
                assert!(same == packing);
                assert_eq!(text.trim_ascii_end(), list);
            }
        }
    }

    #[test]
    fn unpacks_what_others_pack() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"<dns></dns>").unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(b"<dns></dns>").unwrap();
        for body in [zlib.finish().unwrap(), deflate.finish().unwrap()] {
            assert_eq!(unpack(Some(b"deflate"), &body).1, b"<dns></dns>");
        }
    }
}
