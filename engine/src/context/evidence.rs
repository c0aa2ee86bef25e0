//! What flows taught about other flows: addresses that names stand for, servers, the end points of calls.

use super::config::ContextConfig;
pub(crate) use super::keys::EndPoint;
use super::keys::{Client, for_client};
use super::presence::{Known, Presence};
use crate::five_tuple::{Address, FiveTuple, Transport};
use crate::lru::{LruCache, SeededHash, fold};
use crate::verdict::SignatureId;

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

/// What an address stands for: for one client, or ([`ANYBODY`]) for those that were never seen to ask.
#[derive(Clone, Copy, Debug)]
struct Named {
    signature: SignatureId,
    relation: Relation,
}

/// What ran on a server when a flow showed it.
#[derive(Clone, Copy, Debug)]
struct Shown {
    signature: SignatureId,
    transport: Transport,
}

/// In place of a client: whoever it is.
const ANYBODY: Client = Address([0; 16]);

/// In place of a port: whichever the client uses.
const ANY_PORT: u16 = 0;

#[derive(Clone, Copy, Debug)]
struct CallEnd {
    signature: SignatureId,
    /// For a relay, which serves many: only this client's flows count. `None` for the client itself.
    client: Option<Address>,
}

/// In which ways something may be known of an address.
#[derive(Clone, Copy)]
pub(crate) struct Ways(u8);

impl Ways {
    /// A name.
    #[inline]
    pub(crate) fn has_name(self) -> bool {
        self.0 & 1 != 0
    }

    /// A name, or a server.
    #[inline]
    pub(crate) fn has_server(self) -> bool {
        self.0 & 3 != 0
    }

    /// Anything, calls included.
    #[inline]
    pub(crate) fn has_any(self) -> bool {
        self.0 != 0
    }
}

/// When a flow asked last what is known of its ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// No name of either was known: until an address gets one of which none was known, there is nothing new. Else, until any does.
    pub(crate) is_unnamed: bool,
    /// The lowest byte of the number of times that happened.
    pub(crate) epoch: u8,
}

/// Everything in tables of fixed size; see [`LruCache`].
#[derive(Debug)]
pub(crate) struct Evidence {
    addresses: LruCache<(Client, Address), Named>,
    servers: LruCache<(Client, EndPoint), Shown>,
    /// Clients whose look-ups this worker sees: only their own count for them.
    asking: LruCache<Client, ()>,
    calls: LruCache<(Client, EndPoint), CallEnd>,
    streams: LruCache<(Client, u32), SignatureId>,
    /// Which addresses stand in any of these tables.
    known: Presence,
    /// Of all of them.
    seed: u64,
    /// Changes whenever an address gets a name with a row.
    epoch: u32,
    /// Changes whenever one gets it of which none was known.
    first_epoch: u32,
    /// Tags of the addresses that got names last, by epoch.
    recent: [u16; RECENT],
    dns_ttl_us: u64,
    list_ttl_us: u64,
    server_ttl_us: u64,
    call_ttl_us: u64,
    /// Nothing is learned of one client for another.
    per_client: bool,
}

/// Addresses named last that are told apart: a flow asks about them rather than about everything.
const RECENT: usize = 32;

/// What an address is told by among those.
fn tag(hash: u64) -> u16 {
    (hash >> 48) as u16
}

impl Evidence {
    pub(crate) fn new(config: &ContextConfig) -> Self {
        Self {
            addresses: LruCache::new(config.remembered, config.seed),
            servers: LruCache::new(config.remembered, config.seed),
            asking: LruCache::new(config.remembered, config.seed),
            calls: LruCache::new(config.remembered, config.seed),
            streams: LruCache::new(config.remembered, config.seed),
            known: Presence::new(),
            seed: config.seed,
            epoch: 0,
            first_epoch: 0,
            recent: [0; RECENT],
            dns_ttl_us: config.dns_ttl_us,
            list_ttl_us: config.list_ttl_us,
            server_ttl_us: config.server_ttl_us,
            call_ttl_us: config.call_ttl_us,
            per_client: config.per_client,
        }
    }

    /// Whose a packet's flow is: this end's; or, where nothing is learned for others, its client's, whichever end that is.
    #[inline]
    pub(crate) fn client(&self, end: Address, tuple: &FiveTuple) -> Client {
        if self.per_client { tuple.client() } else { end }
    }

    /// For whom something is learned of a call.
    #[inline]
    fn party(&self, tuple: &FiveTuple) -> Client {
        self.client(ANYBODY, tuple)
    }

    /// What may be known of an address; when in doubt something is.
    #[inline]
    pub(crate) fn ways(&self, address: Address) -> Ways {
        Ways(self.known.ways(address.seeded_hash(self.seed)))
    }

    /// This moment, for a flow that asks what is known of its ends.
    #[inline]
    pub(crate) fn now(&self, ends: [Ways; 2]) -> Asked {
        if ends[0].has_name() | ends[1].has_name() { self.now_named() } else { self.now_unnamed() }
    }

