//! Journeys in the simulator: real peers, an imaginary network, and what must hold whatever goes wrong.
//!
//! A failure prints the command that replays it. The golden hashes say that a run is the same run on every
//! machine; `crates/sim/tests/web.rs` says the same of wasm. When behaviour changes on purpose they change with
//! it: run `cargo run -p sim -- crates/sim/scenarios/partition.toml` and take the hash it prints.

use core::time::Duration;
use sim::{Report, Scenario, run};

/// Seeds per scenario: other delays, other choices, the same story.
const SEEDS: u64 = 5;

/// Worlds made up from a seed, with nothing expected but that no invariant breaks.
const WORLDS: u64 = 40;

#[test]
fn ten_tabs_find_each_other() {
    for report in told("join") {
        for first in &report.first_direct {
            let first = first.expect("every tab has a direct neighbour");
            assert!(first < Duration::from_millis(1_500), "first direct neighbour after {first:?}");
        }
    }
}

#[test]
fn a_file_reaches_nine_tabs_that_pass_it_on() {
    for report in told("share") {
        assert_eq!(report.taken, 9 * 1_048_577);
    }
}

#[test]
fn ten_tabs_join_share_and_survive_a_partition() {
    told("partition");
}

#[test]
fn a_transfer_survives_its_relay_and_everybody_is_back_within_five_seconds() {
    told("relay-restarts");
}

#[test]
fn neighbours_introduce_each_other_when_the_relay_is_gone() {
    told("introduced");
}

#[test]
fn a_holder_that_dies_in_mid_chunk_costs_little() {
    told("holder-leaves");
}

#[test]
fn a_lying_provider_is_shunned_and_its_bytes_go_nowhere() {
    told("lying-provider");
}

#[test]
fn a_provider_that_sends_nothing_is_replaced() {
    told("withholding-provider");
}

#[test]
fn fetches_survive_churn() {
    told("churn");
}

#[test]
fn a_crowd_keeps_its_budgets() {
    told("crowd");
}

#[test]
fn tabs_without_a_direct_path_find_another_provider() {
    told("walls");
}

/// Books are looked at after every step of every peer; here is what came of them.
#[test]
fn who_pays_is_served_first_and_who_does_not_is_still_served() {
    for report in told("paying") {
        let took = |peer: usize| {
            let fetch = report.fetches.iter().find(|fetch| fetch.peer == peer).expect("everybody fetches");
            fetch.done.expect("everybody is served in the end") - fetch.began
        };
        let (payers, cheat, poor) = (took(1).max(took(2)), took(4), took(3));
        assert!(payers < cheat && payers < poor, "{payers:?} {cheat:?} {poor:?}");
        let credit = |peer: usize| report.credit[peer].expect("all tabs stay open");
        let (earned, spent) = (credit(0).0, credit(1).1 + credit(2).1);
        // Sixteen mebibytes each, but for what was free before the channels were, and what was lost on the way.
        assert!(credit(1).1 > 14 * 1024 && credit(2).1 > 14 * 1024, "{spent}");
        assert!(earned >= spent && earned <= spent + credit(4).1, "{earned} earned, {spent} spent");
        assert_eq!(credit(3), (0, 0), "no account, no credit");
    }
}

#[test]
fn no_invariant_breaks_in_made_up_worlds() {
    for seed in 0..WORLDS {
        if let Err(failure) = run(&Scenario::random(seed), seed, None) {
            panic!("{failure}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run_and_another_seed_is_another() {
    let scenario = Scenario::random(3);
    let hash = |seed| run(&scenario, seed, None).expect("no invariant breaks").hash;
    assert_eq!(hash(3), hash(3));
    assert_ne!(hash(3), hash(4));
}

#[test]
fn runs_have_their_golden_hashes() {
    for name in ["partition", "churn", "paying"] {
        let file = tests::root().join(format!("tests/vectors/sim/{name}.txt"));
        let golden = std::fs::read_to_string(&file).expect("the golden hash is there");
        let report = run(&scenario(name), 0, Some(&path(name))).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.hash_text(), golden.trim(), "{name} runs otherwise than before");
    }
}

/// Runs a scenario with a few seeds; all that the scenario expects must come true each time.
fn told(name: &str) -> Vec<Report> {
    let scenario = scenario(name);
    (0..SEEDS)
        .map(|seed| run(&scenario, seed, Some(&path(name))).unwrap_or_else(|failure| panic!("{failure}")))
        .collect()
}

fn scenario(name: &str) -> Scenario {
    let text = std::fs::read_to_string(tests::root().join(path(name))).expect("the scenario is there");
    Scenario::parse(&text).expect("the scenario is sound")
}

fn path(name: &str) -> String {
    format!("crates/sim/scenarios/{name}.toml")
}
