//! From flows to a signature file: rows that a person reads, approves or throws away.
//!
//! Flows whose first bytes agree make one row. Only what the data fixes goes in: bytes that never differ, bytes of few or
//! small values, and a length field's equation. In examples every byte that no condition reads is zero, so that no
//! content, account number or name is written.

use std::fmt::Write as _;

use crate::fields::{Field, FieldType};
use crate::grouping::{Asked, Values, groups, has, highest, size};
use crate::inference::infer;
use crate::messages::Messages;
pub use crate::observed::DraftFlow;
use crate::observed::Origin;
use crate::row_text::{Packets, Row};

/// Bytes a row may look at.
const HEAD: usize = 16;
/// Most rows that ask for more than one datagram: each marks flows with up to four bits, and a flow has 64.
const MOVING_ROWS: usize = 16;
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
    is_weak: bool,
    /// Bytes that are others later in a direction than in its first datagram.
    moving: Vec<usize>,
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
    let mut rows: Vec<DraftRow> = groups(messages, origins, flows)
        .into_iter()
        .map(|group| {
            let of = |at: &usize| &flows[*at];
            let mut ports: Vec<u16> = group.flows.iter().map(|at| of(at).port).collect();
            let mut own: Vec<usize> = group.flows.iter().flat_map(|at| of(at).messages.clone()).collect();
            ports.sort_unstable();
            ports.dedup();
            own.sort_unstable();
            let fields = {
                let bytes: Messages = own.iter().map(|&at| messages.get(at)).collect();
                let origins: Vec<Origin> = own.iter().filter_map(|&at| origins.get(at).copied()).collect();
                infer(&bytes, &origins).fields
            };
            let is_weak = group.is_weak();
            // Over UDP every datagram has to fit, and not nearly every one; over TCP the example.
            let shortest = own.iter().min_by_key(|at| messages.get(**at).len()).copied();
            let fitting = if group.is_udp { own.clone() } else { Vec::from_iter(shortest) };
            let mut fields = fields;
            for field in fields.iter_mut().filter(|field| !holds_for_all(field, &fitting, messages)) {
                field.equation = None;
            }
            DraftRow {
                is_udp: group.is_udp,
                ports,
                allowed: group.head,
                flows: group.flows.len(),
                messages: own,
                fields,
                is_weak,
                moving: group.moving,
            }
        })
        .collect();
    rows.retain(|row| row.messages.len() >= 4);
    rows.sort_by_key(|row| std::cmp::Reverse(row.flows));
    rows.truncate(ROWS);
    let mut left = MOVING_ROWS;
    for row in &mut rows {
        let asks = row.is_weak() && left > 0;
        left -= usize::from(asks);
        row.moving.truncate(if asks { 2 } else { 0 });
    }
    rows
}

