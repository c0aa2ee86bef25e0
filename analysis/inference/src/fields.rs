//! What fields of a common header are: constant, length, sequence, request or response, opcode, ...

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::checksum;
use crate::messages::Messages;
use crate::number::number;
use crate::observed::Origin;

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldType {
    /// One value in all messages.
    Constant,
    /// Two values that go with the direction, or take turns.
    RequestResponse,
    /// An equation ties it to the message's length.
    Length,
    /// It counts within a flow.
    Sequence,
    /// It goes up with the clock.
    Timestamp,
    /// A check over the bytes before it.
    Checksum,
    /// It tells kinds of messages apart.
    Opcode,
    /// Few values.
    Enumeration,
    /// Readable text.
    Text,
    /// One value in a flow, another in the next.
    Identifier,
    /// A number of no special kind.
    Number,
    /// Bytes without any pattern.
    Payload,
}

impl FieldType {
    /// As records name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::RequestResponse => "request-response",
            Self::Length => "length",
            Self::Sequence => "sequence",
            Self::Timestamp => "timestamp",
            Self::Checksum => "checksum",
            Self::Opcode => "opcode",
            Self::Enumeration => "enumeration",
            Self::Text => "text",
            Self::Identifier => "identifier",
            Self::Number => "number",
            Self::Payload => "payload",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Highest first.
    Big,
    /// Lowest first.
    Little,
}

impl ByteOrder {
    /// As records name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Little => "little",
        }
    }
}

/// An equation of a length field: value times `unit` plus `plus` is the message's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equation {
    /// Bytes a unit stands for.
    pub unit: usize,
    /// Added to come to the message's length.
    pub plus: i64,
}

/// A field of the header that (nearly) all messages share.
#[derive(Clone, Debug)]
pub struct Field {
    /// Offset of its first byte.
    pub offset: usize,
    /// Its bytes.
    pub length: usize,
    /// What it is.
    pub field_type: FieldType,
    /// Where it matters.
    pub byte_order: Option<ByteOrder>,
    /// Confidence of its two ends, the lesser one.
    pub confidence: f32,
    /// What speaks for the type.
    pub evidence: String,
    /// Different values.
    pub distinct: usize,
    /// Commonest values with their share, at most eight.
    pub values: Vec<(Vec<u8>, f32)>,
    /// Share of messages that have it.
    pub coverage: f32,
    /// Of a length field.
    pub equation: Option<Equation>,
}

/// Messages that values are looked at in, at most.
const LOOK: usize = 20_000;

/// Types of the fields that begin at `starts` (ascending, the first 0) and end at `end`. `confidence` is that of each start
/// and of the end.
pub(crate) fn types(
    messages: &Messages,
    origins: &[Origin],
    starts: &[usize],
    end: usize,
    confidence: &[f32],
) -> Vec<Field> {
    let mut fields: Vec<Field> = starts
        .iter()
        .enumerate()
        .map(|(at, &start)| {
            let stop = starts.get(at + 1).copied().unwrap_or(end);
            let sure = confidence[at].min(confidence.get(at + 1).copied().unwrap_or(1.0));
            one(messages, origins, start, stop, sure)
        })
        .collect();
    // The opcode: of the fields with few values the one that comes first and has the most of them that recur.
    let candidates = |field: &&mut Field| field.field_type == FieldType::Enumeration && field.length <= 4;
    if let Some(opcode) = fields.iter_mut().filter(candidates).max_by_key(|field| {
        let spread = field.distinct.min(40);
        (spread * 4).saturating_sub(field.offset)
    }) {
        opcode.field_type = FieldType::Opcode;
        opcode.evidence = format!("{} values that recur, the most among fields with few", opcode.distinct);
    }
    fields
}

fn one(messages: &Messages, origins: &[Origin], start: usize, end: usize, confidence: f32) -> Field {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    let mut rows: Vec<(usize, &[u8])> = Vec::new();
    for (index, message) in messages.iter().enumerate().take(LOOK) {
        if let Some(value) = message.get(start..end) {
            *counts.entry(value).or_default() += 1;
            rows.push((index, value));
        }
    }
    let total = rows.len().max(1);
    let mut common: Vec<(&[u8], usize)> = counts.iter().map(|(value, n)| (*value, *n)).collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let values: Vec<(Vec<u8>, f32)> =
        common.iter().take(8).map(|(value, n)| (value.to_vec(), *n as f32 / total as f32)).collect();
    let mut field = Field {
        offset: start,
        length: end - start,
        field_type: FieldType::Payload,
        byte_order: None,
        confidence,
        evidence: String::new(),
        distinct: common.len(),
        values,
        coverage: rows.len() as f32 / messages.len().clamp(1, LOOK) as f32,
        equation: None,
    };
    let seen = Seen { messages, origins, rows: &rows, common: &common, start, end };
    let (kind, evidence) = seen.judge(&mut field);
    field.field_type = kind;
    field.evidence = evidence;
    field
}

