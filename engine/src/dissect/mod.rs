//! Payload bytes to facts: app-neutral, zero-copy, one pure function a file.

/// What a dissector says about bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dissection<T> {
    /// The protocol was recognised; here are the facts.
    Found(T),
    /// Not this protocol.
    NotMine,
    /// So far it fits, but the bytes end too early to tell.
    NeedMore,
}
