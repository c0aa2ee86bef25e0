//! When a stream changed how much time a packet holds (WhatsApp Exposed, session 1: 320 units, then 2560, then 320 again).

use super::packet_stamp::PacketStamp;

/// Most changes that are kept.
const CHANGES: usize = 32;
/// Steps of the same length behind one another that make a change: one alone is a pause.
const IN_A_ROW: u32 = 2;

/// From a packet on, packets hold so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first packet that holds so much.
    pub at: PacketStamp,
    /// Units of the clock from one packet to the next.
    pub units: u32,
}

/// Follows the steps of time stamps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packetisation {
    changes: Vec<Change>,
    /// A step that is not the current one, how often it came in a row, and where that began.
    next: Option<(Change, u32)>,
}

impl Packetisation {
    /// The step from a packet to the next one.
    pub(crate) fn step(&mut self, from: PacketStamp, units: u32) {
        if self.changes.last().is_some_and(|change| change.units == units) {
            self.next = None;
            return;
        }
        let (begun, before) = match self.next {
            Some((begun, times)) if begun.units == units => (begun, times),
            _ => (Change { at: from, units }, 0),
        };
        if before + 1 >= IN_A_ROW {
            self.next = None;
            if self.changes.len() < CHANGES {
                self.changes.push(begun);
            }
        } else {
            self.next = Some((begun, before + 1));
        }
    }

    /// The packetisations, in order of time; the first one is what the stream began with.
    pub(crate) fn all(&self) -> &[Change] {
        &self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_and_pauses_are_not() {
        let mut steps = Packetisation::default();
        let units = [320, 320, 320, 9_600, 320, 2_560, 2_560, 2_560, 320, 320];
        for (number, units) in (1..).zip(units) {
            steps.step(PacketStamp { time_us: number * 20_000, number }, units);
        }
        let told: Vec<_> = steps.all().iter().map(|change| (change.at.number, change.units)).collect();
        assert_eq!(told, [(1, 320), (6, 2_560), (9, 320)]);
    }
}
