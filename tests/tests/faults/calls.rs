//! Calls of every size, and what is none.

use super::{at, client, of_trace};
use wiremark_tests::conversation::{Tcp, Udp};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

fn bytes(first: &[u8], size: usize, random: &mut Random) -> Vec<u8> {
    [first, &random.bytes(size - first.len())].concat()
}

/// Sizes that vary after the first datagram each way, ChatDissect's own layout (opcode, sequence, constant) among them;
/// a call seen from one side; a data channel beside a signalled call.
#[test]
fn calls_of_varying_size_are_calls() {
    let random = &mut Random::new(57);
    let server = at("198.51.100.60:8080");
    let mut layout = Udp::new(client(50_001), server);
    let mut probe = Udp::new(client(50_002), server);
    let mut midway = Udp::new(client(50_003), server);
    for turn in 0..20u8 {
        let size =
            |first: usize, random: &mut Random| if turn == 0 { first } else { random.between(40, 300) };
        let (up, down) = (size(90, random), size(104, random));
        layout = layout.client(bytes(&[0xd5, 1, 0, turn, 7], up, random));
        layout = layout.server(bytes(&[0xd5, 2, 0, turn, 7], down, random));
        let (up, down) = (size(200, random), size(200, random));
        probe = probe.server(bytes(&[0xd6], up, random)).client(bytes(&[0xd6], down, random));
        let up = size(96, random);
        midway = midway.client(bytes(&[0xa3], up, random));
    }
    let trace = Trace::mixed([layout.trace(), probe.trace(), midway.trace()]);
    let said = of_trace(&trace);
    for port in 50_001..=50_003 {
        assert_eq!(said[&port], "wechat voip related", "{port}");
    }
}

/// One datagram each way, ids that come back, conversations that stand still, a forged head: nothing.
#[test]
fn a_byte_and_two_lengths_are_no_call() {
    let random = &mut Random::new(58);
    let server = at("198.51.100.60:8080");
    let once = Udp::new(client(50_001), server);
    let once = once.client(bytes(&[0xa3], 96, random)).server(bytes(&[0xa3], 95, random)).trace();
    let mut echo = Udp::new(client(50_002), server);
    let mut still = Udp::new(client(50_003), server);
    let mut forged = Udp::new(client(50_004), server);
    for turn in 0..12u8 {
        let id = [0xd6, 0x10, 0, turn];
        echo = echo.client(bytes(&id, 200, random)).server(bytes(&id, 200, random));
        let id = [0xd5, 0x44, 0x55, 0x66];
        still = still.client(bytes(&id, 90, random)).server(bytes(&id, 104, random));
        // The header that tunnels put in front ("WeChat video"): a counter of four bytes, then constants.
        let head = [0xa1, 8, 0, 0, 9, turn, 0, 0x10, 0x11, 0x18, 0x30, 0x22, 0x30];
        forged = forged.client(bytes(&head, 192, random)).server(bytes(&head, 175, random));
    }
    let trace = Trace::mixed([once, echo.trace(), still.trace(), forged.trace()]);
    for (port, said) in of_trace(&trace) {
        assert_eq!(said, "nothing", "{port}");
    }
}

/// Sixteen bytes of plain numbers, as goim, EPICS, ZooKeeper and Kafka send them, also where the other side answers alike.
#[test]
fn plain_numbers_are_no_long_link() {
    let number = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let head = 0x0010_0001;
    let talk = |port: u16, server: &str, up: Vec<u8>, down: Vec<u8>| {
        Tcp::new(client(port), at(server), u64::from(port))
            .client(&up)
            .server(&down)
            .client(up)
            .server(down)
            .trace()
    };
    let trace = Trace::mixed([
        talk(50_001, "198.51.100.1:3101", number(&[16, head, 2, 1]), number(&[20, head, 3, 1, 9])),
        talk(
            50_002,
            "198.51.100.2:5064",
            number(&[0x1_0010, head, 7, 1, 0, 0, 0, 7]),
            number(&[0x1_0010, head, 1, 1, 0, 0, 5, 9]),
        ),
        talk(50_003, "198.51.100.3:2181", number(&[16, head, 11, 0, 0]), number(&[16, head, 0, 3, 0])),
        talk(50_004, "198.51.100.4:9092", number(&[12, head, 7, 0]), number(&[16, head, 0, 0, 0])),
    ]);
    for (port, said) in of_trace(&trace) {
        assert_eq!(said, "nothing", "{port}");
    }
    let noop =
        talk(50_005, "198.51.100.5:8080", number(&[16, head, 6, 1]), number(&[16, head, 1_000_000_006, 1]));
    assert_eq!(of_trace(&noop)[&50_005], "wechat longlink payload");
}
