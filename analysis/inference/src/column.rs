//! What the bytes of one column are like, over all messages that have it.

use crate::messages::{Messages, Span};

/// Statistics of one byte column of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    /// Spans that have this column.
    pub count: u32,
    /// Entropy in bits.
    pub entropy: f32,
    /// Different values.
    pub distinct: u32,
    /// Share of the commonest value.
    pub top_share: f32,
    /// Share of zero.
    pub zero: f32,
    /// Share of 0xff.
    pub ones: f32,
    /// Share of printable ASCII.
    pub printable: f32,
    /// Largest value.
    pub max: u8,
    /// Share of spans whose value is not that of the span before.
    pub changes: f32,
    /// Of the changes, the share by at most 4 up or down.
    pub small_steps: f32,
}

/// Statistics of two neighbouring columns, `left` and the one behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pair {
    /// Mutual information, corrected for chance, by the smaller entropy.
    pub shared: f32,
    /// Share of right changing where left changes.
    pub right_follows: f32,
    /// Share of left changing where right changes.
    pub left_follows: f32,
    /// Where left steps by one: share of right moving the other way (a carry, big-endian), less a half.
    pub carry_big: f32,
    /// The same with left and right exchanged (little-endian).
    pub carry_little: f32,
    /// Share of left zero where right is zero.
    pub left_zero_if_right: f32,
    /// Share of right zero where left is zero.
    pub right_zero_if_left: f32,
    /// Share of equal bytes.
    pub equal: f32,
    /// Mean step of the two as a big-endian number, by what independent bytes would give; 1 = random.
    pub smooth_big: f32,
    /// The same for little-endian.
    pub smooth_little: f32,
}

/// The values of one column, `None` where a span is shorter.
pub(crate) fn values(messages: &Messages, spans: &[Span], column: usize, out: &mut Vec<u8>) {
    out.clear();
    out.extend(spans.iter().filter(|span| span.len() > column).map(|span| span.of(messages)[column]));
}

impl Column {
    /// Statistics over `values`, in the order of messages.
    pub(crate) fn of(values: &[u8]) -> Self {
        let mut histogram = [0u32; 256];
        values.iter().for_each(|&byte| histogram[usize::from(byte)] += 1);
        let count = values.len() as u32;
        let share = |n: u32| n as f32 / count.max(1) as f32;
        let most = histogram.iter().copied().max().unwrap_or(0);
        let (mut changes, mut small) = (0, 0);
        for pair in values.windows(2) {
            let step = pair[1].wrapping_sub(pair[0]);
            changes += u32::from(step != 0);
            small += u32::from(step != 0 && (step <= 4 || step >= 252));
        }
        Self {
            count,
            entropy: entropy(histogram.iter().copied(), count),
            distinct: histogram.iter().filter(|&&n| n > 0).count() as u32,
            top_share: share(most),
            zero: share(histogram[0]),
            ones: share(histogram[255]),
            printable: share(histogram[0x20..0x7f].iter().sum()),
            max: values.iter().copied().max().unwrap_or(0),
            changes: changes as f32 / count.saturating_sub(1).max(1) as f32,
            small_steps: small as f32 / changes.max(1) as f32,
        }
    }
}

impl Column {
    /// Whether the values are spread as random bytes are, as far as so few can show.
    pub(crate) fn is_random(&self) -> bool {
        if self.count < 6 {
            return true;
        }
        self.entropy > expected_entropy(self.count) - 0.2 - 2.0 / self.count as f32
    }
}

/// Mean entropy of `count` random bytes: each value's count is Poisson's.
fn expected_entropy(count: u32) -> f32 {
    let rate = f64::from(count) / 256.0;
    let (mut chance, mut sum) = ((-rate).exp(), 0.0);
    for k in 1..(rate * 3.0) as u32 + 40 {
        chance *= rate / f64::from(k);
        sum += chance * f64::from(k) * f64::from(k).log2();
    }
    (f64::from(count).log2() - 256.0 * sum / f64::from(count)) as f32
}

/// Shannon entropy in bits of `counts`, which add up to `total`.
pub(crate) fn entropy(counts: impl Iterator<Item = u32>, total: u32) -> f32 {
    let total = f64::from(total.max(1));
    let sum: f64 = counts.filter(|&n| n > 0).map(|n| f64::from(n) * f64::from(n).log2()).sum();
    (total.log2() - sum / total).max(0.0) as f32
}

