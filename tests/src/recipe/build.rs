//! The building, recipe by recipe.

use std::net::{IpAddr, SocketAddr};

use super::with::With;
use crate::conversation::{Tcp, Udp, end_point};
use crate::protocol::tls::{self, ClientHello};
use crate::protocol::whatsapp_call::{Call, Peer};
use crate::protocol::whatsapp_chat::{Chat, Hello};
use crate::protocol::whatsapp_relay::Dialect;
use crate::protocol::{
    dns, hex, http, ordinary, proxy, quic, wechat_http, wechat_longlink, wechat_media, wechat_voip,
};
use crate::random::Random;
use crate::trace::Trace;

pub(super) fn chat(w: &With) -> Chat {
    let version = w.version.map_or((6, 3), |[generation, dictionary]| (generation, dictionary));
    let mut chat = Chat { segments: w.segments.clone(), ..Chat::of(version) };
    if let Some(routing) = &w.routing {
        chat.routing = (!routing.is_empty()).then(|| hex(routing));
    }
    match w.hello.as_deref() {
        Some("xx") => chat.hello = Hello::Xx,
        Some("ik") => chat.hello = Hello::Ik(276),
        Some(other) => panic!("hello: xx or ik, not {other}"),
        None => {}
    }
    chat
}

pub(super) fn call(w: &With) -> Trace {
    let dialect = match w.year {
        Some(2015) => Dialect::Y2015,
        Some(2019) => Dialect::Y2019,
        _ => Dialect::Y2023,
    };
    let peer = match w.peer.as_deref() {
        Some("untried") => Peer::Untried,
        Some("blocked") => Peer::Blocked,
        _ => Peer::Reached,
    };
    let mut call = Call {
        client: w.client(),
        caller: !w.callee,
        relays_answer: !w.blocked,
        answered: !w.unanswered,
        video: w.video,
        peer,
        fallback_us: w.fallback_s * 1_000_000,
        seed: w.seed,
        ..Call::of(dialect)
    };
    if let Some(port) = w.port {
        call.relays.iter_mut().for_each(|r| r.set_port(port));
    }
    call.trace()
}

pub(super) fn tcp_exchange(w: &With) -> Trace {
    let mut flow = Tcp::new(w.client(), w.server(443), w.seed);
    for [up, down] in &w.exchange {
        flow = flow.client(hex(up)).server(hex(down));
    }
    flow.close().trace()
}

pub(super) fn udp_exchange(w: &With) -> Trace {
    let mut flow = Udp::new(w.client(), w.server(3478));
    for [up, down] in &w.exchange {
        if !up.is_empty() {
            flow = flow.client(hex(up));
        }
        if !down.is_empty() {
            flow = flow.server(hex(down));
        }
    }
    flow.trace()
}

pub(super) fn tls_flow(w: &With) -> Trace {
    let mut random = Random::new(w.seed);
    let hello = ClientHello { post_quantum: w.post_quantum, ..ClientHello::to(w.host()) };
    if w.record.is_none() && w.segments.is_empty() {
        return tls::flow(w.client(), w.server(443), &hello, 9000, w.seed);
    }
    let records = tls::records(&hello.message(&mut random), w.record.unwrap_or(0x4000));
    Tcp::new(w.client(), w.server(443), w.seed)
        .client_segments(records, &w.segments)
        .server(tls::server_flight(&mut random, 2400))
        .client(tls::application(&mut random, 200))
        .close()
        .trace()
}

pub(super) fn quic_flow(w: &With) -> Trace {
    let version = match w.year {
        Some(2020) => quic::Version::Draft29,
        Some(2023) => quic::Version::V2,
        _ => quic::Version::V1,
    };
    let layout = match w.form() {
        "shuffled" => quic::Layout::Shuffled,
        "late-first" => quic::Layout::LateFirst,
        _ => quic::Layout::InOrder,
    };
    let hello = ClientHello { post_quantum: w.post_quantum, ..ClientHello::to(w.host()) };
    quic::flow(w.client(), w.server(443), version, &hello, layout, w.seed)
}

pub(super) fn http_get(w: &With) -> Trace {
    let request = http::get(w.host(), w.path.as_deref().unwrap_or("/"), "Mozilla/5.0 (X11; Linux x86_64)");
    wechat_http::get_flow(w.client(), w.server(80), &request, 4000, w.seed)
}

pub(super) fn dns_flow(w: &With) -> Trace {
    let (client, resolver) = (w.client(), w.server(53));
    let chain: Vec<&str> = w.chain.iter().map(String::as_str).collect();
    let address: IpAddr = w.server(0).ip();
    match w.form() {
        "tcp" => {
            let records = [dns::Record::Address(w.host().into(), address)];
            Tcp::new(client, resolver, w.seed)
                .client(dns::over_tcp(&dns::query(7, w.host(), dns::A)))
                .server(dns::over_tcp(&dns::answer(7, w.host(), dns::A, &records)))
                .close()
                .trace()
        }
        "https" => {
            let records = [dns::Record::Https(w.host().into(), vec![address])];
            Udp::new(client, resolver)
                .client(dns::query(7, w.host(), dns::HTTPS))
                .server(dns::answer(7, w.host(), dns::HTTPS, &records))
                .trace()
        }
        _ => dns::flow(client, resolver, w.host(), &chain, &[address]),
    }
}

