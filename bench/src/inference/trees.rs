//! A small trainer of boosted trees (Friedman 2001, with second-order leaf values): histograms of 64 bins, logistic loss.

use std::fmt::Write as _;

/// Rows to learn from: `width` numbers each, a label between 0 and 1, a weight.
#[derive(Default)]
pub(super) struct Rows {
    /// Numbers, row by row.
    pub(super) values: Vec<f32>,
    /// Share of yes.
    pub(super) labels: Vec<f32>,
    /// What a row counts.
    pub(super) weights: Vec<f32>,
    /// Numbers a row.
    pub(super) width: usize,
}

/// How trees are grown.
#[derive(Clone, Copy)]
pub(super) struct Growth {
    /// Trees.
    pub(super) trees: usize,
    /// Leaves a tree.
    pub(super) leaves: usize,
    /// What a tree adds is multiplied by this.
    pub(super) rate: f64,
    /// Added to a leaf's weight: keeps small leaves small.
    pub(super) ridge: f64,
    /// Of a hundred numbers in a row, how many a tree may ask for.
    pub(super) percent: u64,
    /// Seed.
    pub(super) seed: u64,
}

const BINS: usize = 64;

struct Node {
    feature: usize,
    threshold: f32,
    left: usize,
    right: usize,
    value: f64,
}

/// Trees and what they add up from.
pub(super) struct Trees {
    base: f64,
    trees: Vec<Vec<Node>>,
}

struct Open {
    node: usize,
    rows: Vec<u32>,
    split: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
}

impl Trees {
    /// Grows trees on `rows`.
    pub(super) fn grow(rows: &Rows, growth: Growth) -> Self {
        let n = rows.labels.len();
        let edges: Vec<Vec<f32>> = (0..rows.width).map(|feature| bin_edges(rows, feature)).collect();
        let mut bins = vec![0u8; n * rows.width];
        for row in 0..n {
            for (feature, edges) in edges.iter().enumerate() {
                let value = rows.values[row * rows.width + feature];
                bins[row * rows.width + feature] = edges.partition_point(|&edge| edge < value) as u8;
            }
        }
        let total: f64 = rows.weights.iter().map(|&w| f64::from(w)).sum();
        let yes: f64 =
            rows.labels.iter().zip(&rows.weights).map(|(&y, &w)| f64::from(y) * f64::from(w)).sum();
        let share = (yes / total).clamp(1e-6, 1.0 - 1e-6);
        let base = (share / (1.0 - share)).ln();
        let mut sums = vec![base; n];
        let mut state = growth.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut trees = Vec::new();
        for _ in 0..growth.trees {
            let slopes: Vec<(f64, f64)> = (0..n)
                .map(|row| {
                    let p = 1.0 / (1.0 + (-sums[row]).exp());
                    let w = f64::from(rows.weights[row]);
                    (w * (f64::from(rows.labels[row]) - p), w * (p * (1.0 - p)).max(1e-6))
                })
                .collect();
            let features: Vec<usize> = (0..rows.width)
                .filter(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state >> 20) % 100 < growth.percent
                })
                .collect();
            let tree = grow_one(&bins, rows.width, &edges, &slopes, &features, growth, &mut sums);
            trees.push(tree);
        }
        Self { base, trees }
    }

    /// As the inference crate reads it.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{:.5}\n", self.base);
        for tree in &self.trees {
            for (at, node) in tree.iter().enumerate() {
                let gap = if at == 0 { "" } else { ";" };
                let _ = if node.left == 0 {
                    write!(out, "{gap}= {:.4}", node.value)
                } else {
                    write!(out, "{gap}{} {} {} {}", node.feature, node.threshold, node.left, node.right)
                };
            }
            out.push('\n');
        }
        out
    }
}

