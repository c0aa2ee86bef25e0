//! The long link in clear: messages paired by command and sequence number.

use wiremark::dissect::longlink::{self, Header};

use super::catalog::{Framing, MessageIds, TaskTable};
use super::deframer::{Deframer, Found, Message};
use super::exchange::{Exchange, Half, Side, Step};
use super::stream::Piece;
use super::typed_body;

/// Most requests that wait for a response, and for how long they do.
const WAITING: usize = 64;
const PATIENCE_US: u64 = 60_000_000;
/// How far from an exchange the bytes of its other, unrecognised half may lie.
const NEAR_US: u64 = 10_000_000;

/// One long link.
#[derive(Debug)]
pub(super) struct LongLink {
    deframers: [Deframer; 2],
    waiting: Vec<Waiting>,
    /// Bytes without a header: side, when, how many.
    unknown: Vec<(Side, Half)>,
}

/// An exchange of which one half is missing.
#[derive(Debug)]
struct Waiting {
    command: u32,
    sequence: u32,
    exchange: Exchange,
}

impl Waiting {
    fn is_old(&self, now_us: u64) -> bool {
        self.exchange.begins_us().saturating_add(PATIENCE_US) < now_us
    }
}

/// What a message's header says it is.
struct Reading {
    /// Of the request.
    command: u32,
    initiator: Side,
    is_response: bool,
    is_answered: bool,
}

impl LongLink {
    pub(super) fn new() -> Self {
        Self { deframers: [Deframer::new(), Deframer::new()], waiting: Vec::new(), unknown: Vec::new() }
    }

    pub(super) fn feed(
        &mut self,
        table: &TaskTable,
        side: Side,
        time_us: u64,
        piece: Piece<'_>,
        tell: &mut impl FnMut(Step),
    ) {
        let Self { deframers: [user, server], waiting, unknown } = self;
        let (deframer, other) = match side {
            Side::User => (user, server),
            Side::Server => (server, user),
        };
        deframer.feed(&Framing::LongLink, time_us, piece, &mut |found| match found {
            Found::Message(message) => {
                // What the other side sent without a header may be what an old exchange lacks; and a message under way
                // there, of which the end was not captured, may be as well.
                let is_old = |waiting: &Waiting| waiting.is_old(message.from_us);
                if waiting.first().is_some_and(is_old) && !other.is_inside() {
                    if let Some(half) = other.take_unknown() {
                        unknown.push((side.other(), half));
                    }
                    while waiting.first().is_some_and(is_old) {
                        give_up(waiting, unknown, 0, tell);
                    }
                }
                take(waiting, unknown, table, side, &message, tell);
            }
            Found::Unknown { from_us, to_us, bytes, missed } => {
                unknown.push((side, Half { from_us, to_us, bytes, missed }));
            }
        });
    }

    pub(super) fn finish(&mut self, table: &TaskTable, tell: &mut impl FnMut(Step)) {
        let Self { deframers, waiting, unknown } = self;
        for (side, deframer) in [Side::User, Side::Server].into_iter().zip(deframers) {
            deframer.finish(&mut |found| match found {
                Found::Message(message) => take(waiting, unknown, table, side, &message, tell),
                Found::Unknown { from_us, to_us, bytes, missed } => {
                    unknown.push((side, Half { from_us, to_us, bytes, missed }));
                }
            });
        }
        while !waiting.is_empty() {
            give_up(waiting, unknown, 0, tell);
        }
    }
}

/// A message by itself, as in a datagram.
pub(super) fn alone(table: &TaskTable, side: Side, message: &Message<'_>) -> Option<Exchange> {
    let header = longlink::header(&message.peek).found()?;
    let reading = read(table, side, &header);
    let mut exchange = Exchange::new(reading.initiator);
    *exchange.half(side) = Some(Half::from(message));
    name(table, &mut exchange, reading.command, message);
    Some(exchange)
}

