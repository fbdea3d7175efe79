//! What we think of a peer: speed, reliability, honesty, contribution, from 0 to 1 each.
//!
//! Each starts in the middle and moves with what happened between us and the peer, never with what a third says.
//! Old deeds fade, so that nobody is damned or holy for ever. The whole is the product's root: a liar is not made
//! good by being fast. Poorly rated peers are still tried: [`Rating::chance`] is never below [`CHANCE_MIN`].

/// A poorly rated peer's chance to be tried, against a well rated one's.
pub const CHANCE_MIN: f64 = 0.05;

/// How much a deed counts against all before it.
const WEIGHT: f64 = 0.05;

/// A lie weighs this many deeds.
const LIE_WEIGHT: f64 = 8.0;

/// The middle: nothing known.
const UNKNOWN: f64 = 0.5;

/// What happened between us and a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deed {
    /// An answer came whole and verified, in so many times the expected time.
    Answered { slowness: f64 },
    /// It did not answer in time, or left in mid-answer.
    Failed,
    /// Bytes did not verify, or it held back or faked a measurement.
    Lied,
    /// Bytes it gave us and took from us since the last time.
    Exchanged { given: u64, taken: u64 },
}

/// A peer's standing with us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    pub speed: f64,
    pub reliability: f64,
    pub honesty: f64,
    pub contribution: f64,
}

impl Default for Rating {
    fn default() -> Self {
        Self { speed: UNKNOWN, reliability: UNKNOWN, honesty: UNKNOWN, contribution: UNKNOWN }
    }
}

impl Rating {
    /// Takes one deed into account.
    pub fn observe(&mut self, deed: Deed) {
        match deed {
            Deed::Answered { slowness } => {
                move_to(&mut self.reliability, 1.0, WEIGHT);
                move_to(&mut self.honesty, 1.0, WEIGHT);
                if slowness > 0.0 && slowness.is_finite() {
                    move_to(&mut self.speed, 1.0 / (1.0 + slowness * slowness), WEIGHT);
                }
            }
            Deed::Failed => move_to(&mut self.reliability, 0.0, 2.0 * WEIGHT),
            Deed::Lied => move_to(&mut self.honesty, 0.0, LIE_WEIGHT * WEIGHT),
            Deed::Exchanged { given, taken } => {
                let all = given as f64 + taken as f64;
                if all > 0.0 {
                    move_to(&mut self.contribution, given as f64 / all, WEIGHT);
                }
            }
        }
    }

    /// All four in one number, from 0 to 1.
    pub fn total(&self) -> f64 {
        (self.speed * self.reliability * self.honesty * self.contribution).max(0.0).sqrt().sqrt()
    }

    /// How readily to try this peer, from [`CHANCE_MIN`] to 1.
    pub fn chance(&self) -> f64 {
        (self.total() / UNKNOWN).clamp(CHANCE_MIN, 1.0)
    }
}

fn move_to(value: &mut f64, target: f64, weight: f64) {
    *value += weight.min(1.0) * (target - *value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_liar_is_rated_below_a_slow_honest_peer() {
        let (mut liar, mut honest) = (Rating::default(), Rating::default());
        for _ in 0..50 {
            liar.observe(Deed::Answered { slowness: 0.3 });
            honest.observe(Deed::Answered { slowness: 2.0 });
        }
        for _ in 0..5 {
            liar.observe(Deed::Lied);
        }
        assert!(liar.speed > honest.speed && liar.total() < honest.total());
    }

    #[test]
    fn everybody_is_tried_now_and_then_and_may_recover() {
        let mut rating = Rating::default();
        for _ in 0..1_000 {
            rating.observe(Deed::Failed);
            rating.observe(Deed::Lied);
        }
        assert_eq!(rating.chance(), CHANCE_MIN);
        for _ in 0..100 {
            rating.observe(Deed::Answered { slowness: 1.0 });
        }
        assert_eq!(rating.chance(), 1.0);
    }

    #[test]
    fn nonsense_leaves_numbers_between_zero_and_one() {
        let mut rating = Rating::default();
        for slowness in [f64::NAN, -1.0, 0.0, f64::INFINITY, 1e300] {
            rating.observe(Deed::Answered { slowness });
        }
        rating.observe(Deed::Exchanged { given: 0, taken: 0 });
        rating.observe(Deed::Exchanged { given: u64::MAX, taken: u64::MAX });
        for value in [rating.speed, rating.reliability, rating.honesty, rating.contribution, rating.total()] {
            assert!((0.0..=1.0).contains(&value), "{value}");
        }
    }
}
