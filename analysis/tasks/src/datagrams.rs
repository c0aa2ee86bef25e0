//! UDP: look-ups, call datagrams, and long-link messages that travel alone.

use wiremark::dissect::{dns, longlink};

use super::catalog::{Cluster, TaskTable};
use super::deframer::Message;
use super::exchange::{Exchange, Half, Side};
use super::{TaskId, long_link};

/// Most look-ups of one flow that wait for their answer.
const LOOK_UPS: usize = 16;

/// A DNS flow.
#[derive(Debug, Default)]
pub(super) struct LookUps(Vec<(u16, Exchange)>);

impl LookUps {
    pub(super) fn datagram(
        &mut self,
        task: Option<TaskId>,
        side: Side,
        time_us: u64,
        payload: &[u8],
        done: &mut impl FnMut(Exchange),
    ) {
        let Some(message) = dns::message(payload).found() else { return };
        let half = Half { bytes: payload.len() as u64, ..Half::begin(time_us) };
        let asker = if message.response { side.other() } else { side };
        let same = |(id, exchange): &(u16, Exchange)| *id == message.id && exchange.initiator == asker;
        let mut exchange = match self.0.iter().position(same) {
            Some(place) => self.0.remove(place).1,
            None => Exchange { task, ..Exchange::new(asker) },
        };
        match exchange.half(side) {
            // Asked again.
            Some(before) => before.add(time_us, half.bytes),
            none => *none = Some(half),
        }
        if message.response {
            return done(exchange);
        }
        if self.0.len() >= LOOK_UPS {
            done(self.0.remove(0).1);
        }
        self.0.push((message.id, exchange));
    }

    pub(super) fn finish(&mut self, done: &mut impl FnMut(Exchange)) {
        self.0.drain(..).for_each(|(_, exchange)| done(exchange));
    }
}

/// A flow of call datagrams: one exchange a kind, if every datagram is of some kind.
#[derive(Debug, Default)]
pub(super) struct Call {
    kinds: Vec<(TaskId, Exchange)>,
    has_stranger: bool,
    /// Content belongs to a talk room.
    is_talkroom: Option<bool>,
}

impl Call {
    pub(super) fn datagram(
        &mut self,
        table: &TaskTable,
        is_talkroom: bool,
        side: Side,
        time_us: u64,
        payload: &[u8],
    ) {
        let Some(rule) = table.datagrams().iter().find(|rule| rule.holds(payload)) else {
            self.has_stranger = true;
            return;
        };
        let task = match rule.talkroom {
            Some(talkroom) if *self.is_talkroom.get_or_insert(is_talkroom) => talkroom,
            _ => rule.task,
        };
        let place = self.kinds.iter().position(|(kind, _)| *kind == task).unwrap_or_else(|| {
            self.kinds.push((
                task,
                Exchange { task: Some(task), cluster: Some(Cluster::Chatting), ..Exchange::new(Side::User) },
            ));
            self.kinds.len() - 1
        });
        let half = self.kinds[place].1.half(side).get_or_insert(Half::begin(time_us));
        half.add(time_us, payload.len() as u64);
    }

    pub(super) fn finish(&mut self, done: &mut impl FnMut(Exchange)) {
        let kinds = std::mem::take(&mut self.kinds);
        if !self.has_stranger {
            kinds.into_iter().for_each(|(_, exchange)| done(exchange));
        }
    }
}

/// A long-link message in a datagram of its own.
pub(super) fn lone_message(table: &TaskTable, side: Side, time_us: u64, payload: &[u8]) -> Option<Exchange> {
    let header = longlink::header(payload).found()?;
    let bytes = payload.len() as u64;
    if u64::from(header.length) != bytes {
        return None;
    }
    let peek = payload.get(..longlink::HEADER_LENGTH + 80).unwrap_or(payload).into();
    long_link::alone(table, side, &Message { from_us: time_us, to_us: time_us, bytes, missed: 0, peek })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(talkroom: bool, datagrams: &[(Side, &[u8])]) -> Vec<(String, u64, u64)> {
        let table = TaskTable::embedded().unwrap();
        let mut call = Call::default();
        for (time_us, (side, payload)) in (0..).zip(datagrams) {
            call.datagram(&table, talkroom, *side, time_us, payload);
        }
        let mut done = Vec::new();
        call.finish(&mut |exchange| {
            let task = exchange.task.map_or("?", |task| &table.name(task).task).to_owned();
            done.push((task, exchange.bytes(Side::User), exchange.bytes(Side::Server)));
        });
        done
    }

    #[test]
    fn kinds_are_counted_apart_and_every_datagram_must_be_of_one() {
        use Side::{Server, User};
        let datagrams: [(Side, &[u8]); 4] = [
            (User, &[0xd1, 0x0a, 0x1e, 0x0a, 1, 2]),
            (Server, &[0xd1, 0x0a, 0x2a, 0x0a, 1]),
            (User, &[0xa1, 0x08, 1]),
            (Server, &[0xd6, 1, 2, 3]),
        ];
        let done = call(false, &datagrams);
        let want = [("Chatting heartbeats", 6, 5), ("Control messages", 3, 0), ("VoIP content", 0, 4)];
        assert!(done.iter().map(|(task, up, down)| (task.as_str(), *up, *down)).eq(want), "{done:?}");
        assert_eq!(call(true, &datagrams)[2].0, "Walkie-talkie content");
        let stranger: [(Side, &[u8]); 1] = [(User, b"stranger")];
        assert!(call(false, &[&datagrams[..], &stranger].concat()).is_empty());
    }

    #[test]
    fn a_look_up_asked_twice_is_one_task() {
        let query = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01a\x03net\0", &[0, 1, 0, 1]].concat();
        let answer =
            [&[0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01a\x03net\0", &[0, 1, 0, 1]].concat();
        let (mut look_ups, mut done) = (LookUps::default(), Vec::new());
        for (side, time_us, payload) in
            [(Side::User, 1, &query), (Side::User, 5, &query), (Side::Server, 9, &answer)]
        {
            look_ups.datagram(None, side, time_us, payload, &mut |exchange| done.push(exchange));
        }
        let bytes = query.len() as u64;
        assert_eq!(done.len(), 1);
        assert_eq!((done[0].bytes(Side::User), done[0].completion_us()), (bytes * 2, Some(8)));
    }
}
