//! What `traceroute` prints: Linux, the BSDs, macOS, BusyBox.
//!
//! ```text
//! traceroute to example.net (192.0.2.1), 30 hops max, 60 byte packets
//!  1  gw.example.net (198.51.100.1) [AS64500]  0.5 ms  0.4 ms *
//!  2  198.51.100.9  1.5 ms 198.51.100.13  1.7 ms !H  1.6 ms
//! ```
//!
//! A hop goes on over lines that do not begin with its number (BSD: one a further address). Lines of `:` or `...` stand for
//! hops that somebody left out.

use std::net::IpAddr;

use super::{Hop, Reply, Trace, rtt_us};

/// The first line of a trace.
pub(super) fn is_header(line: &str) -> bool {
    line.starts_with("traceroute to ") || line.starts_with("traceroute6 to ")
}

/// A trace from its first line.
pub(super) fn header(text: &str, line: u64) -> Result<Trace, String> {
    let told = text.split_once(" to ").map_or("", |(_, told)| told);
    // The size of packets and the most hops come behind a comma; a name has none.
    let told = told.split_once(',').map_or(told, |(told, _)| told).trim();
    let (name, rest) = told.split_once(char::is_whitespace).unwrap_or((told, ""));
    let address = rest.trim().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let Some((address, rest)) = address else {
        return Err(format!("expected \"traceroute to NAME (ADDRESS)\", got {text:?}"));
    };
    let target = parse_address(address).ok_or_else(|| format!("{address:?} is no address"))?;
    let source = rest.trim().strip_prefix("from ").map(|source| source.trim().to_owned());
    let target_name = Some(name.to_owned());
    Ok(Trace { line, source, target_name, target: Some(target), ..Trace::default() })
}

/// One more line of a trace; `state` is what the line before left open.
pub(super) fn line(trace: &mut Trace, text: &str, open: &mut Open) -> Result<(), String> {
    let mut words = text.split_whitespace().peekable();
    let Some(first) = words.peek().copied() else { return Ok(()) };
    if matches!(first, ":" | "..." | "…" | "⋮") {
        return open.close();
    }
    if let Ok(ttl) = first.parse::<u16>()
        && !(open.number.is_some() && first.contains('.'))
    {
        open.close()?;
        let ttl = u8::try_from(ttl)
            .ok()
            .filter(|ttl| *ttl > 0)
            .ok_or_else(|| format!("no hop has the number {ttl}"))?;
        if let Some(last) = trace.hops.last().filter(|last| last.ttl >= ttl) {
            return Err(format!("hop {ttl} stands behind hop {}", last.ttl));
        }
        trace.hops.push(Hop { ttl, ..Hop::default() });
        *open = Open::default();
        words.next();
    }
    let Some(hop) = trace.hops.last_mut() else {
        return Err(format!("expected the number of a hop, got {first:?}"));
    };
    while let Some(word) = words.next() {
        open.word(hop, word, words.peek().copied())?;
    }
    Ok(())
}

/// What is known so far of the answer under way.
#[derive(Debug, Default)]
pub(super) struct Open {
    address: Option<IpAddr>,
    name: Option<Box<str>>,
    /// A number that waits for its unit.
    number: Option<f64>,
    /// An address was named, and no time has followed it yet.
    awaits_time: bool,
    /// Within square brackets that span words.
    in_brackets: bool,
    /// A label was seen at this hop.
    is_labelled: bool,
}

impl Open {
    /// Nothing may be left open where a hop ends.
    pub(super) fn close(&mut self) -> Result<(), String> {
        if self.awaits_time
            || self.number.is_some()
            || self.in_brackets
            || self.name.is_some() && self.address.is_none()
        {
            return Err("the hop ends within an answer; the output was cut".into());
        }
        Ok(())
    }

