//! The demo capture: some minutes of one phone's traffic, both apps and everyone else's, in one small file.

use std::net::{IpAddr, SocketAddr};

use crate::conversation::end_point;
use crate::protocol::tls::ClientHello;
use crate::protocol::whatsapp_call::Call;
use crate::protocol::whatsapp_chat::Chat;
use crate::protocol::whatsapp_relay::Dialect;
use crate::protocol::{
    dns, http, messenger_relay, mmtls, ordinary, quic, stun, tls, wechat_http, wechat_longlink, wechat_media,
    wechat_voip,
};
use crate::trace::{START_US, Trace};
use crate::wrap::Wrap;

const SECOND: u64 = 1_000_000;

/// A port of the phone.
fn phone(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// The demo capture. It depends on nothing but this crate and `flate2`, so it is the same file every time.
pub fn trace() -> Trace {
    let parts = [whatsapp(), wechat(), everyone_else()];
    Trace::mixed(parts).wrap(Wrap::Ethernet)
}

/// Flows as they are, each moved to its second.
fn schedule(flows: Vec<(u64, Trace)>) -> Trace {
    Trace::mixed(flows.into_iter().map(|(second, trace)| trace.shift((second * SECOND) as i64)))
}

fn look_up(port: u16, name: &str, chain: &[&str], address: &str) -> Trace {
    let address: IpAddr = address.parse().expect("an address");
    dns::flow(phone(port), end_point("10.0.0.254:53"), name, chain, &[address])
}

fn whatsapp() -> Trace {
    let chat = Chat { segments: vec![4, 7, 4], ..Chat::of((6, 3)) };
    let call = Call {
        client: phone(45_396),
        start_us: START_US + 12 * SECOND,
        ring_us: 4 * SECOND,
        peer_us: 6 * SECOND,
        ..Call::of(Dialect::Y2023)
    };
    let earlier = Call {
        client: phone(45_397),
        start_us: START_US + 40 * SECOND,
        ring_us: 2 * SECOND,
        answered: false,
        relays: (1..=8).map(|n| SocketAddr::from(([203, 0, 113, n], 3478))).collect(),
        seed: 2,
        ..Call::of(Dialect::Y2015)
    };
    let chat_server = end_point("198.51.100.60:5222");
    let old_server = end_point("198.51.100.61:443");
    let files = end_point("198.51.100.62:443");
    let quic_files = ClientHello { post_quantum: true, ..ClientHello::to("media.fmct2-1.fna.whatsapp.net") };
    let layout = quic::Layout::Shuffled;
    schedule(vec![
        (0, look_up(50_001, "g.whatsapp.net", &["chat.cdn.whatsapp.net"], "198.51.100.60")),
        (1, chat.flow(phone(40_001), chat_server, 11).trace()),
        (3, look_up(50_002, "mmg.whatsapp.net", &["mmx-ds.cdn.whatsapp.net"], "198.51.100.62")),
        (4, tls::flow(phone(40_002), files, &ClientHello::to("mmg.whatsapp.net"), 20_000, 12)),
        (6, quic::flow(phone(40_003), files, quic::Version::V1, &quic_files, layout, 13)),
        (0, call.trace()),
        (0, earlier.trace()),
        (45, Chat::of((1, 5)).flow(phone(40_004), old_server, 14).close().trace()),
    ])
}

fn wechat() -> Trace {
    let long: &[IpAddr] = &[IpAddr::from([203, 0, 113, 40])];
    let short: &[IpAddr] = &[IpAddr::from([203, 0, 113, 41])];
    let names: &[(&str, &[IpAddr])] = &[("szlong.weixin.qq.com", long), ("szextshort.weixin.qq.com", short)];
    let web = |port, address| (phone(port), end_point(address));
    let (newdns, resolver) = web(41_001, "203.0.113.200:8080");
    let (mm, mm_server) = web(41_002, "203.0.113.40:8080");
    let (clear, clear_server) = web(41_003, "203.0.113.42:443");
    let (early, front) = web(41_004, "203.0.113.41:80");
    let (full, dns_front) = web(41_005, "203.0.113.200:80");
    let (post, _) = web(41_006, "203.0.113.41:80");
    let (cdn, cdn_server) = web(41_007, "203.0.113.43:443");
    let (photo, photo_server) = web(41_008, "203.0.113.44:80");
    let (page, page_server) = web(41_009, "198.51.100.99:80");
    let (voice, voice_server) = web(41_010, "203.0.113.45:8080");
    let (talk, talk_server) = web(41_011, "203.0.113.45:16285");
    let newsync = ("/cgi-bin/micromsg-bin/newsync", 138);
    let photo_get = wechat_http::resource_get("shmmsns.qpic.cn", "/mmsns/0123456789abcdef/150");
    let page_get = wechat_http::web_view_get("news.example.net", "/today");
    let tasks = &wechat_longlink::EVERYDAY;
    let talked: (&[usize], &[usize]) = (&[95, 96], &[96, 95]);
    schedule(vec![
        (8, look_up(50_003, "szextshort.weixin.qq.com", &[], "203.0.113.41")),
        (9, wechat_http::newdns_flow(newdns, resolver, 2023, names, 21)),
        (10, mmtls::longlink(mm, mm_server, 4, 22).trace()),
        (14, wechat_longlink::flow(clear, clear_server, false, tasks, 23).trace()),
        (15, wechat_http::mmtls_flow(full, dns_front, "dns.weixin.qq.com", true, 24)),
        (16, wechat_http::mmtls_flow(early, front, "szextshort.weixin.qq.com", false, 25)),
        (18, wechat_http::short_flow(post, front, 2015, "hkextshort.weixin.qq.com", newsync, 26)),
        (20, wechat_media::download_flow(cdn, cdn_server, 14_000, 27)),
        (22, wechat_http::get_flow(photo, photo_server, &photo_get, 9_000, 28)),
        (24, wechat_http::get_flow(page, page_server, &page_get, 5_000, 29)),
        (
            26,
            tls::flow(
                phone(41_012),
                end_point("203.0.113.46:443"),
                &ClientHello::to("web.wechat.com"),
                4_000,
                30,
            ),
        ),
        (28, wechat_voip::heartbeat_flow(voice, voice_server, 31)),
        (28, wechat_voip::content_flow(talk, talk_server, 0xa3, talked, 32)),
    ])
}

fn everyone_else() -> Trace {
    let site = end_point("198.51.100.80:443");
    let page = http::get("www.example.org", "/", "Mozilla/5.0 (X11; Linux x86_64)");
    let hello = ClientHello { post_quantum: true, ..ClientHello::to("www.example.net") };
    schedule(vec![
        (0, ordinary::ntp(phone(42_001), end_point("198.51.100.123:123"), 41)),
        (2, look_up(50_004, "www.example.net", &[], "198.51.100.80")),
        (3, tls::flow(phone(42_002), site, &hello, 9_000, 42)),
        (5, quic::flow(phone(42_003), site, quic::Version::V1, &hello, quic::Layout::InOrder, 43)),
        (7, wechat_http::get_flow(phone(42_004), end_point("198.51.100.81:80"), &page, 6_000, 44)),
        (9, ordinary::ssh(phone(42_005), end_point("198.51.100.82:22"), 45)),
        (11, stun::turn_flow(phone(42_006), end_point("198.51.100.83:3478"), 46)),
        (13, ordinary::ice_call(phone(42_007), end_point("198.51.100.84:19305"), 111, 47)),
        (17, messenger_relay::flow(phone(42_008), end_point("198.51.100.85:3478"), 48)),
        (19, ordinary::xmpp(phone(42_009), end_point("198.51.100.86:5222"), 49)),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_file_kept_is_what_is_built() {
        let kept = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.pcap")).expect("demo.pcap");
        let mut built = Vec::new();
        trace().write_pcap(&mut built).expect("written");
        assert!(
            kept == built,
            "write it anew: cargo run -p wiremark-tests --features tools --bin demo-trace -- tests/demo.pcap"
        );
        assert!(kept.len() < 300_000);
    }

    #[test]
    fn no_two_flows_share_their_end_points() {
        let mut starts: HashSet<(SocketAddr, SocketAddr)> = HashSet::new();
        for frame in &trace().frames {
            let at = frame.locate().expect("plain packets only");
            if at.protocol == crate::packet::TCP && frame.bytes[at.transport + 13] == 0x02 {
                assert!(starts.insert((at.src, at.dst)), "{} to {} twice", at.src, at.dst);
            }
        }
        assert!(starts.len() > 15);
    }
}