/// Whether a length field's equation holds for all of these messages.
fn holds_for_all(field: &Field, of: &[usize], messages: &Messages) -> bool {
    let Some(equation) = field.equation else { return true };
    of.iter().all(|&at| {
        let message = messages.get(at);
        let Some(bytes) = message.get(field.offset..field.offset + field.length) else { return false };
        let add = |value: i64, byte: &u8| value << 8 | i64::from(*byte);
        let value = match field.byte_order {
            Some(crate::ByteOrder::Little) => bytes.iter().rev().fold(0, add),
            _ => bytes.iter().fold(0, add),
        };
        value.checked_mul(equation.unit as i64).and_then(|value| value.checked_add(equation.plus))
            == Some(message.len() as i64)
    })
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

    /// Whether the bytes of one datagram say little.
    fn is_weak(&self) -> bool {
        self.is_weak && self.length_field().is_none()
    }

    /// Between which lengths datagrams are, with room up to the next powers of two, where bytes alone say little.
    fn lengths(&self, messages: &Messages) -> Option<(usize, usize)> {
        let lengths = || self.messages.iter().map(|&at| messages.get(at).len());
        let (least, most) = (lengths().min()?.max(1), lengths().max()?);
        self.is_weak().then(|| (1 << least.ilog2(), most.next_power_of_two()))
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

    /// What a person reads above the row.
    fn comment(&self) -> String {
        let ports: Vec<String> = self.ports.iter().take(8).map(u16::to_string).collect();
        let mut out = format!(
            "# Draft, for a person to approve: {} flows, {} messages; responders' ports {}{}.\n",
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
        out
    }

    fn text(&self, id: usize, name: &str, role: &str, messages: &Messages, source: &str) -> String {
        let patterns = self.patterns();
        let transport = if self.is_udp { "udp" } else { "tcp" };
        let fixed = patterns.iter().filter(|pattern| *pattern != "??").count();
        let mut why = format!(
            "draft by wiremark infer: {fixed} of the first {} bytes take few values in all {} messages of {} flows",
            self.allowed.len(),
            self.messages.len(),
            self.flows
        );
        let mut conditions = format!(
            "source = {source:?}\ntransport = \"{transport}\"\nprefix = \"{}\"\n",
            patterns.join(" ")
        );
        if let Some((least, most)) = self.lengths(messages) {
            let _ = writeln!(conditions, "length = [\"{least}-{most}\"]");
        }
        let example = self.example(messages, &patterns);
        let mut misses = vec![Packets(vec![self.otherwise(&example)])];
        if let Some((field, equation)) = self.length_field().and_then(|field| Some((field, field.equation?)))
        {
            why.push_str(", and a length field fits every message");
            let word = Self::word(field);
            if self.is_udp {
                let sign = if equation.plus < 0 { '-' } else { '+' };
                let plus = equation.plus.unsigned_abs();
                let _ = writeln!(conditions, "equation = \"{word} {sign} {plus} = length\"");
                let mut longer = example.clone();
                longer.push(0);
                misses.push(Packets(vec![longer]));
            } else if equation.plus <= 0 || field.length > 1 {
                // Segments are cut anywhere: only bounds can be asked for.
                let least =
                    self.messages.iter().map(|&at| messages.get(at).len() as i64 - equation.plus).min();
                let most = (1u64 << (8 * field.length).min(20)) - 1;
                let least = least.unwrap_or(0).max(0);
                let _ = writeln!(conditions, "equation = \"{least} <= {word} <= {most}\"");
            }
        }
        if self.is_udp {
            conditions.push_str("every = \"draft\"\n");
        }
        let hits = vec![Packets(vec![example.clone()])];
        let role = format!("role = \"{role}\"");
        let row = Row { id, name: name.to_owned(), role, why, more: String::new(), hits, misses };
        let port = self.ports.first().copied().unwrap_or(443);
        let rows = self.over_datagrams(row, &example);
        let rows: String = rows.iter().map(|row| row.text(&conditions, port)).collect();
        self.comment() + &rows
    }

    /// The row, and where bytes have to move those that it rests on: every datagram keeps the group, and the role is told once
    /// bytes that another protocol would repeat have moved.
    fn over_datagrams(&self, row: Row, example: &[u8]) -> Vec<Row> {
        let Some((concluding, others)) = self.moving.split_first() else { return vec![row] };
        let mut moved = example.to_vec();
        self.moving.iter().for_each(|&at| moved[at] ^= 1);
        let still = Packets(vec![example.to_vec(); 2]);
        let moved = Packets(vec![example.to_vec(), moved]);
        let resting = |id: usize, suffix: &str, why: String| Row {
            id,
            name: format!("{}-{suffix}", row.name),
            role: "veto = true".to_owned(),
            why: format!("{why}; concludes nothing alone"),
            ..row.clone()
        };
        let any = resting(row.id + 1000, "any", "any datagram of this protocol: keeps the group".to_owned());
        let moves = others.iter().map(|at| Row {
            more: format!("moves = \"{at}-{at}\"\n"),
            hits: vec![moved.clone()],
            misses: vec![still.clone()],
            ..resting(
                row.id + 2000,
                "moves",
                format!("byte {at} is not that of the direction's first datagram"),
            )
        });
        let moves: Vec<Row> = moves.collect();
        let after = moves.first().map_or(String::new(), |row| format!("after = [{:?}]\n", row.name));
        let bytes: Vec<String> = self.moving.iter().map(usize::to_string).collect();
        let bytes = bytes.join(" and ");
        let concluding = Row {
            why: format!(
                "{}, and byte {bytes} differs later in a direction from its first datagram: many protocols repeat theirs",
                row.why
            ),
            more: format!("moves = \"{concluding}-{concluding}\"\n{after}"),
            hits: vec![moved],
            misses: row.misses.iter().cloned().chain([still]).collect(),
            ..row
        };
        [concluding, any].into_iter().chain(moves).collect()
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
