//! Interfaces as a stream of frames, as long as is wanted.

mod tap;
mod written;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use tap::Tap;
use wiremark::{Frame, LinkType};
use wiremark_capture::replay::{Counts, Follow, SOON};
use wiremark_live::{Filter, LiveError, Ring, RingBlock, RingOptions, become_user, compile};
use written::{Rotation, Written, rotation};

use crate::notes::InterfaceRecord;
use crate::stop::{Stop, complain};
use crate::units::{size, time};

/// How long nothing is waited for at a time, so that signals and clocks are looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// What frames of interfaces go to.
pub(crate) trait Listen<P>: Follow<P> {
    /// What can be made of a frame before those in front of it are looked at.
    fn prepare(&self, frame: &Frame<'_>) -> P;

    /// Whether the frame looked at last was of a flow of a known app.
    fn is_of_app(&self) -> bool;

    /// Takes what an interface gave and lost so far; false where there is no place for it among the records.
    ///
    /// # Errors
    /// The output cannot be written.
    fn interface(&mut self, record: &InterfaceRecord<'_>) -> Result<bool, Stop>;
}

/// Arguments about interfaces.
#[derive(Args)]
#[command(next_help_heading = "Interfaces (Linux)")]
pub(crate) struct LiveArguments {
    /// Capture on this interface instead of reading files; may be given several times
    #[arg(short, long = "interface", value_name = "IFACE", conflicts_with_all = ["files", "is_continued", "threads"])]
    interfaces: Vec<String>,

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

/// What was heard.
pub(crate) struct Heard {
    pub(crate) counts: Counts,
    taps: Vec<Tap>,
}

impl Heard {
    /// How many interfaces there were, and how many of them gave nothing in the end.
    pub(crate) fn interfaces(&self) -> (u64, u64) {
        let silent = self.taps.iter().filter(|tap| tap.is_silent()).count();
        (self.taps.len() as u64, silent as u64)
    }

    /// Tells of every interface: `take` has it, or it is a line on standard error.
    pub(crate) fn tell(
        &mut self,
        mut take: impl FnMut(&InterfaceRecord<'_>) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        for tap in &mut self.taps {
            let record = tap.record();
            if !take(&record)? {
                complain(&record);
            }
        }
        Ok(())
    }
}

impl LiveArguments {
    /// Whether interfaces are captured, and no files read.
    pub(crate) fn is_live(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// What errors and records call what is captured.
    pub(crate) fn name(&self) -> String {
        self.interfaces.join(", ")
    }

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
    pub(crate) fn listen<P>(&self, listener: &mut impl Listen<P>) -> Result<Heard, Stop> {
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
        let mut heard = Heard { counts: Counts::default(), taps };
        let mut pump = Pump {
            listener,
            made: Vec::new(),
            written,
            only_apps: self.write_apps,
            left: self.count.unwrap_or(u64::MAX),
        };
        let (started, mut told) = (Instant::now(), Instant::now());
        let wait = PATIENCE / heard.taps.len() as u32;
        while pump.left > 0 && pump.listener.goes_on(0) {
            if self.duration.is_some_and(|duration| started.elapsed() >= duration) {
                break;
            }
            for (number, (tap, filter)) in heard.taps.iter_mut().zip(&filters).enumerate() {
                tap.look_again(&self.options(filter.as_ref()));
                pump.block(tap, number as u32, wait, &mut heard.counts)?;
            }
            if self.stats_every.is_some_and(|every| told.elapsed() >= every) {
                told = Instant::now();
                heard.tell(|record| pump.listener.interface(record))?;
            }
        }
        // What the kernel had by then counts: blocks that wait, and the one that it hands over though it is not full.
        for (number, tap) in heard.taps.iter_mut().enumerate() {
            for _ in 0..tap.stop() {
                if pump.left == 0 || !pump.block(tap, number as u32, 2 * PATIENCE, &mut heard.counts)? {
                    break;
                }
            }
        }
        pump.written.map_or(Ok(()), Written::finish)?;
        Ok(heard)
    }
}

/// What frames go through.
struct Pump<'l, P, L> {
    listener: &'l mut L,
    /// Of the frames of a block.
    made: Vec<P>,
    written: Option<Written>,
    only_apps: bool,
    /// Frames still wanted.
    left: u64,
}

impl<P, L: Listen<P>> Pump<'_, P, L> {
    /// The next block of an interface; false where none came within the time.
    fn block(
        &mut self,
        tap: &mut Tap,
        number: u32,
        wait: Duration,
        counts: &mut Counts,
    ) -> Result<bool, Stop> {
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
                let (frames, bytes) = self.frames(&block, tap.link_type, number, counts)?;
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
        counts: &mut Counts,
    ) -> Result<(u64, u64), Stop> {
        let Self { listener, made, written, only_apps, left } = self;
        let frames = || {
            block.frames().take(usize::try_from(*left).unwrap_or(usize::MAX)).map(|frame| {
                let time_us = frame.time_ns / 1000;
                let known = Frame { link_type, time_us, bytes: frame.bytes, wire_bytes: frame.wire_bytes };
                (frame.time_ns, known)
            })
        };
        made.clear();
        made.extend(frames().map(|(_, frame)| listener.prepare(&frame)));
        made.iter().take(SOON).for_each(|made| listener.soon(made));
        let mut next = frames();
        for (made, (_, frame)) in made.iter_mut().take(SOON / 2).zip(next.by_ref()) {
            listener.next(frame.bytes, made);
        }
        let mut bytes = 0;
        for (at, (time_ns, frame)) in frames().enumerate() {
            made.get(at + SOON).into_iter().for_each(|made| listener.soon(made));
            if let (Some(made), Some((_, frame))) = (made.get_mut(at + SOON / 2), next.next()) {
                listener.next(frame.bytes, made);
            }
            let Some(this) = made.get(at) else { break };
            bytes += u64::from(frame.wire_bytes);
            counts.frames += 1;
            counts.take(&frame, true, listener.look(counts.frames, &frame, this).err());
            if let Some(file) = written
                && (!*only_apps || listener.is_of_app())
            {
                file.frame(number, time_ns, frame.wire_bytes, frame.bytes)?;
            }
        }
        let looked_at = made.len() as u64;
        *left -= looked_at;
        Ok((looked_at, bytes))
    }
}
