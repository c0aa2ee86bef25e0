//! What is replayed: many captures at once, over and over, as one stream of frames in memory.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use wiremark::{Address, FiveTuple, FlowKey, Fragment, LinkType, Packet};
use wiremark_capture::Capture;

/// Frames begin at multiples of this, as in the buffers of a network card.
const ALIGNMENT: usize = 64;
const ETHERNET_BYTES: usize = 14;
/// The first address given to a client, 11.0.0.0; the others follow.
const FIRST_CLIENT: u32 = 0x0b00_0000;

/// One capture, fit to be replayed: Ethernet frames with TCP or UDP inside, clients known.
#[derive(Debug)]
pub(crate) struct Capturing {
    frames: Vec<Template>,
    clients: usize,
}

#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    time_us: u64,
    /// Where the innermost IP header lies.
    ip_at: u16,
    /// The client's address field, by offset, and which client of the capture it is.
    client_at: u16,
    client: u32,
    /// The flow's number within the capture.
    flow: u32,
}

/// Where a frame of a [`Mix`] lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    offset: u32,
    length: u16,
    ip_at: u16,
    /// When it was captured.
    pub(crate) time_us: u64,
}

/// Frames in the order in which they are replayed.
#[derive(Debug, Default)]
pub(crate) struct Mix {
    arena: Vec<u8>,
    /// One a frame.
    pub(crate) slots: Vec<Slot>,
    /// Distinct flows.
    pub(crate) flows: usize,
    /// Client addresses given so far.
    pub(crate) clients: u32,
}

impl Capturing {
    /// Keeps of these frames (link type number, time, bytes) what has TCP or UDP inside, from the first fragment on.
    ///
    /// Links other than Ethernet are replaced by an Ethernet header, so that every engine can read all frames.
    pub(crate) fn new<'f>(frames: impl IntoIterator<Item = (u32, u64, &'f [u8])>) -> Self {
        let (mut kept, mut flows) = (Vec::new(), HashMap::<FlowKey, (u32, (Address, u16))>::new());
        let mut clients = HashMap::<Address, u32>::new();
        for (link_type, time_us, bytes) in frames {
            let Some(link_type) = LinkType::from_number(link_type) else { continue };
            let Ok(packet) = Packet::parse(link_type, time_us, bytes) else { continue };
            let Some(ip_at) = innermost(bytes, &packet) else { continue };
            let (bytes, ip_at) = ethernet(link_type, bytes, ip_at);
            if bytes.len() > usize::from(u16::MAX) {
                continue;
            }
            let tuple = packet.five_tuple;
            let next = flows.len() as u32;
            let (flow, client) = *flows.entry(tuple.key()).or_insert((next, originator(&packet)));
            let next = clients.len() as u32;
            let number = *clients.entry(client.0).or_insert(next);
            let [src_at, dst_at] = address_fields(tuple, ip_at);
            let client_at = if (tuple.src, tuple.src_port) == client { src_at } else { dst_at } as u16;
            kept.push(Template { bytes, time_us, ip_at: ip_at as u16, client_at, client: number, flow });
        }
        Self { frames: kept, clients: clients.len() }
    }

    /// Reads a capture file; what cannot be read ends it.
    pub(crate) fn open(path: &Path) -> Self {
        let mut frames = Vec::new();
        if let Ok(mut capture) = Capture::open(path) {
            while let Ok(Some(frame)) = capture.next_frame() {
                frames.push((frame.link_type, frame.time_us, frame.bytes.to_vec()));
            }
        }
        Self::new(frames.iter().map(|(link, time_us, bytes)| (*link, *time_us, bytes.as_slice())))
    }

    /// Reads every file of a folder, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn open_folder(folder: &Path) -> std::io::Result<Vec<Self>> {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder)?.map(|one| one.map(|one| one.path())).collect::<Result<_, _>>()?;
        paths.sort();
        Ok(paths.iter().map(|path| Self::open(path)).filter(|capture| !capture.frames.is_empty()).collect())
    }
}

