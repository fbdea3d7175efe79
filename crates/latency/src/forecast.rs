//! The next round trip, or one some samples ahead, and how far off that may be.
//!
//! Levels hold for hours and then step, with spikes in between, so every expert is a median: of the last sample,
//! of the last three, and so on to the last 121. Each is weighed by how well it did lately (exponential weights,
//! Littlestone and Warmuth 1994, with forgetting), and the forecast is their weighted median: an expert far off
//! does not drag it. The interval grows by a little when the truth falls outside and shrinks by less when it falls
//! inside, at rates that make it hold nine times in ten whatever the noise (online quantile tracking, Gibbs and
//! Candes 2021).

use crate::series::WINDOWS;
use crate::{Rtt, Series};

/// How much an expert's past counts from one sample to the next.
const MEMORY: f64 = 0.99;
/// How sharply better experts outweigh worse ones, per typical error.
const SHARPNESS: f64 = 0.01;
/// Each side of the interval is missed by this share.
const TAIL: f64 = 0.05;
/// Steps of the interval's edges, in typical errors.
const EDGE_STEP: f64 = 0.25;
/// Samples until the typical error is known; the edges start with it.
const WARM_UP: u32 = 10;

/// A forecast with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub rtt: Rtt,
    /// The truth is below this one time in twenty.
    pub low: Rtt,
    /// The truth is above this one time in twenty.
    pub high: Rtt,
}

/// Forecasts a [`Series`] so many samples ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecaster {
    horizon: usize,
    losses: [f64; WINDOWS.len()],
    /// Mean absolute error of the forecasts, microseconds.
    typical: f64,
    judged: u32,
    below: f64,
    above: f64,
}

impl Forecaster {
    /// A forecaster `horizon` samples ahead, from 1 to 15.
    pub fn new(horizon: usize) -> Self {
        let horizon = horizon.clamp(1, crate::series::SERIES_LEN_MAX - WINDOWS[WINDOWS.len() - 1]);
        Self { horizon, losses: [0.0; WINDOWS.len()], typical: 0.0, judged: 0, below: 0.0, above: 0.0 }
    }

    /// Learns from the newest sample of `series`: what would have been said of it, and how wrong.
    pub fn observe(&mut self, series: &Series) {
        let (Some(truth), Some(experts)) = (series.last(), series.medians(self.horizon)) else { return };
        let truth = f64::from(truth);
        let error = truth - self.blend(&experts);
        self.move_edges(error);
        for (loss, said) in self.losses.iter_mut().zip(experts) {
            *loss = MEMORY * *loss + (said - truth).abs();
        }
    }

    /// The forecast, or `None` before the first sample.
    pub fn forecast(&self, series: &Series) -> Option<Forecast> {
        let rtt = self.blend(&series.medians(0)?);
        let (below, above) = if self.judged == 0 { (rtt / 2.0, rtt) } else { (self.below, self.above) };
        let at = |micros: f64| Rtt::from_micros(micros.max(0.0) as u64);
        Some(Forecast { rtt: at(rtt), low: at((rtt - below).min(rtt)), high: at((rtt + above).max(rtt)) })
    }

    /// The typical absolute error so far.
    pub fn typical_error(&self) -> Option<Rtt> {
        (self.judged > 0).then(|| Rtt::from_micros(self.typical as u64))
    }

    fn move_edges(&mut self, error: f64) {
        self.judged = self.judged.saturating_add(1);
        // A mean over all at first, over the last fifty later. A spike counts as a few typical errors.
        let cap = if self.judged <= WARM_UP { f64::INFINITY } else { 5.0 * self.typical };
        self.typical += (error.abs().min(cap) - self.typical) / f64::from(self.judged.min(50));
        self.typical = self.typical.max(1.0);
        if self.judged <= WARM_UP {
            (self.below, self.above) = (3.0 * self.typical, 3.0 * self.typical);
            return;
        }
        let step = EDGE_STEP * self.typical;
        let moved = |missed: bool| if missed { step * (1.0 - TAIL) } else { -step * TAIL };
        self.below = self.below + moved(-error > self.below);
        self.above = self.above + moved(error > self.above);
    }

    fn blend(&self, experts: &[f64; WINDOWS.len()]) -> f64 {
        let best = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let scale = SHARPNESS / self.typical.max(1.0);
        let mut weighed = [(0.0, 0.0); WINDOWS.len()];
        for ((slot, said), loss) in weighed.iter_mut().zip(experts).zip(self.losses) {
            *slot = (*said, libm::exp((best - loss) * scale));
        }
        weighed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let half = weighed.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
        let mut sum = 0.0;
        for (said, weight) in weighed {
            sum += weight;
            if sum >= half {
                return said;
            }
        }
        weighed[WINDOWS.len() - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn a_spike_does_not_move_the_forecast_and_a_step_does() {
        let (mut series, mut forecaster) = (Series::default(), Forecaster::new(1));
        let mut see = |ms: f64| {
            series.push(Rtt::from_millis_f64(ms).unwrap());
            forecaster.observe(&series);
            forecaster.forecast(&series).unwrap().rtt.as_millis_f64()
        };
        let noise = [0.0, 0.3, -0.2, 0.1, -0.1];
        for at in 0..200 {
            see(50.0 + noise[at % 5]);
        }
        assert!(see(400.0) < 51.0);
        assert!(see(50.0) < 51.0);
        for off in noise {
            see(80.0 + off);
        }
        assert!((see(80.0) - 80.0).abs() < 1.0);
    }

    #[test]
    fn the_interval_holds_about_nine_times_in_ten_whatever_the_noise() {
        for seed in 0..4 {
            let mut random = Random::new(seed);
            let (mut series, mut forecaster) = (Series::default(), Forecaster::new(1));
            let (mut held, mut judged) = (0, 0);
            for at in 0..4_000 {
                let heavy = if random.unit() < 0.1 { 100.0 * random.unit() } else { 0.0 };
                let rtt = Rtt::from_millis_f64(60.0 + random.normal() * (1.0 + seed as f64) + heavy).unwrap();
                if let (true, Some(forecast)) = (at > 100, forecaster.forecast(&series)) {
                    judged += 1;
                    held += u32::from(forecast.low <= rtt && rtt <= forecast.high);
                }
                series.push(rtt);
                forecaster.observe(&series);
            }
            let share = f64::from(held) / f64::from(judged);
            // One sample in ten is far out: the interval cannot be right about these and exact about the others.
            assert!((0.86..=0.95).contains(&share), "{share}");
        }
    }

    #[test]
    fn nothing_is_forecast_from_nothing_and_something_from_one() {
        let (mut series, mut forecaster) = (Series::default(), Forecaster::new(15));
        assert_eq!(forecaster.forecast(&series), None);
        series.push(Rtt::from_micros(1_000));
        forecaster.observe(&series);
        let forecast = forecaster.forecast(&series).unwrap();
        assert_eq!(
            (forecast.low, forecast.rtt, forecast.high),
            (Rtt::from_micros(500), Rtt::from_micros(1_000), Rtt::from_micros(2_000))
        );
    }
}
