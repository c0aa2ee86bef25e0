//! How much speaks for each pair of two sets of channels, and what follows from it.

use crate::assignment::{Edge, assign};

/// Best candidates of each row and of each column that an assignment looks at.
const CANDIDATES: usize = 12;

/// A score for each pair of a row and a column: the higher, the likelier they are of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    columns: usize,
    values: Vec<f32>,
}

impl Scores {
    /// From rows of so many columns, one after the other. What does not fill a row is left away.
    pub fn new(columns: usize, mut values: Vec<f32>) -> Self {
        let columns = columns.max(1);
        values.truncate(values.len() / columns * columns);
        Self { columns, values }
    }

    /// Of every pair of a row and a column, by a function.
    pub fn of_pairs<T, U>(rows: &[T], columns: &[U], score: impl Fn(&T, &U) -> f64) -> Self {
        let values =
            rows.iter().flat_map(|row| columns.iter().map(|column| score(row, column) as f32)).collect();
        Self::new(columns.len(), values)
    }

    /// Scores of each row.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.columns)
    }

    /// The mean of two scores, pair by pair.
    pub fn mean(mut self, other: &Scores) -> Self {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = (*value + other) / 2.0;
        }
        self
    }

    /// Scores that are correlations, each as standard deviations above what its row and its column have with all others, the mean of
    /// both: a leg that is like many needs more than one that is like nobody (symmetric score normalisation, as speaker
    /// verification has it). Correlations are taken by their Fisher transform.
    ///
    /// Cost: three looks at each score.
    pub fn normalised(mut self) -> Self {
        self.values.iter_mut().for_each(|score| *score = score.clamp(-0.999_999, 0.999_999).atanh());
        let (rows, columns) = (self.rows().len(), self.columns);
        let of_rows: Vec<(f64, f64)> = self.rows().map(|row| mean_and_deviation(row.iter())).collect();
        let of_columns: Vec<(f64, f64)> = (0..columns)
            .map(|column| mean_and_deviation(self.values[column..].iter().step_by(columns).take(rows)))
            .collect();
        let above =
            |score: f32, (mean, deviation): (f64, f64)| (f64::from(score) - mean) / deviation.max(1e-6);
        for (row, of_row) in self.values.chunks_exact_mut(columns).zip(&of_rows) {
            for (score, of_column) in row.iter_mut().zip(&of_columns) {
                *score = ((above(*score, *of_row) + above(*score, *of_column)) / 2.0) as f32;
            }
        }
        self
    }

    /// Share of rows whose best column is the right one; where several are equally good, one of them is taken blindly.
    pub fn top1(&self, truth: &[usize]) -> f64 {
        let shares = self.rows().zip(truth).map(|(row, right)| {
            let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let ties = row.iter().filter(|score| **score == best).count();
            if row.get(*right) == Some(&best) { 1.0 / ties as f64 } else { 0.0 }
        });
        shares.sum::<f64>() / truth.len().max(1) as f64
    }

    /// The best assignment of rows to columns, among the best candidates of each: as many pairs as can be.
    pub fn assignment(&self) -> Vec<(usize, usize)> {
        self.assignment_from(f32::NEG_INFINITY)
    }

    /// The same among pairs with that score at least: who has no such candidate takes nobody else's.
    pub fn assignment_from(&self, threshold: f32) -> Vec<(usize, usize)> {
        let rows = self.rows().len();
        let mut edges: Vec<(usize, usize)> = Vec::new();
        let best_of = |scores: &mut Vec<(f32, usize)>| {
            let kept = CANDIDATES.min(scores.len());
            if kept < scores.len() {
                scores.select_nth_unstable_by(kept, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            }
            scores.truncate(kept);
        };
        let mut candidates = Vec::new();
        for (row, scores) in self.rows().enumerate() {
            candidates.clear();
            candidates.extend(scores.iter().copied().zip(0..));
            best_of(&mut candidates);
            edges.extend(candidates.iter().map(|(_, column)| (row, *column)));
        }
        for column in 0..self.columns {
            candidates.clear();
            candidates.extend(self.rows().map(|scores| scores[column]).zip(0..));
            best_of(&mut candidates);
            edges.extend(candidates.iter().map(|(_, row)| (*row, column)));
        }
        edges.sort_unstable();
        edges.dedup();
        let weighted: Vec<Edge> = edges
            .into_iter()
            .filter(|(row, column)| self.values[row * self.columns + column] >= threshold)
            .map(|(row, column)| (row, rows + column, f64::from(self.values[row * self.columns + column])))
            .collect();
        assign(rows + self.columns, &weighted).into_iter().map(|(row, column)| (row, column - rows)).collect()
    }

    /// Share of rows that their assignment is right for.
    pub fn assigned(&self, truth: &[usize]) -> f64 {
        let right =
            self.assignment().into_iter().filter(|(row, column)| truth.get(*row) == Some(column)).count();
        right as f64 / truth.len().max(1) as f64
    }

    /// The score of a pair.
    pub fn get(&self, row: usize, column: usize) -> Option<f32> {
        self.values.get(row * self.columns + column).copied()
    }
}

fn mean_and_deviation<'s>(scores: impl Iterator<Item = &'s f32>) -> (f64, f64) {
    let (mut count, mut sum, mut square) = (0.0, 0.0, 0.0);
    for score in scores.map(|score| f64::from(*score)).filter(|score| score.is_finite()) {
        count += 1.0;
        sum += score;
        square += score * score;
    }
    let mean = sum / f64::max(count, 1.0);
    (mean, (square / f64::max(count, 1.0) - mean * mean).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_by_chance() {
        let scores = Scores::new(2, vec![1.0, 1.0, 0.0, 2.0]);
        assert_eq!(scores.top1(&[0, 1]), 0.75);
        assert_eq!(scores.top1(&[0, 0]), 0.25);
    }

    #[test]
    fn who_is_like_many_needs_more() {
        // The first row is like or unlike everybody, the others like nobody but one.
        let rows = [
            [0.7, -0.6, 0.6, -0.65],
            [0.0, 0.02, 0.01, 0.0],
            [0.0, -0.02, 0.01, 0.5],
            [0.01, 0.0, -0.02, 0.0],
        ];
        let scores = Scores::new(4, rows.concat()).normalised();
        assert!(scores.get(2, 3) > scores.get(0, 0), "{scores:?}");
        assert!(Scores::new(2, vec![0.3; 4]).normalised().rows().flatten().all(|score| *score == 0.0));
    }

    #[test]
    fn an_assignment_gives_each_column_once() {
        let scores = Scores::new(2, vec![0.9, 0.8, 0.8, 0.1]);
        assert_eq!(scores.assignment(), [(0, 1), (1, 0)]);
        assert_eq!(scores.assigned(&[1, 0]), 1.0);
        assert_eq!(scores.assignment_from(0.85), [(0, 0)]);
    }
}
