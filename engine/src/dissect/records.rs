//! Chains of records that each state their own length, such as `length u24 · frame`, one behind the other.
//!
//! Work is one step a record; a record takes at least one byte, so a chain of n bytes takes at most n steps.

/// How a record states its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Offset of the length field from the record's start, in bytes.
    pub length_at: usize,
    /// Width of the length field in bytes, 1 to 4. Big-endian.
    pub length_width: usize,
    /// What to add to the field's value for the length of the whole record in bytes, header included.
    pub plus: usize,
    /// Shortest plausible record in bytes, header included.
    pub minimum: usize,
    /// Longest plausible record in bytes, header included.
    pub maximum: usize,
}

impl Layout {
    /// Length of the whole record that begins the bytes, header included: `Ok(None)` while its length field is not all
    /// there, `Err` where the length is out of bounds or ends inside the length field.
    pub fn record_length(&self, bytes: &[u8]) -> Result<Option<usize>, Implausible> {
        if !(1..=4).contains(&self.length_width) {
            return Err(Implausible);
        }
        let header = self.length_at.checked_add(self.length_width).ok_or(Implausible)?;
        let Some(field) = bytes.get(self.length_at..header) else { return Ok(None) };
        let stated = field.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
        let stated = usize::try_from(stated).map_err(|_| Implausible)?;
        let length = stated.checked_add(self.plus).ok_or(Implausible)?;
        let plausible = length >= header && (self.minimum..=self.maximum).contains(&length);
        if plausible { Ok(Some(length)) } else { Err(Implausible) }
    }
}

/// A record's stated length is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implausible;

/// How a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The last record ends where the bytes end (or there are no bytes).
    Exactly,
    /// The bytes end within a record.
    Cut {
        /// Bytes the record lacks. Where its length field is not all there: bytes that field lacks.
        missing: usize,
    },
    /// A record's stated length is out of bounds: this is not such a chain, or the place in it was lost.
    Implausible,
}

/// The complete records at the start of bytes, in order, each with its header.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    layout: Layout,
}

impl<'a> Records<'a> {
    /// The records of a chain that begins with the bytes.
    pub fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self { bytes, layout }
    }

    /// How the chain ends, whether or not the records were taken.
    pub fn end(&self) -> End {
        let mut chain = *self;
        while chain.next().is_some() {}
        if chain.bytes.is_empty() {
            return End::Exactly;
        }
        match self.layout.record_length(chain.bytes) {
            Err(Implausible) => End::Implausible,
            Ok(length) => {
                let wanted = length.unwrap_or(self.layout.length_at.saturating_add(self.layout.length_width));
                End::Cut { missing: wanted.saturating_sub(chain.bytes.len()) }
            }
        }
    }

    /// The bytes not taken yet; after the last record those of the record that is cut.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = self.layout.record_length(self.bytes).ok()??;
        let (record, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;

    const FRAMES: Layout = Layout { length_at: 0, length_width: 3, plus: 3, minimum: 4, maximum: 1 << 16 };
    const TWO_FRAMES: &[u8] = &[0, 0, 2, 0xa1, 0xa2, 0, 0, 3, 0xb1, 0xb2, 0xb3];

    #[test]
    fn a_chain_is_cut_into_records() {
        let records = Records::new(TWO_FRAMES, FRAMES);
        assert!(records.eq([&TWO_FRAMES[..5], &TWO_FRAMES[5..]]));
        assert_eq!(records.end(), End::Exactly);
        assert_eq!(Records::new(&[], FRAMES).end(), End::Exactly);
    }

    #[test]
    fn a_cut_chain_says_what_is_missing() {
        let end = |bytes| Records::new(bytes, FRAMES).end();
        assert_eq!(end(&TWO_FRAMES[..9]), End::Cut { missing: 2 });
        assert_eq!(end(&TWO_FRAMES[..6]), End::Cut { missing: 2 });
        prefixes(TWO_FRAMES, |length, prefix| {
            let mut records = Records::new(prefix, FRAMES);
            assert_eq!(records.by_ref().count(), usize::from(length >= 5) + usize::from(length == 11));
            assert_eq!(records.end() == End::Exactly, [0, 5, 11].contains(&length));
            assert_eq!(
                records.rest().len(),
                length - if length < 5 { 0 } else { 5 } - if length < 11 { 0 } else { 6 }
            );
        });
    }

    #[test]
    fn lengths_out_of_bounds_end_the_chain() {
        let end = |bytes: &[u8]| Records::new(bytes, FRAMES).end();
        assert_eq!(end(&[0, 0, 0]), End::Implausible);
        assert_eq!(end(&[1, 0, 0, 9]), End::Implausible);
        assert_eq!(end(&[0, 0, 1, 9, 0, 0, 0, 9]), End::Implausible);
    }

    #[test]
    fn a_length_may_count_the_header_and_stand_anywhere() {
        let layout = Layout { length_at: 2, length_width: 2, plus: 0, minimum: 0, maximum: 100 };
        assert!(Records::new(&[9, 9, 0, 5, 7], layout).eq([[9, 9, 0, 5, 7]]));
        assert_eq!(Records::new(&[9, 9, 0, 3, 7], layout).end(), End::Implausible);
        let wide = Layout { length_width: 5, ..layout };
        assert_eq!(Records::new(&[9; 20], wide).end(), End::Implausible);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        mutations(TWO_FRAMES, |bytes| {
            let records = Records::new(bytes, FRAMES);
            assert!(records.map(<[u8]>::len).sum::<usize>() <= bytes.len());
            records.end();
        });
    }
}
