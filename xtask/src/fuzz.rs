//! `cargo xtask fuzz`: every target in `tests/fuzz`, each for a while; not part of `cargo xtask test`.

use crate::workspace::{Workspace, cargo};
use crate::{step, system};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::process::{Command, ExitCode};

/// What `fuzz` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One target; all of them without
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes until the time is over or an input breaks something.
pub(crate) fn fuzz(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let folder = workspace.root.join("tests/fuzz");
    if system::answer("rustup", &["run", "nightly", "rustc", "--version"]).is_none() {
        bail!("fuzzing needs a nightly compiler beside the stable one: rustup toolchain install nightly");
    }
    if system::which("cargo-fuzz").is_none() {
        let mut install = Command::new(cargo());
        install
            .args(["install", "--locked", "--debug", "cargo-fuzz"])
            .current_dir(std::env::temp_dir())
            .env_remove("CARGO_TARGET_DIR");
        step::run(workspace, "installing cargo-fuzz (it drives libFuzzer)", &mut install)?;
    }
    let mut targets = names(&folder)?;
    if let Some(wanted) = &options.target {
        if !targets.contains(wanted) {
            bail!("no fuzz target is called {wanted}; there are: {}", targets.join(", "));
        }
        targets.retain(|name| name == wanted);
    }
    for target in &targets {
        eprintln!("\n== fuzzing {target} for {} s", options.seconds);
        let status = Command::new("rustup")
            .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir"])
            .arg(&folder)
            .args([target.as_str(), "--", &format!("-max_total_time={}", options.seconds)])
            .current_dir(&folder)
            .env_remove("CARGO")
            .status()
            .context("rustup could not be started")?;
        if !status.success() {
            bail!("{target} found an input that breaks it; it is kept in tests/fuzz/artifacts/{target}");
        }
    }
    println!("{} targets, {} s each, nothing found", targets.len(), options.seconds);
    Ok(ExitCode::SUCCESS)
}

fn names(folder: &std::path::Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("fuzz_targets")).context("tests/fuzz/fuzz_targets cannot be listed")? {
        names.extend(entry?.path().file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
