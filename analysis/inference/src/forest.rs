//! Boosted trees that turn a row of numbers into a probability.

/// Trees as one text: a line a tree; nodes `feature threshold left right` or leaves `= value`, separated by `;`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forest {
    base: f32,
    nodes: Vec<Node>,
    roots: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Feature, or `u16::MAX` for a leaf.
    feature: u16,
    /// Threshold, or the leaf's value.
    value: f32,
    left: u32,
    right: u32,
}

impl Forest {
    /// Reads what the trainer wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut forest = Self { base: lines.next()?.trim().parse().ok()?, ..Self::default() };
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let root = forest.nodes.len() as u32;
            forest.roots.push(root);
            for node in line.split(';') {
                let mut words = node.split_ascii_whitespace();
                let first = words.next()?;
                let mut next = || words.next()?.parse::<f32>().ok();
                forest.nodes.push(if first == "=" {
                    Node { feature: u16::MAX, value: next()?, left: 0, right: 0 }
                } else {
                    Node {
                        feature: first.parse().ok()?,
                        value: next()?,
                        left: root + next()? as u32,
                        right: root + next()? as u32,
                    }
                });
            }
        }
        Some(forest)
    }

    /// Probability of a boundary.
    pub(crate) fn probability(&self, row: &[f32]) -> f32 {
        let mut sum = self.base;
        for &root in &self.roots {
            let mut node = self.nodes[root as usize];
            while node.feature != u16::MAX {
                let goes_left = row[usize::from(node.feature)] <= node.value;
                node = self.nodes[if goes_left { node.left } else { node.right } as usize];
            }
            sum += node.value;
        }
        1.0 / (1.0 + (-sum).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_walked_to_its_leaf() {
        let forest = Forest::read("# made by hand\n0.5\n1 2.5 1 2;= -1;= 3\n").unwrap();
        let at = |x: f32| forest.probability(&[0.0, x]);
        assert!((at(2.5) - 1.0 / (1.0 + 0.5f32.exp())).abs() < 1e-6);
        assert!((at(2.6) - 1.0 / (1.0 + (-3.5f32).exp())).abs() < 1e-6);
    }
}
