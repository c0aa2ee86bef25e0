//! Packets that wait until it is known whether their flow is the app's: most flows never are, so that what is kept of them must
//! cost little.

use wiremark::{Packet, TcpFields};

use super::exchange::Side;
use super::flow_context::SidedPacket;

/// What is kept of a flow until it is known to be the app's.
const PACKETS: u8 = 24;
const BYTES: u16 = 8 * 1024;
const BLOCK_BYTES: usize = 512;
/// Blocks are made so many at a time.
const BLOCKS: usize = 128;
/// What stands before a payload: time, sequence number, flags and side, length.
const HEAD_BYTES: usize = 16;

type Block = [u8; BLOCK_BYTES];

/// The packets of all flows, in blocks that go from flow to flow. Blocks are numbered from 1; 0 is none.
#[derive(Debug, Default)]
pub(super) struct Parking {
    blocks: Vec<Box<[Block]>>,
    /// Of each block the next of its flow, or of the free ones: apart, so that none that goes back has to be waited for.
    next: Vec<u32>,
    /// The first of those that are free.
    free: u32,
}

/// What waits of one flow. Payloads lie one behind the other, also over the ends of blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parked {
    /// Packets are counted only.
    is_given_up: bool,
    packets: u8,
    /// Bytes of payload.
    bytes: u16,
    /// Bytes used of the last block.
    used: u16,
    first: u32,
    last: u32,
}

impl Parking {
    /// Keeps a packet, unless there are too many or no more is wanted; then those before it go as well.
    pub(super) fn park(&mut self, parked: &mut Parked, packet: &Packet<'_>, side: Side, is_over: bool) {
        if parked.is_given_up {
            return;
        }
        let bytes = usize::from(parked.bytes) + packet.payload.len();
        match u16::try_from(bytes).ok().filter(|bytes| *bytes <= BYTES) {
            Some(bytes) if !is_over && parked.packets < PACKETS => {
                if packet.payload.is_empty() && packet.tcp.flags & TcpFields::FIN == 0 {
                    return;
                }
                parked.bytes = bytes;
                parked.packets += 1;
                let mut head = [0; HEAD_BYTES];
                let [side, flags] = [side as u8, packet.tcp.flags];
                let length = packet.payload.len() as u16;
                head[..8].copy_from_slice(&packet.time_us.to_ne_bytes());
                head[8..12].copy_from_slice(&packet.tcp.sequence.to_ne_bytes());
                head[12..14].copy_from_slice(&[side, flags]);
                head[14..].copy_from_slice(&length.to_ne_bytes());
                self.append(parked, &head);
                self.append(parked, packet.payload);
            }
            _ => {
                self.forget(parked);
                parked.is_given_up = true;
            }
        }
    }

    /// Shows what waits, in the order in which it came.
    pub(super) fn show(&self, parked: &Parked, mut show: impl FnMut(SidedPacket<'_>)) {
        let mut bytes = Vec::new();
        let mut at = parked.first;
        while let Some(block) = self.block(at) {
            let used = if at == parked.last { usize::from(parked.used) } else { BLOCK_BYTES };
            bytes.extend_from_slice(block.get(..used).unwrap_or_default());
            at = self.next.get(at as usize).copied().unwrap_or_default();
        }
        let mut rest = bytes.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let [t0, t1, t2, t3, t4, t5, t6, t7, s0, s1, s2, s3, side, flags, l0, l1] = *head;
            let length = usize::from(u16::from_ne_bytes([l0, l1])).min(behind.len());
            let (payload, behind) = behind.split_at(length);
            rest = behind;
            show(SidedPacket {
                side: if side == Side::User as u8 { Side::User } else { Side::Server },
                time_us: u64::from_ne_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
                tcp: TcpFields { sequence: u32::from_ne_bytes([s0, s1, s2, s3]), flags },
                payload,
            });
        }
    }

    /// Nothing waits any more.
    pub(super) fn forget(&mut self, parked: &mut Parked) {
        if parked.last != 0
            && let Some(next) = self.next.get_mut(parked.last as usize)
        {
            *next = self.free;
            self.free = parked.first;
        }
        *parked = Parked::default();
    }

