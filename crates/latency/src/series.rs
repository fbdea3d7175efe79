//! The newest round trips of one peer, as numbers to compute with.

use crate::Rtt;
use std::collections::VecDeque;

/// Kept: the longest median plus the longest horizon a forecast is judged over.
pub const SERIES_LEN_MAX: usize = 136;

/// Windows whose medians forecast, in samples. Odd from three on; the last sample and the mean of the last two
/// speak for paths that drift.
pub(crate) const WINDOWS: [usize; 9] = [1, 2, 3, 5, 9, 15, 31, 61, 121];

/// Round trips in microseconds, oldest first; the oldest makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series(VecDeque<u32>);

impl Series {
    /// Keeps one more; longer than 71 minutes is kept as that.
    pub fn push(&mut self, rtt: Rtt) {
        if self.0.len() == SERIES_LEN_MAX {
            self.0.pop_front();
        }
        self.0.push_back(u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX));
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Newest first, microseconds.
    pub fn newest_first(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().rev().copied()
    }

    /// The newest, microseconds.
    pub fn last(&self) -> Option<u32> {
        self.0.back().copied()
    }

    /// The medians of the [`WINDOWS`] as they were `ago` samples ago; windows longer than what was known then
    /// take all of it. `None` when nothing was known.
    pub(crate) fn medians(&self, ago: usize) -> Option<[f64; WINDOWS.len()]> {
        let known = self.0.len().checked_sub(ago).filter(|known| *known > 0)?;
        let mut medians = [0.0; WINDOWS.len()];
        let mut sorted = [0u32; WINDOWS[WINDOWS.len() - 1]];
        let mut len = 0;
        let mut newest_first = self.newest_first().skip(ago);
        for (median, window) in medians.iter_mut().zip(WINDOWS) {
            while len < window.min(known) {
                let Some(value) = newest_first.next() else { break };
                let place = sorted[..len].partition_point(|kept| *kept <= value);
                sorted.copy_within(place..len, place + 1);
                sorted[place] = value;
                len += 1;
            }
            *median = (f64::from(sorted[(len - 1) / 2]) + f64::from(sorted[len / 2])) / 2.0;
        }
        Some(medians)
    }
}

impl FromIterator<Rtt> for Series {
    fn from_iter<I: IntoIterator<Item = Rtt>>(rtts: I) -> Self {
        let mut series = Self::default();
        rtts.into_iter().for_each(|rtt| series.push(rtt));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians_look_back_as_far_as_asked() {
        let series: Series = [10, 20, 30, 40, 1_000].into_iter().map(Rtt::from_micros).collect();
        let now = series.medians(0).unwrap();
        assert_eq!(now[..4], [1_000.0, 520.0, 40.0, 30.0]);
        assert_eq!(series.medians(1).unwrap()[..3], [40.0, 35.0, 30.0]);
        assert_eq!(series.medians(5), None);
    }

    proptest! {
        #[test]
        fn prop_medians_are_those_of_a_sorted_copy(rtts in proptest::collection::vec(0u64..500, 1..300), ago in 0usize..20) {
            let series: Series = rtts.iter().copied().map(Rtt::from_micros).collect();
            let kept = &rtts[rtts.len().saturating_sub(SERIES_LEN_MAX)..];
            let Some(medians) = series.medians(ago) else {
                prop_assert!(ago >= kept.len());
                return Ok(());
            };
            for (median, window) in medians.into_iter().zip(WINDOWS) {
                let known = &kept[..kept.len() - ago];
                let mut window = known[known.len().saturating_sub(window)..].to_vec();
                window.sort_unstable();
                let (low, high) = (window[(window.len() - 1) / 2], window[window.len() / 2]);
                prop_assert_eq!(median, (low + high) as f64 / 2.0);
            }
        }
    }
}
