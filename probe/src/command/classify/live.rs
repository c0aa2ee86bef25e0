//! Interfaces through a tracker, as long as is wanted.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use wiremark::{Frame, LinkType, Prepared};
use wiremark_capture::replay::{Counts, Follow, SOON};
use wiremark_live::{Counters, Filter, LiveError, Ring, RingBlock, RingOptions, become_user, compile};

use super::report::{Report, Totals};
use super::stream::{Reading, Stream};
use super::written::{Rotation, Written, rotation};
use crate::notes::{InterfaceRecord, StatsRecord};
use crate::stop::{Stop, complain};
use crate::units::{size, time};

/// How long nothing is waited for at a time, so that signals and clocks are looked at.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long until an interface that is gone is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// Arguments about interfaces.
#[derive(Args)]
#[command(next_help_heading = "Interfaces (Linux)")]
pub(super) struct LiveArguments {
    /// Capture on this interface instead of reading files; may be given several times
    #[arg(short, long = "interface", value_name = "IFACE", conflicts_with_all = ["files", "watch", "follow", "is_continued", "threads"])]
    pub(super) interfaces: Vec<String>,

    /// Have the interface hand over frames for other machines, too
    #[arg(long, requires = "interfaces")]
    promiscuous: bool,

    /// Share the interface's flows with other programs that name the same number: each flow goes to one of them
    #[arg(long, value_name = "GROUP", requires = "interfaces")]
    fanout: Option<u16>,

    /// Memory for frames that wait, each interface
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "interfaces")]
    ring: u64,

    /// Take only frames that match this expression of tcpdump's (compiled by the system's libpcap)
    #[arg(long, value_name = "EXPRESSION", requires = "interfaces")]
    filter: Option<String>,

    /// End after so long: 90s, 5m, 24h
    #[arg(long, value_name = "TIME", value_parser = time, requires = "interfaces")]
    duration: Option<Duration>,

    /// End after so many frames
    #[arg(long, value_name = "N", requires = "interfaces")]
    count: Option<u64>,

    /// Tell so often what was captured and lost: a record (event_type "interface") with --format json, else a line on standard
    /// error; both come at the end in any case
    #[arg(long, value_name = "TIME", value_parser = time, requires = "interfaces")]
    stats_every: Option<Duration>,

    /// Become this user once interfaces and output are open
    #[arg(long, value_name = "NAME", requires = "interfaces")]
    user: Option<String>,

    /// Write what is captured to a pcapng file
    #[arg(short, long, value_name = "FILE", requires = "interfaces")]
    write: Option<PathBuf>,

    /// Begin a new file after so many bytes (100M) or so long (60s); files are numbered
    #[arg(long, value_name = "SIZE|TIME", value_parser = rotation, requires = "write")]
    rotate: Option<Rotation>,

    /// Write only frames of flows of a known app, from the one on that told the app
    #[arg(long, requires = "write")]
    write_apps: bool,
}

/// An interface, and what came of it.
struct Tap {
    name: String,
    ring: Result<Ring, Instant>,
    link_type: LinkType,
    /// Of rings that are gone.
    before: Counters,
    last: Counters,
    frames: u64,
    bytes: u64,
    is_down: bool,
}

