//! Made-up protocols with truth: fixed headers, bodies by type, numbers of both byte orders, text, lists, arrays, checksums.
//!
//! A protocol is drawn first, then its messages, as flows would bring them. Nothing here is a real protocol.

mod field;
mod writer;

use field::{Field, one, plain, push_aligned};
use wiremark_tests::random::Random;
use writer::{Flow, Writer};

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
                little: self.little,
                words: &self.words,
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
