//! Named ways to build a capture, with parameters, for the cases.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::conversation::{Tcp, Udp, end_point};
use crate::protocol::tls::{self, ClientHello};
use crate::protocol::whatsapp_call::{Call, Peer};
use crate::protocol::whatsapp_chat::{Chat, Hello, twin};
use crate::protocol::whatsapp_relay::Dialect;
use crate::protocol::{
    dns, hex, http, messenger_relay, mmtls, ordinary, proxy, quic, stun, wechat_http, wechat_longlink,
    wechat_media, wechat_voip,
};
use crate::random::Random;
use crate::trace::Trace;

/// A recipe's parameters. Each recipe names those it takes; the others cannot be set for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct With {
    /// Generation and dictionary of a chat preamble.
    pub version: Option<[u8; 2]>,
    /// Sizes of the first segments.
    pub segments: Vec<usize>,
    /// Routing bytes in hexadecimal; empty for no `ED` block.
    pub routing: Option<String>,
    /// Kind of first message: `xx`, `ik`.
    pub hello: Option<String>,
    /// The server's port.
    pub port: Option<u16>,
    /// A host name.
    pub host: Option<String>,
    /// Canonical names a DNS answer goes through.
    pub chain: Vec<String>,
    /// A path in a URL.
    pub path: Option<String>,
    /// The year whose form is built.
    pub year: Option<u16>,
    /// One of several forms; each recipe lists its own.
    pub form: Option<String>,
    /// A call with video.
    pub video: bool,
    /// What becomes of a call's direct path: `untried`, `blocked`, `reached`.
    pub peer: Option<String>,
    /// The call is not answered.
    pub unanswered: bool,
    /// The observed end is called instead of calling.
    pub callee: bool,
    /// Relays do not answer.
    pub blocked: bool,
    /// Seconds of media on the relay after the direct path fell silent.
    pub fallback_s: u64,
    /// The hello has a post-quantum key share.
    pub post_quantum: bool,
    /// Longest TLS record of the hello.
    pub record: Option<usize>,
    /// First bytes from the client, in hexadecimal; random ones follow.
    pub opening: Option<String>,
    /// What the client sends and the server answers, in hexadecimal, by turns.
    pub exchange: Vec<[String; 2]>,
    /// Payload type of RTP.
    pub payload_type: Option<u8>,
    /// What speaks behind a proxy's preamble: `whatsapp-chat`, `tls`.
    pub inner: Option<String>,
    /// Minor version of mmtls.
    pub minor: Option<u8>,
    /// Seed of everything that looks random.
    pub seed: u64,
}

impl With {
    fn client(&self) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 40_000 + (self.seed % 20_000) as u16))
    }

    fn server(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 20], self.port.unwrap_or(port)))
    }

    fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("www.example.net")
    }

    fn form(&self) -> &str {
        self.form.as_deref().unwrap_or("")
    }
}

/// A recipe: its name, the parameters it takes besides `seed`, and the building.
#[derive(Debug)]
pub struct Recipe {
    /// The name cases call it by.
    pub name: &'static str,
    /// Parameters it takes.
    pub takes: &'static [&'static str],
    /// Builds the capture: raw IP frames.
    pub build: fn(&With) -> Trace,
}

