//! What flows taught about other flows: addresses that names stand for, servers, the end points of calls.

use super::config::ContextConfig;
use crate::five_tuple::{Address, FiveTuple};
use crate::lru::{LruCache, SeededHash, fold};
use crate::verdict::SignatureId;

/// Address and port.
pub(crate) type EndPoint = (Address, u16);

/// How a flow came to be known by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A DNS answer named its server's address.
    DnsAnswer,
    /// A look-up list over HTTP named its server's address.
    NameList,
    /// An earlier flow to the same address and port.
    Server,
    /// It shares an end point with a call.
    CallEndPoint,
    /// It carries a media stream (SSRC) of a call.
    CallStream,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    signature: SignatureId,
    relation: Relation,
}

#[derive(Clone, Copy, Debug)]
struct CallEnd {
    signature: SignatureId,
    /// For a relay, which serves many: only this client's flows count. `None` for the client itself.
    client: Option<Address>,
}

/// Everything in tables of fixed size; see [`LruCache`].
#[derive(Debug)]
pub(crate) struct Evidence {
    addresses: LruCache<Address, Named>,
    servers: LruCache<EndPoint, SignatureId>,
    calls: LruCache<EndPoint, CallEnd>,
    streams: LruCache<u32, SignatureId>,
    /// Of all four.
    seed: u64,
    dns_ttl_us: u64,
    list_ttl_us: u64,
    server_ttl_us: u64,
    call_ttl_us: u64,
}

impl SeededHash for Address {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        let value = u128::from_be_bytes(self.0);
        fold((value >> 64) as u64, fold(value as u64, seed))
    }
}

impl SeededHash for EndPoint {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(self.1), self.0.seeded_hash(seed))
    }
}

impl SeededHash for u32 {
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(*self), seed)
    }
}

impl Evidence {
    pub(crate) fn new(config: &ContextConfig) -> Self {
        Self {
            addresses: LruCache::new(config.remembered, config.seed),
            servers: LruCache::new(config.remembered, config.seed),
            calls: LruCache::new(config.remembered, config.seed),
            streams: LruCache::new(config.remembered, config.seed),
            seed: config.seed,
            dns_ttl_us: config.dns_ttl_us,
            list_ttl_us: config.list_ttl_us,
            server_ttl_us: config.server_ttl_us,
            call_ttl_us: config.call_ttl_us,
        }
    }

    /// An answer says that `address` stands for a name with this row.
    pub(crate) fn name_address(
        &mut self,
        address: Address,
        signature: SignatureId,
        relation: Relation,
        now_us: u64,
    ) {
        let ttl_us = if relation == Relation::DnsAnswer { self.dns_ttl_us } else { self.list_ttl_us };
        if ttl_us > 0 {
            self.addresses.insert(address, Named { signature, relation }, now_us, ttl_us);
        }
    }

    /// An answer gives the address to a name without a row: what it stood for before is no longer sure.
    pub(crate) fn forget_address(&mut self, address: Address) {
        self.addresses.remove(&address);
    }

    /// A name or payload showed what runs on a server.
    pub(crate) fn name_server(&mut self, server: EndPoint, signature: SignatureId, now_us: u64) {
        if self.server_ttl_us > 0 {
            self.servers.insert(server, signature, now_us, self.server_ttl_us);
        }
    }

    /// A packet showed a call between a client and a relay or peer.
    pub(crate) fn note_call(
        &mut self,
        client: EndPoint,
        relay: EndPoint,
        signature: SignatureId,
        now_us: u64,
    ) {
        if self.call_ttl_us > 0 {
            self.calls.insert(client, CallEnd { signature, client: None }, now_us, self.call_ttl_us);
            self.calls.insert(relay, CallEnd { signature, client: Some(client.0) }, now_us, self.call_ttl_us);
        }
    }

    /// A media packet of a call. Small numbers are no random choice and tell nothing.
    pub(crate) fn note_stream(&mut self, ssrc: u32, signature: SignatureId, now_us: u64) {
        if self.call_ttl_us > 0 && ssrc > 0xffff {
            self.streams.insert(ssrc, signature, now_us, self.call_ttl_us);
        }
    }

    /// What is known of a call at either end of the packet.
    pub(crate) fn call(&mut self, tuple: &FiveTuple, now_us: u64) -> Option<SignatureId> {
        let ends = [((tuple.src, tuple.src_port), tuple.dst), ((tuple.dst, tuple.dst_port), tuple.src)];
        ends.into_iter().find_map(|(end, other)| {
            let call = self.calls.get(&end, now_us)?;
            call.client.is_none_or(|client| client == other).then_some(call.signature)
        })
    }

    /// What is known of a stream.
    pub(crate) fn stream(&mut self, ssrc: u32, now_us: u64) -> Option<SignatureId> {
        self.streams.get(&ssrc, now_us)
    }

    /// What is known of a server.
    pub(crate) fn server(&mut self, server: EndPoint, now_us: u64) -> Option<(SignatureId, Relation)> {
        let by_address = server.0.seeded_hash(self.seed);
        let by_port = fold(u64::from(server.1), by_address);
        if let Some(signature) = self.servers.get_hashed(&server, by_port, now_us) {
            return Some((signature, Relation::Server));
        }
        let named = self.addresses.get_hashed(&server.0, by_address, now_us)?;
        Some((named.signature, named.relation))
    }
}
