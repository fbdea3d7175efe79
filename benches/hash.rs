//! Verifying groups of 16 KiB against bare BLAKE3, in one page, in turns.
//!
//! The ratio says what the tree costs; that BLAKE3 itself is fast is checked by asking which instructions it uses. No
//! browser without SIMD is served: every engine has had it since 2023, and the page would not even start there.

mod figures;

use anyhow::{Context, Result, bail, ensure};
use figures::{machine, median};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tests::{Browser, Options, Relay, Tab};

/// Thirty were within a tenth of each other on a busy machine; two runs of this many differed by a hundredth.
const ROUNDS: u64 = 150;
/// 16 MiB: more than the processor's caches hold, as bytes that came from the network are.
const GROUPS: u64 = 1_024;
const GROUP_KIB: u64 = 16;
/// Issue 3: verifying over bare hashing.
const RATIO_GOAL: f64 = 0.9;
const START_TIMEOUT: Duration = Duration::from_secs(20);
const SIMD: &str = "WASM32_SIMD";

#[derive(Debug, Deserialize)]
struct Times {
    verify: Vec<f64>,
    bare: Vec<f64>,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let rounds = words.iter().position(|word| word == "--rounds").and_then(|at| words.get(at + 1)?.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(measure(rounds.unwrap_or(ROUNDS)))?;
    if words.iter().any(|word| word == "--json") {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        let number = |field: &str| report[field].as_f64().unwrap_or(f64::NAN);
        print(&format!("BLAKE3 uses       {}", report["platform"].as_str().unwrap_or_default()));
        print(&format!("bare hash         {:>6.0} MiB/s", number("bareMibPerSecond")));
        print(&format!("verified          {:>6.0} MiB/s", number("verifyMibPerSecond")));
        let verdict = if report["reached"] == true { "reached" } else { "not reached" };
        print(&format!("verified / bare   {:>6.3}         (goal: at least {RATIO_GOAL}) {verdict}", number("ratio")));
    }
    if report["platform"] != SIMD {
        bail!("BLAKE3 does not use simd128 in the page: is `wasm32_simd` on, and `+simd128` in .cargo/config.toml?");
    }
    Ok(())
}

async fn measure(rounds: u64) -> Result<Value> {
    let folder = folder()?;
    let folder = folder.to_str().context("the target folder is not text")?;
    let relay = Relay::start(&["--page", folder, "--sample", "off"]).await?;
    let browser = Browser::start(&Options::default()).await?;
    browser.open(&relay.url()).await?;
    let tab = Tab::of(&browser);
    let ready = tab.wait("window.hashing !== undefined || globalThis.__witness.errors.length > 0", START_TIMEOUT).await;
    tab.behaved().await?;
    ready.context("the page does not start")?;
    let script = format!(
        "const done = arguments[0];
        hashing.run({GROUPS}, {rounds}).then((times) => done({{ times }}), (error) => done({{ error: String(error) }}));"
    );
    let mut answer = browser.client().execute_async(&script, Vec::new()).await?;
    ensure!(answer["error"].is_null(), "in the page: {}", answer["error"]);
    let times: Times = serde_json::from_value(answer["times"].take())?;
    let platform = tab.read("return hashing.platform()").await?;
    let mib = (GROUPS * GROUP_KIB) as f64 / 1_024.0;
    let rate = |times: Vec<f64>| mib / (median(times) / 1_000.0);
    let (verify, bare) = (rate(times.verify), rate(times.bare));
    let ratio = verify / bare;
    let machine = machine(&browser);
    browser.close().await;
    Ok(json!({
        "bench": "hash",
        "machine": machine,
        "platform": platform,
        "rounds": rounds,
        "verifyMibPerSecond": verify,
        "bareMibPerSecond": bare,
        "ratio": ratio,
        "ratioGoal": RATIO_GOAL,
        "reached": ratio >= RATIO_GOAL,
    }))
}

/// Where `cargo xtask bench hash` has put the page.
fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tests::root().join("target"), PathBuf::from);
    let folder = target.join("bench-hash");
    ensure!(
        folder.join("hash_bg.wasm").is_file(),
        "there is no page in {}: run `cargo xtask bench hash`",
        folder.display()
    );
    Ok(folder)
}

#[allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn print(line: &str) {
    println!("{line}");
}
