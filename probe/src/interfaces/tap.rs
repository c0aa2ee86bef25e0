//! An interface that is captured, down for a while, or gone and looked for again.

use std::time::{Duration, Instant};

use wiremark::LinkType;
use wiremark_live::{Counters, LiveError, Ring, RingOptions};

use crate::notes::InterfaceRecord;
use crate::stop::complain;

/// How long until an interface that is gone is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// An interface, and what came of it.
pub(super) struct Tap {
    pub(super) name: String,
    pub(super) ring: Result<Ring, Instant>,
    pub(super) link_type: LinkType,
    /// Of rings that are gone.
    before: Counters,
    last: Counters,
    /// Frames looked at, and their bytes.
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) is_down: bool,
}

impl Tap {
    pub(super) fn open(name: &str, options: &RingOptions<'_>) -> Result<Self, LiveError> {
        let ring = Ring::open(name, options)?;
        let link_type = LinkType::from_number(ring.link_type()).unwrap_or(LinkType::Ethernet);
        let (before, last) = (Counters::default(), Counters::default());
        let (frames, bytes) = (0, 0);
        Ok(Self {
            name: name.to_owned(),
            ring: Ok(ring),
            link_type,
            before,
            last,
            frames,
            bytes,
            is_down: false,
        })
    }

    /// Whether it gives nothing now.
    pub(super) fn is_silent(&self) -> bool {
        self.is_down || self.ring.is_err()
    }

    /// Looks for an interface that is gone.
    pub(super) fn look_again(&mut self, options: &RingOptions<'_>) {
        if let Err(next) = self.ring
            && Instant::now() >= next
        {
            match Ring::open(&self.name, options) {
                Ok(ring) => {
                    complain(&format!("{}: is back", self.name));
                    self.ring = Ok(ring);
                }
                Err(_) => self.ring = Err(Instant::now() + AGAIN),
            }
        }
    }

    /// Takes no more frames than the ring has; gives back how many blocks those may be in.
    pub(super) fn stop(&mut self) -> usize {
        let Ok(ring) = &mut self.ring else { return 0 };
        // Where it goes on all the same, counters have what came after the last look.
        let _ = ring.stop();
        ring.fill().1
    }

    /// What the kernel counted, and how full the ring is.
    pub(super) fn record(&mut self) -> InterfaceRecord<'_> {
        let (mut full_blocks, mut blocks) = (0, 0);
        if let Ok(ring) = &mut self.ring {
            (full_blocks, blocks) = ring.fill();
            self.last = ring.counters().unwrap_or(self.last);
        }
        InterfaceRecord {
            event_type: "interface",
            interface: &self.name,
            frames: self.frames,
            bytes: self.bytes,
            received: self.before.received + self.last.received,
            dropped: self.before.dropped + self.last.dropped,
            ring_full: self.before.freezes + self.last.freezes,
            ring_blocks_waiting: full_blocks,
            ring_blocks: blocks,
        }
    }

    /// Says what went wrong. One that is down may come up again; of one that is gone the counters are kept.
    pub(super) fn failed(&mut self, error: LiveError) {
        complain(&error);
        match error {
            LiveError::Down(_) => self.is_down = true,
            _ => {
                self.is_down = false;
                if let Ok(ring) = &mut self.ring {
                    self.last = ring.counters().unwrap_or(self.last);
                }
                let Counters { received, dropped, freezes } = self.last;
                self.before.received += received;
                self.before.dropped += dropped;
                self.before.freezes += freezes;
                self.last = Counters::default();
                self.ring = Err(Instant::now() + AGAIN);
            }
        }
    }
}
