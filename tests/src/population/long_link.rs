//! The long link of one user, and what goes over it.

use super::books::BookTask;
use super::player::*;
use crate::conversation::{Side, Tcp};
use crate::protocol::wechat_longlink::{Business, IDENTIFY, NOOP, RESPONSE, message};

/// Something that happens on a long link.
pub(super) struct Event {
    pub(super) at_us: u64,
    pub(super) what: What,
}

pub(super) enum What {
    Request { name: (&'static str, &'static str), command: u32, function: u32, sizes: (usize, usize) },
    Push { name: (&'static str, &'static str), command: u32, bytes: usize },
}

impl Player {
    pub(super) fn long_link(
        &mut self,
        user: usize,
        number: usize,
        from_us: u64,
        to_us: u64,
        mut events: Vec<Event>,
    ) {
        let name = ("System", "W-TCP heartbeats");
        let beats = (1..).map(|n| from_us + n * HEARTBEAT_US).take_while(|at_us| *at_us < to_us);
        events.extend(beats.map(|at_us| Event {
            at_us,
            what: What::Request { name, command: NOOP, function: 0, sizes: (16, 16) },
        }));
        let name = ("System", "Connect to servers");
        let what = What::Request { name, command: IDENTIFY, function: 0, sizes: (96, 56) };
        events.push(Event { at_us: from_us, what });
        if self.syncs_on_login {
            let at_us = from_us + self.between(200_000, 600_000);
            let name = ("System", "Sync after login");
            let what = What::Request { name, command: 121, function: 138, sizes: (196, 358) };
            events.push(Event { at_us, what });
        }
        events.sort_by_key(|event| event.at_us);
        let (client, server) = self.ends(number, LONG, 8080);
        let link = self.books.links;
        self.books.links += 1;
        let seed = self.random.word();
        let mut flow = Tcp::new(client, server, seed).at(from_us);
        let mut free_us = from_us;
        let mut opening_us = OPEN_US;
        for (event, number) in events.into_iter().zip(10u32..) {
            let at_us = event.at_us.max(free_us);
            flow = flow.at(at_us);
            let at_us = at_us + std::mem::take(&mut opening_us);
            let task = match event.what {
                What::Request { name: (service, task), command, function, sizes } => {
                    let sequence = match command {
                        NOOP => u32::MAX,
                        IDENTIFY => u32::MAX - 1,
                        _ => number,
                    };
                    let request = message(command, sequence, &self.body(VERSION, function, sizes.0));
                    flow = flow.client(&request);
                    free_us = at_us + spoken_us(&request);
                    let mut book = BookTask {
                        user,
                        service,
                        task,
                        transport: "W-TCP",
                        request: Some(request.len() as u64),
                        response: None,
                        is_push: false,
                        from_us: at_us,
                        completion_us: None,
                        link: Some(link),
                    };
                    if sizes.1 > 0 {
                        let answer = message(RESPONSE + command, sequence, &self.body(0, function, sizes.1));
                        let answer_us = free_us + self.between(5_000, 60_000);
                        flow = flow.at(answer_us).server(&answer);
                        free_us = answer_us + spoken_us(&answer);
                        book.response = Some(answer.len() as u64);
                        book.completion_us = Some(answer_us + last_us(&answer) - at_us);
                    }
                    book
                }
                What::Push { name: (service, task), command, bytes } => {
                    let push = message(command, 0, &self.random.bytes(bytes.saturating_sub(16)));
                    flow = flow.say(Side::Server, &push, &[]);
                    free_us = at_us + spoken_us(&push);
                    BookTask {
                        user,
                        service,
                        task,
                        transport: "W-TCP",
                        request: Some(push.len() as u64),
                        response: None,
                        is_push: true,
                        from_us: at_us,
                        completion_us: None,
                        link: Some(link),
                    }
                }
            };
            self.books.tasks.push(task);
            free_us += 10_000;
        }
        let flow = flow.at(free_us.max(to_us)).close().trace();
        self.enter(user, true, flow);
    }

    /// A long-link body so long that the message has about this many bytes.
    fn body(&mut self, version: u32, function: u32, bytes: usize) -> Vec<u8> {
        match (function, bytes.checked_sub(16 + 40)) {
            (1.., Some(rest)) => {
                Business { marked: false, version, function }.with_body(&mut self.random, rest.max(1))
            }
            _ => self.random.bytes(bytes.saturating_sub(16)),
        }
    }
}
