//! Node to node over a loopback socket, in one process: what `node`, `protocol` and `content` cost without a browser.
//!
//! `cargo xtask bench loopback [--sizes 100] [--rounds 3]`. Both ends, and whatever else the machine does, share
//! its cores, so the figure is a floor. Half of the rounds, in turns, keep no books of who owes whom (`credit`), to show what
//! those cost. It is meant for profiling: a tab's ceiling is measured by `transfer`.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::time::Duration;
use tests::{Flock, Pattern};

const MIB: u64 = 1024 * 1024;
const SIZE_MIB: u64 = 64;
const ROUNDS: u64 = 3;

fn main() -> Result<()> {
    let rounds = argument("--rounds", &[ROUNDS])?[0];
    let json = std::env::args().any(|word| word == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut rows = Vec::new();
    if !json {
        print("   MiB   books   hashed MiB/s   fetched MiB/s   first byte ms   processor ms per MiB");
    }
    for mib in argument("--sizes", &[SIZE_MIB])? {
        for row in runtime.block_on(measure(mib, rounds))? {
            if !json {
                print(&row.line());
            }
            rows.push(row);
        }
    }
    if json {
        print(&serde_json::to_string_pretty(&serde_json::json!({ "bench": "loopback", "rounds": rows }))?);
    }
    Ok(())
}

/// One file, from one node to another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    mib: u64,
    /// Both ends kept books of who owes whom.
    books: bool,
    hashed_mib_per_second: f64,
    fetched_mib_per_second: f64,
    first_byte_ms: u64,
    busy_ms_per_mib: f64,
}

impl Row {
    fn line(&self) -> String {
        format!(
            "{:>6}   {:>5}   {:>12.0}   {:>13.0}   {:>13}   {:>20.2}",
            self.mib,
            if self.books { "on" } else { "off" },
            self.hashed_mib_per_second,
            self.fetched_mib_per_second,
            self.first_byte_ms,
            self.busy_ms_per_mib
        )
    }
}

async fn measure(mib: u64, rounds: u64) -> Result<Vec<Row>> {
    let flock = Flock::start().await?;
    let with = |credit: bool| protocol::Config { credit, ..protocol::Config::default() };
    let mut rows = Vec::new();
    for (round, books) in (0..rounds).flat_map(|round| [(2 * round, true), (2 * round + 1, false)]) {
        let (provider, consumer) = (flock.node_within(with(books))?, flock.node_within(with(books))?);
        consumer.until_sees(&provider).await;
        let path = flock.folder().file(&format!("round {round}"), mib * MIB, Pattern(round))?;
        let id = provider.share(&path).await?;
        let hashed = provider.until_done(&id).await;
        let before = processor_time()?;
        consumer.fetch(&id);
        let item = consumer.until_done(&id).await;
        let spent = processor_time()? - before;
        let rate = |ms: Option<u64>| mib as f64 / (ms.unwrap_or(0).max(1) as f64 / 1000.0);
        rows.push(Row {
            mib,
            books,
            hashed_mib_per_second: rate(hashed.took_ms),
            fetched_mib_per_second: rate(item.took_ms),
            first_byte_ms: item.first_byte_ms.unwrap_or(0),
            busy_ms_per_mib: spent.as_secs_f64() * 1000.0 / mib as f64,
        });
    }
    Ok(rows)
}

/// What this process has used of all cores (Linux; a tick is a hundredth of a second there).
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("only Linux says what a process has used")?;
    let (_, fields) = stat.rsplit_once(')').context("a process has a name in parentheses")?;
    let ticks = |place: usize| fields.split_whitespace().nth(place).and_then(|text| text.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("the times stand in fields 14 and 15")?;
    Ok(Duration::from_millis((user + system) * 10))
}

/// Numbers given under a name, or these.
fn argument(name: &str, otherwise: &[u64]) -> Result<Vec<u64>> {
    let given: Vec<String> = std::env::args().collect();
    let Some(at) = given.iter().position(|word| word == name) else { return Ok(otherwise.to_vec()) };
    let value = given.get(at + 1).with_context(|| format!("{name} needs a value"))?;
    let number = |text: &str| match text.parse() {
        Ok(0) | Err(_) => bail!("{name} {value}: {text:?} is not a number above zero"),
        Ok(number) => Ok(number),
    };
    value.split(',').map(number).collect()
}

#[expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
fn print(line: &str) {
    println!("{line}");
}
