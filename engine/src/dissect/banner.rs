//! The first words of protocols that say who they are: enough to know that a flow is not something else.

/// Datagrams of a flow that may show another protocol.
pub(crate) const FIRST_DATAGRAMS: u8 = 4;

/// How streams of other protocols begin, whoever speaks first.
const STREAMS: [&[u8]; 33] = [
    b"SSH-", // RFC 4253, 4.2
    b"220 ", // SMTP, FTP: RFC 5321, 4.2; RFC 959, 5.4
    b"220-",
    b"EHLO ", // RFC 5321, 4.1.1.1
    b"HELO ",
    b"+OK",  // POP3: RFC 1939, 3
    b"* OK", // IMAP: RFC 9051, 7.1.1
    b"* PREAUTH",
    b"RFB 0",          // RFC 6143, 7.1.1
    b"AMQP",           // AMQP 0-9-1, 4.2.2
    b"\x13BitTorrent", // BEP 3
    b"<?xml",
    b"<stream:", // RFC 6120, 4.2
    b"INFO {",   // NATS
    b"NOTICE ",  // RFC 1459
    b"NICK ",
    b"USER ",
    b":irc",
    b"OPTIONS sip:", // RFC 3261, 7.1
    b"REGISTER sip:",
    b"INVITE sip:",
    b"SIP/2.0 ",
    b"RTSP/1.0 ", // RFC 2326, 7
    b"DESCRIBE rtsp",
    b"OPTIONS rtsp",
    b"*1\r\n", // RESP arrays, as Redis clients begin
    b"*2\r\n",
    b"*3\r\n",
    b"-ERR ",
    b"PRI * HTTP/2", // RFC 9113, 3.4
    b"\xfeSMB",      // MS-SMB2, 2.2.1
    b"\xffSMB",
    b"@RSYNCD:",
];

/// How datagrams of other protocols begin.
const DATAGRAMS: [&[u8]; 9] = [
    b"REGISTER sip:",
    b"INVITE sip:",
    b"OPTIONS sip:",
    b"SIP/2.0 ",
    b"M-SEARCH * HTTP",
    b"NOTIFY * HTTP",
    b"HTTP/1.1 200",
    b"d1:ad2:id",        // BEP 5
    b"\xff\xff\xff\xff", // connectionless packets of games
];

/// A bit for each byte that one of the starts begins with: most streams begin with none of them.
const fn first_bytes(starts: &[&[u8]]) -> [u64; 4] {
    let (mut bits, mut at) = ([0; 4], 0);
    while at < starts.len() {
        let byte = starts[at][0];
        bits[byte as usize / 64] |= 1 << (byte % 64);
        at += 1;
    }
    bits
}

const STREAM_BYTES: [u64; 4] = first_bytes(&STREAMS);
const DATAGRAM_BYTES: [u64; 4] = first_bytes(&DATAGRAMS);

#[inline]
fn begins(bytes: &[u8], first: &[u64; 4], starts: &[&[u8]]) -> bool {
    bytes.first().is_some_and(|byte| {
        first[usize::from(*byte) / 64] >> (byte % 64) & 1 == 1
            && starts.iter().any(|start| start[0] == *byte && bytes.starts_with(start))
    })
}

/// Whether the bytes with which a side of a stream begins are another protocol's.
pub fn is_foreign_stream(bytes: &[u8]) -> bool {
    begins(bytes, &STREAM_BYTES, &STREAMS)
        // MQTT: CONNECT, its length, the protocol's name (OASIS MQTT 3.1.1, 3.1).
        || bytes.first() == Some(&0x10) && bytes.get(4..8) == Some(b"MQTT")
        // PostgreSQL: start-up message, SSL request (Frontend/Backend Protocol).
        || bytes.get(4..8).is_some_and(|code| code == [0, 3, 0, 0] || code == [4, 0xd2, 0x16, 0x2f])
        // RDP: TPKT and a connection request (RFC 2126; MS-RDPBCGR).
        || bytes.len() >= 6 && bytes[..2] == [3, 0] && bytes[5] == 0xe0
}

/// Whether a datagram between these ports is another protocol's.
pub fn is_foreign_datagram(bytes: &[u8], ports: [u16; 2]) -> bool {
    begins(bytes, &DATAGRAM_BYTES, &DATAGRAMS)
        || (ports[0] == 123 || ports[1] == 123) && is_time(bytes)
        || (ports[0] == 161 || ports[1] == 161) && bytes.first() == Some(&0x30)
        || bytes.get(236..240) == Some(&[0x63, 0x82, 0x53, 0x63])
}

/// NTP: 48 bytes or more, versions 1 to 4, a mode (RFC 5905, 7.3).
fn is_time(bytes: &[u8]) -> bool {
    bytes.len() >= 48 && (1..=4).contains(&(bytes[0] >> 3 & 7)) && bytes[0] & 7 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_say_so() {
        let stream = |bytes: &[u8]| is_foreign_stream(bytes);
        assert!(stream(b"SSH-2.0-x\r\n"));
        assert!(stream(b"220 mail.example.net ESMTP"));
        assert!(stream(b"\x10\x0c\x00\x04MQTT\x04"));
        assert!(!stream(b"WA\x06\x03"));
        assert!(!stream(b"GET / HTTP/1.1\r\n"));
        let datagram = |bytes: &[u8], port| is_foreign_datagram(bytes, [40_000, port]);
        assert!(datagram(&[&[0x23][..], &[0; 47]].concat(), 123));
        assert!(!datagram(&[&[0x23][..], &[0; 47]].concat(), 8080));
        assert!(datagram(b"M-SEARCH * HTTP/1.1\r\n", 1900));
    }
}