fn bin_edges(rows: &Rows, feature: usize) -> Vec<f32> {
    let n = rows.labels.len();
    let stride = (n / 20_000).max(1);
    let mut values: Vec<f32> =
        (0..n).step_by(stride).map(|row| rows.values[row * rows.width + feature]).collect();
    values.sort_by(f32::total_cmp);
    let mut edges: Vec<f32> = Vec::new();
    for bin in 1..BINS {
        let edge = values[bin * values.len() / BINS];
        // Few digits: the file is read by people too.
        let edge = (edge * 10_000.0).round() / 10_000.0;
        if edges.last().is_none_or(|&last| edge > last) {
            edges.push(edge);
        }
    }
    edges
}

fn grow_one(
    bins: &[u8],
    width: usize,
    edges: &[Vec<f32>],
    slopes: &[(f64, f64)],
    features: &[usize],
    growth: Growth,
    sums: &mut [f64],
) -> Vec<Node> {
    let leaf = |rows: &[u32]| {
        let (g, h) = rows.iter().fold((0.0, 0.0), |(g, h), &row| {
            let slope = slopes[row as usize];
            (g + slope.0, h + slope.1)
        });
        growth.rate * g / (h + growth.ridge)
    };
    let node = |value| Node { feature: 0, threshold: 0.0, left: 0, right: 0, value };
    let all: Vec<u32> = (0..slopes.len() as u32).collect();
    let mut tree = vec![node(leaf(&all))];
    let mut open =
        vec![Open { node: 0, split: best(bins, width, slopes, features, growth, &all), rows: all }];
    while open.len() < growth.leaves {
        let Some(at) = (0..open.len())
            .filter(|&at| open[at].split.is_some())
            .max_by(|&a, &b| open[a].split.unwrap().gain.total_cmp(&open[b].split.unwrap().gain))
        else {
            break;
        };
        let parent = open.swap_remove(at);
        let split = parent.split.unwrap();
        let goes_left = |&row: &u32| usize::from(bins[row as usize * width + split.feature]) <= split.bin;
        let (left, right): (Vec<u32>, Vec<u32>) = parent.rows.into_iter().partition(goes_left);
        let at = tree.len();
        tree.push(node(leaf(&left)));
        tree.push(node(leaf(&right)));
        let parent = &mut tree[parent.node];
        (parent.feature, parent.threshold) = (split.feature, edges[split.feature][split.bin]);
        (parent.left, parent.right) = (at, at + 1);
        for (node, rows) in [(at, left), (at + 1, right)] {
            let split = best(bins, width, slopes, features, growth, &rows);
            open.push(Open { node, rows, split });
        }
    }
    for open in open {
        let value = tree[open.node].value;
        open.rows.iter().for_each(|&row| sums[row as usize] += value);
    }
    tree
}

fn best(
    bins: &[u8],
    width: usize,
    slopes: &[(f64, f64)],
    features: &[usize],
    growth: Growth,
    rows: &[u32],
) -> Option<Split> {
    if rows.len() < 20 {
        return None;
    }
    let mut sums = vec![[(0.0f64, 0.0f64, 0u32); BINS]; features.len()];
    for &row in rows {
        let (g, h) = slopes[row as usize];
        let own = &bins[row as usize * width..][..width];
        for (sum, &feature) in sums.iter_mut().zip(features) {
            let cell = &mut sum[usize::from(own[feature])];
            cell.0 += g;
            cell.1 += h;
            cell.2 += 1;
        }
    }
    let mut most: Option<Split> = None;
    for (sum, &feature) in sums.iter().zip(features) {
        let (g, h) = sum.iter().fold((0.0, 0.0), |(g, h), cell| (g + cell.0, h + cell.1));
        let worth = |g: f64, h: f64| g * g / (h + growth.ridge);
        let (mut left, mut rows_left) = ((0.0, 0.0), 0);
        for (bin, cell) in sum.iter().enumerate().take(BINS - 1) {
            left = (left.0 + cell.0, left.1 + cell.1);
            rows_left += cell.2;
            if cell.2 == 0 || rows_left < 10 || rows.len() as u32 - rows_left < 10 {
                continue;
            }
            let gain = worth(left.0, left.1) + worth(g - left.0, h - left.1) - worth(g, h);
            if gain > 1e-9 && most.is_none_or(|best| gain > best.gain) {
                most = Some(Split { gain, feature, bin });
            }
        }
    }
    most
}
