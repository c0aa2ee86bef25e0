//! Where flows go that ended: into the report, or to a thread that writes it while others read on.

use std::sync::mpsc::{Receiver, SyncSender};

use wiremark::{Flow, SignatureSet};
use wiremark_probe::beside::{Beside, Besides};

use super::report::Report;
use crate::stop::Stop;

/// Flows that are handed over together, and how often that may be done before the writing thread comes by.
const BATCH: usize = 256;
pub(super) const BATCHES: usize = 16;

/// What is to be written.
pub(super) enum Told {
    Ended(Flow, Beside),
    /// A flow's verdict changed.
    Changed(Flow, Beside),
}

impl Told {
    fn write(self, report: &mut Report<'_>, file: &str) -> Result<(), Stop> {
        match self {
            Self::Ended(flow, beside) => report.flow(file, &flow, beside),
            Self::Changed(flow, beside) => report.verdict(file, &flow, beside),
        }
    }
}

/// What the writing thread does until nothing more comes, or it cannot write.
pub(super) fn write(report: &mut Report<'_>, file: &str, batches: Receiver<Vec<Told>>) -> Result<(), Stop> {
    batches.into_iter().flatten().try_for_each(|told| told.write(report, file))
}

enum Way<'r, 's> {
    Here { report: &'r mut Report<'s>, file: String },
    Apart { to: SyncSender<Vec<Told>>, batch: Vec<Told> },
}

/// Takes the flows that end.
pub(super) struct Flows<'r, 's> {
    way: Way<'r, 's>,
    /// Of flows that have not ended.
    pub(super) besides: Besides,
    /// Whether flows appear on the terminal as they end.
    pub(super) scrolls: bool,
    /// Whether nothing can be written any more, and why, if that is known here.
    has_stopped: bool,
    stop: Option<Stop>,
}

impl<'r, 's> Flows<'r, 's> {
    /// They are written as they end.
    pub(super) fn here(report: &'r mut Report<'s>, file: String) -> Self {
        let scrolls = report.scrolls();
        Self::new(Way::Here { report, file }, scrolls)
    }

    /// They go to who [`write`]s them.
    pub(super) fn apart(to: SyncSender<Vec<Told>>, scrolls: bool) -> Self {
        Self::new(Way::Apart { to, batch: Vec::new() }, scrolls)
    }

    fn new(way: Way<'r, 's>, scrolls: bool) -> Self {
        Self { way, besides: Besides::default(), scrolls, has_stopped: false, stop: None }
    }

    /// The report, where it is written here.
    pub(super) fn report(&mut self) -> Option<&mut Report<'s>> {
        match &mut self.way {
            Way::Here { report, .. } => Some(report),
            Way::Apart { .. } => None,
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
            Way::Here { report, file } if !self.has_stopped => {
                self.stop = told.write(report, file).err();
                self.has_stopped = self.stop.is_some();
            }
            Way::Here { .. } => {}
            Way::Apart { batch, .. } => {
                batch.push(told);
                if batch.len() >= BATCH {
                    self.pass_on();
                }
            }
        }
    }

    /// Hands over what waits.
    pub(super) fn pass_on(&mut self) {
        if let Way::Apart { to, batch } = &mut self.way
            && !batch.is_empty()
        {
            let next = Vec::with_capacity(BATCH);
            // Nobody takes it any more where it cannot be written.
            self.has_stopped |= to.send(std::mem::replace(batch, next)).is_err();
        }
    }

    /// Other signatures count from now on.
    pub(super) fn use_set(&mut self, set: &'s SignatureSet) {
        self.report().into_iter().for_each(|report| report.use_set(set));
    }

    /// Whether nothing can be written any more.
    pub(super) fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    pub(super) fn finish(mut self) -> Result<(), Stop> {
        self.pass_on();
        self.stop.map_or(Ok(()), Err)
    }
}
