//! Flows whose first bytes agree, for drafts: one group is taken for one protocol.

use std::collections::BTreeMap;

use crate::messages::Messages;
use crate::moving::{moves, moving};
use crate::observed::{DraftFlow, Origin};

/// Bytes looked at.
const HEAD: usize = 16;
/// Least information in bits that flows share: over TCP, where one packet decides, and over UDP, where every packet has to fit.
const LEAST_BITS: [f64; 2] = [16.0, 8.0];
/// Bits from which a group of datagrams can do without its lengths and without bytes that move: with fewer, one flow in some
/// thousand of another protocol has the same bytes by chance.
const SURE_BITS: f64 = 16.0;
/// Most values of a byte that are written one by one.
const FEW: u32 = 4;
/// Bytes in which flows have to part the same way to be of two protocols: one alone may be a version.
const PARTING: usize = 2;
/// Flows from which a byte's one or two values count as the protocol's: whoever has another there is of another.
const FLOWS_SURE: usize = 3;

/// The values a byte takes.
pub(crate) type Values = [u64; 4];

/// Flows taken for one protocol's.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Over UDP, else TCP.
    pub is_udp: bool,
    /// For each byte of the head which values it takes.
    pub head: Vec<Values>,
    /// Places of the flows in the list.
    pub flows: Vec<usize>,
    /// Where the bytes of one datagram say little: bytes, two at most, that are others later in a direction than in its first.
    pub moving: Vec<usize>,
}

pub(crate) fn has(set: &Values, byte: u8) -> bool {
    set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
}

pub(crate) fn size(set: &Values) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}

pub(crate) fn highest(set: &Values) -> u8 {
    (0..=255).rev().find(|&byte| has(set, byte)).unwrap_or(0)
}

/// What a draft asks of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// One of a few values.
    Few,
    /// At most so much.
    UpTo(u8),
}

impl Asked {
    pub(crate) fn of(set: &Values) -> Self {
        match size(set) {
            1..=FEW => Self::Few,
            _ if highest(set) < 0x40 && has(set, 0) => {
                Self::UpTo((u32::from(highest(set)) + 1).next_power_of_two() as u8 - 1)
            }
            _ => Self::Nothing,
        }
    }

    fn fits(self, set: &Values, byte: u8) -> bool {
        match self {
            Self::Nothing => true,
            Self::Few => has(set, byte),
            Self::UpTo(most) => byte <= most,
        }
    }
}

/// What a condition on one byte tells, in bits; a zero is common in any protocol and tells less.
fn bits(set: &Values) -> f64 {
    match Asked::of(set) {
        Asked::Nothing => 0.0,
        Asked::UpTo(_) => 1.0,
        Asked::Few if size(set) == 1 && has(set, 0) => 3.0,
        Asked::Few => 8.0 - f64::from(size(set)).log2(),
    }
}

/// What all conditions tell, in bits.
pub(crate) fn worth(head: &[Values]) -> f64 {
    head.iter().map(bits).sum()
}

fn united(one: &Values, other: &Values) -> Values {
    std::array::from_fn(|word| one[word] | other[word])
}

fn common(one: &Values, other: &Values) -> Values {
    std::array::from_fn(|word| one[word] & other[word])
}

