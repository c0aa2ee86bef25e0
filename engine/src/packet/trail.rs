//! The headers of one frame, one after the other, and where the walk over them stopped: for telling people.

use super::layer::Layer;
use super::walk::{Start, Visit, walk};
use super::{LinkType, ParseError};
use crate::wire::ethernet::EtherType;

/// Headers kept: the bound of the walk, each with a tunnel over UDP, and the link's.
const STEPS: usize = 40;

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub layer: Layer,
    /// Where in the frame it begins.
    pub offset: usize,
}

/// The headers that [`Packet::parse`](super::Packet::parse) comes by.
#[derive(Clone, Copy, Debug)]
pub struct Trail {
    steps: [Step; STEPS],
    length: usize,
    /// Why there is no packet; `None` where there is one.
    pub error: Option<ParseError>,
}

impl Trail {
    /// Walks over a frame once more. Nothing is allocated.
    pub fn of(link_type: LinkType, frame: &[u8]) -> Self {
        let none = Step { layer: Layer::Link(link_type), offset: 0 };
        let mut recorder = Recorder { frame, trail: Self { steps: [none; STEPS], length: 0, error: None } };
        recorder.trail.error = walk(Start::Frame(link_type, frame), 0, &mut recorder).err();
        recorder.trail
    }

    /// The headers, the outermost first.
    pub fn steps(&self) -> &[Step] {
        self.steps.get(..self.length).unwrap_or_default()
    }

    /// The last header: where the walk stopped, if there is an [`error`](Self::error).
    pub fn last(&self) -> Option<Step> {
        self.steps().last().copied()
    }
}

struct Recorder<'a> {
    frame: &'a [u8],
    trail: Trail,
}

impl<'a> Visit<'a> for Recorder<'a> {
    fn layer(&mut self, layer: Layer, bytes: &'a [u8]) {
        let offset = self.frame.len().saturating_sub(bytes.len());
        // IP's length may end before the frame does: then the place is told by where the bytes lie.
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.frame.as_ptr() as usize);
        let offset = if start <= self.frame.len() { start } else { offset };
        self.add(Step { layer, offset });
        match layer {
            Layer::Ether(EtherType::PPP) => {
                let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
                match *bytes {
                    [low, ..] if low & 1 == 1 => self.add(Step { layer: Layer::Ppp(low.into()), offset }),
                    [high, low, ..] => {
                        self.add(Step { layer: Layer::Ppp(u16::from_be_bytes([high, low])), offset });
                    }
                    _ => {}
                }
            }
            Layer::Ether(length) if length.is_length() || length == EtherType::JUMBO_LLC => {
                if let Some(point) = bytes.first() {
                    self.add(Step { layer: Layer::Llc(*point), offset });
                }
            }
            _ => {}
        }
    }
}

impl Recorder<'_> {
    fn add(&mut self, step: Step) {
        if let Some(place) = self.trail.steps.get_mut(self.trail.length) {
            *place = step;
            self.trail.length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_the_packet() {
        let mut frame = [0; 14 + 4 + 20 + 8];
        frame[12..18].copy_from_slice(&[0x81, 0, 0, 5, 8, 0]);
        (frame[18], frame[21], frame[27], frame[43]) = (0x45, 28, 17, 8);
        let trail = Trail::of(LinkType::Ethernet, &frame);
        let expected = [
            Step { layer: Layer::Link(LinkType::Ethernet), offset: 0 },
            Step { layer: Layer::Ether(EtherType::VLAN), offset: 14 },
            Step { layer: Layer::Ether(EtherType::IPV4), offset: 18 },
            Step { layer: Layer::Ip(17), offset: 38 },
        ];
        assert_eq!(trail.steps(), expected);
        assert_eq!(trail.error, None);
    }

    #[test]
    fn where_it_stopped() {
        let mut frame = [0; 60];
        (frame[12], frame[13], frame[14]) = (0, 46, 0x42);
        let trail = Trail::of(LinkType::Ethernet, &frame);
        assert_eq!(trail.error, Some(ParseError::Unsupported));
        assert_eq!(trail.last(), Some(Step { layer: Layer::Llc(0x42), offset: 14 }));
        (frame[12], frame[13], frame[14], frame[16], frame[19]) = (0x88, 0x64, 0x11, 0, 4);
        frame[20..22].copy_from_slice(&[0xc0, 0x21]);
        let trail = Trail::of(LinkType::Ethernet, &frame);
        assert_eq!(trail.last(), Some(Step { layer: Layer::Ppp(0xc021), offset: 20 }));
        let trail = Trail::of(LinkType::Ethernet, &frame[..10]);
        assert_eq!(trail.error, Some(ParseError::Truncated));
        assert_eq!(trail.last(), Some(Step { layer: Layer::Link(LinkType::Ethernet), offset: 0 }));
    }
}
