//! Who is a user: over link layers, with IPv6, in GTP-U tunnels; and what is never told of one.

use std::net::IpAddr;

use crate::taking_apart::{SMALL, SMALL_TOLD, dissect, dissect_ahead, dissect_as, small};
use wiremark::TrackerConfig;
use wiremark_tasks::Config;
use wiremark_tests::population::{self, Population};
use wiremark_tests::trace::Trace;

#[test]
fn other_link_layers_change_nothing() {
    let Population { trace, books } = &*SMALL;
    let count = |trace: &Trace| {
        let (usage, notes) = dissect(trace);
        (usage.app_users().count(), notes.tasks.len(), usage.app_bytes())
    };
    let plain = count(trace);
    assert_eq!(plain.1, books.tasks.len());
    for wrap in ["ethernet", "vlan", "sll2", "gtp-u"] {
        let wrap = wiremark_tests::wrap::Wrap::named(wrap).expect("a known wrap");
        assert_eq!(count(&trace.clone().wrap(wrap)), plain);
    }
}

#[test]
fn two_threads_tell_what_one_tells_in_the_same_order() {
    let Population { trace, .. } = &*SMALL;
    let config = Config {
        tracker: TrackerConfig { capacity: 64, ..TrackerConfig::default() },
        by_tunnel: true,
        ..Config::default()
    };
    // A small table, so that many flows end before the capture does.
    let trace = trace.clone().in_tunnels(|address| tunnel(address, 0x1000_0000));
    let (one, two) = (dissect_as(config, &trace), dissect_ahead(config, &trace));
    assert!(one.1.tasks.len() > 1000, "{} tasks", one.1.tasks.len());
    assert_eq!(one.1, two.1);
    assert_eq!((one.0.users.len(), one.0.app_bytes()), (two.0.users.len(), two.0.app_bytes()));
}

/// A subscriber's first tunnel id, from its address.
fn tunnel(address: IpAddr, first: u32) -> u32 {
    let number = match address {
        IpAddr::V4(v4) => u32::from(v4) & 0xff_ffff,
        IpAddr::V6(v6) => 0x40_0000 + u32::from(v6.segments()[3]),
    };
    first + 2 * number
}

#[test]
fn subscribers_with_the_same_addresses_are_told_apart_by_their_tunnels() {
    let first = &*SMALL;
    let second = population::play(&population::Config { seed: 2, ..small() });
    let ten_minutes_later = (small().hours * 3600 + 600) * 1_000_000;
    let trace = Trace::mixed([
        first.trace.clone().in_tunnels(|address| tunnel(address, 0x1000_0000)),
        second.trace.later(ten_minutes_later).in_tunnels(|address| tunnel(address, 0x2000_0000)),
    ]);
    let subscribers = first.books.users.len() + second.books.users.len();
    let app_users =
        [&first.books, &second.books].map(|books| books.users.iter().filter(|user| user.has_app).count());

    let (by_address, _) = dissect(&trace);
    assert!(by_address.users.len() < subscribers * 3 / 4, "addresses were given away again");
    let (usage, notes) = dissect_as(Config { by_tunnel: true, ..Config::default() }, &trace);
    assert_eq!((usage.users.len(), usage.app_users().count()), (subscribers, app_users.iter().sum()));
    assert_eq!(notes.tasks.len(), first.books.tasks.len() + second.books.tasks.len());
    assert_eq!(usage.app_bytes(), by_address.app_bytes());
    let mut volumes: Vec<_> = usage.users.iter().map(|user| (user.bytes, user.app_bytes)).collect();
    let books = first.books.users.iter().chain(&second.books.users);
    let mut wanted: Vec<_> = books.map(|user| (user.bytes, user.app_bytes)).collect();
    volumes.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(volumes, wanted);
}

#[test]
fn ipv6_users_are_networks_or_addresses() {
    let Population { trace, books } = &*SMALL;
    let is_v6 = |address: IpAddr| address.is_ipv6();
    let wanted = books.users.iter().filter(|user| is_v6(user.address)).count();
    assert!(wanted > 10);
    for ipv6_prefix in [64, 128] {
        let (usage, _) = dissect_as(Config { ipv6_prefix, ..Config::default() }, trace);
        let found = usage.users.iter().filter(|user| is_v6(user.address.ip())).count();
        assert_eq!(found, wanted, "/{ipv6_prefix}");
    }
    let (usage, _) = dissect_as(Config { ipv6_prefix: 32, ..Config::default() }, trace);
    assert_eq!(usage.users.iter().filter(|user| is_v6(user.address.ip())).count(), 1, "all share 32 bits");
}

#[test]
fn no_account_number_comes_out() {
    let (usage, notes) = &*SMALL_TOLD;
    let uin = wiremark_tests::protocol::wechat_longlink::MADE_UP_UIN.to_string();
    let text = format!("{usage:?}{:?}", notes.tasks);
    assert!(text.len() > 100_000 && !text.contains(&uin));
}
