//! The trailer that PCAPdroid for Android puts behind a frame ("Dump extensions" of its documentation): which app the
//! packet belongs to. Big-endian.
//!
//! ```text
//! 0 from 32 before the end   4            8          28
//! | 01 07 20 21              | user id    | app, 20  | frame check sequence
//! ```

/// Bytes of the trailer.
pub const TRAILER_BYTES: usize = 32;
const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];

/// The app's name, cut to 20 bytes, where the frame ends in a trailer; a captured frame only, not one that was cut.
#[inline]
pub fn app(frame: &[u8]) -> Option<&[u8]> {
    let (magic, rest) = frame.last_chunk::<TRAILER_BYTES>()?.split_first_chunk::<4>()?;
    if *magic == MAGIC { name(rest) } else { None }
}

/// The name, behind the magic.
#[cold]
fn name(rest: &[u8]) -> Option<&[u8]> {
    let name = rest.get(4..24)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    name.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_the_trailer() {
        let mut frame = [0; 40];
        frame[8..12].copy_from_slice(&MAGIC);
        frame[16..20].copy_from_slice(b"Chat");
        assert_eq!(app(&frame), Some(&b"Chat"[..]));
        frame[16..36].fill(b'x');
        assert_eq!(app(&frame), Some(&[b'x'; 20][..]));
        assert_eq!(app(&frame[..39]), None);
        assert_eq!(app(&frame[9..]), None);
    }
}
