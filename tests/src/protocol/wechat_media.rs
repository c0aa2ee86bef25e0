//! WeChat's media transfer to its CDN (facts/wechat.md 6): messages that begin with 0xAB.

use std::net::SocketAddr;

use super::wechat_longlink::MADE_UP_UIN;
use super::{hex, len32, protobuf};
use crate::conversation::Tcp;
use crate::random::Random;
use crate::trace::Trace;

/// The "ready" exchange.
pub const READY: u16 = 10_000 + 4;
/// File download.
pub const DOWNLOAD: u16 = 20_000;
/// The form of 2022, with protobuf bodies.
pub const PROTOBUF: u16 = 50_000;

/// A message: 25 bytes of header, then the body.
pub fn message(command: u16, body: &[u8]) -> Vec<u8> {
    let total = 25 + body.len() as u32;
    [
        &[0xab][..],
        &total.to_be_bytes(),
        &command.to_be_bytes(),
        &MADE_UP_UIN.to_be_bytes(),
        &[0; 10],
        &len32(body),
    ]
    .concat()
}

/// Keys and values, each with its length before it.
pub fn pairs(list: &[(&str, &[u8])]) -> Vec<u8> {
    list.iter().flat_map(|(key, value)| [len32(key.as_bytes()), len32(value)].concat()).collect()
}

/// A picture fetched: ready, its answer, the request, the file.
pub fn download_flow(client: SocketAddr, server: SocketAddr, bytes: usize, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let uin = MADE_UP_UIN.to_string();
    let first: [(&str, &[u8]); 3] = [("ver", b"1"), ("weixinnum", uin.as_bytes()), ("seq", b"1")];
    let file_id = random.hex(64);
    let more: [(&str, &[u8]); 5] = [
        ("clientversion", b"637863936"),
        ("clientostype", b"android-19"),
        ("filetype", b"2"),
        ("fileid", file_id.as_bytes()),
        ("offset", b"0"),
    ];
    let file = random.bytes(bytes);
    Tcp::new(client, server, seed)
        .client(message(READY, &pairs(&first)))
        .server(message(READY, &pairs(&[("retcode", b"0")])))
        .client(message(DOWNLOAD, &pairs(&[&first[..], &more].concat())))
        .server(message(DOWNLOAD, &pairs(&[("retcode", b"0"), ("filedata", &file)])))
        .close()
        .trace()
}

/// A Moments photo fetched in the form of 2022: hellos of 6 and 4 bytes, then the URL in clear.
pub fn protobuf_flow(client: SocketAddr, server: SocketAddr, bytes: usize, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let url = format!("http://shmmsns.qpic.cn/mmsns/{}/150", random.hex(40));
    let answer = [b"image/jpeg\0Mon, 01 Jan 2024 00:00:00 GMT\0".to_vec(), random.bytes(bytes)].concat();
    Tcp::new(client, server, seed)
        .client(message(PROTOBUF, &hex("08 01 10 01 18 01")))
        .server(message(PROTOBUF, &hex("08 00 10 01")))
        .client(message(PROTOBUF, &[protobuf(1, url.as_bytes()), protobuf(2, &random.bytes(60))].concat()))
        .server(message(PROTOBUF, &answer))
        .close()
        .trace()
}

/// An upload whose first answer has one pair: 41 bytes.
pub fn upload_flow(client: SocketAddr, server: SocketAddr, bytes: usize, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let uin = MADE_UP_UIN.to_string();
    let file = random.bytes(bytes);
    let body: [(&str, &[u8]); 4] =
        [("ver", b"1"), ("weixinnum", uin.as_bytes()), ("filekey", b"0123456789abcdef"), ("filedata", &file)];
    Tcp::new(client, server, seed)
        .client(message(DOWNLOAD + 1, &pairs(&body)))
        .server(message(DOWNLOAD + 1, &pairs(&[("retcode", b"0")])))
        .close()
        .trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_agree_and_the_first_keys_stand_where_they_should() {
        let uin = MADE_UP_UIN.to_string();
        let bytes = message(READY, &pairs(&[("ver", b"1"), ("weixinnum", uin.as_bytes())]));
        assert_eq!(bytes[..7], [&[0xab, 0, 0, 0, bytes.len() as u8][..], &hex("2714")].concat());
        assert_eq!(u32::from_be_bytes(bytes[21..25].try_into().unwrap()) as usize, bytes.len() - 25);
        assert_eq!(bytes[25..37], hex("00000003 766572 00000001 31"));
        assert_eq!(&bytes[41..50], b"weixinnum");
    }

    #[test]
    fn an_answer_of_one_pair_has_41_bytes() {
        assert_eq!(message(READY, &pairs(&[("retcode", b"0")])).len(), 41);
    }
}
