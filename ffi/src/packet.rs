//! Packets: as the host describes them, or out of a frame.

use std::ffi::c_char;

use engine::{Address, FiveTuple, Fragment, LinkType, Packet, ParseError, TcpFields, Transport};

use crate::panic_boundary::{status_of, value_of};
use crate::pointer::{self, Sized32};
use crate::status::wiremark_status::{
    self, WIREMARK_BAD_VALUE, WIREMARK_MALFORMED, WIREMARK_TRUNCATED, WIREMARK_UNSUPPORTED,
};
use crate::status::{Error, remember};

/// wiremark_packet.fragment: not fragmented.
pub const WIREMARK_FRAGMENT_WHOLE: u8 = 0;
/// wiremark_packet.fragment: the first piece, with the transport header.
pub const WIREMARK_FRAGMENT_FIRST: u8 = 1;
/// wiremark_packet.fragment: a later piece, without ports. It is never looked into.
pub const WIREMARK_FRAGMENT_LATER: u8 = 2;
/// wiremark_packet.transport: TCP.
pub const WIREMARK_TCP: u8 = 6;
/// wiremark_packet.transport: UDP.
pub const WIREMARK_UDP: u8 = 17;
/// Link type of bytes that begin with an IPv4 or IPv6 header. Others are numbered as in pcap's LINKTYPE list, such as 1
/// for Ethernet; what pcap_datalink() says will do.
pub const WIREMARK_LINK_IP: i32 = 101;

/// One packet: end points, and where its transport payload is. Yours; read during the call only, payload included.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_packet {
    /// sizeof(wiremark_packet)
    pub struct_bytes: u32,
    /// TCP sequence number, host byte order: of the first payload byte, or of a SYN the SYN's own. 0 for UDP.
    pub tcp_sequence: u32,
    /// The transport payload; NULL where there is none.
    pub payload: *const u8,
    /// Its length, ending where IP says it ends or where the capture was cut.
    pub payload_bytes: usize,
    /// Time of the packet, microseconds since 1970; 0 where not known (evidence from other flows is then never too old).
    pub time_us: u64,
    /// Source address, network byte order. Of an IPv4 address the first four bytes count.
    pub src: [u8; 16],
    /// Destination address, likewise.
    pub dst: [u8; 16],
    /// Source port, host byte order.
    pub src_port: u16,
    /// Destination port, host byte order.
    pub dst_port: u16,
    /// 4 or 6
    pub ip_version: u8,
    /// WIREMARK_TCP or WIREMARK_UDP
    pub transport: u8,
    /// Byte 13 of the TCP header: FIN 0x01, SYN 0x02, RST 0x04, ACK 0x10. 0 for UDP.
    pub tcp_flags: u8,
    /// WIREMARK_FRAGMENT_WHOLE, _FIRST or _LATER
    pub fragment: u8,
    /// Where fragmented: IP's identification.
    pub fragment_id: u32,
    /// 0
    pub reserved: u32,
}

// SAFETY: repr(C), begins with its size, any bytes are numbers and a pointer; the size below leaves no room for padding.
unsafe impl Sized32 for wiremark_packet {
    const FIRST_BYTES: usize = 64 + 2 * size_of::<usize>();
}

const _: () = assert!(size_of::<wiremark_packet>() == 64 + 2 * size_of::<usize>());

/// Both addresses in C's form, and the IP version.
pub(crate) fn c_addresses(src: Address, dst: Address) -> ([u8; 16], [u8; 16], u8) {
    let short = |[a, b, c, d]: [u8; 4]| [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    match (src.to_v4(), dst.to_v4()) {
        (Some(src), Some(dst)) => (short(src), short(dst), 4),
        _ => (src.0, dst.0, 6),
    }
}

impl From<&Packet<'_>> for wiremark_packet {
    fn from(packet: &Packet<'_>) -> Self {
        let tuple = &packet.five_tuple;
        let (src, dst, ip_version) = c_addresses(tuple.src, tuple.dst);
        let (fragment, fragment_id) = match packet.fragment {
            Fragment::Whole => (WIREMARK_FRAGMENT_WHOLE, 0),
            Fragment::First(id) => (WIREMARK_FRAGMENT_FIRST, id),
            Fragment::Later(id) => (WIREMARK_FRAGMENT_LATER, id),
        };
        Self {
            struct_bytes: 0,
            tcp_sequence: packet.tcp.sequence,
            payload: packet.payload.as_ptr(),
            payload_bytes: packet.payload.len(),
            time_us: packet.time_us,
            src,
            dst,
            src_port: tuple.src_port,
            dst_port: tuple.dst_port,
            ip_version,
            transport: tuple.transport as u8,
            tcp_flags: packet.tcp.flags,
            fragment,
            fragment_id,
            reserved: 0,
        }
    }
}

