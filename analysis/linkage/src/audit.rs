//! Which channels can be linked: the whole audit, from channels to calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::assignment::{Edge, assign};
use crate::calibrate::threshold;
use crate::candidates::candidates;
use crate::channel::{Channel, Kind};
use crate::control::{ControlSettings, Span, best_with_hints, confidence, estimate_delay_s};
use crate::distance::lagged_correlation;
use crate::graph::ContactGraph;
use crate::pseudonym::Pseudonym;

/// Times after which it is counted how many calls are linked, in seconds.
const MARKS_S: [usize; 6] = [5, 10, 20, 30, 40, 60];
/// Pairs that a threshold is calibrated by, at most.
const IMPOSSIBLE: usize = 20_000;
/// Legs are shifted against each other by so much, in seconds.
const SHIFT_S: usize = 5;
/// Legs laid beside each other cannot be a call when they lie this much further apart in time than a relay holds a packet back, in
/// seconds: about as long as a spurt of talk.
const APART_S: usize = 1;

/// How it is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditSettings {
    /// A bin, in microseconds.
    pub bin_us: u64,
    /// Seconds of each channel that are compared.
    pub seconds: usize,
    /// What a packet may come later on the other leg, in seconds.
    pub lag_s: f64,
    /// Voice channels whose starts or ends lie further apart are not compared, in seconds.
    pub window_s: f64,
    /// Wrong links that are put up with, as a share of legs.
    pub false_link_rate: f64,
    /// How control channels are matched.
    pub control: ControlSettings,
}

impl Default for AuditSettings {
    fn default() -> Self {
        let control = ControlSettings::default();
        Self { bin_us: 100_000, seconds: 40, lag_s: 0.6, window_s: 5.0, false_link_rate: 0.001, control }
    }
}

/// Two legs of one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// One end.
    pub a: Pseudonym,
    /// The other.
    pub b: Pseudonym,
    /// `voice` or `control`: what told.
    pub by: &'static str,
    /// Correlation of voice, or confidence of control channels (equation 3).
    pub score: f64,
    /// When the call was answered, in seconds since the first packet.
    pub start_s: f64,
    /// When it ended.
    pub end_s: f64,
    /// The ends of calls, as channels name them.
    #[serde(skip)]
    pub ends: (u64, u64),
}

/// What the audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Ends of calls in view: a call with both ends in view has two.
    pub ends: usize,
    /// Calls linked.
    pub linked: usize,
    /// Wrong links that are put up with, as a share of legs.
    pub false_link_rate: f64,
    /// Seconds after which nearly all of them (95 %) are.
    pub after_s: usize,
    /// Correlation from which on voice is linked; none where there was nothing to calibrate by.
    pub threshold: Option<f32>,
    /// Calls linked by voice after so many seconds.
    pub over_time: Vec<(usize, usize)>,
    /// The links, in order of start.
    pub links: Vec<Link>,
    /// Who belongs together, larger ones first.
    pub communities: Vec<Vec<Pseudonym>>,
    /// The contact graph.
    #[serde(skip)]
    pub graph: ContactGraph,
}

/// Links channels: voice by correlation from a calibrated threshold on, control channels by start and end, ties among these by who
/// called whom before.
///
/// Cost: [`candidates`] for both kinds; each pair of voice channels takes `lag_s / bin_us` correlations each way, for each mark until
/// one of them has been linked with the same other one twice.
pub fn audit(channels: &[Channel], settings: &AuditSettings) -> Audit {
    let of_kind =
        |kind: Kind| -> Vec<&Channel> { channels.iter().filter(|channel| channel.kind == kind).collect() };
    let (voice, control) = (of_kind(Kind::Voice), of_kind(Kind::Control));
    let times: Vec<(f64, f64)> = voice.iter().map(|channel| (channel.start_s, channel.end_s)).collect();
    let mut pairs = candidates(&times, settings.window_s);
    pairs.retain(|(a, b)| may_pair(voice[*a], voice[*b]));

    let (mut over_time, mut links, mut last_threshold) = (Vec::new(), Vec::<Link>::new(), None);
    let mut dead: Vec<Link> = Vec::new();
    let marks = MARKS_S.into_iter().filter(|mark| *mark < settings.seconds).chain([settings.seconds]);
    for seconds in marks {
        let (mut found, threshold) = link_voice(&voice, &pairs, seconds, settings);
        // What was too short for this mark stays linked by what there was of it.
        let taken = ends(&found);
        let is_short = |link: &Link| link.end_s - link.start_s < seconds as f64;
        let is_free = |link: &Link| !taken.contains(&link.ends.0) && !taken.contains(&link.ends.1);
        found.extend(links.iter().filter(|link| is_short(link) && is_free(link)).cloned());
        over_time.push((seconds, calls(&found).len() + calls(&dead).len()));
        // Channels are quick to die whenever they get matched (UVP, IV); here, when they do so twice.
        let before = calls(&links);
        dead.extend(found.extract_if(.., |link| before.contains(&link.ends)));
        let gone = ends(&dead);
        pairs.retain(|(a, b)| !gone.contains(&voice[*a].end) && !gone.contains(&voice[*b].end));
        (links, last_threshold) = (found, threshold.or(last_threshold));
    }
    links.append(&mut dead);
    let mut graph = ContactGraph::default();
    links.iter().for_each(|link| graph.add(link.a, link.b, link.end_s - link.start_s));
    // Whose voice was linked needs no other evidence.
    let linked = ends(&links);
    let left: Vec<&Channel> = control.into_iter().filter(|channel| !linked.contains(&channel.end)).collect();
    links.extend(link_control(&left, &graph, settings));
    links.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.ends.cmp(&b.ends)));
    let mut seen: BTreeSet<(u64, u64)> = BTreeSet::new();
    graph = ContactGraph::default();
    for link in &links {
        if seen.insert(link.ends) {
            graph.add(link.a, link.b, link.end_s - link.start_s);
        }
    }
    let most = over_time.last().map_or(0, |(_, linked)| *linked);
    let after_s =
        over_time.iter().find(|(_, linked)| *linked * 100 >= most * 95).map_or(0, |(seconds, _)| *seconds);
    Audit {
        ends: channels.iter().map(|channel| channel.end).collect::<BTreeSet<_>>().len(),
        linked: seen.len(),
        false_link_rate: settings.false_link_rate,
        after_s,
        threshold: last_threshold,
        over_time,
        communities: graph.communities(),
        links,
        graph,
    }
}

