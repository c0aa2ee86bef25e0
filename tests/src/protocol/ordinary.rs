//! Traffic of everyone else, and bytes that look like a known app's at first sight.

use std::net::SocketAddr;

use super::{hex, len32, rtp, stun};
use crate::conversation::{Tcp, Udp};
use crate::random::Random;
use crate::trace::Trace;

/// An NTP exchange (RFC 5905).
pub fn ntp(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let request = [&hex("23 00 06 20")[..], &[0; 36], &random.bytes(8)].concat();
    let answer = [&hex("24 01 06 ec")[..], &random.bytes(44)].concat();
    Udp::new(client, server).client(request).server(answer).trace()
}

/// SSH banners, key exchange and traffic (RFC 4253).
pub fn ssh(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let init = |random: &mut Random| len32(&[&hex("06 14")[..], &random.bytes(500)].concat());
    let mut flow = Tcp::new(client, server, seed)
        .client(b"SSH-2.0-OpenSSH_9.6\r\n")
        .server(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        .client(init(&mut random))
        .server(init(&mut random));
    for n in 0..6 {
        flow = flow.client(random.bytes(48 + 16 * n)).server(random.bytes(64 + 32 * n));
    }
    flow.close().trace()
}

/// XMPP in clear on its own port, 5222 (RFC 6120).
pub fn xmpp(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let stream = "<?xml version='1.0'?><stream:stream to='example.net' xmlns='jabber:client' version='1.0'>";
    Tcp::new(client, server, seed)
        .client(stream)
        .server(stream)
        .client("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        .close()
        .trace()
}

/// SMPP: length-prefixed requests, the 16-byte enquire_link among them.
pub fn smpp(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut flow = Tcp::new(client, server, seed);
    for n in 1..8u32 {
        flow = flow.client([hex("00000010 00000015 00000000"), n.to_be_bytes().to_vec()].concat());
        flow = flow.server([hex("00000010 80000015 00000000"), n.to_be_bytes().to_vec()].concat());
    }
    flow.close().trace()
}

/// A stream that was under way before the capture began: ciphertext that begins with `first`.
pub fn midstream(client: SocketAddr, server: SocketAddr, first: &[u8], seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let opening = [first, &random.bytes(900)].concat();
    let flow = Tcp::new(client, server, seed).without_handshake().client(opening);
    flow.server(random.bytes(3000)).client(random.bytes(700)).close().trace()
}

/// A call of a standard client: ICE checks with a user name, then RTP with the standard extension profile.
pub fn ice_call(client: SocketAddr, peer: SocketAddr, payload_type: u8, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let name = format!("{}:{}", random.text(4), random.text(4));
    let id = random.array();
    let answer =
        stun::Message::new(0x0101, id).with_xor_address(0x0020, client).with(0x0008, random.bytes(20));
    let mut flow =
        Udp::new(client, peer).client(stun::ice_check(&mut random, &name)).server(answer.fingerprinted());
    let extension = Some((0xbede, hex("10 ff 00 00")));
    let mut media = rtp::Stream { payload_type, ssrc: 0x1234_5678, sequence: 700, timestamp: 1, extension };
    let mut back = rtp::Stream { ssrc: 0x8765_4321, ..media.clone() };
    for _ in 0..40 {
        flow = flow.client(media.packet(&mut random, false, 960, 120)).gap(10_000);
        flow = flow.server(back.packet(&mut random, false, 960, 120));
    }
    flow.client(rtp::srtcp(&mut random, (0x81, 201, 7), media.ssrc, 1, 46)).trace()
}

/// A datagram exchange whose every byte is random but for the first ones.
pub fn datagrams(client: SocketAddr, server: SocketAddr, first: &[u8], sizes: &[usize], seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let mut flow = Udp::new(client, server);
    for size in sizes {
        let payload = [first, &random.bytes(size - first.len())].concat();
        flow = flow.client(&payload).server(random.bytes(*size));
    }
    flow.trace()
}
