//! Every policy that competes: ours, the learned rival, and the ones from textbooks.

use crate::environments::{CAP_MS, Environment};
use latency::{Effort, LinUcb, Random, Rtt, Series, Source, Spread, choose, features};

/// Chooses the sources of a slice, then sees what it took.
pub(crate) trait Policy {
    /// Whom to ask in slice `at`; at least one.
    fn choose(&mut self, at: usize) -> Vec<usize>;

    /// What every candidate took in slice `at`, after the choice. A policy that only sees its own requests looks at
    /// nothing else.
    fn see(&mut self, at: usize, took_ms: &[f64]);
}

type Build = fn(&Environment, u64) -> Box<dyn Policy>;

/// By name.
pub(crate) const ALL: [(&str, Build); 18] = [
    ("single", |environment, _| Box::new(Ours::new(environment, Effort { race_max: 1, ..Effort::default() }))),
    ("race2", |environment, _| Box::new(Ours::new(environment, Effort { race_max: 2, ..Effort::default() }))),
    ("race3", |environment, _| Box::new(Ours::new(environment, Effort::default()))),
    ("race2_always", |environment, _| Box::new(Ours::new(environment, Effort { race_max: 2, gain_min: f64::MIN }))),
    ("race3_always", |environment, _| Box::new(Ours::new(environment, Effort { race_max: 3, gain_min: f64::MIN }))),
    ("learned", |environment, _| Box::new(Learned::new(environment))),
    ("last", |environment, _| Box::new(Average::new(environment, 1.0, 1))),
    ("last_race2", |environment, _| Box::new(Average::new(environment, 1.0, 2))),
    ("last_race3", |environment, _| Box::new(Average::new(environment, 1.0, 3))),
    ("ewma8", |environment, _| Box::new(Average::new(environment, 0.125, 1))),
    ("best_fixed_in_hindsight", |environment, _| Box::new(Fixed(environment.best_fixed()))),
    ("random", |environment, seed| Box::new(Own::new(environment, seed, Rule::Random))),
    ("own_greedy", |environment, seed| Box::new(Own::new(environment, seed, Rule::Greedy { explore: 0.0 }))),
    ("own_epsilon", |environment, seed| Box::new(Own::new(environment, seed, Rule::Greedy { explore: 0.05 }))),
    ("own_ucb1", |environment, seed| Box::new(Own::new(environment, seed, Rule::Ucb { discount: 1.0, width: 0.3 }))),
    ("own_ucb_discounted", |environment, seed| {
        Box::new(Own::new(environment, seed, Rule::Ucb { discount: 0.98, width: 0.1 }))
    }),
    ("own_thompson", |environment, seed| Box::new(Own::new(environment, seed, Rule::Thompson))),
    ("own_learned", |environment, _| Box::new(OwnLearned(Learned::new(environment)))),
];

fn rtt(ms: f64) -> Rtt {
    Rtt::from_millis_f64(ms.min(CAP_MS)).unwrap_or(Rtt::from_micros(1))
}

fn lowest(count: usize, score: impl Fn(usize) -> f64) -> usize {
    (0..count).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
}

/// What the crate does.
struct Ours {
    series: Vec<Series>,
    effort: Effort,
}

impl Ours {
    fn new(environment: &Environment, effort: Effort) -> Self {
        Self { series: vec![Series::default(); environment.candidates()], effort }
    }
}

impl Policy for Ours {
    fn choose(&mut self, _: usize) -> Vec<usize> {
        let spreads: Vec<Option<Spread>> = self.series.iter().map(Spread::of).collect();
        let sources: Vec<Source<'_, usize>> = spreads
            .iter()
            .enumerate()
            .filter_map(|(peer, spread)| {
                spread.as_ref().map(|spread| Source { peer, spread, recent: &self.series[peer], work_ms: 0.0 })
            })
            .collect();
        choose(&sources, self.effort).map_or_else(|| vec![0], |choice| choice.peers)
    }

    fn see(&mut self, _: usize, took_ms: &[f64]) {
        for (series, ms) in self.series.iter_mut().zip(took_ms) {
            series.push(rtt(*ms));
        }
    }
}

/// The contextual bandit with the features of pinged candidates; it learns from what it chose.
struct Learned {
    series: Vec<Series>,
    seen_at: Vec<usize>,
    bandit: LinUcb,
    chosen: Option<(usize, latency::Features)>,
}

impl Learned {
    fn new(environment: &Environment) -> Self {
        let count = environment.candidates();
        let series = vec![Series::default(); count];
        Self { series, seen_at: vec![0; count], bandit: LinUcb::new(0.05), chosen: None }
    }

    fn learn(&mut self, took_ms: &[f64]) {
        if let Some((source, features)) = self.chosen.take() {
            self.bandit.learn(&features, took_ms[source]);
        }
    }

    fn keep(&mut self, at: usize, source: usize, ms: f64) {
        self.series[source].push(rtt(ms));
        self.seen_at[source] = at;
    }
}

impl Policy for Learned {
    fn choose(&mut self, at: usize) -> Vec<usize> {
        let contexts: Vec<latency::Features> =
            self.series.iter().zip(&self.seen_at).map(|(series, seen)| features(series, at - seen)).collect();
        let best = lowest(contexts.len(), |source| -self.bandit.promise(&contexts[source]));
        self.chosen = Some((best, contexts[best]));
        vec![best]
    }