    #[inline]
    fn now_named(&self) -> Asked {
        Asked { is_unnamed: false, epoch: self.epoch as u8 }
    }

    #[inline]
    pub(crate) fn now_unnamed(&self) -> Asked {
        Asked { is_unnamed: true, epoch: self.first_epoch as u8 }
    }

    /// Whether no address got a name since a flow asked that could be one of its ends.
    #[inline]
    pub(crate) fn is_current(&self, asked: Asked) -> bool {
        asked.epoch == if asked.is_unnamed { self.first_epoch } else { self.epoch } as u8
    }

    /// What a flow may note that would learn nothing of its ends if it asked again; `None` where it may learn something.
    #[inline]
    pub(crate) fn still_current(&self, asked: Asked, [one, other]: [Address; 2]) -> Option<Asked> {
        let (one, other) = (one.seeded_hash(self.seed), other.seeded_hash(self.seed));
        if !self.known.has(one, Known::Named) && !self.known.has(other, Known::Named) {
            return Some(self.now_unnamed());
        }
        (!asked.is_unnamed && !self.is_recent(asked.epoch, tag(one), tag(other))).then(|| self.now_named())
    }

    /// Whether one of two addresses is among those that got a name since; when in doubt it is.
    fn is_recent(&self, epoch: u8, one: u16, other: u16) -> bool {
        let passed = usize::from((self.epoch as u8).wrapping_sub(epoch));
        passed > RECENT
            || (1..=passed).any(|back| {
                let named = self.recent[(self.epoch as usize).wrapping_sub(back) % RECENT];
                named == one || named == other
            })
    }

    /// Whether a call is known of either address; when in doubt it is.
    #[inline]
    pub(crate) fn may_know_call(&self, addresses: [Address; 2]) -> bool {
        let [one, other] = addresses.map(|address| address.seeded_hash(self.seed));
        self.known.has(one, Known::Call) || self.known.has(other, Known::Call)
    }

    /// Of an address in a table: what stands there is known as long as it does, so that this is for what is new.
    #[inline]
    fn note_hashed(&mut self, hash: u64, how: Known) {
        if let Some(part) = self.known.note(hash, how, self.addresses.sets()) {
            self.keep_known(part);
        }
    }

    /// Tells the next set of bits what stands in a part of the tables.
    #[cold]
    fn keep_known(&mut self, part: usize) {
        let named = self.addresses.keys_of(part).map(|(_, address)| (address, Known::Named));
        let servers = self.servers.keys_of(part).map(|(_, server)| (server.0, Known::Server));
        let calls = self.calls.keys_of(part).map(|(_, end)| (end.0, Known::Call));
        for (address, how) in named.chain(servers).chain(calls) {
            self.known.keep(address.seeded_hash(self.seed), how);
        }
    }

    /// Asks for the memory in which a client that seems to ask is [noted](Self::note_asking) soon.
    #[inline]
    pub(crate) fn prefetch_asking(&self, client: Client) {
        self.asking.prefetch(client.seeded_hash(self.seed));
    }

    /// The same, once that has come, of what it leads to.
    #[inline]
    pub(crate) fn prefetch_asking_entry(&self, client: Client) {
        self.asking.prefetch_entry(client.seeded_hash(self.seed));
    }

    /// A client asks names of a resolver: from now on only answers to itself count for it.
    pub(crate) fn note_asking(&mut self, client: Client, now_us: u64) {
        self.asking.insert(client, (), now_us, self.dns_ttl_us);
    }

    /// An answer to `client` says that `address` stands for a name with this row, or with none. What is learned over
    /// DNS goes for others as well, if they were never seen to ask.
    pub(crate) fn name_address(
        &mut self,
        client: Client,
        address: Address,
        signature: Option<SignatureId>,
        relation: Relation,
        now_us: u64,
    ) {
        let ttl_us = if relation == Relation::DnsAnswer { self.dns_ttl_us } else { self.list_ttl_us };
        if ttl_us == 0 || self.addresses.sets() == 0 {
            return;
        }
        let hash = address.seeded_hash(self.seed);
        let is_named = self.known.has(hash, Known::Named);
        let Some(signature) = signature else {
            if !is_named {
                return;
            }
            // What it stood for before is no longer sure.
            self.addresses.remove(&(client, address));
            self.addresses.remove(&(ANYBODY, address));
            return;
        };
        if !is_named {
            self.first_epoch = self.first_epoch.wrapping_add(1);
        }
        self.recent[self.epoch as usize % RECENT] = tag(hash);
        self.epoch = self.epoch.wrapping_add(1);
        let named = Named { signature, relation };
        let mut name_for = |whom: Client| {
            self.addresses.insert_hashed((whom, address), for_client(whom, hash), named, now_us, ttl_us)
        };
        let mut is_new = name_for(client);
        if relation == Relation::DnsAnswer && !self.per_client {
            is_new |= name_for(ANYBODY);
        }
        if is_new {
            self.note_hashed(hash, Known::Named);
        }
    }