impl Pair {
    /// Statistics over pairs of bytes in the order of messages.
    pub(crate) fn of(pairs: &[(u8, u8)], left: &Column, right: &Column) -> Self {
        let count = pairs.len() as u32;
        if count == 0 {
            return Self::default();
        }
        let share = |n: u32, of: u32| if of == 0 { -1.0 } else { n as f32 / of as f32 };
        let counted =
            |test: &dyn Fn(u8, u8) -> bool| pairs.iter().filter(|&&(l, r)| test(l, r)).count() as u32;
        let both_zero = counted(&|l, r| l == 0 && r == 0);
        let (left_zero, right_zero) = (counted(&|l, _| l == 0), counted(&|_, r| r == 0));
        let mut joint: Vec<u16> = pairs.iter().map(|&(l, r)| u16::from(l) << 8 | u16::from(r)).collect();
        joint.sort_unstable();
        let runs: Vec<u32> = joint.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
        let joint_distinct = runs.len() as f32;
        let joint_entropy = entropy(runs.into_iter(), count);
        let cells = (left.distinct as f32 - 1.0) * (right.distinct as f32 - 1.0);
        let bias = cells.min(joint_distinct) / (2.0 * count as f32 * std::f32::consts::LN_2);
        let least = left.entropy.min(right.entropy);
        let shared = if least < 0.05 {
            -1.0
        } else {
            (left.entropy + right.entropy - joint_entropy - bias).max(0.0) / least
        };
        let steps = Steps::of(pairs);
        Self {
            shared,
            right_follows: share(steps.both, steps.left),
            left_follows: share(steps.both, steps.right),
            carry_big: steps.carry(0),
            carry_little: steps.carry(1),
            left_zero_if_right: share(both_zero, right_zero),
            right_zero_if_left: share(both_zero, left_zero),
            equal: share(counted(&|l, r| l == r), count),
            smooth_big: smooth(pairs, |l, r| u16::from(l) << 8 | u16::from(r)),
            smooth_little: smooth(pairs, |l, r| u16::from(r) << 8 | u16::from(l)),
        }
    }
}

#[derive(Default)]
struct Steps {
    left: u32,
    right: u32,
    both: u32,
    by_one: [u32; 2],
    against: [u32; 2],
}

impl Steps {
    fn of(pairs: &[(u8, u8)]) -> Self {
        let mut steps = Self::default();
        for two in pairs.windows(2) {
            let left = two[1].0.wrapping_sub(two[0].0);
            let right = two[1].1.wrapping_sub(two[0].1);
            steps.left += u32::from(left != 0);
            steps.right += u32::from(right != 0);
            steps.both += u32::from(left != 0 && right != 0);
            for (side, (high, low)) in
                [(left, (two[0].1, two[1].1)), (right, (two[0].0, two[1].0))].into_iter().enumerate()
            {
                let falls = low.1 < low.0;
                let rises = low.1 > low.0;
                if high == 1 || high == 255 {
                    steps.by_one[side] += 1;
                    steps.against[side] += u32::from(if high == 1 { falls } else { rises });
                }
            }
        }
        steps
    }

    fn carry(&self, side: usize) -> f32 {
        let n = self.by_one[side] as f32;
        // Shrunk towards a half where there are few.
        (self.against[side] as f32 + 2.0) / (n + 4.0) - 0.5
    }
}

fn smooth(pairs: &[(u8, u8)], number: impl Fn(u8, u8) -> u16) -> f32 {
    let numbers: Vec<f64> = pairs.iter().map(|&(l, r)| f64::from(number(l, r))).collect();
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let spread = numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / numbers.len() as f64;
    let steps = numbers.windows(2).map(|two| (two[1] - two[0]).powi(2)).sum::<f64>();
    // Von Neumann's ratio: 2 for independent values.
    if spread < 1e-9 {
        -1.0
    } else {
        (steps / (numbers.len().max(2) - 1) as f64 / spread / 2.0).min(2.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_have_the_entropy_expected_of_them() {
        let mut state = 1u64;
        for count in [20, 100, 1000, 3000] {
            let values: Vec<u8> = (0..count)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            assert!(Column::of(&values).is_random(), "{count}");
            let half: Vec<u8> = values.iter().map(|byte| byte & 0x7f).collect();
            assert!(!Column::of(&half).is_random() || count < 100, "{count}");
        }
    }
}
