//! Reading big-endian fields one after the other, telling bytes that have not come yet from bytes that never will.

/// Why a field could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes at hand end before the field does; the message said there would be more.
    Cut,
    /// The field contradicts the message: it runs past the stated length, or holds a value it cannot have.
    Malformed,
}

/// A place in bytes of a stated length, of which perhaps only the first part is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    stated: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of bytes that go on for as long as they like: running out is always [`Stop::Cut`].
    #[inline]
    pub(super) fn open(bytes: &'a [u8]) -> Self {
        Self { bytes, stated: usize::MAX }
    }

    /// At the start of a message of `stated` bytes; `bytes` may hold fewer (cut) or more (what follows it).
    #[inline]
    pub(super) fn stated(bytes: &'a [u8], stated: usize) -> Self {
        Self { bytes: bytes.get(..stated).unwrap_or(bytes), stated }
    }

    /// Bytes the message still has by its stated length, at hand or not.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.stated
    }

    /// The bytes at hand from here on.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let left = self.stated.checked_sub(count).ok_or(Stop::Malformed)?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Stop::Cut)?;
        *self = Self { bytes: rest, stated: left };
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        self.take(N)?.first_chunk().copied().ok_or(Stop::Cut)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn u24(&mut self) -> Result<u32, Stop> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads one byte and stops unless it is as expected.
    #[inline]
    pub(super) fn expect(&mut self, holds: impl FnOnce(u8) -> bool) -> Result<u8, Stop> {
        let byte = self.u8()?;
        if holds(byte) { Ok(byte) } else { Err(Stop::Malformed) }
    }
}
