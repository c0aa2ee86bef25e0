//! What a call sounds like, by the E-model (ITU-T G.107), with what a capture cannot tell assumed.

use serde::Serialize;

/// The rating without any impairment (G.107 with its default values).
const BEST_RATING: f64 = 93.2;
/// Equipment impairment and robustness against loss of AMR at 12.2 kbit/s (G.113, tables I.1 and I.4): a codec of about
/// the observed rate; the real one is not among those the recommendation rates.
const IMPAIRMENT: f64 = 5.0;
const LOSS_ROBUSTNESS: f64 = 10.0;
/// From microphone to network and from network to loudspeaker besides packets and jitter: look-ahead and play-out.
const TERMINAL_MS: f64 = 50.0;
/// The unseen half of the path, where no answer of the peer was timed.
const UNSEEN_MS: f64 = 50.0;

/// What is assumed, in words.
pub const ASSUMPTIONS: &str = "E-model (G.107, G.113): codec rated as AMR 12.2 (Ie 5, Bpl 10), random loss, no echo; \
                               delay = half the round trip (relay: plus 50 ms for the unseen half) + packet + twice the mean \
                               jitter + 50 ms in the phones; up streams are seen before the network took its share";

/// What is known of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Mean jitter, ms.
    pub jitter_ms: f64,
    /// Usual length of a packet's voice, ms.
    pub packet_ms: f64,
    /// Round trip to the peer, or else to the relay, ms.
    pub round_trip_ms: f64,
    /// Whether the round trip is that to the relay.
    pub is_relayed: bool,
}

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// One-way delay from mouth to ear, ms.
    pub delay_ms: f64,
    /// Rating R, 0 to 100.
    pub rating: f64,
    /// Mean opinion score, 1 to 4.5.
    pub mos: f64,
}

/// The estimate for a stream.
pub fn estimate(observed: Observed) -> Estimate {
    let unseen_ms = if observed.is_relayed { UNSEEN_MS } else { 0.0 };
    let delay_ms = observed.round_trip_ms / 2.0
        + unseen_ms
        + observed.packet_ms
        + 2.0 * observed.jitter_ms
        + TERMINAL_MS;
    // Cole and Rosenbluth (2001), the usual simplification of G.107's delay impairment.
    let delay_impairment = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let loss_percent = observed.loss * 100.0;
    let loss_impairment = IMPAIRMENT + (95.0 - IMPAIRMENT) * loss_percent / (loss_percent + LOSS_ROBUSTNESS);
    let rating = (BEST_RATING - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    let hundredths = |number: f64| (number * 100.0).round() / 100.0;
    Estimate { delay_ms: hundredths(delay_ms), rating: hundredths(rating), mos: hundredths(mos(rating)) }
}

/// G.107, annex B.
fn mos(rating: f64) -> f64 {
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    score.clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_become_scores_as_in_g_107() {
        // G.107, table B.1: R 90, 80, 70, 60 and 50 are MOS 4.34, 4.03, 3.60, 3.10 and 2.58.
        for (rating, score) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!((mos(rating) - score).abs() < 0.01, "{rating}: {}", mos(rating));
        }
        assert_eq!((mos(0.0), mos(100.0)), (1.0, 4.5));
    }

    #[test]
    fn loss_and_delay_make_it_worse() {
        let good = Observed { packet_ms: 20.0, round_trip_ms: 40.0, ..Observed::default() };
        let lossy = Observed { loss: 0.05, ..good };
        let slow = Observed { round_trip_ms: 600.0, ..good };
        let scores = [good, lossy, slow].map(|observed| estimate(observed).mos);
        assert!(scores[0] > 4.2 && scores[1] < 3.5 && scores[2] < 3.6, "{scores:?}");
    }
}
