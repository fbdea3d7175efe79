//! Choosing whom to ask, one source or a race, against every rule we could think of.
//!
//! As the reference script: the choice for slice t uses values up to t - 1. Policies of the first group see a ping
//! of every candidate in every slice; those of the second (`own_`) see only what they asked for. A request is 256 KiB
//! at 10 Mbit/s: a loser starts to send when the request reaches it and stops when the cancel does, so it sends for
//! as long as the winner's round trip.

use crate::arguments::Arguments;
use crate::environments::{self, Environment};
use crate::lines::{Line, mean, quantile};
use crate::policies::{self, Policy};

const REQUEST_BYTES: f64 = 262_144.0;
const BYTES_PER_MS: f64 = 1_250.0;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let environments = environments::from_planes(arguments)?;
    let seed = arguments.number("seed", 0)?;
    let only = arguments.optional::<String>("policy")?;
    for (name, build) in policies::ALL {
        if only.as_deref().is_none_or(|only| only == name) {
            let mut score = Score::default();
            for (number, environment) in environments.iter().enumerate() {
                score.play(environment, &mut *build(environment, seed + number as u64));
            }
            score.line(name).print()?;
        }
    }
    Ok(())
}

/// What a policy reached over all environments.
#[derive(Default)]
struct Score {
    took_ms: Vec<f64>,
    best_ms: Vec<f64>,
    raced: usize,
    wasted_bytes: f64,
}

impl Score {
    fn play(&mut self, environment: &Environment, policy: &mut dyn Policy) {
        policy.see(0, &environment.slices[0]);
        for (at, slice) in environment.slices.iter().enumerate().skip(1) {
            let asked = policy.choose(at);
            let took = asked.iter().map(|source| slice[*source]).fold(f64::INFINITY, f64::min);
            self.took_ms.push(took);
            self.best_ms.push(slice.iter().copied().fold(f64::INFINITY, f64::min));
            self.raced += usize::from(asked.len() > 1);
            self.wasted_bytes += (asked.len() - 1) as f64 * (took * BYTES_PER_MS).min(REQUEST_BYTES);
            policy.see(at, slice);
        }
    }

    fn line(mut self, policy: &str) -> Line {
        let (requests, took) = (self.took_ms.len() as f64, mean(&self.took_ms));
        Line::default()
            .text("policy", policy)
            .number("mean_ms", took)
            .number("p90_ms", quantile(&mut self.took_ms, 0.9))
            .number("regret_pct", 100.0 * (took / mean(&self.best_ms) - 1.0))
            .number("race_share_pct", 100.0 * self.raced as f64 / requests)
            .number("duplicate_pct", 100.0 * self.wasted_bytes / (requests * REQUEST_BYTES))
    }
}
