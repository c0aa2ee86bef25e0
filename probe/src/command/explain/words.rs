//! Events and verdicts in words.

use wiremark::{Event, Relation, SignatureId, SignatureSet, Verdict};

/// What an event means for a flow that stays without a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Something that would have had to come, or to stay away, for a verdict.
    Missing,
    /// Anything else.
    Plain,
}

/// One event as half a sentence.
pub(super) fn sentence(set: &SignatureSet, event: Event<'_>) -> (Weight, String) {
    let row = |id| signature(set, id);
    match event {
        Event::Recognised(carrier) => (Weight::Plain, format!("the carrier is {}", carrier.name())),
        Event::Name { name, carrier, signature } => {
            let leads = match signature {
                Some(id) => format!("belongs to {}", row(id)),
                None => "belongs to no signature".to_owned(),
            };
            (Weight::Plain, format!("{} names {}, which {leads}", carrier.name(), host(name)))
        }
        Event::Matched(id) => (Weight::Plain, format!("{} matches", row(id))),
        Event::AwaitsReverse(id) => (
            Weight::Missing,
            format!("{} matches, but its counterpart in the other direction is missing", row(id)),
        ),
        Event::AwaitsAfter(id) => (
            Weight::Missing,
            format!("{} matches, but none of those it counts after has matched in its direction", row(id)),
        ),
        Event::NotInCall(id) => {
            (Weight::Missing, format!("{} matches, but its client is in no call of the app", row(id)))
        }
        Event::Blocked(id) => (Weight::Missing, format!("{} matches, but a veto stands against it", row(id))),
        Event::GroupBroken(id) => (
            Weight::Missing,
            format!("{} matches, but an earlier packet of the flow matched no row of its group", row(id)),
        ),
        Event::Vetoed(id) => (Weight::Plain, format!("veto by {}{}", row(id), reason(set, id))),
        Event::Noted(id) => (Weight::Plain, format!("{} noted; it concludes nothing by itself", row(id))),
        Event::Related { signature: id, relation } => {
            let how = match relation {
                Relation::DnsAnswer => "a DNS answer named the server's address",
                Relation::NameList => "a look-up list over HTTP named the server's address",
                Relation::Server => "an earlier flow showed what runs on this address and port",
                Relation::CallEndPoint => "the flow shares an end point with a call",
                Relation::CallStream => "the flow carries a media stream of a call",
            };
            (Weight::Plain, format!("{how}: as for {}", row(id)))
        }
        Event::Withdrawn(id) => (Weight::Missing, format!("the verdict by {} is taken back", row(id))),
        Event::NeedMore(kept) => {
            (Weight::Missing, format!("the bytes end too early to tell; {kept} kept until more come"))
        }
        Event::Lost => (
            Weight::Missing,
            "the bytes kept for this flow were given up to make room for another".to_owned(),
        ),
        Event::Settled(verdict) => (Weight::Plain, format!("verdict: {}", self::verdict(set, &verdict))),
        _ => (Weight::Plain, "something this version has no words for".to_owned()),
    }
}

/// A verdict as half a sentence.
pub(super) fn verdict(set: &SignatureSet, verdict: &Verdict) -> String {
    let finality = if verdict.is_final() { "final" } else { "more packets could change it" };
    let carrier = verdict.carrier.name();
    match set.app(verdict.app).filter(|_| verdict.is_match()) {
        None => format!("no app found; carrier {carrier}; {finality}"),
        Some(app) => {
            let role = set.role_name(verdict.app, verdict.role);
            let confidence = verdict.confidence.name();
            format!("{}, role {role}, by {confidence}; carrier {carrier}; {finality}", app.name)
        }
    }
}

/// A row's number and name.
pub(super) fn signature(set: &SignatureSet, id: SignatureId) -> String {
    match set.signature(id) {
        None => format!("signature {}", id.0),
        Some(row) => format!("{} {}", id.0, row.name),
    }
}

fn reason(set: &SignatureSet, id: SignatureId) -> String {
    set.signature(id).map_or(String::new(), |row| format!(": {}", row.why))
}

/// A host name fit for a terminal: whatever does not belong into one becomes `?`.
fn host(name: &[u8]) -> String {
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:".contains(byte);
    name.iter().take(255).map(|byte| if fit(byte) { char::from(*byte) } else { '?' }).collect()
}
