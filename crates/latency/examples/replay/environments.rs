//! A client and its candidate sources over time, drawn from a trace as `seattle_envs` of the reference script does.

use crate::arguments::Arguments;
use crate::matrix::{Matrix, load_planes};
use anyhow::ensure;
use latency::Random;

/// A client gives up after two seconds; who does not answer took that long.
pub(crate) const CAP_MS: f64 = 2_000.0;

/// Every node is a client so many times, with other candidates each time.
const SETS: usize = 4;

/// Milliseconds by time slice and candidate.
pub(crate) struct Environment {
    pub(crate) slices: Vec<Vec<f64>>,
}

impl Environment {
    /// How many candidates there are.
    pub(crate) fn candidates(&self) -> usize {
        self.slices[0].len()
    }

    /// The candidate with the lowest mean over all slices: the best that never changes its mind.
    pub(crate) fn best_fixed(&self) -> usize {
        let total = |candidate: usize| self.slices.iter().map(|slice| slice[candidate]).sum::<f64>();
        (0..self.candidates()).min_by(|a, b| total(*a).total_cmp(&total(*b))).unwrap_or(0)
    }
}

/// The environments of a matrix file: every `--every`-th plane is a slice, `--candidates` others are the sources.
pub(crate) fn from_planes(arguments: &Arguments) -> anyhow::Result<Vec<Environment>> {
    let every: usize = arguments.number("every", 1)?;
    let candidates: usize = arguments.number("candidates", 16)?;
    let mut random = Random::new(arguments.number("seed", 0)?);
    ensure!(every >= 1, "--every {every}: at least 1");
    let planes: Vec<Matrix> = load_planes(arguments)?.into_iter().step_by(every).collect();
    ensure!(planes.len() >= 2, "{} planes are no time", planes.len());
    let nodes = planes[0].nodes;
    ensure!((1..nodes).contains(&candidates), "--candidates {candidates}: from 1 to {}", nodes - 1);
    let mut environments = Vec::with_capacity(SETS * nodes);
    for client in (0..SETS * nodes).map(|number| number % nodes) {
        let mut others: Vec<usize> = (0..nodes).filter(|other| *other != client).collect();
        random.choose(&mut others, candidates);
        let took = |plane: &Matrix, source: usize| plane.get(client, source).unwrap_or(CAP_MS).min(CAP_MS);
        let slices =
            planes.iter().map(|plane| others[..candidates].iter().map(|source| took(plane, *source)).collect());
        environments.push(Environment { slices: slices.collect() });
    }
    Ok(environments)
}