    /// A flow of `client` showed what runs on a server; where the server showed it too, it goes for everybody.
    pub(crate) fn show_server(
        &mut self,
        client: Option<Client>,
        server: EndPoint,
        signature: SignatureId,
        transport: Transport,
        now_us: u64,
    ) {
        if self.server_ttl_us > 0 && !(self.per_client && client.is_none()) {
            let by_address = server.0.seeded_hash(self.seed);
            let whom = client.unwrap_or(ANYBODY);
            let hash = for_client(whom, fold(u64::from(server.1), by_address));
            let shown = Shown { signature, transport };
            if self.servers.insert_hashed((whom, server), hash, shown, now_us, self.server_ttl_us) {
                self.note_hashed(by_address, Known::Server);
            }
        }
    }

    /// What a flow of `client` showed of a server was wrong.
    pub(crate) fn forget_server(&mut self, client: Client, server: EndPoint) {
        self.servers.remove(&(client, server));
    }

    /// A packet of these ends showed a call between a client and a relay or peer.
    pub(crate) fn note_call(
        &mut self,
        (client, relay): (EndPoint, EndPoint),
        tuple: &FiveTuple,
        signature: SignatureId,
        now_us: u64,
    ) {
        if self.call_ttl_us > 0 {
            let party = self.party(tuple);
            let [by_client, by_relay] = [client.0, relay.0].map(|address| address.seeded_hash(self.seed));
            let own = CallEnd { signature, client: None };
            let served = CallEnd { signature, client: Some(client.0) };
            let whole = (client.0, ANY_PORT);
            for (end, by_address, call) in
                [(client, by_client, own), (whole, by_client, own), (relay, by_relay, served)]
            {
                let hash = for_client(party, fold(u64::from(end.1), by_address));
                if self.calls.insert_hashed((party, end), hash, call, now_us, self.call_ttl_us) {
                    self.note_hashed(by_address, Known::Call);
                }
            }
        }
    }

    /// A media packet of a call. Small numbers are no random choice and tell nothing.
    pub(crate) fn note_stream(&mut self, ssrc: u32, tuple: &FiveTuple, signature: SignatureId, now_us: u64) {
        if self.call_ttl_us > 0 && ssrc > 0xffff {
            self.streams.insert((self.party(tuple), ssrc), signature, now_us, self.call_ttl_us);
        }
    }

    /// What is known of a call at either end of the packet.
    pub(crate) fn call(&mut self, tuple: &FiveTuple, now_us: u64) -> Option<SignatureId> {
        let ends = [((tuple.src, tuple.src_port), tuple.dst), ((tuple.dst, tuple.dst_port), tuple.src)];
        let party = self.party(tuple);
        ends.into_iter().find_map(|(end, other)| {
            let is_known = self.known.has(end.0.seeded_hash(self.seed), Known::Call);
            let call = is_known.then(|| self.calls.get(&(party, end), now_us)).flatten()?;
            call.client.is_none_or(|client| client == other).then_some(call.signature)
        })
    }

    /// What is known of a stream.
    pub(crate) fn stream(&mut self, ssrc: u32, tuple: &FiveTuple, now_us: u64) -> Option<SignatureId> {
        self.streams.get(&(self.party(tuple), ssrc), now_us)
    }

    /// Whether a call of a client's is going on.
    pub(crate) fn client_call(&mut self, tuple: &FiveTuple, now_us: u64) -> Option<SignatureId> {
        let clients = [tuple.src, tuple.dst];
        let party = self.party(tuple);
        clients
            .into_iter()
            .find_map(|client| self.calls.get(&(party, (client, ANY_PORT)), now_us))
            .map(|call| call.signature)
    }

    /// What is known of a server, for a flow of `client` over this transport.
    pub(crate) fn server(
        &mut self,
        client: Client,
        server: EndPoint,
        transport: Transport,
        now_us: u64,
    ) -> Option<(SignatureId, Relation)> {
        let by_address = server.0.seeded_hash(self.seed);
        if !self.known.has_server(by_address) {
            return None;
        }
        let by_port = fold(u64::from(server.1), by_address);
        let who = [client, ANYBODY];
        for who in who.into_iter().filter(|_| self.known.has(by_address, Known::Server)) {
            let found = self.servers.get_hashed(&(who, server), for_client(who, by_port), now_us);
            if let Some(shown) = found.filter(|shown| shown.transport == transport) {
                return Some((shown.signature, Relation::Server));
            }
        }
        if !self.known.has(by_address, Known::Named) {
            return None;
        }
        let own = self.addresses.get_hashed(&(client, server.0), for_client(client, by_address), now_us);
        let named = match own {
            Some(own) => own,
            None => {
                let others = self.addresses.get_hashed(
                    &(ANYBODY, server.0),
                    for_client(ANYBODY, by_address),
                    now_us,
                )?;
                if self.asking.get(&client, now_us).is_some() {
                    return None;
                }
                others
            }
        };
        Some((named.signature, named.relation))
    }
}

#[cfg(test)]
mod tests;
