//! HTTP heads and what of their bodies is of use: look-up lists, framed messages.

use std::ops::Range;

use wiremark::dissect::http::{self, Head};
use wiremark::dissect::{Dissection, longlink, mmtls, tls};

use super::rules::{Facts, Need, Rules};
use super::sheet::Sheet;
use super::{framed, lists, tls as tls_stream};

/// Messages of a connection looked at one behind the other.
const MESSAGES_MAX: usize = 10_000;

/// The messages from a place on.
pub(super) fn messages(sheet: &mut Sheet<'_>, mut at: usize, facts: Facts, rules: &mut Rules<'_>) {
    for _ in 0..MESSAGES_MAX {
        match message(sheet, at, facts, rules) {
            Some(next) if next > at => at = next,
            _ => return,
        }
    }
}

/// One message; gives back where the next one begins, where that can be known.
fn message(sheet: &mut Sheet<'_>, at: usize, facts: Facts, rules: &mut Rules<'_>) -> Option<usize> {
    let Dissection::Found(head) = http::head(sheet.from(at)) else { return None };
    let (is_complete, body) = match head {
        Head::Request(request) => {
            let method = sheet.place(request.method);
            sheet.keep(method.start..method.end + 1);
            let target = sheet.place(request.target);
            if request.method == b"CONNECT" {
                authority(sheet, target.clone(), rules);
            } else {
                let is_known = request.host().is_some_and(|host| rules.is_known(host));
                url(sheet, target.clone(), is_known, facts, rules);
            }
            let line_end = line(sheet, at)?;
            sheet.keep(target.end..line_end);
            (request.complete, request.body)
        }
        Head::Response(response) => {
            // Version and code; the reason is text.
            let line_end = line(sheet, at)?;
            let line = sheet.bytes.get(at..line_end).unwrap_or_default();
            let words = line.iter().enumerate().filter(|(_, byte)| **byte == b' ');
            let reason = words.map(|(at, _)| at + 1).nth(1).unwrap_or(line.len());
            sheet.keep(at..at + reason);
            let reason = line.get(reason..).unwrap_or_default();
            if facts.need == Need::All {
                sheet.keep_text(sheet.place(reason), rules);
            } else {
                sheet.replace(line_end - reason.len(), &rules.masked(reason.trim_ascii_end()));
                sheet.keep(line_end - (line.len() - line.trim_ascii_end().len())..line_end);
            }
            (response.complete, response.body)
        }
    };
    let head_end = if is_complete { sheet.place(body).start } else { sheet.bytes.len() };
    fields(sheet, line(sheet, at)?, head_end, facts, rules);
    if !is_complete {
        return None;
    }
    let (length, encoding, chunked, is_response) = match head {
        Head::Request(request) => (request.content_length.or(Some(0)), None, false, false),
        Head::Response(response) => {
            (response.content_length, response.content_encoding, response.chunked, true)
        }
    };
    let body_end = match length {
        _ if chunked => return None,
        Some(length) => head_end.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)),
        None => usize::MAX,
    };
    let range = head_end..body_end.min(sheet.bytes.len());
    // A proxy's answer has no length: what follows comes from behind the proxy.
    let is_tunnel = length.is_none();
    body_of(sheet, range, (encoding, is_response, is_tunnel), facts, rules);
    (body_end <= sheet.bytes.len()).then_some(body_end)
}

/// The end of the line that begins at a place, its line feed included.
fn line(sheet: &Sheet<'_>, at: usize) -> Option<usize> {
    sheet.from(at).iter().position(|byte| *byte == b'\n').map(|length| at + length + 1)
}

/// The complete field lines between two places.
fn fields(sheet: &mut Sheet<'_>, mut at: usize, end: usize, facts: Facts, rules: &Rules<'_>) {
    while at < end
        && let Some(line_end) = line(sheet, at)
    {
        field(sheet, at..line_end, facts, rules);
        at = line_end;
    }
}

fn field(sheet: &mut Sheet<'_>, range: Range<usize>, facts: Facts, rules: &Rules<'_>) {
    let text = sheet.bytes.get(range.clone()).unwrap_or_default();
    let ending = text.len() - text.trim_ascii_end().len();
    let value_end = range.end - ending;
    sheet.keep(value_end..range.end);
    let colon = text.iter().position(|byte| *byte == b':').filter(|_| !text.starts_with(b" "));
    let Some(colon) = colon else {
        let masked = rules.masked(text.trim_ascii_end());
        return sheet.replace(range.start, &masked);
    };
    let (name, value) = text.split_at(colon + 1);
    let value_at = range.start + colon + 1 + (value.len() - value.trim_ascii_start().len());
    let value_at = value_at.min(value_end);
    let value = value_at..value_end;
    let name = name.get(..colon).unwrap_or_default();
    let is = |list: &[String]| list.iter().any(|one| name.eq_ignore_ascii_case(one.as_bytes()));
    let http = &rules.identifiers.http;
    if facts.is_needy()
        || [&http.names, &http.fields, &http.hosts, &http.urls, &http.looked_at]
            .into_iter()
            .any(|list| is(list))
    {
        sheet.keep(range.start..value_at);
    } else {
        sheet.replace(range.start, &rules.masked(name));
        sheet.keep(range.start + colon..value_at);
    }
    if is(&http.hosts) {
        authority(sheet, value, rules);
    } else if is(&http.urls) {
        url(sheet, value, false, facts, rules);
    } else if name.eq_ignore_ascii_case(b"content-length") {
        sheet.keep(value);
    } else if matches!(facts.need, Need::Fields | Need::All) && is(&http.looked_at)
        || (facts.is_decided || facts.is_needy()) && is(&http.fields)
    {
        sheet.keep_text(value, rules);
    } else {
        let masked = rules.masked(sheet.bytes.get(value.clone()).unwrap_or_default());
        sheet.replace(value.start, &masked);
    }
}

