//! Finding our own coordinate from what we measured and what the measured ones say of themselves.
//!
//! Each exchange with a peer gives a round trip and that peer's coordinate. We keep the newest of each and move
//! ourselves, never anybody else, to lower a robust loss of ln(predicted / measured) over all of them: with that
//! loss the same probes predict about twice as well as with Vivaldi's. Early on the loss is Huber's, which finds
//! the region; later Cauchy's, which stops listening to peers that fit nowhere. The step is Adam's (Kingma and
//! Ba 2015), once per exchange.
//!
//! Invariant: a peer's claims pull us by a bounded amount, the less the more absurd they are. A liar spoils its
//! own predictions and nobody else's.

use crate::{Coordinate, DIMENSIONS, Random, Rtt};

/// Peers we stand in relation to. 64 suffice for accuracy (each end of 32 probes); twice that leaves room for
/// near ones found later.
pub const REFERENCES_MAX: usize = 128;

/// Steps until we have settled; from half of them on, the loss is the one that ignores liars.
pub const SETTLING_STEPS: u32 = 1_000;

const UNIT_MS: f64 = 100.0;
const STEP_FIRST: f64 = 0.15;
const STEP_LAST: f64 = 0.003;
const HUBER_WIDTH: f64 = 0.3;
const CAUCHY_WIDTH: f64 = 0.4;
const START_SPREAD: f64 = 0.3;
const START_HEIGHT: f64 = 0.05;
const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.99;
/// Keeps the direction defined for two peers at one place.
const SOFTENING: f64 = 1e-6;

const PARAMETERS: usize = DIMENSIONS + 1;
const HEIGHT: usize = DIMENSIONS;

/// Our own coordinate, as a thing that learns.
#[derive(Clone, Debug)]
pub struct Position<P> {
    /// In [`UNIT_MS`]; the height as its logarithm.
    at: [f64; PARAMETERS],
    mean: [f64; PARAMETERS],
    square: [f64; PARAMETERS],
    mean_left: f64,
    square_left: f64,
    steps: u32,
    error: f64,
    references: Vec<Reference<P>>,
}

#[derive(Clone, Debug)]
struct Reference<P> {
    peer: P,
    ln_rtt: f64,
    position: [f64; DIMENSIONS],
    height: f64,
    heard: u32,
}

impl<P: Copy + Ord> Position<P> {
    /// Somewhere, so that two newcomers do not sit on each other.
    pub fn new(random: &mut Random) -> Self {
        let mut at = [0.0; PARAMETERS];
        at[..DIMENSIONS].fill_with(|| START_SPREAD * random.normal());
        at[HEIGHT] = libm::log(START_HEIGHT);
        Self {
            at,
            mean: [0.0; PARAMETERS],
            square: [0.0; PARAMETERS],
            mean_left: 1.0,
            square_left: 1.0,
            steps: 0,
            error: 1.0,
            references: Vec::new(),
        }
    }

    /// Takes up a coordinate from an earlier session: near the truth already, so the steps are small.
    pub fn resume(coordinate: &Coordinate, random: &mut Random) -> Self {
        let mut position = Self::new(random);
        for (mine, ms) in position.at.iter_mut().zip(coordinate.position_ms()) {
            *mine = ms / UNIT_MS;
        }
        position.at[HEIGHT] = libm::log(coordinate.height_ms() / UNIT_MS);
        position.error = coordinate.error();
        position.steps = SETTLING_STEPS / 2;
        position
    }

    /// What we tell others.
    pub fn coordinate(&self) -> Coordinate {
        let mut ms = [0.0; DIMENSIONS];
        for (to, from) in ms.iter_mut().zip(&self.at) {
            *to = from * UNIT_MS;
        }
        Coordinate::from_ms(ms, libm::exp(self.at[HEIGHT]) * UNIT_MS, self.error)
    }

    /// How many peers hold us in place.
    pub fn references(&self) -> usize {
        self.references.len()
    }

    /// One exchange: `rtt` is the typical round trip to `peer`, `theirs` what it says of itself.
    ///
    /// A round trip of zero says nothing and moves nothing.
    pub fn on_exchange(&mut self, peer: P, rtt: Rtt, theirs: &Coordinate) {
        self.note(peer, rtt, theirs);
        if rtt.as_micros() > 0 {
            self.step();
        }
    }

    /// As [`Self::on_exchange`], without moving: for an exchange the other end started.
    pub fn note(&mut self, peer: P, rtt: Rtt, theirs: &Coordinate) {
        let ms = rtt.as_millis_f64();
        if ms <= 0.0 {
            return;
        }
        self.keep(Reference {
            peer,
            ln_rtt: libm::log(ms / UNIT_MS),
            position: theirs.position_ms().map(|ms| ms / UNIT_MS),
            height: theirs.height_ms() / UNIT_MS,
            heard: self.steps,
        });
    }

    /// Forgets a peer that turned out to lie, or left for good.
    pub fn forget(&mut self, peer: P) {
        self.references.retain(|reference| reference.peer != peer);
    }

    /// How far our measurement of `peer` is from what its claim predicts, as |ln ratio|.
    pub fn disagreement(&self, peer: P) -> Option<f64> {
        let reference = self.references.iter().find(|reference| reference.peer == peer)?;
        let (ln_predicted, _) = self.predicted(reference, libm::exp(self.at[HEIGHT]));
        Some((ln_predicted - reference.ln_rtt).abs())
    }

