//! What counter-measures would leave of the links found in captures.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::assignment::{Edge, assign};
use crate::audit::{Audit, AuditSettings, likeness, may_pair};
use crate::candidates::candidates;
use crate::channel::{Channel, Kind};
use crate::defend::{Cost, Defence};
use crate::distance::{dfw, l1, lagged_correlation};
use crate::flow::{Sized, series, widen};
use crate::simulate::data::{Place, Setting, relayed};
use crate::simulate::defences::{Row, verdict};

/// What a network spreads packets by beyond the delay that a link shows, in seconds.
const JITTER_S: f64 = 0.02;
/// Chunk and band of DFW.
const WARP: (usize, usize) = (10, 2);

/// Blind assignments that chance is a mean of.
const BLIND: u32 = 8;

/// A measure of two channels, by places: the higher the likelier.
type Score<'s> = &'s dyn Fn(usize, usize) -> Option<f64>;

/// The links by voice taken for the truth: what the best of several attacks would still find of them, had the senders or the relay
/// taken each counter-measure; first, without any. Rows are as those of [`crate::simulate::defences::table`]; an attack tells the
/// share of ends whose best candidate is the linked one.
///
/// Channels have to have their packets. At the sender, what the other end of a link receives is what the first one would have sent,
/// with the delay and the loss that the link shows; an end without a link receives what it did with the counter-measure applied to it.
///
/// Cost: each pair of voice channels within the window for each row, as an audit's last mark.
pub fn table(
    channels: &[Channel],
    audit: &Audit,
    settings: &AuditSettings,
    defences: &[(Defence, Place)],
    seed: u64,
) -> Vec<Row> {
    let voice: Vec<&Channel> = channels.iter().filter(|channel| channel.kind == Kind::Voice).collect();
    let place = |end: u64| voice.iter().position(|channel| channel.end == end);
    let by_voice = audit.links.iter().filter(|link| link.by == "voice");
    let links: Vec<(usize, usize)> =
        by_voice.filter_map(|link| Some((place(link.ends.0)?, place(link.ends.1)?))).collect();
    let mut peers = vec![None; voice.len()];
    links.iter().for_each(|(a, b)| (peers[*a], peers[*b]) = (Some(*b), Some(*a)));

    let mut rows: Vec<Row> = Vec::with_capacity(defences.len() + 1);
    for defence in std::iter::once(None).chain(defences.iter().map(Some)) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (after, cost) = match defence {
            Some((defence, place)) => applied(&voice, &peers, settings, (defence, *place), &mut random),
            None => (voice.iter().map(|channel| (*channel).clone()).collect(), Cost::default()),
        };
        let (best_attack, attack, chance) = strongest(&after, &peers, settings);
        let undefended = rows.first().map_or(best_attack, |row| row.best_attack);
        rows.push(Row {
            defence: defence.map_or("none".into(), |(defence, _)| defence.to_string()),
            place: defence.map_or("-", |(_, place)| place.name()),
            best_attack,
            attack,
            chance,
            bytes_added: if defence.is_some() { cost.added() } else { 0.0 },
            delay_s: cost.delay_s(),
            verdict: verdict(best_attack, chance, undefended, links.len()),
        });
    }
    rows
}

/// The channels as they would have been.
fn applied(
    voice: &[&Channel],
    peers: &[Option<usize>],
    settings: &AuditSettings,
    (defence, place): (&Defence, Place),
    random: &mut ChaCha8Rng,
) -> (Vec<Channel>, Cost) {
    let mut cost = Cost::default();
    let bounds = |channel: &Channel| {
        let from_us = channel.first_bin as u64 * settings.bin_us;
        (from_us, from_us + channel.up.len() as u64 * settings.bin_us)
    };
    let mut defend = |channel: &Channel, way: usize| {
        let (from_us, until_us) = bounds(channel);
        let mut voice = channel.packets[way].clone();
        if matches!(defence, Defence::Constant { .. }) {
            // Slots begin with the channel, whoever speaks first: nothing that has to be sent opens them.
            voice.insert(0, Sized { time_us: from_us, bytes: 0 });
        }
        let (packets, taken) = defence.apply(&voice, until_us, random);
        cost.add(&taken);
        packets
    };
    let mut ways: Vec<[Vec<Sized>; 2]> = voice
        .iter()
        .zip(peers)
        .map(|(channel, peer)| match (place, peer) {
            (Place::Relay, _) => [channel.packets[0].clone(), defend(channel, 1)],
            (Place::Sender, Some(_)) => [defend(channel, 0), Vec::new()],
            (Place::Sender, None) => [defend(channel, 0), defend(channel, 1)],
        })
        .collect();
    if place == Place::Sender {
        for (to, from) in peers.iter().enumerate().filter_map(|(to, from)| Some((to, (*from)?))) {
            let (delay_s, loss) = between(voice[from], voice[to], settings);
            let setting = Setting { relay_delay_s: (delay_s, delay_s), jitter_s: JITTER_S, loss };
            let arrived = relayed(&ways[from][0], delay_s, &setting, random);
            ways[to][1] = arrived;
        }
    }
    let channels = voice.iter().zip(ways).map(|(channel, packets)| {
        let bins = |packets: &[Sized]| series(packets, bounds(channel).0, settings.bin_us, channel.up.len());
        Channel { up: bins(&packets[0]), down: bins(&packets[1]), packets, ..(*channel).clone() }
    });
    (channels.collect(), cost)
}

