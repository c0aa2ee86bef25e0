//! What is handed out when a call is over.

use wiremark::AppId;

use super::channel::ChannelCall;
use super::party::Party;

/// A finished call.
#[derive(Clone, Debug)]
pub struct Call {
    /// From 1 in the order in which calls end.
    pub number: u64,
    /// The app, by its number in the signature set.
    pub app: AppId,
    /// What was seen.
    pub kind: CallKind,
}

/// What a call was told by.
#[derive(Clone, Debug)]
pub enum CallKind {
    /// Relays, and one or two ends of the call in the order in which they began.
    Relayed(Vec<Party>),
    /// ChannelCalls.
    Channels(Box<ChannelCall>),
}
