//! The two ends of one call, where a capture shows both.

use wiremark::AppId;

use super::call::{Call, CallKind};
use super::end_point::EndPoint;
use super::party::Party;
use super::remote::RemoteKind;
use super::script::Side;

/// An end waits so long for the other.
const WAIT_US: u64 = 10_000_000;
/// Most ends that wait without anything that ties them to another.
const WAITING: usize = 64;
/// Both ends of an unanswered call give up within so long of each other.
const TOGETHER_US: u64 = 3_000_000;

/// Ends of calls that are over, and whose other end is not.
#[derive(Debug, Default)]
pub(crate) struct PartyPairs {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    party: Party,
    until_us: u64,
    other_goes_on: bool,
}

impl PartyPairs {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes an end that is over; hands out the call where it is complete.
    pub(crate) fn take(
        &mut self,
        number: u64,
        party: Party,
        other_goes_on: bool,
        now_us: u64,
        ended: &mut impl FnMut(Call),
    ) {
        let is_other = |waiting: &Waiting| {
            party.counterpart == Some(waiting.number)
                || waiting.party.counterpart == Some(number)
                || are_unanswered_ends(&party, &waiting.party)
        };
        if let Some(at) = self.waiting.iter().position(is_other) {
            let other = self.waiting.remove(at);
            ended(call(number.min(other.number), pair(party, other.party)));
            return;
        }
        let may_have_another = !party.is_answered();
        if other_goes_on || may_have_another && self.waiting.len() < WAITING {
            let until_us = now_us.saturating_add(WAIT_US);
            self.waiting.push(Waiting { number, party, until_us, other_goes_on });
        } else {
            ended(call(number, vec![party]));
        }
    }

    /// Hands out the ends that waited in vain.
    pub(crate) fn expire(&mut self, now_us: u64, ended: &mut impl FnMut(Call)) {
        let is_over =
            |waiting: &mut Waiting| now_us == u64::MAX || !waiting.other_goes_on && waiting.until_us < now_us;
        for waiting in self.waiting.extract_if(.., is_over) {
            ended(call(waiting.number, vec![waiting.party]));
        }
    }
}

fn call(number: u64, parties: Vec<Party>) -> Call {
    let app = parties.iter().map(|party| party.app).filter(|app| *app != 0).min().unwrap_or(0);
    Call { number, app: AppId(app), kind: CallKind::Relayed(parties) }
}

fn pair(a: Party, b: Party) -> Vec<Party> {
    let mut parties = vec![a, b];
    parties.sort_by_key(|party| (party.first.time_us, party.first.number));
    // What one end shows of the sides holds for both.
    let told = parties.iter().enumerate().find_map(|(n, party)| Some((n, party.side?.0)));
    let is_unanswered = !parties.iter().any(Party::is_answered);
    if let (None, true, [first, second]) = (told, is_unanswered, &mut parties[..]) {
        // Nothing rings before somebody calls.
        first.side = Some((Side::Caller, "who asked relays first (likely)"));
        second.side = Some((Side::Callee, "who asked relays later (likely)"));
    }
    if let Some((n, side)) = told {
        for (m, party) in parties.iter_mut().enumerate() {
            let side = if m == n { side } else { side.other() };
            party.side.get_or_insert((side, "the other end's"));
        }
    }
    parties
}

/// No stream ties the ends of a call that nobody answered. They count as one call where they are two addresses, the callee
/// came later, both gave up together, and they asked the same relays: one of them where one end is marked as the caller
/// and the other as the callee, else all of them (WhatsApp Exposed, sessions 8 and 9: one set of relays a call).
fn are_unanswered_ends(a: &Party, b: &Party) -> bool {
    let side = |party: &Party| party.side.map(|(side, _)| side);
    let is_first = (a.first.time_us, a.first.number) <= (b.first.time_us, b.first.number);
    let in_order = if is_first { (a, b) } else { (b, a) };
    let (is_marked, (caller, callee)) = match (side(a), side(b)) {
        (Some(Side::Caller), Some(Side::Callee)) => (true, (a, b)),
        (Some(Side::Callee), Some(Side::Caller)) => (true, (b, a)),
        (Some(one), Some(other)) if one == other => return false,
        (Some(Side::Caller), _) | (_, Some(Side::Callee)) => (false, (a, b)),
        (Some(Side::Callee), _) | (_, Some(Side::Caller)) => (false, (b, a)),
        _ => (false, in_order),
    };
    if caller.local.address == callee.local.address {
        return false;
    }
    let relays = |party: &Party| -> Vec<EndPoint> {
        let relays = party.remotes.iter().filter(|remote| remote.kind == RemoteKind::Relay);
        relays.map(|relay| relay.end_point).collect()
    };
    let ended_us = |party: &Party| party.released.unwrap_or(party.last).time_us;
    let (theirs, own) = (relays(caller), relays(callee));
    let are_same = match is_marked {
        true => own.iter().any(|relay| theirs.contains(relay)),
        false => own.len() == theirs.len() && own.len() > 1 && own.iter().all(|relay| theirs.contains(relay)),
    };
    !a.is_answered()
        && !b.is_answered()
        && caller.first.time_us <= callee.first.time_us
        && callee.first.time_us <= ended_us(caller)
        && ended_us(caller).abs_diff(ended_us(callee)) <= TOGETHER_US
        && are_same
}
