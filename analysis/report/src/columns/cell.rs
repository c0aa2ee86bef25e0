//! One value of a row.

use std::net::IpAddr;

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// There is none.
    None,
    /// 32 bits.
    Int(i32),
    /// 64 bits.
    Long(i64),
    /// True or false.
    Flag(bool),
    /// UTF-8, also for columns of words.
    Text(&'a str),
    /// Microseconds since 1970.
    Time(i64),
    /// An address.
    Address(IpAddr),
    /// 64 bits, floating.
    Double(f64),
    /// A list of texts.
    Texts(&'a [String]),
}

impl<'a> Cell<'a> {
    /// A point in time, microseconds since 1970; 0 is none.
    pub fn time(time_us: u64) -> Self {
        if time_us == 0 { Self::None } else { Self::Time(i64::try_from(time_us).unwrap_or(i64::MAX)) }
    }

    /// The value, or none.
    pub fn from_option(value: Option<impl Into<Cell<'a>>>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Long(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Self::Long(number.into())
    }
}

impl From<u16> for Cell<'_> {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<IpAddr> for Cell<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}