/// An IPv4 address: the first four bytes.
#[inline]
fn short(address: &[u8; 16]) -> Address {
    let [a, b, c, d, ..] = *address;
    Address::v4([a, b, c, d])
}

/// Hands the caller's packet on as the engine wants it.
///
/// # Safety
/// The pointer is NULL, misaligned, or points to a packet as long as it says, whose payload nobody changes meanwhile.
#[inline]
pub(crate) unsafe fn with<T>(
    packet: *const wiremark_packet,
    use_it: impl FnOnce(&Packet<'_>) -> T,
) -> Result<T, Error> {
    // SAFETY: the same contract.
    match unsafe { pointer::in_place(packet)? } {
        Some(given) => {
            check(given)?;
            // SAFETY: of the payload the same contract holds.
            Ok(use_it(&unsafe { described(given) }))
        }
        // SAFETY: the same contract.
        None => unsafe { with_another_version(packet, use_it) },
    }
}

/// The same of a packet whose header is older or newer.
///
/// # Safety
/// As [`with`].
#[cold]
#[inline(never)]
unsafe fn with_another_version<T>(
    packet: *const wiremark_packet,
    use_it: impl FnOnce(&Packet<'_>) -> T,
) -> Result<T, Error> {
    // SAFETY: the same contract.
    let given = unsafe { pointer::read(packet)? };
    check(&given)?;
    // SAFETY: of the payload the same contract holds.
    Ok(use_it(&unsafe { described(&given) }))
}

/// Whether the numbers in it are such as the header says.
#[inline]
fn check(given: &wiremark_packet) -> Result<(), Error> {
    const NO_TRANSPORT: Error =
        Error::new(WIREMARK_UNSUPPORTED, c"wiremark_packet: transport is neither TCP (6) nor UDP (17)");
    const NO_VERSION: Error =
        Error::new(WIREMARK_BAD_VALUE, c"wiremark_packet: ip_version is neither 4 nor 6");
    const NO_FRAGMENT: Error =
        Error::new(WIREMARK_BAD_VALUE, c"wiremark_packet: fragment is none of WIREMARK_FRAGMENT_*");
    if !matches!(given.ip_version, 4 | 6) {
        return Err(NO_VERSION);
    }
    if !matches!(given.transport, WIREMARK_TCP | WIREMARK_UDP) {
        return Err(NO_TRANSPORT);
    }
    let missing = c"wiremark_packet: payload is NULL, but payload_bytes is not 0";
    pointer::check_bytes(given.payload, given.payload_bytes, missing)?;
    if given.fragment > WIREMARK_FRAGMENT_LATER {
        return Err(NO_FRAGMENT);
    }
    Ok(())
}

/// # Safety
/// The packet was [`check`]ed, its payload is as long as it says, and nobody changes it during `'a`.
#[inline]
unsafe fn described<'a>(given: &wiremark_packet) -> Packet<'a> {
    let address = |bytes: &[u8; 16]| {
        if given.ip_version == 4 { short(bytes) } else { Address::v6(*bytes) }
    };
    let transport = if given.transport == WIREMARK_TCP { Transport::Tcp } else { Transport::Udp };
    Packet {
        five_tuple: FiveTuple {
            src: address(&given.src),
            dst: address(&given.dst),
            src_port: given.src_port,
            dst_port: given.dst_port,
            transport,
        },
        tcp: TcpFields { sequence: given.tcp_sequence, flags: given.tcp_flags },
        time_us: given.time_us,
        // SAFETY: checked, and by contract so many bytes.
        payload: unsafe { pointer::checked_bytes(given.payload, given.payload_bytes) },
        fragment: match given.fragment {
            WIREMARK_FRAGMENT_FIRST => Fragment::First(given.fragment_id),
            WIREMARK_FRAGMENT_LATER => Fragment::Later(given.fragment_id),
            _ => Fragment::Whole,
        },
    }
}

pub(crate) fn link_type(number: i32) -> Result<LinkType, Error> {
    const UNKNOWN: Error = Error::new(WIREMARK_UNSUPPORTED, c"frames of this link type are not read here");
    LinkType::from_number(number).ok_or(UNKNOWN)
}

pub(crate) fn no_packet(error: ParseError) -> Error {
    match error {
        ParseError::Truncated => {
            Error::new(WIREMARK_TRUNCATED, c"the frame was cut before its headers ended")
        }
        ParseError::Malformed => Error::new(WIREMARK_MALFORMED, c"the frame's headers contradict themselves"),
        ParseError::Unsupported => {
            Error::new(WIREMARK_UNSUPPORTED, c"there is neither TCP nor UDP in the frame")
        }
        ParseError::Fragment => Error::new(
            WIREMARK_UNSUPPORTED,
            c"a fragment whose packet is not whole yet: its flow is not known",
        ),
    }
}

/// Finds the packet in a frame: one walk over its headers to the innermost TCP or UDP.
///
/// Stepped through: the link types, tags and tunnels that the project's LAYERS.md lists. Fragments are not put together;
/// a tracker does that. out: struct_bytes set; its payload
/// points into the frame. Cost: some ten nanoseconds.
/// Errors: WIREMARK_TRUNCATED, WIREMARK_MALFORMED, WIREMARK_UNSUPPORTED, WIREMARK_NULL, WIREMARK_BAD_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_packet_parse(
    link_type: i32,
    time_us: u64,
    frame: *const u8,
    frame_bytes: usize,
    out: *mut wiremark_packet,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or a struct as long as it says.
        unsafe { pointer::check_struct(out)? };
        let link_type = self::link_type(link_type)?;
        let missing = c"frame is NULL, but frame_bytes is not 0";
        // SAFETY: by contract NULL or so many bytes.
        let bytes = unsafe { pointer::bytes(frame, frame_bytes, missing)? };
        let packet = Packet::parse(link_type, time_us, bytes).map_err(no_packet)?;
        // SAFETY: by contract NULL or a struct as long as it says.
        unsafe { pointer::write(out, &wiremark_packet::from(&packet)) }
    })
}

