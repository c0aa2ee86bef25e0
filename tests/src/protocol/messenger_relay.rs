//! Messenger's calls over the same relays (facts/whatsapp.md 7): WhatsApp's nearest relative, and not WhatsApp.

use std::net::SocketAddr;

use super::rtp::{Stream, srtcp};
use super::stun::Message;
use super::{hex, len16};
use crate::conversation::Udp;
use crate::random::Random;
use crate::trace::Trace;

/// A transaction id of printable characters, as libwebrtc draws them.
fn id(random: &mut Random) -> [u8; 12] {
    random.text(12).into_bytes().try_into().expect("twelve characters")
}

/// The relay's allocation as Messenger sends it: padded, with integrity, 152 bytes.
pub fn allocate(random: &mut Random) -> Vec<u8> {
    let token = [&hex("09 10")[..], &random.bytes(100)].concat();
    Message::new(0x0003, id(random)).with(0x4000, token).with(0x0008, random.bytes(20)).bytes()
}

/// An ICE check to the relay, with the user name that gives the app away.
pub fn ice_check(random: &mut Random) -> Vec<u8> {
    let name = format!("EDGERAY_DEFAULT_USERNAME:{}", random.text(4));
    Message::new(0x0001, id(random))
        .with(0x0006, name)
        .with(0xc057, hex("0000 0032"))
        .with(0xdaba, random.bytes(4))
        .with(0xdab9, random.bytes(4))
        .with(0x0024, hex("6e7f1eff"))
        .with(0x0008, random.bytes(20))
        .fingerprinted()
}

/// A call on one relay flow: empty probe, allocation, ICE checks, media.
pub fn flow(client: SocketAddr, relay: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let ping = Message::new(0x0801, id(&mut random)).bytes();
    let mut flow = Udp::new(client, relay).client(ping).client(allocate(&mut random));
    for _ in 0..3 {
        flow = flow.client(ice_check(&mut random)).wait(50_000);
    }
    let answer = Message::new(0x0101, id(&mut random)).with_xor_address(0x0020, client);
    flow = flow.server(answer.with(0x0008, random.bytes(20)).fingerprinted());
    let mut media =
        Stream { payload_type: 111, ssrc: 0x0102_0304, sequence: 9, timestamp: 5, extension: None };
    for _ in 0..30 {
        flow = flow.client(media.packet(&mut random, false, 960, 90));
    }
    flow.client(srtcp(&mut random, (0x80, 201, 1), media.ssrc, 1, 22))
        .server([&[0x17, 0xfe, 0xfd][..], &random.bytes(8), &len16(&random.bytes(40))].concat())
        .trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocation_has_152_bytes_and_a_printable_id() {
        let bytes = allocate(&mut Random::new(1));
        assert_eq!((bytes.len(), &bytes[20..24]), (152, &hex("4000 0066")[..]));
        assert!(bytes[8..20].iter().all(u8::is_ascii_graphic));
    }
}
