//! WeChat in HTTP (facts/wechat.md 1, 3 and 5.5): short links, newdns, resources.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::wechat_longlink::{Business, MADE_UP_UIN};
use super::{http, mmtls};
use crate::conversation::Tcp;
use crate::random::Random;
use crate::trace::Trace;

/// User-Agent since 6.1.
pub const CLIENT: &str = "MicroMessenger Client";
/// User-Agent of Android 4.5.
pub const CLIENT_2013: &str = "Android QQMail HTTP Client";
const OCTETS: &str = "application/octet-stream";

/// A short link request of 2013: path in the request line, no word of the app in the headers.
pub fn post_2013(host: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = format!(" {}", body.len());
    let headers = [
        ("Host", host),
        ("User-Agent", CLIENT_2013),
        ("Cache-Control", "no-cache"),
        ("Connection", "Keep-Alive"),
        ("Content-Type", OCTETS),
        ("accept", "*/*"),
        ("Content-Length", &length),
    ];
    http::request("POST", path, "1.1", &headers, body)
}

/// A short link request of 2015: the whole URL in the request line, headers in the order of the alphabet.
pub fn post_2015(host: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let (url, length) = (format!("http://{host}{path}"), body.len().to_string());
    let headers = [
        ("Accept", "*/*"),
        ("Cache-Control", "no-cache"),
        ("Connection", "close"),
        ("Content-Length", &length),
        ("Content-Type", OCTETS),
        ("Host", host),
        ("User-Agent", CLIENT),
    ];
    http::request("POST", &url, "1.1", &headers, body)
}

/// The answer of 2013 and 2015.
pub fn answer(body: &[u8]) -> Vec<u8> {
    let file = ("Content-Disposition", "attachment; filename=micromsgresp.dat");
    http::ok(&[("Connection", "close"), ("Content-Type", OCTETS), file], body)
}

/// A short link under mmtls.
pub fn post_mmtls(host: &str, batch: &str, keep_alive: bool, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let headers = [
        ("Accept", "*/*"),
        ("Cache-Control", "no-cache"),
        ("Connection", if keep_alive { "Keep-Alive" } else { "close" }),
        ("Content-Length", &length),
        ("Content-Type", OCTETS),
        ("Host", host),
        ("Upgrade", "mmtls"),
        ("User-Agent", CLIENT),
    ];
    http::request("POST", &format!("/mmtls/{batch}"), "1.1", &headers, body)
}

/// A short link flow in clear; `year` 2013 or 2015.
pub fn short_flow(
    client: SocketAddr,
    server: SocketAddr,
    year: u16,
    host: &str,
    cgi: (&str, u32),
    seed: u64,
) -> Trace {
    let mut random = Random::new(seed);
    let (path, function) = cgi;
    let version = if year == 2013 { 0x2405_00fd } else { 0x2601_0041 };
    let body = Business { marked: false, version, function }.with_body(&mut random, 236);
    let request = if year == 2013 { post_2013(host, path, &body) } else { post_2015(host, path, &body) };
    let body = Business { marked: false, version: 0, function }.with_body(&mut random, 900);
    Tcp::new(client, server, seed).client(request).server(answer(&body)).close().trace()
}

/// A short link flow under mmtls; with a full handshake instead of 0-RTT where `full`.
pub fn mmtls_flow(client: SocketAddr, server: SocketAddr, host: &str, full: bool, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let batch = random.hex(8);
    let (up, down) = if full {
        (mmtls::full_hello(4, &mut random), mmtls::full_answer(4, &mut random))
    } else {
        (mmtls::early_request(4, &mut random, 420), mmtls::early_answer(4, &mut random, 1800))
    };
    let answer = http::ok(&[("Connection", "close"), ("Content-Type", OCTETS)], &down);
    Tcp::new(client, server, seed).client(post_mmtls(host, &batch, !full, &up)).server(answer).close().trace()
}

/// What a zero-rating tunnel writes to pass for a short link, and the tunnel behind it.
pub fn forged_flow(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let headers = [("Host", "szextshort.weixin.qq.com"), ("Upgrade", "mmtls"), ("User-Agent", CLIENT)];
    let url = "http://szextshort.weixin.qq.com/mmtls/2181af9c";
    let request = http::request("POST", url, "1.1", &headers, b"");
    let accepted = http::message("HTTP/1.1 101 Switching Protocols", &[("Connection", "Upgrade")], b"");
    Tcp::new(client, server, seed)
        .client(request)
        .server(accepted)
        .client(random.bytes(500))
        .server(random.bytes(2500))
        .close()
        .trace()
}

/// The question of DNS over HTTP, as of 2016 or, with more parameters, 2023.
pub fn newdns_request(year: u16, random: &mut Random) -> Vec<u8> {
    let mut target = format!(
        "/cgi-bin/micromsg-bin/newgetdns?uin={MADE_UP_UIN}&clientversion=671094583&scene=0&net=1&md5={}\
         &devicetype=android-34&lan=en&sigver=2",
        random.hex(32)
    );
    if year >= 2023 {
        target += &format!(
            "&lasteffecttime=1704067200&xagreementid=0&networkid={}&networkidctx={}&mccmnc=",
            random.hex(32),
            random.hex(80)
        );
    }
    let all = [
        ("Accept", "*/*"),
        ("Accept-Encoding", "deflate"),
        ("Cache-Control", "no-cache"),
        ("Connection", "close"),
        ("Content-Type", OCTETS),
        ("Host", "dns.weixin.qq.com"),
        ("User-Agent", CLIENT),
    ];
    http::request("GET", &target, if year >= 2023 { "1.0" } else { "1.1" }, &all, b"")
}