/// Every recipe.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "whatsapp-chat",
        takes: &["version", "segments", "routing", "hello", "port"],
        build: |w| chat(w).flow(w.client(), w.server(5222), w.seed).close().trace(),
    },
    Recipe { name: "whatsapp-call", takes: CALL, build: call },
    Recipe {
        name: "messenger-relay",
        takes: &[],
        build: |w| messenger_relay::flow(w.client(), w.server(3478), w.seed),
    },
    Recipe { name: "turn", takes: &[], build: |w| stun::turn_flow(w.client(), w.server(3478), w.seed) },
    Recipe {
        name: "ice-call",
        takes: &["payload_type", "port"],
        build: |w| ordinary::ice_call(w.client(), w.server(3478), w.payload_type.unwrap_or(111), w.seed),
    },
    Recipe {
        name: "tcp-opening",
        takes: &["opening", "port"],
        build: |w| twin(w.client(), w.server(443), &hex(w.opening.as_deref().unwrap_or("")), w.seed),
    },
    Recipe { name: "tcp-exchange", takes: &["exchange", "port"], build: tcp_exchange },
    Recipe { name: "udp-exchange", takes: &["exchange", "port"], build: udp_exchange },
    Recipe { name: "tls", takes: &["host", "post_quantum", "record", "segments", "port"], build: tls_flow },
    Recipe { name: "quic", takes: &["host", "post_quantum", "form", "year"], build: quic_flow },
    Recipe { name: "http-get", takes: &["host", "path"], build: http_get },
    Recipe { name: "dns", takes: &["host", "chain", "form"], build: dns_flow },
    Recipe { name: "dns-then-flow", takes: &["host", "chain", "port"], build: dns_then_flow },
    Recipe { name: "proxy", takes: &["form", "inner", "host", "port"], build: proxied },
    Recipe {
        name: "wechat-longlink",
        takes: &["form", "port"],
        build: |w| {
            let marked = w.form() == "marked";
            let tasks = &wechat_longlink::EVERYDAY;
            wechat_longlink::flow(w.client(), w.server(443), marked, tasks, w.seed).close().trace()
        },
    },
    Recipe {
        name: "mmtls-longlink",
        takes: &["minor", "port"],
        build: |w| mmtls::longlink(w.client(), w.server(8080), w.minor.unwrap_or(4), w.seed).close().trace(),
    },
    Recipe {
        name: "mmtls-refused",
        takes: &["minor", "port"],
        build: |w| {
            let (minor, mut random) = (w.minor.unwrap_or(4), Random::new(w.seed));
            let hello = mmtls::psk_hello(mmtls::HANDSHAKE, minor, &mut random);
            let flow = Tcp::new(w.client(), w.server(80), w.seed).client(hello);
            flow.server(mmtls::refusal(minor)).close().trace()
        },
    },
    Recipe {
        name: "wechat-short",
        takes: &["host", "path", "year"],
        build: |w| {
            let host = w.host.as_deref().unwrap_or("hkextshort.weixin.qq.com");
            let path = w.path.as_deref().unwrap_or("/cgi-bin/micromsg-bin/mmsnssync");
            wechat_http::short_flow(
                w.client(),
                w.server(80),
                w.year.unwrap_or(2015),
                host,
                (path, 214),
                w.seed,
            )
        },
    },
    Recipe {
        name: "wechat-mmtls-short",
        takes: &["host", "form"],
        build: |w| {
            let host = w.host.as_deref().unwrap_or("szextshort.weixin.qq.com");
            wechat_http::mmtls_flow(w.client(), w.server(80), host, w.form() == "full", w.seed)
        },
    },
    Recipe {
        name: "wechat-forged-preamble",
        takes: &[],
        build: |w| wechat_http::forged_flow(w.client(), w.server(80), w.seed),
    },
    Recipe { name: "wechat-newdns", takes: &["year"], build: |w| newdns(w, w.year.unwrap_or(2023)) },
    Recipe { name: "wechat-newdns-then-flow", takes: &["year", "port"], build: newdns_then_flow },
    Recipe {
        name: "wechat-resource",
        takes: &["host", "path"],
        build: |w| {
            let path = w.path.as_deref().unwrap_or("/mmsns/abcdef/150");
            let request = wechat_http::resource_get(w.host.as_deref().unwrap_or("shmmsns.qpic.cn"), path);
            wechat_http::get_flow(w.client(), w.server(80), &request, 6000, w.seed)
        },
    },
    Recipe {
        name: "wechat-web-view",
        takes: &["host"],
        build: |w| {
            let request = wechat_http::web_view_get(w.host(), "/news");
            wechat_http::get_flow(w.client(), w.server(80), &request, 6000, w.seed)
        },
    },
    Recipe { name: "wechat-media", takes: &["form", "port"], build: media },
    Recipe { name: "wechat-voip", takes: &["form", "port"], build: voip },
    Recipe { name: "ordinary", takes: &["form", "opening", "port"], build: everyone },
];

const CALL: &[&str] = &["year", "video", "peer", "unanswered", "callee", "blocked", "fallback_s", "port"];

/// The recipe of that name.
pub fn named(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|r| r.name == name)
}

fn chat(w: &With) -> Chat {
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

fn call(w: &With) -> Trace {
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

fn tcp_exchange(w: &With) -> Trace {
    let mut flow = Tcp::new(w.client(), w.server(443), w.seed);
    for [up, down] in &w.exchange {
        flow = flow.client(hex(up)).server(hex(down));
    }
    flow.close().trace()
}

fn udp_exchange(w: &With) -> Trace {
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

fn tls_flow(w: &With) -> Trace {
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

fn quic_flow(w: &With) -> Trace {
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

fn http_get(w: &With) -> Trace {
    let request = http::get(w.host(), w.path.as_deref().unwrap_or("/"), "Mozilla/5.0 (X11; Linux x86_64)");
    wechat_http::get_flow(w.client(), w.server(80), &request, 4000, w.seed)
}

fn dns_flow(w: &With) -> Trace {
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
fn dns_then_flow(w: &With) -> Trace {
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

fn proxied(w: &With) -> Trace {
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

fn newdns(w: &With, year: u16) -> Trace {
    let long: IpAddr = IpAddr::from([203, 0, 113, 40]);
    let domains: &[(&str, &[IpAddr])] = &[
        ("szlong.weixin.qq.com", &[long]),
        ("szextshort.weixin.qq.com", &[IpAddr::from([203, 0, 113, 41])]),
    ];
    wechat_http::newdns_flow(w.client(), w.server(8080), year, domains, w.seed)
}

/// newdns, then a flow to an address it named in which nothing can be recognised.
fn newdns_then_flow(w: &With) -> Trace {
    let first = newdns(w, w.year.unwrap_or(2015));
    let server = SocketAddr::from(([203, 0, 113, 40], w.port.unwrap_or(7443)));
    let client = SocketAddr::from(([10, 0, 0, 1], 55_555));
    let opaque = ordinary::datagrams(client, server, &[0x9c], &[300, 80, 90], w.seed);
    let after = first.end_us() - crate::trace::START_US + 1000;
    Trace::mixed([first, opaque.shift(after as i64)])
}

fn media(w: &With) -> Trace {
    let (client, server) = (w.client(), w.server(443));
    match w.form() {
        "protobuf" => wechat_media::protobuf_flow(client, server, 4000, w.seed),
        "upload" => wechat_media::upload_flow(client, server, 9000, w.seed),
        _ => wechat_media::download_flow(client, server, 9000, w.seed),
    }
}

fn voip(w: &With) -> Trace {
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

fn everyone(w: &With) -> Trace {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_used_once() {
        let mut names: Vec<&str> = RECIPES.iter().map(|r| r.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RECIPES.len());
    }

    #[test]
    fn a_recipe_gives_the_same_capture_again() {
        for recipe in RECIPES.iter().filter(|r| !["ordinary", "proxy"].contains(&r.name)) {
            let with = With { seed: 3, ..With::default() };
            assert_eq!((recipe.build)(&with), (recipe.build)(&with), "{}", recipe.name);
        }
    }
}
