use super::*;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

fn address(number: u32) -> Address {
    Address::from(IpAddr::V4(Ipv4Addr::from(number)))
}

#[test]
fn what_is_shown_again_and_again_stays_known_while_much_else_comes_and_goes() {
    const STEPS: u32 = 60_000;
    let mut evidence = Evidence::new(&ContextConfig::default());
    let (client, server) = (address(1), (address(2), 443));
    let (caller, relay) = ((address(3), 4000), (address(4), 3478));
    let to_relay = FiveTuple {
        src: caller.0,
        dst: relay.0,
        src_port: caller.1,
        dst_port: relay.1,
        transport: Transport::Udp,
    };
    let mut lost = Vec::new();
    for step in 0..STEPS {
        let now_us = u64::from(step) * 1000;
        if step % 64 == 0 {
            evidence.show_server(Some(client), server, SignatureId(7), Transport::Tcp, now_us);
            evidence.note_call((caller, relay), &to_relay, SignatureId(8), now_us);
        }
        evidence.show_server(None, (address(1 << 24 | step), 443), SignatureId(9), Transport::Tcp, now_us);
        let known = evidence.server(client, server, Transport::Tcp, now_us).is_some();
        if !known || evidence.call(&to_relay, now_us).is_none() || !evidence.ways(relay.0).has_any() {
            lost.push(step);
        }
    }
    assert_eq!(lost, [], "steps");
}
