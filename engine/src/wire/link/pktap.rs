//! Darwin's packet tap: which process and which interface a packet belongs to (LINKTYPE_PKTAP of the tcpdump group's
//! list; xnu bsd/net/pktap.h). Little-endian. LINKTYPE_USER2 (149) is what tcpdump of macOS and iOS writes for it.
//!
//! ```text
//! 0        4            8           12          36      40       44            48             52    56            76
//! | length | record type | link type | interface | flags | family | link header | link trailer | pid | command, 20 | ...
//! ```

use crate::wire::ParseError;

/// Bytes of a process's name, filled up with zeroes.
pub const COMMAND_BYTES: usize = 20;

/// What the header says of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pktap<'a> {
    /// Number of the link type of what follows.
    pub link_type: u32,
    /// The process's name, cut to 20 bytes; empty where the kernel knew none.
    pub command: &'a [u8],
    /// Whether the machine sent the packet, or received it; neither where the header does not say.
    pub is_outgoing: Option<bool>,
    /// The frame.
    pub frame: &'a [u8],
}

impl<'a> Pktap<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ParseError::Unsupported`] for records without a packet (type 0) and headers too short to be one;
    /// [`ParseError::Truncated`] where the header is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let number = |at: usize| {
            let field = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(ParseError::Truncated)?;
            Ok(u32::from_le_bytes(*field))
        };
        let (length, record, link_type, flags) = (number(0)? as usize, number(4)?, number(8)?, number(36)?);
        if length < 76 || record != 1 {
            return Err(ParseError::Unsupported);
        }
        let (header, frame) = bytes.split_at_checked(length).ok_or(ParseError::Truncated)?;
        let command = header.get(56..56 + COMMAND_BYTES).unwrap_or_default();
        let end = command.iter().position(|byte| *byte == 0).unwrap_or(command.len());
        Ok(Self {
            link_type,
            command: command.get(..end).unwrap_or_default(),
            is_outgoing: match flags & 3 {
                1 => Some(false),
                2 => Some(true),
                _ => None,
            },
            frame,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_direction_and_frame() {
        let mut bytes = [0; 110];
        (bytes[0], bytes[4], bytes[8], bytes[36], bytes[108]) = (108, 1, 1, 2, 0xab);
        bytes[56..60].copy_from_slice(b"chat");
        let header = Pktap::parse(&bytes).unwrap();
        assert_eq!((header.link_type, header.command, header.is_outgoing), (1, &b"chat"[..], Some(true)));
        assert_eq!(header.frame, [0xab, 0]);
        bytes[36] = 1;
        assert_eq!(Pktap::parse(&bytes).unwrap().is_outgoing, Some(false));
        assert_eq!(Pktap::parse(&bytes[..107]), Err(ParseError::Truncated));
    }

    #[test]
    fn no_packet() {
        let mut bytes = [0; 108];
        bytes[0] = 108;
        assert_eq!(Pktap::parse(&bytes), Err(ParseError::Unsupported));
        (bytes[0], bytes[4]) = (40, 1);
        assert_eq!(Pktap::parse(&bytes), Err(ParseError::Unsupported));
    }
}
