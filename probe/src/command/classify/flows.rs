//! Where flows go that ended: into the report, or to a thread that writes it while others read on.

use std::sync::mpsc::Receiver;

use wiremark::{Flow, SignatureSet};
use wiremark_probe::apart::{Part, Sizes, Telling, apart};
use wiremark_probe::beside::{Beside, Besides};

use super::report::{Report, line};
use crate::stop::Stop;

/// Flows that are handed over together, and how often that may be done before the writing thread comes by.
const SIZES: Sizes = Sizes { batch: 256, waiting: 16 };
/// About how long a line is.
const LINE_BYTES: usize = 1024;

/// What is to be written.
pub(super) enum Told {
    Ended(Flow, Option<Box<Beside>>),
    /// A flow's verdict changed.
    Changed(Flow, Option<Box<Beside>>),
}

/// Lines of JSON that are written already, or what is to be written.
pub(super) type Parts = Receiver<Part<Told, Vec<u8>>>;

impl Told {
    fn write(self, report: &mut Report<'_>, file: &str) -> Result<(), Stop> {
        match self {
            Self::Ended(flow, beside) => report.flow(file, &flow, beside),
            Self::Changed(flow, beside) => report.verdict(file, &flow, beside),
        }
    }
}

/// The same, as lines of JSON.
fn lines(batch: Vec<Told>, file: &str, set: &SignatureSet) -> Vec<u8> {
    let mut lines = Vec::with_capacity(batch.len() * LINE_BYTES);
    for told in batch {
        let (kind, flow, beside) = match told {
            Told::Ended(flow, beside) => ("flow", flow, beside),
            Told::Changed(flow, beside) => ("verdict", flow, beside),
        };
        line(&mut lines, (kind, file), &flow, beside, set);
    }
    lines
}

/// What the writing thread does until nothing more comes, or it cannot write.
pub(super) fn write(report: &mut Report<'_>, file: &str, parts: Parts) -> Result<(), Stop> {
    parts.into_iter().try_for_each(|part| match part {
        Part::Told(batch) => batch.into_iter().try_for_each(|told| told.write(report, file)),
        Part::Made(lines) => report.lines(&lines),
    })
}

enum Way<'r, 's> {
    Here { report: &'r mut Report<'s>, file: String },
    Apart(Telling<'r, Told, Vec<u8>>),
}

/// Takes the flows that end.
pub(super) struct Flows<'r, 's> {
    way: Way<'r, 's>,
    /// Of flows that have not ended.
    pub(super) besides: Besides,
    /// Whether flows appear on the terminal as they end.
    pub(super) scrolls: bool,
    /// Why nothing can be written any more, if that is known here.
    stop: Option<Stop>,
}

impl<'r, 's> Flows<'r, 's> {
    /// They are written as they end.
    pub(super) fn here(report: &'r mut Report<'s>, file: String) -> Self {
        let scrolls = report.scrolls();
        Self::new(Way::Here { report, file }, scrolls)
    }

    /// They go to who [`write()`]s them: `set` is that of their lines where they are lines of JSON, which may be written by either.
    pub(super) fn apart(file: &'r str, set: Option<&'s SignatureSet>, scrolls: bool) -> (Self, Parts)
    where
        's: 'r,
    {
        let (telling, parts) = apart(SIZES, set.map(|set| Box::new(|batch| lines(batch, file, set)) as _));
        (Self::new(Way::Apart(telling), scrolls), parts)
    }

    fn new(way: Way<'r, 's>, scrolls: bool) -> Self {
        Self { way, besides: Besides::default(), scrolls, stop: None }
    }

    /// The report, where it is written here.
    pub(super) fn report(&mut self) -> Option<&mut Report<'s>> {
        match &mut self.way {
            Way::Here { report, .. } => Some(report),
            Way::Apart(_) => None,
        }
    }

    pub(super) fn ended(&mut self, flow: &Flow) {
        let beside = self.besides.take(flow);
        self.tell(Told::Ended(*flow, beside));
    }

    /// A flow's verdict changed with its last packet.
    pub(super) fn changed(&mut self, flow: &Flow) {
        let beside = self.besides.of(flow);
        self.tell(Told::Changed(*flow, beside));
    }

    fn tell(&mut self, told: Told) {
        match &mut self.way {
            Way::Here { report, file } if self.stop.is_none() => self.stop = told.write(report, file).err(),
            Way::Here { .. } => {}
            Way::Apart(telling) => telling.tell(told),
        }
    }

    /// Hands over what waits.
    pub(super) fn pass_on(&mut self) {
        if let Way::Apart(telling) = &mut self.way {
            telling.pass_on();
        }
    }

    /// Other signatures count from now on.
    pub(super) fn use_set(&mut self, set: &'s SignatureSet) {
        self.report().into_iter().for_each(|report| report.use_set(set));
    }

    /// Whether nothing can be written any more.
    pub(super) fn has_stopped(&self) -> bool {
        match &self.way {
            Way::Here { .. } => self.stop.is_some(),
            Way::Apart(telling) => telling.has_stopped(),
        }
    }

    pub(super) fn finish(mut self) -> Result<(), Stop> {
        self.pass_on();
        self.stop.map_or(Ok(()), Err)
    }
}
