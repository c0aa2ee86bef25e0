//! A ring of blocks that the kernel fills and this program empties (TPACKET_V3): no system call and no copy a frame.
//!
//! ```text
//! block:  version 4 | offset of what follows 4 | status 4 | frames 4 | first frame's offset 4 | ...   (tpacket_block_desc)
//! frame:  next frame's offset 4 | seconds 4 | nanoseconds 4 | captured 4 | wire 4 | status 4 | mac offset 2 | network offset 2 |
//!         hash 4 | VLAN tag 4 | VLAN type 2 | padding                                              (tpacket3_hdr)
//! ```
//! Linux, Documentation/networking/packet_mmap.rst.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::LiveError;
use crate::filter::Filter;
use crate::socket::{Interface, Socket, interface};

/// Bytes of a VLAN tag, and of the addresses before it.
const TAG_BYTES: usize = 4;
const ADDRESSES_BYTES: usize = 12;
/// A block's description, and where in it what stands.
const DESCRIPTION_BYTES: usize = 48;
const STATUS_AT: usize = 8;
const FRAMES_AT: usize = 12;
const FIRST_AT: usize = 16;
/// Where in a frame's header what stands, and its length.
const WIRE_AT: usize = 16;
const FRAME_STATUS_AT: usize = 20;
const MAC_AT: usize = 24;
const TAG_AT: usize = 32;
const TAG_TYPE_AT: usize = 36;
const HEADER_BYTES: usize = 48;
/// VLAN 802.1Q, which is meant where the kernel names no type.
const VLAN: u16 = 0x8100;

/// How an interface is captured.
#[derive(Clone, Debug)]
pub struct RingOptions<'f> {
    /// Bytes of the ring.
    pub ring_bytes: usize,
    /// Bytes of a block, which is handed over whole: a multiple of the page size that divides the ring's.
    pub block_bytes: usize,
    /// A block that is not full is handed over after so long.
    pub patience: Duration,
    /// Whether frames for other machines are wanted.
    pub is_promiscuous: bool,
    /// A number for sockets that share an interface's flows, each flow going to one.
    pub fanout: Option<u16>,
    /// What is wanted at all.
    pub filter: Option<&'f Filter>,
}

impl Default for RingOptions<'_> {
    fn default() -> Self {
        Self {
            ring_bytes: 64 << 20,
            block_bytes: 1 << 20,
            patience: Duration::from_millis(50),
            is_promiscuous: false,
            fanout: None,
            filter: None,
        }
    }
}

/// What the kernel counted since the ring was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that passed the filter, those dropped among them.
    pub received: u64,
    /// Frames for which the ring had no room.
    pub dropped: u64,
    /// How often the ring was full.
    pub freezes: u64,
}

/// An interface being captured.
#[derive(Debug)]
pub struct Ring {
    name: String,
    interface: Interface,
    socket: Socket,
    memory: Memory,
    block_bytes: usize,
    blocks: usize,
    /// The block that comes next.
    next: usize,
    /// Where in the block at hand the frames are.
    places: Vec<Place>,
    counters: Counters,
}

/// Memory shared with the kernel.
#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone, as a boxed slice would, and is not bound to a thread.
unsafe impl Send for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: just this was mapped, and nobody can have a reference into it any more: blocks borrow the ring.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

impl Ring {
    /// Captures on an interface from now on.
    ///
    /// # Errors
    /// See [`LiveError`].
    pub fn open(name: &str, options: &RingOptions<'_>) -> Result<Self, LiveError> {
        let interface = interface(name)?;
        let failed = |error| LiveError::of(name, error);
        let no_ring = |error| LiveError::Ring(name.to_owned(), error);
        let socket = Socket::open().map_err(failed)?;
        socket.set(libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as i32)).map_err(failed)?;
        // Room before each frame to put its VLAN tag back.
        socket.set(libc::PACKET_RESERVE, &(TAG_BYTES as u32)).map_err(failed)?;
        let blocks = (options.ring_bytes / options.block_bytes.max(1)).max(2);
        // SAFETY: all zero is a value of this plain structure.
        let mut request: libc::tpacket_req3 = unsafe { std::mem::zeroed() };
        request.tp_block_size = options.block_bytes as u32;
        request.tp_block_nr = blocks as u32;
        // Frames lie one behind the other whatever their lengths; the kernel wants this number to fit all the same.
        request.tp_frame_size = 2048;
        request.tp_frame_nr = (options.block_bytes / 2048 * blocks) as u32;
        request.tp_retire_blk_tov = options.patience.as_millis() as u32;
        socket.set(libc::PACKET_RX_RING, &request).map_err(no_ring)?;
        let memory = Memory::map(&socket, options.block_bytes * blocks).map_err(no_ring)?;
        if let Some(filter) = options.filter {
            socket.filter(filter).map_err(failed)?;
        }
        socket.bind(interface.index).map_err(failed)?;
        if options.is_promiscuous {
            // SAFETY: all zero is a value of this plain structure.
            let mut member: libc::packet_mreq = unsafe { std::mem::zeroed() };
            member.mr_ifindex = interface.index;
            member.mr_type = libc::PACKET_MR_PROMISC as u16;
            socket.set(libc::PACKET_ADD_MEMBERSHIP, &member).map_err(failed)?;
        }
        if let Some(group) = options.fanout {
            // By a hash that is the same for both directions, of fragments by their addresses.
            let kind = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
            socket.set(libc::PACKET_FANOUT, &(u32::from(group) | kind << 16)).map_err(failed)?;
        }
        Ok(Self {
            name: name.to_owned(),
            interface,
            socket,
            memory,
            block_bytes: options.block_bytes,
            blocks,
            next: 0,
            places: Vec::new(),
            counters: Counters::default(),
        })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number from pcap's LINKTYPE list.
    pub fn link_type(&self) -> u32 {
        self.interface.link_type
    }

