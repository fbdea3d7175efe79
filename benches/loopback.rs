//! Node to node over a loopback socket, in one process: what `node`, `protocol` and `content` cost without a browser.
//!
//! `cargo bench -p tests --bench loopback [-- --mib 100 --rounds 3]`. Both ends, and whatever else the machine does, share
//! its cores, so the figure is a floor. It is meant for profiling: a tab's ceiling is measured by `transfer`.

use anyhow::{Context, Result};
use std::time::Duration;
use tests::{Flock, Pattern};

const MIB: u64 = 1024 * 1024;

fn main() -> Result<()> {
    let (mib, rounds) = (argument("--mib").unwrap_or(64), argument("--rounds").unwrap_or(3));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(mib, rounds))
}

async fn measure(mib: u64, rounds: u64) -> Result<()> {
    let flock = Flock::start().await?;
    let provider = flock.node()?;
    print("   MiB   hashed MiB/s   fetched MiB/s   first byte ms   processor ms per MiB");
    for round in 0..rounds {
        let consumer = flock.node()?;
        consumer.until_sees(&provider).await;
        let path = flock.folder().file(&format!("round {round}"), mib * MIB, Pattern(round))?;
        let id = provider.share(&path).await?;
        let hashed = provider.until_done(&id).await;
        let before = processor_time()?;
        consumer.fetch(&id);
        let item = consumer.until_done(&id).await;
        let spent = processor_time()? - before;
        let rate = |ms: Option<u64>| mib as f64 / (ms.unwrap_or(0).max(1) as f64 / 1000.0);
        print(&format!(
            "{mib:>6}   {:>12.0}   {:>13.0}   {:>13}   {:>20.2}",
            rate(hashed.took_ms),
            rate(item.took_ms),
            item.first_byte_ms.unwrap_or(0),
            spent.as_secs_f64() * 1000.0 / mib as f64
        ));
    }
    Ok(())
}

/// What this process has used of all cores (Linux; a tick is a hundredth of a second there).
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("only Linux says what a process has used")?;
    let (_, fields) = stat.rsplit_once(')').context("a process has a name in parentheses")?;
    let ticks = |place: usize| fields.split_whitespace().nth(place).and_then(|text| text.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("the times stand in fields 14 and 15")?;
    Ok(Duration::from_millis((user + system) * 10))
}

fn argument(name: &str) -> Option<u64> {
    let given: Vec<String> = std::env::args().collect();
    given.iter().position(|word| word == name).and_then(|at| given.get(at + 1)?.parse().ok())
}

#[expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
fn print(line: &str) {
    println!("{line}");
}
