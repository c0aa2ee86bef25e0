//! What was generated, to hold a report against.

use std::net::IpAddr;
use std::ops::Range;

use crate::trace::{Frame, Trace};

/// One task as it was played.
#[derive(Clone, Copy, Debug)]
pub struct BookTask {
    /// Number of the user in the books.
    pub user: usize,
    /// The service.
    pub service: &'static str,
    /// The task.
    pub task: &'static str,
    /// ChatDissect's flow type.
    pub transport: &'static str,
    /// Bytes of the request and of the response.
    pub request: Option<u64>,
    /// Bytes of the response.
    pub response: Option<u64>,
    /// Whether the server began it.
    pub is_push: bool,
    /// When it began.
    pub from_us: u64,
    /// From the request's first byte (of a short connection: from its SYN) to the response's last.
    pub completion_us: Option<u64>,
    /// Number of the long link it travelled on.
    pub link: Option<usize>,
}

impl BookTask {
    /// Bytes from and to the user.
    pub fn bytes(&self) -> [u64; 2] {
        let (request, response) = (self.request.unwrap_or(0), self.response.unwrap_or(0));
        if self.is_push { [response, request] } else { [request, response] }
    }
}

/// One user session.
#[derive(Clone, Debug)]
pub struct BookUser {
    /// The user's address; IPv6 users own its first 64 bits.
    pub address: IpAddr,
    /// Number of the session at this address, from 1.
    pub session: u32,
    /// Payload up and down, all apps.
    pub bytes: [u64; 2],
    /// Payload up and down in the app's flows.
    pub app_bytes: [u64; 2],
    /// Whether any flow is the app's.
    pub has_app: bool,
    /// Seconds with an active flow.
    pub active: Seconds,
    /// Seconds with an active flow of the app.
    pub app_active: Seconds,
    /// Seconds in which a flow of the app carried payload.
    pub app_transfer: Seconds,
}

/// Seconds in which something went on.
#[derive(Clone, Debug, Default)]
pub struct Seconds {
    /// Some of them may lie in several.
    spans: Vec<Range<u64>>,
}

impl Seconds {
    fn add(&mut self, first: u64, last: u64) {
        self.spans.push(first..last + 1);
    }

    /// How many there are, each counted once.
    pub fn count(&self) -> u64 {
        let mut spans = self.spans.clone();
        spans.sort_unstable_by_key(|span| span.start);
        let (mut count, mut counted_to) = (0, 0);
        for span in spans {
            count += span.end.saturating_sub(span.start.max(counted_to));
            counted_to = counted_to.max(span.end);
        }
        count
    }
}

/// Users and tasks.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The users.
    pub users: Vec<BookUser>,
    /// The tasks, in no particular order.
    pub tasks: Vec<BookTask>,
    /// Bytes of the app's look-ups and call datagrams: what is lost of them nothing can tell.
    pub datagram_bytes: u64,
    pub(super) links: usize,
    /// Kept until the end.
    entries: Vec<Entry>,
}

/// Whose flow, whether it is the app's, and time, direction and payload bytes of its packets.
type Entry = (usize, bool, Vec<(u64, usize, u64)>);

/// A user is another one after so many seconds without a packet.
const SILENCE_S: u64 = 3600;

impl Books {
    /// A new user; gives its number.
    pub(super) fn user(&mut self, address: IpAddr) -> usize {
        self.users.push(BookUser::new(address, 1));
        self.users.len() - 1
    }

    /// Enters a flow of a user.
    pub(super) fn flow(&mut self, user: usize, is_app: bool, flow: &Trace) {
        let address = self.users[user].address;
        let packet = |frame: &Frame| {
            let at = frame.locate()?;
            Some((frame.time_us, usize::from(at.src.ip() != address), (at.end - at.payload) as u64))
        };
        self.entries.push((user, is_app, flow.frames.iter().filter_map(packet).collect()));
    }

    /// Splits users where they were silent for an hour, and adds up.
    pub(super) fn close(mut self) -> Self {
        let mut times: Vec<Vec<u64>> = vec![Vec::new(); self.users.len()];
        for (user, _, packets) in &self.entries {
            times[*user].extend(packets.iter().map(|packet| packet.0));
        }
        // Of each user the times at which a session begins, and the session's number in the books.
        let mut sessions: Vec<Vec<(u64, usize)>> = vec![Vec::new(); times.len()];
        for (user, times) in times.iter_mut().enumerate() {
            times.sort_unstable();
            sessions[user].push((0, user));
            for pair in times.windows(2).filter(|pair| pair[1] / 1_000_000 - pair[0] / 1_000_000 > SILENCE_S)
            {
                let session = sessions[user].len() as u32 + 1;
                sessions[user].push((pair[1], self.users.len()));
                self.users.push(BookUser::new(self.users[user].address, session));
            }
        }
        let session = |user: usize, time_us: u64| {
            sessions[user]
                .iter()
                .rev()
                .find(|(from_us, _)| *from_us <= time_us)
                .map_or(user, |(_, number)| *number)
        };
        for task in &mut self.tasks {
            task.user = session(task.user, task.from_us);
        }
        for (user, is_app, packets) in std::mem::take(&mut self.entries) {
            let Some((first_us, ..)) = packets.first() else { continue };
            self.users[session(user, *first_us)].flow(is_app, &packets);
        }
        self
    }
}

impl BookUser {
    fn new(address: IpAddr, session: u32) -> Self {
        Self {
            address,
            session,
            bytes: [0; 2],
            app_bytes: [0; 2],
            has_app: false,
            active: Seconds::default(),
            app_active: Seconds::default(),
            app_transfer: Seconds::default(),
        }
    }

    fn flow(&mut self, is_app: bool, packets: &[(u64, usize, u64)]) {
        let second = |time_us: u64| time_us / 1_000_000;
        let times = || packets.iter().map(|packet| second(packet.0));
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        self.active.add(first, last);
        if is_app {
            self.has_app = true;
            self.app_active.add(first, last);
        }
        for (time_us, way, bytes) in packets {
            self.bytes[*way] += bytes;
            if is_app {
                self.app_bytes[*way] += bytes;
                if *bytes > 0 {
                    self.app_transfer.add(second(*time_us), second(*time_us));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_several_spans_count_once() {
        let mut seconds = Seconds::default();
        for (first, last) in [(10, 19), (3, 3), (15, 24), (12, 13), (30, 30), (24, 24)] {
            seconds.add(first, last);
        }
        assert_eq!(seconds.count(), 1 + 15 + 1);
        assert_eq!(Seconds::default().count(), 0);
    }
}
