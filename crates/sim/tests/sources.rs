//! What several sources are worth, and what a bad one among them costs.
//!
//! Everybody is 20 ms from everybody. One connection carries 4 MiB/s, as a data channel does at that distance; a peer
//! sends 8 MiB/s and receives 20, so that four sources are limited by their connections and not by the model.

use core::time::Duration;
use sim::{Fault, Fetch, NetworkPlan, Report, Scenario, Share, TimedFault, run};

const MIB: u64 = 1024 * 1024;

/// Early enough for everybody to have the content when the fetch that counts begins.
const LATE_MS: u64 = 40_000;

/// `sources` peers have the content; one more fetches it.
fn scenario(sources: usize, bytes: u64) -> Scenario {
    let fetch = |peer, at_ms| Fetch { peer, share: 0, at_ms, done_by_s: None };
    let early = (1..sources).map(|peer| fetch(peer, 3_000));
    Scenario {
        about: String::from("several sources, one consumer"),
        peers: sources + 1,
        relays: 1,
        seconds: 80,
        network: NetworkPlan {
            delay_ms: [10, 10],
            jitter_ms: 0,
            loss_percent: 0,
            uplink_kib: 8 * 1024,
            downlink_kib: 20 * 1024,
            connection_kib: 4 * 1024,
            no_direct_percent: 0,
        },
        start_within_ms: 1_000,
        pass_on: true,
        credits: None,
        poor: Vec::new(),
        share: vec![Share { peer: 0, at_ms: 0, bytes }],
        fetch: early.chain([fetch(sources, LATE_MS)]).collect(),
        fault: Vec::new(),
        expect: sim::Expect::default(),
    }
}

fn faulty(mut scenario: Scenario, at_ms: u64, fault: Fault) -> Scenario {
    scenario.fault.push(TimedFault { at_ms, fault });
    scenario
}

/// How long the last fetch took, by the slower of two seeds, and what all of them wasted.
fn measure(scenario: &Scenario) -> (Duration, u64) {
    let reports: Vec<Report> =
        (1..3).map(|seed| run(scenario, seed, None).unwrap_or_else(|failure| panic!("{failure}"))).collect();
    let mut times: Vec<Duration> = reports
        .iter()
        .map(|report| {
            let last = report.fetches.last().expect("there is a fetch that counts");
            last.done.expect("it is done") - last.began
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], reports.iter().map(|report| report.wasted).sum())
}

#[test]
fn four_sources_are_worth_more_than_two_of_one() {
    let (one, _) = measure(&scenario(1, 8 * MIB));
    let (four, wasted) = measure(&scenario(4, 8 * MIB));
    assert!(four * 2 < one, "{one:?} from one, {four:?} from four");
    assert!(wasted * 100 < 2 * 8 * MIB, "{wasted} bytes wasted in two runs of {}", 8 * MIB);
}

#[test]
fn a_source_that_stalls_costs_little_time_and_few_bytes() {
    let (without, _) = measure(&scenario(3, 8 * MIB));
    let (stalled, wasted) = measure(&faulty(scenario(4, 8 * MIB), LATE_MS - 1_000, Fault::Withhold { peer: 2 }));
    assert!(stalled * 100 < without * 115, "{stalled:?} with a source that says nothing, {without:?} without it");
    let (midway, _) = measure(&faulty(scenario(4, 8 * MIB), LATE_MS + 400, Fault::Withhold { peer: 2 }));
    assert!(midway * 100 < without * 115, "{midway:?} with a source that falls silent, {without:?} without it");
    assert!(wasted * 100 < 2 * 8 * MIB, "{wasted} bytes wasted in two runs of {}", 8 * MIB);
}

#[test]
fn a_source_that_leaves_costs_little_time() {
    let (without, _) = measure(&scenario(3, 8 * MIB));
    let (left, wasted) = measure(&faulty(scenario(4, 8 * MIB), LATE_MS + 400, Fault::CloseTab { peer: 2 }));
    assert!(left * 100 < without * 115, "{left:?} with a source that leaves, {without:?} without it");
    assert!(wasted < MIB, "{wasted} bytes wasted in two runs");
}
