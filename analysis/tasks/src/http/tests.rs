//! Requests and answers of one connection, whole and in pieces.

use super::*;

struct Connection {
    table: TaskTable,
    http: Http,
    done: Vec<Done>,
}

#[derive(Debug, PartialEq, Eq)]
struct Done {
    task: String,
    up: u64,
    down: u64,
    completion_us: Option<u64>,
}

fn note(table: &TaskTable, done: &mut Vec<Done>) -> impl FnMut(Open) {
    |open| {
        let exchange = open.exchange;
        let task = exchange.task.map_or("?", |task| &table.name(task).task).to_owned();
        let (up, down) = (
            exchange.bytes(Side::User) + exchange.missed(Side::User),
            exchange.bytes(Side::Server) + exchange.missed(Side::Server),
        );
        done.push(Done { task, up, down, completion_us: exchange.completion_us() });
    }
}

impl Connection {
    fn new() -> Self {
        Self { table: TaskTable::embedded().unwrap(), http: Http::new(Some(0)), done: Vec::new() }
    }

    fn say(&mut self, side: Side, time_us: u64, piece: Piece<'_>) {
        let Self { table, http, done } = self;
        http.feed(table, side, time_us, piece, &mut note(table, done));
    }

    fn end(mut self) -> Vec<Done> {
        let Self { table, http, done } = &mut self;
        http.finish(table, &mut note(table, done));
        self.done
    }
}

/// A business header of type 214 with no cookie, and a body of 20 bytes.
const BODY: [u8; 34] = {
    let mut body = [0x5a; 34];
    let header = [14 << 2 | 2, 0x50, 0x26, 0, 0, 0, 0, 0, 0, 0, 0xd6, 0x01, 20, 20];
    let mut at = 0;
    while at < header.len() {
        body[at] = header[at];
        at += 1;
    }
    body
};

fn post(path: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: short.weixin.qq.com\r\nContent-Length: 34\r\n\
         User-Agent: MicroMessenger Client\r\n\r\n"
    );
    [head.as_bytes(), &BODY].concat()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_url_or_else_the_request_type_names_the_task() {
    for size in [1, 40, 4000] {
        for (path, task) in [
            ("/cgi-bin/micromsg-bin/sendmsg?a=1", "Send texts"),
            ("http://short.weixin.qq.com/cgi-bin/micromsg-bin/sendmsg", "Send texts"),
            ("/", "Refresh moment"),
        ] {
            let mut connection = Connection::new();
            let request = post(path);
            request.chunks(size).for_each(|part| connection.say(Side::User, 500, Piece::Bytes(part)));
            connection.say(Side::Server, 900, Piece::Bytes(OK));
            let (up, down) = (request.len() as u64, OK.len() as u64);
            let want = Done { task: task.into(), up, down, completion_us: Some(900) };
            assert_eq!(connection.end(), [want], "{path} in pieces of {size}");
        }
    }
}

#[test]
fn each_request_of_a_connection_has_its_answer() {
    let mut connection = Connection::new();
    for (time_us, host) in [(100, "wx.qlogo.cn"), (300, "mmsns.qpic.cn"), (500, "www.example.com")] {
        let get = format!("GET /a HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x MicroMessenger/6.0\r\n\r\n");
        connection.say(Side::User, time_us, Piece::Bytes(get.as_bytes()));
        connection.say(Side::Server, time_us + 50, Piece::Bytes(OK));
        connection.say(Side::Server, time_us + 60, Piece::Gap(1000));
    }
    let done = connection.end();
    let tasks: Vec<_> = done.iter().map(|done| (done.task.as_str(), done.down, done.completion_us)).collect();
    assert_eq!(tasks[0], ("Get header images", 1040, Some(160)));
    assert_eq!(tasks[1], ("Get photos", 1040, Some(60)));
    assert_eq!(tasks[2], ("Media access", 1040, Some(60)));
}

#[test]
fn a_lost_head_keeps_its_bytes_and_the_answer_names_it() {
    let mut connection = Connection::new();
    let answer = [
        &b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 34\r\n\r\n"[..],
        &BODY,
    ]
    .concat();
    connection.say(Side::Server, 900, Piece::Bytes(&answer));
    connection.say(Side::User, 950, Piece::Gap(300));
    let done = connection.end();
    assert_eq!((done.len(), done[0].task.as_str(), done[0].up), (1, "Refresh moment", 300));
}

#[test]
fn what_others_send_has_no_request_type() {
    let mut connection = Connection::new();
    let answer = [&b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"[..], &BODY].concat();
    connection.say(Side::Server, 900, Piece::Bytes(&answer));
    connection.say(Side::User, 950, Piece::Gap(300));
    assert_eq!(connection.end()[0].task, "?");
    let mut connection = Connection::new();
    let head = "POST /a HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: x MicroMessenger/6.0\r\n\
                Content-Length: 34\r\n\r\n";
    connection.say(Side::User, 1, Piece::Bytes(&[head.as_bytes(), &BODY].concat()));
    assert_eq!(connection.end()[0].task, "Media access");
}

#[test]
fn a_request_read_after_its_answer_is_its_own() {
    let mut connection = Connection::new();
    connection.say(Side::Server, 900, Piece::Bytes(OK));
    connection.say(Side::User, 500, Piece::Bytes(&post("/cgi-bin/micromsg-bin/sendmsg")));
    let done = connection.end();
    assert_eq!((done.len(), done[0].task.as_str()), (1, "Send texts"));
}

#[test]
fn an_encrypted_request_is_told_by_its_host() {
    for (host, kind, service, task) in [
        ("sgshort.pay.wechat.com", 0x19, "Short link: payment", "encrypted"),
        ("hkextshort.weixin.qq.com", 0x19, "Short link: extended", "encrypted"),
        ("sgshort.wechat.com", 0x16, "Short link", "handshake"),
    ] {
        let mut connection = Connection::new();
        let head = format!("POST /mmtls/0123abcd HTTP/1.1\r\nHost: {host}\r\nContent-Length: 166\r\n\r\n");
        let body = [&[kind, 0xf1, 4, 0, 0xa1][..], &[0x5a; 161]].concat();
        connection.say(Side::User, 1, Piece::Bytes(&[head.as_bytes(), &body].concat()));
        let Connection { table, http, .. } = &mut connection;
        let mut found = None;
        http.finish(table, &mut |open| found = open.exchange.task);
        let name = table.name(found.unwrap());
        assert_eq!((name.service.as_str(), name.task.as_str()), (service, task));
    }
}
