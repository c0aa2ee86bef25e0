//! pcapng blocks (draft-ietf-opsawg-pcapng): which interfaces there are, and where in a block the frame stands.

use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, InterfaceDescriptionBlock, OptionCode, parse_block_be, parse_block_le};

use crate::record::{Record, Time, number};

/// What is known of the current section.
#[derive(Default)]
pub(crate) struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before this one.
    interfaces_before: u32,
}

#[derive(Clone, Copy)]
struct Interface {
    link_type: u32,
    /// Longest frame kept, in bytes; 0 is no limit.
    snap_bytes: u32,
    /// The option if_tsresol: a negative power of 10, or of 2 where bit 7 is set.
    resolution: u8,
    offset_seconds: i64,
}

impl Section {
    /// Total length of the block that begins with `head` (at least 12 bytes). Learns a new section's byte order.
    pub(crate) fn block_length(&mut self, head: &[u8]) -> Result<usize, &'static str> {
        if number(head, false) == pcap_parser::SHB_MAGIC {
            let byte_order = head.get(8..).unwrap_or_default();
            self.big_endian = match number(byte_order, false) {
                0x1a2b_3c4d => false,
                0x4d3c_2b1a => true,
                _ => return Err("section without a byte-order mark"),
            };
        }
        match number(head.get(4..).unwrap_or_default(), self.big_endian) {
            length if length < 12 || length % 4 != 0 => Err("impossible block length"),
            length => Ok(length as usize),
        }
    }

    /// Takes in one whole block: a frame's place in it, or none where the block holds no frame.
    pub(crate) fn read(&mut self, block: &[u8]) -> Result<Option<Record>, &'static str> {
        let parsed = if self.big_endian { parse_block_be(block) } else { parse_block_le(block) };
        match parsed {
            Ok((_, Block::SectionHeader(_))) => {
                self.interfaces_before += self.interfaces.len() as u32;
                self.interfaces.clear();
                Ok(None)
            }
            Ok((_, Block::InterfaceDescription(description))) => {
                self.interfaces.push(Interface::new(&description, self.big_endian)?);
                Ok(None)
            }
            Ok((_, Block::EnhancedPacket(packet))) => {
                let interface = self.interface(packet.if_id)?;
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                Ok(Some(Record {
                    time: Some(Time::from_ns(interface.time_ns(ticks))),
                    link_type: interface.link_type,
                    bytes: 28..28 + packet.packet_data().len(),
                    original_length: packet.origlen,
                    interface: self.interfaces_before + packet.if_id,
                }))
            }
            Ok((_, Block::SimplePacket(packet))) => {
                let interface = self.interface(0)?;
                let snap = if interface.snap_bytes == 0 { usize::MAX } else { interface.snap_bytes as usize };
                Ok(Some(Record {
                    time: None,
                    link_type: interface.link_type,
                    bytes: 12..12 + packet.packet_data().len().min(snap),
                    original_length: packet.origlen,
                    interface: self.interfaces_before,
                }))
            }
            Ok((_, Block::Unknown(unknown))) if number(block, self.big_endian) == 2 => {
                self.obsolete_packet(unknown.data).map(Some)
            }
            Ok(_) => Ok(None),
            // Names, statistics and the like may be damaged without harm to the frames.
            Err(_) if !matches!(number(block, self.big_endian), 1..=3 | 6 | pcap_parser::SHB_MAGIC) => {
                Ok(None)
            }
            Err(_) => Err("fields reach beyond the block"),
        }
    }

    /// The packet block of early pcapng files: interface (2 bytes), drops (2), time (8), captured and original length.
    fn obsolete_packet(&self, body: &[u8]) -> Result<Record, &'static str> {
        let field = |at: usize| number(body.get(at..).unwrap_or_default(), self.big_endian);
        let if_id = if self.big_endian { field(0) >> 16 } else { field(0) & 0xffff };
        let interface = self.interface(if_id)?;
        let captured = field(12) as usize;
        if captured > body.len().saturating_sub(20) {
            return Err("fields reach beyond the block");
        }
        Ok(Record {
            time: Some(Time::from_ns(interface.time_ns(u64::from(field(4)) << 32 | u64::from(field(8))))),
            link_type: interface.link_type,
            bytes: 28..28 + captured,
            original_length: field(16),
            interface: self.interfaces_before + if_id,
        })
    }

    fn interface(&self, number: u32) -> Result<Interface, &'static str> {
        self.interfaces.get(number as usize).copied().ok_or("packet of an interface that was not described")
    }
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Result<Self, &'static str> {
        // pcap-parser 0.17 refuses powers of two and reads the offset little-endian whatever the section says.
        let offset = description
            .options
            .iter()
            .find(|option| option.code == OptionCode::IfTsoffset)
            .and_then(|option| option.value.first_chunk().copied());
        let offset_seconds = match offset {
            Some(bytes) if big_endian => i64::from_be_bytes(bytes),
            Some(bytes) => i64::from_le_bytes(bytes),
            None => 0,
        };
        Ok(Self {
            link_type: description.linktype.0 as u32 & 0xffff,
            snap_bytes: description.snaplen,
            resolution: description.if_tsresol,
            offset_seconds,
        })
    }

    fn time_ns(&self, ticks: u64) -> u64 {
        let ns = nanoseconds(ticks, self.resolution) + i128::from(self.offset_seconds) * 1_000_000_000;
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// A time stamp in nanoseconds, whatever its resolution.
fn nanoseconds(ticks: u64, resolution: u8) -> i128 {
    let exponent = u32::from(resolution & 0x7f);
    let ticks = i128::from(ticks);
    match (resolution & 0x80, exponent) {
        (0, 0..=9) => ticks * 10i128.pow(9 - exponent),
        // Beyond 10^29 a whole time stamp is less than a nanosecond.
        (0, _) => 10i128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor),
        _ => (ticks * 1_000_000_000) >> exponent,
    }
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn every_resolution() {
        for (ticks, resolution, expected) in [
            (17, 0, 17_000_000_000),
            (17_000_001, 6, 17_000_001_000),
            (17, 9, 17),
            (170, 10, 17),
            (17_000_000_000_000_000_000, 18, 17_000_000_000),
            (u64::MAX, 127, 0),
            (17, 0x80, 17_000_000_000),
            (17 << 20, 0x80 | 20, 17_000_000_000),
            (u64::MAX, 0x80 | 127, 0),
        ] {
            assert_eq!(nanoseconds(ticks, resolution), expected, "{ticks} {resolution:#x}");
        }
    }
}
