//! HTTP/1 (RFC 9112) messages in clear.

/// A request with its headers in the order given; `Content-Length` is the caller's to name.
pub fn request(method: &str, target: &str, version: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    message(&format!("{method} {target} HTTP/{version}"), headers, body)
}

/// A GET of HTTP/1.1 with Host and User-Agent.
pub fn get(host: &str, path: &str, user_agent: &str) -> Vec<u8> {
    request("GET", path, "1.1", &[("Host", host), ("User-Agent", user_agent), ("Accept", "*/*")], b"")
}

/// A `200 OK` with its Content-Length behind the headers given.
pub fn ok(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", length.as_str())]].concat();
    message("HTTP/1.1 200 OK", &headers, body)
}

/// Any first line, headers and body.
pub fn message(first: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = format!("{first}\r\n");
    for (name, value) in headers {
        out += &format!("{name}: {value}\r\n");
    }
    out += "\r\n";
    [out.as_bytes(), body].concat()
}
