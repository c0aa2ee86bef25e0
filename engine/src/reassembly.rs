//! Which bytes of a TCP flow to look at: the start of each side's stream, put together where it comes in pieces.

use crate::context::pool::Pool;
use crate::five_tuple::FiveTuple;
use crate::flow::{FlowState, HEAD_BYTES, Side};
use crate::packet::{Packet, TcpFields};

/// What a segment adds.
#[derive(Clone, Copy)]
pub(crate) enum StreamBytes<'a> {
    /// The stream from its start, as far as it is known, longer than before.
    Start(&'a [u8]),
    /// The same, but only the flow's own head is left of it.
    Head,
    /// The start is behind us: only this segment.
    Segment,
    /// The bytes kept of the start went to make room for another flow: only this segment.
    Lost,
    /// Nothing new, or bytes ahead of a gap; they wait.
    Nothing,
}

/// Takes in a segment with payload.
pub(crate) fn add<'a>(
    flow: &mut FlowState,
    pool: &'a mut Pool,
    side: Side,
    packet: &Packet<'a>,
) -> StreamBytes<'a> {
    let syn = packet.tcp.flags & TcpFields::SYN != 0;
    let sequence = packet.tcp.sequence.wrapping_add(u32::from(syn));
    if flow.is_done(side) {
        if !is_better_start(flow, side, sequence) || flow.verdict.is_match() {
            return StreamBytes::Segment;
        }
        flow.restart(side, sequence);
    }
    if !flow.head(side).is_empty() {
        return add_to_head(flow, pool, side, sequence, packet);
    }
    if let Some(number) = flow.slot(side) {
        let key = packet.five_tuple.key();
        let place = pool.get(number, &key, side).and_then(|slot| behind(slot.base, sequence, packet.payload));
        let number = match place {
            Some((offset, bytes)) => pool.grow(number, offset + bytes.len()),
            None => number,
        };
        let Some(slot) = pool.get(number, &key, side) else {
            flow.unpark(side, sequence);
            flow.set_done(side);
            return StreamBytes::Lost;
        };
        flow.park(side, number);
        let known = slot.contiguous().len();
        let Some((offset, bytes)) = place else { return StreamBytes::Nothing };
        slot.insert(offset, bytes);
        return if slot.contiguous().len() > known {
            StreamBytes::Start(slot.contiguous())
        } else {
            StreamBytes::Nothing
        };
    }
    if !flow.is_started(side) {
        flow.start(side, sequence);
    }
    let Some((offset, bytes)) = behind(flow.sequence[side], sequence, packet.payload) else {
        return StreamBytes::Nothing;
    };
    if offset > 0 {
        let base = flow.sequence[side];
        park(flow, pool, &packet.five_tuple, side, base, offset, bytes);
        return StreamBytes::Nothing;
    }
    StreamBytes::Start(bytes)
}

/// Takes in a segment of a side whose start waits in the flow's head: it goes on there as far as it fits, else both go to a slot.
fn add_to_head<'a>(
    flow: &mut FlowState,
    pool: &'a mut Pool,
    side: Side,
    sequence: u32,
    packet: &Packet<'a>,
) -> StreamBytes<'a> {
    let base = flow.sequence[side];
    let Some((offset, bytes)) = behind(base, sequence, packet.payload) else { return StreamBytes::Nothing };
    let head = flow.head_copy(side);
    let (known, end) = (flow.head(side).len(), offset + bytes.len());
    let fits = offset <= known && end <= HEAD_BYTES;
    if !fits && let Some((number, slot)) = pool.take(packet.five_tuple.key(), side, base, end) {
        slot.insert(0, &head[..known]);
        slot.insert(offset, bytes);
        flow.empty_head(side);
        flow.park(side, number);
        return match slot.contiguous() {
            start if start.len() > known => StreamBytes::Start(start),
            _ => StreamBytes::Nothing,
        };
    }
    flow.fill_head(side, offset, bytes);
    if flow.head(side).len() > known { StreamBytes::Head } else { StreamBytes::Nothing }
}

