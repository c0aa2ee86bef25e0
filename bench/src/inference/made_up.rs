//! Made-up protocols with truth: fixed headers, bodies by type, numbers of both byte orders, text, lists, arrays, checksums.
//!
//! A protocol is drawn first, then its messages, as flows would bring them. Nothing here is a real protocol.

use wiremark_tests::random::Random;

/// A field's shape.
#[derive(Clone, Debug)]
enum Field {
    Constant(Vec<u8>),
    /// Few values, weights falling.
    Enumeration(Vec<u64>, usize),
    Flags(u8, u8),
    Counter {
        width: usize,
        per_flow: bool,
        step: usize,
    },
    Length {
        width: usize,
        adds: i64,
    },
    FlowId(usize),
    Token(usize),
    /// Log-uniform up to this many bits.
    Number {
        width: usize,
        bits: usize,
    },
    Signed {
        width: usize,
        spread: usize,
    },
    Walk {
        width: usize,
        step: usize,
        base: u64,
    },
    Float(usize, f64),
    Clock {
        width: usize,
        rate: u64,
        fraction: bool,
    },
    Address(usize),
    Zeros(usize),
    Checksum(usize),
    Padded(usize),
    Prefixed(usize),
    Terminated,
    List {
        types: usize,
        width: usize,
        counts_header: bool,
        align: usize,
    },
    Array {
        count_width: usize,
        element: usize,
        bits: usize,
        bytes_counted: bool,
    },
    Payload {
        text: bool,
        most: usize,
    },
}

/// A drawn protocol.
pub(super) struct Protocol {
    little: bool,
    kind_at: usize,
    header: Vec<Field>,
    bodies: Vec<Vec<Field>>,
    trailer: Option<Field>,
    flows: usize,
    words: Vec<String>,
}

struct Flow {
    id: Vec<u8>,
    counters: Vec<u64>,
    walks: Vec<u64>,
}

fn one(random: &mut Random, of: &[usize]) -> usize {
    of[random.between(0, of.len() - 1)]
}

fn plain(random: &mut Random, aligned: bool) -> Field {
    let wide = if aligned { [2, 4, 4, 8] } else { [1, 2, 4, 4] };
    match random.between(0, 15) {
        0 => Field::Zeros(one(random, &[1, 1, 2, 3, 4, 8])),
        1 => Field::Flags(random.word() as u8, random.word() as u8 & 0x1f),
        2 | 3 => {
            let values =
                (0..random.between(2, 9)).map(|n| if n % 3 == 0 { random.word() % 250 } else { n as u64 });
            Field::Enumeration(values.collect(), one(random, &[1, 1, 1, 2, 2, 4]))
        }
        4 => {
            let (width, step) = (one(random, &[1, 2, 2, 4, 4]), one(random, &[1, 1, 1, 160, 960]));
            Field::Counter { width, per_flow: random.chance(70), step }
        }
        5 => Field::FlowId(one(random, &[1, 2, 4, 4, 8])),
        6 => Field::Token(one(random, &[2, 4, 4, 8, 12, 16])),
        7 | 8 => {
            let width = one(random, &wide);
            Field::Number { width, bits: random.between(3, 8 * width) }
        }
        9 => Field::Signed { width: one(random, &[2, 2, 4]), spread: one(random, &[20, 300, 3000]) },
        10 | 11 => {
            let width = one(random, &[1, 2, 2, 4, 4, 8]);
            let base = random.word() >> random.between(64 - 8 * width, 63);
            Field::Walk { width, step: one(random, &[2, 5, 40, 900]), base }
        }
        12 => Field::Float(one(random, &[4, 4, 8]), [0.01, 1.0, 30.0, 4000.0][random.between(0, 3)]),
        13 => {
            let width = one(random, &[4, 4, 8]);
            Field::Clock {
                width,
                rate: [1, 30, 1000][random.between(0, 2)],
                fraction: width == 8 && random.chance(50),
            }
        }
        14 => Field::Address(one(random, &[4, 4, 6])),
        _ => {
            let same = random.chance(30);
            let byte = [0xff, 0x00, random.word() as u8][random.between(0, 2)];
            let n = if same { one(random, &[2, 4, 8, 16]) } else { one(random, &[1, 1, 2, 4]) };
            Field::Constant(if same { vec![byte; n] } else { random.bytes(n) })
        }
    }
}