fn read(table: &TaskTable, side: Side, header: &Header) -> Reading {
    let rules = table.long_link();
    let command = match header.command {
        minor if rules.minor != 0 && minor & rules.minor == rules.minor => minor & !rules.minor,
        command => command,
    };
    if rules.acknowledgements.contains(&command) && side == Side::User {
        return Reading { command, initiator: side, is_response: false, is_answered: false };
    }
    match command.checked_sub(rules.response).filter(|request| (1..=65_535).contains(request)) {
        Some(command) => Reading { command, initiator: side.other(), is_response: true, is_answered: true },
        // What servers send first is news; nobody answers it under its own number.
        None => {
            let is_answered = side == Side::User && !rules.unanswered.contains(&command);
            Reading { command, initiator: side, is_response: false, is_answered }
        }
    }
}

fn name(table: &TaskTable, exchange: &mut Exchange, command: u32, message: &Message<'_>) {
    let body = message.peek.get(longlink::HEADER_LENGTH..).unwrap_or_default();
    // The body is as long as the message's own header says.
    let whole = longlink::header(&message.peek).found().map(|header| header.length);
    let whole = whole.and_then(|length| u64::from(length).checked_sub(longlink::HEADER_LENGTH as u64));
    let stated = typed_body::read(body, whole, table);
    if exchange.is_logged_in.is_none() && stated.is_some_and(|stated| stated.is_request) {
        exchange.is_logged_in = stated.and_then(|stated| table.is_logged_in(stated.encryption));
    }
    let request_type = exchange.request_type.or(stated.map(|stated| stated.request_type));
    if exchange.command == Some(command) && exchange.request_type == request_type {
        // The other half says nothing new.
        return;
    }
    exchange.request_type = request_type;
    exchange.command = Some(command);
    let from_server = exchange.initiator == Side::Server;
    let ids = MessageIds { command: Some(command), request_type: exchange.request_type, from_server };
    if let Some(row) = table.row(&ids) {
        exchange.task = Some(row.task);
        exchange.cgi.clone_from(&row.cgi);
    }
}

fn take(
    waiting: &mut Vec<Waiting>,
    unknown: &mut Vec<(Side, Half)>,
    table: &TaskTable,
    side: Side,
    message: &Message<'_>,
    tell: &mut impl FnMut(Step),
) {
    let Some(header) = longlink::header(&message.peek).found() else { return };
    let reading = read(table, side, &header);
    if !reading.is_response {
        tell(Step::Began(message.from_us));
    }
    let half = Half::from(message);
    if !reading.is_answered {
        let mut exchange = Exchange { request: Some(half), ..Exchange::new(side) };
        name(table, &mut exchange, reading.command, message);
        return tell(Step::Done(exchange));
    }
    let is_other_half = |waiting: &Waiting| {
        let missing = if reading.is_response { waiting.exchange.response } else { waiting.exchange.request };
        // A response can be read before its request, where the request waited for a lost segment before it.
        let in_time = reading.is_response
            || waiting.exchange.response.is_some_and(|response| half.from_us <= response.to_us);
        (waiting.command, waiting.sequence) == (reading.command, header.sequence)
            && waiting.exchange.initiator == reading.initiator
            && missing.is_none()
            && in_time
    };
    if let Some(place) = waiting.iter().position(is_other_half) {
        let mut exchange = waiting.remove(place).exchange;
        *exchange.half(side) = Some(half);
        name(table, &mut exchange, reading.command, message);
        return tell(Step::Done(exchange));
    }
    let is_same_half = |waiting: &Waiting| {
        (waiting.command, waiting.sequence, waiting.exchange.initiator)
            == (reading.command, header.sequence, reading.initiator)
    };
    if let Some(place) = waiting.iter().position(is_same_half) {
        give_up(waiting, unknown, place, tell);
    }
    if waiting.len() >= WAITING {
        give_up(waiting, unknown, 0, tell);
    }
    let mut exchange = Exchange::new(reading.initiator);
    *exchange.half(side) = Some(half);
    name(table, &mut exchange, reading.command, message);
    waiting.push(Waiting { command: reading.command, sequence: header.sequence, exchange });
}