fn head(messages: &Messages, of: &[usize]) -> Vec<Values> {
    let length = of.iter().map(|&at| messages.get(at).len()).min().unwrap_or(0).min(HEAD);
    let mut head = vec![[0u64; 4]; length];
    for &at in of {
        for (set, &byte) in head.iter_mut().zip(messages.get(at)) {
            set[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
    }
    head
}

/// What a flow shares with a group of so many flows, in bits; none where it is of another protocol.
fn shared(group: &[Values], flows: usize, flow: &[Values]) -> Option<f64> {
    let (mut shared, mut against) = (0.0, 0.0);
    for (ours, own) in group.iter().zip(flow) {
        let both = common(ours, own);
        let is_narrow = size(ours) <= FEW && size(own) <= FEW;
        match size(&both) {
            0 if size(ours) <= 2 && flows >= FLOWS_SURE => return None,
            0 if is_narrow => against += 8.0,
            1 if has(&both, 0) => shared += bits(&united(ours, own)).min(3.0),
            0 => {}
            _ => shared += bits(&united(ours, own)),
        }
    }
    (shared >= against).then_some(shared)
}

/// A group in the parts that several bytes agree on: each flow has one value there throughout, and each value comes in some
/// flows. What differs from flow to flow, as ids do, parts nothing.
fn parted(group: Group, messages: &Messages, flows: &[DraftFlow]) -> Vec<Group> {
    let heads: Vec<Vec<Values>> = group.flows.iter().map(|&at| head(messages, &flows[at].messages)).collect();
    let mut partings: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for at in 0..group.head.len() {
        let value = |head: &Vec<Values>| head.get(at).filter(|set| size(set) == 1).map(highest);
        let Some(values) = heads.iter().map(value).collect::<Option<Vec<u8>>>() else { continue };
        let mut few = values.clone();
        few.sort_unstable();
        let is_common = few.chunk_by(|one, other| one == other).all(|same| same.len() >= FLOWS_SURE);
        few.dedup();
        if is_common && (2..=FEW as usize).contains(&few.len()) {
            // By the first flow that has the same value, so that the same parts are the same list.
            let first = |value: &u8| values.iter().position(|other| other == value).unwrap_or(0);
            *partings.entry(values.iter().map(first).collect()).or_default() += 1;
        }
    }
    // A byte that tells the parts further apart agrees, too.
    let agreeing = |coarse: &Vec<usize>| -> usize {
        let agrees = |fine: &Vec<usize>| fine.iter().zip(coarse).all(|(&first, part)| coarse[first] == *part);
        partings.iter().filter(|(fine, _)| agrees(fine)).map(|(_, bytes)| bytes).sum()
    };
    let agreed = partings.keys().map(|part_of| (agreeing(part_of), part_of));
    let Some((_, part_of)) = agreed.filter(|(bytes, _)| *bytes >= PARTING).max() else { return vec![group] };
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&part, &flow) in part_of.iter().zip(&group.flows) {
        parts.entry(part).or_default().push(flow);
    }
    let part = |of: Vec<usize>| {
        let all: Vec<usize> = of.iter().flat_map(|&at| flows[at].messages.iter().copied()).collect();
        let group = Group { is_udp: group.is_udp, head: head(messages, &all), flows: of, moving: Vec::new() };
        parted(group, messages, flows)
    };
    parts.into_values().flat_map(part).collect()
}

/// Groups of at least two flows (or the one flow there is), of which little enough is left open to tell them from others.
/// What a group asks for no other group's flows fulfil.
pub(crate) fn groups(messages: &Messages, origins: &[Origin], flows: &[DraftFlow]) -> Vec<Group> {
    let mut order: Vec<usize> = (0..flows.len()).filter(|&at| !flows[at].messages.is_empty()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(flows[at].messages.len()));
    let mut groups: Vec<Group> = Vec::new();
    for at in order {
        let flow = &flows[at];
        let own = head(messages, &flow.messages);
        let least = LEAST_BITS[usize::from(flow.is_udp)];
        let best = groups
            .iter_mut()
            .filter(|group| group.is_udp == flow.is_udp)
            .filter_map(|group| Some((shared(&group.head, group.flows.len(), &own)?, group)))
            .filter(|(shared, _)| *shared >= least)
            .max_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, group)) = best {
            group.head = group.head.iter().zip(&own).map(|(ours, own)| united(ours, own)).collect();
            group.flows.push(at);
        } else {
            groups.push(Group { is_udp: flow.is_udp, head: own, flows: vec![at], moving: Vec::new() });
        }
    }
    let mut groups: Vec<Group> =
        groups.into_iter().flat_map(|group| parted(group, messages, flows)).collect();
    // One flow says nothing of the next, unless it is all there is.
    groups.retain(|group| group.flows.len() > 1 || flows.len() == 1);
    groups.retain(|group| worth(&group.head) >= LEAST_BITS[usize::from(group.is_udp)]);
    for group in groups.iter_mut().filter(|group| group.is_weak()) {
        let of = group.flows.iter().flat_map(|&at| flows[at].messages.iter().copied());
        let is_free = |at: usize| group.head.get(at).is_some_and(|set| Asked::of(set) == Asked::Nothing);
        group.moving = moving(messages, &of.collect::<Vec<_>>(), origins, is_free);
    }
    let is_own = |group: &Group| {
        let of_others =
            |other: &Group| other.flows.iter().any(|&at| group.takes(messages, origins, &flows[at]));
        let others = groups.iter().filter(|other| other.is_udp == group.is_udp && other.flows != group.flows);
        !others.clone().any(of_others)
    };
    let kept: Vec<bool> = groups.iter().map(is_own).collect();
    let mut kept = kept.into_iter();
    groups.retain(|_| kept.next() == Some(true));
    groups
}

