//! The frames that are kept: the places in them, and what the classifier says of each.

use wiremark::{Classifier, Direction, Flow, LinkType, Packet, ParseError, Seen, Tracker, TrackerConfig};

use super::fragments::{Added, Fragments, RAW, Target};
use super::frame::Frame;
use super::layers::Layers;
use super::piece::Piece;
use super::trail;

/// Packets put together within packets put together: those of a tunnel, and those inside.
const DEPTH_MAX: usize = 2;

/// Protocols that carry no packet of a flow: ICMP and ICMPv6.
const CONTROL: [u8; 2] = [1, 58];
/// The number of a packet that is not kept.
const NOWHERE: usize = usize::MAX;

/// What the classifier says of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameVerdict {
    pub(super) flow: u64,
    pub(super) direction: Direction,
    /// App, role, whether it is final.
    pub(super) verdict: (u16, u8, bool),
}

impl FrameVerdict {
    /// Where no app was found, it matters to nobody when that was final.
    pub(super) fn verdict(&self) -> (u16, u8, bool) {
        let (app, role, is_final) = self.verdict;
        (app, role, is_final && app != 0)
    }
}

/// What a frame's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A packet's.
    Packet,
    /// A piece of a packet that is a frame of its own here.
    Piece,
    /// A piece whose packet never was whole: so many bytes of it stay, and what the others become.
    Lost(usize, u8),
}

/// A frame, or a packet that frames' pieces make.
pub(super) struct Kept {
    pub(super) frame: Frame,
    pub(super) layers: Layers,
    /// None for a piece of a packet not known yet.
    pub(super) told: Option<FrameVerdict>,
    pub(super) content: Content,
    /// Where a packet's pieces stand; none of a frame.
    pub(super) pieces: Vec<Target>,
    /// A piece's number in place of its own, and where it stands.
    pub(super) number: Option<(usize, Vec<u8>)>,
}

impl Kept {
    pub(super) fn is_frame(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// A tracker that is asked about each frame.
pub(super) struct FrameClassifier<'c>(Tracker<'c>);

impl<'c> FrameClassifier<'c> {
    pub(super) fn new(classifier: &'c Classifier, config: TrackerConfig) -> Self {
        Self(Tracker::new(classifier, config))
    }

    /// Nothing for a piece of a packet not known yet.
    ///
    /// # Errors
    /// No packet; None where the link type is not known.
    pub(super) fn classify(&mut self, frame: &Frame) -> Result<Option<FrameVerdict>, Option<ParseError>> {
        let link_type = LinkType::from_number(frame.link_type).ok_or(None)?;
        let time_us = frame.time_ns / 1000;
        let tracked =
            wiremark::Frame { link_type, time_us, bytes: &frame.bytes, wire_bytes: frame.original_length };
        let seen: Seen = match self.0.frame(&tracked, &mut |_: &Flow| {}) {
            Ok(seen) => seen,
            Err(ParseError::Fragment) => return Ok(None),
            Err(error) => return Err(Some(error)),
        };
        let verdict = (seen.verdict.app.0, seen.verdict.role.0, seen.verdict.is_final());
        Ok(Some(FrameVerdict { flow: seen.flow_number, direction: seen.direction, verdict }))
    }
}

/// The frames kept so far, packets put together among them behind the frame that made them whole.
pub(super) struct Keeper<'c> {
    pub(super) kept: Vec<Kept>,
    classifier: FrameClassifier<'c>,
    fragments: Fragments,
}

impl<'c> Keeper<'c> {
    pub(super) fn new(classifier: &'c Classifier, config: TrackerConfig) -> Self {
        let classifier = FrameClassifier::new(classifier, config);
        Self { kept: Vec::new(), classifier, fragments: Fragments::default() }
    }

