//! Fields, and how they are drawn.

use wiremark_tests::random::Random;

/// A field's shape.
#[derive(Clone, Debug)]
pub(super) enum Field {
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

pub(super) fn one(random: &mut Random, of: &[usize]) -> usize {
    of[random.between(0, of.len() - 1)]
}

pub(super) fn plain(random: &mut Random, aligned: bool) -> Field {
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
pub(super) fn push_aligned(fields: &mut Vec<Field>, at: &mut usize, field: Field, aligned: bool) {
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