/// `[user@]host[:port]`.
pub(super) fn authority(sheet: &mut Sheet<'_>, range: Range<usize>, rules: &Rules<'_>) {
    let text = sheet.bytes.get(range.clone()).unwrap_or_default();
    let host_at = text.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
    let (user, host) = text.split_at(host_at);
    sheet.replace(range.start, &rules.masked(user));
    let port_at = match host.iter().rposition(|byte| *byte == b':') {
        // Several colons without brackets: an address of IPv6.
        Some(at) if host.starts_with(b"[") || host.iter().filter(|byte| **byte == b':').count() == 1 => at,
        _ => host.len(),
    };
    let start = range.start + host_at;
    if host.starts_with(b"[") {
        let digits = |byte: &u8| if byte.is_ascii_hexdigit() { b'0' } else { *byte };
        let literal: Vec<u8> = host.get(..port_at).unwrap_or_default().iter().map(digits).collect();
        sheet.replace(start, &literal);
    } else {
        sheet.keep_host(start..start + port_at, rules);
    }
    sheet.keep(start + port_at..range.end);
}

/// `scheme://authority/path?parameters`, or from the path on.
///
/// Path and names of parameters stay where the flow has a verdict and its host is a known app's (`is_known`, where the
/// URL names none itself), or where the verdict needs them: signatures and tasks look at them.
fn url(sheet: &mut Sheet<'_>, range: Range<usize>, mut is_known: bool, facts: Facts, rules: &Rules<'_>) {
    let text = sheet.bytes.get(range.clone()).unwrap_or_default();
    let mut at = range.start;
    let scheme = text.windows(3).position(|window| window == b"://");
    if let Some(scheme) = scheme.filter(|at| text.iter().take(*at).all(|byte| byte.is_ascii_alphanumeric())) {
        sheet.keep(at..at + scheme + 3);
        at += scheme + 3;
        let rest = text.get(scheme + 3..).unwrap_or_default();
        let host = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        if facts.need == Need::All {
            sheet.keep_text(at..at + host, rules);
        } else {
            authority(sheet, at..at + host, rules);
        }
        let name = rest.get(..host).unwrap_or_default();
        is_known = rules.is_known(name.split(|byte| *byte == b':').next().unwrap_or_default());
        at += host;
    }
    let stays = matches!(facts.need, Need::Paths | Need::All) || facts.is_decided && is_known;
    let rest = sheet.bytes.get(at..range.end).unwrap_or_default();
    let path = rest.iter().position(|byte| b"?#".contains(byte)).unwrap_or(rest.len());
    if stays {
        sheet.keep_text(at..at + path, rules);
    } else {
        let masked =
            |byte: &u8| if byte.is_ascii_alphanumeric() { super::identifiers::blank(*byte) } else { *byte };
        let path: Vec<u8> = rest.iter().take(path).map(masked).collect();
        sheet.replace(at, &path);
    }
    at += path;
    for parameter in
        sheet.bytes.get(at..range.end).unwrap_or_default().split_inclusive(|byte| b"?&;".contains(byte))
    {
        let value_at = parameter.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
        let (name, value) = parameter.split_at(value_at);
        let end = value.len() - usize::from(value.last().is_some_and(|byte| b"?&;".contains(byte)));
        sheet.keep(at + value_at + end..at + parameter.len());
        let name = name.strip_suffix(b"=").unwrap_or_default();
        let is_harmless = |one: &String| name.eq_ignore_ascii_case(one.as_bytes());
        let is_harmless = rules.identifiers.http.parameters.iter().any(is_harmless);
        if stays || is_harmless {
            sheet.keep_text(at..at + value_at, rules);
        } else {
            sheet.replace(at, &rules.masked(name));
            sheet.keep(at + name.len()..at + value_at);
        }
        if is_harmless {
            sheet.keep(at + value_at..at + value_at + end);
        } else {
            sheet.replace(at + value_at, &rules.masked(value.get(..end).unwrap_or_default()));
        }
        at += parameter.len();
    }
}

fn body_of(
    sheet: &mut Sheet<'_>,
    range: Range<usize>,
    (encoding, is_response, is_tunnel): (Option<&[u8]>, bool, bool),
    facts: Facts,
    rules: &mut Rules<'_>,
) {
    let body = sheet.bytes.get(range.clone()).unwrap_or_default();
    if mmtls::is_record(body) {
        framed::mmtls(sheet, range);
    } else if tls::is_record(body) {
        tls_stream::records(sheet, range.start, rules);
    } else if is_response && lists::rewrite(sheet, range.clone(), encoding, rules) {
    } else if facts.is_decided && longlink::business_header(body).found().is_some() {
        framed::business_header(sheet, range.start);
    } else if facts.is_decided && is_tunnel {
        let length = rules.unknown_bytes(facts);
        sheet.keep_textless(range.start..range.start + length, rules);
    }
}