    /// The oldest reference makes room: it is the likeliest to be gone.
    fn keep(&mut self, reference: Reference<P>) {
        if let Some(known) = self.references.iter_mut().find(|known| known.peer == reference.peer) {
            *known = reference;
        } else if self.references.len() < REFERENCES_MAX {
            self.references.push(reference);
        } else if let Some(oldest) = self.references.iter_mut().min_by_key(|known| known.heard) {
            *oldest = reference;
        }
    }

    fn step(&mut self) {
        let height = libm::exp(self.at[HEIGHT]);
        let settled = self.steps >= SETTLING_STEPS / 2;
        let mut gradient = [0.0; PARAMETERS];
        let mut residuals = 0.0;
        for reference in &self.references {
            let (ln_predicted, plane) = self.predicted(reference, height);
            let residual = ln_predicted - reference.ln_rtt;
            residuals += residual.abs().min(1.0);
            let pull = if settled {
                residual / (1.0 + residual * residual / (CAUCHY_WIDTH * CAUCHY_WIDTH))
            } else {
                residual.clamp(-HUBER_WIDTH, HUBER_WIDTH)
            };
            let pull = pull / (plane + height + reference.height);
            for (d, theirs) in reference.position.iter().enumerate() {
                gradient[d] += pull / plane * (self.at[d] - theirs);
            }
            gradient[HEIGHT] += pull * height;
        }
        let typical = residuals / self.references.len().max(1) as f64;
        self.error += (typical - self.error) / 16.0;
        self.descend(&gradient);
    }

    fn descend(&mut self, gradient: &[f64; PARAMETERS]) {
        let progress = f64::from(self.steps.min(SETTLING_STEPS)) / f64::from(SETTLING_STEPS);
        let step = STEP_FIRST * (1.0 - progress) + STEP_LAST;
        self.steps = self.steps.saturating_add(1);
        self.mean_left *= MEAN_DECAY;
        self.square_left *= SQUARE_DECAY;
        for (d, slope) in gradient.iter().enumerate() {
            self.mean[d] = MEAN_DECAY * self.mean[d] + (1.0 - MEAN_DECAY) * slope;
            self.square[d] = SQUARE_DECAY * self.square[d] + (1.0 - SQUARE_DECAY) * slope * slope;
            let mean = self.mean[d] / (1.0 - self.mean_left);
            let square = self.square[d] / (1.0 - self.square_left);
            self.at[d] -= step * mean / (square.sqrt() + 1e-8);
        }
    }

    /// The logarithm of the predicted round trip, and the part of it that is not height.
    fn predicted(&self, reference: &Reference<P>, height: f64) -> (f64, f64) {
        let mut squares = SOFTENING;
        for (mine, theirs) in self.at.iter().zip(&reference.position) {
            squares += (mine - theirs) * (mine - theirs);
        }
        let plane = squares.sqrt();
        (libm::log(plane + height + reference.height), plane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Peers on a line, 20 ms apart, every one 1 ms high.
    fn truth(a: usize, b: usize) -> f64 {
        20.0 * (a as f64 - b as f64).abs() + 2.0
    }

    /// Everybody but the last measures every other peer; the last two never meet.
    fn network(peers: usize, rounds: usize, lie: impl Fn(usize, Coordinate) -> Coordinate) -> Vec<Position<usize>> {
        let mut random = Random::new(5);
        let mut network: Vec<Position<usize>> = (0..peers).map(|_| Position::new(&mut random)).collect();
        for _ in 0..rounds {
            for a in 0..peers {
                let b = random.below(peers);
                if a != b && a.abs_diff(b) + 1 != peers {
                    let (mine, theirs) = (lie(a, network[a].coordinate()), lie(b, network[b].coordinate()));
                    let rtt = Rtt::from_micros((truth(a, b) * 1e3) as u64);
                    network[a].on_exchange(b, rtt, &theirs);
                    network[b].on_exchange(a, rtt, &mine);
                }
            }
        }
        network
    }

    #[test]
    fn ends_that_never_met_know_their_distance() {
        let network = network(10, 1_500, |_, coordinate| coordinate);
        let predicted = network[0].coordinate().distance_ms(&network[9].coordinate());
        assert!((predicted - truth(0, 9)).abs() < 0.05 * truth(0, 9), "{predicted}");
        assert!(network[0].coordinate().error() < 0.1);
    }

    #[test]
    fn a_liar_spoils_its_own_position_only() {
        let far = Coordinate::new([9_000_000; DIMENSIONS], 5_000_000, 0).unwrap();
        let network = network(10, 1_500, |peer, coordinate| if peer == 4 { far } else { coordinate });
        let predicted = network[0].coordinate().distance_ms(&network[9].coordinate());
        assert!((predicted - truth(0, 9)).abs() < 0.05 * truth(0, 9), "{predicted}");
        assert!(network[0].disagreement(4) > Some(2.0));
    }

    #[test]
    fn zero_moves_nothing_and_references_are_bounded() {
        let mut position = Position::new(&mut Random::new(0));
        let there = Coordinate::new([0; DIMENSIONS], 1_000, 0).unwrap();
        let before = position.coordinate();
        position.on_exchange(0, Rtt::from_micros(0), &there);
        assert_eq!(position.coordinate(), before);
        for peer in 0..1_000 {
            position.on_exchange(peer, Rtt::from_micros(1 + peer), &there);
        }
        assert_eq!(position.references(), REFERENCES_MAX);
    }

    #[test]
    fn a_resumed_position_is_where_it_was() {
        let network = network(10, 1_500, |_, coordinate| coordinate);
        let before = network[0].coordinate();
        let after = Position::<usize>::resume(&before, &mut Random::new(1)).coordinate();
        assert!(before.distance_ms(&after) < before.height_ms() * 2.0 + 0.05);
    }
}
