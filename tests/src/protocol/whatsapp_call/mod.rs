//! A WhatsApp call as a script (facts/whatsapp.md 4 and 5): relays, ringing, relayed media, the way to the peer,
//! fall-back, end.

mod act;
mod both;
mod call;
mod voice;

use std::net::SocketAddr;

pub use both::both_ends;
pub use call::{Call, Peer};

use super::whatsapp_relay::Dialect;
use crate::trace::Trace;
use act::{Act, Event};
use voice::Voice;

impl Call {
    /// The call's packets.
    pub fn trace(&self) -> Trace {
        let mut script = Script { call: self, events: Vec::new() };
        let media_from = script.set_up();
        let end = if self.relays_answer && self.answered { script.media(media_from) } else { media_from };
        script.tear_down(end);
        script.events.sort_by_key(|e| e.0);
        Voice::new(self).speak(script.events)
    }
}

struct Script<'a> {
    call: &'a Call,
    events: Vec<Event>,
}

impl Script<'_> {
    fn up(&mut self, at: u64, to: SocketAddr, act: Act) {
        self.events.push((at, self.call.client, to, act));
    }

    fn down(&mut self, at: u64, from: SocketAddr, act: Act) {
        self.events.push((at, from, self.call.client, act));
    }

    /// Allocations, ringing with keep-alives and probes; gives the time at which it ends.
    fn set_up(&mut self) -> u64 {
        let call = self.call;
        let start = call.start_us;
        let answered = start + call.ring_us;
        let rounds: Vec<u64> = match (call.relays_answer, call.dialect) {
            (false, _) => (0..3).map(|n| start + n * 2_000_000).collect(),
            (true, Dialect::Y2023) if call.ring_us > 3_000_000 => vec![start, start + 2_500_000],
            _ => vec![start],
        };
        for (round, at) in rounds.iter().enumerate() {
            for (n, to) in call.relays.iter().enumerate() {
                let at = at + n as u64 * call.pace_us.unwrap_or(2_000);
                for (copy, first) in [(0, true), (1, false)] {
                    let second_round = round > 0;
                    self.up(at + copy * 400, *to, Act::Allocate { first, second_round });
                    if call.relays_answer {
                        let round_trip = 60_000 + if call.pace_us.is_none() { n as u64 * 15_000 } else { 0 };
                        self.down(at + round_trip + copy * 400, *to, Act::Allocated);
                    }
                }
            }
        }
        if call.relays_answer && call.video && call.dialect != Dialect::Y2015 {
            self.probes(start + 500_000);
        }
        answered
    }

    fn probes(&mut self, from: u64) {
        let chosen = self.call.relays[0];
        for n in 0..4 {
            let at = from + n * 12_000;
            if self.call.dialect == Dialect::Y2019 {
                let kind = [1, 5, 7, 3][n as usize];
                self.up(at, chosen, Act::Probe199(kind));
                self.down(at + 50_000, chosen, Act::Probe199(2));
            } else {
                self.up(at, chosen, Act::DownlinkProbe);
                self.down(at + 50_000, chosen, Act::DownlinkProbed);
            }
            self.up(at + 200_000, chosen, Act::UplinkProbe);
            self.down(at + 260_000, chosen, Act::UplinkProbed);
        }
    }

    /// Everything from the answer to the hang-up; gives the time of the latter.
    fn media(&mut self, from: u64) -> u64 {
        let call = self.call;
        let (chosen, peer) = (call.relays[0], call.peer_public);
        let first = match call.dialect {
            Dialect::Y2015 => Act::Rtcp { packet_type: (0x81, 201, 9), bytes: 86 },
            _ => Act::Rtcp { packet_type: (0x81, 202, 7), bytes: 46 },
        };
        // The callee speaks first; each end sends its report before its own media.
        let (mine, theirs) = if call.caller { (40_000, 0) } else { (0, 90_000) };
        self.up(from + mine, chosen, first);
        self.down(from + theirs, chosen, first);
        let from = call.media_us();
        let switch = from + call.relay_us;
        self.stretch(from, switch, chosen, [true, true], false);
        if !call.dialect.is_padded() {
            self.up(from + 30_000, chosen, Act::Rtcp { packet_type: (0x81, 208, 2), bytes: 26 });
            self.down(from + 50_000, chosen, Act::Rtcp { packet_type: (0x81, 209, 1), bytes: 22 });
        }
        if call.peer == Peer::Untried {
            return switch;
        }
        let silent = if call.fallback_us > 0 { 5_000_000 } else { 0 };
        let end = match call.peer {
            Peer::Reached => switch + call.peer_us + silent + call.fallback_us,
            _ => switch,
        };
        let mut at = from + (call.relay_us / 2).min(1_000_000);
        // In one network the host candidate is the address that answers.
        while at < end && call.peer_host != peer {
            self.up(at, call.peer_host, Act::Check);
            at += 600_000;
        }
        if call.peer == Peer::Blocked {
            self.up(from + call.relay_us / 2, peer, Act::Check);
            return end;
        }
        self.up(switch - 120_000, peer, Act::Check);
        self.down(switch - 20_000, peer, Act::Checked);
        self.down(switch - 10_000, peer, Act::Check);
        self.up(switch - 9_000, peer, Act::Checked);
        let lost = switch + call.peer_us;
        self.stretch(switch, lost, peer, [true, true], false);
        if call.fallback_us > 0 {
            let back = lost + silent;
            self.stretch(lost, back, peer, [true, false], false);
            self.up(back + 20_000, peer, Act::Check);
            self.stretch(back, end, chosen, [true, true], true);
        }
        end
    }

    /// Media between two times with one other end; `sides` tells who sends: the client, the other.
    fn stretch(&mut self, from: u64, to: u64, other: SocketAddr, sides: [bool; 2], twice: bool) {
        let direct = other == self.call.peer_public;
        let step = match self.call.dialect {
            Dialect::Y2015 => 20_000,
            Dialect::Y2019 => 160_000,
            Dialect::Y2021 | Dialect::Y2023 => 60_000,
        };
        let mut at = from;
        while at < to {
            // The direct path of 2015 begins with large packets.
            let large = self.call.dialect == Dialect::Y2015 && direct && at < from + (to - from) / 3;
            let twice = twice || !direct && self.call.is_doubled(at);
            if sides[0] && !self.call.is_paused(at) {
                self.up(at, other, Act::Audio { large, again: false });
                if twice {
                    self.up(at + 1, other, Act::Audio { large, again: true });
                }
            }
            if sides[1] {
                self.down(at + 7_000, other, Act::Audio { large, again: false });
            } else {
                self.down(at + 7_000, other, Act::Unseen);
            }
            at += if large { 160_000 } else { step };
        }
        let mut at = from;
        while at < to && self.call.video && self.call.dialect != Dialect::Y2015 {
            for (n, last) in [(0, false), (1, true)] {
                self.up(at + 1_000 + n * 300, other, Act::Video { last });
                self.down(at + 9_000 + n * 300, other, Act::Video { last });
            }
            if self.call.dialect == Dialect::Y2019 {
                self.up(at + 2_000, other, Act::VideoRepair);
            }
            at += 66_000;
        }
        if to > from + 1_000_000 {
            let report = Act::Rtcp { packet_type: (0x81, 200, 18), bytes: 122 };
            self.up(from + 900_000, other, report);
            self.down(from + 950_000, other, report);
        }
    }

    /// Keep-alives up to the end, the last reports, and farewell to every relay.
    fn tear_down(&mut self, end: u64) {
        let call = self.call;
        let mut at = call.start_us + 1_000_000;
        while call.relays_answer && call.dialect != Dialect::Y2015 && at < end {
            self.up(at, call.relays[0], Act::KeepAlive);
            self.down(at + 40_000, call.relays[0], Act::KeptAlive);
            at += 3_000_000;
        }
        if call.relays_answer && call.answered {
            let direct = call.peer == Peer::Reached && call.fallback_us == 0;
            let other = if direct { call.peer_public } else { call.relays[0] };
            let (packet_type, bytes, times) = match call.dialect {
                Dialect::Y2015 => ((0x81, 200, 14), 114, 1),
                _ => ((0x81, 202, 7), 74, 3),
            };
            for n in 0..times {
                self.up(end + n * 200, other, Act::Rtcp { packet_type, bytes });
                self.down(end + 300_000 + n * 200, other, Act::Rtcp { packet_type, bytes });
            }
        }
        for (n, to) in call.relays.iter().enumerate() {
            self.up(end + 2_000 + n as u64 * call.pace_us.unwrap_or(500), *to, Act::Terminate);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::protocol::hex;

    fn sizes_of(trace: &Trace, first: &[u8]) -> Vec<usize> {
        trace.payloads().filter(|(_, _, p)| p.starts_with(first)).map(|(_, _, p)| p.len()).collect()
    }

    #[test]
    fn a_call_of_2015_has_its_phases() {
        let trace = Call::of(Dialect::Y2015).trace();
        assert_eq!(sizes_of(&trace, &hex("0003")), [126; 16]);
        assert_eq!(sizes_of(&trace, &hex("0103")), [44; 16]);
        assert_eq!(sizes_of(&trace, &hex("0800")), [126; 8]);
        assert_eq!(sizes_of(&trace, &hex("0101")), [44; 2]);
        assert_eq!(sizes_of(&trace, &hex("81 c9 0009")), [86; 2]);
        assert!(sizes_of(&trace, b"health").is_empty());
    }

    #[test]
    fn keep_alives_and_second_round_are_those_of_the_year() {
        let old = Call::of(Dialect::Y2019).trace();
        assert_eq!(sizes_of(&old, b"health").len(), sizes_of(&old, b"OK").len());
        assert!(!sizes_of(&old, b"health").is_empty());
        let new = Call::of(Dialect::Y2023).trace();
        assert_eq!(sizes_of(&new, &hex("0003")), [[212; 10], [272; 10]].concat());
        assert_eq!(sizes_of(&new, &hex("0103")), [68; 20]);
        assert!(sizes_of(&new, &hex("0801")).iter().all(|n| *n == 20));
    }

    #[test]
    fn media_moves_to_the_peer_with_the_same_stream() {
        for dialect in [Dialect::Y2015, Dialect::Y2019, Dialect::Y2023] {
            let call = Call::of(dialect);
            let trace = call.trace();
            let mine: Vec<(SocketAddr, Vec<u8>)> = trace
                .payloads()
                .filter(|(src, _, p)| *src == call.client && p[0] & 0xc0 == 0x80 && p[1] & 0x7f == 120)
                .map(|(_, dst, p)| (dst, p[..12].to_vec()))
                .collect();
            let moved = mine.iter().position(|(dst, _)| *dst == call.peer_public).expect("reached");
            assert!(mine[..moved].iter().all(|(dst, _)| *dst == call.relays[0]) && moved > 5);
            assert!(mine[moved..].iter().all(|(dst, _)| *dst == call.peer_public));
            assert!(mine.windows(2).all(|w| {
                let number = |n: usize| u16::from_be_bytes([w[n].1[2], w[n].1[3]]);
                number(1) == number(0).wrapping_add(1) && w[0].1[8..] == w[1].1[8..]
            }));
        }
    }

    #[test]
    fn fallback_doubles_packets_on_the_relay() {
        let call = Call { fallback_us: 1_000_000, ..Call::of(Dialect::Y2015) };
        let trace = call.trace();
        let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
        for (_, dst, p) in trace.payloads().filter(|(src, _, p)| *src == call.client && p[0] == 0x80) {
            assert!(dst == call.relays[0] || dst == call.peer_public);
            *seen.entry(p[2..12].to_vec()).or_default() += 1;
        }
        assert_eq!(seen.values().filter(|n| **n == 2).count(), 50);
    }

    #[test]
    fn an_unanswered_call_has_no_media() {
        let call = Call { answered: false, ..Call::of(Dialect::Y2015) };
        assert!(sizes_of(&call.trace(), &[0x80]).is_empty());
        let blocked = Call { relays_answer: false, ..call };
        assert!(blocked.trace().payloads().all(|(src, _, _)| src == blocked.client));
    }
}
