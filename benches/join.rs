//! From navigation to a drop zone, a relay, and the first direct peer: cold profiles, loopback, medians.
//!
//! One tab is on the network already. Every run starts a new browser process with an empty profile, and the times are
//! taken inside the page, from its own navigation.

mod figures;

use anyhow::{Context, Result};
use figures::{machine, median};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Browser, Options, Relay};

const RUNS: u32 = 10;
/// Issue 2, section 7.
const DROP_ZONE_GOAL_MS: f64 = 300.0;
const DIRECT_GOAL_MS: f64 = 1_500.0;
const OBSERVER: &str = include_str!("pages/join.js");

/// What the command line asked for.
#[derive(Clone, Copy, Debug)]
struct Arguments {
    json: bool,
    rounds: u32,
}

impl Arguments {
    /// Reads `--json` and `--rounds N`; what Cargo adds by itself is ignored.
    fn read(rounds: u32) -> Self {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let asked = given.iter().position(|word| word == "--rounds").and_then(|at| given.get(at + 1)?.parse().ok());
        Self { json: given.iter().any(|word| word == "--json"), rounds: asked.unwrap_or(rounds).max(1) }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::read(RUNS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(measure(arguments.rounds))?;
    if arguments.json {
        print(&serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    print(&format!("{:<16} {:>10} {:>10}", "reached", "median ms", "goal ms"));
    for (name, goal) in [("dropZone", Some(DROP_ZONE_GOAL_MS)), ("relay", None), ("direct", Some(DIRECT_GOAL_MS))] {
        let goal = goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.0}"));
        print(&format!("{name:<16} {:>10.0} {goal:>10}", report["median"][name].as_f64().unwrap_or(f64::NAN)));
    }
    Ok(())
}

async fn measure(runs: u32) -> Result<Value> {
    let relay = Relay::start(&[]).await?;
    let first = Browser::start(&Options::default()).await?;
    first.open(&relay.url()).await?.online().await?;
    let mut rows = Vec::new();
    for _ in 0..runs {
        rows.push(one(&relay).await?);
    }
    let of = |name: &str| median(rows.iter().map(|row| row[name].as_f64().unwrap_or(f64::INFINITY)));
    Ok(json!({
        "bench": "join",
        "machine": machine(&first),
        "runs": rows,
        "median": { "dropZone": of("dropZone"), "relay": of("relay"), "direct": of("direct") },
        "goal": { "dropZone": DROP_ZONE_GOAL_MS, "direct": DIRECT_GOAL_MS },
    }))
}

async fn one(relay: &Relay) -> Result<Value> {
    let browser = Browser::start(&Options::default().script(OBSERVER)).await?;
    let tab = browser.open(&format!("{}#/network", relay.url())).await?;
    let all = "(() => { const at = globalThis.__reached; return at.direct !== undefined && at.painted !== undefined && { ...at }; })()";
    let mut reached = tab.wait(all, Duration::from_secs(60)).await?;
    browser.close().await;
    let time = |name: &str| reached[name].as_f64().with_context(|| format!("no time for {name} in {reached}"));
    let ready = time("dropZone")?.max(time("painted")?);
    reached["dropZone"] = json!(ready);
    Ok(reached)
}

#[allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn print(line: &str) {
    println!("{line}");
}
