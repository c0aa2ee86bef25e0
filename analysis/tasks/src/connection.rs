//! A TCP connection of the app: its two streams, and what they carry.

use wiremark::Carrier;
use wiremark::dissect::{Dissection, http};

use super::catalog::Framing;
use super::exchange::{Exchange, Half, Side};
use super::flow_context::{FlowContext, SidedPacket};
use super::flow_event::FlowEvent;
use super::http::Http;
use super::long_link::LongLink;
use super::pipelined::Pipelined;
use super::record::FlowType;
use super::stream::{Piece, Stream};

/// Most bytes looked at before a stream's content is given up as unknown.
const FIRST_BYTES: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    streams: [Stream; 2],
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Too little was seen to tell.
    Unknown(Unknown),
    Http(Http),
    LongLink(LongLink),
    Pipelined(Box<Pipelined>),
    /// Nothing that can be taken apart: one exchange.
    Whole(Exchange),
}

/// What was seen so far, until it suffices.
#[derive(Debug)]
struct Unknown {
    kept: Vec<BufferedPiece>,
    /// When the connection's SYN was captured, if it was.
    opened_us: Option<u64>,
}

/// A piece that waits.
#[derive(Debug)]
struct BufferedPiece {
    side: Side,
    time_us: u64,
    bytes: Vec<u8>,
    gap: u64,
}

impl Connection {
    /// `opened_us`: when its SYN was captured, if it was; `starts`: sequence numbers of the first bytes, where known.
    pub(super) fn new(opened_us: Option<u64>, starts: [Option<u32>; 2]) -> Self {
        let unknown = Unknown { kept: Vec::new(), opened_us };
        Self { streams: starts.map(Stream::new), content: Content::Unknown(unknown) }
    }

    pub(super) fn segment(
        &mut self,
        context: FlowContext<'_>,
        packet: SidedPacket<'_>,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        let Self { streams, content } = self;
        let SidedPacket { side, time_us, tcp, payload } = packet;
        let other = side.other();
        streams[other as usize].overdue(time_us, &mut |time_us, piece| {
            content.piece(context, other, time_us, piece, tell);
        });
        streams[side as usize].segment(time_us, tcp, payload, &mut |time_us, piece| {
            content.piece(context, side, time_us, piece, tell);
        });
    }

    /// Whether both sides have said all they had to say.
    pub(super) fn is_over(&self) -> bool {
        self.streams.iter().all(Stream::is_over)
    }

    pub(super) fn finish(&mut self, context: FlowContext<'_>, tell: &mut impl FnMut(FlowEvent)) {
        let Self { streams, content } = self;
        for (side, stream) in [Side::User, Side::Server].into_iter().zip(streams) {
            stream.finish(&mut |time_us, piece| content.piece(context, side, time_us, piece, tell));
        }
        content.recognise(context, true, tell);
        match content {
            Content::Unknown(_) => {}
            Content::Http(http) => http.finish(context.table, &mut |open| tell(FlowEvent::Http(open))),
            Content::LongLink(link) => link.finish(context.table, &mut |step| tell(step.into())),
            Content::Pipelined(link) => link.finish(context.table, &mut |exchange| in_turn(exchange, tell)),
            Content::Whole(exchange) => {
                let flow_type = if context.carrier() == Carrier::Dns { FlowType::Dns } else { FlowType::Tcp };
                tell(FlowEvent::Task(flow_type, std::mem::replace(exchange, Exchange::new(Side::User))));
            }
        }
    }
}

fn in_turn(exchange: Exchange, tell: &mut impl FnMut(FlowEvent)) {
    tell(FlowEvent::Began(exchange.begins_us()));
    tell(FlowEvent::Task(FlowType::Tcp, exchange));
}

