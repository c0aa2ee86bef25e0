//! Rows by address block.

use super::model::Block;
use super::row::RowIndex;
use crate::five_tuple::Address;
use alloc::vec::Vec;

/// Address blocks, the longest first.
#[derive(Debug)]
pub(super) struct AddressIndex {
    blocks: Vec<(Block, RowIndex)>,
    /// A bit for each first byte of an IPv4 address that lies in some block: most addresses lie in none.
    first_bytes: [u64; 4],
}

impl AddressIndex {
    pub(super) fn new(mut blocks: Vec<(Block, RowIndex)>) -> Self {
        blocks.sort_by_key(|(block, row)| (core::cmp::Reverse(block.bits), block.first, *row));
        let mut first_bytes = [0; 4];
        for byte in 0..=255u8 {
            let ends = [Address::v4([byte, 0, 0, 0]), Address::v4([byte, 255, 255, 255])];
            let touches = |block: &Block| {
                ends.iter().any(|end| block.contains(*end))
                    || block.first.to_v4().is_some_and(|first| first[0] == byte)
            };
            if blocks.iter().any(|(block, _)| touches(block)) {
                first_bytes[usize::from(byte >> 6)] |= 1 << (byte & 63);
            }
        }
        Self { blocks, first_bytes }
    }

    /// Whether no row is about addresses alone.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    #[inline]
    pub(super) fn find(&self, address: Address) -> Option<RowIndex> {
        if let Some([first, ..]) = address.to_v4()
            && self.first_bytes[usize::from(first >> 6)] >> (first & 63) & 1 == 0
        {
            return None;
        }
        self.blocks.iter().find(|(block, _)| block.contains(address)).map(|(_, row)| *row)
    }
}
