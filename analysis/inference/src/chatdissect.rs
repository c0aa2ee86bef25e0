//! The method of ChatDissect, section III, as it is written; where it is not, readings with names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::column::entropy;
use crate::fields::FieldType;
use crate::messages::Messages;
use crate::number::number;
use crate::observed::Origin;
use crate::voting::{self, Experts};

/// Over which messages a sequence number has to go up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monotonic {
    /// Within each flow, both directions together.
    Flow,
    /// Within each direction of each flow.
    Direction,
    /// Over all messages as they come.
    Capture,
}

impl Monotonic {
    /// All readings.
    pub const ALL: [Self; 3] = [Self::Flow, Self::Direction, Self::Capture];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Direction => "direction",
            Self::Capture => "capture",
        }
    }
}

/// What the entropy of a field's values is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalised {
    /// Logarithm of the number of different values seen.
    Values,
    /// Logarithm of the number of messages.
    Messages,
    /// Bits of the field.
    Bits,
}

impl Normalised {
    /// All readings.
    pub const ALL: [Self; 3] = [Self::Values, Self::Messages, Self::Bits];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Messages => "messages",
            Self::Bits => "bits",
        }
    }
}

/// Thresholds of Table II and the readings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Voting Experts.
    pub experts: Experts,
    /// Least share of packets cut alike that are protocol packets.
    pub coverage: f64,
    /// Longest run of one value of a request/response field.
    pub longest_run: usize,
    /// Least correlation of a length field.
    pub correlation: f64,
    /// Greatest normalised entropy of an opcode.
    pub opcode_entropy: f64,
    /// Reading of "monotonic".
    pub monotonic: Monotonic,
    /// Reading of "normalised".
    pub normalised: Normalised,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            experts: Experts::default(),
            coverage: 0.1,
            longest_run: 3,
            correlation: 0.99,
            opcode_entropy: 0.5,
            monotonic: Monotonic::Direction,
            normalised: Normalised::Values,
        }
    }
}

/// Packets cut alike.
#[derive(Clone, Debug)]
pub struct Format {
    /// Where fields begin, 0 left out.
    pub boundaries: Vec<u32>,
    /// Its protocol packets.
    pub packets: Vec<usize>,
    /// Types of its fields in order; `None` is the paper's "unidentified".
    pub types: Vec<Option<FieldType>>,
}

/// What the paper's method makes of packets.
#[derive(Clone, Debug)]
pub struct Dissection {
    /// Boundaries of every packet.
    pub boundaries: Vec<Vec<u32>>,
    /// Formats of protocol packets, the commonest first.
    pub formats: Vec<Format>,
    /// For each packet the protocol packet it belongs to (itself for one), where there is one.
    pub joined: Vec<Option<usize>>,
}

/// Cuts packets, tells protocol packets from the others, joins the others to them, and types fields.
pub fn dissect(packets: &Messages, origins: &[Origin], settings: Settings) -> Dissection {
    let boundaries = voting::segment(packets, settings.experts);
    let mut groups: BTreeMap<&[u32], Vec<usize>> = BTreeMap::new();
    boundaries.iter().enumerate().for_each(|(at, found)| groups.entry(found).or_default().push(at));
    let least = settings.coverage * packets.len() as f64;
    let mut formats: Vec<Format> = groups
        .into_iter()
        .filter(|(_, members)| members.len() as f64 > least)
        .map(|(boundaries, packets)| Format { boundaries: boundaries.to_vec(), packets, types: Vec::new() })
        .collect();
    formats.sort_by_key(|format| std::cmp::Reverse(format.packets.len()));
    let protocol: BTreeSet<usize> =
        formats.iter().flat_map(|format| format.packets.iter().copied()).collect();
    let mut last: HashMap<(u64, bool), usize> = HashMap::new();
    let mut bytes = vec![0usize; packets.len()];
    let joined: Vec<Option<usize>> = (0..packets.len())
        .map(|at| {
            let origin = origins.get(at).copied().unwrap_or_default();
            let side = (origin.flow, origin.upward);
            if protocol.contains(&at) {
                last.insert(side, at);
            }
            let head = last.get(&side).copied();
            if let Some(head) = head {
                bytes[head] += packets.get(at).len();
            }
            head
        })
        .collect();
    for format in &mut formats {
        format.types = types(packets, origins, &bytes, format, settings);
    }
    Dissection { boundaries, formats, joined }
}

/// The five types in the paper's order.
fn types(
    packets: &Messages,
    origins: &[Origin],
    bytes: &[usize],
    format: &Format,
    settings: Settings,
) -> Vec<Option<FieldType>> {
    let end = settings.experts.first_bytes;
    let edges: Vec<usize> =
        std::iter::once(0).chain(format.boundaries.iter().map(|&at| at as usize)).chain([end]).collect();
    let mut opcode_found = false;
    edges
        .windows(2)
        .map(|edge| {
            let values: Vec<(usize, &[u8])> = format
                .packets
                .iter()
                .filter_map(|&at| {
                    let packet = packets.get(at);
                    packet
                        .get(edge[0]..edge[1].min(packet.len()))
                        .filter(|value| !value.is_empty())
                        .map(|v| (at, v))
                })
                .collect();
            let kind = one_type(&values, origins, bytes, settings, opcode_found);
            opcode_found |= kind == Some(FieldType::Opcode);
            kind
        })
        .collect()
}