    fn append(&mut self, parked: &mut Parked, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if parked.last == 0 || usize::from(parked.used) >= BLOCK_BYTES {
                let new = self.take();
                match self.next.get_mut(parked.last as usize) {
                    Some(next) if parked.last != 0 => *next = new,
                    _ => parked.first = new,
                }
                (parked.last, parked.used) = (new, 0);
            }
            let Some(room) =
                self.block_mut(parked.last).and_then(|block| block.get_mut(parked.used.into()..))
            else {
                return;
            };
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            parked.used += now.len() as u16;
            bytes = later;
        }
    }

    /// A free block, the last of its flow.
    fn take(&mut self) -> u32 {
        if self.free == 0 {
            let made = (self.blocks.len() * BLOCKS) as u32;
            self.blocks.push(vec![[0; BLOCK_BYTES]; BLOCKS].into());
            self.next.resize(made as usize + 1, 0);
            self.next.extend(made + 2..made + 1 + BLOCKS as u32);
            self.next.push(0);
            self.free = made + 1;
        }
        let taken = self.free;
        if let Some(next) = self.next.get_mut(taken as usize) {
            self.free = std::mem::take(next);
        }
        taken
    }

    fn block(&self, number: u32) -> Option<&Block> {
        let at = (number as usize).checked_sub(1)?;
        self.blocks.get(at / BLOCKS)?.get(at % BLOCKS)
    }

    fn block_mut(&mut self, number: u32) -> Option<&mut Block> {
        let at = (number as usize).checked_sub(1)?;
        self.blocks.get_mut(at / BLOCKS)?.get_mut(at % BLOCKS)
    }
}

#[cfg(test)]
mod tests {
    use wiremark::{Address, FiveTuple, Fragment, Transport};

    use super::*;

    fn packet(payload: &[u8], time_us: u64) -> Packet<'_> {
        let end = Address::v4([192, 0, 2, 1]);
        let five_tuple =
            FiveTuple { src: end, dst: end, src_port: 1, dst_port: 2, transport: Transport::Tcp };
        let tcp = TcpFields { sequence: time_us as u32 ^ 0xdead_beef, flags: TcpFields::ACK };
        Packet { five_tuple, tcp, time_us, payload, fragment: Fragment::Whole }
    }

    fn shown(parking: &Parking, parked: &Parked) -> Vec<(Side, u64, TcpFields, Vec<u8>)> {
        let mut all = Vec::new();
        parking.show(parked, |SidedPacket { side, time_us, tcp, payload }| {
            all.push((side, time_us, tcp, payload.to_vec()));
        });
        all
    }

    #[test]
    fn packets_of_many_flows_come_out_as_they_went_in() {
        let mut parking = Parking::default();
        let mut flows = vec![(Parked::default(), Vec::new()); 40];
        for step in 0..600_usize {
            let (parked, kept) = &mut flows[step * 7 % 40];
            let payload: Vec<u8> = (0..step * 37 % 600 + 1).map(|byte| (byte * step) as u8).collect();
            let side = if step % 3 == 0 { Side::User } else { Side::Server };
            let packet = packet(&payload, step as u64);
            parking.park(parked, &packet, side, false);
            kept.push((side, packet.time_us, packet.tcp, payload));
            if step % 11 == 0 {
                parking.forget(parked);
                kept.clear();
            }
        }
        for (parked, kept) in &flows {
            assert_eq!(&shown(&parking, parked), kept);
        }
        let made = parking.blocks.len();
        for (parked, _) in &mut flows {
            parking.forget(parked);
        }
        let mut parked = Parked::default();
        (0..16).for_each(|_| parking.park(&mut parked, &packet(&[7; 500], 1), Side::User, false));
        assert_eq!((shown(&parking, &parked).len(), parking.blocks.len()), (16, made));
    }

    #[test]
    fn no_more_than_some_packets_or_bytes_wait() {
        let mut parking = Parking::default();
        for (payload, most) in [(&[1; 10][..], usize::from(PACKETS)), (&[1; 1024], 8), (&[1; 9000], 0)] {
            let mut parked = Parked::default();
            for _ in 0..most {
                parking.park(&mut parked, &packet(payload, 1), Side::User, false);
            }
            assert_eq!(shown(&parking, &parked).len(), most);
            // An acknowledgement is not kept.
            parking.park(&mut parked, &packet(&[], 1), Side::User, false);
            parking.park(&mut parked, &packet(payload, 1), Side::User, false);
            parking.park(&mut parked, &packet(&[1], 1), Side::User, false);
            assert!(shown(&parking, &parked).is_empty() && parked.is_given_up);
        }
        let mut parked = Parked::default();
        parking.park(&mut parked, &packet(&[1], 1), Side::User, false);
        parking.park(&mut parked, &packet(&[1], 1), Side::User, true);
        assert!(shown(&parking, &parked).is_empty() && parked.is_given_up);
    }
}
