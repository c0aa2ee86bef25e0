//! pcapng blocks to write (draft-ietf-opsawg-pcapng): new ones, and those of a file with comments put into them.

/// Block types (11.1 of the draft).
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Options (3.5, 4.2): end of the list, comment, resolution of an interface's time stamps.
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const TIME_RESOLUTION: u16 = 9;
/// Where the frame begins in both kinds of packet block that can have options.
const FRAME_AT: usize = 28;
/// An option's value is shorter than this.
const COMMENT_MAX: usize = 4096;

/// How numbers stand in a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ByteOrder {
    #[default]
    Little,
    Big,
}

impl ByteOrder {
    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    /// The number at an offset; 0 where the bytes end before.
    fn read_u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn read_u16(self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32((padded + 12) as u32);
        let mut block = [self.u32(kind), length].concat();
        block.extend(body);
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let value = value.get(..COMMENT_MAX).unwrap_or(value);
        let mut option = [self.u16(code), self.u16(value.len() as u16)].concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }
}

/// The header of a section in little-endian byte order, of unspecified length.
pub fn section_header() -> Vec<u8> {
    let order = ByteOrder::Little;
    let version = [order.u16(1), order.u16(0)].concat();
    order.block(SECTION, &[&order.u32(0x1a2b_3c4d), &version[..], &[0xff; 8]].concat())
}

/// The description of an interface whose time stamps count nanoseconds, for [`enhanced_packet`].
pub fn interface(link_type: u32) -> Vec<u8> {
    let order = ByteOrder::Little;
    let mut body = [order.u16(link_type as u16), [0; 2]].concat();
    // No limit on a frame's length.
    body.extend([0; 4]);
    body.extend(order.option(TIME_RESOLUTION, &[9]));
    body.extend(order.option(END_OF_OPTIONS, &[]));
    order.block(INTERFACE, &body)
}

/// A frame, captured `time_ns` nanoseconds after 1970 on an interface described before.
pub fn enhanced_packet(
    interface: u32,
    time_ns: u64,
    original_length: u32,
    frame: &[u8],
    comment: Option<&str>,
) -> Vec<u8> {
    let order = ByteOrder::Little;
    let numbers = [interface, (time_ns >> 32) as u32, time_ns as u32, frame.len() as u32, original_length];
    let mut body: Vec<u8> = numbers.into_iter().flat_map(|number| order.u32(number)).collect();
    body.extend(frame);
    body.resize(body.len().next_multiple_of(4), 0);
    if let Some(comment) = comment {
        body.extend(order.option(COMMENT, comment.as_bytes()));
        body.extend(order.option(END_OF_OPTIONS, &[]));
    }
    order.block(ENHANCED_PACKET, &body)
}

/// Whether packets of this block can have comments.
fn is_packet(kind: u32) -> bool {
    matches!(kind, ENHANCED_PACKET | OBSOLETE_PACKET)
}

/// Copies a file's blocks, putting comments into packet blocks on the way. Whatever else stands in the file stays:
/// names of interfaces, statistics, keys, comments that were there before.
#[derive(Debug, Default)]
pub struct Copier {
    order: ByteOrder,
    /// Comments of simple packets, which can have none: the next packet that can gets them.
    waiting: Vec<String>,
}

