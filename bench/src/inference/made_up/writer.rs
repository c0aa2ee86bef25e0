//! One message, field by field, with the offsets at which fields begin.

use wiremark_tests::random::Random;

use super::field::Field;

/// What goes on from one message of a flow to the next.
pub(super) struct Flow {
    pub(super) id: Vec<u8>,
    pub(super) counters: Vec<u64>,
    pub(super) walks: Vec<u64>,
}

/// A message being written.
pub(super) struct Writer<'a> {
    pub(super) little: bool,
    pub(super) words: &'a [String],
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) starts: Vec<u32>,
    pub(super) lengths: Vec<(usize, usize, i64)>,
}

impl Writer<'_> {
    pub(super) fn begin(&mut self) {
        self.starts.push(self.bytes.len() as u32);
    }

    pub(super) fn number(&mut self, value: u64, width: usize) {
        if self.little {
            self.bytes.extend(&value.to_le_bytes()[..width]);
        } else {
            self.bytes.extend(&value.to_be_bytes()[8 - width..]);
        }
    }

    fn text(&self, random: &mut Random) -> Vec<u8> {
        let mut text = self.words[random.between(0, self.words.len() - 1)].clone();
        if random.chance(30) {
            text.push_str(&random.between(0, 99).to_string());
        }
        text.into_bytes()
    }

    pub(super) fn field(&mut self, field: &Field, at: usize, flow: &mut Flow, random: &mut Random) {
        self.begin();
        match field {
            Field::Constant(bytes) => self.bytes.extend(bytes),
            Field::Enumeration(values, width) => {
                let first = random.between(0, values.len() - 1);
                let value = values[first.min(random.between(0, values.len() - 1))];
                self.number(value, *width);
            }
            Field::Flags(fixed, loose) => self.bytes.push((fixed & !loose) | (random.word() as u8 & loose)),
            Field::Counter { width, per_flow, step } => {
                let slot = at % 64;
                flow.counters[slot] += *step as u64;
                let value = if *per_flow { flow.counters[slot] } else { self.number * *step as u64 };
                self.number(value, *width);
            }
            Field::Length { width, adds } => {
                self.lengths.push((self.bytes.len(), *width, *adds));
                self.number(0, *width);
            }
            Field::FlowId(width) => self.bytes.extend(&flow.id[at % 8..at % 8 + width]),
            Field::Token(width) => self.bytes.extend(random.bytes(*width)),
            Field::Number { width, bits } => {
                let value = random.word() >> (64 - random.between(1, *bits));
                self.number(if random.chance(20) { 0 } else { value }, *width);
            }
            Field::Signed { width, spread } => {
                let value = random.between(0, 2 * spread) as i64 - *spread as i64;
                self.number(value as u64, *width);
            }
            Field::Walk { width, step, base } => {
                let walk = &mut flow.walks[at];
                *walk = walk.wrapping_add(random.between(0, 2 * step) as u64).wrapping_sub(*step as u64);
                let value = base.wrapping_add(*walk);
                self.number(value, *width);
            }
            Field::Float(width, scale) => {
                let walk = &mut flow.walks[at];
                *walk = walk.wrapping_add(random.between(0, 200) as u64).wrapping_sub(100);
                let value = *walk as i64 as f64 * scale / 977.0;
                if *width == 4 {
                    self.number(u64::from((value as f32).to_bits()), 4);
                } else {
                    self.number(value.to_bits(), 8);
                }
            }
            Field::Clock { width, rate, fraction } => {
                let steps = self.number * rate + random.word() % rate.max(&2);
                let value = 0x52f1_4000 + at as u64 * 997 + steps;
                if *fraction {
                    self.number(value << 32 | random.word() >> 32, 8);
                } else {
                    self.number(value, *width);
                }
            }
            Field::Address(width) => {
                let host = random.between(1, 6) as u8 * 17;
                let address = [flow.id[14] | 1, flow.id[15], 3, 7, 40, host];
                self.bytes.extend(&address[6 - width..]);
            }
            Field::Zeros(width) => self.bytes.extend(vec![0; *width]),
            Field::Checksum(width) => self.bytes.extend(random.bytes(*width)),
            Field::Padded(width) => {
                let mut text = self.text(random);
                text.resize(*width, 0);
                self.bytes.extend(text);
            }
            Field::Prefixed(width) => {
                let text = if random.chance(85) {
                    self.text(random)
                } else {
                    let n = random.between(0, 20);
                    random.bytes(n)
                };
                self.number(text.len() as u64, *width);
                if !text.is_empty() {
                    self.begin();
                }
                self.bytes.extend(text);
            }
            Field::Terminated => {
                let text = self.text(random);
                self.bytes.extend(text);
                self.bytes.push(0);
            }
            Field::List { types, width, counts_header, align } => {
                self.starts.pop();
                self.list(*types, *width, *counts_header, *align, flow, random);
            }
            Field::Array { count_width, element, bits, bytes_counted } => {
                let count = random.between(0, 12);
                self.number((count * if *bytes_counted { *element } else { 1 }) as u64, *count_width);
                let base = random.word() >> (64 - bits);
                for n in 0..count {
                    if *element > 1 || n == 0 {
                        self.begin();
                    }
                    let value = base.wrapping_add(random.word() % 50);
                    match element {
                        6 => {
                            self.number(n as u64 + 1, 2);
                            self.begin();
                            self.number(value, 4);
                        }
                        8 => {
                            self.number(value, 4);
                            self.begin();
                            self.number(base, 4);
                        }
                        width => self.number(value, *width),
                    }
                }
            }
            Field::Payload { text: true, most } => {
                let end = self.bytes.len() + random.between(4, *most);
                while self.bytes.len() < end {
                    let word = self.text(random);
                    self.bytes.extend(word);
                    self.bytes.push(b' ');
                }
            }
            Field::Payload { text: false, most } => {
                let n = random.between(4, *most);
                self.bytes.extend(random.bytes(n));
            }
        }
    }

    fn list(
        &mut self,
        types: usize,
        width: usize,
        counts: bool,
        align: usize,
        flow: &Flow,
        random: &mut Random,
    ) {
        let from = self.bytes.len();
        for _ in 0..random.between(1, 6) {
            let kind = random.between(1, 9);
            let value = match kind {
                1 => self.text(random),
                2 => vec![0, 0, 0, random.word() as u8],
                3 => random.bytes(4),
                4 => flow.id[..8].to_vec(),
                5 => vec![random.between(0, 3) as u8],
                6 => random.bytes(2),
                7 => (self.number as u32 + 0x5000_0000).to_be_bytes().to_vec(),
                8 => {
                    let n = random.between(0, 24);
                    random.bytes(n)
                }
                _ => vec![3, random.word() as u8 & 3],
            };
            self.begin();
            self.number(kind as u64, types);
            self.begin();
            let header = if counts { types + width } else { 0 };
            self.number((value.len() + header) as u64, width);
            if !value.is_empty() {
                self.begin();
            }
            self.bytes.extend(&value);
            let padding = (self.bytes.len() - from).next_multiple_of(align) - (self.bytes.len() - from);
            if padding > 0 {
                self.begin();
                self.bytes.extend(vec![0; padding]);
            }
        }
    }

    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<u32>) {
        for (at, width, adds) in std::mem::take(&mut self.lengths) {
            let length = self.bytes.len() as i64 + adds * (at + width) as i64;
            let mut field = Writer { bytes: Vec::new(), starts: Vec::new(), lengths: Vec::new(), ..self };
            field.number(length as u64, width);
            self.bytes[at..at + width].copy_from_slice(&field.bytes);
        }
        let length = self.bytes.len() as u32;
        self.starts.retain(|&at| at > 0 && at < length);
        self.starts.dedup();
        (self.bytes, self.starts)
    }
}
