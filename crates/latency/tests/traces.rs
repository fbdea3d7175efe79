//! The choices on small parts of real traces, in good company and in bad.
//!
//! The bar in bad company is chance: whatever others say or do, choosing must not take 5 % longer than choosing
//! blindly. What the requests themselves took is measured by the client and cannot be faked by anybody else.

use flate2::read::MultiGzDecoder;
use latency::{Effort, Forecaster, Random, Rtt, Series, Source, Spread, choose};
use std::io::Read;

const NODES: usize = 24;
const CANDIDATES: usize = 12;
const CAP_MS: f64 = 2_000.0;

#[test]
fn on_personal_devices_a_race_beats_one_source_and_one_beats_chance() {
    let alone = play(1, |_| Company::Good);
    let race = play(2, |_| Company::Good);
    assert!(alone.chosen_ms < 0.7 * alone.random_ms, "{alone:?}");
    assert!(race.chosen_ms < 0.7 * alone.chosen_ms, "{race:?} {alone:?}");
}

#[test]
fn predictions_that_lie_cost_one_request_each() {
    for race_max in [1, 3] {
        let outcome = play(race_max, |candidate| if candidate % 2 == 0 { Company::Boaster } else { Company::Good });
        assert!(outcome.chosen_ms < 1.05 * outcome.random_ms, "{outcome:?}");
    }
}

#[test]
fn pings_held_back_keep_a_source_out_and_nothing_else() {
    let outcome = play(1, |candidate| if candidate % 3 == 0 { Company::HoldsBack } else { Company::Good });
    assert!(outcome.chosen_ms < 1.05 * outcome.random_ms, "{outcome:?}");
}

#[test]
fn pings_answered_with_nonsense_teach_nothing() {
    let outcome = play(1, |candidate| if candidate % 2 == 0 { Company::Nonsense } else { Company::Good });
    assert!(outcome.chosen_ms < 1.05 * outcome.random_ms, "{outcome:?}");
}

#[test]
fn strangers_that_come_and_go_leave_choices_no_worse_than_chance() {
    for race_max in [1, 3] {
        let outcome = play(race_max, |_| Company::Passing);
        assert!(outcome.chosen_ms < 1.05 * outcome.random_ms, "{outcome:?}");
    }
}

#[test]
fn on_stable_paths_the_interval_holds_and_the_forecast_beats_the_last_sample() {
    let text = String::from_utf8(gunzip("ripe4.csv.gz")).unwrap();
    let (mut errors, mut last_errors, mut held, mut judged) = (0.0, 0.0, 0, 0);
    let (mut probe, mut series, mut forecaster) = ("", Series::default(), Forecaster::new(1));
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[0] != probe {
            (probe, series, forecaster) = (fields[0], Series::default(), Forecaster::new(1));
        }
        let Some(rtt) = fields[2].parse().ok().and_then(Rtt::from_millis_f64) else { continue };
        if let (true, Some(forecast), Some(last)) = (series.len() > 50, forecaster.forecast(&series), series.last()) {
            judged += 1;
            held += usize::from(forecast.low <= rtt && rtt <= forecast.high);
            errors += (forecast.rtt.as_millis_f64() - rtt.as_millis_f64()).abs();
            last_errors += (f64::from(last) / 1e3 - rtt.as_millis_f64()).abs();
        }
        series.push(rtt);
        forecaster.observe(&series);
    }
    let share = f64::from(held as u32) / f64::from(judged);
    assert!((0.86..=0.94).contains(&share), "{share}");
    assert!(errors < 0.95 * last_errors, "{errors} {last_errors}");
}

/// How a candidate behaves.
#[derive(Clone, Copy, PartialEq)]
enum Company {
    /// Answers pings in every slice.
    Good,
    /// Says it is a millisecond away and answers no pings: known by its requests only.
    Boaster,
    /// Answers pings a second late.
    HoldsBack,
    /// Its pings measure zero or no number; known by its requests only.
    Nonsense,
    /// Leaves with a chance of 30 % a minute, and somebody unknown takes its place.
    Passing,
}

#[derive(Debug)]
struct Outcome {
    chosen_ms: f64,
    random_ms: f64,
}

fn play(race_max: usize, company: impl Fn(usize) -> Company) -> Outcome {
    let planes = seattle();
    let mut random = Random::new(11);
    let (mut chosen_ms, mut random_ms, mut requests) = (0.0, 0.0, 0.0);
    for client in (0..NODES).step_by(2) {
        let mut others: Vec<usize> = (0..NODES).filter(|other| *other != client).collect();
        random.choose(&mut others, CANDIDATES);
        let took = |others: &[usize], slice: usize, candidate: usize| {
            f64::from(planes[(slice * NODES + client) * NODES + others[candidate]]).min(CAP_MS)
        };
        let mut known = vec![Series::default(); CANDIDATES];
        for slice in 0..planes.len() / (NODES * NODES) {
            let asked = ask(&known, &company, race_max);
            let ms = asked.iter().map(|candidate| took(&others, slice, *candidate)).fold(f64::INFINITY, f64::min);
            chosen_ms += ms;
            random_ms += took(&others, slice, random.below(CANDIDATES));
            requests += 1.0;
            for (candidate, series) in known.iter_mut().enumerate() {
                let truth = took(&others, slice, candidate);
                let seen = if asked.contains(&candidate) {
                    truth
                } else {
                    match company(candidate) {
                        Company::Good | Company::Passing => truth,
                        Company::Boaster => f64::NAN,
                        Company::HoldsBack => truth + 1_000.0,
                        Company::Nonsense => [0.0, f64::NAN, -1.0, f64::INFINITY][slice % 4],
                    }
                };
                if let Some(rtt) = Rtt::from_millis_f64(seen) {
                    series.push(rtt);
                }
                // A slice is 78 s: 0.7 to the power of 1.3 stay.
                if company(candidate) == Company::Passing && random.unit() > 0.63 {
                    *series = Series::default();
                    others[candidate..].rotate_left(1);
                }
            }
        }
    }
    Outcome { chosen_ms: chosen_ms / requests, random_ms: random_ms / requests }
}

fn ask(known: &[Series], company: &impl Fn(usize) -> Company, race_max: usize) -> Vec<usize> {
    let predicted = |candidate: usize| match company(candidate) {
        Company::Boaster => Spread::predicted(1.0, 0.01),
        _ => Spread::predicted(150.0, 1.0),
    };
    let spreads: Vec<Spread> = known
        .iter()
        .enumerate()
        .map(|(candidate, series)| Spread::of(series).unwrap_or_else(|| predicted(candidate)))
        .collect();
    let sources: Vec<Source<'_, usize>> = spreads
        .iter()
        .zip(known)
        .enumerate()
        .map(|(peer, (spread, recent))| Source { peer, spread, recent, work_ms: 0.0 })
        .collect();
    choose(&sources, Effort { race_max, ..Effort::default() }).expect("there are candidates").peers
}

fn seattle() -> Vec<f32> {
    let bytes = gunzip("seattle24.f32.gz");
    bytes.chunks_exact(4).map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect()
}

fn gunzip(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/data/latency/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut plain = Vec::new();
    MultiGzDecoder::new(&std::fs::read(path).unwrap()[..]).read_to_end(&mut plain).unwrap();
    plain
}
