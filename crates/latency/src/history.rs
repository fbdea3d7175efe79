//! The last round trips of one path, for people.

use crate::{Rtt, Sample};
use std::collections::VecDeque;

/// Samples kept per path: four minutes at one a second. The screen draws the last minute and can open the rest.
pub const SAMPLES_MAX: usize = 250;

/// The number on the screen is the median of this many: two outliers do not move it.
pub const MEDIAN_OF: usize = 5;

/// The newest [`SAMPLES_MAX`] samples; the oldest makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Newest at the front.
    samples: VecDeque<Sample>,
}

impl History {
    /// Keeps one more.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_back();
        }
        self.samples.push_front(sample);
    }

    /// Newest first.
    pub fn newest_first(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether nothing was measured yet.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The newest sample.
    pub fn last(&self) -> Option<&Sample> {
        self.samples.front()
    }

    /// Median of the last [`MEDIAN_OF`] samples (the lower one of two), or `None` before the first.
    ///
    /// Samples of a hidden tab count only when no other is left: they measure its throttled timers.
    pub fn median(&self) -> Option<Rtt> {
        self.median_where(|sample| !sample.hidden).or_else(|| self.median_where(|_| true))
    }

    fn median_where(&self, counts: impl Fn(&Sample) -> bool) -> Option<Rtt> {
        let mut rtts = [Rtt::from_micros(0); MEDIAN_OF];
        let mut len = 0;
        for sample in self.samples.iter().filter(|sample| counts(sample)).take(MEDIAN_OF) {
            rtts[len] = sample.rtt;
            len += 1;
        }
        let rtts = &mut rtts[..len];
        rtts.sort_unstable();
        rtts.get(len.checked_sub(1)? / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Time;
    use proptest::prelude::*;

    #[test]
    fn median_ignores_two_outliers() {
        let history = of([500, 10, 12, 11, 900]);
        assert_eq!(history.median(), Some(Rtt::from_micros(12)));
    }

    #[test]
    fn median_looks_at_the_last_five_only() {
        let history = of([1, 1, 1, 1, 1, 20, 20, 20]);
        assert_eq!(history.median(), Some(Rtt::from_micros(20)));
        assert_eq!(of([7, 9]).median(), Some(Rtt::from_micros(7)));
        assert_eq!(History::default().median(), None);
    }

    #[test]
    fn hidden_samples_count_only_when_alone() {
        let mut history = History::default();
        history.push(sample(0, 1_000, true));
        assert_eq!(history.median(), Some(Rtt::from_micros(1_000)));
        history.push(sample(1, 10, false));
        history.push(sample(2, 2_000, true));
        assert_eq!(history.median(), Some(Rtt::from_micros(10)));
    }

    proptest! {
        #[test]
        fn prop_history_keeps_the_newest(rtts in proptest::collection::vec(0u64..1_000, 0..600)) {
            let history = of(rtts.iter().copied());
            let kept: Vec<u64> = history.newest_first().map(|sample| sample.rtt.as_micros()).collect();
            let expected: Vec<u64> = rtts.iter().rev().take(SAMPLES_MAX).copied().collect();
            prop_assert_eq!(kept, expected);
        }
    }

    fn of(rtts: impl IntoIterator<Item = u64>) -> History {
        let mut history = History::default();
        for (at, rtt) in rtts.into_iter().enumerate() {
            history.push(sample(at as u64, rtt, false));
        }
        history
    }

    fn sample(at: u64, rtt: u64, hidden: bool) -> Sample {
        Sample { at: Time::from_micros(at), rtt: Rtt::from_micros(rtt), hidden }
    }
}