    /// What the kernel counted so far.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn counters(&mut self) -> Result<Counters, LiveError> {
        let failed = |error| LiveError::of(&self.name, error);
        let [received, dropped, freezes] = self.socket.statistics().map_err(failed)?.map(u64::from);
        self.counters.received += received;
        self.counters.dropped += dropped;
        self.counters.freezes += freezes;
        Ok(self.counters)
    }

    /// Has the kernel put no more frames into the ring. What is there can still be read, and what comes is counted no more, so
    /// that in the end every frame received was dropped or read.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn stop(&mut self) -> Result<(), LiveError> {
        self.socket.filter(&Filter::nothing()).map_err(|error| LiveError::of(&self.name, error))
    }

    /// Whether the interface still is there. One that goes is told as down first, and then no more.
    pub fn is_there(&self) -> bool {
        interface(&self.name).is_ok_and(|interface| interface.index == self.interface.index)
    }

    /// Blocks that are full and wait, of all there are.
    pub fn fill(&self) -> (usize, usize) {
        let waiting = (0..self.blocks).filter(|number| self.status(*number).load(Ordering::Relaxed) & 1 != 0);
        (waiting.count(), self.blocks)
    }

    /// The next block of frames in order; none where none came within the time.
    ///
    /// # Errors
    /// The interface went down, or is gone. One that is down may come back: asking again goes on.
    pub fn next_block(&mut self, time: Duration) -> Result<Option<RingBlock<'_>>, LiveError> {
        if self.status(self.next).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            let failed = |error| LiveError::of(&self.name, error);
            let is_ready = self.socket.wait(time).map_err(failed)?;
            if self.status(self.next).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return match self.socket.error().filter(|_| is_ready) {
                    Some(error) => Err(failed(error)),
                    None => Ok(None),
                };
            }
        }
        let number = self.next;
        self.next = (self.next + 1) % self.blocks;
        let start = number * self.block_bytes;
        // SAFETY: the block lies within the mapping, and its status (read with acquire above) says that it is this program's:
        // the kernel does not touch it before the status is given back, which the drop of what is returned does. That borrows
        // the ring mutably, so that there is one block at a time, and none outlives the mapping. The status itself lies in the
        // description, of which the slices have no part in common.
        let (description, bytes) = unsafe {
            let block = self.memory.start.as_ptr().add(start);
            let frames = block.add(DESCRIPTION_BYTES);
            (
                std::slice::from_raw_parts(block.add(FRAMES_AT), FIRST_AT + 4 - FRAMES_AT),
                std::slice::from_raw_parts_mut(frames, self.block_bytes - DESCRIPTION_BYTES),
            )
        };
        let (frames, first) = (number_at(description, 0), number_at(description, FIRST_AT - FRAMES_AT));
        self.places.clear();
        find(bytes, frames, first, &mut self.places);
        let status = self.status(number);
        Ok(Some(RingBlock { status, places: &self.places, bytes }))
    }

    /// The word by which a block goes to and fro.
    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: within the mapping and aligned, as blocks begin at pages; the kernel and this program both take it for an
        // atomic number.
        unsafe {
            AtomicU32::from_ptr(self.memory.start.as_ptr().add(block * self.block_bytes + STATUS_AT).cast())
        }
    }
}

impl Memory {
    fn map(socket: &Socket, bytes: usize) -> io::Result<Self> {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping, wherever the kernel likes, of the ring that this socket was given.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, rights, flags, socket.raw(), 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// A frame, where the kernel wrote it.
#[derive(Clone, Copy, Debug)]
pub struct RingFrame<'a> {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// From the link layer on, VLAN tag put back.
    pub bytes: &'a [u8],
    /// Length on the wire.
    pub wire_bytes: u32,
}

/// Where in its block a frame is.
#[derive(Clone, Copy, Debug)]
struct Place {
    time_ns: u64,
    start: usize,
    end: usize,
    wire_bytes: u32,
}

/// Frames that the kernel handed over together; it has their memory back when this is dropped.
#[derive(Debug)]
pub struct RingBlock<'r> {
    status: &'r AtomicU32,
    places: &'r [Place],
    bytes: &'r [u8],
}

