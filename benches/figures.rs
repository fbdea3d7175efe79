//! What both benchmarks need to report: arguments, medians, and the machine they ran on.

use serde_json::{Value, json};

/// What the command line asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    pub(crate) json: bool,
    pub(crate) rounds: u32,
}

impl Arguments {
    /// Reads `--json` and `--rounds N`; what Cargo adds by itself is ignored.
    pub(crate) fn read(rounds: u32) -> Self {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let asked = given.iter().position(|word| word == "--rounds").and_then(|at| given.get(at + 1)?.parse().ok());
        Self { json: given.iter().any(|word| word == "--json"), rounds: asked.unwrap_or(rounds).max(1) }
    }
}

/// The middle value; the mean of the two middle ones when there is no single one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Where a number came from, so that it is only compared with its like.
pub(crate) fn machine(browser: &tests::Browser) -> Value {
    let version = browser.client().capabilities().and_then(|given| given.get("browserVersion").cloned());
    json!({ "cores": std::thread::available_parallelism().map_or(0, usize::from), "browser": version, "os": std::env::consts::OS })
}
