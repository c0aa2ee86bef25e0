//! What flows are to calls, by app and role.

use wiremark::{AppId, Carrier, Role, Seen, SignatureSet};

use super::script::{Flows, Scripts};

/// What a flow is to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Call,
    Channel,
    Signalling,
}

/// What flows of which apps and roles are to calls.
#[derive(Debug)]
pub(crate) struct Uses(Vec<(AppId, Role, Use)>);

impl Uses {
    /// For verdicts by this set.
    pub(crate) fn new(scripts: &Scripts, set: &SignatureSet) -> Self {
        let mut uses = Vec::new();
        let mut add = |flows: &[Flows], what| {
            for flow in flows {
                let app = set.apps().iter().find(|app| app.name == flow.app);
                let role = app.and_then(|app| app.roles.iter().position(|role| *role == flow.role));
                if let (Some(app), Some(role)) = (app, role.and_then(|role| u8::try_from(role + 1).ok())) {
                    uses.push((app.id, Role(role), what));
                }
            }
        };
        add(&scripts.relays.flows, Use::Call);
        add(&scripts.channels.flows, Use::Channel);
        add(&scripts.relays.signalling, Use::Signalling);
        add(&scripts.channels.signalling, Use::Signalling);
        Self(uses)
    }

    /// What a flow with this verdict is.
    #[inline]
    pub(crate) fn of(&self, seen: &Seen) -> Option<Use> {
        if !seen.verdict.is_match() {
            return None;
        }
        let (app, role) = (seen.verdict.app, seen.verdict.role);
        let what =
            self.0.iter().find(|(known, of, _)| *known == app && *of == role).map(|(.., what)| *what)?;
        // Requests to a call's server are no channel of one.
        let is_request = matches!(seen.verdict.carrier, Carrier::Http | Carrier::Tls);
        (what != Use::Channel || !is_request).then_some(what)
    }
}
