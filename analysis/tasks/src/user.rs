//! Users: who they are told apart by, their sessions, and what each did.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use wiremark::{Address, Tunnel};
use wiremark_prefetch::{LINE_BYTES, prefetch_lines};

use super::seconds::{Kind, Seconds, second};

/// A user whose address was silent for so many whole seconds is another user afterwards (ChatDissect, IV).
pub const SESSION_S: u32 = 3600;

/// Number of a user, from 0 in the order of first packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u32);

/// What a user is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Address(Address),
    Tunnel(Tunnel),
}

/// One user session.
#[derive(Clone, Debug)]
pub struct User {
    /// The address, or the network that stands for the user.
    pub address: Address,
    /// Id of the first GTP-U tunnel the user was seen in, where users are told apart by tunnels.
    pub tunnel: Option<u32>,
    /// Number of the session at this address or in this tunnel, from 1.
    pub session: u32,
    /// Number of the capture in which it was seen first, from 1.
    pub capture: u32,
    /// Time of the first packet, microseconds since 1970.
    pub first_us: u64,
    pub(super) last_us: u64,
    /// Bytes of transport payload up and down, all apps.
    pub bytes: [u64; 2],
    /// Bytes of the app's flows up and down.
    pub app_bytes: [u64; 2],
    /// Whether any flow was the app's.
    pub has_app: bool,
    pub(super) seconds: Seconds,
    /// Tasks, and how many different ones.
    pub(super) tasks: u64,
    pub(super) task_kinds: usize,
    /// Content datagrams belong to a talk room.
    pub(super) is_in_talkroom: bool,
    /// The last capture in which it was a user of the app.
    pub(super) app_capture: u32,
}

impl User {
    /// Time of the last packet, microseconds since 1970; as all sums, complete when the captures are at their end.
    pub fn last_us(&self) -> u64 {
        self.last_us
    }

    /// Seconds with any active flow.
    pub fn active_s(&self) -> u64 {
        self.seconds.count(Kind::Active)
    }

    /// Seconds with an active flow of the app.
    pub fn app_active_s(&self) -> u64 {
        self.seconds.count(Kind::AppActive)
    }

    /// Seconds in which a flow of the app carried payload.
    pub fn app_transfer_s(&self) -> u64 {
        self.seconds.count(Kind::AppTransfer)
    }

    /// How many tasks the user did.
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// How many different ones.
    pub fn task_kinds(&self) -> usize {
        self.task_kinds
    }

    /// The user's name in a report: `user-7`, or, where addresses are wanted, such as `10.0.0.1`, `10.0.0.1#2` for the
    /// second session, `10.0.0.1@0000a001` for a user known by a tunnel.
    pub fn name(&self, id: UserId, with_address: bool) -> String {
        if !with_address {
            return format!("user-{}", u64::from(id.0) + 1);
        }
        let tunnel = self.tunnel.map_or_else(String::new, |id| format!("@{id:08x}"));
        let session = if self.session > 1 { format!("#{}", self.session) } else { String::new() };
        format!("{}{tunnel}{session}", self.address)
    }
}

/// Time of a user's last packet, and the last capture in which it was counted.
#[derive(Debug)]
struct Last {
    time_us: u64,
    capture: u32,
}

/// All users.
#[derive(Debug)]
pub(super) struct Users {
    ipv6_prefix: u8,
    all: Vec<User>,
    /// Of each user what many packets ask for, close together.
    last: Vec<Last>,
    /// The current session behind each key.
    current: HashMap<Key, u32, RandomState>,
}

impl Users {
    pub(super) fn new(ipv6_prefix: u8) -> Self {
        Self {
            ipv6_prefix: ipv6_prefix.min(128),
            all: Vec::new(),
            last: Vec::new(),
            current: HashMap::default(),
        }
    }

    /// The user at an address, or in a tunnel, at a time; a new one where that was not seen, or silent for an hour.
    pub(super) fn at(&mut self, address: Address, tunnel: Option<Tunnel>, now_us: u64) -> UserId {
        let address = self.network(address);
        let key = tunnel.map_or(Key::Address(address), Key::Tunnel);
        let before = self.current.get(&key).copied();
        let last_us = before.and_then(|user| self.last.get(user as usize)).map(|last| last.time_us);
        let session = match (before, last_us) {
            (Some(user), Some(last_us)) if second(now_us).saturating_sub(second(last_us)) <= SESSION_S => {
                return UserId(user);
            }
            (Some(user), _) => self.all.get(user as usize).map_or(1, |user| user.session + 1),
            (None, _) => 1,
        };
        let id = UserId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.current.insert(key, id.0);
        self.all.push(User {
            address,
            tunnel: tunnel.map(|tunnel| tunnel.id),
            session,
            capture: 0,
            first_us: now_us,
            last_us: now_us,
            bytes: [0; 2],
            app_bytes: [0; 2],
            has_app: false,
            seconds: Seconds::default(),
            tasks: 0,
            task_kinds: 0,
            is_in_talkroom: false,
            app_capture: 0,
        });
        self.last.push(Last { time_us: now_us, capture: 0 });
        id
    }