    fn see(&mut self, at: usize, took_ms: &[f64]) {
        self.learn(took_ms);
        for (source, ms) in took_ms.iter().enumerate() {
            self.keep(at, source, *ms);
        }
    }
}

/// The same, told only of its own requests.
struct OwnLearned(Learned);

impl Policy for OwnLearned {
    fn choose(&mut self, at: usize) -> Vec<usize> {
        self.0.choose(at)
    }

    fn see(&mut self, at: usize, took_ms: &[f64]) {
        if let Some((source, _)) = self.0.chosen {
            self.0.learn(took_ms);
            self.0.keep(at, source, took_ms[source]);
        }
    }
}

/// The lowest exponential averages; the last sample when `weight` is one.
struct Average {
    averages: Vec<f64>,
    weight: f64,
    race: usize,
}

impl Average {
    fn new(environment: &Environment, weight: f64, race: usize) -> Self {
        Self { averages: vec![f64::NAN; environment.candidates()], weight, race }
    }
}

impl Policy for Average {
    fn choose(&mut self, _: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.averages.len()).collect();
        order.sort_by(|a, b| self.averages[*a].total_cmp(&self.averages[*b]));
        order.truncate(self.race);
        order
    }

    fn see(&mut self, _: usize, took_ms: &[f64]) {
        for (average, ms) in self.averages.iter_mut().zip(took_ms) {
            *average = if average.is_nan() { *ms } else { *average + self.weight * (ms - *average) };
        }
    }
}

/// Always the same.
struct Fixed(usize);

impl Policy for Fixed {
    fn choose(&mut self, _: usize) -> Vec<usize> {
        vec![self.0]
    }

    fn see(&mut self, _: usize, _: &[f64]) {}
}

#[derive(Clone, Copy)]
enum Rule {
    Random,
    /// The lowest average (an eighth of each new value), now and then anybody.
    Greedy {
        explore: f64,
    },
    /// UCB1 on minus the logarithm of the round trip, with forgetting (Garivier and Moulines 2011).
    Ucb {
        discount: f64,
        width: f64,
    },
    /// Gaussian Thompson sampling on the logarithm.
    Thompson,
}

/// A bandit of the textbooks: sees what it asked for. First every candidate once, in random order.
struct Own {
    rule: Rule,
    random: Random,
    untried: Vec<usize>,
    arms: Vec<Arm>,
    chosen: Option<usize>,
}

#[derive(Clone, Copy, Default)]
struct Arm {
    count: f64,
    sum: f64,
    squares: f64,
    average_ms: f64,
}

impl Own {
    fn new(environment: &Environment, seed: u64, rule: Rule) -> Self {
        let count = environment.candidates();
        let mut random = Random::new(seed);
        let mut untried: Vec<usize> = (0..count).collect();
        random.choose(&mut untried, count);
        Self { rule, random, untried, arms: vec![Arm::default(); count], chosen: None }
    }

    fn pick(&mut self) -> usize {
        let count = self.arms.len();
        match self.rule {
            Rule::Random => self.random.below(count),
            Rule::Greedy { explore } if self.random.unit() < explore => self.random.below(count),
            Rule::Greedy { .. } => lowest(count, |arm| self.arms[arm].average_ms),
            Rule::Ucb { width, .. } => {
                let total = libm::log(self.arms.iter().map(|arm| arm.count).sum::<f64>().max(2.0));
                lowest(count, |arm| self.arms[arm].mean() - width * (total / self.arms[arm].count.max(1e-2)).sqrt())
            }
            Rule::Thompson => {
                let drawn: Vec<f64> =
                    self.arms.iter().map(|arm| arm.mean() + arm.error() * self.random.normal()).collect();
                lowest(count, |arm| drawn[arm])
            }
        }
    }
}

impl Arm {
    fn mean(&self) -> f64 {
        self.sum / self.count.max(1e-9)
    }

    fn error(&self) -> f64 {
        let variance = (self.squares / self.count.max(1e-9) - self.mean() * self.mean()).max(0.01);
        (variance / self.count.max(1e-2)).sqrt()
    }
}

impl Policy for Own {
    fn choose(&mut self, _: usize) -> Vec<usize> {
        let source = match (self.rule, self.untried.pop()) {
            (Rule::Random, _) | (_, None) => self.pick(),
            (_, Some(untried)) => untried,
        };
        self.chosen = Some(source);
        vec![source]
    }

    fn see(&mut self, _: usize, took_ms: &[f64]) {
        let Some(chosen) = self.chosen.take() else { return };
        if let Rule::Ucb { discount, .. } = self.rule {
            for arm in &mut self.arms {
                (arm.count, arm.sum, arm.squares) = (arm.count * discount, arm.sum * discount, arm.squares * discount);
            }
        }
        let (ms, ln) = (took_ms[chosen], libm::log(took_ms[chosen]));
        let arm = &mut self.arms[chosen];
        arm.average_ms = if arm.average_ms > 0.0 { arm.average_ms + (ms - arm.average_ms) / 8.0 } else { ms };
        (arm.count, arm.sum, arm.squares) = (arm.count + 1.0, arm.sum + ln, arm.squares + ln * ln);
    }
}
