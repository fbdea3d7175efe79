//! Finding a middle that makes a way shorter.
//!
//! Every node probes `--probes` (32) random peers and finds its coordinate from them. For every pair both ends tell
//! each other what they measured, know their direct round trip, and test the middles chosen from that. The way taken
//! is the shortest of the tested and the direct one; the oracle knows every middle.

use crate::arguments::Arguments;
use crate::lines::{Line, mean};
use crate::matrix::Matrix;
use crate::population::{Population, SETTLING_ROUNDS};
use latency::{Leg, Middle, Rtt, middles_to_test};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let matrix = Matrix::load(arguments)?;
    let n = matrix.nodes;
    let probes = arguments.number("probes", 32)?.clamp(1, (n / 3).max(1));
    let mut population = Population::new(&matrix, probes, 0, arguments.number("seed", 0)?);
    population.settle(SETTLING_ROUNDS);
    let legs = Legs::of(&population);

    let (mut direct, mut chosen, mut oracle, mut tests) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for a in 0..n {
        for (b, ms) in (a + 1..n).filter_map(|b| Some((b, matrix.get(a, b)?))) {
            let Some(straight) = Rtt::from_millis_f64(ms) else { continue };
            let others = || (0..n).filter(|middle| *middle != a && *middle != b);
            let way = |middle: usize| Some(matrix.get(a, middle)? + matrix.get(middle, b)?);
            let middles = others().map(|peer| Middle { peer, near: legs.get(a, peer), far: legs.get(b, peer) });
            let tested = middles_to_test(straight, middles);
            tests += tested.len();
            direct.push(ms);
            chosen.push(tested.into_iter().filter_map(way).fold(ms, f64::min));
            oracle.push(others().filter_map(way).fold(ms, f64::min));
        }
    }
    Line::default()
        .number("direct_mean_ms", mean(&direct))
        .number("chosen_mean_ms", mean(&chosen))
        .number("one_hop_oracle_mean_ms", mean(&oracle))
        .number("tests_per_pair", tests as f64 / direct.len() as f64)
        .print()
}

/// What is known of every pair before anything is tested.
struct Legs {
    nodes: usize,
    legs: Vec<Leg>,
}

impl Legs {
    fn of(population: &Population<'_>) -> Self {
        let coordinates = population.coordinates();
        let nodes = coordinates.len();
        let mut legs = Vec::with_capacity(nodes * nodes);
        for (node, mine) in population.nodes.iter().zip(&coordinates) {
            let leg = |peer: usize| match node.known.get(&peer) {
                Some(rtt) => Leg::Measured(*rtt),
                None => Leg::Predicted(mine.rtt_to(&coordinates[peer])),
            };
            legs.extend((0..nodes).map(leg));
        }
        Self { nodes, legs }
    }

    fn get(&self, from: usize, to: usize) -> Leg {
        self.legs[from * self.nodes + to]
    }
}