/// Every frame of every capture in `messenger/` and `other/` that a cable can carry, captures by name: of links other than
/// Ethernet those with TCP or UDP.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn every_frame(traces: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    for folder in ["messenger", "other"] {
        let entries = std::fs::read_dir(traces.join(folder))?;
        let mut paths: Vec<_> = entries.map(|one| one.map(|one| one.path())).collect::<Result<_, _>>()?;
        paths.sort();
        for mut capture in paths.iter().filter_map(|path| Capture::open(path).ok()) {
            while let Ok(Some(frame)) = capture.next_frame() {
                frames.extend(carried(frame.link_type, frame.bytes));
            }
        }
    }
    Ok(frames)
}

/// A frame as Ethernet has it, no longer than a virtual cable takes.
fn carried(link_type: u32, bytes: &[u8]) -> Option<Vec<u8>> {
    let link_type = LinkType::from_number(link_type)?;
    let frame = match link_type {
        LinkType::Ethernet => bytes.to_vec(),
        _ => {
            let packet = Packet::parse(link_type, 0, bytes).ok()?;
            ethernet(link_type, bytes, innermost(bytes, &packet)?).0
        }
    };
    (ETHERNET_BYTES..65_000).contains(&frame.len()).then_some(frame)
}

/// The sender of a flow's first packet, or its receiver where that is the answer to a SYN.
fn originator(packet: &Packet<'_>) -> (Address, u16) {
    let (tuple, is_answer) = (packet.five_tuple, packet.tcp.flags & 0x12 == 0x12);
    if is_answer { (tuple.dst, tuple.dst_port) } else { (tuple.src, tuple.src_port) }
}

/// Where the IP header begins that led to this packet: the last place from which the walk finds the same.
fn innermost(frame: &[u8], packet: &Packet<'_>) -> Option<usize> {
    if let Fragment::Later(_) = packet.fragment {
        return None;
    }
    let payload_at = packet.payload.as_ptr().addr().checked_sub(frame.as_ptr().addr())?;
    (0..payload_at.min(frame.len())).rev().find(|at| {
        Packet::from_ip(packet.time_us, &frame[*at..]).is_ok_and(|found| {
            found.five_tuple == packet.five_tuple
                && found.payload.as_ptr() == packet.payload.as_ptr()
                && found.payload.len() == packet.payload.len()
        })
    })
}

fn ethernet(link_type: LinkType, bytes: &[u8], ip_at: usize) -> (Vec<u8>, usize) {
    if link_type == LinkType::Ethernet {
        return (bytes.to_vec(), ip_at);
    }
    let is_v4 = bytes[ip_at] >> 4 == 4;
    let mut frame = vec![0; ETHERNET_BYTES];
    frame[12..].copy_from_slice(if is_v4 { &[0x08, 0x00] } else { &[0x86, 0xdd] });
    frame.extend_from_slice(&bytes[ip_at..]);
    (frame, ETHERNET_BYTES)
}

fn address_fields(tuple: FiveTuple, ip_at: usize) -> [usize; 2] {
    match tuple.src.to_v4() {
        // The last four bytes of an IPv6 address and the four of an IPv4 address are replaced alike.
        Some(_) => [ip_at + 12, ip_at + 16],
        None => [ip_at + 8 + 12, ip_at + 24 + 12],
    }
}

