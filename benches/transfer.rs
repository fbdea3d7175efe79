//! Tab to tab, against the same machine's ceiling and against others, in one run.
//!
//! Five ways take turns, every time between fresh browser processes: a bare data channel with a flow window granted by the
//! receiver (the ceiling), a bare data channel that sends 16 KiB and waits, Starling, js-libp2p and WebTorrent. Only ratios
//! of medians within a run mean anything. A run whose ceiling does not beat the waiting rule is void: something else was slow.
//!
//! `--sizes`, `--sources`, `--rtt`, `--rounds` and `--against` choose; `docs/benchmarks.md` says how to read it.

mod figures;
#[path = "transfer/machine.rs"]
mod machine;
#[path = "transfer/plan.rs"]
mod plan;
#[path = "transfer/report.rs"]
mod report;
#[path = "transfer/round.rs"]
mod round;
#[path = "transfer/session.rs"]
mod session;
#[path = "transfer/site.rs"]
mod site;
#[path = "transfer/trace.rs"]
mod trace;

use anyhow::{Result, bail};
use plan::{Cell, LONG, Plan};
use report::Measured;
use serde_json::json;
use session::Places;
use std::collections::BTreeMap;
use std::time::Instant;
use trace::Traced;

fn main() -> Result<()> {
    let plan = Plan::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&plan))
}

async fn run(plan: &Plan) -> Result<()> {
    let started = Instant::now();
    let places = Places::start(&site::folder(&plan.ways)?).await?;
    let mut cells = Vec::new();
    for &cell in &plan.cells {
        let measured = measure(&places, plan, cell).await;
        if !plan.json {
            print(&report::table(&measured));
        }
        cells.push(measured);
    }
    eprintln!("tracing the main threads");
    let traced = trace::trace(&places).await?;
    let goals = report::goals(&cells, Some(&traced));
    if plan.json {
        let report = json!({
            "bench": "transfer",
            "machine": traced.machine,
            "cells": cells,
            "mainThread": traced,
            "goals": goals,
        });
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        print(&tasks(&traced));
        print(&report::verdicts(&goals));
        if plan.short {
            print(&format!("This was the short form, {:.0} s; the long one:", started.elapsed().as_secs_f64()));
            print(&format!("  cargo xtask bench transfer {LONG}"));
        }
    }
    let failed: Vec<&str> = cells.iter().flat_map(|cell| &cell.failed).map(String::as_str).collect();
    if !failed.is_empty() {
        bail!("{} rounds failed and are left out:\n{}", failed.len(), failed.join("\n"));
    }
    if cells.iter().any(|cell| cell.void) {
        bail!("void: the ceiling did not beat the stop-and-wait rule in this run");
    }
    Ok(())
}

/// All rounds of one cell. The ways take turns, so that whatever else the machine does meets all of them. A round that
/// fails is told and left out: the others took hours.
async fn measure(places: &Places, plan: &Plan, cell: Cell) -> Measured {
    let mut rounds: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut failed = Vec::new();
    for number in 1..=plan.rounds {
        for &way in &plan.ways {
            let turn = format!("{cell:?}, round {number} of {}: {}", plan.rounds, way.name());
            match round::play(places, way, cell).await {
                Ok(round) => {
                    eprintln!("{turn} {:.1} MiB/s", round.mib_per_second);
                    rounds.entry(way).or_default().push(round);
                }
                Err(error) => {
                    eprintln!("{turn} failed: {error:#}");
                    failed.push(format!("round {number}, {error:#}"));
                }
            }
        }
    }
    Measured::new(cell, rounds, failed)
}

fn tasks(traced: &Traced) -> String {
    let line = |name: &str, of: &trace::Tasks| {
        format!(
            "main thread of the {name}: longest task {:.1} ms of CPU ({:.1} ms as it passed), {} of {} over 50 ms, busy {:.0} %\n",
            of.longest_cpu_ms,
            of.longest_wall_ms,
            of.over_50_cpu_ms,
            of.count,
            of.busy * 100.0
        )
    };
    line("receiver", &traced.receiver) + &line("source", &traced.source)
}

#[allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn print(line: &str) {
    println!("{line}");
}
