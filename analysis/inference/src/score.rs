//! How good found boundaries are: the measures of the format-inference literature.
//!
//! Offsets 1 to length - 1 of a message are its gaps; a field begins at some of them. Counts are pooled over messages.

use crate::Messages;

/// Counts of one set of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Boundaries found that are true.
    pub right: u64,
    /// Boundaries found.
    pub found: u64,
    /// True boundaries.
    pub truth: u64,
    /// Gaps.
    pub gaps: u64,
    /// True fields.
    pub fields: u64,
    /// True fields with both ends found and nothing found between.
    pub perfect: u64,
    /// Messages.
    pub messages: u64,
    /// Sum of the messages' own F1.
    pub own_f1: f64,
}

impl Score {
    /// Precision: of the found boundaries, the share that is true.
    pub fn precision(&self) -> f64 {
        match (self.found, self.truth) {
            (0, 0) => 1.0,
            (0, _) => 0.0,
            _ => self.right as f64 / self.found as f64,
        }
    }

    /// Recall: of the true boundaries, the share that was found.
    pub fn recall(&self) -> f64 {
        match (self.found, self.truth) {
            (0, 0) => 1.0,
            (_, 0) => 0.0,
            _ => self.right as f64 / self.truth as f64,
        }
    }

    /// Harmonic mean of precision and recall; 1 where there was no boundary to find and none was found.
    pub fn f1(&self) -> f64 {
        match self.found + self.truth {
            0 => 1.0,
            both => 2.0 * self.right as f64 / both as f64,
        }
    }

    /// Wrong boundaries by gaps that are no true boundary.
    pub fn false_positive_rate(&self) -> f64 {
        (self.found - self.right) as f64 / (self.gaps - self.truth).max(1) as f64
    }

    /// Share of true fields found as they are.
    pub fn perfection(&self) -> f64 {
        if self.fields == 0 { 1.0 } else { self.perfect as f64 / self.fields as f64 }
    }

    /// Mean of the messages' own F1: long messages weigh no more than short ones.
    pub fn mean_own_f1(&self) -> f64 {
        self.own_f1 / self.messages.max(1) as f64
    }

    /// Counts one message: its length, found and true boundaries, ascending; only gaps below `limit` and fields that end
    /// at or before it (or at the message's end) count.
    pub fn add(&mut self, length: usize, found: &[u32], truth: &[u32], limit: usize) {
        let inside = |all: &[u32]| -> Vec<usize> {
            all.iter().map(|&at| at as usize).filter(|&at| at > 0 && at < length.min(limit)).collect()
        };
        let (found_all, truth_all) = (found, truth);
        let (found, truth) = (inside(found), inside(truth));
        let right = found.iter().filter(|at| truth.binary_search(at).is_ok()).count();
        self.right += right as u64;
        self.found += found.len() as u64;
        self.truth += truth.len() as u64;
        self.gaps += length.min(limit).saturating_sub(1) as u64;
        self.messages += 1;
        let both = found.len() + truth.len();
        self.own_f1 += if both == 0 { 1.0 } else { 2.0 * right as f64 / both as f64 };
        let edges: Vec<usize> = std::iter::once(0)
            .chain(truth_all.iter().map(|&at| at as usize).filter(|&at| at > 0 && at < length))
            .chain(std::iter::once(length))
            .collect();
        let is_found = |at: usize| at == 0 || at == length || found_all.binary_search(&(at as u32)).is_ok();
        for edge in edges.windows(2) {
            let (start, end) = (edge[0], edge[1]);
            if end > limit {
                continue;
            }
            self.fields += 1;
            let between = found_all.iter().any(|&at| (at as usize) > start && (at as usize) < end);
            self.perfect += u64::from(is_found(start) && is_found(end) && !between);
        }
    }

    /// Scores a set: boundaries found and true, one list a message; gaps below `limit`.
    pub fn of(messages: &Messages, found: &[Vec<u32>], truth: &[Vec<u32>], limit: usize) -> Self {
        let mut score = Self::default();
        for ((message, found), truth) in messages.iter().zip(found).zip(truth) {
            score.add(message.len(), found, truth, limit);
        }
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_definitions() {
        let mut score = Score::default();
        score.add(10, &[2, 5], &[2, 4], usize::MAX);
        assert_eq!((score.right, score.found, score.truth, score.gaps), (1, 2, 2, 9));
        assert_eq!((score.fields, score.perfect), (3, 1));
        assert_eq!(score.f1(), 0.5);
        assert!((score.false_positive_rate() - 1.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_find_and_nothing_found_is_perfect() {
        let mut score = Score::default();
        score.add(8, &[], &[], usize::MAX);
        assert_eq!((score.f1(), score.precision(), score.recall(), score.perfection()), (1.0, 1.0, 1.0, 1.0));
    }

    #[test]
    fn the_first_bytes_count_alone() {
        let mut score = Score::default();
        score.add(40, &[4, 8, 30], &[4, 16, 30], 16);
        assert_eq!((score.right, score.found, score.truth, score.gaps), (1, 2, 1, 15));
        // 0..4 is found whole, 4..16 is split, and what ends behind 16 does not count.
        assert_eq!((score.fields, score.perfect), (2, 1));
    }
}