/// What was looked at did not suffice: keeps it until more comes. `bytes` is what the packet itself gave of the start.
/// Returns whether more may come.
pub(crate) fn keep(
    flow: &mut FlowState,
    pool: &mut Pool,
    tuple: &FiveTuple,
    side: Side,
    bytes: &[u8],
) -> bool {
    if !flow.waits(side) {
        let base = flow.sequence[side];
        hold(flow, pool, tuple, side, base, bytes);
    }
    if !flow.head(side).is_empty() {
        // What outgrows the head goes on in a slot.
        return !flow.is_head_full(side) || !pool.is_empty();
    }
    // What fills a small slot to the brim goes on in a large one.
    flow.slot(side).is_some_and(|number| {
        let may_grow = pool.may_grow(number);
        pool.get(number, &tuple.key(), side).is_some_and(|slot| may_grow || !slot.is_full())
    })
}

/// The start of the side's stream needs no further look: gives its slot back. From here on the side's sequence number is that of
/// its start.
pub(crate) fn finish(flow: &mut FlowState, pool: &mut Pool, tuple: &FiveTuple, side: Side) {
    if !flow.head(side).is_empty() {
        let base = flow.sequence[side];
        flow.empty_head(side);
        flow.unpark(side, base);
    } else if let Some(number) = flow.slot(side) {
        if let Some(slot) = pool.get(number, &tuple.key(), side) {
            let base = slot.base;
            flow.unpark(side, base);
            pool.free(number);
        } else {
            flow.unpark(side, 0);
        }
    }
    flow.set_done(side);
}

/// Of the start, `count` bytes are a message that has been read, with `rest` behind it: the next one begins there.
pub(crate) fn advance(
    flow: &mut FlowState,
    pool: &mut Pool,
    tuple: &FiveTuple,
    side: Side,
    count: usize,
    fresh: &[u8],
) {
    let head = flow.head_copy(side);
    let start = match flow.head(side).len() {
        0 => fresh,
        known => &head[..known],
    };
    if flow.head(side).is_empty()
        && let Some(number) = flow.slot(side)
        && let Some(slot) = pool.get(number, &tuple.key(), side)
    {
        slot.consume(count);
        if slot.is_empty() {
            let base = slot.base;
            pool.free(number);
            flow.restart(side, base);
        }
        return;
    }
    let (read, behind) = start.split_at(count.min(start.len()));
    let base = flow.sequence[side].wrapping_add(read.len() as u32);
    flow.restart(side, base);
    if !behind.is_empty() {
        hold(flow, pool, tuple, side, base, behind);
    }
}

/// Keeps the bytes at a start: in the flow's own head if they fit in there, as many a side sends a byte or two and no more.
fn hold(flow: &mut FlowState, pool: &mut Pool, tuple: &FiveTuple, side: Side, base: u32, bytes: &[u8]) {
    if bytes.len() <= HEAD_BYTES || pool.is_empty() {
        flow.fill_head(side, 0, bytes);
        flow.park(side, base);
    } else {
        park(flow, pool, tuple, side, base, 0, bytes);
    }
}

/// Keeps `bytes`, which lie `offset` bytes behind `base`, as far as there is room.
fn park(
    flow: &mut FlowState,
    pool: &mut Pool,
    tuple: &FiveTuple,
    side: Side,
    base: u32,
    offset: usize,
    bytes: &[u8],
) {
    if let Some((number, slot)) = pool.take(tuple.key(), side, base, offset + bytes.len()) {
        slot.insert(offset, bytes);
        flow.park(side, number);
    }
}

/// Whether a segment stands before what was taken for the start of its side, for want of a SYN.
#[inline]
pub(crate) fn is_better_start(flow: &FlowState, side: Side, sequence: u32) -> bool {
    !flow.has_syn(side) && before(sequence, flow.sequence[side])
}

fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// The offset of a segment from `base`, and its bytes from `base` on; `None` where all of it lies before.
fn behind(base: u32, sequence: u32, payload: &[u8]) -> Option<(usize, &[u8])> {
    let distance = sequence.wrapping_sub(base) as i32;
    match usize::try_from(distance) {
        Ok(offset) => Some((offset, payload)),
        Err(_) => payload
            .get(distance.unsigned_abs() as usize..)
            .filter(|rest| !rest.is_empty())
            .map(|rest| (0, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::five_tuple::{Address, Transport};
    use crate::packet::Fragment;
    use alloc::vec::Vec;

    /// The start stands at this sequence number.
    const BASE: u32 = u32::MAX - 1;

    fn segment(port: u16, offset: u32, payload: &[u8]) -> Packet<'_> {
        let (src, dst) = (Address::v4([10, 0, 0, 1]), Address::v4([10, 0, 0, 2]));
        Packet {
            five_tuple: FiveTuple { src, dst, src_port: port, dst_port: 443, transport: Transport::Tcp },
            tcp: TcpFields { sequence: BASE.wrapping_add(offset), flags: TcpFields::ACK },
            time_us: 0,
            payload,
            fragment: Fragment::Whole,
        }
    }

    /// What a segment makes known of the start, which is then kept for more; `None` if nothing.
    fn take_in(flow: &mut FlowState, pool: &mut Pool, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let start = match add(flow, pool, 0, packet) {
            StreamBytes::Start(start) => start.to_vec(),
            StreamBytes::Head => flow.head(0).to_vec(),
            StreamBytes::Segment | StreamBytes::Lost => panic!("the start is behind us"),
            StreamBytes::Nothing => return None,
        };
        let fresh = &packet.payload[packet.payload.len() - start.len().min(packet.payload.len())..];
        assert!(keep(flow, pool, &packet.five_tuple, 0, fresh) && flow.waits(0));
        Some(start)
    }

    #[test]
    fn what_fits_in_the_flow_itself_takes_no_slot() {
        let mut pool = Pool::new(1, 64);
        let [mut short, mut long] = [FlowState::default(); 2];
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 0, b"ab")).unwrap(), b"ab");
        assert_eq!(take_in(&mut long, &mut pool, &segment(2, 0, &[b'x'; 17])).unwrap(), [b'x'; 17]);
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 2, b"cd")).unwrap(), b"abcd");
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 0, b"AB")), None, "nothing new");
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 3, &[b'e'; 13])).unwrap()[..5], *b"ABcee");
        assert!(short.is_head_full(0) && pool.lost == 0);
        // What is longer does take one, also where it comes ahead of a gap.
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 18, b"g")), None);
        assert_eq!((short.head(0).len(), pool.lost), (0, 1));
        assert_eq!(take_in(&mut short, &mut pool, &segment(1, 16, b"ff")).unwrap()[14..], *b"eeffg");
        finish(&mut short, &mut pool, &segment(1, 0, b"").five_tuple, 0);
        assert!(short.is_done(0) && !short.waits(0) && short.sequence[0] == BASE);
        assert!(matches!(add(&mut long, &mut pool, 0, &segment(2, 17, b"x")), StreamBytes::Lost));
    }

    #[test]
    fn without_slots_a_flow_keeps_what_it_can() {
        let (mut pool, mut flow) = (Pool::new(0, 64), FlowState::default());
        assert_eq!(take_in(&mut flow, &mut pool, &segment(1, 0, b"ab")).unwrap(), b"ab");
        assert_eq!(take_in(&mut flow, &mut pool, &segment(1, 3, &[b'x'; 20])), None, "ahead of a gap");
        let packet = segment(1, 2, &[b'c'; 20]);
        assert!(matches!(add(&mut flow, &mut pool, 0, &packet), StreamBytes::Head));
        assert_eq!(flow.head(0), b"abcccccccccccccc");
        assert!(!keep(&mut flow, &mut pool, &packet.five_tuple, 0, packet.payload), "full");
        finish(&mut flow, &mut pool, &packet.five_tuple, 0);
        assert!(flow.is_done(0) && flow.head(0).is_empty() && flow.sequence[0] == BASE);
    }

    #[test]
    fn behind_a_message_the_next_one_begins() {
        let (mut pool, mut flow) = (Pool::new(1, 64), FlowState::default());
        let packet = segment(1, 0, b"abcdef");
        take_in(&mut flow, &mut pool, &packet).unwrap();
        advance(&mut flow, &mut pool, &packet.five_tuple, 0, 4, b"");
        assert!(flow.head(0) == b"ef" && flow.waits(0));
        assert_eq!(take_in(&mut flow, &mut pool, &segment(1, 6, b"g")).unwrap(), b"efg");
        advance(&mut flow, &mut pool, &packet.five_tuple, 0, 9, b"");
        assert!(!flow.waits(0) && flow.sequence[0] == BASE.wrapping_add(7));
        assert_eq!(take_in(&mut flow, &mut pool, &segment(1, 7, &[b'h'; 30])).unwrap().len(), 30);
    }
}
