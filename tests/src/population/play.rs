//! Plays users one by one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::books::{BookTask, Books};
use super::profile::{LONG_LINK, Profile, TABLE_IV, Via};
use super::{Config, Population};
use crate::conversation::{Side, Tcp, Udp};
use crate::protocol::wechat_longlink::{Business, IDENTIFY, NOOP, RESPONSE, message};
use crate::protocol::{dns, http, wechat_http, wechat_voip};
use crate::random::Random;
use crate::trace::{START_US, Trace};

const SECOND_US: u64 = 1_000_000;
const HEARTBEAT_US: u64 = 300 * SECOND_US;
/// Version word of the 4.5 client.
const VERSION: u32 = 0x2405_00fd;
/// What a conversation takes for its handshake, for each segment, and until the other end may speak.
const OPEN_US: u64 = 30_500;
const SEGMENT_US: u64 = 150;
const TURN_US: u64 = 30_000;
const MSS: usize = 1400;

/// The servers; the place in the list gives the address.
const SERVERS: [&str; 8] = [
    "long.weixin.qq.com",
    "short.weixin.qq.com",
    "wx.qlogo.cn",
    "mmsns.qpic.cn",
    "www.example.com",
    "voip.weixin.qq.com",
    "resolver",
    "www.example.org",
];
const LONG: usize = 0;
const SHORT: usize = 1;
const AVATARS: usize = 2;
const PAGES: usize = 4;
const RELAY: usize = 5;
const RESOLVER: usize = 6;
const ELSEWHERE: usize = 7;

pub(super) struct Player {
    size_percent: usize,
    hours: u64,
    shared_servers: bool,
    end_us: u64,
    random: Random,
    books: Books,
    flows: Vec<Trace>,
    port: u16,
}

/// Something that happens on a long link.
struct Event {
    at_us: u64,
    what: What,
}

enum What {
    Request { name: (&'static str, &'static str), command: u32, function: u32, sizes: (usize, usize) },
    Push { name: (&'static str, &'static str), command: u32, bytes: usize },
}

impl Player {
    pub(super) fn new(config: &Config, random: Random) -> Self {
        Self {
            size_percent: config.size_percent,
            hours: config.hours,
            shared_servers: config.shared_servers,
            end_us: START_US + config.hours * 3600 * SECOND_US,
            random,
            books: Books::default(),
            flows: Vec::new(),
            port: 20_000,
        }
    }

    pub(super) fn finish(self) -> Population {
        Population { trace: Trace::mixed(self.flows), books: self.books.close() }
    }

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

    /// Control messages on the long link, and the datagrams between them.
    fn call(&mut self, user: usize, number: usize, at_us: u64, is_talkroom: bool, events: &mut Vec<Event>) {
        let control: &[(u32, u32, u64)] = if is_talkroom {
            &[(147, 332, 0), (146, 334, 1), (148, 333, 25)]
        } else {
            &[(63, 170, 0), (65, 172, 1), (66, 173, 25)]
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

    fn long_link(&mut self, user: usize, number: usize, from_us: u64, to_us: u64, mut events: Vec<Event>) {
        let name = ("System", "W-TCP heartbeats");
        let beats = (1..).map(|n| from_us + n * HEARTBEAT_US).take_while(|at_us| *at_us < to_us);
        events.extend(beats.map(|at_us| Event {
            at_us,
            what: What::Request { name, command: NOOP, function: 0, sizes: (16, 16) },
        }));
        let name = ("System", "Connect to servers");
        let what = What::Request { name, command: IDENTIFY, function: 0, sizes: (96, 56) };
        events.push(Event { at_us: from_us, what });
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

    fn enter(&mut self, user: usize, is_app: bool, flow: Trace) {
        self.books.flow(user, is_app, &flow);
        self.flows.push(flow);
    }

    /// A user's end with a port of its own, and a server's.
    fn ends(&mut self, number: usize, server: usize, port: u16) -> (SocketAddr, SocketAddr) {
        self.port = if self.port >= 60_000 { 20_000 } else { self.port + 1 };
        let client = address(number);
        let server = match server {
            AVATARS..=PAGES if self.shared_servers => AVATARS,
            server => server,
        };
        let server = server_address(server, client.is_ipv6());
        (SocketAddr::new(client, self.port), SocketAddr::new(server, port))
    }

    /// About so many bytes, by half more or less.
    fn size(&mut self, mean: usize) -> usize {
        let mean = mean * self.size_percent / 100;
        self.random.between(mean / 2, mean + mean / 2)
    }

    fn between(&mut self, from_us: u64, to_us: u64) -> u64 {
        from_us + self.random.word() % (to_us - from_us).max(1)
    }

    /// Knuth's multiplication method.
    fn poisson(&mut self, mean: f64) -> usize {
        let limit = (-mean.max(0.0)).exp();
        let mut product = 1.0;
        for count in 0.. {
            product *= self.random.word() as f64 / u64::MAX as f64;
            if product <= limit {
                return count;
            }
        }
        0
    }
}

/// From a message's first segment to its last.
fn last_us(message: &[u8]) -> u64 {
    (message.len().div_ceil(MSS) as u64 - 1) * SEGMENT_US
}

/// From a message's first segment to when the other end may speak.
fn spoken_us(message: &[u8]) -> u64 {
    message.len().div_ceil(MSS) as u64 * SEGMENT_US + TURN_US
}

/// Every tenth user has IPv6.
fn address(number: usize) -> IpAddr {
    let word = |at: u32| (number >> (16 * at)) as u16;
    if number % 10 == 7 {
        Ipv6Addr::new(0x2001, 0xdb8, word(1), word(0), 0, 0, 0, 1).into()
    } else {
        let [_, b, c, d] = (number as u32 + 1).to_be_bytes();
        Ipv4Addr::new(10, b, c, d).into()
    }
}

fn server_address(server: usize, is_ipv6: bool) -> IpAddr {
    let last = server as u16 + 1;
    if is_ipv6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, last).into()
    } else {
        Ipv4Addr::new(203, 0, 113, last as u8).into()
    }
}