impl Field {
    fn width(&self) -> Option<usize> {
        Some(match self {
            Self::Constant(bytes) => bytes.len(),
            Self::Enumeration(_, width)
            | Self::FlowId(width)
            | Self::Token(width)
            | Self::Float(width, _) => *width,
            Self::Flags(..) => 1,
            Self::Counter { width, .. } | Self::Length { width, .. } | Self::Number { width, .. } => *width,
            Self::Signed { width, .. } | Self::Walk { width, .. } | Self::Clock { width, .. } => *width,
            Self::Address(width) | Self::Zeros(width) | Self::Checksum(width) | Self::Padded(width) => *width,
            _ => return None,
        })
    }
}

/// Keeps fields at multiples of their width where the protocol is an aligned one.
fn push_aligned(fields: &mut Vec<Field>, at: &mut usize, field: Field, aligned: bool) {
    if let Some(width) = field.width().filter(|_| aligned) {
        let unit = width.min(4).next_power_of_two();
        let gap = at.next_multiple_of(unit) - *at;
        if gap > 0 {
            fields.push(Field::Zeros(gap));
            *at += gap;
        }
        *at += width;
    }
    fields.push(field);
}

impl Protocol {
    /// Draws a protocol.
    pub(super) fn draw(random: &mut Random) -> Self {
        let (aligned, little) = (random.chance(65), random.chance(45));
        let mut header = Vec::new();
        let mut at = 0;
        let style = random.between(0, 3);
        if style > 0 {
            let n = one(random, &[1, 2, 2, 4, 4]);
            let magic = if random.chance(20) { random.text(n).into_bytes() } else { random.bytes(n) };
            push_aligned(&mut header, &mut at, Field::Constant(magic), aligned);
        }
        for _ in 0..random.between(0, 2) {
            let field = plain(random, aligned);
            push_aligned(&mut header, &mut at, field, aligned);
        }
        let kinds = random.between(1, 10);
        let kind_width = one(random, &[1, 1, 1, 2, 2, 4]);
        push_aligned(&mut header, &mut at, Field::Enumeration(vec![0], kind_width), aligned);
        let kind_at = header.len() - 1;
        if random.chance(65) {
            let adds = [0, -1][random.between(0, 1)];
            push_aligned(
                &mut header,
                &mut at,
                Field::Length { width: one(random, &[1, 2, 2, 4]), adds },
                aligned,
            );
        }
        for _ in 0..random.between(0, 6) {
            let field = plain(random, aligned);
            push_aligned(&mut header, &mut at, field, aligned);
        }
        if random.chance(15) {
            push_aligned(&mut header, &mut at, Field::Checksum(one(random, &[1, 2, 4])), aligned);
        }
        let tail = random.between(0, 7);
        let types = one(random, &[1, 1, 2, 2, 4]);
        let list = Field::List {
            types,
            width: if types == 4 { 4 } else { one(random, &[types, types, 1, 2]) },
            counts_header: random.chance(35),
            align: if types >= 2 && random.chance(40) { 4 } else { 1 },
        };
        let bodies = (0..kinds)
            .map(|_| {
                let mut body = Vec::new();
                let mut at = at;
                for _ in 0..random.between(0, 9) {
                    let field = match random.between(0, 19) {
                        0 => Field::Padded(one(random, &[8, 16, 16, 32])),
                        1 => Field::Prefixed(one(random, &[1, 1, 2])),
                        2 => Field::Terminated,
                        _ => plain(random, aligned),
                    };
                    push_aligned(&mut body, &mut at, field, aligned);
                }
                match tail {
                    0 | 1 => body.push(list.clone()),
                    2 if random.chance(60) => {
                        let element = one(random, &[1, 2, 2, 4, 6, 8]);
                        let bits = random.between(5, 16);
                        let bytes_counted = random.chance(50);
                        body.push(Field::Array {
                            count_width: one(random, &[1, 1, 2]),
                            element,
                            bits,
                            bytes_counted,
                        });
                    }
                    3 | 4 if random.chance(60) => {
                        let most = one(random, &[40, 200, 700]);
                        body.push(Field::Payload { text: random.chance(30), most });
                    }
                    5 => (0..random.between(1, 3))
                        .for_each(|_| body.push(Field::Prefixed(one(random, &[1, 2])))),
                    _ => {}
                }
                body
            })
            .collect();
        let trailer = random.chance(25).then(|| Field::Checksum(one(random, &[1, 2, 2, 4])));
        let words = (0..random.between(8, 60))
            .map(|_| {
                (0..random.between(3, 12)).map(|_| char::from(b'a' + random.between(0, 25) as u8)).collect()
            })
            .collect();
        Self { little, kind_at, header, bodies, trailer, flows: random.between(1, 24), words }
    }

