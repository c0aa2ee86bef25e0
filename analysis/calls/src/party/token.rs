//! The token by which a relay knows a call.

use wiremark::dissect::stun::Message;

use super::super::keyed_hash::fingerprint;
use super::super::script::RelayScript;

/// A fingerprint of the token, never 0: the token itself need not be kept.
pub(super) fn token(script: &RelayScript, message: &Message<'_>) -> u64 {
    let token = script.token_attributes.iter().find_map(|kind| message.attribute(*kind));
    fingerprint(token.unwrap_or_default()) | 1
}