/// A number for the packet's flow, the same in both directions: for flow tables, and to spread flows over threads.
///
/// key: two random numbers keep others from choosing flows that collide; NULL for none. All bits are equally good.
/// 0 where packet is not good (wiremark_last_error() says why). Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_packet_hash(packet: *const wiremark_packet, key: *const u64) -> u64 {
    let hash = || {
        // SAFETY: by contract NULL, or a packet as long as it says.
        let tuple = unsafe { with(packet, |packet| packet.five_tuple)? };
        // SAFETY: by contract NULL or two numbers.
        let key = if key.is_null() { &[] } else { unsafe { pointer::array(key, 2)? } };
        Ok(tuple.key().hash(key.first_chunk().copied().unwrap_or_default()))
    };
    value_of(0, || {
        hash().unwrap_or_else(|error| {
            remember(error);
            0
        })
    })
}

/// Length of a Community ID with its closing zero byte.
pub const WIREMARK_COMMUNITY_ID_BYTES: usize = 31;

/// The Community ID (version 1, seed 0) of the packet's flow: the same text as Zeek, Suricata and Wireshark give it.
///
/// out: WIREMARK_COMMUNITY_ID_BYTES. Errors: those of a bad packet. Cost: a SHA-1 of 40 bytes, so once a flow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_community_id(
    packet: *const wiremark_packet,
    out: *mut c_char,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL, or a packet as long as it says.
        let id = unsafe { with(packet, |packet| packet.five_tuple.community_id(0))? };
        let mut text = [0u8; WIREMARK_COMMUNITY_ID_BYTES];
        text.iter_mut().zip(id.as_str().bytes()).for_each(|(to, from)| *to = from);
        // SAFETY: by contract NULL or so many bytes, which may be written to; bytes are aligned anywhere.
        unsafe { pointer::put(out.cast(), text) }
    })
}
