//! What there is to say of a packet: how it changed its flow's verdict.

use std::collections::HashMap;

use wiremark::{Seen, SignatureSet, Verdict};

/// Puts changes of verdicts into words.
pub(super) struct Remarks<'s> {
    set: &'s SignatureSet,
    /// The last verdict of each flow that has an app.
    last: HashMap<u64, Verdict>,
}

impl<'s> Remarks<'s> {
    pub(super) fn new(set: &'s SignatureSet) -> Self {
        Self { set, last: HashMap::new() }
    }

    /// The flow has ended.
    pub(super) fn forget(&mut self, flow: u64) {
        self.last.remove(&flow);
    }

    /// One line where the packet changed what is known of its flow's app.
    pub(super) fn on(&mut self, seen: &Seen) -> Option<String> {
        let verdict = seen.verdict;
        if !verdict.is_changed() {
            return None;
        }
        let before = if verdict.is_match() {
            self.last.insert(seen.flow_number, verdict)
        } else {
            self.last.remove(&seen.flow_number)
        };
        let before = before.map(|before| self.use_of(&before));
        if !verdict.is_match() {
            return before.map(|before| format!("wiremark: {before} withdrawn"));
        }
        let now = self.use_of(&verdict);
        let finality = if verdict.is_final() { "final" } else { "provisional" };
        let evidence = verdict.confidence.name();
        let name = self.set.signature(verdict.signature).map_or("", |signature| &signature.name);
        let number = verdict.signature.0;
        let was = match before {
            Some(before) if before != now => format!("; was {before}"),
            _ => String::new(),
        };
        Some(format!("wiremark: {now} ({evidence}, signature {number} {name}), {finality}{was}"))
    }

    /// App and role.
    fn use_of(&self, verdict: &Verdict) -> String {
        let app = self.set.app(verdict.app).map_or("?", |app| &app.name);
        format!("{app} {}", self.set.role_name(verdict.app, verdict.role))
    }
}