fn one_type(
    values: &[(usize, &[u8])],
    origins: &[Origin],
    bytes: &[usize],
    settings: Settings,
    opcode_found: bool,
) -> Option<FieldType> {
    let mut counts: BTreeMap<&[u8], u32> = BTreeMap::new();
    values.iter().for_each(|(_, value)| *counts.entry(value).or_default() += 1);
    if counts.len() <= 1 {
        return Some(FieldType::Constant);
    }
    if is_monotonic(values, origins, settings.monotonic) {
        return Some(FieldType::Sequence);
    }
    let run = values.chunk_by(|a, b| a.1 == b.1).map(<[(usize, &[u8])]>::len).max().unwrap_or(0);
    if counts.len() == 2 && run <= settings.longest_run {
        return Some(FieldType::RequestResponse);
    }
    let lengths = values.iter().map(|(at, value)| (number(value, false) as f64, bytes[*at] as f64));
    if correlation(lengths) > settings.correlation {
        return Some(FieldType::Length);
    }
    let bits = f64::from(entropy(counts.values().copied(), values.len() as u32));
    let most = match settings.normalised {
        Normalised::Values => (counts.len() as f64).log2(),
        Normalised::Messages => (values.len() as f64).log2(),
        Normalised::Bits => 8.0 * values[0].1.len() as f64,
    };
    (!opcode_found && bits / most.max(1e-9) < settings.opcode_entropy).then_some(FieldType::Opcode)
}

fn is_monotonic(values: &[(usize, &[u8])], origins: &[Origin], reading: Monotonic) -> bool {
    let mut last: HashMap<(u64, bool), usize> = HashMap::new();
    let mut steps = 0;
    for (at, value) in values {
        let origin = origins.get(*at).copied().unwrap_or_default();
        let side = match reading {
            Monotonic::Flow => (origin.flow, false),
            Monotonic::Direction => (origin.flow, origin.upward),
            Monotonic::Capture => (0, false),
        };
        let value = number(value, false);
        if let Some(before) = last.insert(side, value) {
            if value <= before {
                return false;
            }
            steps += 1;
        }
    }
    steps > 0
}

fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = pairs.clone().count() as f64;
    let (x, y) = pairs.clone().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let (x, y) = (x / n, y / n);
    let (xy, xx, yy) = pairs.fold((0.0, 0.0, 0.0), |sum, pair| {
        let (a, b) = (pair.0 - x, pair.1 - y);
        (sum.0 + a * b, sum.1 + a * a, sum.2 + b * b)
    });
    if xx * yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

/// Keywords of names, hosts and the like: longest common substrings of pairs that are long enough and stand in a large enough
/// share of the strings, those inside longer ones with the same coverage left out. Few values are keywords themselves.
///
/// Cost: pairs of at most 400 different strings.
pub fn keywords(strings: &[&str], least_length: usize, coverage: f64) -> Vec<(String, f64)> {
    let different: BTreeSet<&str> = strings.iter().copied().collect();
    let share = |word: &str| {
        strings.iter().filter(|text| text.contains(word)).count() as f64 / strings.len().max(1) as f64
    };
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    if different.len() <= 3 {
        found.extend(different.iter().map(|text| ((*text).to_owned(), share(text))));
    } else {
        let all: Vec<&str> = different.iter().copied().take(400).collect();
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let word = common(one, other);
                if word.len() >= least_length && !found.contains_key(word) {
                    let share = share(word);
                    if share >= coverage {
                        found.insert(word.to_owned(), share);
                    }
                }
            }
        }
    }
    let mut words: Vec<(String, f64)> = found.into_iter().collect();
    let longer = words.clone();
    words.retain(|(word, share)| {
        !longer.iter().any(|(other, more)| other != word && other.contains(word.as_str()) && more >= share)
    });
    words.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.len().cmp(&a.0.len())));
    words
}

fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let (a, b) = (one.as_bytes(), other.as_bytes());
    let mut row = vec![0usize; b.len() + 1];
    let (mut length, mut end) = (0, 0);
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate().rev() {
            row[j + 1] = if x == y { row[j] + 1 } else { 0 };
            if row[j + 1] > length {
                (length, end) = (row[j + 1], i + 1);
            }
        }
    }
    // Names are ASCII; a cut inside a character gives nothing.
    one.get(end - length..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_several_places_have_their_common_part() {
        let hosts =
            ["hkshort.example.net", "shshort.example.net", "szshort.example.net", "other.test", "a.b"];
        let words = keywords(&hosts, 4, 0.05);
        assert_eq!(words[0], ("short.example.net".to_owned(), 0.6));
    }

    #[test]
    fn a_method_of_few_values_is_all_keywords() {
        let words = keywords(&["GET", "POST", "GET", "GET"], 4, 0.05);
        assert_eq!(words, [("GET".to_owned(), 0.75), ("POST".to_owned(), 0.25)]);
    }

    #[test]
    fn packets_cut_unlike_the_others_join_the_one_before_them() {
        let mut packets = Messages::new();
        let mut origins = Vec::new();
        for n in 0..100u64 {
            let upward = n % 2 == 0;
            packets.push(&[0, 0, 0, 20, 0, 16, 0, 1, 0, 0, 0, (n % 3) as u8, 0, 0, 0, n as u8]);
            origins.push(Origin { flow: 1, upward, time_us: n });
            if n % 50 == 7 {
                packets.push(&[(n * 37) as u8; 9]);
                origins.push(Origin { flow: 1, upward, time_us: n });
            }
        }
        let found = dissect(&packets, &origins, Settings::default());
        for (at, head) in found.joined.iter().enumerate() {
            if packets.get(at).len() == 9 && found.formats.iter().all(|format| !format.packets.contains(&at))
            {
                assert_eq!(*head, Some(at - 1));
            }
        }
        assert!(!found.formats.is_empty());
    }
}
