//! Where flows go that ended: into the report, or to a thread that writes it while others read on.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use wiremark::{Flow, SignatureSet};
use wiremark_probe::beside::{Beside, Besides};

use super::report::{Report, line};
use crate::stop::Stop;

/// Flows that are handed over together, and how often that may be done before the writing thread comes by.
const BATCH: usize = 256;
pub(super) const BATCHES: usize = 16;
/// About how long a line is.
const LINE_BYTES: usize = 1024;

/// What is to be written.
pub(super) enum Told {
    Ended(Flow, Beside),
    /// A flow's verdict changed.
    Changed(Flow, Beside),
    /// Lines of JSON that are written already.
    Lines(Vec<u8>),
}

impl Told {
    fn write(self, report: &mut Report<'_>, file: &str) -> Result<(), Stop> {
        match self {
            Self::Ended(flow, beside) => report.flow(file, &flow, beside),
            Self::Changed(flow, beside) => report.verdict(file, &flow, beside),
            Self::Lines(lines) => report.lines(&lines),
        }
    }
}

/// How the records of a file are written as lines of JSON, for who has the time.
#[derive(Clone)]
pub(super) struct Lines<'s> {
    pub(super) set: &'s SignatureSet,
    pub(super) file: String,
}

impl Lines<'_> {
    /// The same, as lines.
    fn of(&self, batch: Vec<Told>) -> Vec<u8> {
        let mut lines = Vec::with_capacity(batch.len() * LINE_BYTES);
        for told in batch {
            match told {
                Told::Ended(flow, beside) => line(&mut lines, ("flow", &self.file), &flow, beside, self.set),
                Told::Changed(flow, beside) => {
                    line(&mut lines, ("verdict", &self.file), &flow, beside, self.set);
                }
                Told::Lines(more) => lines.extend(more),
            }
        }
        lines
    }
}

/// What the writing thread does until nothing more comes, or it cannot write.
pub(super) fn write(report: &mut Report<'_>, file: &str, batches: Receiver<Vec<Told>>) -> Result<(), Stop> {
    batches.into_iter().flatten().try_for_each(|told| told.write(report, file))
}

enum Way<'r, 's> {
    Here {
        report: &'r mut Report<'s>,
        file: String,
    },
    /// `lines` where they are lines of JSON.
    Apart {
        to: SyncSender<Vec<Told>>,
        batch: Vec<Told>,
        lines: Option<Lines<'s>>,
    },
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
    pub(super) fn apart(to: SyncSender<Vec<Told>>, lines: Option<Lines<'s>>, scrolls: bool) -> Self {
        Self::new(Way::Apart { to, batch: Vec::new(), lines }, scrolls)
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

    /// Hands over what waits. Who writes may have more to do than who reads, as at the end, when all that is left ends at once:
    /// what would have to wait for it is made into lines here.
    pub(super) fn pass_on(&mut self) {
        if let Way::Apart { to, batch, lines } = &mut self.way
            && !batch.is_empty()
        {
            let next = Vec::with_capacity(BATCH);
            let sent = match (to.try_send(std::mem::replace(batch, next)), lines) {
                (Err(TrySendError::Full(batch)), Some(lines)) => {
                    to.send(vec![Told::Lines(lines.of(batch))]).is_ok()
                }
                (Err(TrySendError::Full(batch)), None) => to.send(batch).is_ok(),
                (sent, _) => sent.is_ok(),
            };
            // Nobody takes it any more where it cannot be written.
            self.has_stopped |= !sent;
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