    fn word(&mut self, hop: &mut Hop, word: &str, next: Option<&str>) -> Result<(), String> {
        if self.in_brackets {
            self.in_brackets = !word.ends_with(']');
            return Ok(());
        }
        if let Some(number) = self.number.take() {
            if word != "ms" {
                return Err(format!("expected \"ms\" behind {number}, got {word:?}"));
            }
            return self.time(hop, number);
        }
        let unexpected = || Err(format!("unexpected {word:?}"));
        match word.as_bytes() {
            [b'*', ..] if word.len() == 1 => {
                hop.lost += 1;
                // A probe lost behind an address belongs to nobody.
                Ok(())
            }
            [b'[', rest @ ..] => {
                if word.starts_with("[MPLS") {
                    self.label(hop);
                }
                self.in_brackets = !rest.ends_with(b"]");
                Ok(())
            }
            [b'<', ..] => {
                if word.starts_with("<MPLS") {
                    self.label(hop);
                }
                Ok(())
            }
            [b'!', mark @ ..] => {
                let mark = std::str::from_utf8(mark).unwrap_or_default().trim_matches(['<', '>']);
                let is_known = mark.is_empty()
                    || matches!(
                        mark,
                        "H" | "N"
                            | "P"
                            | "S"
                            | "U"
                            | "W"
                            | "I"
                            | "A"
                            | "Z"
                            | "Q"
                            | "T"
                            | "V"
                            | "C"
                            | "X"
                            | "B"
                    )
                    || mark.parse::<u8>().is_ok()
                    || mark
                        .strip_prefix('F')
                        .is_some_and(|mtu| mtu.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()));
                let Some(reply) = hop.replies.last_mut().filter(|_| is_known && !self.awaits_time) else {
                    return unexpected();
                };
                reply.mark = Some(if mark.is_empty() { "ttl".into() } else { mark.into() });
                Ok(())
            }
            // The hops that an answer seems to have come back over (`--back`).
            [b'\'', .., b'\''] => Ok(()),
            [b'(', .., b')'] => {
                let Some(address) = parse_address(&word[1..word.len() - 1]) else {
                    return Err(format!("{word} is no address"));
                };
                if self.name.is_none() || self.address.is_some() {
                    return unexpected();
                }
                self.address = Some(address);
                self.awaits_time = true;
                Ok(())
            }
            _ => self.plain(hop, word, next),
        }
    }

    /// A number, a time, a name or an address.
    fn plain(&mut self, hop: &mut Hop, word: &str, next: Option<&str>) -> Result<(), String> {
        let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if let Some(number) =
            word.strip_suffix("ms").filter(|number| !number.is_empty() && is_decimal(number))
        {
            let number = number.parse().map_err(|_| format!("{word:?} is no time"))?;
            return self.time(hop, number);
        }
        let is_named = next.is_some_and(|next| next.starts_with('('));
        if !is_named && is_decimal(word) && word.bytes().filter(|byte| *byte == b'.').count() < 2 {
            self.number = Some(word.parse().map_err(|_| format!("{word:?} is no time"))?);
            return Ok(());
        }
        if self.awaits_time {
            return Err(format!("no time stands between two addresses, at {word:?}"));
        }
        if is_named {
            (self.name, self.address) = (Some(word.into()), None);
            return Ok(());
        }
        let Some(address) = parse_address(word) else { return Err(format!("unexpected {word:?}")) };
        (self.name, self.address, self.awaits_time) = (None, Some(address), true);
        Ok(())
    }

    fn time(&mut self, hop: &mut Hop, milliseconds: f64) -> Result<(), String> {
        let Some(address) = self.address else { return Err("a time stands before any address".into()) };
        let rtt = rtt_us(milliseconds).ok_or_else(|| format!("no round trip takes {milliseconds} ms"))?;
        self.awaits_time = false;
        let name = self.name.clone();
        let is_labelled = self.is_labelled;
        hop.replies.push(Reply {
            address: Some(address),
            name,
            rtt_us: Some(rtt),
            is_labelled,
            ..Reply::default()
        });
        Ok(())
    }

    /// Linux prints a label before the times, BSD behind all of them.
    fn label(&mut self, hop: &mut Hop) {
        self.is_labelled = true;
        hop.replies.iter_mut().for_each(|reply| reply.is_labelled = true);
    }
}

/// An address; an interface behind `%` is left out.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.split_once('%').map_or(text, |(address, _)| address).parse().ok()
}
