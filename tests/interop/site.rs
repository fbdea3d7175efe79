//! The two peers as pages: bundles js-libp2p, compiles the Rust peer to wasm, and lays both beside their pages.

use crate::page::Libp2p;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const WASM: &str = "wasm32-unknown-unknown";

/// The folder to serve, with the pages of these peers in it; each is made once per run.
pub(crate) fn folder(peers: &[Libp2p]) -> Result<PathBuf> {
    static PAGES: OnceLock<Result<(), String>> = OnceLock::new();
    static JS: OnceLock<Result<(), String>> = OnceLock::new();
    static RUST: OnceLock<Result<(), String>> = OnceLock::new();
    let folder = target().join("interop");
    let sources = tests::root().join("tests/interop");
    once(&PAGES, || copy_pages(&sources.join("pages"), &folder))?;
    for peer in peers {
        match peer {
            Libp2p::Js => once(&JS, || bundle_js(&sources.join("js"), &folder))?,
            Libp2p::Rust => once(&RUST, || compile_rust(&folder))?,
        }
    }
    Ok(folder)
}

/// Every test that needs the same thing says why it could not be made.
fn once(done: &OnceLock<Result<(), String>>, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = done.get_or_init(|| make().map_err(|error| format!("{error:?}")));
    done.clone().map_err(anyhow::Error::msg)
}

fn copy_pages(sources: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context("the target folder cannot be written")?;
    for entry in std::fs::read_dir(sources).context("tests/interop/pages cannot be listed")? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name())).context("a page cannot be copied")?;
    }
    Ok(())
}

fn bundle_js(sources: &Path, folder: &Path) -> Result<()> {
    let esbuild = sources.join("node_modules/.bin/esbuild");
    ensure!(esbuild.exists(), "npm packages are missing: run `npm ci` in {}", sources.display());
    run(Command::new(esbuild)
        .args(["peer.js", "--bundle", "--format=esm", "--platform=browser", "--target=es2022", "--log-level=warning"])
        .arg(format!("--outfile={}", folder.join("js.js").display()))
        .current_dir(sources))
}

/// In the profile of the other wasm tests, so that libp2p is compiled once for all of them.
fn compile_rust(folder: &Path) -> Result<()> {
    run(Command::new(env!("CARGO"))
        .args(["build", "--locked", "--package", "interop-peer", "--target", WASM])
        .current_dir(tests::root()))?;
    run(Command::new("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--out-name", "peer", "--out-dir"])
        .arg(folder)
        .arg(target().join(WASM).join("debug/interop_peer.wasm")))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tests::root().join("target"), PathBuf::from)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
