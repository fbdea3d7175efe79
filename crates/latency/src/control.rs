//! Whether all this helps: a control group, and the difference it makes.
//!
//! One choice in twenty is made at random, drawn before anything is scored, so that the two groups differ in
//! nothing but the choice. What learning saved is the difference of their median times, with the interval that
//! holds it 95 times in 100. When the interval contains zero, nothing is claimed.

use crate::Random;
use std::collections::VecDeque;

/// The control group's share.
pub const CONTROL_SHARE: f64 = 0.05;

/// Outcomes kept per group, the newest: enough for an interval, few enough to follow the day.
pub const OUTCOMES_MAX: usize = 500;

/// Outcomes of each group before anything is said. The interval of a median of fewer is as wide as the data.
pub const OUTCOMES_MIN: usize = 8;

/// Who chooses this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What was learned.
    Learned,
    /// Chance, for comparison.
    Control,
}

/// Draws the group of the next choice.
pub fn draw(random: &mut Random) -> Group {
    if random.unit() < CONTROL_SHARE { Group::Control } else { Group::Learned }
}

/// How long things took in either group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    learned: VecDeque<f32>,
    control: VecDeque<f32>,
}

/// What learning saved per choice, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saved {
    /// Control's median minus the learned one.
    pub median_ms: f64,
    /// The interval that holds the true difference 95 times in 100.
    pub low_ms: f64,
    pub high_ms: f64,
}

impl Saved {
    /// Whether the interval excludes zero: only then may it be called a saving, or a loss.
    pub fn is_certain(&self) -> bool {
        self.low_ms > 0.0 || self.high_ms < 0.0
    }
}

impl Comparison {
    /// One more outcome; what is no time is ignored, the oldest of the group makes room.
    pub fn observe(&mut self, group: Group, took_ms: f64) {
        if !(took_ms >= 0.0 && took_ms.is_finite()) {
            return;
        }
        let outcomes = match group {
            Group::Learned => &mut self.learned,
            Group::Control => &mut self.control,
        };
        if outcomes.len() == OUTCOMES_MAX {
            outcomes.pop_front();
        }
        outcomes.push_back(took_ms as f32);
    }

    /// How many outcomes are kept of a group.
    pub fn len(&self, group: Group) -> usize {
        match group {
            Group::Learned => self.learned.len(),
            Group::Control => self.control.len(),
        }
    }

    /// The median of a group's outcomes, milliseconds; `None` until it has [`OUTCOMES_MIN`].
    pub fn median_ms(&self, group: Group) -> Option<f64> {
        let outcomes = match group {
            Group::Learned => &self.learned,
            Group::Control => &self.control,
        };
        median_with_error(outcomes).map(|(median, _)| median)
    }

    /// What learning saved; `None` until both groups have [`OUTCOMES_MIN`].
    ///
    /// The standard error of each median is read off its order statistics (McKean and Schrader 1984), which needs
    /// no guess about the shape; the two add as independent.
    pub fn saved(&self) -> Option<Saved> {
        let (learned, learned_error) = median_with_error(&self.learned)?;
        let (control, control_error) = median_with_error(&self.control)?;
        let median_ms = control - learned;
        let half = 1.96 * (learned_error * learned_error + control_error * control_error).sqrt();
        Some(Saved { median_ms, low_ms: median_ms - half, high_ms: median_ms + half })
    }
}

fn median_with_error(outcomes: &VecDeque<f32>) -> Option<(f64, f64)> {
    if outcomes.len() < OUTCOMES_MIN {
        return None;
    }
    let mut sorted: Vec<f32> = outcomes.iter().copied().collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let (count, last) = (sorted.len() as f64, sorted.len() - 1);
    let median = (f64::from(sorted[last / 2]) + f64::from(sorted[sorted.len() / 2])) / 2.0;
    // The order statistics that enclose the median 95 times in 100.
    let depth = ((count + 1.0) / 2.0 - 1.96 * (count / 4.0).sqrt()).max(1.0) as usize - 1;
    let width = f64::from(sorted[last - depth]) - f64::from(sorted[depth]);
    Some((median, width / (2.0 * 1.96)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_choice_in_twenty_is_chance() {
        let mut random = Random::new(4);
        let control = (0..10_000).filter(|_| draw(&mut random) == Group::Control).count();
        assert!((420..580).contains(&control), "{control}");
    }

    #[test]
    fn a_real_difference_is_found_and_none_is_not_claimed() {
        let mut random = Random::new(9);
        let (mut real, mut none) = (Comparison::default(), Comparison::default());
        for _ in 0..400 {
            real.observe(Group::Learned, 40.0 + 10.0 * random.normal());
            none.observe(Group::Learned, 60.0 + 10.0 * random.normal());
        }
        for _ in 0..20 {
            let took = 60.0 + 10.0 * random.normal();
            real.observe(Group::Control, took);
            none.observe(Group::Control, took);
        }
        let saved = real.saved().unwrap();
        assert!(saved.is_certain() && (saved.median_ms - 20.0).abs() < 8.0, "{saved:?}");
        assert!(!none.saved().unwrap().is_certain());
    }

    #[test]
    fn the_interval_holds_what_it_promises() {
        let mut random = Random::new(3);
        let mut held = 0;
        for _ in 0..400 {
            let mut comparison = Comparison::default();
            for _ in 0..380 {
                comparison.observe(Group::Learned, libm::exp(random.normal()) * 30.0);
            }
            for _ in 0..20 {
                comparison.observe(Group::Control, libm::exp(random.normal()) * 50.0);
            }
            // Medians of log-normal times: 30 and 50 ms.
            let saved = comparison.saved().unwrap();
            held += u32::from(saved.low_ms <= 20.0 && 20.0 <= saved.high_ms);
        }
        assert!(held >= 368, "{held} of 400");
    }

    #[test]
    fn too_few_and_nonsense_say_nothing() {
        let mut comparison = Comparison::default();
        for took in [f64::NAN, f64::INFINITY, -1.0] {
            comparison.observe(Group::Control, took);
        }
        assert_eq!((comparison.len(Group::Control), comparison.saved()), (0, None));
        for _ in 0..2 * OUTCOMES_MAX {
            comparison.observe(Group::Learned, 1.0);
        }
        assert_eq!((comparison.len(Group::Learned), comparison.saved()), (OUTCOMES_MAX, None));
    }
}
