//! Builds the page with Trunk, only when something it is made of has changed.
//!
//! Trunk runs `wasm-opt` itself (named by `data-wasm-opt` in `index.html`), before it takes the hashes that go into
//! file names and integrity attributes; we only put a `wasm-opt` on its PATH. Trunk runs offline: what it would
//! download, [`crate::install`] has put there.

use crate::compress::{self, Effort};
use crate::workspace::Workspace;
use crate::{install, sample, step, system};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// What the page is made of.
const INPUTS: [&str; 9] =
    ["index.html", "Trunk.toml", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "src", "www", "crates"];

/// Folders inside the inputs that never reach the page.
const NOT_INPUTS: [&str; 4] = ["crates/relay", "crates/sim", "tests", "benches"];

/// Stands in where npm is missing: Trunk insists on a `wasm-opt` when the page names one.
const COPYING_WASM_OPT: &str = r#"#!/bin/sh
# Copies its input: there is no npm here to install the real one with.
for argument in "$@"; do
    case "$argument" in
        --version) echo "wasm-opt version 0"; exit 0 ;;
        --output=*) output="${argument#--output=}" ;;
        -*) ;;
        *) input="$argument" ;;
    esac
done
exec cp "$input" "$output"
"#;

/// What every browser we serve understands, and rustc emits: as `index.html` tells Trunk.
const WASM_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Leaves a served-ready page in `dist/`.
pub(crate) fn build(workspace: &Workspace, effort: Effort) -> Result<()> {
    install::wasm_target(workspace)?;
    install::trunk(workspace)?;
    install::wasm_bindgen(workspace)?;
    let wasm_opt = install::wasm_opt(workspace)?;
    let stamp = workspace.notes().join("page.stamp");
    let wanted = fingerprint(workspace, wasm_opt.is_some())?;
    let built = workspace.dist().join("index.html").is_file();
    if built && std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        step::say("the page is up to date");
    } else {
        trunk_build(workspace, wasm_opt)?;
        std::fs::create_dir_all(workspace.notes()).context("the target folder cannot be written")?;
        std::fs::write(stamp, wanted).context("the target folder cannot be written")?;
    }
    // Trunk empties the folder it builds into.
    sample::place(workspace)?;
    compress::compress(workspace, effort)
}

/// The little page of `bench hash`, compiled and shrunk as the page is, into the target folder.
pub(crate) fn hash_page(workspace: &Workspace) -> Result<()> {
    install::wasm_target(workspace)?;
    install::wasm_bindgen(workspace)?;
    let build =
        ["build", "--locked", "--package", "hash-page", "--target", "wasm32-unknown-unknown", "--profile", "web"];
    step::run(workspace, "compiling the page that hashes (profile web)", &mut workspace.cargo(&build))?;
    let folder = workspace.target.join("bench-hash");
    let mut bindings = std::process::Command::new("wasm-bindgen");
    bindings.args(["--target", "web", "--no-typescript", "--out-name", "hash", "--out-dir"]).arg(&folder);
    bindings.arg(workspace.target.join("wasm32-unknown-unknown/web/hash_page.wasm"));
    step::run(workspace, "binding it", &mut bindings)?;
    if let Some(tools) = install::wasm_opt(workspace)? {
        let wasm = folder.join("hash_bg.wasm");
        let mut shrink = std::process::Command::new(tools.join("wasm-opt"));
        step::run(workspace, "shrinking it", shrink.arg("-Oz").args(WASM_FEATURES).arg(&wasm).arg("-o").arg(&wasm))?;
    }
    for name in ["index.html", "page.js"] {
        let source = workspace.root.join("benches/hash").join(name);
        std::fs::copy(&source, folder.join(name)).with_context(|| format!("{} cannot be copied", source.display()))?;
    }
    Ok(())
}

fn trunk_build(workspace: &Workspace, wasm_opt: Option<PathBuf>) -> Result<()> {
    let tools = match wasm_opt {
        Some(folder) => folder,
        None => copying_wasm_opt(workspace)?,
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path)))
        .context("the PATH cannot be extended")?;
    let mut command = std::process::Command::new("trunk");
    command
        .args([
            "build",
            "--release",
            "--cargo-profile",
            "web",
            "--locked",
            "--offline",
            "--skip-version-check",
            "--dist",
        ])
        .arg(workspace.dist())
        .current_dir(&workspace.root)
        .env("PATH", path)
        // Trunk reads any value but true and false as a mistake.
        .env_remove("NO_COLOR");
    step::run(workspace, "building the page (trunk, profile web)", &mut command)?;
    if !workspace.dist().join("index.html").is_file() {
        bail!("trunk ended well but left no dist/index.html: is Trunk.toml there?");
    }
    Ok(())
}

fn copying_wasm_opt(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.npm_prefix().join("copying");
    let script = folder.join("wasm-opt");
    std::fs::create_dir_all(&folder).context("the target folder cannot be written")?;
    std::fs::write(&script, COPYING_WASM_OPT).context("the target folder cannot be written")?;
    make_executable(&script)?;
    Ok(folder)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).context("a script cannot be made executable")
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    bail!("npm is needed to build the page on this system: install Node.js 20 or later")
}

/// A hash over every input's name and bytes, and over the tools that read them.
fn fingerprint(workspace: &Workspace, shrunk: bool) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(system::answer("rustc", &["--version"]).unwrap_or_default().as_bytes());
    hasher.update(&[u8::from(shrunk)]);
    for input in INPUTS {
        add(&mut hasher, &workspace.root, &workspace.root.join(input))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn add(hasher: &mut blake3::Hasher, root: &Path, path: &Path) -> Result<()> {
    let name = path.strip_prefix(root).unwrap_or(path);
    if NOT_INPUTS.iter().any(|folder| name.ends_with(folder)) {
        return Ok(());
    }
    if path.is_dir() {
        let mut children = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        children.sort();
        return children.iter().try_for_each(|child| add(hasher, root, child));
    }
    if !path.is_file() {
        return Ok(());
    }
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    for part in [name.to_string_lossy().as_bytes(), &bytes] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Ok(())
}
