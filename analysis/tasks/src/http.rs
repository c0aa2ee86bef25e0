//! Short links and resources: the requests of an HTTP/1 connection, and what came back.
//!
//! What the server sends belongs to the latest request: the app does not pipeline. So a response needs no head to be
//! counted, and gaps in it cost nothing.

use wiremark::dissect::http::{self, Head};
use wiremark::dissect::{Dissection, mmtls};

use super::TaskId;
use super::catalog::Cluster;
use super::catalog::{MessageIds, Request, TaskTable};
use super::encrypted;
use super::exchange::{Exchange, Half, Side};
use super::stream::Piece;
use super::typed_body::{self, TypedBody};

/// Bytes of a response's start that are searched for its business header, and of a request's body.
const ANSWER_PEEK: usize = 1024;
const BODY_PEEK: usize = 80;
/// The same of a body of records: those before the data take some two hundred.
const RECORDS_PEEK: usize = 1024;

/// One connection.
#[derive(Debug)]
pub(super) struct Http {
    state: State,
    /// When the connection was opened, for the first request.
    opened_us: Option<u64>,
    open: Option<Open>,
}

#[derive(Debug)]
enum State {
    /// In a request's head, of which this was seen.
    Head(Vec<u8>, u64),
    /// So many bytes of the body are to come.
    Body(u64),
    /// The place was lost: a head must begin a segment.
    Lost,
}

/// The exchange that goes on.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) exchange: Exchange,
    /// The request's head was read.
    pub(super) has_head: bool,
    /// The request's host alone told the task.
    pub(super) is_by_host: bool,
    handshake: Option<TaskId>,
    /// Length of the body, as the head says, and of the host's name.
    body_bytes: Option<u64>,
    host_bytes: u64,
    /// The body, and the answer's, may begin with a business header.
    may_have_type: bool,
    body: Vec<u8>,
    answer: Vec<u8>,
}

impl Open {
    fn new() -> Self {
        Self {
            exchange: Exchange::new(Side::User),
            has_head: false,
            is_by_host: false,
            handshake: None,
            body_bytes: None,
            host_bytes: 0,
            may_have_type: true,
            body: Vec::new(),
            answer: Vec::new(),
        }
    }
}

impl Open {
    /// What the request's business header says.
    fn typed_body(&self, table: &TaskTable) -> Option<TypedBody> {
        typed_body::read(&self.body, self.body_bytes, table)
    }

    /// Lengths of the messages in single records: path and business packet up, the message down.
    fn inner(&self, table: &TaskTable) -> [Option<u64>; 2] {
        let up = self.body_bytes.and_then(|whole| encrypted::single_message(&self.body, whole));
        let (answer, whole) = body_of(table, &self.answer);
        let down = whole.and_then(|whole| encrypted::single_message(answer, whole));
        [up.and_then(|bytes| encrypted::path_and_packet(bytes, self.host_bytes)), down]
    }
}

impl Http {
    /// `opened_us`: when the first segment was captured, if it opened the connection.
    pub(super) fn new(opened_us: Option<u64>) -> Self {
        Self { state: State::Head(Vec::new(), 0), opened_us, open: None }
    }

    pub(super) fn feed(
        &mut self,
        table: &TaskTable,
        side: Side,
        time_us: u64,
        piece: Piece<'_>,
        done: &mut impl FnMut(Open),
    ) {
        match (side, piece) {
            (Side::User, Piece::Bytes(mut bytes)) => {
                while !bytes.is_empty() {
                    bytes = self.request(table, time_us, bytes, done);
                }
            }
            (Side::User, Piece::Gap(gap)) => self.gap(table, time_us, gap, done),
            (Side::User, Piece::Break) => {
                if let State::Head(head, from_us) = std::mem::replace(&mut self.state, State::Lost) {
                    self.count(Side::User, from_us, head.len() as u64);
                }
            }
            (Side::Server, Piece::Break) => {}
            (Side::Server, Piece::Bytes(bytes)) => {
                self.count(Side::Server, time_us, bytes.len() as u64);
                let is_asked = |open: &&mut Open| {
                    open.may_have_type && (!open.answer.is_empty() || open.typed_body(table).is_none())
                };
                if let Some(open) = self.open.as_mut().filter(is_asked) {
                    let room = ANSWER_PEEK.saturating_sub(open.answer.len()).min(bytes.len());
                    open.answer.extend_from_slice(&bytes[..room]);
                }
            }
            (Side::Server, Piece::Gap(gap)) => self.miss(Side::Server, time_us, gap),
        }
    }

