//! The APIs that a capture shows in clear: URI and request type ("A deeper dive into WeChat networking components": each API
//! has a unique internal URI and a request type of two to four digits).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exchange::{Exchange, Side};

/// Most APIs that are kept.
const APIS: usize = 4096;

/// What an API is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api {
    /// Its URI, where a known one was met or the request type leads to it.
    pub uri: Option<Arc<str>>,
    /// Request type of the business header.
    pub request_type: Option<u32>,
    /// Command of the long link.
    pub command_id: Option<u32>,
}

/// How much an API was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiUse {
    /// Calls.
    pub count: u64,
    /// Calls by somebody logged in, and by somebody not logged in, where that is in clear.
    pub logged_in: [u64; 2],
    /// Bytes up and down.
    pub bytes: [u64; 2],
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Apis(BTreeMap<Api, ApiUse>);

impl Apis {
    /// Adds an exchange that names its API.
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let Exchange { cgi, request_type, command, .. } = exchange;
        let api = Api { uri: cgi.clone(), request_type: *request_type, command_id: *command };
        let is_none = api.uri.is_none() && api.request_type.is_none() && api.command_id.is_none();
        if is_none || self.0.len() >= APIS && !self.0.contains_key(&api) {
            return;
        }
        let of = self.0.entry(api).or_default();
        of.count += 1;
        if let Some(is_logged_in) = exchange.is_logged_in {
            of.logged_in[usize::from(!is_logged_in)] += 1;
        }
        for (sum, side) in of.bytes.iter_mut().zip([Side::User, Side::Server]) {
            *sum += exchange.bytes(side);
        }
    }

    /// Every API with its use, by URI.
    pub fn iter(&self) -> impl Iterator<Item = (&Api, &ApiUse)> {
        self.0.iter()
    }
}
