//! Traces as pcap and pcapng files.

use std::io::{self, Read, Write};

use pcap_parser::pcapng::Block;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{PcapBlockOwned, PcapError, create_reader};
use wiremark_capture::blocks::{enhanced_packet, interface, section_header};

use crate::trace::{Frame, Trace};

const LONGEST_FRAME: u32 = 262_144;

impl Trace {
    /// Writes a little-endian pcap file with microseconds; an error where frames have different link types.
    pub fn write_pcap(&self, mut out: impl Write) -> io::Result<()> {
        let network = self.frames.first().map_or(1, |f| f.link);
        if self.frames.iter().any(|f| f.link != network) {
            return Err(io::Error::other("a pcap file holds one link type; write pcapng"));
        }
        // Magic number, version 2.4, no time zone, no accuracy, longest frame, link type.
        let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, LONGEST_FRAME, network.into()];
        out.write_all(&header.map(u32::to_le_bytes).concat())?;
        for frame in &self.frames {
            let (seconds, rest_us) = (frame.time_us / 1_000_000, frame.time_us % 1_000_000);
            let length = frame.bytes.len() as u32;
            let record = [seconds as u32, rest_us as u32, length, length];
            out.write_all(&record.map(u32::to_le_bytes).concat())?;
            out.write_all(&frame.bytes)?;
        }
        Ok(())
    }

    /// Writes a pcapng file with one interface for each link type, in order of first use.
    pub fn write_pcapng(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(&section_header())?;
        let mut links: Vec<u16> = Vec::new();
        for frame in &self.frames {
            if !links.contains(&frame.link) {
                links.push(frame.link);
                out.write_all(&interface(frame.link.into()))?;
            }
        }
        for frame in &self.frames {
            let number = links.iter().position(|l| *l == frame.link).unwrap_or(0) as u32;
            let length = frame.bytes.len() as u32;
            out.write_all(&enhanced_packet(number, frame.time_us * 1000, length, &frame.bytes, None))?;
        }
        Ok(())
    }
}

impl Trace {
    /// Reads a pcap or pcapng file (of the latter one section, and enhanced packet blocks). A file that was cut off
    /// gives the frames before the cut.
    pub fn read(file: impl Read + Send) -> io::Result<Self> {
        let mut reader = create_reader(1 << 20, file).map_err(|e| io::Error::other(e.to_string()))?;
        let mut interfaces: Vec<(u16, u64, u64)> = Vec::new();
        let (mut link, mut ticks_per_us) = (1, 1);
        let mut frames = Vec::new();
        loop {
            let exhausted = reader.reader_exhausted();
            let (size, block) = match reader.next() {
                Ok(next) => next,
                Err(PcapError::Incomplete(_)) if !exhausted => {
                    reader.refill().map_err(|e| io::Error::other(e.to_string()))?;
                    continue;
                }
                Err(PcapError::Eof | PcapError::Incomplete(_) | PcapError::UnexpectedEof) => break,
                Err(e) => return Err(io::Error::other(e.to_string())),
            };
            match block {
                PcapBlockOwned::LegacyHeader(header) => {
                    link = header.network.0 as u16;
                    ticks_per_us = if header.is_nanosecond_precision() { 1000 } else { 1 };
                }
                PcapBlockOwned::Legacy(b) => {
                    let time_us = u64::from(b.ts_sec) * 1_000_000 + u64::from(b.ts_usec) / ticks_per_us;
                    frames.push(Frame { time_us, link, bytes: b.data.to_vec() });
                }
                PcapBlockOwned::NG(Block::InterfaceDescription(b)) => {
                    let resolution = b.ts_resolution().unwrap_or(1_000_000);
                    interfaces.push((b.linktype.0 as u16, resolution, b.if_tsoffset as u64));
                }
                PcapBlockOwned::NG(Block::EnhancedPacket(b)) => {
                    let Some((link, resolution, offset_s)) = interfaces.get(b.if_id as usize) else {
                        continue;
                    };
                    let ticks = u128::from(b.ts_high) << 32 | u128::from(b.ts_low);
                    let time_us = (ticks * 1_000_000 / u128::from(*resolution)) as u64 + offset_s * 1_000_000;
                    frames.push(Frame { time_us, link: *link, bytes: b.packet_data().to_vec() });
                }
                PcapBlockOwned::NG(_) => {}
            }
            reader.consume(size);
        }
        Ok(Self { frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::START_US;
    use crate::wrap::Wrap;

    fn small() -> Trace {
        let mut trace = Trace::new();
        for n in 0..3 {
            let (src, dst) = ("10.0.0.1:4000".parse().unwrap(), "198.51.100.1:53".parse().unwrap());
            trace.push_udp(START_US + n * 1_000_001, src, dst, &vec![n as u8; 41 + n as usize]);
        }
        trace.wrap(Wrap::Ethernet)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (mut pcap, mut pcapng) = (Vec::new(), Vec::new());
        small().write_pcap(&mut pcap).unwrap();
        small().write_pcapng(&mut pcapng).unwrap();
        assert_eq!(Trace::read(&pcap[..]).unwrap(), small());
        assert_eq!(Trace::read(&pcapng[..]).unwrap(), small());
        assert_eq!(Trace::read(&pcap[..pcap.len() - 1]).unwrap().len(), 2);
        assert!(Trace::read(&b"no capture file"[..]).is_err());
    }

    #[test]
    fn one_pcap_holds_one_link_type() {
        let mixed = Trace::mixed([small(), small().skip(9)]);
        assert!(mixed.write_pcap(Vec::new()).is_ok());
        let mut raw = Trace::new();
        raw.push_ip(0, small().frames[0].bytes[14..].to_vec());
        let mixed = Trace::mixed([small(), raw]);
        assert!(mixed.write_pcap(Vec::new()).is_err());
        assert!(mixed.write_pcapng(Vec::new()).is_ok());
    }
}
