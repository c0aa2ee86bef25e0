//! From flows to a signature file: rows that a person reads, approves or throws away.
//!
//! Flows whose first bytes agree make one row. Only what the data fixes goes in: bytes that never differ, bytes of few or
//! small values, and a length field's equation. In examples every byte that no condition reads is zero, so that no
//! content, account number or name is written.

use std::fmt::Write as _;

use crate::fields::{Field, FieldType};
use crate::grouping::{Asked, Values, groups, has, highest, size, worth};
use crate::inference::infer;
use crate::messages::Messages;
pub use crate::observed::DraftFlow;
use crate::observed::Origin;

/// Bytes a row may look at.
const HEAD: usize = 16;
/// Bits from which a row of datagrams can do without their lengths: with fewer, one flow in some thousand of another protocol
/// has the same bytes by chance.
const SURE_BITS: f64 = 16.0;
/// Most rows of a draft: a role each, and an app has 255.
const ROWS: usize = 255;

/// A row, before it is text.
#[derive(Clone, Debug)]
pub struct DraftRow {
    /// Over UDP, else TCP.
    pub is_udp: bool,
    /// Ports of the responders, ascending.
    pub ports: Vec<u16>,
    /// For each byte of the head which values it may have.
    allowed: Vec<Values>,
    /// Flows it was made of.
    pub flows: usize,
    messages: Vec<usize>,
    fields: Vec<Field>,
}

/// A byte's pattern: the byte, a set of a few, a range from zero, or anything.
fn pattern(set: &Values) -> String {
    match Asked::of(set) {
        Asked::Nothing => "??".to_owned(),
        Asked::UpTo(most) => format!("(00-{most:02x})"),
        Asked::Few if size(set) == 1 => format!("{:02x}", highest(set)),
        Asked::Few => {
            let all: Vec<String> =
                (0..=255u8).filter(|&byte| has(set, byte)).map(|byte| format!("{byte:02x}")).collect();
            format!("({})", all.join("|"))
        }
    }
}

/// Rows for flows, those of most flows first, 255 at most; flows that too little is fixed in give none.
pub fn rows(messages: &Messages, origins: &[Origin], flows: &[DraftFlow]) -> Vec<DraftRow> {
    let mut rows: Vec<DraftRow> = groups(messages, flows)
        .into_iter()
        .map(|group| {
            let of = |at: &usize| &flows[*at];
            let mut ports: Vec<u16> = group.flows.iter().map(|at| of(at).port).collect();
            let mut own: Vec<usize> = group.flows.iter().flat_map(|at| of(at).messages.clone()).collect();
            ports.sort_unstable();
            ports.dedup();
            own.sort_unstable();
            let bytes: Messages = own.iter().map(|&at| messages.get(at)).collect();
            let origins: Vec<Origin> = own.iter().filter_map(|&at| origins.get(at).copied()).collect();
            DraftRow {
                is_udp: group.is_udp,
                ports,
                allowed: group.head,
                flows: group.flows.len(),
                messages: own,
                fields: infer(&bytes, &origins).fields,
            }
        })
        .collect();
    rows.retain(|row| row.messages.len() >= 4);
    rows.sort_by_key(|row| std::cmp::Reverse(row.flows));
    rows.truncate(ROWS);
    rows
}

impl DraftRow {
    fn length_field(&self) -> Option<&Field> {
        self.fields.iter().find(|field| {
            let fits = matches!(field.length, 1 | 2 | 4) && field.offset + field.length <= self.allowed.len();
            fits && field.equation.is_some_and(|equation| equation.unit == 1)
        })
    }

    /// The engine's word for the length field: `u32@0`, `le16@2`.
    fn word(field: &Field) -> String {
        let bits = field.length * 8;
        let little = field.byte_order == Some(crate::ByteOrder::Little);
        format!("{}{bits}@{}", if little { "le" } else { "u" }, field.offset)
    }

    fn patterns(&self) -> Vec<String> {
        let mut patterns: Vec<String> = self
            .allowed
            .iter()
            .enumerate()
            .map(|(at, set)| {
                let measured = self.length_field().is_some_and(|field| {
                    let number = field.offset..field.offset + field.length;
                    number.contains(&at) && size(set) > 1
                });
                if measured { "??".to_owned() } else { pattern(set) }
            })
            .collect();
        while patterns.last().is_some_and(|last| last == "??") {
            patterns.pop();
        }
        patterns
    }