impl Tap {
    fn open(name: &str, options: &RingOptions<'_>) -> Result<Self, LiveError> {
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

    /// Looks for an interface that is gone.
    fn look_again(&mut self, options: &RingOptions<'_>) {
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

    /// What the kernel counted, and how full the ring is.
    fn record(&mut self) -> InterfaceRecord<'_> {
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

    /// Says what went wrong; true where it goes on all the same.
    fn failed(&mut self, error: LiveError) {
        complain(&error);
        match error {
            LiveError::Down(_) => self.is_down = true,
            _ => {
                self.is_down = false;
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

impl LiveArguments {
    fn options<'f>(&self, filter: Option<&'f Filter>) -> RingOptions<'f> {
        RingOptions {
            ring_bytes: self.ring as usize,
            is_promiscuous: self.promiscuous,
            fanout: self.fanout,
            filter,
            ..RingOptions::default()
        }
    }

    /// Captures until it is enough.
    pub(super) fn classify(
        &self,
        stream: &Stream<'_>,
        is_json: bool,
        report: &mut Report<'_>,
        totals: &mut Totals,
    ) -> Result<(), Stop> {
        let failed = |error: LiveError| Stop::Failed(error.to_string());
        let filters = self
            .interfaces
            .iter()
            .map(|name| self.filter.as_ref().map(|filter| compile(name, filter)).transpose());
        let filters: Vec<Option<Filter>> = filters.collect::<Result<_, _>>().map_err(failed)?;
        let mut taps = Vec::new();
        for (name, filter) in self.interfaces.iter().zip(&filters) {
            taps.push(Tap::open(name, &self.options(filter.as_ref())).map_err(failed)?);
        }
        let links: Vec<u32> =
            taps.iter().filter_map(|tap| tap.ring.as_ref().ok().map(Ring::link_type)).collect();
        let written = match &self.write {
            Some(path) => Some(Written::open(path, self.rotate, links)?),
            None => None,
        };
        if let Some(user) = &self.user {
            become_user(user).map_err(failed)?;
        }
        let mut pump = Pump {
            reading: stream.reading(report),
            counts: Counts::default(),
            made: Vec::new(),
            written,
            only_apps: self.write_apps,
            left: self.count.unwrap_or(u64::MAX),
        };
        let (started, mut told) = (Instant::now(), Instant::now());
        let wait = PATIENCE / taps.len() as u32;
        while pump.left > 0 && pump.reading.goes_on(0) {
            if self.duration.is_some_and(|duration| started.elapsed() >= duration) {
                break;
            }
            for (number, (tap, filter)) in taps.iter_mut().zip(&filters).enumerate() {
                tap.look_again(&self.options(filter.as_ref()));
                pump.block(tap, number as u32, wait)?;
            }
            if self.stats_every.is_some_and(|every| told.elapsed() >= every) {
                told = Instant::now();
                tell(&mut taps, is_json, pump.reading.flows.report)?;
            }
        }
        // What the kernel had by then counts: blocks that wait, and the one that it hands over though it is not full.
        for (number, tap) in taps.iter_mut().enumerate() {
            let blocks = tap.ring.as_ref().map_or(0, |ring| ring.fill().1);
            for _ in 0..blocks {
                if pump.left == 0 || !pump.block(tap, number as u32, 2 * PATIENCE)? {
                    break;
                }
            }
        }
        let Pump { reading, counts, written, .. } = pump;
        written.map_or(Ok(()), Written::finish)?;
        totals.files += taps.len() as u64;
        let failed = taps.iter().filter(|tap| tap.is_down || tap.ring.is_err()).count();
        totals.failed_files += failed as u64;
        let (statistics, sentence) = reading.finish(&counts, totals)?;
        if stream.stats {
            report.other(&StatsRecord::new(&stream.name, &counts, &statistics))?;
        }
        tell(&mut taps, is_json, report)?;
        sentence.iter().for_each(complain);
        Ok(())
    }
}

/// Tells of every interface.
fn tell(taps: &mut [Tap], is_json: bool, report: &mut Report<'_>) -> Result<(), Stop> {
    for tap in taps {
        let record = tap.record();
        if is_json { report.other(&record)? } else { complain(&record) }
    }
    Ok(())
}

/// What frames go through.
struct Pump<'a, 'r, 's> {
    reading: Reading<'a, 'r, 's>,
    counts: Counts,
    /// Of the frames of a block.
    made: Vec<Prepared>,
    written: Option<Written>,
    only_apps: bool,
    /// Frames still wanted.
    left: u64,
}

impl Pump<'_, '_, '_> {
    /// The next block of an interface; false where none came within the time.
    fn block(&mut self, tap: &mut Tap, number: u32, wait: Duration) -> Result<bool, Stop> {
        let Ok(ring) = &mut tap.ring else {
            std::thread::sleep(wait);
            return Ok(false);
        };
        if tap.is_down && !ring.is_there() {
            tap.failed(LiveError::Gone(tap.name.clone()));
            return Ok(false);
        }
        let error = match ring.next_block(wait) {
            Ok(None) => return Ok(false),
            Err(error) => error,
            Ok(Some(block)) => {
                if std::mem::take(&mut tap.is_down) {
                    complain(&format!("{}: is up again", tap.name));
                }
                let (frames, bytes) = self.frames(&block, tap.link_type, number)?;
                tap.frames += frames;
                tap.bytes += bytes;
                return Ok(true);
            }
        };
        tap.failed(error);
        Ok(false)
    }

    /// Gives back how many frames were looked at, and their bytes.
    fn frames(
        &mut self,
        block: &RingBlock<'_>,
        link_type: LinkType,
        number: u32,
    ) -> Result<(u64, u64), Stop> {
        let Self { reading, counts, made, written, only_apps, left } = self;
        let preparer = reading.tracker.preparer();
        made.clear();
        made.extend(block.frames().map(|frame| preparer.prepare(link_type, frame.bytes)));
        made.iter().take(SOON).for_each(|made| reading.soon(made));
        made.iter().take(SOON / 2).for_each(|made| reading.next(made));
        let (mut frames, mut bytes) = (0, 0);
        for (at, frame) in block.frames().enumerate().take(usize::try_from(*left).unwrap_or(usize::MAX)) {
            made.get(at + SOON).into_iter().for_each(|made| reading.soon(made));
            made.get(at + SOON / 2).into_iter().for_each(|made| reading.next(made));
            frames += 1;
            bytes += u64::from(frame.wire_bytes);
            counts.frames += 1;
            let time_us = frame.time_ns / 1000;
            let known = Frame { link_type, time_us, bytes: frame.bytes, wire_bytes: frame.wire_bytes };
            let seen = reading.frame(counts.frames, &known, &made[at]);
            let is_app = seen.as_ref().is_ok_and(|seen| seen.verdict.is_match());
            counts.take(&known, true, seen.err());
            if let Some(file) = written
                && (is_app || !*only_apps)
            {
                file.frame(number, frame.time_ns, frame.wire_bytes, frame.bytes)?;
            }
        }
        *left -= frames;
        Ok((frames, bytes))
    }
}
