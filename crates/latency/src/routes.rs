//! Going through a third peer when that is shorter than going straight.
//!
//! Half of the pairs on the internet have such a middle, mostly because their direct way is bad, not because the
//! middle is good. Both ends tell each other what they measured; where one leg was measured by nobody, coordinates
//! stand in. Only a test decides: the one or two shortest guesses are tried, and the direct way stays unless one of
//! them beat it. Nothing here trusts a middle with more than being slow: it must have agreed, it carries sealed
//! bytes, and its share is accounted elsewhere.

use crate::Rtt;

/// Middles tried per pair and occasion.
pub const TESTS_MAX: usize = 2;

/// A middle is worth a test when its guess is no longer than the direct way by this factor: guesses err.
const HOPE: f64 = 1.05;

/// What a predicted leg counts more than it says: of many guesses the shortest is mostly too short.
const DOUBT: f64 = 1.1;

/// One half of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leg {
    /// Somebody at one of its ends measured it.
    Measured(Rtt),
    /// By coordinates.
    Predicted(Rtt),
}

impl Leg {
    fn guess_ms(self) -> f64 {
        match self {
            Self::Measured(rtt) => rtt.as_millis_f64(),
            Self::Predicted(rtt) => rtt.as_millis_f64() * DOUBT,
        }
    }
}

/// A peer that could stand between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Middle<P> {
    pub peer: P,
    /// From us to it.
    pub near: Leg,
    /// From it to the other end.
    pub far: Leg,
}

/// Which of `middles` to test for a pair that takes `direct`, the best guess first.
pub fn middles_to_test<P: Copy + Ord>(direct: Rtt, middles: impl IntoIterator<Item = Middle<P>>) -> Vec<P> {
    let mut best: [Option<(f64, P)>; TESTS_MAX] = [None; TESTS_MAX];
    let limit = direct.as_millis_f64() * HOPE;
    for middle in middles {
        let guess = middle.near.guess_ms() + middle.far.guess_ms();
        let before = |slot: &Option<(f64, P)>| slot.is_none_or(|(known, peer)| (guess, middle.peer) < (known, peer));
        if guess > 0.0
            && guess < limit
            && let Some(place) = best.iter().position(before)
        {
            best[place..].rotate_right(1);
            best[place] = Some((guess, middle.peer));
        }
    }
    best.into_iter().flatten().map(|(_, peer)| peer).collect()
}

/// What was found between us and one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<P> {
    /// Through whom, or straight.
    pub through: Option<P>,
    pub rtt: Rtt,
}

/// Change only for this much: flapping between two ways costs more than it wins.
const ADVANTAGE: f64 = 0.95;

impl<P: Copy + Ord> Route<P> {
    /// The direct way.
    pub fn direct(rtt: Rtt) -> Self {
        Self { through: None, rtt }
    }

    /// Takes `tested` through `middle` if it is clearly shorter; a renewed measurement of the present way replaces
    /// its number, whatever it says.
    pub fn on_test(&mut self, through: Option<P>, tested: Rtt) {
        let shorter = tested.as_millis_f64() < self.rtt.as_millis_f64() * ADVANTAGE;
        if through == self.through || (shorter && tested.as_micros() > 0) {
            *self = Self { through, rtt: tested };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_shortest_guesses_are_tested() {
        let middles = [(1, 50, 60), (2, 10, 20), (3, 30, 30), (4, 5, 200), (5, 0, 0)];
        let middles = middles.map(|(peer, near, far)| Middle {
            peer,
            near: Leg::Measured(ms(near)),
            far: Leg::Measured(ms(far)),
        });
        assert_eq!(middles_to_test(ms(100), middles), [2, 3]);
        assert!(middles_to_test(ms(20), middles).is_empty());
        assert_eq!(middles_to_test(ms(55), middles), [2]);
    }

    #[test]
    fn what_was_measured_comes_before_what_is_predicted() {
        let measured = Middle { peer: 1, near: Leg::Measured(ms(30)), far: Leg::Measured(ms(31)) };
        let predicted = Middle { peer: 2, near: Leg::Measured(ms(30)), far: Leg::Predicted(ms(30)) };
        assert_eq!(middles_to_test(ms(100), [predicted, measured]), [1, 2]);
    }

    #[test]
    fn a_route_changes_only_for_the_clearly_shorter() {
        let mut route = Route::direct(ms(100));
        route.on_test(Some(7), ms(97));
        assert_eq!(route.through, None);
        route.on_test(Some(7), ms(0));
        assert_eq!(route.through, None);
        route.on_test(Some(7), ms(60));
        assert_eq!(route, Route { through: Some(7), rtt: ms(60) });
        route.on_test(Some(7), ms(150));
        assert_eq!(route, Route { through: Some(7), rtt: ms(150) });
        route.on_test(None, ms(100));
        assert_eq!(route, Route::direct(ms(100)));
    }

    fn ms(ms: u64) -> Rtt {
        Rtt::from_micros(ms * 1_000)
    }
}