/// The calls that links are of.
fn calls(links: &[Link]) -> BTreeSet<(u64, u64)> {
    links.iter().map(|link| link.ends).collect()
}

/// The ends that links have.
fn ends(links: &[Link]) -> BTreeSet<u64> {
    links.iter().flat_map(|link| [link.ends.0, link.ends.1]).collect()
}

/// Not two channels of one end, nor of one end point, nor two callers.
pub(crate) fn may_pair(a: &Channel, b: &Channel) -> bool {
    a.end != b.end && a.end_point != b.end_point && a.span().may_pair(&b.span())
}

fn link(a: &Channel, b: &Channel, by: &'static str, score: f64) -> Link {
    Link {
        a: a.end_point,
        b: b.end_point,
        by,
        score,
        start_s: a.start_s.min(b.start_s),
        end_s: a.end_s.max(b.end_s),
        ends: (a.end.min(b.end), a.end.max(b.end)),
    }
}

fn link_voice(
    voice: &[&Channel],
    pairs: &[(usize, usize)],
    seconds: usize,
    settings: &AuditSettings,
) -> (Vec<Link>, Option<f32>) {
    let bins = (seconds as u64 * 1_000_000 / settings.bin_us.max(1)) as usize;
    let lags = (settings.lag_s * 1e6 / settings.bin_us.max(1) as f64).ceil() as usize;
    let scored: Vec<Edge> = pairs
        .iter()
        .filter_map(|(a, b)| Some((*a, *b, likeness(voice[*a], voice[*b], bins, lags)?)))
        .collect();
    let legs: BTreeSet<usize> = scored.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
    let per_leg = 2.0 * scored.len() as f64 / legs.len().max(1) as f64;
    let tail = settings.false_link_rate / per_leg.max(1.0);
    let threshold = threshold(impossible(voice, bins, lags, settings.bin_us), tail);
    let likely: Vec<Edge> = scored.into_iter().filter(|(.., score)| *score >= f64::from(threshold)).collect();
    let scores: BTreeMap<(usize, usize), f64> =
        likely.iter().map(|(a, b, score)| ((*a.min(b), *a.max(b)), *score)).collect();
    let links = assign(voice.len(), &likely)
        .into_iter()
        .map(|(a, b)| link(voice[a], voice[b], "voice", scores.get(&(a, b)).copied().unwrap_or_default()));
    (links.collect(), threshold.is_finite().then_some(threshold))
}

/// Correlation of what one sends with what the other receives, the mean of both ways, over the time that both were on; `None` where
/// that is less than half of `bins`.
pub(crate) fn likeness(a: &Channel, b: &Channel, bins: usize, lags: usize) -> Option<f64> {
    let from = a.first_bin.max(b.first_bin);
    let until = (a.first_bin + a.up.len()).min(b.first_bin + b.up.len()).min(from + bins);
    if until < from + bins.div_ceil(2) {
        return None;
    }
    let part = |of: &Channel| from - of.first_bin..until - of.first_bin;
    let (of_a, of_b) = (part(a), part(b));
    let there = lagged_correlation(&a.up[of_a.clone()], &b.down[of_b.clone()], lags).0;
    let back = lagged_correlation(&b.up[of_b], &a.down[of_a], lags).0;
    Some((there + back) / 2.0)
}

