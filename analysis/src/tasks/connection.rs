//! A TCP connection of the app: its two streams, and what they carry.

use wiremark::dissect::{Dissection, http};
use wiremark::{Carrier, TcpFields};

use super::catalog::{Framing, TaskTable};
use super::exchange::{Exchange, Half, Side};
use super::flow::{Purpose, Told, framing_of_role};
use super::http::Http;
use super::in_turn::InTurn;
use super::long_link::LongLink;
use super::record::FlowType;
use super::stream::{Piece, Stream};

/// Most bytes looked at before a stream's content is given up as unknown.
const FIRST_BYTES: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    streams: [Stream; 2],
    content: Content,
    opened_us: Option<u64>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all connections that are kept are of the largest kinds"
)]
enum Content {
    /// Too little was seen to tell.
    Unknown(Vec<Kept>),
    Http(Http),
    LongLink(LongLink),
    InTurn(InTurn),
    /// Nothing that can be taken apart: one exchange.
    Whole(Exchange),
}

/// A piece that waits.
#[derive(Debug)]
struct Kept {
    side: Side,
    time_us: u64,
    bytes: Vec<u8>,
    gap: u64,
}

impl Connection {
    /// `opened_us`: when its SYN was captured, if it was.
    pub(super) fn new(opened_us: Option<u64>) -> Self {
        let streams = [Stream::default(), Stream::default()];
        Self { streams, content: Content::Unknown(Vec::new()), opened_us }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a segment, live or parked")]
    pub(super) fn segment(
        &mut self,
        table: &TaskTable,
        purpose: Purpose<'_>,
        side: Side,
        time_us: u64,
        tcp: TcpFields,
        payload: &[u8],
        tell: &mut impl FnMut(Told),
    ) {
        let Self { streams, content, opened_us } = self;
        let other = side.other();
        streams[other as usize].overdue(time_us, &mut |time_us, piece| {
            content.piece(table, purpose, *opened_us, other, time_us, piece, tell);
        });
        streams[side as usize].segment(time_us, tcp, payload, &mut |time_us, piece| {
            content.piece(table, purpose, *opened_us, side, time_us, piece, tell);
        });
    }

    pub(super) fn finish(&mut self, table: &TaskTable, purpose: Purpose<'_>, tell: &mut impl FnMut(Told)) {
        let Self { streams, content, opened_us } = self;
        for (side, stream) in [Side::User, Side::Server].into_iter().zip(streams) {
            stream.finish(&mut |time_us, piece| {
                content.piece(table, purpose, *opened_us, side, time_us, piece, tell);
            });
        }
        if let Content::Unknown(_) = content {
            content.settle(table, purpose, *opened_us, true, tell);
        }
        match content {
            Content::Unknown(_) => {}
            Content::Http(http) => http.finish(table, &mut |open| tell(Told::Http(open))),
            Content::LongLink(link) => link.finish(table, &mut |step| tell(step.into())),
            Content::InTurn(link) => link.finish(table, &mut |exchange| in_turn(exchange, tell)),
            Content::Whole(exchange) => {
                let flow_type = if purpose.carrier == Carrier::Dns { FlowType::Dns } else { FlowType::Tcp };
                tell(Told::Task(flow_type, std::mem::replace(exchange, Exchange::new(Side::User))));
            }
        }
    }
}

fn in_turn(exchange: Exchange, tell: &mut impl FnMut(Told)) {
    tell(Told::Began(exchange.begins_us()));
    tell(Told::Task(FlowType::Tcp, exchange));
}

impl Content {
    #[expect(clippy::too_many_arguments, reason = "a piece, and whose it is")]
    fn piece(
        &mut self,
        table: &TaskTable,
        purpose: Purpose<'_>,
        opened_us: Option<u64>,
        side: Side,
        time_us: u64,
        piece: Piece<'_>,
        tell: &mut impl FnMut(Told),
    ) {
        match self {
            Content::Unknown(kept) => {
                let (bytes, gap) = match piece {
                    Piece::Bytes(bytes) => (bytes.to_vec(), 0),
                    Piece::Gap(gap) => (Vec::new(), gap),
                };
                kept.push(Kept { side, time_us, bytes, gap });
                self.settle(table, purpose, opened_us, false, tell);
            }
            Content::Http(http) => http.feed(table, side, time_us, piece, &mut |open| tell(Told::Http(open))),
            Content::LongLink(link) => link.feed(table, side, time_us, piece, &mut |step| tell(step.into())),
            Content::InTurn(link) => {
                link.feed(table, side, time_us, piece, &mut |exchange| in_turn(exchange, tell));
            }
            Content::Whole(exchange) => {
                let bytes = match piece {
                    Piece::Bytes(bytes) => bytes.len() as u64,
                    Piece::Gap(gap) => gap,
                };
                exchange.half(side).get_or_insert(Half::begin(time_us)).add(time_us, bytes);
            }
        }
    }