impl Copier {
    /// Copies whole blocks. `comment` goes to the last one, which is a packet block with `captured` bytes of frame.
    ///
    /// Simple packet blocks can have neither comments nor times, and stay as they are: their comment goes to the next packet
    /// block that can have one. The stated length of a section is taken out, as it changes.
    pub fn copy(&mut self, blocks: &[u8], captured: usize, comment: Option<&str>) -> Vec<u8> {
        let mut copied = Vec::with_capacity(blocks.len() + 128);
        let mut rest = blocks;
        while !rest.is_empty() {
            let (block, behind) = self.first_block(rest);
            let kind = self.order.read_u32(block, 0);
            rest = behind;
            match comment.filter(|_| rest.is_empty()) {
                Some(comment) if kind == SIMPLE_PACKET => {
                    self.waiting.push(format!("of a packet before that can have no comment: {comment}"));
                    copied.extend(block);
                }
                comment
                    if rest.is_empty()
                        && is_packet(kind)
                        && (comment.is_some() || !self.waiting.is_empty()) =>
                {
                    let comments: Vec<String> =
                        self.waiting.drain(..).chain(comment.map(str::to_owned)).collect();
                    copied.extend(self.commented(kind, block, captured, &comments));
                }
                Some(_) => copied.extend(block),
                None if kind == SECTION => {
                    copied.extend(block);
                    let at = copied.len() - block.len() + 16;
                    if let Some(length) = copied.get_mut(at..at + 8) {
                        length.fill(0xff);
                    }
                }
                None => copied.extend(block),
            }
        }
        copied
    }

    /// Whole blocks apart: those that every copy of a part of the file needs (sections without their stated lengths,
    /// interfaces, names, keys), and the last one, which is a packet block.
    pub fn apart<'b>(&mut self, blocks: &'b [u8]) -> (Vec<u8>, &'b [u8]) {
        let (mut shared, mut rest) = (Vec::new(), blocks);
        loop {
            let (block, behind) = self.first_block(rest);
            if behind.is_empty() {
                return (shared, block);
            }
            self.copy_shared(block, &mut shared);
            rest = behind;
        }
    }

    /// The blocks behind the last packet that every copy needs.
    pub fn shared(&mut self, blocks: &[u8]) -> Vec<u8> {
        let (mut shared, last) = self.apart(blocks);
        self.copy_shared(last, &mut shared);
        shared
    }

    fn copy_shared(&self, block: &[u8], to: &mut Vec<u8>) {
        to.extend(block);
        if self.order.read_u32(block, 0) == SECTION {
            let at = to.len() - block.len() + 16;
            if let Some(length) = to.get_mut(at..at + 8) {
                length.fill(0xff);
            }
        }
    }

    /// The first block, in the byte order of its section, and what is behind it.
    fn first_block<'b>(&mut self, blocks: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        if ByteOrder::Little.read_u32(blocks, 0) == SECTION {
            // The byte-order mark reads so in a little-endian section.
            let little = ByteOrder::Little.read_u32(blocks, 8) == 0x1a2b_3c4d;
            self.order = if little { ByteOrder::Little } else { ByteOrder::Big };
        }
        let length = (self.order.read_u32(blocks, 4) as usize).clamp(12, blocks.len().max(12));
        blocks.split_at_checked(length).unwrap_or((blocks, &[]))
    }

    /// Comments that are still waiting for a packet that can have them.
    pub fn comments_left(&self) -> usize {
        self.waiting.len()
    }

    /// A packet block with these comments at the end of its options.
    fn commented(&self, kind: u32, block: &[u8], captured: usize, comments: &[String]) -> Vec<u8> {
        let order = self.order;
        let mut options: Vec<u8> =
            comments.iter().flat_map(|comment| order.option(COMMENT, comment.as_bytes())).collect();
        options.extend(order.option(END_OF_OPTIONS, &[]));
        let options_at = FRAME_AT + captured.next_multiple_of(4);
        let end = block.len().saturating_sub(4).max(8);
        let before = block.get(options_at..end).unwrap_or_default();
        let kept = options_at + self.options_length(before);
        let body = [block.get(8..kept.min(end)).unwrap_or_default(), &options].concat();
        order.block(kind, &body)
    }

    /// Bytes of the options before the one that ends the list, as far as they are well formed.
    fn options_length(&self, options: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = options.get(at..).unwrap_or_default();
            let (Some(code), Some(length)) =
                (self.order.read_u16(rest), rest.get(2..).and_then(|rest| self.order.read_u16(rest)))
            else {
                return at;
            };
            let whole = 4 + usize::from(length).next_multiple_of(4);
            if code == END_OF_OPTIONS || whole > rest.len() {
                return at;
            }
            at += whole;
        }
    }
}
