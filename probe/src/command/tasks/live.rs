//! Tasks of what interfaces give, as they end.

use wiremark::{Frame, ParseError};
use wiremark_capture::replay::Follow;
use wiremark_tasks::TaskDissector;

use super::records::Records;
use super::totals::Totals;
use crate::inputs::Reloading;
use crate::interfaces::{Listen, LiveArguments};
use crate::notes::InterfaceRecord;
use crate::signal::Interrupt;
use crate::stop::{Stop, complain};

/// Takes what interfaces give apart.
struct Listening<'a, 'c, 'r, 's> {
    dissector: &'a mut TaskDissector<'c>,
    records: &'a mut Records<'r, 's>,
    interrupt: &'a Interrupt,
    reloading: Reloading<'a>,
    /// Whether the frame looked at last was of a flow of a known app.
    is_of_app: bool,
}

/// Captures until it is enough.
pub(super) fn listen(
    interfaces: &LiveArguments,
    dissector: &mut TaskDissector<'_>,
    records: &mut Records<'_, '_>,
    (interrupt, reloading): (&Interrupt, Reloading<'_>),
    totals: &mut Totals,
) -> Result<(), Stop> {
    dissector.begin_capture(&interfaces.name(), None);
    let mut listening = Listening { dissector, records, interrupt, reloading, is_of_app: false };
    let mut heard = interfaces.listen(&mut listening)?;
    let (count, silent) = heard.interfaces();
    totals.files += count;
    totals.failed_files += silent;
    totals.counts.add(&heard.counts);
    totals.copies += dissector.copies();
    let sentence = heard.counts.sentence(&dissector.statistics());
    dissector.end_capture(records);
    totals.evicted += dissector.statistics().evicted;
    heard.tell(|record| records.interface(record))?;
    sentence.iter().for_each(complain);
    Ok(())
}

impl Follow<()> for Listening<'_, '_, '_, '_> {
    fn soon(&self, (): &()) {}

    fn next(&self, _: &[u8], (): &mut ()) {}

    fn look(&mut self, _: u64, frame: &Frame<'_>, (): &()) -> Result<(), ParseError> {
        self.is_of_app = false;
        let seen = self.dissector.follow(frame, self.records)?;
        self.is_of_app = seen.is_some_and(|seen| seen.verdict.is_match());
        Ok(())
    }

    fn goes_on(&mut self, _: u64) -> bool {
        if self.interrupt.wants_reload()
            && let Some(classifier) = self.reloading.complaining()
        {
            self.dissector.use_classifier(classifier);
            self.records.use_set(classifier.set());
        }
        self.records.written.is_ok() && !self.interrupt.came()
    }
}

impl Listen<()> for Listening<'_, '_, '_, '_> {
    fn prepare(&self, _: &Frame<'_>) {}

    fn is_of_app(&self) -> bool {
        self.is_of_app
    }

    fn interface(&mut self, record: &InterfaceRecord<'_>) -> Result<bool, Stop> {
        self.records.interface(record)
    }
}
