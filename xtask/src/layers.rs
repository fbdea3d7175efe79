//! `cargo xtask test`: every layer, cheapest first, one summary at the end.
//!
//! The order is chosen for two cores from cold: what fails in seconds comes first, and layers that share compiled
//! crates stand together, so that no crate is built in a profile that only one layer uses.

use crate::compress::Effort;
use crate::workspace::Workspace;
use crate::{browser, install, page, step};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Which layers to run; all of them without an argument.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this layer (may be given several times)
    #[arg(long, value_enum, value_name = "LAYER")]
    only: Vec<Layer>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
}

/// The layers, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// The source is formatted
    Fmt,
    /// Unit, property, simulation and integration tests, natively
    Native,
    /// Clippy, on the native workspace and on the page
    Clippy,
    /// The documentation builds without a warning
    Doc,
    /// Tests compiled to wasm, in Node.js and in Chromium
    Wasm,
    /// The page builds
    Page,
    /// Journeys in real browsers
    Journeys,
    /// The tab-to-tab transport against js-libp2p
    Interop,
}

/// Crates that are compiled for the browser and linted as such.
const WASM_CRATES: [&str; 5] = ["app", "interop-peer", "node", "transport", "websocket"];
/// Tests that need browsers, by the beginning of their names in `tests/Cargo.toml`.
const JOURNEYS: &str = "e2e_*";
/// How long one wasm test binary may take in its browser, seconds.
const WASM_TEST_TIMEOUT: &str = "180";

/// What a layer came to.
#[derive(Debug, Default)]
struct Count {
    passed: u32,
    failed: u32,
    skipped: u32,
}