impl Group {
    /// Whether the bytes of one datagram say little.
    pub(crate) fn is_weak(&self) -> bool {
        self.is_udp && worth(&self.head) < SURE_BITS
    }

    /// Whether a flow has what the group asks for: over TCP in a message, over UDP in every one.
    fn takes(&self, messages: &Messages, origins: &[Origin], flow: &DraftFlow) -> bool {
        let asked: Vec<Asked> = self.head.iter().map(Asked::of).collect();
        let length = asked.iter().rposition(|asked| *asked != Asked::Nothing).map_or(0, |last| last + 1);
        let fits = |at: &usize| {
            let message = messages.get(*at);
            let bytes = message.iter().zip(&asked).zip(&self.head);
            message.len() >= length && bytes.into_iter().all(|((byte, asked), set)| asked.fits(set, *byte))
        };
        if self.is_udp {
            flow.messages.iter().all(fits)
                && (self.moving.is_empty() || moves(messages, &flow.messages, origins, &self.moving))
        } else {
            flow.messages.iter().any(fits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two protocols of mostly zeros that differ in two bytes, their flows in turns; each flow has an id of its own.
    #[test]
    fn two_protocols_of_the_same_zeros_are_two_groups() {
        let (mut messages, mut flows) = (Messages::new(), Vec::new());
        for flow in 0..8u8 {
            let (first, second) = if flow % 2 == 0 { (0x10, 0x01) } else { (0x00, 0xc8) };
            let own = (0..5u8).map(|number| {
                let mut message = [0; 14];
                (message[5], message[7], message[12], message[13]) = (first, second, 0x40 + flow, number);
                messages.push(&message);
                messages.len() - 1
            });
            flows.push(DraftFlow { is_udp: false, port: 8080, messages: own.collect() });
        }
        let parts: Vec<Vec<usize>> =
            groups(&messages, &[], &flows).into_iter().map(|group| group.flows).collect();
        assert_eq!(parts, [vec![0, 2, 4, 6], vec![1, 3, 5, 7]]);
    }

    /// Three protocols that no two bytes tell apart the same way: one byte tells one from the others, another all three.
    #[test]
    fn a_byte_that_parts_further_agrees_with_one_that_parts_less() {
        let (mut messages, mut flows) = (Messages::new(), Vec::new());
        for flow in 0..12u8 {
            let [first, second, third] =
                [[0x10, 0x01, 0], [0, 0xc8, 0x14], [0, 0x15, 0x10]][usize::from(flow % 3)];
            let own = (0..5u8).map(|number| {
                let mut message = [0; 14];
                (message[5], message[7], message[12], message[13]) = (first, second, 0x40 + flow, number);
                message[3] = if third == 0 { number } else { third };
                messages.push(&message);
                messages.len() - 1
            });
            flows.push(DraftFlow { is_udp: false, port: 8080, messages: own.collect() });
        }
        let parts: Vec<Vec<usize>> =
            groups(&messages, &[], &flows).into_iter().map(|group| group.flows).collect();
        assert_eq!(parts, [vec![0, 3, 6, 9], vec![1, 4, 7, 10], vec![2, 5, 8, 11]]);
    }
}