/// Delay and loss from one end of a link to the other, as both series show them.
fn between(from: &Channel, to: &Channel, settings: &AuditSettings) -> (f64, f64) {
    let lags = (settings.lag_s * 1e6 / settings.bin_us.max(1) as f64).ceil() as usize;
    let first = from.first_bin.max(to.first_bin);
    let part = |of: &'_ [f32], first_bin: usize| of.get(first - first_bin..).unwrap_or_default().to_vec();
    let (sent, received) = (part(&from.up, from.first_bin), part(&to.down, to.first_bin));
    let (_, lag) = lagged_correlation(&sent, &received, lags);
    let bytes = |of: &[f32]| of.iter().map(|bytes| f64::from(*bytes)).sum::<f64>();
    let loss = 1.0 - bytes(&received) / bytes(&sent).max(1.0);
    (lag as f64 * settings.bin_us as f64 / 1e6, loss.clamp(0.0, 0.5))
}

/// Share of ends that the best of all attacks finds the other one of, which attack that is, and what blind choice does.
fn strongest(
    channels: &[Channel],
    peers: &[Option<usize>],
    settings: &AuditSettings,
) -> (f64, &'static str, f64) {
    let bins = (settings.seconds as u64 * 1_000_000 / settings.bin_us.max(1)) as usize;
    let lags = (settings.lag_s * 1e6 / settings.bin_us.max(1) as f64).ceil() as usize;
    let times: Vec<(f64, f64)> = channels.iter().map(|channel| (channel.start_s, channel.end_s)).collect();
    let mut pairs = candidates(&times, settings.window_s);
    pairs.retain(|(a, b)| may_pair(&channels[*a], &channels[*b]));

    let second = (1_000_000 / settings.bin_us.max(1)).max(1) as usize;
    let wide: Vec<[Vec<f32>; 2]> =
        channels.iter().map(|channel| [widen(&channel.up, second), widen(&channel.down, second)]).collect();
    let apart = |a: usize, b: usize, distance: &dyn Fn(&[f32], &[f32]) -> f64| {
        -(distance(&wide[a][0], &wide[b][1]) + distance(&wide[b][0], &wide[a][1]))
    };
    let correlation = |a: usize, b: usize| likeness(&channels[a], &channels[b], bins, lags);
    let warped = |a: usize, b: usize| Some(apart(a, b, &|x, y| dfw(x, y, WARP.0, WARP.1)));
    let pointwise = |a: usize, b: usize| Some(apart(a, b, &l1));
    let attacks: [(&'static str, Score<'_>); 3] =
        [("lagged_correlation", &correlation), ("dfw", &warped), ("l1", &pointwise)];

    let ends = peers.iter().flatten().count().max(1) as f64;
    let assigned = |edges: &[Edge]| {
        let right = assign(channels.len(), edges).into_iter().filter(|(a, b)| peers[*a] == Some(*b));
        2.0 * right.count() as f64 / ends
    };
    let mut best = (0.0, "none", 0.0);
    for (name, score) in attacks {
        let edges: Vec<Edge> = pairs.iter().filter_map(|(a, b)| Some((*a, *b, score(*a, *b)?))).collect();
        let (right, chance) = top1(&edges, peers);
        best.2 = f64::max(best.2, chance / ends);
        for (share, name) in [(right / ends, name), (assigned(&edges), "assignment")] {
            if share > best.0 {
                best = (share, name, best.2);
            }
        }
    }
    // Who is within whose window tells something by itself: so does a blind assignment.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut blind = || pairs.iter().map(|(a, b)| (*a, *b, random.random::<f64>())).collect::<Vec<Edge>>();
    let chance = (0..BLIND).map(|_| assigned(&blind())).sum::<f64>() / f64::from(BLIND);
    (best.0, best.1, best.2.max(chance))
}

/// How many ends have the right best candidate, and how many blind choice would give it; equally good ones share.
fn top1(edges: &[Edge], peers: &[Option<usize>]) -> (f64, f64) {
    let mut candidates: Vec<Vec<(usize, f64)>> = vec![Vec::new(); peers.len()];
    for (a, b, score) in edges {
        candidates[*a].push((*b, *score));
        candidates[*b].push((*a, *score));
    }
    let (mut right, mut chance) = (0.0, 0.0);
    for (candidates, peer) in candidates.iter().zip(peers).filter_map(|(of, peer)| Some((of, (*peer)?))) {
        let best = candidates.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        let mut ties = candidates.iter().filter(|(_, score)| *score == best);
        if ties.clone().any(|(candidate, _)| *candidate == peer) {
            right += 1.0 / ties.by_ref().count() as f64;
        }
        if candidates.iter().any(|(candidate, _)| *candidate == peer) {
            chance += 1.0 / candidates.len() as f64;
        }
    }
    (right, chance)
}