    /// Between which lengths datagrams are, with room up to the next powers of two, where bytes alone say little.
    fn lengths(&self, messages: &Messages) -> Option<(usize, usize)> {
        let is_wanted = self.is_udp && self.length_field().is_none() && worth(&self.allowed) < SURE_BITS;
        let lengths = || self.messages.iter().map(|&at| messages.get(at).len());
        let (least, most) = (lengths().min()?.max(1), lengths().max()?);
        is_wanted.then(|| (1 << least.ilog2(), most.next_power_of_two()))
    }

    /// An example with every byte blank that no condition reads.
    fn example(&self, messages: &Messages, patterns: &[String]) -> Vec<u8> {
        let short = |at: &&usize| messages.get(**at).len();
        let at = self.messages.iter().min_by_key(short).copied().unwrap_or(0);
        let mut bytes = messages.get(at).to_vec();
        let read = self.length_field().map_or(0..0, |field| field.offset..field.offset + field.length);
        for (at, byte) in bytes.iter_mut().enumerate() {
            if !read.contains(&at) && patterns.get(at).is_none_or(|pattern| pattern == "??") {
                *byte = 0;
            }
        }
        bytes
    }

    fn text(&self, number: usize, name: &str, role: &str, messages: &Messages, source: &str) -> String {
        let patterns = self.patterns();
        let transport = if self.is_udp { "udp" } else { "tcp" };
        let ports: Vec<String> = self.ports.iter().take(8).map(u16::to_string).collect();
        let mut out = String::new();
        let _ = writeln!(
            out,
            "# Draft, for a person to approve: {} flows, {} messages; responders' ports {}{}.",
            self.flows,
            self.messages.len(),
            ports.join(" "),
            if self.ports.len() > 8 { " ..." } else { "" }
        );
        for field in self.fields.iter().take_while(|field| field.offset < HEAD) {
            let end = field.offset + field.length - 1;
            let _ = writeln!(
                out,
                "#   bytes {}{}: {}, confidence {:.2} ({})",
                field.offset,
                if end > field.offset { format!("-{end}") } else { String::new() },
                field.field_type,
                field.confidence,
                field.evidence
            );
        }
        let fixed = patterns.iter().filter(|pattern| *pattern != "??").count();
        let _ = writeln!(out, "[[signature]]\nid = {number}\nname = \"{name}\"\nrole = \"{role}\"");
        let _ = writeln!(
            out,
            "why = \"draft by wiremark infer: {fixed} of the first {} bytes take few values in all {} messages of {} flows{}\"",
            self.allowed.len(),
            self.messages.len(),
            self.flows,
            if self.length_field().is_some() { ", and a length field fits every message" } else { "" }
        );
        let _ = writeln!(out, "source = {source:?}\ntransport = \"{transport}\"");
        let _ = writeln!(out, "prefix = \"{}\"", patterns.join(" "));
        if let Some((least, most)) = self.lengths(messages) {
            let _ = writeln!(out, "length = [\"{least}-{most}\"]");
        }
        let example = self.example(messages, &patterns);
        let mut misses = vec![self.otherwise(&example)];
        if let Some((field, equation)) = self.length_field().and_then(|field| Some((field, field.equation?)))
        {
            let word = Self::word(field);
            if self.is_udp {
                let sign = if equation.plus < 0 { '-' } else { '+' };
                let _ =
                    writeln!(out, "equation = \"{word} {sign} {} = length\"", equation.plus.unsigned_abs());
                let mut longer = example.clone();
                longer.push(0);
                misses.push(longer);
            } else if equation.plus <= 0 || field.length > 1 {
                // Segments are cut anywhere: only bounds can be asked for.
                let least =
                    self.messages.iter().map(|&at| messages.get(at).len() as i64 - equation.plus).min();
                let most = (1u64 << (8 * field.length).min(20)) - 1;
                let _ = writeln!(out, "equation = \"{} <= {word} <= {most}\"", least.unwrap_or(0).max(0));
            }
        }
        if self.is_udp {
            out.push_str("every = \"draft\"\n");
        }
        let port = self.ports.first().copied().unwrap_or(443);
        let line = |bytes: &[u8]| format!("    \"port {port}: {}\",\n", shortened(bytes));
        let _ = writeln!(out, "hit = [\n{}]", line(&example));
        let _ = writeln!(out, "miss = [\n{}]", misses.iter().map(|miss| line(miss)).collect::<String>());
        out
    }