/// Likeness of channels laid beside each other as no call's legs lie. Where each is laid by its own beginning, a shift is not enough:
/// the legs of a call whose bursts are seen as far apart as the shift come to lie right again. What counts is how far apart the
/// bins are in time.
fn impossible(voice: &[&Channel], bins: usize, lags: usize, bin_us: u64) -> Vec<f32> {
    let count = voice.len();
    let all = count * count.saturating_sub(1);
    // Steps through all pairs so that every channel comes up; the number is prime.
    let wanted = all.min(IMPOSSIBLE);
    let pair = |n: usize| {
        let n = if all > wanted { (n as u128 * 7_919_000_033 % all as u128) as usize } else { n };
        let (a, b) = (n / (count - 1), n % (count - 1));
        (a, if b >= a { b + 1 } else { b })
    };
    let bins_of = |seconds: usize| seconds * 1_000_000 / bin_us.max(1) as usize;
    let apart = 2 * lags + bins_of(APART_S);
    let of = |n: usize| {
        let (a, b) = pair(n);
        let (a, b) = (voice[a], voice[b]);
        let at_shift = |shift: usize| {
            let later = b.up.get(shift..)?;
            let length = a.up.len().min(later.len()).min(bins);
            let is_impossible = (b.first_bin + shift).abs_diff(a.first_bin) > apart;
            (is_impossible && length >= bins.div_ceil(2).max(2)).then_some((shift, length))
        };
        if a.end_point == b.end_point {
            return None;
        }
        // Short ones are laid as they are, if they are of different times.
        let (shift, length) = at_shift(bins_of(SHIFT_S).max(apart + 1)).or_else(|| at_shift(0))?;
        let there = lagged_correlation(&a.up[..length], &b.down[shift..][..length], lags).0;
        let back = lagged_correlation(&b.up[shift..][..length], &a.down[..length], lags).0;
        Some(((there + back) / 2.0) as f32)
    };
    (0..wanted).filter_map(of).collect()
}

/// Control channels by the best assignment, from the paper's confidence on.
fn link_control(control: &[&Channel], graph: &ContactGraph, settings: &AuditSettings) -> Vec<Link> {
    let spans: Vec<Span> = control.iter().map(|channel| channel.span()).collect();
    let Some(delay_s) = estimate_delay_s(&spans, settings.control.window_s) else { return Vec::new() };
    let hint = |a: usize, b: usize| {
        let (a, b) = (control[a], control[b]);
        may_pair(a, b).then(|| (graph.calls(a.end_point, b.end_point) as f64).ln_1p())
    };
    let pairs = best_with_hints(&spans, (2.0 * delay_s).clamp(0.05, settings.control.window_s), hint);
    let sure = pairs.into_iter().filter_map(|(a, b)| {
        let confidence = confidence(&spans[a], &spans[b], settings.control.gap_decay);
        (confidence >= settings.control.threshold)
            .then(|| link(control[a], control[b], "control", confidence))
    });
    sure.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pseudonym::Key;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    /// Legs whose calls begin as far apart as told, in bins: what one sends the other receives, at the same time.
    fn legs_of_one_call(firsts: [usize; 2]) -> [Channel; 2] {
        let key = Key::from_bytes(&[5; 16]).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let talk = [0, 1].map(|_| -> Vec<f32> { (0..2_000).map(|_| random.random()).collect() });
        let bins = |first: usize, of: usize| talk[of][first..first + 400].to_vec();
        let leg = |n: usize| Channel {
            end_point: key.pseudonym(&[n as u8]),
            end: n as u64,
            kind: Kind::Voice,
            role: None,
            start_s: firsts[n] as f64 / 10.0,
            end_s: firsts[n] as f64 / 10.0 + 40.0,
            first_bin: firsts[n],
            up: bins(firsts[n], n),
            down: bins(firsts[n], 1 - n),
            packets: [Vec::new(), Vec::new()],
        };
        [leg(0), leg(1)]
    }

    #[test]
    fn nothing_is_calibrated_by_a_call_that_a_shift_lays_right() {
        // From 5 s earlier to 5 s later: no shift may bring the legs of a call back to where they belong.
        for apart in 0..=100 {
            let legs = legs_of_one_call([50, apart]);
            assert!(likeness(&legs[0], &legs[1], 300, 6).unwrap() > 0.99);
            for score in impossible(&[&legs[0], &legs[1]], 300, 6, 100_000) {
                assert!(score < 0.5, "{apart}: {score}");
            }
        }
    }

    #[test]
    fn a_few_seconds_of_different_times_are_enough_to_calibrate_by() {
        let legs = legs_of_one_call([0, 900]).map(|leg| Channel { up: leg.up[..50].into(), ..leg });
        assert_eq!(impossible(&[&legs[0], &legs[1]], 50, 6, 100_000).len(), 2);
    }
}