    /// The tunnel is this user's as well: each direction has one of its own, and both change from cell to cell.
    pub(super) fn also(&mut self, tunnel: Tunnel, id: UserId) {
        self.current.insert(Key::Tunnel(tunnel), id.0);
    }

    pub(super) fn get(&mut self, id: UserId) -> Option<&mut User> {
        self.all.get_mut(id.0 as usize)
    }

    /// Asks for what is kept of a user.
    pub(super) fn prefetch(&self, id: UserId) {
        let lines = size_of::<User>().div_ceil(LINE_BYTES);
        self.all.get(id.0 as usize).into_iter().for_each(|user| prefetch_lines(user, lines));
    }

    /// Takes note of a user's packet.
    pub(super) fn touch(&mut self, id: UserId, now_us: u64) {
        if let Some(last) = self.last.get_mut(id.0 as usize) {
            last.time_us = last.time_us.max(now_us);
        }
    }

    /// Whether the user was not seen in a capture before.
    pub(super) fn is_new_in(&mut self, id: UserId, capture: u32) -> bool {
        let at = id.0 as usize;
        let (Some(user), Some(last)) = (self.all.get_mut(at), self.last.get_mut(at)) else { return false };
        if last.capture == 0 {
            user.capture = capture;
        }
        std::mem::replace(&mut last.capture, capture) != capture
    }

    pub(super) fn into_all(self) -> Vec<User> {
        let Self { mut all, last, .. } = self;
        for (user, last) in all.iter_mut().zip(last) {
            user.last_us = last.time_us;
            user.seconds.join();
        }
        all
    }

    fn network(&self, address: Address) -> Address {
        match address.to_v4() {
            // Local networks share a prefix among their users; mobile networks give each a prefix (RFC 6459).
            Some(_) => address,
            None if is_private(address) => address,
            None => {
                let kept = u128::MAX.checked_shl(128 - u32::from(self.ipv6_prefix)).unwrap_or(0);
                Address::v6((u128::from_be_bytes(address.0) & kept).to_be_bytes())
            }
        }
    }
}

/// Whether the address is one that networks give to their own users: RFC 1918, RFC 6598, RFC 4193, link-local, and
/// site-local (RFC 3879).
pub(super) fn is_private(address: Address) -> bool {
    match address.ip() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || (a, b & 0xc0) == (100, 64) || v4.is_link_local()
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.segments()[0] & 0xff80 == 0xfe80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_hour_of_silence_ends_a_session() {
        let mut users = Users::new(64);
        let first = users.at(address("10.0.0.1"), None, 1);
        users.touch(first, 10_000_000);
        assert_eq!(users.at(address("10.0.0.1"), None, 3_610_999_999), first);
        let second = users.at(address("10.0.0.1"), None, 3_611_000_000);
        assert_ne!(second, first);
        assert_ne!(users.at(address("10.0.0.2"), None, 1), first);
        let all = users.into_all();
        assert_eq!(all[1].name(second, true), "10.0.0.1#2");
        assert_eq!(all[1].name(second, false), "user-2");
    }

    #[test]
    fn both_tunnels_of_a_subscriber_are_one_user() {
        let mut users = Users::new(64);
        let tunnel = |id| Tunnel { receiver: address("192.0.2.1"), id };
        let first = users.at(address("10.0.0.1"), Some(tunnel(0xa001)), 1);
        users.also(tunnel(0xb001), first);
        assert_eq!(users.at(address("10.0.0.1"), Some(tunnel(0xb001)), 2), first);
        // The address went to somebody else, then the tunnel.
        let second = users.at(address("10.0.0.1"), Some(tunnel(0xa002)), 3);
        assert_ne!(second, first);
        let third = users.at(address("10.0.0.9"), Some(tunnel(0xa001)), 3_601_000_000);
        let all = users.into_all();
        let names = [first, second, third].map(|id| all[id.0 as usize].name(id, true));
        assert_eq!(names, ["10.0.0.1@0000a001", "10.0.0.1@0000a002", "10.0.0.9@0000a001#2"]);
        assert_eq!(all[0].name(first, false), "user-1");
    }

    #[test]
    fn an_ipv6_user_is_a_network() {
        let mut users = Users::new(64);
        let first = users.at(address("2001:db8:0:7::1"), None, 1);
        assert_eq!(users.at(address("2001:db8:0:7:abcd::2"), None, 1), first);
        assert_ne!(users.at(address("2001:db8:0:8::1"), None, 1), first);
        assert_ne!(users.at(address("fd00::1"), None, 1), users.at(address("fd00::2"), None, 1));
        let mut users = Users::new(128);
        assert_ne!(users.at(address("2001:db8::1"), None, 1), users.at(address("2001:db8::2"), None, 1));
        Users::new(0).at(address("2001:db8::1"), None, 1);
    }

    #[test]
    fn private_addresses_are_those_of_the_rfcs() {
        for text in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
        ] {
            assert!(is_private(address(text)), "{text}");
        }
        for text in ["100.128.0.1", "172.32.0.1", "8.8.8.8", "2001:db8::1"] {
            assert!(!is_private(address(text)), "{text}");
        }
    }
}
