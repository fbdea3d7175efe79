//! How one peer's round trips are spread, with a long memory that favours the new.
//!
//! On personal devices the next round trip is almost noise around a level that moves: the last sample says too
//! little and the average of all too much. The newest sample counts five times, the others by their age a as
//! a^-0.4 e^(-a/200), so that the last hundred all count; neither an exponential average nor a plain one does as well
//! on personal devices. Each sample also counts a little for its neighbours, and a little chance is left for
//! everything: what was not seen in a few samples is not impossible, and races are about the unlikely.

use crate::Series;
use crate::series::SERIES_LEN_MAX;
use std::sync::LazyLock;

/// Steps of the survival function: from one millisecond up by a fifth each, to two seconds, where a client gives up.
pub const BINS: usize = 40;

const FIRST_MS: f64 = 1.0;
const RATIO: f64 = 1.215;

/// Upper edges of the bins, milliseconds.
pub(crate) static EDGES_MS: LazyLock<[f64; BINS]> =
    LazyLock::new(|| core::array::from_fn(|bin| FIRST_MS * libm::pow(RATIO, bin as f64)));

/// The share of a sample that counts for the bins beside its own.
const SMEAR: f32 = 0.3;

/// What all bins together hold, against the newest sample.
const PRIOR: f32 = 0.1;

/// What the newest sample weighs, against the one before it.
const NEWEST: f32 = 5.0;

/// What a sample of this age weighs.
pub(crate) static WEIGHTS: LazyLock<[f32; SERIES_LEN_MAX]> = LazyLock::new(|| {
    core::array::from_fn(|age| match age {
        0 => NEWEST,
        _ => (libm::pow(age as f64, -0.4) * libm::exp(-(age as f64) / 200.0)) as f32,
    })
});

/// The distribution of the next round trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The chance to take longer than each of [`EDGES_MS`].
    longer: [f32; BINS],
    typical_ms: f64,
}

impl Spread {
    /// From what was measured; `None` if nothing was.
    pub fn of(series: &Series) -> Option<Self> {
        series.last()?;
        let prior = PRIOR * WEIGHTS[0];
        let mut chance = [prior / BINS as f32; BINS];
        let (mut seen, mut roots) = (0f32, 0.0);
        for (micros, weight) in series.newest_first().zip(WEIGHTS.iter()) {
            let ms = f64::from(micros) / 1e3;
            let at = bin(ms);
            chance[at] += weight * (1.0 - SMEAR);
            chance[at.saturating_sub(1)] += weight * SMEAR / 2.0;
            chance[(at + 1).min(BINS - 1)] += weight * SMEAR / 2.0;
            seen += weight;
            roots += f64::from(*weight) * ms.min(EDGES_MS[BINS - 1]).sqrt().sqrt();
        }
        let sum = seen + prior;
        let mut left = sum;
        let longer = chance.map(|chance| {
            left -= chance;
            (left / sum).max(0.0)
        });
        let root = roots / f64::from(seen);
        let typical_ms = root * root * root * root;
        Some(Self { longer, typical_ms })
    }

    /// From a prediction and its typical relative error: log-normal around it.
    pub fn predicted(ms: f64, error: f64) -> Self {
        let width = core::f64::consts::SQRT_2 * error.clamp(0.1, 2.0);
        let longer =
            core::array::from_fn(|bin| (0.5 * libm::erfc(libm::log(EDGES_MS[bin] / ms.max(FIRST_MS)) / width)) as f32);
        Self { longer, typical_ms: ms }
    }

    /// The typical round trip, milliseconds: the mean of fourth roots, to the fourth. A rare long one counts, but
    /// far less than in a mean.
    pub fn typical_ms(&self) -> f64 {
        self.typical_ms
    }

    /// The chance to take longer than the upper edge of each bin.
    pub(crate) fn longer(&self) -> &[f32; BINS] {
        &self.longer
    }

    /// The same, everything so much later.
    pub(crate) fn delayed(&self, by_ms: f64) -> [f32; BINS] {
        let mut at = 0;
        core::array::from_fn(|bin| {
            let rest = EDGES_MS[bin] - by_ms;
            while at < BINS && EDGES_MS[at] <= rest {
                at += 1;
            }
            at.checked_sub(1).map_or(1.0, |last| self.longer[last])
        })
    }
}

/// The bin whose upper edge is the first at or above `ms`; the last one takes all that is longer.
fn bin(ms: f64) -> usize {
    EDGES_MS.partition_point(|edge| *edge < ms).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rtt;

    #[test]
    fn the_new_weighs_more_than_the_old_but_does_not_erase_it() {
        let spread = Spread::of(&series((0..50).map(|at| if at == 49 { 400 } else { 20 }))).unwrap();
        let longer_than_40 = spread.longer()[bin(40.0)];
        assert!((0.05..0.3).contains(&longer_than_40), "{longer_than_40}");
        assert!((20.0..100.0).contains(&spread.typical_ms()));
    }

    #[test]
    fn survival_falls_from_certain_to_never() {
        for spread in [Spread::of(&series([5, 50, 500, 1_900])).unwrap(), Spread::predicted(80.0, 0.3)] {
            assert!(spread.longer().windows(2).all(|pair| pair[0] >= pair[1]));
            assert!(spread.longer()[0] > 0.98 && spread.longer()[BINS - 1] < 0.01);
        }
        assert_eq!(Spread::of(&Series::default()), None);
    }

    #[test]
    fn a_delay_moves_the_distribution() {
        let spread = Spread::of(&series([20])).unwrap();
        let delayed = spread.delayed(100.0);
        assert_eq!(spread.delayed(0.0), *spread.longer());
        assert!(delayed[bin(100.0)] > 0.95 && delayed[bin(150.0)] < 0.1);
    }

    fn series(ms: impl IntoIterator<Item = u64>) -> Series {
        ms.into_iter().map(|ms| Rtt::from_micros(ms * 1_000)).collect()
    }
}