/// A look-up, then a flow to the address it named in which nothing can be recognised.
pub(super) fn dns_then_flow(w: &With) -> Trace {
    let chain: Vec<&str> = w.chain.iter().map(String::as_str).collect();
    let look_up = dns::flow(
        end_point("10.0.0.1:5353"),
        end_point("192.0.2.53:53"),
        w.host(),
        &chain,
        &[w.server(0).ip()],
    );
    let after = look_up.end_us();
    let opaque = ordinary::datagrams(w.client(), w.server(7443), &[0x9c], &[300, 80, 90], w.seed);
    Trace::mixed([look_up, opaque.shift((after - crate::trace::START_US) as i64 + 1000)])
}

pub(super) fn proxied(w: &With) -> Trace {
    let mut random = Random::new(w.seed);
    let preamble = match w.form() {
        "socks5" => proxy::socks5("192.0.2.80", 443),
        "socks4a" => proxy::socks4a("192.0.2.80", 443),
        "connect" => proxy::connect("192.0.2.80", 443),
        "proxy-line" => proxy::proxy_line(),
        other => panic!("no proxy {other}"),
    };
    let (up, down) = match w.inner.as_deref() {
        Some("whatsapp-chat") => {
            let chat = chat(&With::default());
            (chat.opening(&mut random), chat.answer(&mut random))
        }
        _ => (ClientHello::to(w.host()).record(&mut random), tls::server_flight(&mut random, 2000)),
    };
    let mut flow = Tcp::new(w.client(), w.server(1080), w.seed);
    for (ask, answer) in preamble.0 {
        flow = flow.client(ask);
        if !answer.is_empty() {
            flow = flow.server(answer);
        }
    }
    flow.client(up).server(down).close().trace()
}

pub(super) fn newdns(w: &With, year: u16) -> Trace {
    let long: IpAddr = IpAddr::from([203, 0, 113, 40]);
    let domains: &[(&str, &[IpAddr])] = &[
        ("szlong.weixin.qq.com", &[long]),
        ("szextshort.weixin.qq.com", &[IpAddr::from([203, 0, 113, 41])]),
    ];
    wechat_http::newdns_flow(w.client(), w.server(8080), year, domains, w.seed)
}

/// newdns, then a flow to an address it named in which nothing can be recognised.
pub(super) fn newdns_then_flow(w: &With) -> Trace {
    let first = newdns(w, w.year.unwrap_or(2015));
    let server = SocketAddr::from(([203, 0, 113, 40], w.port.unwrap_or(7443)));
    let client = SocketAddr::from(([10, 0, 0, 1], 55_555));
    let random = &mut crate::random::Random::new(w.seed);
    let mut part = |bytes: usize| [&[0x9c][..], &random.bytes(bytes)].concat();
    let opaque = Tcp::new(client, server, w.seed).client(part(300)).server(part(80)).client(part(90)).trace();
    let after = first.end_us() - crate::trace::START_US + 1000;
    Trace::mixed([first, opaque.shift(after as i64)])
}

pub(super) fn media(w: &With) -> Trace {
    let (client, server) = (w.client(), w.server(443));
    match w.form() {
        "protobuf" => wechat_media::protobuf_flow(client, server, 4000, w.seed),
        "upload" => wechat_media::upload_flow(client, server, 9000, w.seed),
        _ => wechat_media::download_flow(client, server, 9000, w.seed),
    }
}

pub(super) fn voip(w: &With) -> Trace {
    let (client, server) = (w.client(), w.server(8080));
    let content = |class, up, down| wechat_voip::content_flow(client, server, class, (up, down), w.seed);
    match w.form() {
        "signalling" => wechat_voip::signalling_flow(client, server, w.seed),
        "a3" => content(0xa3, &[95, 96], &[96, 95]),
        "d6" => content(0xd6, &[200], &[200]),
        "d5" => content(0xd5, &[89, 91, 90], &[103, 104]),
        _ => wechat_voip::heartbeat_flow(client, server, w.seed),
    }
}

pub(super) fn everyone(w: &With) -> Trace {
    let client = w.client();
    match w.form() {
        "ntp" => ordinary::ntp(client, w.server(123), w.seed),
        "ssh" => ordinary::ssh(client, w.server(22), w.seed),
        "xmpp" => ordinary::xmpp(client, w.server(5222), w.seed),
        "smpp" => ordinary::smpp(client, w.server(2775), w.seed),
        "midstream" => {
            let first = hex(w.opening.as_deref().unwrap_or("ab"));
            ordinary::midstream(client, w.server(443), &first, w.seed)
        }
        "datagrams" => {
            let first = hex(w.opening.as_deref().unwrap_or("d1"));
            ordinary::datagrams(client, w.server(8080), &first, &[95, 200, 41, 700], w.seed)
        }
        "mars" => {
            let message = |n| wechat_longlink::mars_sample(6, n, &[]);
            Tcp::new(client, w.server(8081), w.seed).client(message(1)).server(message(1)).close().trace()
        }
        other => panic!("no such ordinary traffic: {other}"),
    }
}
