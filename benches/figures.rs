//! What benchmarks in browsers need to report: medians, and the machine they ran on.

use serde_json::{Value, json};

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
