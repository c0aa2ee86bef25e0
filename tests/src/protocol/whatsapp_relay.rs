//! The messages between a caller and WhatsApp's relays (facts/whatsapp.md 3): a dialect of STUN.

use std::net::SocketAddr;

use super::hex;
use super::stun::{self, Message, xor_address};
use crate::random::Random;

/// A transaction id.
pub type Id = [u8; 12];

/// The dialect's years, by the captures it was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 2015: unpadded attributes, no message integrity.
    Y2015,
    /// 2019: the same with `health` keep-alives and bandwidth probes.
    Y2019,
    /// 2021: padded, with integrity. Only allocation, keep-alive and token were seen; the rest is as in 2023.
    Y2021,
    /// 2023: padded, with integrity and the destination in the request.
    Y2023,
}

impl Dialect {
    /// A token for a relay, of the length and with the first bytes of that year.
    pub fn token(self, random: &mut Random) -> Vec<u8> {
        let (first, length) = match self {
            Dialect::Y2015 => ([0x01, 0x00], 102),
            Dialect::Y2019 => ([0x05, 0x03], 102),
            Dialect::Y2021 => ([0x09, 0x10], 102),
            Dialect::Y2023 => ([0x09, 0x02], 150),
        };
        [&first[..], &random.bytes(length - 2)].concat()
    }

    /// Whether attributes are padded and messages carry integrity.
    pub fn is_padded(self) -> bool {
        matches!(self, Dialect::Y2021 | Dialect::Y2023)
    }
}

/// Binds a token to a relay (0x0003). `attribute` is 0x4000, or 0x4001 as a callee of 2015 sent it.
pub fn allocate(
    dialect: Dialect,
    attribute: u16,
    token: &[u8],
    id: Id,
    relay: SocketAddr,
    second_round: bool,
    random: &mut Random,
) -> Vec<u8> {
    if !dialect.is_padded() {
        return Message::new(0x0003, id).unpadded().with(attribute, token).bytes();
    }
    let mut message = Message::new(0x0003, id).with(attribute, token);
    if dialect == Dialect::Y2021 {
        return message.with(0x0008, random.bytes(20)).bytes();
    }
    if second_round {
        for length in [16, 14, 16] {
            message = message.with(0x0022, [&[3][..], &random.bytes(length - 1)].concat());
        }
    }
    message.with(0x0016, xor_address(relay, &id)).with(0x0008, random.bytes(20)).bytes()
}

/// The relay's answer (0x0103), with the caller's address and the relay's clock in ms since 1970.
pub fn allocated(
    dialect: Dialect,
    id: Id,
    caller: SocketAddr,
    clock_ms: u64,
    random: &mut Random,
) -> Vec<u8> {
    let message =
        Message::new(0x0103, id).with_xor_address(0x0020, caller).with(0x4002, clock_ms.to_be_bytes());
    if dialect.is_padded() { message.with(0x0008, random.bytes(20)).bytes() } else { message.bytes() }
}

/// Gives a relay up (0x0800); never answered.
pub fn terminate(dialect: Dialect, token: &[u8], id: Id, relay: SocketAddr, random: &mut Random) -> Vec<u8> {
    if !dialect.is_padded() {
        return Message::new(0x0800, id).unpadded().with(0x4000, token).bytes();
    }
    if dialect == Dialect::Y2021 {
        return Message::new(0x0800, id).with(0x4000, token).with(0x0008, random.bytes(20)).bytes();
    }
    Message::new(0x0800, id)
        .with(0x4000, token)
        .with(0x802b, hex("02 00 00 00"))
        .with(0x0016, xor_address(relay, &id))
        .with(0x0008, random.bytes(20))
        .bytes()
}

/// Keep-alive and its answer; `None` in 2015, when there was none.
pub fn keep_alive(dialect: Dialect, id: Id) -> Option<(Vec<u8>, Vec<u8>)> {
    match dialect {
        Dialect::Y2015 => None,
        Dialect::Y2019 => Some((b"health".to_vec(), b"OK".to_vec())),
        Dialect::Y2021 | Dialect::Y2023 => {
            Some((Message::new(0x0801, id).bytes(), Message::new(0x0802, id).bytes()))
        }
    }
}

/// Uplink bandwidth probe (0x0801) and its answer (0x0802).
pub fn uplink_probe(dialect: Dialect, id: Id, clock_ms: u64, counter_ns: u64) -> (Vec<u8>, Vec<u8>) {
    if dialect.is_padded() {
        let mut probe = Message::new(0x0801, id).with(0x4003, [0xff]).with(0x4004, [0; 440]).bytes();
        probe.extend_from_slice(&[0; 28]); // past the length the header states
        let answer = Message::new(0x0802, id).with(0x4002, clock_ms.to_be_bytes()).with(0x4003, [0xff]);
        return (probe, answer.bytes());
    }
    let cookie = [&[1][..], &counter_ns.to_be_bytes()].concat();
    let probe = Message::new(0x0801, id).unpadded().with(0x4003, &cookie).with(0x4004, [0; 475]);
    let answer =
        Message::new(0x0802, id).unpadded().with(0x4002, clock_ms.to_be_bytes()).with(0x4003, &cookie);
    (probe.bytes(), answer.bytes())
}