    /// Keeps a frame.
    ///
    /// # Errors
    /// It has no packet, or none that can be rewritten, and is given back; None where the link type is not known.
    pub(super) fn keep(&mut self, frame: Frame) -> Result<(), (Frame, Option<ParseError>)> {
        let Some(link_type) = LinkType::from_number(frame.link_type) else { return Err((frame, None)) };
        let piece = piece(link_type, &frame.bytes);
        let layers = match packet_layers(link_type, &frame) {
            Err(error) if piece.is_none() => return Err((frame, Some(error))),
            layers => layers.ok(),
        };
        let told = match self.classifier.classify(&frame) {
            Ok(told) => told,
            Err(error) => {
                // Its packet was whole, and made no sense: the next one with its number is another.
                if let Some((_, piece)) = &piece {
                    let number = self.kept.len();
                    _ = self.fragments.add(piece, &frame.bytes, number, frame.time_ns, NOWHERE);
                }
                return Err((frame, error));
            }
        };
        self.add(frame, layers, piece, told, 0);
        Ok(())
    }

    fn add(
        &mut self,
        frame: Frame,
        layers: Option<Layers>,
        piece: Option<(Layers, Piece)>,
        told: Option<FrameVerdict>,
        depth: usize,
    ) {
        let number = self.kept.len();
        let (time_ns, interface) = (frame.time_ns, frame.interface);
        let added = piece
            .as_ref()
            .filter(|_| depth < DEPTH_MAX)
            .map(|(_, piece)| self.fragments.add(piece, &frame.bytes, number, time_ns, number + 1));
        // Until its packet is whole, a first piece is looked at by itself. What contradicted others still does.
        let fill = if let Some((Added::Refused, _)) = added { 0xff } else { 0 };
        let content = match &piece {
            Some((_, piece)) if layers.is_none() || fill != 0 => Content::Lost(piece.header_bytes(), fill),
            _ => Content::Packet,
        };
        let (added, generation) = added.unzip();
        let key = piece.as_ref().map(|(_, piece)| piece.key);
        let number = piece.as_ref().zip(generation.filter(|generation| *generation > 0));
        let number = number.map(|((_, piece), generation)| piece.renumbered(generation));
        let layers = layers.or(piece.map(|(layers, _)| layers)).unwrap_or_default();
        self.kept.push(Kept { frame, layers, told, content, pieces: Vec::new(), number });
        match added {
            None | Some(Added::Waits | Added::Refused) => {}
            Some(Added::Copy(whole, target)) => {
                if let Some(whole) = self.kept.get_mut(whole) {
                    whole.pieces.push(target.clone());
                    self.belongs(&target);
                }
            }
            Some(Added::Whole(bytes, targets)) => {
                let original_length = bytes.len() as u32;
                let packet = Frame { time_ns, link_type: RAW, interface, original_length, bytes };
                let piece = piece_of(&packet);
                let layers = packet_layers(LinkType::Raw, &packet).ok();
                if layers.is_none() && piece.is_none() {
                    return key.into_iter().for_each(|key| self.fragments.renumber(&key, NOWHERE));
                }
                targets.iter().for_each(|target| self.belongs(target));
                let whole = self.kept.len();
                self.add(packet, layers, piece, told, depth + 1);
                if let Some(whole) = self.kept.get_mut(whole) {
                    whole.pieces = targets;
                }
            }
        }
    }

    /// The frame's payload is a piece of a packet that is rewritten as one.
    fn belongs(&mut self, target: &Target) {
        if let Some(kept) = self.kept.get_mut(target.frame) {
            kept.content = Content::Piece;
            if let Some((layers, _)) =
                LinkType::from_number(kept.frame.link_type).and_then(|link| piece(link, &kept.frame.bytes))
            {
                kept.layers = layers;
            }
        }
    }
}

fn packet_layers(link_type: LinkType, frame: &Frame) -> Result<Layers, ParseError> {
    let packet = Packet::parse(link_type, frame.time_ns / 1000, &frame.bytes)?;
    Layers::of(link_type, &frame.bytes, &packet)
        .or_else(|| trail::layers(link_type, &frame.bytes, &packet))
        .ok_or(ParseError::Unsupported)
}

fn piece_of(packet: &Frame) -> Option<(Layers, Piece)> {
    piece(LinkType::Raw, &packet.bytes)
}

fn piece(link_type: LinkType, frame: &[u8]) -> Option<(Layers, Piece)> {
    let found = Layers::of_piece(link_type, frame).or_else(|| trail::piece(link_type, frame));
    found.filter(|(_, piece)| !CONTROL.contains(&piece.protocol))
}
