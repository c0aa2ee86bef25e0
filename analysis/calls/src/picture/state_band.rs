//! The state of a party over time.

use super::super::record::{Record, StateRecord};
use super::scale::{SMALL_LETTER, Scale};
use wiremark_report::svg::Drawing;

/// Path checks, and a control channel's heart-beats, run beside the state that the media is in.
pub(super) fn is_beside(state: &StateRecord) -> bool {
    matches!(state.state, "checking" | "reached" | "heartbeat")
}

/// The state of a party over time.
pub(super) fn state_band(drawing: &mut Drawing, record: &Record, party: usize, scale: &Scale, y: f64) {
    let mut states: Vec<&StateRecord> =
        record.states.iter().filter(|state| state.party == party && !is_beside(state)).collect();
    states.dedup_by_key(|state| state.state);
    for (n, state) in states.iter().enumerate() {
        let until = states.get(n + 1).map_or(record.duration_us, |next| next.at_us);
        let (left, right) = (scale.x(state.at_us), scale.x(until));
        let [from, to] = [state.at_us, until].map(|us| us as f64 / 1e6);
        let title = format!("{}, {from:.3} s to {to:.3} s", state.state);
        drawing.titled_rect((left, y), (right - left, 12.0), state.state, &title);
        if right - left > state.state.len() as f64 * SMALL_LETTER + 8.0 {
            drawing.text((left + 4.0, y + 10.0), "small", state.state);
        }
    }
}