    /// Decides what the streams carry, if the bytes kept suffice, and takes them in.
    fn settle(
        &mut self,
        table: &TaskTable,
        purpose: Purpose<'_>,
        opened_us: Option<u64>,
        is_over: bool,
        tell: &mut impl FnMut(Told),
    ) {
        let Content::Unknown(kept) = self else { return };
        let first = |side: Side| -> Vec<u8> {
            kept.iter()
                .filter(|piece| piece.side == side)
                .flat_map(|piece| piece.bytes.iter().copied())
                .collect()
        };
        let looks = [Side::User, Side::Server].map(|side| look(table, purpose, &first(side)));
        let content = match looks {
            [Dissection::Found(content), _] | [_, Dissection::Found(content)] => content,
            [Dissection::NotMine, _] | [_, Dissection::NotMine] => fallback(table, purpose),
            _ if is_over || kept.iter().map(|piece| piece.bytes.len()).sum::<usize>() > FIRST_BYTES => {
                fallback(table, purpose)
            }
            _ => return,
        };
        let content = match content {
            // Whoever opened the connection did it for the first request.
            Content::Http(_) => Content::Http(Http::new(opened_us)),
            other => other,
        };
        let kept = std::mem::take(kept);
        *self = content;
        for Kept { side, time_us, bytes, gap } in kept {
            let piece = if gap > 0 { Piece::Gap(gap) } else { Piece::Bytes(&bytes) };
            self.piece(table, purpose, opened_us, side, time_us, piece, tell);
        }
    }
}

/// What a stream that begins with these bytes carries.
fn look(table: &TaskTable, purpose: Purpose<'_>, bytes: &[u8]) -> Dissection<Content> {
    if bytes.is_empty() {
        return Dissection::NeedMore;
    }
    if matches!(purpose.carrier, Carrier::Tls | Carrier::Dns) {
        return Dissection::Found(Content::Whole(Exchange::new(Side::User)));
    }
    match http::head(bytes) {
        Dissection::Found(_) => return Dissection::Found(Content::Http(Http::new(None))),
        // A method's name suffices once a space follows it.
        Dissection::NeedMore => return Dissection::NeedMore,
        Dissection::NotMine => {}
    }
    let mut answer = Dissection::NotMine;
    for (_, framing) in table.framings() {
        match framing.message_length(bytes) {
            Dissection::Found(_) => return Dissection::Found(cut_by(framing.clone())),
            Dissection::NeedMore => answer = Dissection::NeedMore,
            Dissection::NotMine => {}
        }
    }
    answer
}

/// What the flow's role lets expect, where its first bytes do not tell: they may be the middle of something.
fn fallback(table: &TaskTable, purpose: Purpose<'_>) -> Content {
    match (purpose.carrier, framing_of_role(table, purpose.role)) {
        (Carrier::Http, _) => Content::Http(Http::new(None)),
        (Carrier::Unknown | Carrier::Raw, Some(framing)) => cut_by(framing),
        _ => Content::Whole(Exchange::new(Side::User)),
    }
}

fn cut_by(framing: Framing) -> Content {
    match framing {
        Framing::LongLink => Content::LongLink(LongLink::new()),
        framing => Content::InTurn(InTurn::new(framing)),
    }
}