    /// The user's end sent bytes that were not captured.
    fn gap(&mut self, table: &TaskTable, time_us: u64, gap: u64, done: &mut impl FnMut(Open)) {
        let missed = match &mut self.state {
            State::Body(remaining) if *remaining > gap => {
                *remaining -= gap;
                gap
            }
            State::Body(remaining) if *remaining == gap => {
                self.state = State::Head(Vec::new(), 0);
                gap
            }
            State::Head(head, _) => {
                let seen = head.len() as u64;
                self.state = State::Lost;
                // Behind an answered request a lost one begins.
                if self.open.as_ref().is_some_and(|open| open.has_head && open.exchange.response.is_some()) {
                    self.close(table, done);
                }
                self.count(Side::User, time_us, seen);
                gap
            }
            State::Body(_) | State::Lost => {
                self.state = State::Lost;
                gap
            }
        };
        self.miss(Side::User, time_us, missed);
    }

    /// Hands out the last exchange.
    pub(super) fn finish(&mut self, table: &TaskTable, done: &mut impl FnMut(Open)) {
        if let State::Head(head, from_us) = std::mem::replace(&mut self.state, State::Lost)
            && !head.is_empty()
        {
            self.count(Side::User, from_us, head.len() as u64);
        }
        self.close(table, done);
    }