impl RingBlock<'_> {
    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = RingFrame<'_>> {
        self.places.iter().map(|place| RingFrame {
            time_ns: place.time_ns,
            bytes: self.bytes.get(place.start..place.end).unwrap_or_default(),
            wire_bytes: place.wire_bytes,
        })
    }
}

impl Drop for RingBlock<'_> {
    fn drop(&mut self) {
        self.status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |field| u32::from_ne_bytes(*field))
}

/// Notes where the frames of a block are, and puts their VLAN tags back on the way. `bytes` begin behind the description, from
/// whose start `first` counts.
fn find(bytes: &mut [u8], frames: u32, first: u32, places: &mut Vec<Place>) {
    let mut at = (first as usize).wrapping_sub(DESCRIPTION_BYTES);
    for _ in 0..frames {
        let Some(header) = bytes.get(at..at.saturating_add(HEADER_BYTES)) else { return };
        let field = |at: usize| number_at(header, at);
        let next = field(0) as usize;
        let time_ns = u64::from(field(4)) * 1_000_000_000 + u64::from(field(8));
        let (captured, mut wire_bytes, status) = (field(12) as usize, field(WIRE_AT), field(FRAME_STATUS_AT));
        let mac = at + usize::from(u16::from_ne_bytes([header[MAC_AT], header[MAC_AT + 1]]));
        let (tag, kind) = (field(TAG_AT) as u16, field(TAG_TYPE_AT) as u16);
        let (mut start, end) = (mac, mac.saturating_add(captured).min(bytes.len()));
        if status & libc::TP_STATUS_VLAN_VALID != 0
            && captured >= ADDRESSES_BYTES
            && let Some(front) =
                bytes.get_mut(mac.wrapping_sub(TAG_BYTES)..mac.saturating_add(ADDRESSES_BYTES))
        {
            let has_kind = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
            let kind = if has_kind { kind } else { VLAN };
            front.copy_within(TAG_BYTES.., 0);
            front[ADDRESSES_BYTES..ADDRESSES_BYTES + 2].copy_from_slice(&kind.to_be_bytes());
            front[ADDRESSES_BYTES + 2..].copy_from_slice(&tag.to_be_bytes());
            start -= TAG_BYTES;
            wire_bytes += TAG_BYTES as u32;
        }
        places.push(Place { time_ns, start, end, wire_bytes });
        if next == 0 {
            return;
        }
        at = at.saturating_add(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's header and the frame, as the kernel lays them: 4 spare bytes in between.
    fn laid(frame: &[u8], tag: Option<u16>, is_last: bool) -> Vec<u8> {
        let mac = HEADER_BYTES + TAG_BYTES;
        let mut bytes = vec![0; (mac + frame.len()).next_multiple_of(16)];
        let next = if is_last { 0 } else { bytes.len() as u32 };
        let status = if tag.is_some() { libc::TP_STATUS_VLAN_VALID } else { 0 };
        for (at, field) in [
            (0, next),
            (4, 7),
            (8, 9),
            (12, frame.len() as u32),
            (WIRE_AT, frame.len() as u32 + 100),
            (FRAME_STATUS_AT, status),
            (MAC_AT, mac as u32),
            (TAG_AT, tag.unwrap_or_default().into()),
        ] {
            bytes[at..at + 4].copy_from_slice(&field.to_ne_bytes());
        }
        bytes[mac..mac + frame.len()].copy_from_slice(frame);
        bytes
    }

    #[test]
    fn frames_are_found_and_tags_put_back() {
        let frame: Vec<u8> = (0..60).collect();
        let mut bytes = [laid(&frame, None, false), laid(&frame, Some(0x2005), true)].concat();
        let mut places = Vec::new();
        find(&mut bytes, 2, DESCRIPTION_BYTES as u32, &mut places);
        let [plain, tagged] = &places[..] else { panic!("{places:?}") };
        assert_eq!(
            (&bytes[plain.start..plain.end], plain.wire_bytes, plain.time_ns),
            (&frame[..], 160, 7_000_000_009)
        );
        let expected = [&frame[..12], &[0x81, 0, 0x20, 0x05], &frame[12..]].concat();
        assert_eq!((&bytes[tagged.start..tagged.end], tagged.wire_bytes), (&expected[..], 164));
    }

    #[test]
    fn a_block_that_says_nonsense_ends() {
        let mut places = Vec::new();
        for (frames, first) in [(5, 0), (5, u32::MAX), (u32::MAX, DESCRIPTION_BYTES as u32)] {
            find(&mut [0xff; 200], frames, first, &mut places);
        }
        assert!(places.len() <= 1);
    }
}