/// A message's number and its value.
type Row<'a> = (usize, &'a [u8]);

struct Seen<'a> {
    messages: &'a Messages,
    origins: &'a [Origin],
    rows: &'a [(usize, &'a [u8])],
    common: &'a [(&'a [u8], usize)],
    start: usize,
    end: usize,
}

impl Seen<'_> {
    fn judge(&self, field: &mut Field) -> (FieldType, String) {
        let (width, total) = (self.end - self.start, self.rows.len());
        if self.common.len() == 1 {
            return (FieldType::Constant, format!("the same in all {total} messages"));
        }
        if width <= 8 {
            for (order, little) in [(ByteOrder::Big, false), (ByteOrder::Little, true)] {
                if let Some(equation) = self.length(little) {
                    field.equation = Some(equation);
                    field.byte_order = (width > 1).then_some(order);
                    let sign = if equation.plus < 0 { '-' } else { '+' };
                    let text = format!(
                        "value x {} {sign} {} = length of the message",
                        equation.unit,
                        equation.plus.unsigned_abs()
                    );
                    return (FieldType::Length, text);
                }
            }
        }
        if self.common.len() == 2
            && let Some(evidence) = self.request_response()
        {
            return (FieldType::RequestResponse, evidence);
        }
        if let Some(name) = checksum::find(self.messages, self.start, self.end) {
            return (FieldType::Checksum, format!("{name} of the bytes before it, in all messages"));
        }
        if width <= 8 && self.common.len() > 8 {
            for (order, little) in [(ByteOrder::Big, false), (ByteOrder::Little, true)] {
                if let Some((kind, evidence)) = self.counts(little) {
                    field.byte_order = (width > 1).then_some(order);
                    return (kind, evidence);
                }
            }
        }
        let printable =
            self.rows.iter().flat_map(|row| row.1).filter(|&&byte| (0x20..0x7f).contains(&byte)).count();
        if printable * 100 >= total * width * 95 && width >= 3 {
            return (FieldType::Text, "printable".into());
        }
        let repeated: usize = self.common.iter().filter(|(_, n)| *n >= 3).map(|(_, n)| n).sum();
        if width <= 4
            && self.common.len() <= 256
            && self.common.len() * 3 < total
            && repeated * 10 >= total * 9
        {
            return (FieldType::Enumeration, format!("{} values", self.common.len()));
        }
        if self.per_flow() {
            return (FieldType::Identifier, "one value a flow".into());
        }
        let high: usize = self.rows.iter().filter(|row| row.1[0] == 0 || row.1[width - 1] == 0).count();
        if width <= 8 && high * 10 >= total * 7 {
            let big = self.rows.iter().filter(|row| row.1[0] == 0).count() * 2 >= high;
            field.byte_order = (width > 1).then_some(if big { ByteOrder::Big } else { ByteOrder::Little });
            return (FieldType::Number, "mostly small".into());
        }
        let text = if repeated * 2 > total { "values recur" } else { "no pattern" };
        (if repeated * 2 > total { FieldType::Number } else { FieldType::Payload }, text.into())
    }

    fn length(&self, little: bool) -> Option<Equation> {
        let mut lengths: Vec<usize> = self.rows.iter().map(|row| self.messages.get(row.0).len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        if lengths.len() < 3 {
            return None;
        }
        [1usize, 2, 4, 8].into_iter().find_map(|unit| {
            let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
            for (index, value) in self.rows {
                let length = self.messages.get(*index).len() as i64;
                let value = i64::try_from(number(value, little)).unwrap_or(i64::MAX >> 8).min(i64::MAX >> 8);
                *votes.entry(length - value * unit as i64).or_default() += 1;
            }
            let (&plus, &most) = votes.iter().max_by_key(|(_, n)| **n)?;
            (most * 100 >= self.rows.len() * 95).then_some(Equation { unit, plus })
        })
    }

    fn request_response(&self) -> Option<String> {
        let first = self.common[0].0;
        if self.origins.len() == self.messages.len() {
            let both = [true, false].map(|up| self.rows.iter().any(|row| self.origins[row.0].upward == up));
            let agree = self.rows.iter().filter(|row| (row.1 == first) == self.origins[row.0].upward).count();
            let agree = agree.max(self.rows.len() - agree);
            if both == [true, true] && agree * 100 >= self.rows.len() * 90 {
                return Some(format!(
                    "{} of {} messages: it goes with the direction",
                    agree,
                    self.rows.len()
                ));
            }
        }
        let runs: Vec<usize> = self.rows.chunk_by(|a, b| a.1 == b.1).map(<[(usize, &[u8])]>::len).collect();
        let short = runs.iter().filter(|&&n| n <= 3).count();
        (runs.len() * 4 > self.rows.len() && short * 100 >= runs.len() * 95)
            .then(|| "two values that take turns".to_owned())
    }

    /// Rows of one flow behind one another; all as one flow where origins are not known.
    fn flows(&self) -> Vec<Vec<Row<'_>>> {
        if self.origins.len() != self.messages.len() {
            return vec![self.rows.to_vec()];
        }
        let mut flows: BTreeMap<(u64, bool), Vec<Row<'_>>> = BTreeMap::new();
        for row in self.rows {
            let origin = &self.origins[row.0];
            flows.entry((origin.flow, origin.upward)).or_default().push(*row);
        }
        flows.into_values().collect()
    }

    fn counts(&self, little: bool) -> Option<(FieldType, String)> {
        let width = self.end - self.start;
        let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let (mut steps, mut small, mut up, mut clock, mut timed) =
            (0usize, 0usize, 0usize, Vec::new(), 0usize);
        for mut flow in self.flows() {
            // All ones stand for "no number" where they come between others.
            flow.retain(|row| row.1.iter().any(|byte| *byte != 0xff));
            for two in flow.windows(2) {
                let step =
                    (number(two[1].1, little) as u64).wrapping_sub(number(two[0].1, little) as u64) & mask;
                steps += 1;
                small += usize::from(step <= 64.min(mask / 4));
                up += usize::from(step > 0 && step <= 64.min(mask / 4));
                if self.origins.len() == self.messages.len() {
                    let took = self.origins[two[1].0].time_us.saturating_sub(self.origins[two[0].0].time_us);
                    if took > 1000 && step < mask / 2 {
                        clock.push(step as f64 / took as f64);
                        timed += 1;
                    }
                }
            }
        }
        if steps < 8 {
            return None;
        }
        if self.origins.is_empty() && self.rises(little) {
            return Some((FieldType::Sequence, "goes up from message to message, over all flows".to_owned()));
        }
        if timed > 8 {
            clock.sort_by(f64::total_cmp);
            let middle = clock[clock.len() / 2];
            let near = clock.iter().filter(|rate| (**rate - middle).abs() <= middle * 0.05).count();
            if middle > 0.0 && near * 10 >= clock.len() * 8 && near * 10 >= steps * 5 {
                let text = format!("goes up by {:.0} a second", middle * 1e6);
                return Some((FieldType::Timestamp, text));
            }
        }
        (small * 100 >= steps * 75 && up * 3 >= steps).then(|| {
            let text = format!("goes up by 0 to 64 in {} of {steps} steps within a flow", small);
            (FieldType::Sequence, text)
        })
    }

    /// Without origins: several sequences may lie in one another, so that only the trend shows.
    fn rises(&self, little: bool) -> bool {
        let numbers: Vec<usize> = self.rows.iter().map(|row| number(row.1, little)).collect();
        let far = (numbers.len() / 5).max(1);
        let pairs = || numbers.iter().zip(&numbers[far..]).filter(|(a, b)| a.abs_diff(**b) < 1 << 20);
        let up = pairs().filter(|(a, b)| a < b).count();
        self.common.len() * 20 >= numbers.len()
            && pairs().count() * 2 >= numbers.len() - far
            && up * 10 >= pairs().count() * 9
    }

    fn per_flow(&self) -> bool {
        if self.origins.len() != self.messages.len() {
            return false;
        }
        let mut flows: HashMap<u64, (&[u8], usize, usize)> = HashMap::new();
        for (index, value) in self.rows {
            let flow = flows.entry(self.origins[*index].flow).or_insert((value, 0, 0));
            flow.1 += 1;
            flow.2 += usize::from(flow.0 == *value);
        }
        let (all, same) =
            flows.values().filter(|flow| flow.1 > 2).fold((0, 0), |(a, s), f| (a + f.1, s + f.2));
        flows.len() > 2 && all > 10 && same * 100 >= all * 95
    }
}
