//! Predicting pairs nobody measured, and finding near neighbours.
//!
//! As the reference script: every node probes `--probes` random peers; errors are over pairs neither end probed.
//! `neighbours_mean_ms` are the 8 nearest by own measurement or prediction after these probes,
//! `neighbours_64_mean_ms` the 8 nearest measured after as many more probes (32 at most), chosen by the predictor.

use crate::arguments::Arguments;
use crate::lines::{Line, mean, quantile};
use crate::matrix::Matrix;
use crate::population::{Population, SETTLING_ROUNDS};
use latency::Random;

const NEIGHBOURS: usize = 8;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let matrix = Matrix::load(arguments)?;
    let n = matrix.nodes;
    let seed = arguments.number("seed", 0)?;
    let probes = arguments.number("probes", 32)?.clamp(1, (n / 3).max(1));
    let liars = arguments.number("liars", 0)?.min(n / 2);

    let mut population = Population::new(&matrix, probes, liars, seed);
    population.settle(SETTLING_ROUNDS);
    let coordinates = population.coordinates();
    let predicted = |a: usize, b: usize| coordinates[a].distance_ms(&coordinates[b]);

    let mut errors = Vec::new();
    for a in liars..n {
        for b in (liars..n).filter(|b| *b != a) {
            let probed = population.nodes[a].probed.contains(&b) || population.nodes[b].probed.contains(&a);
            if let (false, Some(ms)) = (probed, matrix.get(a, b)) {
                errors.push((predicted(a, b) - ms).abs() / ms);
            }
        }
    }
    let near = neighbours_by(&matrix, |me, peer| {
        if population.nodes[me].probed.contains(&peer) { matrix.get(me, peer) } else { Some(predicted(me, peer)) }
    });
    let oracle = neighbours_by(&matrix, |me, peer| matrix.get(me, peer));
    let mut random = Random::new(seed ^ 0x5eed);
    let anybody = neighbours_by(&matrix, |_, _| Some(random.unit()));
    population.survey(probes.min(32));
    let surveyed =
        neighbours_by(
            &matrix,
            |me, peer| {
                if population.nodes[me].probed.contains(&peer) { matrix.get(me, peer) } else { None }
            },
        );

    Line::default()
        .number("median_rel_err", quantile(&mut errors, 0.5))
        .number("p90_rel_err", quantile(&mut errors, 0.9))
        .number("neighbours_mean_ms", near)
        .number("neighbours_64_mean_ms", surveyed)
        .number("random_mean_ms", anybody)
        .number("oracle_mean_ms", oracle)
        .print()
}

/// The mean round trip to the peers with the lowest scores of every node.
fn neighbours_by(matrix: &Matrix, mut score: impl FnMut(usize, usize) -> Option<f64>) -> f64 {
    let mut all = Vec::new();
    for me in 0..matrix.nodes {
        let mut scored: Vec<(f64, usize)> = (0..matrix.nodes)
            .filter(|peer| *peer != me)
            .filter_map(|peer| score(me, peer).map(|score| (score, peer)))
            .collect();
        scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.extend(scored.iter().take(NEIGHBOURS).filter_map(|(_, peer)| matrix.get(me, *peer)));
    }
    mean(&all)
}
