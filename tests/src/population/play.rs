//! Plays users one by one.

use super::addresses::{address, server_address};
use super::books::BookTask;
use super::long_link::{Event, What};
use super::player::*;
use super::profile::{LONG_LINK, Profile, TABLE_IV, Via};
use crate::conversation::{Tcp, Udp};
use crate::protocol::wechat_longlink::Business;
use crate::protocol::{dns, http, wechat_http, wechat_voip};
use crate::trace::START_US;

impl Player {
    /// A user of the app.
    pub(super) fn user(&mut self, number: usize, plan: &[usize]) {
        let user = self.books.user(address(number));
        let from_us = START_US + self.random.word() % (600 * SECOND_US);
        self.session(user, number, plan, from_us, self.end_us);
    }

    /// Somebody without the app.
    pub(super) fn other_user(&mut self, number: usize) {
        let user = self.books.user(address(number));
        for _ in 0..self.random.between(1, 5) {
            let at_us = self.between(START_US, self.end_us);
            self.elsewhere(user, number, at_us);
        }
    }

    fn session(&mut self, user: usize, number: usize, plan: &[usize], from_us: u64, to_us: u64) {
        let needs_link = plan.iter().any(|row| matches!(TABLE_IV[*row].via, Via::Push(_) | Via::Call(_)));
        let needs_link =
            needs_link || plan.iter().any(|row| matches!(TABLE_IV[*row].via, Via::Request(_, 0, _)));
        let has_link = needs_link || self.random.between(1, 10_000) <= LONG_LINK;
        let mut events = Vec::new();
        for row in plan {
            let profile = &TABLE_IV[*row];
            for _ in 0..self.poisson(profile.times * self.hours as f64 / 3.0 - 1.0) + 1 {
                // Calls and long answers have room before the end.
                let at_us = self.between(from_us, to_us - 30 * SECOND_US);
                self.task(user, number, profile, has_link, at_us, &mut events);
            }
        }
        for _ in 0..self.poisson(self.hours as f64 / 3.0) {
            let at_us = self.between(from_us, to_us);
            self.elsewhere(user, number, at_us);
        }
        if has_link {
            self.long_link(user, number, from_us, to_us, events);
        } else {
            // Nothing else to do: everybody is seen.
            let at_us = self.between(from_us, to_us);
            self.look_up(user, number, at_us);
        }
    }

    fn task(
        &mut self,
        user: usize,
        number: usize,
        profile: &Profile,
        has_link: bool,
        at_us: u64,
        events: &mut Vec<Event>,
    ) {
        let name = (profile.service, profile.task);
        let sizes = (self.size(profile.sizes.0), self.size(profile.sizes.1));
        match profile.via {
            Via::Request(command, function, _) if has_link => {
                events.push(Event { at_us, what: What::Request { name, command, function, sizes } });
            }
            Via::Request(_, function, cgi) | Via::Post(function, cgi) => {
                self.post(user, number, at_us, name, (cgi, function), sizes);
            }
            Via::Push(command) => {
                events.push(Event { at_us, what: What::Push { name, command, bytes: sizes.1 } });
            }
            Via::Get(host, folder) => {
                let path = format!("{folder}{}/{}", self.random.hex(40), self.random.between(0, 640));
                let request = wechat_http::resource_get(host, &path);
                let server = SERVERS.iter().position(|name| *name == host).unwrap_or(PAGES);
                self.get(user, number, at_us, name, server, request, sizes.1);
            }
            Via::Page => {
                let request = wechat_http::web_view_get(SERVERS[PAGES], &format!("/{}", self.random.hex(30)));
                self.get(user, number, at_us, name, PAGES, request, sizes.1);
            }
            Via::LookUp => self.look_up(user, number, at_us),
            Via::Call(is_talkroom) => self.call(user, number, at_us, is_talkroom, events),
        }
    }

    /// A short link in clear: a connection for one request.
    fn post(
        &mut self,
        user: usize,
        number: usize,
        at_us: u64,
        name: (&'static str, &'static str),
        (cgi, function): (&str, u32),
        sizes: (usize, usize),
    ) {
        let path = format!("/cgi-bin/micromsg-bin/{cgi}");
        let mut body = |version, bytes: usize, head: usize| {
            Business { marked: false, version, function }
                .with_body(&mut self.random, bytes.saturating_sub(head).max(8))
        };
        let up = body(VERSION, sizes.0, 280);
        let down = body(0, sizes.1, 160);
        let request = if number.is_multiple_of(2) {
            wechat_http::post_2013(SERVERS[SHORT], &path, &up)
        } else {
            wechat_http::post_2015(SERVERS[SHORT], &path, &up)
        };
        self.exchange(user, number, at_us, name, SHORT, &request, &wechat_http::answer(&down));
    }

    #[expect(clippy::too_many_arguments, reason = "a request and whose it is")]
    fn get(
        &mut self,
        user: usize,
        number: usize,
        at_us: u64,
        name: (&'static str, &'static str),
        server: usize,
        request: Vec<u8>,
        bytes: usize,
    ) {
        let picture = self.random.bytes(bytes.saturating_sub(80).max(1));
        let answer = http::ok(&[("Content-Type", "image/jpeg")], &picture);
        self.exchange(user, number, at_us, name, server, &request, &answer);
    }

