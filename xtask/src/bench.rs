//! `cargo xtask bench NAME [--json]`: builds what a benchmark needs and runs it.
//!
//! `size` is arithmetic over `dist/` and lives here; the others live in `benches/`: `hash`, `join` and `transfer` drive real
//! browsers, `loopback` needs none.

use crate::compress::{self, Effort};
use crate::layers::with_browser;
use crate::workspace::Workspace;
use crate::{install, page, step};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::process::{Command, ExitCode};

/// The benchmark's own reading of its words: one place knows them.
#[path = "../../benches/transfer/plan.rs"]
#[allow(dead_code, reason = "here a plan is only checked")]
mod plan;

/// What `bench` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which benchmark
    #[arg(value_enum)]
    name: Name,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// How many rounds or runs, when not the benchmark's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// transfer, loopback: MiB of each file, comma-separated
    #[arg(long, value_name = "MIB")]
    sizes: Option<String>,
    /// transfer: how many sources, comma-separated
    #[arg(long, value_name = "N")]
    sources: Option<String>,
    /// transfer: round trips to add, milliseconds, comma-separated
    #[arg(long, value_name = "MS")]
    rtt: Option<String>,
    /// transfer: raw, js-libp2p, webtorrent, comma-separated; all of them when not given
    #[arg(long, value_name = "WAY")]
    against: Option<String>,
}

impl Options {
    /// What the benchmark itself is told.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self.json.then(|| "--json".to_owned()).into_iter().collect();
        let rounds = self.rounds.map(|rounds| rounds.to_string());
        let given = [
            ("--rounds", &rounds),
            ("--sizes", &self.sizes),
            ("--sources", &self.sources),
            ("--rtt", &self.rtt),
            ("--against", &self.against),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                words.extend([name.to_owned(), value.clone()]);
            }
        }
        words
    }

    /// Refuses what the chosen benchmark would not understand, before anything is built for it.
    fn check(&self) -> Result<()> {
        let chooses = self.sources.is_some() || self.rtt.is_some() || self.against.is_some();
        if chooses && self.name != Name::Transfer {
            bail!("--sources, --rtt and --against are for `bench transfer`");
        }
        if self.sizes.is_some() && !matches!(self.name, Name::Transfer | Name::Loopback) {
            bail!("--sizes is for `bench transfer` and `bench loopback`");
        }
        match self.name {
            Name::Transfer => plan::Plan::parse(self.words().into_iter()).map(drop),
            Name::Size if self.rounds.is_some() => bail!("`bench size` is arithmetic: there are no rounds"),
            Name::Hash | Name::Join | Name::Loopback | Name::Size => Ok(()),
        }
    }
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Verifying groups in a page, against bare BLAKE3
    Hash,
    /// From navigation to drop zone, relay and first direct peer
    Join,
    /// Node to node over a socket, in one process and without a browser
    Loopback,
    /// Raw, gzip and brotli bytes of every shipped file
    Size,
    /// Tab to tab against a raw data channel, js-libp2p and WebTorrent, in one run
    Transfer,
}