/// Runs the layers and sums up; fails when any of them did.
pub(crate) fn test(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let started = Instant::now();
    let chosen: Vec<Layer> = Layer::value_variants()
        .iter()
        .copied()
        .filter(|layer| options.only.is_empty() || options.only.contains(layer))
        .collect();
    let (rows, total) = std::thread::scope(|scope| {
        // Compiling the page ends in minutes on one core (link-time optimisation, wasm-opt), so it is built beside the
        // layers before it. Not on a terminal, where two steps would write on one line.
        let beside = chosen.contains(&Layer::Page) && chosen.len() > 1 && !std::io::stderr().is_terminal();
        let mut page = beside.then(|| scope.spawn(|| page::build(workspace, Effort::Test)));
        let mut rows = Vec::new();
        let mut total = Count::default();
        for layer in chosen {
            let name = name(layer);
            eprintln!("\n== {name}");
            let (began, mut count) = (Instant::now(), Count::default());
            let outcome = match page.take_if(|_| layer == Layer::Page) {
                Some(page) => page.join().unwrap_or_else(|_| Err(anyhow!("building the page panicked"))),
                None => perform(workspace, layer, options.filter.as_deref(), &mut count),
            };
            if let Err(error) = &outcome {
                eprintln!("== {name}: {error:#}");
                count.failed = count.failed.max(1);
            } else if count.passed == 0 && options.filter.is_none() {
                // A layer without counted tests (formatting, lints, a build) is one check.
                count.passed = 1;
            }
            total.passed += count.passed;
            total.failed += count.failed;
            total.skipped += count.skipped;
            rows.push((name, outcome.is_ok(), count, began.elapsed()));
        }
        (rows, total)
    });
    summary(&rows, &total, started.elapsed());
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(rows: &[(String, bool, Count, Duration)], total: &Count, time: Duration) {
    println!("\n{:<10} {:<7} {:>7} {:>7}  time", "layer", "result", "passed", "failed");
    for (name, well, count, time) in rows {
        let result = if *well { "ok" } else { "FAILED" };
        println!("{name:<10} {result:<7} {:>7} {:>7}  {}", count.passed, count.failed, step::spoken(*time));
    }
    println!("\nall layers in {}", step::spoken(time));
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
}

fn name(layer: Layer) -> String {
    layer.to_possible_value().expect("no layer is hidden").get_name().to_owned()
}

fn perform(workspace: &Workspace, layer: Layer, filter: Option<&str>, count: &mut Count) -> Result<()> {
    match layer {
        Layer::Fmt => step::run(workspace, "checking the format", &mut workspace.cargo(&["fmt", "--all", "--check"])),
        Layer::Clippy => clippy(workspace),
        Layer::Doc => doc(workspace),
        Layer::Native => native(workspace, filter, count),
        Layer::Wasm => wasm(workspace, filter, count),
        Layer::Page => page::build(workspace, Effort::Test),
        Layer::Journeys => journeys(workspace, filter, count),
        Layer::Interop => interop(workspace, filter, count),
    }
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let native = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step::run(workspace, "linting the workspace", &mut workspace.cargo(&native))?;
    install::wasm_target(workspace)?;
    let mut wasm = workspace.cargo(&["clippy", "--locked", "--target", "wasm32-unknown-unknown"]);
    wasm.args(WASM_CRATES.iter().flat_map(|name| ["--package", *name])).args(["--", "-D", "warnings"]);
    step::run(workspace, "linting the page", &mut wasm)
}

fn doc(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    step::run(workspace, "building the documentation", &mut command)
}

fn native(workspace: &Workspace, filter: Option<&str>, count: &mut Count) -> Result<()> {
    let build = ["test", "--locked", "--workspace", "--no-run"];
    step::run(workspace, "compiling the native tests", &mut workspace.cargo(&build))?;
    let mut command = workspace.cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    command.args(filter);
    counted(&mut command, count)
}

fn wasm(workspace: &Workspace, filter: Option<&str>, count: &mut Count) -> Result<()> {
    install::wasm_target(workspace)?;
    install::wasm_bindgen(workspace)?;
    install::chromium(workspace)?;
    let found = wasm_tests(workspace)?;
    if found.is_empty() {
        bail!("no crate has a wasm test, which cannot be right");
    }
    // By name: the unit tests of these crates need native libraries and run natively.
    let targets: Vec<&str> = found.iter().flat_map(|(name, test)| ["--package", name, "--test", test]).collect();
    let mut build = workspace.cargo(&["test", "--locked", "--target", "wasm32-unknown-unknown", "--no-run"]);
    step::run(workspace, "compiling the wasm tests", build.args(&targets))?;
    let mut command = workspace.cargo(&["test", "--locked", "--target", "wasm32-unknown-unknown", "--no-fail-fast"]);
    command.args(&targets).args(filter);
    command.env("CHROMEDRIVER", browser::chromedriver().context("chromedriver is not on the PATH")?);
    command.env("WASM_BINDGEN_TEST_TIMEOUT", WASM_TEST_TIMEOUT);
    counted(&mut command, count)
}

/// The crates' test targets that name `wasm_bindgen_test`, as crate and target.
fn wasm_tests(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let name = |path: &std::path::Path| path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(workspace.root.join("crates")).context("crates/ cannot be listed")? {
        let folder = entry?.path();
        let Ok(tests) = std::fs::read_dir(folder.join("tests")) else { continue };
        for test in tests {
            let test = test?.path();
            if test.extension().is_some_and(|kind| kind == "rs")
                && (std::fs::read_to_string(&test)?.contains("wasm_bindgen_test")
                    || mentions(&test.with_extension(""))?)
            {
                found.extend(name(&folder).zip(name(&test)));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn mentions(folder: &std::path::Path) -> Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hit = if path.is_dir() {
            mentions(&path)?
        } else {
            path.extension().is_some_and(|kind| kind == "rs")
                && std::fs::read_to_string(&path)?.contains("wasm_bindgen_test")
        };
        if hit {
            return Ok(true);
        }
    }
    Ok(false)
}

fn journeys(workspace: &Workspace, filter: Option<&str>, count: &mut Count) -> Result<()> {
    install::chromium(workspace)?;
    page::build(workspace, Effort::Test)?;
    relay(workspace)?;
    let build = ["test", "--locked", "--workspace", "--no-run", "--test", JOURNEYS];
    step::run(workspace, "compiling the journeys", &mut workspace.cargo(&build))?;
    let mut command = workspace.cargo(&["test", "--locked", "--workspace", "--no-fail-fast", "--test", JOURNEYS, "--"]);
    // One at a time: each drives two or three whole browsers.
    command.arg("--test-threads=1").args(filter);
    counted(&mut with_browser(workspace, command)?, count)
}

/// The relay as the native tests have compiled it: the same profile and features, so nothing is built twice.
fn relay(workspace: &Workspace) -> Result<()> {
    step::run(
        workspace,
        "building the relay (profile dev)",
        &mut workspace.cargo(&["build", "--locked", "--workspace", "--bin", "relay"]),
    )
}

fn interop(workspace: &Workspace, filter: Option<&str>, count: &mut Count) -> Result<()> {
    install::npm_packages(workspace, &workspace.root.join("tests/interop/js"), "talk to js-libp2p")?;
    install::chromium(workspace)?;
    install::wasm_target(workspace)?;
    install::wasm_bindgen(workspace)?;
    relay(workspace)?;
    // The test builds it as well; here one can see how long it takes.
    let peer = ["build", "--locked", "--package", "interop-peer", "--target", "wasm32-unknown-unknown"];
    step::run(workspace, "compiling the Rust peer that talks to js-libp2p", &mut workspace.cargo(&peer))?;
    let mut command =
        workspace.cargo(&["test", "--locked", "--workspace", "--no-fail-fast", "--test", "interop*", "--"]);
    command.arg("--test-threads=1").args(filter);
    counted(&mut with_browser(workspace, command)?, count)
}

/// Tells the tests where the browser, the relay and the page are.
pub(crate) fn with_browser(workspace: &Workspace, mut command: Command) -> Result<Command> {
    command
        .env("CHROMIUM", browser::chromium().context("chromium is not on the PATH")?)
        .env("CHROMEDRIVER", browser::chromedriver().context("chromedriver is not on the PATH")?)
        .env("STARLING_RELAY", workspace.binary("dev", "relay"))
        .env("STARLING_PAGE", workspace.dist());
    Ok(command)
}

/// Runs a test command, passes its output on, and adds up the lines in which Cargo's test runner counts.
fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cargo could not be started")?;
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("the output of the tests broke off")?).into_owned();
        println!("{line}");
        if let Some(more) = parse_result(&line) {
            count.passed += more.passed;
            count.failed += more.failed;
            count.skipped += more.skipped;
        }
    }
    let status = child.wait().context("the tests cannot be waited for")?;
    if !status.success() {
        bail!("tests failed ({status})");
    }
    Ok(())
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
fn parse_result(line: &str) -> Option<Count> {
    let rest = line.trim_start().strip_prefix("test result: ")?;
    let (_, numbers) = rest.split_once(". ")?;
    let number = |word: &str| {
        let part = numbers.split(';').find(|part| part.trim_end().ends_with(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Some(Count { passed: number("passed")?, failed: number("failed")?, skipped: number("ignored").unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let count = parse_result(
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        )
        .unwrap();
        assert_eq!((count.passed, count.failed, count.skipped), (12, 3, 1));
        assert!(parse_result("test journeys::join ... ok").is_none());
    }
}
