//! The smoothed round trip and its deviation, and how long to wait for an answer.
//!
//! RFC 6298, section 2, with its constants, in integer microseconds. The clock granularity G of the RFC is taken
//! as zero: browsers round to 0.1 ms, far below [`RTO_MIN`].

use crate::Rtt;
use core::time::Duration;

/// The shortest timeout. The RFC asks for a second because a TCP timeout collapses the congestion window; asking
/// another source costs one chunk at most, so we wait only as long as a browser's timers jitter.
pub const RTO_MIN: Duration = Duration::from_millis(200);

/// The timeout before anything was measured (RFC 6298, 2.1).
pub const RTO_INITIAL: Duration = Duration::from_secs(1);

/// The longest timeout (RFC 6298, 2.5 allows a bound of at least a minute).
pub const RTO_MAX: Duration = Duration::from_secs(60);

/// Smoothed round trip and deviation of one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimator {
    /// SRTT and RTTVAR, microseconds; `None` until the first sample.
    smoothed: Option<(u64, u64)>,
}

impl Estimator {
    /// Folds in one more round trip and returns the new timeout.
    pub fn observe(&mut self, rtt: Rtt) -> Duration {
        // An hour is no round trip; the cap keeps the sums below 64 bits.
        let r = rtt.as_micros().min(3_600_000_000);
        self.smoothed = Some(match self.smoothed {
            None => (r, r / 2),
            Some((srtt, rttvar)) => ((7 * srtt + r) / 8, (3 * rttvar + srtt.abs_diff(r)) / 4),
        });
        self.timeout()
    }

    /// The smoothed round trip, or `None` before the first sample.
    pub fn smoothed(&self) -> Option<Rtt> {
        self.smoothed.map(|(srtt, _)| Rtt::from_micros(srtt))
    }

    /// How far round trips stray from the smoothed one, or `None` before the first sample.
    pub fn deviation(&self) -> Option<Duration> {
        self.smoothed.map(|(_, rttvar)| Duration::from_micros(rttvar))
    }

    /// How long to wait for an answer before doubting: SRTT + 4 RTTVAR within [`RTO_MIN`] and [`RTO_MAX`].
    pub fn timeout(&self) -> Duration {
        match self.smoothed {
            None => RTO_INITIAL,
            Some((srtt, rttvar)) => Duration::from_micros(srtt + 4 * rttvar).clamp(RTO_MIN, RTO_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_sample_sets_deviation_to_half() {
        let mut estimator = Estimator::default();
        assert_eq!(estimator.timeout(), RTO_INITIAL);
        assert_eq!(estimator.observe(ms(100)), Duration::from_millis(300));
        assert_eq!(estimator.smoothed(), Some(ms(100)));
        assert_eq!(estimator.deviation(), Some(Duration::from_millis(50)));
    }

    #[test]
    fn second_sample_moves_an_eighth() {
        let mut estimator = Estimator::default();
        estimator.observe(ms(100));
        estimator.observe(ms(180));
        assert_eq!(estimator.smoothed(), Some(ms(110)));
        // 3/4 of 50 ms plus 1/4 of |100 - 180| ms.
        assert_eq!(estimator.deviation(), Some(Duration::from_micros(57_500)));
    }

    #[test]
    fn steady_path_settles_at_the_floor() {
        let mut estimator = Estimator::default();
        for _ in 0..100 {
            estimator.observe(ms(20));
        }
        assert_eq!(estimator.smoothed(), Some(ms(20)));
        assert_eq!(estimator.timeout(), RTO_MIN);
    }

    proptest! {
        #[test]
        fn prop_smoothed_stays_within_what_was_seen(samples in proptest::collection::vec(0u64..5_000_000, 1..200)) {
            let mut estimator = Estimator::default();
            for micros in &samples {
                let timeout = estimator.observe(Rtt::from_micros(*micros));
                prop_assert!((RTO_MIN..=RTO_MAX).contains(&timeout));
            }
            let smoothed = estimator.smoothed().expect("at least one sample").as_micros();
            let (min, max) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            // Each step rounds down by less than one microsecond, of which the next keeps 7/8.
            prop_assert!(smoothed + 8 >= *min && smoothed <= *max);
        }

        #[test]
        fn prop_absurd_round_trips_do_not_overflow(samples in proptest::collection::vec(any::<u64>(), 1..50)) {
            let mut estimator = Estimator::default();
            for micros in samples {
                prop_assert!(estimator.observe(Rtt::from_micros(micros)) <= RTO_MAX);
            }
        }
    }

    fn ms(ms: u64) -> Rtt {
        Rtt::from_micros(ms * 1_000)
    }
}
