//! Puts the tools in place that a command needs, only when they are missing or of another version.
//!
//! Sources are the ordinary clients: rustup for the target, `cargo install --locked` for Trunk and wasm-bindgen, the
//! npm registry for wasm-opt, apt for Chromium. Trunk's own downloads are never used: it runs offline.

use crate::system::{self, Privilege};
use crate::workspace::{Workspace, cargo};
use crate::{browser, step};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The newest Trunk that our compiler builds; later ones want a later compiler.
const TRUNK_VERSION: &str = "0.21.14";
/// The package of the npm registry that brings `wasm-opt`, pinned so that sizes can be compared.
const BINARYEN: &str = "binaryen@132.0.0";
const WASM: &str = "wasm32-unknown-unknown";

/// Held while a tool is looked for and put in place: the page may be built beside other layers that need the same.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The compiler's half that writes wasm.
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let sysroot = system::answer("rustc", &["--print", "sysroot"])
        .context("rustc is not on the PATH: install Rust with rustup (https://rustup.rs)")?;
    if PathBuf::from(sysroot).join("lib/rustlib").join(WASM).join("lib").is_dir() {
        return Ok(());
    }
    if system::which("rustup").is_none() {
        bail!(
            "the Rust target {WASM} is missing and there is no rustup to add it: install it with your Rust's package manager"
        );
    }
    step::run(
        workspace,
        "adding the wasm target (the page is compiled to it)",
        Command::new("rustup").args(["target", "add", WASM]).current_dir(&workspace.root),
    )
}

/// Trunk, which bundles the page. A debug build of it: three minutes less of compiling, no slower in use.
pub(crate) fn trunk(workspace: &Workspace) -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if system::version("trunk").as_deref() == Some(TRUNK_VERSION) {
        return Ok(());
    }
    let package = format!("trunk@{TRUNK_VERSION}");
    cargo_install(
        workspace,
        &format!("installing trunk {TRUNK_VERSION} (it bundles the page)"),
        &[&package, "--no-default-features", "--features", "rustls"],
    )
}

/// The wasm-bindgen command line, which must be of exactly the version in the lock file.
pub(crate) fn wasm_bindgen(workspace: &Workspace) -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = workspace.locked_version("wasm-bindgen")?;
    let has_runner = system::which("wasm-bindgen-test-runner").is_some();
    if has_runner && system::version("wasm-bindgen").as_deref() == Some(&wanted) {
        return Ok(());
    }
    let package = format!("wasm-bindgen-cli@{wanted}");
    cargo_install(workspace, &format!("installing wasm-bindgen-cli {wanted} (it must match Cargo.lock)"), &[&package])
}

fn cargo_install(workspace: &Workspace, what: &str, arguments: &[&str]) -> Result<()> {
    // Outside the workspace: its config (wasm flags, another target folder) is not for these tools.
    let mut command = Command::new(cargo());
    command.args(["install", "--locked", "--debug", "--force"]).args(arguments);
    command.current_dir(std::env::temp_dir()).env_remove("CARGO_TARGET_DIR");
    // Nobody debugs them, and debug information is a good part of compiling them.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0");
    step::run(workspace, what, &mut command)
}

/// The folder that holds a `wasm-opt`, or `None` with a spoken reason: without npm the page is only larger.
pub(crate) fn wasm_opt(workspace: &Workspace) -> Result<Option<PathBuf>> {
    let prefix = workspace.npm_prefix();
    let folder = prefix.join("node_modules/.bin");
    let stamp = prefix.join("binaryen.stamp");
    if folder.join("wasm-opt").exists() && std::fs::read_to_string(&stamp).is_ok_and(|text| text == BINARYEN) {
        return Ok(Some(folder));
    }
    if system::which("npm").is_none() {
        step::say("npm is not here, so the page is not shrunk by wasm-opt: it works, and is about a fifth larger");
        return Ok(None);
    }
    std::fs::create_dir_all(&prefix).context("the target folder cannot be written")?;
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--no-save", "--prefix"])
        .arg(&prefix)
        .arg(BINARYEN);
    step::run(
        workspace,
        &format!("installing {BINARYEN} from the npm registry (wasm-opt shrinks the page)"),
        &mut command,
    )?;
    std::fs::write(stamp, BINARYEN).context("the target folder cannot be written")?;
    Ok(Some(folder))
}

/// Chromium and its driver, for the tests that need a real browser.
pub(crate) fn chromium(workspace: &Workspace) -> Result<()> {
    let missing = browser::missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" and ");
    if system::which("apt-get").is_none() {
        bail!(
            "the browser tests need {list}: install Chromium and the ChromeDriver of the same version, and put both on the PATH"
        );
    }
    let apt = |arguments: &[&str]| match system::privilege() {
        Privilege::Root => Ok(command("apt-get", arguments)),
        Privilege::Sudo => Ok(command("sudo", &[&["-n", "apt-get"], arguments].concat())),
        Privilege::None => bail!(
            "the browser tests need {list}, and only root may install them: run `sudo apt-get install {}`",
            missing.join(" ")
        ),
    };
    step::run(workspace, "refreshing the package lists", &mut apt(&["update", "-q"])?)?;
    let install = [&["install", "-y", "-q", "--no-install-recommends"], missing.as_slice()].concat();
    step::run(workspace, &format!("installing {list} (the journeys run in a real browser)"), &mut apt(&install)?)
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The packages of a folder with a `package-lock.json`, exactly as locked.
pub(crate) fn npm_packages(workspace: &Workspace, folder: &std::path::Path, why: &str) -> Result<()> {
    let lock = std::fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", folder.display()))?;
    let wanted = blake3::hash(&lock).to_hex().to_string();
    let stamp = folder.join("node_modules/.starling-stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if system::which("npm").is_none() {
        bail!("npm is needed to {why}: install Node.js 20 or later");
    }
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    step::run(workspace, &format!("installing npm packages ({why})"), &mut command)?;
    std::fs::write(stamp, wanted).context("node_modules cannot be written")
}