    /// Messages and the offsets at which their fields begin.
    pub(super) fn messages(&self, random: &mut Random, count: usize) -> (Vec<Vec<u8>>, Vec<Vec<u32>>) {
        let mut flows: Vec<Flow> = (0..self.flows)
            .map(|_| Flow {
                id: random.bytes(16),
                counters: (0..64).map(|_| if random.chance(50) { 0 } else { random.word() >> 34 }).collect(),
                walks: vec![0; 256],
            })
            .collect();
        let (mut all, mut truth) = (Vec::new(), Vec::new());
        let mut turn = 0;
        for number in 0..count {
            if random.chance(12) {
                turn = random.between(0, flows.len() - 1);
            }
            let mut kind = random.between(0, self.bodies.len() - 1);
            if random.chance(50) {
                kind = kind.min(random.between(0, self.bodies.len() - 1));
            }
            let mut writer = Writer {
                protocol: self,
                number: number as u64,
                bytes: Vec::new(),
                starts: Vec::new(),
                lengths: Vec::new(),
            };
            let flow = &mut flows[turn];
            for (at, field) in self.header.iter().enumerate() {
                if at == self.kind_at {
                    let Field::Enumeration(_, width) = field else { continue };
                    writer.begin();
                    writer.number(kind as u64 * 3 % 97 + 1, *width);
                } else {
                    writer.field(field, at, flow, random);
                }
            }
            for (at, field) in self.bodies[kind].iter().enumerate() {
                writer.field(field, 64 + kind * 12 + at, flow, random);
            }
            if let Some(field) = &self.trailer {
                writer.field(field, 63, flow, random);
            }
            let (bytes, starts) = writer.finish();
            if bytes.len() > 1 {
                all.push(bytes);
                truth.push(starts);
            }
        }
        (all, truth)
    }
}

struct Writer<'a> {
    protocol: &'a Protocol,
    number: u64,
    bytes: Vec<u8>,
    starts: Vec<u32>,
    lengths: Vec<(usize, usize, i64)>,
}

impl Writer<'_> {
    fn begin(&mut self) {
        self.starts.push(self.bytes.len() as u32);
    }

    fn number(&mut self, value: u64, width: usize) {
        if self.protocol.little {
            self.bytes.extend(&value.to_le_bytes()[..width]);
        } else {
            self.bytes.extend(&value.to_be_bytes()[8 - width..]);
        }
    }

    fn text(&self, random: &mut Random) -> Vec<u8> {
        let mut text = self.protocol.words[random.between(0, self.protocol.words.len() - 1)].clone();
        if random.chance(30) {
            text.push_str(&random.between(0, 99).to_string());
        }
        text.into_bytes()
    }

    fn field(&mut self, field: &Field, at: usize, flow: &mut Flow, random: &mut Random) {
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

    fn finish(mut self) -> (Vec<u8>, Vec<u32>) {
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
