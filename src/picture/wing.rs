//! The wing of a peer: one speck per measured round trip, older ones further out along the ring.
//!
//! The shape is not drawn. A steady peer glides, a falling round trip flies towards you, a rising one flies off, because
//! that is where the samples fell.

use protocol::snapshot::SampleView;

/// Samples shown for one of the seven, and for everybody else.
pub const NEIGHBOUR_SPECKS: usize = 250;
pub const OTHER_SPECKS: usize = 140;
/// Where the newest and the oldest speck stand along the ring, px.
const NEWEST_ALONG: f64 = 3.5;
const SPREAD: f64 = 46.0;
/// Largest fixed offset along the ring, px.
const JITTER: f64 = 4.0;

/// One measured round trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speck {
    pub ms: f64,
    /// Along the ring, px; positive is clockwise.
    pub along: f64,
    /// Radius, px.
    pub size: f64,
    pub opacity: f64,
}

/// The specks of `samples` (newest first), at most `most`; `spread` scales the length of the wing.
pub fn specks(samples: &[SampleView], most: usize, spread: f64) -> impl Iterator<Item = Speck> + '_ {
    let n = samples.len().min(most).max(1);
    samples.iter().take(most).filter(|sample| !sample.hidden).enumerate().map(move |(i, sample)| {
        let t = i as f64 / n as f64;
        // A sample is told by its own value: side and jitter must not change when newer ones push it outwards.
        let bits = sample.rtt_ms.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let side = if bits >> 63 == 0 { 1.0 } else { -1.0 };
        let jitter = ((bits >> 40) & 0xffff) as f64 / 65_535.0 * 2.0 - 1.0;
        Speck {
            ms: sample.rtt_ms,
            along: spread * (side * (NEWEST_ALONG + SPREAD * t.powf(0.85)) + jitter * JITTER),
            size: 1.8 - 1.05 * t,
            opacity: 0.95 - 0.68 * t,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: u32) -> Vec<SampleView> {
        (0..n)
            .map(|i| SampleView {
                age_ms: u64::from(i) * 1000,
                rtt_ms: 30.0 + f64::from(i % 7) * 0.37,
                hidden: false,
                forecast: None,
            })
            .collect()
    }

    #[test]
    fn a_speck_stays_on_its_side_when_newer_ones_arrive() {
        let now = samples(20);
        let later: Vec<SampleView> = [SampleView { age_ms: 0, rtt_ms: 99.0, hidden: false, forecast: None }]
            .into_iter()
            .chain(now.iter().copied())
            .collect();
        let before: Vec<Speck> = specks(&now, 250, 1.0).collect();
        let after: Vec<Speck> = specks(&later, 250, 1.0).skip(1).collect();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.ms, after.ms);
            assert!(before.along.signum() == after.along.signum() || before.along.abs() < 2.0 * JITTER);
        }
    }

    #[test]
    fn older_specks_are_smaller_paler_and_further_out() {
        let specks: Vec<Speck> = specks(&samples(100), 250, 1.0).collect();
        assert!(specks.windows(2).all(|w| w[1].size < w[0].size && w[1].opacity < w[0].opacity));
        assert!(specks[99].along.abs() > 40.0 && specks[99].along.abs() <= NEWEST_ALONG + SPREAD + JITTER);
        assert!(specks[0].along.abs() <= NEWEST_ALONG + JITTER);
    }

    #[test]
    fn at_most_as_many_as_asked_and_none_from_a_hidden_tab() {
        assert_eq!(specks(&samples(300), OTHER_SPECKS, 1.0).count(), OTHER_SPECKS);
        let hidden = [SampleView { age_ms: 0, rtt_ms: 1.0, hidden: true, forecast: None }];
        assert_eq!(specks(&hidden, 250, 1.0).count(), 0);
        assert_eq!(specks(&[], 250, 1.0).count(), 0);
    }
}