/// Runs one benchmark.
pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    options.check()?;
    match options.name {
        Name::Size => {
            page::build(workspace, Effort::Release)?;
            size(workspace, options.json)?;
        }
        Name::Join => {
            page::build(workspace, Effort::Release)?;
            in_browsers(workspace, "join", options)?;
        }
        Name::Transfer => {
            let packages = workspace.root.join("tests/interop/js");
            install::npm_packages(workspace, &packages, "measure js-libp2p and WebTorrent")?;
            page::build(workspace, Effort::Release)?;
            in_browsers(workspace, "transfer", options)?;
        }
        Name::Hash => {
            page::hash_page(workspace)?;
            in_browsers(workspace, "hash", options)?;
        }
        Name::Loopback => perform(compiled(workspace, "loopback", "relay")?, "loopback", options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_browsers(workspace: &Workspace, name: &str, options: &Options) -> Result<()> {
    install::chromium(workspace)?;
    let mut relay = workspace.cargo(&["build", "--locked", "--package", "relay", "--profile", "relay"]);
    step::run(workspace, "building the relay (profile relay)", &mut relay)?;
    // What drives the browsers does none of the work, so it is not optimised.
    let mut command = with_browser(workspace, compiled(workspace, name, "dev")?)?;
    command.env("STARLING_RELAY", workspace.binary("relay", "relay"));
    perform(command, name, options)
}

/// Compiles a benchmark; the command that runs it.
fn compiled(workspace: &Workspace, name: &str, profile: &str) -> Result<Command> {
    let bench = ["bench", "--quiet", "--locked", "--package", "tests", "--profile", profile, "--bench", name];
    step::run(workspace, "compiling the benchmark", workspace.cargo(&bench).arg("--no-run"))?;
    let mut command = workspace.cargo(&bench);
    command.arg("--");
    Ok(command)
}

fn perform(mut command: Command, name: &str, options: &Options) -> Result<()> {
    let status = command.args(options.words()).status().context("cargo could not be started")?;
    if !status.success() {
        bail!("the benchmark {name} failed; its reason stands above");
    }
    Ok(())
}

/// One shipped file.
#[derive(Debug, Serialize)]
struct File {
    name: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

#[derive(Debug, Serialize)]
struct Sizes {
    files: Vec<File>,
    /// All wasm, brotli: the figure with a goal.
    wasm_brotli: usize,
    wasm_brotli_goal: usize,
}

/// All wasm together, brotli: 1.0 MB (issue 2, section 7).
const WASM_BROTLI_GOAL: usize = 1_000_000;

fn size(workspace: &Workspace, json: bool) -> Result<()> {
    let dist = workspace.dist();
    let mut files = Vec::new();
    for path in compress::files(&dist)? {
        let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let name = path.strip_prefix(&dist).unwrap_or(&path).to_string_lossy().into_owned();
        let (gzip, brotli) = (compress::gzip(&bytes)?.len(), compress::brotli(&bytes, 11)?.len());
        files.push(File { name, raw: bytes.len(), gzip, brotli });
    }
    let wasm_brotli = files.iter().filter(|file| file.name.ends_with(".wasm")).map(|file| file.brotli).sum();
    let sizes = Sizes { files, wasm_brotli, wasm_brotli_goal: WASM_BROTLI_GOAL };
    if json {
        println!("{}", serde_json::to_string_pretty(&sizes).context("sizes are plain numbers")?);
        return Ok(());
    }
    println!("{:<48} {:>10} {:>10} {:>10}", "file", "raw", "gzip", "brotli");
    for file in &sizes.files {
        println!("{:<48} {:>10} {:>10} {:>10}", file.name, file.raw, file.gzip, file.brotli);
    }
    println!("\nall wasm, brotli: {wasm_brotli} bytes (goal: at most {WASM_BROTLI_GOAL})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::plan::{Cell, LONG, Plan, Way};
    use anyhow::Result;
    use std::collections::BTreeSet;

    fn parse(line: &str) -> Result<Plan> {
        Plan::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_chosen_is_the_short_form() {
        let plan = parse("--json").unwrap();
        assert!(plan.short && plan.json);
        assert!(plan.cells.iter().all(|cell| cell.mib == 64 && cell.sources == 1));
        assert_eq!(plan.ways.len(), Way::ALL.len());
    }

    #[test]
    fn long_form_is_every_combination() {
        let plan = parse(LONG).unwrap();
        assert_eq!((plan.cells.len(), plan.rounds, plan.short), (24, 5, false));
        assert!(plan.cells.contains(&Cell { mib: 1_024, sources: 4, rtt_ms: 100 }));
    }

    #[test]
    fn starling_and_the_ceiling_are_always_measured() {
        let plan = parse("--against webtorrent").unwrap();
        assert_eq!(plan.ways, BTreeSet::from([Way::Raw, Way::Stop, Way::Starling, Way::Webtorrent]));
    }

    #[test]
    fn wrong_words_are_named() {
        let wrong = [
            ("--sizes 1,many", "\"many\" is not a number"),
            ("--sizes 5000", "5000 is not within 1 to 4096"),
            ("--sources 0", "0 is not within 1 to 8"),
            ("--rtt", "--rtt needs a value"),
            (
                "--against bittorrent",
                "there is no \"bittorrent\", there are raw, stop-and-wait, starling, js-libp2p, webtorrent",
            ),
            ("--speed 1", "--speed is unknown"),
        ];
        for (line, part) in wrong {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
