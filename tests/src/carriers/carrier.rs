//! A way to carry an IP packet.

/// A way to carry an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// Its name, a file's name at that.
    pub name: &'static str,
    /// The capture's link type.
    pub link: u16,
    /// The frame around a packet.
    pub frame: fn(&[u8]) -> Vec<u8>,
}