    /// Uses some of what the user's end sent; the rest comes back.
    fn request<'b>(
        &mut self,
        table: &TaskTable,
        time_us: u64,
        bytes: &'b [u8],
        done: &mut impl FnMut(Open),
    ) -> &'b [u8] {
        match &mut self.state {
            State::Body(remaining) => {
                let taken =
                    usize::try_from(*remaining).map_or(bytes.len(), |remaining| remaining.min(bytes.len()));
                *remaining -= taken as u64;
                if *remaining == 0 {
                    self.state = State::Head(Vec::new(), 0);
                }
                let (now, later) = bytes.split_at(taken);
                self.count(Side::User, time_us, taken as u64);
                if let Some(open) = self.open.as_mut().filter(|open| open.may_have_type) {
                    let wanted = if open.handshake.is_some() { RECORDS_PEEK } else { BODY_PEEK };
                    let room = wanted.saturating_sub(open.body.len()).min(taken);
                    open.body.extend_from_slice(&now[..room]);
                }
                later
            }
            State::Lost => match http::head(bytes) {
                Dissection::Found(Head::Request(_)) => {
                    self.state = State::Head(Vec::new(), 0);
                    bytes
                }
                _ => {
                    self.count(Side::User, time_us, bytes.len() as u64);
                    &[]
                }
            },
            State::Head(kept, from_us) => {
                let (before, mut kept) = (kept.len(), std::mem::take(kept));
                let from_us = if before == 0 { time_us } else { *from_us };
                let head = if before == 0 {
                    bytes
                } else {
                    kept.extend_from_slice(bytes);
                    &kept
                };
                match http::head(head) {
                    Dissection::Found(Head::Request(request)) if request.complete => {
                        let head_bytes = head.len() - request.body.len();
                        self.state = match request.content_length {
                            Some(length) if length > 0 => State::Body(length),
                            _ => State::Head(Vec::new(), 0),
                        };
                        self.begin(table, &request, from_us, done);
                        self.count(Side::User, time_us, head_bytes as u64);
                        bytes.get(head_bytes - before..).unwrap_or_default()
                    }
                    Dissection::NeedMore | Dissection::Found(Head::Request(_))
                        if head.len() < http::HEAD_MAX =>
                    {
                        let kept = if before == 0 { bytes.to_vec() } else { kept };
                        self.state = State::Head(kept, from_us);
                        &[]
                    }
                    _ => {
                        self.state = State::Lost;
                        self.count(Side::User, time_us, head.len() as u64);
                        &[]
                    }
                }
            }
        }
    }

    /// A request's head was read: what came before is done with, unless it is the same request's answer, which can be
    /// read first where the request waited for a lost segment before it.
    fn begin(
        &mut self,
        table: &TaskTable,
        request: &http::Request<'_>,
        from_us: u64,
        done: &mut impl FnMut(Open),
    ) {
        let is_this = |open: &Open| {
            let response = open.exchange.response;
            !open.has_head
                && open.exchange.request.is_none()
                && response.is_some_and(|half| half.from_us >= from_us)
        };
        if !self.open.as_ref().is_some_and(is_this) {
            self.close(table, done);
        }
        let open = self.open.get_or_insert_with(Open::new);
        open.has_head = true;
        open.may_have_type = request.method == b"POST";
        open.body_bytes = request.content_length;
        open.host_bytes = request.host().map_or(0, |host| host.len() as u64);
        // A short connection is opened for its request: that takes part of the request's time.
        open.exchange.request = Some(Half::begin(self.opened_us.take().unwrap_or(from_us).min(from_us)));
        let path = request.path();
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if let Some(row) = table.row_of_path(path) {
            open.exchange.task = Some(row.task);
            open.exchange.cgi.clone_from(&row.cgi);
            open.exchange.cluster = Some(Cluster::Short);
            return;
        }
        let seen = Request {
            host: request.host(),
            path: Some(path),
            user_agent: request.user_agent,
            referer: request.referer,
        };
        if let Some(rule) = table.request(&seen) {
            // Of a handshake, too, the body tells.
            open.may_have_type &= rule.is_typed || rule.handshake.is_some();
            open.exchange.task = Some(rule.task);
            open.handshake = rule.handshake;
            open.is_by_host = rule.is_by_host();
            open.exchange.cluster = rule.cluster;
            open.exchange.is_wider = rule.is_wider;
        }
    }

    fn count(&mut self, side: Side, time_us: u64, bytes: u64) {
        if bytes > 0 {
            let open = self.open.get_or_insert_with(Open::new);
            open.exchange.half(side).get_or_insert(Half::begin(time_us)).add(time_us, bytes);
        }
    }

    fn miss(&mut self, side: Side, time_us: u64, bytes: u64) {
        let open = self.open.get_or_insert_with(Open::new);
        open.exchange.half(side).get_or_insert(Half::begin(time_us)).miss(time_us, bytes);
    }

    fn close(&mut self, table: &TaskTable, done: &mut impl FnMut(Open)) {
        let Some(mut open) = self.open.take() else { return };
        if open.handshake.is_some() {
            let is_record = mmtls::records(&open.body).next_length().found().is_some();
            if is_record && open.body.first() == Some(&mmtls::HANDSHAKE) {
                open.exchange.task = open.handshake;
            }
            open.exchange.inner = open.inner(table);
        } else if open.may_have_type {
            let stated = open.typed_body(table);
            let (answer, whole) = body_of(table, &open.answer);
            let of_answer = || typed_body::read(answer, whole, table);
            let request_type = stated.or_else(of_answer).map(|stated| stated.request_type);
            open.exchange.is_logged_in = stated.and_then(|stated| table.is_logged_in(stated.encryption));
            let ids = MessageIds { request_type, ..MessageIds::default() };
            let exchange = &mut open.exchange;
            if exchange.cgi.is_some() {
                // The CGI's path goes first.
                exchange.request_type = request_type;
            } else if let Some(row) = table.row(&ids) {
                exchange.task = Some(row.task);
                exchange.cgi.clone_from(&row.cgi);
                exchange.request_type = request_type;
                open.is_by_host = false;
            }
        }
        done(open);
    }
}

/// What is there of a response's body, if the response is one to a request of the app's own: a picture's bytes may look
/// like anything.
fn body_of<'a>(table: &TaskTable, answer: &'a [u8]) -> (&'a [u8], Option<u64>) {
    match http::head(answer) {
        Dissection::Found(Head::Response(response))
            if response.complete && table.may_be_typed(response.content_type) =>
        {
            (response.body, response.content_length)
        }
        _ => (&[], None),
    }
}

#[cfg(test)]
mod tests;