    #[expect(clippy::too_many_arguments, reason = "a request, its answer, and whose they are")]
    fn exchange(
        &mut self,
        user: usize,
        number: usize,
        at_us: u64,
        (service, task): (&'static str, &'static str),
        server: usize,
        request: &[u8],
        answer: &[u8],
    ) {
        let (client, server) = self.ends(number, server, 80);
        let wait_us = self.between(5_000, 80_000);
        let seed = self.random.word();
        let flow = Tcp::new(client, server, seed)
            .at(at_us)
            .client(request)
            .wait(wait_us)
            .server(answer)
            .close()
            .trace();
        let answered_us = at_us + OPEN_US + spoken_us(request) + wait_us;
        self.books.tasks.push(BookTask {
            user,
            service,
            task,
            transport: "W-HTTP",
            request: Some(request.len() as u64),
            response: Some(answer.len() as u64),
            is_push: false,
            from_us: at_us,
            completion_us: Some(answered_us + last_us(answer) - at_us),
            link: None,
        });
        self.enter(user, true, flow);
    }

    fn look_up(&mut self, user: usize, number: usize, at_us: u64) {
        let server = self.random.between(LONG, 3);
        let (client, resolver) = self.ends(number, RESOLVER, 53);
        let name = SERVERS[server];
        let address = server_address(server, client.is_ipv6());
        let kind = if client.is_ipv6() { dns::AAAA } else { dns::A };
        let id = client.port();
        let query = dns::query(id, name, kind);
        let answer = dns::answer(id, name, kind, &[dns::Record::Address(name.to_owned(), address)]);
        let wait_us = self.between(2_000, 60_000);
        self.datagram_task(user, ("System", "DNS"), "W-DNS", at_us, [query.len(), answer.len()], wait_us);
        let flow = Udp::new(client, resolver).at(at_us).gap(wait_us).client(query).server(answer).trace();
        self.enter(user, true, flow);
    }

    fn datagram_task(
        &mut self,
        user: usize,
        (service, task): (&'static str, &'static str),
        transport: &'static str,
        from_us: u64,
        [up, down]: [usize; 2],
        completion_us: u64,
    ) {
        self.books.datagram_bytes += (up + down) as u64;
        self.books.tasks.push(BookTask {
            user,
            service,
            task,
            transport,
            request: Some(up as u64),
            response: Some(down as u64),
            is_push: false,
            from_us,
            completion_us: Some(completion_us),
            link: None,
        });
    }

    /// Something that is not the app's.
    fn elsewhere(&mut self, user: usize, number: usize, at_us: u64) {
        let (client, server) = self.ends(number, ELSEWHERE, 80);
        let request = http::get(SERVERS[ELSEWHERE], "/index.html", "Mozilla/5.0 (Linux; Android 4.4.4)");
        let bytes = self.size(40_000);
        let answer = http::ok(&[("Content-Type", "text/html")], &self.random.bytes(bytes));
        let seed = self.random.word();
        let flow = Tcp::new(client, server, seed).at(at_us).client(request).server(answer).close().trace();
        self.enter(user, false, flow);
    }

    /// Control messages on the long link, and the datagrams between them: the other side takes some seconds to answer.
    fn call(&mut self, user: usize, number: usize, at_us: u64, is_talkroom: bool, events: &mut Vec<Event>) {
        let control: &[(u32, u32, u64)] = if is_talkroom {
            &[(147, 332, 0), (146, 334, 4), (148, 333, 25)]
        } else {
            &[(63, 170, 0), (65, 172, 4), (66, 173, 25)]
        };
        for (command, function, second) in control {
            let name = ("Real-time Chatting", "Control messages");
            let what = What::Request { name, command: *command, function: *function, sizes: (388, 215) };
            events.push(Event { at_us: at_us + second * SECOND_US, what });
        }
        let (client, server) = self.ends(number, RELAY, 8080);
        let random = &mut self.random;
        let gap_us = 20_000;
        let from_us = at_us + 5 * SECOND_US;
        let mut flow = Udp::new(client, server).at(from_us).gap(gap_us);
        let (class, up, down) = if is_talkroom { (0xa3, 95, 96) } else { (0xd6, 200, 200) };
        // Signalling, heartbeats, content: pairs of datagrams, what they are, and where in the flow.
        let mut sums: [(Option<u64>, u64, [usize; 2]); 3] = Default::default();
        let mut now_us = from_us;
        for n in 0..400u32 {
            let (kind, pair) = match n % 40 {
                0 => (0, [wechat_voip::signalling(n, 92, random), wechat_voip::signalling(n, 75, random)]),
                1 => (1, [wechat_voip::heartbeat(0x2e, random), wechat_voip::heartbeat(0x2b, random)]),
                _ => {
                    (2, [wechat_voip::content(class, up, random), wechat_voip::content(class, down, random)])
                }
            };
            let sum = &mut sums[kind];
            sum.0.get_or_insert(now_us);
            sum.1 = now_us + gap_us;
            sum.2[0] += pair[0].len();
            sum.2[1] += pair[1].len();
            let [one, two] = pair;
            flow = flow.client(one).server(two);
            now_us += 2 * gap_us;
        }
        let content = if is_talkroom { "Walkie-talkie content" } else { "VoIP content" };
        for ((from, to_us, bytes), task) in
            sums.into_iter().zip(["Control messages", "Chatting heartbeats", content])
        {
            let from = from.unwrap_or(from_us);
            self.datagram_task(user, ("Real-time Chatting", task), "W-UDP", from, bytes, to_us - from);
        }
        self.enter(user, true, flow.trace());
    }
}
