//! What was forecast for each round trip before it came, and what is forecast for the next.
//!
//! A forecast is kept as it was said and never corrected afterwards, so that the screen can show it beside the truth.
//! What a hidden tab measured is neither forecast nor learned from: its timers sleep.

use latency::{Forecast, Forecaster, Rtt, SAMPLES_MAX, Series};
use std::collections::VecDeque;

/// The first round trips measure the setting-up of everything else on the same thread; an interval that began with
/// them would stay too wide for minutes.
const SETTLING: usize = 3;

/// One peer's forecasts.
#[derive(Debug)]
pub(crate) struct Outlook {
    series: Series,
    forecaster: Forecaster,
    /// One for each sample of the history, oldest first; at most [`SAMPLES_MAX`].
    told: VecDeque<Option<Forecast>>,
    /// Samples that came, up to [`SETTLING`].
    settled: usize,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { series: Series::default(), forecaster: Forecaster::new(1), told: VecDeque::new(), settled: 0 }
    }
}

impl Outlook {
    /// A round trip came; called for every sample that the history keeps.
    pub(crate) fn observe(&mut self, rtt: Rtt, hidden: bool) {
        if self.told.len() == SAMPLES_MAX {
            self.told.pop_front();
        }
        self.told.push_back(if hidden { None } else { self.next() });
        self.settled += usize::from(self.settled < SETTLING);
        if !hidden && self.settled == SETTLING {
            self.series.push(rtt);
            self.forecaster.observe(&self.series);
        }
    }

    /// The next round trip, once its error is known.
    pub(crate) fn next(&self) -> Option<Forecast> {
        self.forecaster.typical_error()?;
        self.forecaster.forecast(&self.series)
    }

    /// The round trips it learns from.
    pub(crate) fn series(&self) -> &Series {
        &self.series
    }

    /// What was forecast for each sample, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = Option<Forecast>> + '_ {
        self.told.iter().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn ms(ms: u64) -> Rtt {
        Rtt(Duration::from_millis(ms))
    }

    #[test]
    fn nothing_is_forecast_before_an_error_is_known() {
        let mut outlook = Outlook::default();
        outlook.observe(ms(40), false);
        assert_eq!(outlook.newest_first().collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn what_was_said_stays_as_it_was_said() {
        let mut outlook = Outlook::default();
        for at in 0..50 {
            outlook.observe(ms(40 + at % 3), false);
        }
        let said = outlook.next().expect("fifty samples are enough");
        assert!(said.low <= said.rtt && said.rtt <= said.high);
        outlook.observe(ms(400), false);
        assert_eq!(outlook.newest_first().next(), Some(Some(said)));
        for _ in 0..20 {
            outlook.observe(ms(400), false);
        }
        assert_eq!(outlook.newest_first().nth(20), Some(Some(said)));
    }

    #[test]
    fn a_slow_start_does_not_widen_the_interval() {
        let mut outlook = Outlook::default();
        for rtt in [400, 200] {
            outlook.observe(ms(rtt), false);
        }
        for at in 0..20 {
            outlook.observe(ms(40 + at % 3), false);
        }
        let next = outlook.next().expect("twenty samples are enough");
        assert!(next.high < ms(60), "{next:?}");
    }

    #[test]
    fn a_hidden_tab_teaches_nothing() {
        let mut outlook = Outlook::default();
        for _ in 0..50 {
            outlook.observe(ms(40), false);
        }
        let before = outlook.next();
        outlook.observe(ms(1_000), true);
        assert_eq!(outlook.next(), before);
        assert_eq!(outlook.newest_first().next(), Some(None));
    }

    #[test]
    fn forecasts_are_bounded_as_the_history_is() {
        let mut outlook = Outlook::default();
        for _ in 0..2 * SAMPLES_MAX {
            outlook.observe(ms(40), false);
        }
        assert_eq!(outlook.told.len(), SAMPLES_MAX);
    }
}
