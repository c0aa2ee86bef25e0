//! Deflated bodies (RFC 1951), raw or in zlib's frame (RFC 1950), of bounded length: unpacked piece by piece, as long as more is wanted.

use miniz_oxide::inflate::{TINFLStatus, core as inflate};

/// Bytes that are unpacked: a quarter more than the longest look-up list has that was seen, 17,988.
const BYTES_MAX: usize = 22 * 1024;
/// What unpacking may cost, where a packed byte costs so much by the bits of its block's shortest code, of one or two or more: what 2,432
/// bytes of a list do. That one has its names and addresses in the first 2,304 of 2,876. The most are 6,500 letters, of three bits each.
const COST_MAX: usize = 4864;
const COSTS: [usize; 3] = [9, 4, 2];
/// Packed bytes that are unpacked at once, before it is asked whether more are wanted.
const PIECE_BYTES: usize = 450;
/// Most blocks: one is what that list has, and each costs more than a hundred of its names.
const BLOCKS_MAX: usize = 8;

/// What a body holds, as far as that is unpacked; what there is is shown after each piece, for saying whether more is wanted.
/// Of a body that breaks off or is damaged it is what comes before.
pub(crate) fn unpacked<'s>(
    body: &[u8],
    inflater: &mut inflate::DecompressorOxide,
    scratch: &'s mut [u8],
    mut is_wanted: impl FnMut(&[u8]) -> bool,
) -> &'s [u8] {
    use inflate::inflate_flags::*;
    let zlib = body.first_chunk().is_some_and(|two| two[0] & 15 == 8 && u16::from_be_bytes(*two) % 31 == 0);
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | TINFL_FLAG_IGNORE_ADLER32
        | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY
        | TINFL_FLAG_HAS_MORE_INPUT
        | if zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    let room = scratch.len().min(BYTES_MAX);
    let (mut packed, mut written, mut blocks, mut cost_left) = (body, 0, 0, COST_MAX);
    let mut cost = cost_of_block(if zlib { &packed[2..] } else { packed }, 0, 0);
    inflater.init();
    loop {
        let piece = &packed[..packed.len().min(PIECE_BYTES).min(cost_left / cost)];
        let (status, read, fresh) =
            inflate::decompress(inflater, piece, &mut scratch[..room], written, flags);
        packed = &packed[read..];
        written += fresh;
        cost_left -= read * cost;
        match status {
            TINFLStatus::BlockBoundary if blocks < BLOCKS_MAX => {
                blocks += 1;
                let held = inflater.block_boundary_state().unwrap_or_default();
                cost = cost_of_block(packed, held.bit_buf, held.num_bits);
            }
            TINFLStatus::NeedsMoreInput if read > 0 && is_wanted(&scratch[..written]) => {}
            _ => return &scratch[..written],
        }
    }
}

/// What a byte costs of the block that begins with so many held bits and these bytes: of which lengths it has codes stands in its
/// head, at fixed places (RFC 1951, 3.2.7).
fn cost_of_block(packed: &[u8], held: u8, count: u8) -> usize {
    let mut head = [0; 16];
    head.iter_mut().zip(packed).for_each(|(to, byte)| *to = *byte);
    let bits = u128::from_le_bytes(head) << count | u128::from(held);
    let listed = 4 + (bits >> 13) as usize % 16;
    let has = |place: usize| place < listed && bits >> (17 + 3 * place) & 7 != 0;
    match bits >> 1 & 3 {
        2 if has(17) => COSTS[0],
        2 if has(15) => COSTS[1],
        _ => COSTS[2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn all(body: &[u8]) -> Vec<u8> {
        unpacked(body, &mut inflate::DecompressorOxide::new(), &mut [0; BYTES_MAX], |_| true).to_vec()
    }

    /// With codes of the standard.
    const PACKED: &[u8] = b"\x4b\x4c\x4a\x4e\x04\x21\x00";

    #[test]
    fn raw_and_framed_bodies_are_unpacked_as_far_as_they_go() {
        assert_eq!(all(PACKED), b"abcabcab");
        assert_eq!(all(&[b"\x78\x9c", PACKED].concat()), b"abcabcab");
        assert_eq!(all(b"\x01\x03\x00\xfc\xffabc"), b"abc");
        (0..PACKED.len()).for_each(|cut| assert!(b"abcabcab".starts_with(&all(&PACKED[..cut]))));
        assert_eq!(all(b""), b"");
    }

    #[test]
    fn blocks_and_bytes_are_bounded() {
        let block = b"\x00\x03\x00\xfc\xffabc";
        assert_eq!(all(&block.repeat(100)), b"abc".repeat(BLOCKS_MAX + 1));
        let long = [b"\x00\xff\xff\x00\x00".as_slice(), &[7; 0xffff]].concat();
        assert_eq!(all(&long).len(), COST_MAX / COSTS[2] - 5);
    }

    #[test]
    fn nothing_is_unpacked_that_is_not_wanted() {
        let long = [b"\x00\xff\xff\x00\x00".as_slice(), &[7; 0xffff]].concat();
        let (mut inflater, mut scratch) = (inflate::DecompressorOxide::new(), [0; BYTES_MAX]);
        let first = unpacked(&long, &mut inflater, &mut scratch, |_| false);
        assert_eq!(first.len(), PIECE_BYTES - 5);
    }

    #[test]
    fn short_codes_cost_more() {
        // All code lengths are listed; those of one bit and of two have codes.
        let head = |lengths: u128| (0b100 | 15 << 13 | lengths << 17).to_le_bytes();
        let of = |lengths| cost_of_block(&head(lengths), 0, 0);
        assert_eq!([of(1 << 51), of(1 << 45), of(1 << 39)], COSTS);
        let few = (0b100 | 4 << 13 | 1u128 << 68).to_le_bytes();
        assert_eq!([cost_of_block(&few, 0, 0), cost_of_block(b"\x02", 0, 0)], [COSTS[2]; 2]);
        // Behind three bits of the block before.
        let behind = (u128::from_le_bytes(head(1 << 51)) >> 3).to_le_bytes();
        assert_eq!(cost_of_block(&behind, head(1 << 51)[0] & 7, 3), COSTS[0]);
    }

    #[test]
    fn damaged_bodies_do_no_harm() {
        let (mut inflater, mut scratch) = (inflate::DecompressorOxide::new(), [0; BYTES_MAX]);
        let mut state = 7u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        for round in 0..4000 {
            let mut body: Vec<u8> = (0..usize::from(byte()) * 8).map(|_| byte()).collect();
            // Many short blocks of every kind.
            body.iter_mut().step_by(1 + round % 5).for_each(|byte| *byte &= 7);
            unpacked(&body, &mut inflater, &mut scratch, |_| true);
        }
    }
}
