//! The same seed is the same run in wasm: pointers of another width, another SIMD, the same hash.

#![cfg(target_arch = "wasm32")]

use sim::{Scenario, run};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn partition_has_the_golden_hash() {
    agrees(include_str!("../scenarios/partition.toml"), include_str!("../../../tests/vectors/sim/partition.txt"));
}

#[wasm_bindgen_test]
fn churn_has_the_golden_hash() {
    agrees(include_str!("../scenarios/churn.toml"), include_str!("../../../tests/vectors/sim/churn.txt"));
}

#[wasm_bindgen_test]
fn paying_has_the_golden_hash() {
    agrees(include_str!("../scenarios/paying.toml"), include_str!("../../../tests/vectors/sim/paying.txt"));
}

fn agrees(scenario: &str, golden: &str) {
    let scenario = Scenario::parse(scenario).expect("the scenario is sound");
    let report = run(&scenario, 0, None).expect("no invariant breaks");
    assert_eq!(report.hash_text(), golden.trim());
}
