//! What of a capture was not looked into, or not to its end, in words.

use wiremark::{Layer, Statistics};

use crate::replay::Counts;

/// Kinds of frames told by name; the rest is summed up.
const NAMED: usize = 6;

impl Counts {
    /// Frames that hold something else than TCP or UDP, by name, the most frequent first.
    pub fn not_looked_into(&self) -> Vec<(String, u64)> {
        let mut named: Vec<(String, u64)> = Vec::new();
        for (layer, frames) in &self.stopped_at {
            let name = layer.to_string();
            match named.iter_mut().find(|(other, _)| *other == name) {
                Some((_, sum)) => *sum += frames,
                None => named.push((name, *frames)),
            }
        }
        named.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        named
    }

    /// One sentence about what was not looked into, or not to its end; none where that is nothing but the network's own talk
    /// (ARP, ICMP, ...), which carries nobody's packets.
    pub fn sentence(&self, seen: &Statistics) -> Option<String> {
        let mut parts = Vec::new();
        let named = self.not_looked_into();
        let is_control = self.stopped_at.keys().copied().all(Layer::is_control);
        if !named.is_empty() {
            let mut words: Vec<String> = named
                .iter()
                .take(NAMED)
                .map(|(name, frames)| format!("{} of {name}", many(*frames, "frame")))
                .collect();
            if let Some(rest) = named.get(NAMED..).filter(|rest| !rest.is_empty()) {
                let frames = rest.iter().map(|(_, frames)| frames).sum();
                words.push(format!("{} of {} other kinds", many(frames, "frame"), rest.len()));
            }
            parts.push(format!("{}, not looked into", words.join(", ")));
        }
        let jumps = seen.clock_jumps > 1;
        for (number, noun, what) in [
            (self.truncated, "frame", "cut within the headers"),
            (self.malformed, "frame", "whose headers contradict themselves"),
            (self.cut, "frame", "cut by a snap length, so that what they carry is not all there"),
            (seen.fragments_lost, "fragment", "of packets that never were whole"),
            (seen.evicted, "flow", "ended early to make room (see --max-flows)"),
            (seen.handshakes_lost, "handshake", "in pieces given up for want of room"),
            (self.untimed, "frame", "without a time"),
            (if jumps { seen.clock_jumps } else { 0 }, "jump", "of the clock: several clocks, or wrong ones"),
        ] {
            if number > 0 {
                parts.push(format!("{} {what}", many(number, noun)));
            }
        }
        let is_quiet = parts.len() == usize::from(!named.is_empty()) && is_control;
        (!is_quiet).then(|| parts.join("; "))
    }
}

fn many(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark::wire::ethernet::EtherType;

    #[test]
    fn the_networks_own_talk_is_told_only_beside_something_else() {
        let mut counts = Counts { frames: 20, unsupported: 3, ..Counts::default() };
        counts.stopped_at.insert(Layer::Ether(EtherType::ARP), 3);
        assert_eq!(counts.sentence(&Statistics::default()), None);
        counts.stopped_at.insert(Layer::Ip(50), 12);
        let told = counts.sentence(&Statistics::default());
        assert_eq!(told.as_deref(), Some("12 frames of ESP, 3 frames of ARP, not looked into"));
        let seen = Statistics { evicted: 1, clock_jumps: 1, ..Statistics::default() };
        let told = Counts { truncated: 2, ..Counts::default() }.sentence(&seen);
        let expected = "2 frames cut within the headers; 1 flow ended early to make room (see --max-flows)";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(Counts::default().sentence(&Statistics::default()), None);
    }

    #[test]
    fn rare_kinds_are_summed_up() {
        let mut counts = Counts::default();
        counts.stopped_at.extend((0..9).map(|n| (Layer::Ip(200 + n), 1)));
        let told = counts.sentence(&Statistics::default()).unwrap();
        assert!(told.ends_with("3 frames of 3 other kinds, not looked into"), "{told}");
    }
}