impl Content {
    fn piece(
        &mut self,
        context: FlowContext<'_>,
        side: Side,
        time_us: u64,
        piece: Piece<'_>,
        tell: &mut impl FnMut(FlowEvent),
    ) {
        let table = context.table;
        match self {
            Content::Unknown(Unknown { kept, opened_us }) => {
                // Most streams are known by the first piece of them.
                if let (true, Piece::Bytes(bytes)) = (kept.is_empty(), piece)
                    && let Dissection::Found(content) = recognise_start(context, *opened_us, bytes)
                {
                    *self = content;
                    return self.piece(context, side, time_us, piece, tell);
                }
                let (bytes, gap) = match piece {
                    Piece::Bytes(bytes) => (bytes.to_vec(), 0),
                    Piece::Gap(gap) => (Vec::new(), gap),
                    Piece::Break => return,
                };
                kept.push(BufferedPiece { side, time_us, bytes, gap });
                self.recognise(context, false, tell);
            }
            Content::Http(http) => {
                http.feed(table, side, time_us, piece, &mut |open| tell(FlowEvent::Http(open)))
            }
            Content::LongLink(link) => link.feed(table, side, time_us, piece, &mut |step| tell(step.into())),
            Content::Pipelined(link) => {
                link.feed(table, side, time_us, piece, &mut |exchange| in_turn(exchange, tell));
            }
            Content::Whole(exchange) => {
                let half = exchange.half(side).get_or_insert(Half::begin(time_us));
                match piece {
                    Piece::Bytes(bytes) => half.add(time_us, bytes.len() as u64),
                    Piece::Gap(gap) => half.miss(time_us, gap),
                    Piece::Break => {}
                }
            }
        }
    }

    /// Decides what the streams carry, if the bytes kept suffice, and takes them in.
    fn recognise(&mut self, context: FlowContext<'_>, is_over: bool, tell: &mut impl FnMut(FlowEvent)) {
        let Content::Unknown(Unknown { kept, opened_us }) = self else { return };
        let first = |side: Side| -> Vec<u8> {
            kept.iter()
                .filter(|piece| piece.side == side)
                .flat_map(|piece| piece.bytes.iter().copied())
                .collect()
        };
        let starts =
            [Side::User, Side::Server].map(|side| recognise_start(context, *opened_us, &first(side)));
        let content = match starts {
            [Dissection::Found(content), _] | [_, Dissection::Found(content)] => content,
            [Dissection::NotMine, _] | [_, Dissection::NotMine] => fallback(context, *opened_us),
            _ if is_over || kept.iter().map(|piece| piece.bytes.len()).sum::<usize>() > FIRST_BYTES => {
                fallback(context, *opened_us)
            }
            _ => return,
        };
        let kept = std::mem::take(kept);
        *self = content;
        for BufferedPiece { side, time_us, bytes, gap } in kept {
            let piece = if gap > 0 { Piece::Gap(gap) } else { Piece::Bytes(&bytes) };
            self.piece(context, side, time_us, piece, tell);
        }
    }
}

/// What a stream that begins with these bytes carries.
fn recognise_start(context: FlowContext<'_>, opened_us: Option<u64>, bytes: &[u8]) -> Dissection<Content> {
    if bytes.is_empty() {
        return Dissection::NeedMore;
    }
    match context.carrier() {
        Carrier::Tls | Carrier::Dns => {
            return Dissection::Found(Content::Whole(Exchange::new(Side::User)));
        }
        Carrier::Http => return Dissection::Found(Content::Http(Http::new(opened_us))),
        _ => {}
    }
    match http::head(bytes) {
        Dissection::Found(_) => return Dissection::Found(Content::Http(Http::new(opened_us))),
        // A method's name suffices once a space follows it.
        Dissection::NeedMore => return Dissection::NeedMore,
        Dissection::NotMine => {}
    }
    let mut answer = Dissection::NotMine;
    for (_, framing) in context.table.framings() {
        match framing.message_length(bytes) {
            Dissection::Found(_) => return Dissection::Found(cut_by(framing.clone())),
            Dissection::NeedMore => answer = Dissection::NeedMore,
            Dissection::NotMine => {}
        }
    }
    answer
}

/// What the flow's role lets expect, where its first bytes do not tell: they may be the middle of something.
fn fallback(context: FlowContext<'_>, opened_us: Option<u64>) -> Content {
    match (context.carrier(), context.table.framing_of_role(context.role())) {
        (Carrier::Unknown | Carrier::Raw, Some(framing)) => cut_by(framing.clone()),
        (Carrier::Unknown, None) if context.table.is_http(context.role()) => {
            Content::Http(Http::new(opened_us))
        }
        _ => Content::Whole(Exchange::new(Side::User)),
    }
}

fn cut_by(framing: Framing) -> Content {
    match framing {
        Framing::LongLink => Content::LongLink(LongLink::new()),
        framing => Content::Pipelined(Box::new(Pipelined::new(framing))),
    }
}
