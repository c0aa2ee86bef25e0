//! Bytes that move over a flow: where little else is fixed, they tell a protocol from those that repeat theirs.

use std::collections::BTreeMap;

use crate::messages::Messages;
use crate::observed::Origin;

/// Bytes of a direction's first datagram that later ones can be held against (`moves` of the signature language).
const COMPARED: usize = 12;

/// For each direction of a flow, in the order of its datagrams, a bit for each byte that is not the first datagram's.
type Moved = BTreeMap<u64, [Vec<u16>; 2]>;

fn moved(messages: &Messages, own: &[usize], origins: &[Origin]) -> Moved {
    let mut firsts = BTreeMap::new();
    let mut moved = Moved::new();
    for &at in own {
        let Some(origin) = origins.get(at) else { continue };
        let message = messages.get(at);
        let directions = moved.entry(origin.flow).or_default();
        let first = *firsts.entry((origin.flow, origin.upward)).or_insert(at);
        if first == at {
            continue;
        }
        let differs = |(n, (a, b)): (usize, (&u8, &u8))| u16::from(a != b) << n;
        let pairs = messages.get(first).iter().zip(message).take(COMPARED).enumerate();
        directions[usize::from(origin.upward)].push(pairs.map(differs).sum());
    }
    moved
}

/// Whether of a direction's datagrams one moves the last of these bytes, and it or one behind it the one before, and so on.
fn follows(masks: &[u16], bytes: &[usize]) -> bool {
    let mut left = masks;
    bytes.iter().rev().all(|at| {
        let moved = left.iter().position(|mask| mask >> at & 1 == 1);
        left = &left[moved.unwrap_or(left.len())..];
        moved.is_some()
    })
}

/// Whether in some direction of a flow all of these bytes move. Messages are in the order of time.
pub(crate) fn moves(messages: &Messages, own: &[usize], origins: &[Origin], bytes: &[usize]) -> bool {
    moved(messages, own, origins).values().flatten().any(|masks| follows(masks, bytes))
}

/// Up to two bytes that nothing is asked of and that move in nearly every flow: the first such ones.
pub(crate) fn moving(
    messages: &Messages,
    own: &[usize],
    origins: &[Origin],
    is_free: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let moved = moved(messages, own, origins);
    let mut found = Vec::new();
    for at in (0..COMPARED).filter(|&at| is_free(at)) {
        let bytes = [&found[..], &[at]].concat();
        let follow = |directions: &&[Vec<u16>; 2]| directions.iter().any(|masks| follows(masks, &bytes));
        let fitting = moved.values().filter(follow).count();
        if found.len() < 2 && fitting > 0 && fitting * 50 >= moved.len() * 49 {
            found = bytes;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_move_are_told_from_those_of_a_flow() {
        let (mut messages, mut origins) = (Messages::new(), Vec::new());
        for flow in 0..4u8 {
            for n in 0..6u8 {
                // A class, the flow's number, a counter, what varies, and a copy of the class.
                messages.push(&[0xa3, flow, n, n.wrapping_mul(89).wrapping_add(flow), 0xa3]);
                origins.push(Origin { flow: flow.into(), upward: n % 2 == 0, time_us: 0 });
            }
        }
        let own: Vec<usize> = (0..messages.len()).collect();
        assert_eq!(moving(&messages, &own, &origins, |_| true), [2, 3]);
        assert_eq!(moving(&messages, &own, &origins, |at| at != 2), [3]);
        assert!(moving(&messages, &own, &origins, |at| at < 2).is_empty());
    }
}
