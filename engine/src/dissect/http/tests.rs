//! Tests of the dissector, on bytes made by hand.

use super::super::torture::{mutations, prefixes};
use super::*;
use alloc::vec::Vec;

fn request_of(bytes: &[u8]) -> Request<'_> {
    match head(bytes) {
        Dissection::Found(Head::Request(request)) => request,
        told => panic!("{told:?}"),
    }
}

fn response_of(bytes: &[u8]) -> Response<'_> {
    match head(bytes) {
        Dissection::Found(Head::Response(response)) => response,
        told => panic!("{told:?}"),
    }
}

const POST: &[u8] = b"POST http://short.example.net/cgi-bin/sync?a=1 HTTP/1.1\r\nAccept: */*\r\nContent-Length: 4\r\n\
    HOST: other.example.net:8080\r\nuser-agent:  Client 1 \r\nreferer: http://example.net/\r\nUpgrade: custom\r\n\r\n\x8d\x5f\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
    Content-Disposition: attachment; filename=answer.dat\r\nContent-Encoding: deflate\r\nTransfer-Encoding: gzip, Chunked\r\n\
    Content-Length: 12\r\nUpgrade: custom\r\n\r\nbody";

#[test]
fn a_request_gives_its_facts() {
    let request = request_of(POST);
    assert_eq!(request.method, b"POST");
    assert_eq!(request.target, b"http://short.example.net/cgi-bin/sync?a=1");
    assert_eq!(request.path(), b"/cgi-bin/sync?a=1");
    assert_eq!(request.host(), Some(&b"short.example.net"[..]));
    assert_eq!(request.user_agent, Some(&b"Client 1"[..]));
    assert_eq!(request.referer, Some(&b"http://example.net/"[..]));
    assert_eq!(request.upgrade, Some(&b"custom"[..]));
    assert_eq!((request.content_length, request.complete), (Some(4), true));
    assert_eq!(request.body, b"\x8d\x5f\r\n");
}

#[test]
fn a_response_gives_its_facts() {
    let response = response_of(OK);
    assert_eq!((response.status, response.chunked, response.complete), (200, true, true));
    assert_eq!(response.content_type, Some(&b"application/octet-stream"[..]));
    assert_eq!(response.content_disposition, Some(&b"attachment; filename=answer.dat"[..]));
    assert_eq!(response.content_encoding, Some(&b"deflate"[..]));
    assert_eq!(response.upgrade, Some(&b"custom"[..]));
    assert_eq!((response.content_length, response.body), (Some(12), &b"body"[..]));
    assert_eq!(response_of(b"HTTP/1.0 404\n").status, 404);
}

#[test]
fn prefixes_bring_only_complete_lines() {
    let line = POST.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let end = POST.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 4;
    prefixes(POST, |length, prefix| {
        if length < line {
            return assert_eq!(head(prefix), Dissection::NeedMore);
        }
        let request = request_of(prefix);
        assert_eq!(request.complete, length >= end);
        assert_eq!(request.body.len(), length.saturating_sub(end));
        assert!(request.content_length.is_none_or(|length| length == 4));
        assert!(request.user_agent.is_none_or(|value| value == b"Client 1"));
        assert_eq!(request.host(), Some(&b"short.example.net"[..]));
    });
}

#[test]
fn hosts_come_without_port_user_and_brackets() {
    let host = |bytes| request_of(bytes).host().map(Vec::from);
    assert_eq!(host(b"GET / HTTP/1.1\nHost: example.net:81\n\n"), Some(b"example.net".into()));
    assert_eq!(host(b"GET / HTTP/1.1\nHost: [2001:db8::1]:81\n\n"), Some(b"2001:db8::1".into()));
    assert_eq!(host(b"GET / HTTP/1.1\nHost:\n\n"), None);
    assert_eq!(host(b"GET / HTTP/1.0\n\n"), None);
    assert_eq!(host(b"CONNECT g.example.net:443 HTTP/1.1\n"), Some(b"g.example.net".into()));
    assert_eq!(host(b"GET http://u:p@example.net:80?q HTTP/1.1\n"), Some(b"example.net".into()));
    assert_eq!(
        host(b"GET /go?to=http://no.example HTTP/1.1\nHost: yes.example\n"),
        Some(b"yes.example".into())
    );
}

