//! Named ways to build a capture, with parameters, for the cases.

mod build;
mod with;

pub use with::With;

use crate::conversation::Tcp;
use crate::protocol::whatsapp_chat::twin;
use crate::protocol::{hex, messenger_relay, mmtls, ordinary, stun, wechat_http, wechat_longlink};
use crate::random::Random;
use crate::trace::Trace;

use build::*;
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
