//! Numbers as bytes have them, and how often one cannot be a length.

/// The number that all these bytes are.
pub(crate) fn number(bytes: &[u8], little: bool) -> usize {
    // A search reads millions, nearly all of these widths.
    match *bytes {
        [only] => only.into(),
        [a, b] => (if little { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) }).into(),
        [a, b, c, d] => {
            let bytes = [a, b, c, d];
            (if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }) as usize
        }
        _ => {
            let add = |sum: usize, &byte: &u8| (sum << 8) | usize::from(byte);
            if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
        }
    }
}

/// How a number of a header may stand there: its bytes, and whether it is little-endian.
const READ: [(usize, bool); 5] = [(1, false), (2, false), (2, true), (4, false), (4, true)];
/// The same by bytes, with the places in [`READ`].
pub(crate) const WIDTHS: [(usize, &[(usize, bool)]); 3] =
    [(1, &[(0, false)]), (2, &[(1, false), (2, true)]), (4, &[(3, false), (4, true)])];

/// How often the number at an offset is more than what is left of the span: no length of a first element then.
pub(crate) struct Firsts(Vec<[usize; 5]>);

impl Firsts {
    pub(crate) fn of(looked: &[&[u8]], columns: usize) -> Self {
        let mut counts = vec![[0; 5]; columns + 16];
        for bytes in looked {
            // Spans that end before the first element say nothing.
            for (at, counts) in counts.iter_mut().enumerate().take(bytes.len()) {
                let left = bytes.len() - at;
                for (count, &(width, little)) in counts.iter_mut().zip(&READ) {
                    if width > left || number(&bytes[at..at + width], little) > left {
                        *count += 1;
                    }
                }
            }
        }
        Self(counts)
    }

    /// Of the number read as [`READ`]'s `read`th.
    pub(crate) fn misfits(&self, at: usize, read: usize) -> usize {
        self.0.get(at).map_or(usize::MAX, |counts| counts[read])
    }
}
