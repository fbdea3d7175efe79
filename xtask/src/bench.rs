//! `cargo xtask bench NAME [--json]`: builds what a benchmark needs and runs it.
//!
//! `size` is arithmetic over `dist/` and lives here; `join` and `transfer` drive real browsers and live in `benches/`.

use crate::compress::{self, Effort};
use crate::layers::with_browser;
use crate::workspace::Workspace;
use crate::{install, page, step};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::process::ExitCode;

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
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// From navigation to drop zone, relay and first direct peer
    Join,
    /// Raw, gzip and brotli bytes of every shipped file
    Size,
    /// Tab to tab against a raw data channel, in one run
    Transfer,
}

/// Runs one benchmark.
pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    page::build(workspace, Effort::Release)?;
    match options.name {
        Name::Size => size(workspace, options.json)?,
        Name::Join => in_browsers(workspace, "join", options)?,
        Name::Transfer => in_browsers(workspace, "transfer", options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_browsers(workspace: &Workspace, name: &str, options: &Options) -> Result<()> {
    install::chromium(workspace)?;
    let mut relay = workspace.cargo(&["build", "--locked", "--package", "relay", "--profile", "relay"]);
    step::run(workspace, "building the relay (profile relay)", &mut relay)?;
    let mut build =
        workspace.cargo(&["bench", "--locked", "--package", "tests", "--profile", "dev", "--no-run", "--bench", name]);
    step::run(workspace, "compiling the benchmark", &mut build)?;
    let mut command = workspace.cargo(&[
        "bench",
        "--quiet",
        "--locked",
        "--package",
        "tests",
        "--profile",
        "dev",
        "--bench",
        name,
        "--",
    ]);
    if options.json {
        command.arg("--json");
    }
    if let Some(rounds) = options.rounds {
        command.arg("--rounds").arg(rounds.to_string());
    }
    let mut command = with_browser(workspace, command)?;
    command.env("STARLING_RELAY", workspace.binary("relay", "relay"));
    let status = command.status().context("cargo could not be started")?;
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