impl Mix {
    /// `packets` frames, shares of which come from each group of captures.
    ///
    /// Every capture is replayed as often as it takes, each time with client addresses of its own, and all replicas run
    /// from the first frame to the last, interleaved at random: the flows of a busy link, not one capture after another.
    pub(crate) fn new(groups: &[(&[Capturing], f64)], packets: usize, first_client: u32) -> Self {
        let mut mix = Mix { clients: first_client, ..Mix::default() };
        let mut streams: Vec<(&[Template], u32)> = Vec::new();
        for (captures, share) in groups {
            let mut wanted = (packets as f64 * share).round() as usize;
            let mut replay = captures.iter().cycle();
            while wanted > 0 {
                let Some(capture) = replay.next() else { break };
                let frames = &capture.frames[..capture.frames.len().min(wanted)];
                streams.push((frames, mix.clients));
                wanted -= frames.len();
                mix.clients += capture.clients as u32;
                mix.flows += frames.iter().map(|frame| frame.flow).collect::<HashSet<_>>().len();
            }
        }
        let mut order: Vec<u32> = Vec::with_capacity(packets);
        for (number, (frames, _)) in streams.iter().enumerate() {
            order.extend(std::iter::repeat_n(number as u32, frames.len()));
        }
        shuffle(&mut order);
        let mut next = vec![0usize; streams.len()];
        for number in order {
            let number = number as usize;
            let (frames, first_client) = streams[number];
            mix.push(&frames[next[number]], first_client);
            next[number] += 1;
        }
        mix
    }

    fn push(&mut self, frame: &Template, first_client: u32) {
        let offset = self.arena.len();
        self.arena.extend_from_slice(&frame.bytes);
        let at = offset + usize::from(frame.client_at);
        let address = (FIRST_CLIENT + first_client + frame.client).to_be_bytes();
        self.arena[at..at + 4].copy_from_slice(&address);
        self.arena.resize(self.arena.len().next_multiple_of(ALIGNMENT), 0);
        self.slots.push(Slot {
            offset: (offset / ALIGNMENT) as u32,
            length: frame.bytes.len() as u16,
            ip_at: frame.ip_at,
            time_us: frame.time_us,
        });
    }

    /// All of it.
    pub(crate) fn load(&self) -> Load<'_> {
        Load { arena: &self.arena, slots: &self.slots }
    }

    /// The same frames for several workers: each flow with both its directions goes to one of them.
    pub(crate) fn split(&self, workers: usize) -> Vec<Vec<Slot>> {
        let mut parts = vec![Vec::new(); workers];
        for slot in &self.slots {
            let frame = self.load().frame(slot);
            let hash = Packet::parse(LinkType::Ethernet, 0, frame).map_or(0, |packet| {
                // Another key than any table's, so that each part still spreads over all of its table.
                packet.five_tuple.key().hash([0x5851_f42d_4c95_7f2d, 0x1405_7b7e_f767_814f])
            });
            parts[hash as usize % workers].push(*slot);
        }
        parts
    }

    /// These slots, which are some of this mix's.
    pub(crate) fn part<'m>(&'m self, slots: &'m [Slot]) -> Load<'m> {
        Load { arena: &self.arena, slots }
    }

    /// Bytes of all frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.length)).sum()
    }
}

/// Frames to run over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'m> {
    arena: &'m [u8],
    /// One a frame.
    pub(crate) slots: &'m [Slot],
}

impl<'m> Load<'m> {
    /// The whole frame, from its Ethernet header on.
    #[inline]
    pub(crate) fn frame(&self, slot: &Slot) -> &'m [u8] {
        &self.arena[self.range(slot)]
    }

    /// The frame from its innermost IP header on.
    #[inline]
    pub(crate) fn ip(&self, slot: &Slot) -> &'m [u8] {
        let Range { start, end } = self.range(slot);
        &self.arena[start + usize::from(slot.ip_at)..end]
    }

    #[inline]
    fn range(&self, slot: &Slot) -> Range<usize> {
        let start = slot.offset as usize * ALIGNMENT;
        start..start + usize::from(slot.length)
    }
}

/// Fisher and Yates' shuffle, the same every time.
fn shuffle(order: &mut [u32]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for index in (1..order.len()).rev() {
        // xorshift64 (Marsaglia).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(index, (state % (index as u64 + 1)) as usize);
    }
}
