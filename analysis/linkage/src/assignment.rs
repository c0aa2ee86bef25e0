//! The best pairs of all: a matching of greatest total weight (Edmonds' blossom algorithm, by rustworkx).

use std::convert::Infallible;

use rustworkx_core::max_weight_matching::max_weight_matching;
use rustworkx_core::petgraph::graph::UnGraph;

/// A weight is counted in this many parts of one.
const PARTS: f64 = 1e6;

/// Two channels, by their places, and how much speaks for them as one call: the logarithm of a likelihood, a correlation, ...
pub type Edge = (usize, usize, f64);

/// Of `channels` channels that may be matched along `edges`, each once, the pairs with the greatest sum of weights: as many
/// pairs as can be, so that weights may be below zero. The pairs come in order.
///
/// Cost: each connected part of the graph for itself, `n * m * log n` for `n` channels and `m` edges of a part.
pub fn assign(channels: usize, edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for part in parts(channels, edges) {
        if let [(a, b, _)] = part.as_slice() {
            pairs.push((*a.min(b), *a.max(b)));
            continue;
        }
        let mut places: Vec<usize> = part.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
        places.sort_unstable();
        places.dedup();
        let place = |channel: usize| places.binary_search(&channel).unwrap_or_default();
        let edges = part.iter().map(|(a, b, weight)| (place(*a) as u32, place(*b) as u32, *weight));
        let graph = UnGraph::<(), f64>::from_edges(edges);
        let weight = |weight: &f64| Ok::<i128, Infallible>((weight * PARTS).round() as i128);
        let Ok(matched) = max_weight_matching(&graph, true, |edge| weight(edge.weight()), false);
        pairs.extend(matched.into_iter().map(|(a, b)| {
            let (a, b) = (places[a], places[b]);
            (a.min(b), a.max(b))
        }));
    }
    pairs.sort_unstable();
    pairs
}

/// The edges of each connected part.
fn parts(channels: usize, edges: &[Edge]) -> Vec<Vec<Edge>> {
    let mut parent: Vec<usize> = (0..channels).collect();
    fn root(parent: &mut [usize], mut of: usize) -> usize {
        while parent[of] != of {
            parent[of] = parent[parent[of]];
            of = parent[of];
        }
        of
    }
    for (a, b, _) in edges {
        let (a, b) = (root(&mut parent, *a), root(&mut parent, *b));
        parent[a] = b;
    }
    let mut of_root: Vec<Vec<Edge>> = vec![Vec::new(); channels];
    for edge in edges {
        let root = root(&mut parent, edge.0);
        of_root[root].push(*edge);
    }
    of_root.retain(|part| !part.is_empty());
    of_root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_is_not_the_best_first() {
        // 1 and 2 are alike most, but then 0 and 3 have nobody.
        let edges = [(0, 1, 0.8), (1, 2, 0.9), (2, 3, 0.8)];
        assert_eq!(assign(4, &edges), [(0, 1), (2, 3)]);
    }

    #[test]
    fn an_odd_circle_leaves_one_over() {
        let edges = [(0, 1, 0.5), (1, 2, 0.9), (2, 0, 0.4), (5, 4, -3.0)];
        assert_eq!(assign(6, &edges), [(1, 2), (4, 5)]);
        assert!(assign(3, &[]).is_empty());
    }
}
