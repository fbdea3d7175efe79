//! Choosing among links that hold their level for hours, with one ping per slice to know the others by.
//!
//! As the RIPE part of the reference script: probes with a median of `--low` to `--high` ms (145 to 205), `--runs` (60)
//! draws of `--candidates` (16) of them, 5,000 slices each. The chosen source is seen, as a request sees it, and one
//! other is pinged. Regret is over slices after the first.

use crate::arguments::Arguments;
use crate::lines::{Line, mean, quantile};
use crate::traces;
use anyhow::ensure;
use latency::{Forecaster, Pingable, Random, Rtt, Series, whom_to_ping};

const SLICES: usize = 5_000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (low, high): (f64, f64) = (arguments.number("low", 145.0)?, arguments.number("high", 205.0)?);
    let runs: usize = arguments.number("runs", 60)?;
    let candidates: usize = arguments.number("candidates", 16)?;
    let mut random = Random::new(arguments.number("seed", 0)?);
    let mut links: Vec<Vec<f64>> = traces::load(&arguments.file)?.into_iter().map(|trace| trace.ms).collect();
    let length = SLICES.min(links.iter().map(Vec::len).max().unwrap_or(0));
    links.retain(|ms| ms.len() >= length && (low..=high).contains(&quantile(&mut ms.clone(), 0.5)));
    ensure!(links.len() >= 2, "{} probes with a median of {low} to {high} ms", links.len());
    ensure!(runs >= 1 && candidates >= 2, "--runs from 1, --candidates from 2");

    let (mut took, mut best, mut pings) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        random.choose(&mut links, candidates);
        let chosen = &links[..candidates.min(links.len())];
        let mut client = Client::new(chosen.len());
        chosen.iter().enumerate().for_each(|(link, ms)| client.see(link, 0, ms[0]));
        for slice in 1..length {
            let source = client.choose();
            took.push(chosen[source][slice]);
            best.push(chosen.iter().map(|ms| ms[slice]).fold(f64::INFINITY, f64::min));
            let pinged = client.ping(slice, source);
            client.see(source, slice, chosen[source][slice]);
            if let Some(pinged) = pinged {
                pings += 1;
                client.see(pinged, slice, chosen[pinged][slice]);
            }
        }
    }
    Line::default()
        .number("regret_pct", 100.0 * (mean(&took) / mean(&best) - 1.0))
        .number("pings_per_slice", f64::from(pings) / took.len() as f64)
        .print()
}

/// What a client remembers of its sources.
struct Client {
    links: Vec<Link>,
}

struct Link {
    series: Series,
    forecaster: Forecaster,
    expected_ms: f64,
    seen_at: usize,
}

impl Client {
    fn new(count: usize) -> Self {
        let link =
            || Link { series: Series::default(), forecaster: Forecaster::new(1), expected_ms: f64::MAX, seen_at: 0 };
        Self { links: (0..count).map(|_| link()).collect() }
    }

    fn see(&mut self, link: usize, slice: usize, ms: f64) {
        let link = &mut self.links[link];
        let Some(rtt) = Rtt::from_millis_f64(ms) else { return };
        link.series.push(rtt);
        link.forecaster.observe(&link.series);
        link.seen_at = slice;
        link.expected_ms = link.forecaster.forecast(&link.series).map_or(f64::MAX, |next| next.rtt.as_millis_f64());
    }

    fn choose(&self) -> usize {
        let expected = |link: &usize| self.links[*link].expected_ms;
        (0..self.links.len()).min_by(|a, b| expected(a).total_cmp(&expected(b))).unwrap_or(0)
    }

    fn ping(&self, slice: usize, chosen: usize) -> Option<usize> {
        let others = self.links.iter().enumerate().filter(|(peer, _)| *peer != chosen);
        whom_to_ping(others.map(|(peer, link)| Pingable {
            peer,
            expected_ms: link.expected_ms,
            age: (slice - link.seen_at) as f64,
        }))
    }
}
