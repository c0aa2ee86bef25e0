//! Message streams whose requests are answered in turn: mmtls long links, and media with clear headers.

use std::collections::VecDeque;

use wiremark::dissect::mmtls;

use super::TaskId;
use super::catalog::{Framing, Request, TaskTable};
use super::deframer::{Deframer, Found, Message};
use super::encrypted;
use super::exchange::{Exchange, Half, Side};
use super::stream::Piece;

/// Most requests that wait for a response.
const WAITING: usize = 64;

/// One such stream.
#[derive(Debug)]
pub(super) struct Pipelined {
    framing: Framing,
    deframers: [Deframer; 2],
    pairs: Pairs,
}

#[derive(Debug, Default)]
struct Pairs {
    /// Both sides of the mmtls handshake.
    handshake: Option<Exchange>,
    /// The oldest waits longest for its response.
    waiting: VecDeque<(Exchange, Meaning)>,
    /// Answered, but the answer may go on.
    last: Option<(Exchange, Meaning)>,
}

/// What a media message says it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Unclear,
    Is(TaskId),
    /// Up or down, whichever way most bytes go.
    Either(TaskId, TaskId),
}

impl Pipelined {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, deframers: [Deframer::new(), Deframer::new()], pairs: Pairs::default() }
    }

    pub(super) fn feed(
        &mut self,
        table: &TaskTable,
        side: Side,
        time_us: u64,
        piece: Piece<'_>,
        done: &mut impl FnMut(Exchange),
    ) {
        let Self { framing, deframers, pairs } = self;
        deframers[side as usize].feed(framing, time_us, piece, &mut |found| {
            if let Found::Message(message) = found {
                pairs.take(framing, table, side, &message, done);
            }
        });
    }

    pub(super) fn finish(&mut self, table: &TaskTable, done: &mut impl FnMut(Exchange)) {
        let Self { framing, deframers, pairs } = self;
        for (side, deframer) in [Side::User, Side::Server].into_iter().zip(deframers) {
            deframer.finish(&mut |found| {
                if let Found::Message(message) = found {
                    pairs.take(framing, table, side, &message, done);
                }
            });
        }
        pairs.handshake.take().into_iter().for_each(&mut *done);
        pairs.close_last(done);
        pairs.waiting.drain(..).for_each(|pair| done(named(pair)));
    }
}

impl Pairs {
    fn take(
        &mut self,
        framing: &Framing,
        table: &TaskTable,
        side: Side,
        message: &Message<'_>,
        done: &mut impl FnMut(Exchange),
    ) {
        let meaning = match framing {
            Framing::Mmtls { handshake } => {
                if message.peek.first() != Some(&mmtls::APPLICATION) {
                    let new = || Exchange { task: *handshake, ..Exchange::new(side) };
                    let exchange = self.handshake.get_or_insert_with(new);
                    let half = exchange.half(side).get_or_insert(Half::begin(message.from_us));
                    half.miss(message.to_us, message.missed);
                    return half.add(message.to_us, message.bytes);
                }
                self.handshake.take().into_iter().for_each(&mut *done);
                Meaning::Unclear
            }
            Framing::Records(records) => {
                meaning(table, message.peek.get(records.header..).unwrap_or_default())
            }
            Framing::LongLink => Meaning::Unclear,
        };
        let half = Half::from(message);
        // A record of its own holds a message and its tag.
        let is_record = matches!(framing, Framing::Mmtls { .. });
        let inner = is_record.then(|| encrypted::message_bytes(half.bytes + half.missed)).flatten();
        match (side, self.waiting.is_empty()) {
            (Side::User, _) => {
                self.close_last(done);
                if self.waiting.len() >= WAITING {
                    self.waiting.pop_front().into_iter().for_each(|pair| done(named(pair)));
                }
                let inner = [inner, None];
                self.waiting
                    .push_back((Exchange { request: Some(half), inner, ..Exchange::new(side) }, meaning));
            }
            (Side::Server, false) => {
                self.close_last(done);
                let pair = self.waiting.pop_front();
                self.last = pair.map(|(exchange, asked)| {
                    let meaning = if asked == Meaning::Unclear { meaning } else { asked };
                    let inner = [exchange.inner[0], inner];
                    (Exchange { response: Some(half), inner, ..exchange }, meaning)
                });
                if matches!(framing, Framing::Mmtls { .. }) {
                    self.close_last(done);
                }
            }
            // Media come in several messages; without a request before them they are the rest of the last.
            (Side::Server, true) => match self.last.as_mut().and_then(|(last, _)| last.response.as_mut()) {
                Some(response) => {
                    response.add(half.to_us, half.bytes);
                    response.miss(half.to_us, half.missed);
                }
                None => {
                    let inner = [inner, None];
                    done(named((Exchange { request: Some(half), inner, ..Exchange::new(side) }, meaning)));
                }
            },
        }
    }

    fn close_last(&mut self, done: &mut impl FnMut(Exchange)) {
        self.last.take().into_iter().for_each(|pair| done(named(pair)));
    }
}