/// Downlink bandwidth probe of 2023: the request (0x0804) and what the relay sends (0x0805).
pub fn downlink_probe(id: Id, relay: SocketAddr, clock_ms: u64, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let request = Message::new(0x0804, id)
        .with(0x4007, hex("01 f4"))
        .with(0x0016, xor_address(relay, &id))
        .with(0x0008, random.bytes(20));
    let answer = Message::new(0x0805, id)
        .with(0x4002, clock_ms.to_be_bytes())
        .with(0x4004, [0; 452])
        .with(0x0008, random.bytes(20));
    (request.bytes(), answer.bytes())
}

/// Bandwidth probe of 2019 that looks like RTCP of type 199: `kind` 1 and 3 start, 2 acknowledges (20 bytes), 5 and
/// 7 carry filler (472 bytes).
pub fn probe_199(kind: u8, random: &mut Random) -> Vec<u8> {
    let length = if matches!(kind, 5 | 7) { 472 } else { 20 };
    [&[0x80, 0xc7, 0x00, kind][..], &random.bytes(length - 4)].concat()
}

/// Check of a path to the peer (0x0001): message integrity and nothing else.
pub fn check(id: Id, random: &mut Random) -> Vec<u8> {
    Message::new(0x0001, id).with(0x0008, random.bytes(20)).bytes()
}

/// The peer's answer (0x0101), without an address.
pub fn checked(id: Id, random: &mut Random) -> Vec<u8> {
    Message::new(0x0101, id).with(0x0008, random.bytes(20)).bytes()
}

/// The id behind this one: the client counts up.
pub fn next_id(id: Id) -> Id {
    let mut wide = [0; 16];
    wide[4..].copy_from_slice(&id);
    let mut out = [0; 12];
    out.copy_from_slice(&(u128::from_be_bytes(wide).wrapping_add(1)).to_be_bytes()[4..]);
    out
}

/// An allocation of TURN proper, which has REQUESTED-TRANSPORT, for telling the two apart.
pub fn plain_allocate(id: Id) -> Vec<u8> {
    stun::Message::new(0x0003, id).with(0x0019, hex("11 000000")).bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = [7; 12];

    fn relay() -> SocketAddr {
        "198.51.100.9:3478".parse().unwrap()
    }

    #[test]
    fn messages_have_the_sizes_seen() {
        let mut random = Random::new(1);
        let mut sizes = Vec::new();
        for dialect in [Dialect::Y2015, Dialect::Y2019, Dialect::Y2021, Dialect::Y2023] {
            let token = dialect.token(&mut random);
            sizes.push([
                allocate(dialect, 0x4000, &token, ID, relay(), false, &mut random).len(),
                allocate(dialect, 0x4000, &token, ID, relay(), true, &mut random).len(),
                allocated(dialect, ID, relay(), 1, &mut random).len(),
                terminate(dialect, &token, ID, relay(), &mut random).len(),
            ]);
        }
        let wanted = [[126, 126, 44, 126], [126, 126, 44, 126], [152, 152, 68, 152], [212, 272, 68, 220]];
        assert_eq!(sizes, wanted);
        let probe = |d| uplink_probe(d, ID, 1, 1);
        let (old, new) = (probe(Dialect::Y2019), probe(Dialect::Y2023));
        assert_eq!([old.0.len(), old.1.len(), new.0.len(), new.1.len()], [512, 45, 500, 40]);
        assert_eq!(new.0[2..4], 452u16.to_be_bytes(), "28 bytes lie past the stated length");
        let down = downlink_probe(ID, relay(), 1, &mut random);
        assert_eq!((down.0.len(), down.1.len()), (64, 512));
        assert_eq!((check(ID, &mut random).len(), checked(ID, &mut random).len()), (44, 44));
        assert_eq!((probe_199(5, &mut random).len(), probe_199(2, &mut random).len()), (472, 20));
        let ping = keep_alive(Dialect::Y2023, ID).unwrap();
        assert_eq!((ping.0.len(), ping.1.len()), (20, 20));
    }

    #[test]
    fn the_request_of_2023_names_its_own_destination() {
        let mut random = Random::new(1);
        let token = Dialect::Y2023.token(&mut random);
        let request = allocate(Dialect::Y2023, 0x4000, &token, ID, relay(), false, &mut random);
        // Behind the token, padded: type 0x0016, length 8, family 1, port and address under the cookie.
        let coded =
            [&hex("0016 0008 0001 2c84")[..], &(0xc633_6409u32 ^ stun::COOKIE).to_be_bytes()].concat();
        assert_eq!(request[176..188], coded);
    }

    #[test]
    fn ids_count_up_over_the_byte_border() {
        assert_eq!(next_id([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff])[10..], [1, 0]);
    }
}
