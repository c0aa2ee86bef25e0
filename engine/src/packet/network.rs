//! One IP header and what it carries, whatever its version.

use super::{Packet, TcpFields};
use crate::five_tuple::{Address, FiveTuple, Transport};
use crate::wire::ParseError;
use crate::wire::ip::Fragment;
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Ipv6;
use crate::wire::tcp::Tcp;
use crate::wire::udp::Udp;

/// What both IP versions' views have, with addresses in one form.
#[derive(Clone, Copy)]
pub(crate) struct Network<'a> {
    pub(crate) src: Address,
    pub(crate) dst: Address,
    pub(crate) protocol: u8,
    pub(crate) fragment: Fragment,
    pub(crate) payload: &'a [u8],
    pub(crate) is_complete: bool,
}

impl<'a> Network<'a> {
    #[inline]
    pub(super) fn v4(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Ipv4 { src, dst, protocol, fragment, payload, is_complete } = Ipv4::parse(bytes)?;
        Ok(Self { src: Address::v4(src), dst: Address::v4(dst), protocol, fragment, payload, is_complete })
    }

    #[inline]
    pub(super) fn v6(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Ipv6 { src, dst, protocol, fragment, payload, is_complete } = Ipv6::parse(bytes)?;
        Ok(Self { src: Address::v6(src), dst: Address::v6(dst), protocol, fragment, payload, is_complete })
    }

    #[inline]
    pub(super) fn packet(
        &self,
        ports: (u16, u16),
        transport: Transport,
        tcp: TcpFields,
        payload: &'a [u8],
        time_us: u64,
    ) -> Packet<'a> {
        let &Self { src, dst, fragment, .. } = self;
        let (src_port, dst_port) = ports;
        Packet {
            five_tuple: FiveTuple { src, dst, src_port, dst_port, transport },
            tcp,
            time_us,
            payload,
            fragment,
        }
    }

    #[inline]
    pub(super) fn with_tcp(&self, tcp: &Tcp<'a>, time_us: u64) -> Packet<'a> {
        let fields = TcpFields { sequence: tcp.sequence, flags: tcp.flags };
        self.packet((tcp.src_port, tcp.dst_port), Transport::Tcp, fields, tcp.payload, time_us)
    }

    #[inline]
    pub(super) fn with_udp(&self, udp: &Udp<'a>, time_us: u64) -> Packet<'a> {
        self.packet((udp.src_port, udp.dst_port), Transport::Udp, TcpFields::default(), udp.payload, time_us)
    }

    /// A header that the capture cut: where its ports are there, so is the flow. Without payload, and without a flag or a
    /// sequence number that was cut.
    #[cold]
    pub(super) fn with_ports(&self, transport: Transport, time_us: u64) -> Option<Packet<'a>> {
        let [a, b, c, d] = *self.payload.first_chunk()?;
        let sequence = self.payload.get(4..8).and_then(|field| field.first_chunk());
        let tcp = match (transport, sequence) {
            (Transport::Tcp, Some(sequence)) => TcpFields {
                sequence: u32::from_be_bytes(*sequence),
                flags: self.payload.get(13).copied().unwrap_or_default(),
            },
            _ => TcpFields::default(),
        };
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let nothing = self.payload.get(self.payload.len()..)?;
        Some(self.packet(ports, transport, tcp, nothing, time_us))
    }
}