fn named((exchange, meaning): (Exchange, Meaning)) -> Exchange {
    let task = match meaning {
        Meaning::Unclear => exchange.task,
        Meaning::Is(task) => Some(task),
        Meaning::Either(up, down) => {
            Some(if exchange.bytes(Side::User) > exchange.bytes(Side::Server) { up } else { down })
        }
    };
    Exchange { task, ..exchange }
}

/// What a media body has in clear. Nothing is looked at but numbers under the table's keys, and host and folder of a
/// URL.
fn meaning(table: &TaskTable, body: &[u8]) -> Meaning {
    let media = table.media();
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let values: Vec<_> = media.keys.iter().map(|key| value(body, key.as_bytes()).and_then(number)).collect();
    let clear =
        || ["http://", "https://"].iter().find_map(|scheme| body.get(find(body, scheme.as_bytes())?..));
    let url = value(body, media.url.as_bytes()).or_else(clear);
    match (url.and_then(|url| task_of_url(table, url)), media.task(&values)) {
        (Some(task), _) => Meaning::Is(task),
        (None, Some((up, down))) => Meaning::Either(up, down),
        (None, None) => Meaning::Unclear,
    }
}

/// The value behind a key: both are preceded by their lengths.
fn value<'b>(body: &'b [u8], key: &[u8]) -> Option<&'b [u8]> {
    let wanted = [&u32::try_from(key.len()).ok()?.to_be_bytes()[..], key].concat();
    let rest = body.get(find(body, &wanted)? + wanted.len()..)?;
    let (length, rest) = rest.split_first_chunk()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

fn task_of_url(table: &TaskTable, url: &[u8]) -> Option<TaskId> {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"))?;
    let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let (host, path) = rest.split_at(rest.iter().position(|byte| !in_host(byte))?);
    let seen = Request { host: Some(host), path: Some(path), ..Request::default() };
    table.request(&seen).map(|rule| rule.task)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cut: &str, messages: &[(Side, Vec<u8>)]) -> Vec<(String, u64, u64)> {
        let table = TaskTable::embedded().unwrap();
        let framing = table.framings().iter().find(|(role, _)| role == cut).unwrap().1.clone();
        let mut link = Pipelined::new(framing);
        let mut done = Vec::new();
        let mut note = |exchange: Exchange| {
            let task = exchange.task.map_or("?", |task| &table.name(task).task).to_owned();
            done.push((task, exchange.bytes(Side::User), exchange.bytes(Side::Server)));
        };
        for (time_us, (side, bytes)) in (0..).zip(messages) {
            link.feed(&table, *side, time_us, Piece::Bytes(bytes), &mut note);
        }
        link.finish(&table, &mut note);
        done
    }

    fn record(kind: u8, bytes: u16) -> Vec<u8> {
        [&[kind, 0xf1, 4][..], &bytes.to_be_bytes(), &vec![0x5a; bytes.into()]].concat()
    }

    #[test]
    fn encrypted_messages_have_sizes_and_no_names() {
        use Side::{Server, User};
        let done = run(
            "mmtls-long",
            &[
                (User, record(0x16, 161)),
                (Server, [record(0x16, 46), record(0x16, 55)].concat()),
                (User, [record(0x16, 55), record(0x17, 546)].concat()),
                (Server, record(0x17, 150)),
                (Server, record(0x17, 40)),
            ],
        );
        let want = [("handshake", 226, 111), ("?", 551, 155), ("?", 0, 45)];
        assert!(done.iter().map(|(task, up, down)| (task.as_str(), *up, *down)).eq(want), "{done:?}");
    }

    fn media(pairs: &[(&str, &[u8])]) -> Vec<u8> {
        let text = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
        let body: Vec<u8> =
            pairs.iter().flat_map(|(key, value)| [text(key.as_bytes()), text(value)].concat()).collect();
        let (total, length) = ((25 + body.len() as u32).to_be_bytes(), (body.len() as u32).to_be_bytes());
        [&[0xab][..], &total, &[0x4e, 0x20], &[0; 4], &[0; 10], &length, &body].concat()
    }

    #[test]
    fn media_are_named_by_what_stands_in_clear() {
        use Side::{Server, User};
        let picture = [0x5a; 3000];
        let done = run(
            "media",
            &[
                (User, media(&[("ver", b"1"), ("filetype", b"2")])),
                (Server, media(&[("filedata", &picture)])),
                (User, media(&[("ver", b"1"), ("filetype", b"2"), ("filedata", &picture)])),
                (Server, media(&[("retcode", b"0")])),
                (User, media(&[("url", b"http://shmmsns.qpic.cn/mmsns/abc/0")])),
                (Server, media(&[("filedata", &picture)])),
                (User, media(&[("ver", b"1")])),
            ],
        );
        let tasks: Vec<&str> = done.iter().map(|done| done.0.as_str()).collect();
        assert_eq!(tasks, ["Receive pictures", "Send pictures", "Get photos", "?"]);
    }
}