    /// The example with the first byte that counts changed to one that is not allowed.
    fn otherwise(&self, example: &[u8]) -> Vec<u8> {
        let mut bytes = example.to_vec();
        let patterns = self.patterns();
        for (at, pattern) in patterns.iter().enumerate() {
            if pattern != "??" && at < bytes.len() {
                let refused = |byte: &u8| !has(&self.allowed[at], *byte) && *byte >= 0x80;
                bytes[at] = (0..=255).rev().find(refused).unwrap_or(0xff);
                return bytes;
            }
        }
        bytes
    }
}

/// Bytes as signature files write them: a run of equal ones as `00*50`.
fn shortened(bytes: &[u8]) -> String {
    let words = bytes.chunk_by(|a, b| a == b).flat_map(|run| match run.len() {
        1..=3 => vec![format!("{:02x}", run[0]); run.len()],
        n => vec![format!("{:02x}*{n}", run[0])],
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The file: an app named `name` with these rows, marked as a draft, each with a role of its own: rows are of one protocol
/// each, and which of them are the same app's nobody knows yet. `source` says what was looked at.
pub fn file(rows: &[DraftRow], messages: &Messages, name: &str, source: &str) -> String {
    let roles: Vec<String> = (1..=rows.len()).map(|number| format!("protocol-{number}")).collect();
    let mut out = format!(
        "# Draft by `wiremark infer`, from {source}. Nothing here was checked by a person yet: read each row, give it a\n\
         # name, a reason and a number of your own, and delete this line. A row is one protocol's, and its role says which:\n\
         # keep those of the app you look for.\n\n[app]\nid = 250\nname = {name:?}\nroles = {roles:?}\n"
    );
    for (at, (row, role)) in rows.iter().zip(&roles).enumerate() {
        let word = |field: &&Field| field.field_type == FieldType::Opcode;
        let hint = if row.fields.iter().any(|field| word(&field)) { "-with-opcode" } else { "" };
        let row_name = format!("draft-{}{hint}", at + 1);
        out.push('\n');
        out.push_str(&row.text(60_001 + at, &row_name, role, messages, source));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows() -> (Messages, Vec<Origin>, Vec<DraftFlow>) {
        let (mut messages, mut origins, mut flows) = (Messages::new(), Vec::new(), Vec::new());
        for flow in 0..6u64 {
            let mut own = Vec::new();
            for n in 0..20u64 {
                let length = 8 + ((flow * 7 + n * 5) % 23) as usize;
                let mut message = vec![0xab, 0xcd, 0, length as u8];
                message.extend((4..length).map(|at| (at as u64 * 89 + n * 131 + flow * 17) as u8));
                own.push(messages.len());
                messages.push(&message);
                origins.push(Origin { flow, upward: n % 2 == 0, time_us: n * 1000 });
            }
            flows.push(DraftFlow { is_udp: true, port: 7000, messages: own });
        }
        (messages, origins, flows)
    }

    #[test]
    fn a_row_has_what_the_data_fixes_and_no_content() {
        let (messages, origins, flows) = flows();
        let rows = rows(&messages, &origins, &flows);
        assert_eq!(rows.len(), 1);
        let text = file(&rows, &messages, "draft", "a test");
        assert!(text.contains("prefix = \"ab cd 00"), "{text}");
        assert!(text.contains("every = \"draft\""), "{text}");
        assert!(text.contains("hit = [\n    \"port 7000: ab cd 00 08 00*4\""), "{text}");
    }

    #[test]
    fn random_flows_give_no_row() {
        let (_, origins, mut flows) = flows();
        let mut state = 7u64;
        let messages: Vec<Vec<u8>> = (0..120)
            .map(|_| {
                (0..40)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (state >> 56) as u8
                    })
                    .collect()
            })
            .collect();
        let messages: Messages = messages.iter().map(Vec::as_slice).collect();
        flows.truncate(5);
        assert!(rows(&messages, &origins, &flows).is_empty());
    }
}
