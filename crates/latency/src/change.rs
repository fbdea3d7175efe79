//! Seeing that the level changed, without being fooled by spikes.
//!
//! The newest three samples are held against what went before since the last change: when all three lie on one
//! side of its median, farther than its noise explains, and agree among themselves better than with the past, the
//! level changed with the first of them. Three, because single and double spikes are daily bread on every path.

use crate::Series;

/// Samples that have to agree.
pub const WITNESSES: usize = 3;

/// Reference samples, at most and at least.
const REFERENCE_MAX: usize = 25;
const REFERENCE_MIN: usize = 3;

/// How many deviations off all witnesses must be.
const DEVIATIONS: f64 = 2.0;

/// From the median absolute deviation to the standard deviation of normal noise.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// Noise that no path is without: 0.4 ms of timers and queues, and 0.04 % of clocks.
const NOISE_MIN_US: f64 = 400.0;
const NOISE_MIN_SHARE: f64 = 0.0004;

/// Watches one [`Series`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeDetector {
    /// Samples since the present level began.
    level_len: usize,
}

impl ChangeDetector {
    /// Called after each sample was added to `series`: whether the level changed [`WITNESSES`] samples ago.
    pub fn observe(&mut self, series: &Series) -> bool {
        self.level_len += 1;
        let reference_len = self.level_len.saturating_sub(WITNESSES).min(REFERENCE_MAX);
        if reference_len < REFERENCE_MIN || series.len() < WITNESSES + reference_len {
            return false;
        }
        let mut newest_first = series.newest_first().map(f64::from);
        let mut witnesses = [0.0; WITNESSES];
        witnesses.fill_with(|| newest_first.next().unwrap_or(0.0));
        let mut reference = [0.0; REFERENCE_MAX];
        let reference = &mut reference[..reference_len];
        reference.fill_with(|| newest_first.next().unwrap_or(0.0));
        let changed = differs(&mut witnesses, reference);
        if changed {
            self.level_len = WITNESSES;
        }
        changed
    }
}

fn differs(witnesses: &mut [f64; WITNESSES], reference: &mut [f64]) -> bool {
    let level = median(reference);
    for value in reference.iter_mut() {
        *value = (*value - level).abs();
    }
    let noise = MAD_TO_DEVIATION * median(reference) + NOISE_MIN_US + NOISE_MIN_SHARE * level;
    let new_level = median(witnesses);
    let step = (new_level - level).abs();
    let side = if new_level > level { 1.0 } else { -1.0 };
    let nearest = witnesses.iter().map(|value| side * (value - level)).fold(f64::INFINITY, f64::min);
    let apart = witnesses.iter().map(|value| (value - new_level).abs()).fold(0.0, f64::max);
    nearest > DEVIATIONS * noise && apart < 4.0 * step + noise
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, Rtt};

    #[test]
    fn a_step_is_seen_with_its_third_sample_and_only_once() {
        let rtts = [50.0; 30].into_iter().chain([58.0; 30]);
        assert_eq!(changes(rtts), [32]);
    }

    #[test]
    fn spikes_of_one_and_two_samples_are_no_change() {
        let rtts = (0..400).map(|at| if at % 50 == 10 || at % 100 == 11 { 300.0 } else { 50.0 });
        assert!(changes(rtts).is_empty());
    }

    #[test]
    fn steady_noise_raises_less_than_one_alarm_in_a_thousand_samples() {
        let mut random = Random::new(6);
        let rtts = (0..20_000).map(|_| 80.0 + 3.0 * random.normal());
        assert!(changes(rtts).len() <= 20);
    }

    fn changes(rtts: impl IntoIterator<Item = f64>) -> Vec<usize> {
        let (mut series, mut detector) = (Series::default(), ChangeDetector::default());
        let mut seen = Vec::new();
        for (at, ms) in rtts.into_iter().enumerate() {
            series.push(Rtt::from_millis_f64(ms).unwrap());
            if detector.observe(&series) {
                seen.push(at);
            }
        }
        seen
    }
}
