//! A learned rival: a contextual bandit that is told nothing about latency.
//!
//! State: for every source six features of its past ([`Features`]). Action: the source to ask. Reward: minus the
//! logarithm of the completion time in milliseconds, so that halving a short time is worth as much as halving a
//! long one. LinUCB with one model for all sources (Li, Chu, Langford and Schapire, WWW 2010): ridge regression of
//! the reward on the features, plus a bonus for what was rarely tried. `docs/latency.md` has its results beside
//! the rules'; the rules won, and it stays as the yardstick for their successor.

use crate::Series;

/// Numbers that describe a source.
pub const FEATURES: usize = 6;

/// Weight of the prior: one observation.
const RIDGE: f64 = 1.0;

/// One constant; ln of the last round trip; means of ln over the last five and over all; the lowest of the last
/// nine; ln of one plus the choices since it was last seen.
pub type Features = [f64; FEATURES];

/// The features of a source seen as `series`, `ago` choices ago; those of an average source if never seen.
pub fn features(series: &Series, ago: usize) -> Features {
    let unseen = libm::log(100.0);
    let ln_ms = |micros: u32| libm::log(f64::from(micros.max(1)) / 1e3);
    let mean_of = |count: usize| {
        let (sum, seen) =
            series.newest_first().take(count).fold((0.0, 0), |(sum, seen), micros| (sum + ln_ms(micros), seen + 1));
        if seen == 0 { unseen } else { sum / f64::from(seen) }
    };
    let low = series.newest_first().take(9).min().map_or(unseen, ln_ms);
    [1.0, mean_of(1), mean_of(5), mean_of(usize::MAX), low, libm::log(1.0 + ago as f64)]
}

/// Ridge regression with confidence, updated one observation at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct LinUcb {
    inverse: [Features; FEATURES],
    moment: Features,
    weights: Features,
    bonus: f64,
}

impl LinUcb {
    /// A bandit that adds `bonus` standard deviations to what it expects; zero is greedy.
    pub fn new(bonus: f64) -> Self {
        let inverse =
            core::array::from_fn(|row| core::array::from_fn(|column| f64::from(u8::from(row == column)) / RIDGE));
        // Before anything was learned, a round trip is expected to be as the last one.
        let weights = [0.0, -1.0, 0.0, 0.0, 0.0, 0.0];
        Self { inverse, moment: weights.map(|weight| weight * RIDGE), weights, bonus }
    }

    /// What this source promises, optimistically: the action is the source with the most.
    pub fn promise(&self, features: &Features) -> f64 {
        let variance = dot(features, &self.apply(features)).max(0.0);
        dot(&self.weights, features) + self.bonus * variance.sqrt()
    }

    /// Learns that asking a source with these features took `completion_ms`.
    pub fn learn(&mut self, features: &Features, completion_ms: f64) {
        if !(completion_ms > 0.0 && completion_ms.is_finite()) {
            return;
        }
        let reward = -libm::log(completion_ms);
        // Sherman and Morrison 1950: the inverse after one more row.
        let direction = self.apply(features);
        let scale = 1.0 + dot(features, &direction);
        for (row, a) in self.inverse.iter_mut().zip(direction) {
            for (cell, b) in row.iter_mut().zip(direction) {
                *cell -= a * b / scale;
            }
        }
        for (moment, feature) in self.moment.iter_mut().zip(features) {
            *moment += reward * feature;
        }
        self.weights = self.apply(&self.moment);
    }

    fn apply(&self, to: &Features) -> Features {
        core::array::from_fn(|row| dot(&self.inverse[row], to))
    }
}

fn dot(a: &Features, b: &Features) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, Rtt};

    #[test]
    fn it_learns_which_feature_matters() {
        let mut bandit = LinUcb::new(0.0);
        let mut random = Random::new(1);
        for _ in 0..500 {
            let mut features: Features = core::array::from_fn(|_| random.unit() * 3.0);
            features[0] = 1.0;
            bandit.learn(&features, libm::exp(1.0 + features[4]));
        }
        let quick = [1.0, 3.0, 3.0, 3.0, 0.5, 1.0];
        let slow = [1.0, 0.5, 0.5, 0.5, 2.5, 1.0];
        assert!(bandit.promise(&quick) > bandit.promise(&slow) + 1.5);
    }

    #[test]
    fn the_bonus_shrinks_with_what_was_tried() {
        let (mut bold, features) = (LinUcb::new(1.0), [1.0, 3.0, 3.0, 3.0, 3.0, 0.0]);
        let before = bold.promise(&features);
        for _ in 0..50 {
            bold.learn(&features, libm::exp(3.0));
        }
        assert!(bold.promise(&features) < before);
    }

    #[test]
    fn nonsense_teaches_nothing() {
        let mut bandit = LinUcb::new(1.0);
        let before = bandit.clone();
        for ms in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            bandit.learn(&[1.0; FEATURES], ms);
        }
        assert_eq!(bandit, before);
    }

    #[test]
    fn features_of_the_unseen_are_average() {
        let unseen = features(&Series::default(), 9);
        let seen = features(&[Rtt::from_micros(100_000)].into_iter().collect(), 0);
        assert_eq!(unseen[1..5], seen[1..5]);
        assert!(unseen[5] > seen[5]);
    }
}