/// Hands out an exchange whose other half was not recognised. Bytes without a header near it are that half, where no
/// other exchange could claim them.
fn give_up(
    waiting: &mut Vec<Waiting>,
    unknown: &mut Vec<(Side, Half)>,
    place: usize,
    tell: &mut impl FnMut(Step),
) {
    let mut exchange = waiting.remove(place).exchange;
    let missing = |exchange: &Exchange| match (exchange.request, exchange.response) {
        (None, Some(_)) => Some(exchange.initiator),
        (Some(_), None) => Some(exchange.initiator.other()),
        _ => None,
    };
    let at_us = exchange.begins_us();
    let is_near = |time_us: u64| time_us.abs_diff(at_us) < NEAR_US;
    if let Some(side) = missing(&exchange) {
        let rival = waiting
            .iter()
            .any(|waiting| missing(&waiting.exchange) == Some(side) && is_near(waiting.exchange.begins_us()));
        let mut runs =
            (0..unknown.len()).filter(|at| unknown[*at].0 == side && is_near(unknown[*at].1.from_us));
        if let (false, Some(run), None) = (rival, runs.next(), runs.next()) {
            let (_, half) = unknown.remove(run);
            *exchange.half(side) = Some(half);
        }
    }
    unknown.retain(|(_, half)| half.from_us.saturating_add(PATIENCE_US) > at_us);
    tell(Step::Done(exchange));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Link {
        table: TaskTable,
        link: LongLink,
        done: Vec<(String, u64, u64, Option<u64>)>,
    }

    fn message(command: u32, sequence: u32, body: usize) -> Vec<u8> {
        let length = 16 + body as u32;
        let header = [length.to_be_bytes(), [0, 0x10, 0, 1], command.to_be_bytes(), sequence.to_be_bytes()];
        [header.concat(), vec![0x5a; body]].concat()
    }

    impl Link {
        fn new() -> Self {
            Self { table: TaskTable::embedded().unwrap(), link: LongLink::new(), done: Vec::new() }
        }

        fn say(&mut self, side: Side, time_us: u64, piece: Piece<'_>) {
            let Self { table, link, done } = self;
            link.feed(table, side, time_us, piece, &mut note(table, done));
        }

        fn end(mut self) -> Vec<(String, u64, u64, Option<u64>)> {
            let Self { table, link, done } = &mut self;
            link.finish(table, &mut note(table, done));
            self.done
        }
    }

    fn note(table: &TaskTable, done: &mut Vec<(String, u64, u64, Option<u64>)>) -> impl FnMut(Step) {
        |step| {
            let Step::Done(exchange) = step else { return };
            let task = exchange.task.map_or("?", |task| &table.name(task).task).to_owned();
            let [up, down] =
                [Side::User, Side::Server].map(|side| exchange.bytes(side) + exchange.missed(side));
            done.push((task, up, down, exchange.completion_us()));
        }
    }

    #[test]
    fn pairs_are_made_by_sequence_number() {
        let mut link = Link::new();
        link.say(Side::User, 10, Piece::Bytes(&message(2, 7, 100)));
        link.say(Side::User, 20, Piece::Bytes(&message(2, 8, 200)));
        link.say(Side::Server, 50, Piece::Bytes(&message(1_000_000_002, 8, 2)));
        link.say(Side::Server, 70, Piece::Bytes(&message(1_000_000_002, 7, 1)));
        link.say(Side::Server, 80, Piece::Bytes(&message(24, 0, 4)));
        link.say(Side::User, 90, Piece::Bytes(&message(1_000_000_122, 0, 0)));
        link.say(Side::User, 95, Piece::Bytes(&message(6, u32::MAX, 0)));
        link.say(Side::Server, 99, Piece::Bytes(&message(1_000_000_006, u32::MAX, 2)));
        let done = link.end();
        assert_eq!(done[0], ("Send texts".into(), 216, 18, Some(30)));
        assert_eq!(done[1], ("Send texts".into(), 116, 17, Some(60)));
        assert_eq!(done[2], ("Server push news".into(), 0, 20, None));
        assert_eq!(done[3], ("Receive texts".into(), 16, 0, None));
        assert_eq!(done[4], ("W-TCP heartbeats".into(), 16, 18, Some(4)));
        assert_eq!(done.len(), 5);
    }

    #[test]
    fn commands_have_32_bits_and_a_minor_form() {
        let mut link = Link::new();
        link.say(Side::User, 10, Piece::Bytes(&message(0xff00_00cd, u32::MAX - 1, 10)));
        link.say(Side::Server, 11, Piece::Bytes(&message(1_000_000_205, u32::MAX - 1, 10)));
        link.say(Side::User, 20, Piece::Bytes(&message(765, 3, 10)));
        link.say(Side::Server, 21, Piece::Bytes(&message(1_000_000_765, 3, 10)));
        let tasks: Vec<String> = link.end().into_iter().map(|done| done.0).collect();
        assert_eq!(tasks, ["Connect to servers", "Control messages"]);
    }

    #[test]
    fn a_request_lost_on_the_way_keeps_its_bytes() {
        let mut link = Link::new();
        link.say(Side::User, 10, Piece::Bytes(&message(6, 1, 0)));
        link.say(Side::Server, 12, Piece::Bytes(&message(1_000_000_006, 1, 0)));
        link.say(Side::User, 1_000, Piece::Gap(316));
        link.say(Side::Server, 2_000, Piece::Bytes(&message(1_000_000_002, 2, 30)));
        link.say(Side::User, 70_000_000, Piece::Bytes(&message(6, 3, 0)));
        link.say(Side::Server, 70_000_009, Piece::Bytes(&message(1_000_000_006, 3, 0)));
        let done = link.end();
        assert!(done.contains(&("Send texts".into(), 316, 46, Some(1_000))), "{done:?}");
    }

    #[test]
    fn a_response_whose_header_was_lost_keeps_its_bytes() {
        let mut link = Link::new();
        link.say(Side::User, 10, Piece::Bytes(&message(10, 4, 100)));
        link.say(Side::Server, 20, Piece::Gap(1400));
        link.say(Side::Server, 20, Piece::Bytes(&[0x5a; 1400]));
        link.say(Side::Server, 30, Piece::Bytes(&[0x5a; 600]));
        link.say(Side::User, 300_000_000, Piece::Bytes(&message(6, 5, 0)));
        link.say(Side::Server, 300_000_009, Piece::Bytes(&message(1_000_000_006, 5, 0)));
        let done = link.end();
        // The last bytes of what was passed may begin a header and stay out.
        let near = |bytes: u64| (3400 - 15..=3400).contains(&bytes);
        assert!(done.iter().any(|done| done.0 == "Receive pictures" && near(done.2)), "{done:?}");
    }

    #[test]
    fn a_response_whose_end_was_lost_is_the_requests() {
        let mut link = Link::new();
        let (answer, beat) = (message(1_000_000_010, 4, 2000), message(1_000_000_006, 5, 0));
        link.say(Side::User, 10, Piece::Bytes(&message(10, 4, 100)));
        link.say(Side::Server, 20, Piece::Bytes(&answer[..1400]));
        link.say(Side::User, 300_000_000, Piece::Bytes(&message(6, 5, 0)));
        link.say(Side::Server, 300_000_009, Piece::Gap(616));
        link.say(Side::Server, 300_000_009, Piece::Bytes(&beat));
        let done = link.end();
        assert_eq!(done.iter().map(|done| (done.1, done.2)).collect::<Vec<_>>(), [(116, 2016), (16, 16)]);
    }

    #[test]
    fn heartbeats_with_one_number_do_not_mix() {
        let mut link = Link::new();
        link.say(Side::User, 0, Piece::Bytes(&message(6, 9, 0)));
        link.say(Side::User, 30_000_000, Piece::Bytes(&message(6, 9, 0)));
        link.say(Side::Server, 30_000_005, Piece::Bytes(&message(1_000_000_006, 9, 0)));
        let done = link.end();
        assert_eq!(done.iter().map(|done| done.3).collect::<Vec<_>>(), [None, Some(5)]);
    }
}
