//! Both ends of one call in one capture (WhatsApp Exposed, sessions 8 and 9): two phones in one network.

use std::net::SocketAddr;

use super::Call;
use crate::trace::Trace;

/// From one phone to the relay and on to the other.
const HALF_WAY_US: u64 = 30_000;

/// The call of a caller, and what the phone it calls sends and receives, `later_us` after the caller begins.
///
/// Over the relay every media packet is seen twice, to the relay and from it; between the phones it is seen once.
pub fn both_ends(caller: &Call, callee: SocketAddr, later_us: u64) -> Trace {
    let caller = Call { caller: true, peer_host: callee, peer_public: callee, ..caller.clone() };
    let first = caller.trace();
    let second = Call {
        client: callee,
        caller: false,
        start_us: caller.start_us + later_us,
        ring_us: caller.ring_us.saturating_sub(later_us),
        seed: caller.seed.wrapping_add(1),
        ..caller.clone()
    };
    let mut other = Trace::new();
    for frame in &second.trace().frames {
        let Some(at) = frame.locate() else { continue };
        let payload = &frame.bytes[at.payload..at.end];
        let is_relays = caller.relays.contains(&at.src) || caller.relays.contains(&at.dst);
        if is_relays && !is_media(payload) {
            other.push_udp(frame.time_us, at.src, at.dst, payload);
        }
    }
    // What the caller exchanges with the relay is the callee's on the relay's other side.
    for frame in &first.frames {
        let Some(at) = frame.locate() else { continue };
        let payload = &frame.bytes[at.payload..at.end];
        if !is_media(payload) {
            continue;
        }
        if caller.relays.contains(&at.dst) {
            other.push_udp(frame.time_us + 2 * HALF_WAY_US, at.dst, callee, payload);
        } else if caller.relays.contains(&at.src) {
            other.push_udp(frame.time_us - 2 * HALF_WAY_US, callee, at.src, payload);
        }
    }
    Trace::mixed([first, other])
}

/// RTP and RTCP (RFC 7983).
fn is_media(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & 0xc0 == 0x80)
}

#[cfg(test)]
mod tests {
    use super::super::super::whatsapp_relay::Dialect;
    use super::*;

    #[test]
    fn the_relay_is_seen_from_both_sides_and_the_peer_once() {
        let call = Call::of(Dialect::Y2015);
        let callee = "10.0.0.2:35574".parse().unwrap();
        let trace = both_ends(&call, callee, 500_000);
        let media = |from: SocketAddr, to: SocketAddr| {
            trace.payloads().filter(|(src, dst, p)| (*src, *dst) == (from, to) && is_media(p)).count()
        };
        let relay = call.relays[0];
        assert_eq!(media(call.client, relay), media(relay, callee));
        assert_eq!(media(callee, relay), media(relay, call.client));
        assert!(media(call.client, callee) > 50 && media(callee, call.client) > 50);
        let allocations = trace.payloads().filter(|(.., p)| p.starts_with(&[0, 3])).count();
        assert_eq!(allocations, 32);
    }
}