#[test]
fn paths_are_cut_out_of_absolute_targets() {
    assert_eq!(request_of(b"GET http://example.net HTTP/1.1\n").path(), b"/");
    assert_eq!(request_of(b"GET http://example.net?q=1 HTTP/1.1\n").path(), b"?q=1");
    assert_eq!(request_of(b"GET //odd/ HTTP/1.1\n").path(), b"//odd/");
    assert_eq!(request_of(b"OPTIONS * HTTP/1.1\n").path(), b"*");
    assert_eq!(request_of(b"CONNECT g.example.net:443 HTTP/1.1\n").path(), b"");
}

#[test]
fn continuation_and_odd_lines_are_passed_over() {
    let request =
        request_of(b"GET / HTTP/1.1\nReferer: a\n User-Agent: no\nodd\nUser-Agent: b\nUser-Agent: c\n\n");
    assert_eq!((request.referer, request.user_agent), (Some(&b"a"[..]), Some(&b"b"[..])));
    assert!(request.complete);
    assert_eq!(request_of(b"GET / HTTP/1.1\nContent-Length: 99999999999999999999\n\n").content_length, None);
    assert_eq!(request_of(b"GET / HTTP/1.1\nContent-Length: +1\n\n").content_length, None);
}

#[test]
fn other_protocols_are_refused_early() {
    for bytes in [
        &b"\x16\x03\x01"[..],
        b"GETX",
        b"get /",
        b"GE\n",
        b"GET /\x01",
        b"GET /\r ",
        b"GET / HTTP/2.0\r\n",
        b"GET /\r\n",
        b"GET  HTTP/1.1\r\n",
        b"GET / / HTTP/1.1\r\n",
        b"OPTIONS rtsp://example.net RTSP/1.0\r\n",
        b"HTTP/2",
        b"HTTP/1.1 20x OK\r\n",
        b"HTTP/1.1 099 OK\r\n",
        b"HTTP/1.1 2000\r\n",
        b"HTTP/1.1 20\r\n",
        b"HTTP/1.\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"SSH-2.0-",
    ] {
        assert_eq!(head(bytes), Dissection::NotMine, "{bytes:?}");
    }
}

#[test]
fn long_heads_are_given_up() {
    let mut bytes = Vec::from(b"GET /");
    bytes.resize(HEAD_MAX - 1, b'a');
    assert_eq!(head(&bytes), Dissection::NeedMore);
    bytes.push(b'a');
    assert_eq!(head(&bytes), Dissection::NotMine);

    let mut fields = Vec::from(b"GET / HTTP/1.1\n");
    for _ in 0..FIELDS_MAX {
        fields.extend(b"A: b\n");
    }
    let whole = [&fields[..], b"\nbody"].concat();
    assert_eq!((request_of(&whole).complete, request_of(&whole).body), (true, &b"body"[..]));
    let more = [&fields[..], b"A: b\n\nbody"].concat();
    assert!(!request_of(&more).complete);
    let long = [&b"GET / HTTP/1.1\nA: "[..], &[b'x'; HEAD_MAX], b"\nUser-Agent: late\n\n"].concat();
    assert_eq!((request_of(&long).complete, request_of(&long).user_agent), (false, None));
}

#[test]
fn no_bytes_make_it_panic() {
    for bytes in [POST, OK] {
        mutations(bytes, |bytes| {
            if let Dissection::Found(Head::Request(request)) = head(bytes) {
                request.host();
                request.path();
            }
        });
    }
}