/// The answer's document: each name with its addresses.
pub fn newdns_xml(year: u16, domains: &[(&str, &[IpAddr])]) -> String {
    let (timeout, spelling) = if year >= 2023 { (1860, "clientispid") } else { (1800, "clientspid") };
    let list = |ips: &[IpAddr]| ips.iter().map(|ip| format!("<ip>{ip}</ip>")).collect::<String>();
    let mut out = String::from("<dns><retcode>0</retcode><domainlist>");
    for (name, ips) in domains {
        out += &format!("<domain name=\"{name}\" timeout=\"{timeout}\">{}</domain>", list(ips));
    }
    out +=
        &format!("<domain name=\"localhost\" timeout=\"{timeout}\"><ip>127.0.0.1</ip></domain></domainlist>");
    out += "<builtiniplist><ip>203.0.113.200</ip></builtiniplist>";
    out += &format!("<clientip>203.0.113.5</clientip><{spelling}>0</{spelling}>");
    out + "<timestamp>1704067200</timestamp><signature>00</signature></dns>"
}

/// The answer; since 2023 with a raw deflate stream and HTTP/1.0.
pub fn newdns_answer(year: u16, domains: &[(&str, &[IpAddr])]) -> Vec<u8> {
    let xml = newdns_xml(year, domains);
    if year < 2023 {
        return http::ok(&[("Connection", "close"), ("Content-Type", "text/xml")], xml.as_bytes());
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).expect("memory");
    let body = encoder.finish().expect("memory");
    let length = body.len().to_string();
    let headers = [
        ("Connection", "close"),
        ("Content-Type", "text/xml"),
        ("Content-Encoding", "deflate"),
        ("Content-Length", &length),
    ];
    http::message("HTTP/1.0 200 OK", &headers, &body)
}

/// A newdns flow; the address asked is built into the app.
pub fn newdns_flow(
    client: SocketAddr,
    server: SocketAddr,
    year: u16,
    domains: &[(&str, &[IpAddr])],
    seed: u64,
) -> Trace {
    let request = newdns_request(year, &mut Random::new(seed));
    Tcp::new(client, server, seed).client(request).server(newdns_answer(year, domains)).close().trace()
}

/// A resource fetched by the app: its Referer carries version and account number.
pub fn resource_get(host: &str, path: &str) -> Vec<u8> {
    let referer = format!("http://weixin.qq.com/?version=637863936&uin={MADE_UP_UIN}&nettype=1&signal=80");
    let agent = "MicroMessenger/6.1.0.65_r1062275.542 NetType/WIFI";
    http::request("GET", path, "1.1", &[("Host", host), ("User-Agent", agent), ("referer", &referer)], b"")
}

/// A page opened in the app's browser, on somebody else's site.
pub fn web_view_get(host: &str, path: &str) -> Vec<u8> {
    let agent = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/111.0 Mobile Safari/537.36 \
                 MicroMessenger/8.0.33.2320 NetType/WIFI Language/en";
    http::get(host, path, agent)
}

/// A GET and a JPEG back.
pub fn get_flow(client: SocketAddr, server: SocketAddr, request: &[u8], bytes: usize, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let picture = [&super::hex("ffd8ffe0 0010 4a464946 00")[..], &random.bytes(bytes)].concat();
    let answer = http::ok(&[("Content-Type", "image/jpeg")], &picture);
    Tcp::new(client, server, seed).client(request).server(answer).close().trace()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn body(message: &[u8]) -> &[u8] {
        let at = message.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of headers");
        &message[at + 4..]
    }

    #[test]
    fn the_request_of_2013_is_known_by_its_url_alone() {
        let request = post_2013("short.weixin.qq.com", "/cgi-bin/micromsg-bin/sendmsg", b"xy");
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("POST /cgi-bin/micromsg-bin/sendmsg HTTP/1.1\r\nHost: short.weixin"));
        assert!(text.contains("Content-Length:  2\r\n") && !text.contains("MicroMessenger"));
    }

    #[test]
    fn the_deflated_answer_is_the_same_document() {
        let ip: IpAddr = "203.0.113.9".parse().unwrap();
        let domains: &[(&str, &[IpAddr])] = &[("szlong.weixin.qq.com", &[ip])];
        let mut xml = String::new();
        let answer = newdns_answer(2023, domains);
        flate2::read::DeflateDecoder::new(body(&answer)).read_to_string(&mut xml).unwrap();
        assert_eq!(xml, newdns_xml(2023, domains));
        assert!(xml.contains("<domain name=\"szlong.weixin.qq.com\" timeout=\"1860\"><ip>203.0.113.9</ip>"));
        assert_eq!(body(&newdns_answer(2015, domains)), newdns_xml(2015, domains).as_bytes());
    }

    #[test]
    fn a_short_request_under_mmtls_carries_records() {
        let request =
            post_mmtls("dns.weixin.qq.com", "7d44b6a2", false, &mmtls::full_hello(4, &mut Random::new(1)));
        assert!(String::from_utf8_lossy(&request).contains("Content-Length: 371\r\n"));
        assert_eq!(body(&request)[..3], [0x16, 0xf1, 4]);
    }
}
