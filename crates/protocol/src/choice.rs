//! The peer's own dice: which of several equals to take, and how long to wait before trying again.
//!
//! One ChaCha8 stream per room, all from [`Config::seed`](crate::Config::seed): a choice made in one room does
//! not shift the choices of another, so a change in one place does not change every replayed run.

use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// The rooms that choose. The number is the stream, so it may be added to but not reordered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    Relays = 1,
    Connections = 2,
    Transfers = 3,
    Ranking = 4,
}

/// A seeded generator.
#[derive(Clone, Debug)]
pub(crate) struct Choice(ChaCha8Rng);

impl Choice {
    pub(crate) fn new(seed: u64, room: Room) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(room as u64);
        Self(rng)
    }

    /// A number below `bound` (0 if the bound is 0), by multiplication: biased by less than 2^-32 for any bound here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// One of `options`, all equally likely.
    pub(crate) fn one_of<'a, T>(&mut self, options: &'a [T]) -> Option<&'a T> {
        let index = self.below(options.len() as u64) as usize;
        options.get(index)
    }

    /// How long to wait before attempt number `attempts + 1`: `min` doubled for each failure after the first, at
    /// most `max`, then half of it plus a random part of the other half, so that a crowd that failed together
    /// does not come back together.
    pub(crate) fn backoff(&mut self, attempts: u32, min: Duration, max: Duration) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let full = min.saturating_mul(1 << doublings).min(max);
        let half = u64::try_from(full.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half.saturating_add(self.below(half.saturating_add(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rooms_of_one_seed_choose_differently() {
        let mut relays = Choice::new(7, Room::Relays);
        let mut connections = Choice::new(7, Room::Connections);
        assert_ne!(relays.below(u64::MAX), connections.below(u64::MAX));
    }

    #[test]
    fn the_same_seed_chooses_the_same() {
        let draw = || Choice::new(7, Room::Relays).below(1_000_000);
        assert_eq!(draw(), draw());
    }

    #[test]
    fn nothing_is_chosen_from_nothing() {
        assert_eq!(Choice::new(0, Room::Relays).one_of::<u8>(&[]), None);
    }

    proptest! {
        #[test]
        fn prop_backoff_stays_between_half_and_full(seed: u64, attempts in 0u32..80, min_ms in 1u64..5_000, more_ms in 0u64..60_000) {
            let (min, max) = (Duration::from_millis(min_ms), Duration::from_millis(min_ms + more_ms));
            let wait = Choice::new(seed, Room::Relays).backoff(attempts, min, max);
            prop_assert!(wait <= max);
            prop_assert!(wait * 2 + Duration::from_micros(1) >= min);
        }
    }
}
