//! The pages that are not Starling, laid together in one folder that a relay serves: bare channels, js-libp2p, WebTorrent.

use crate::plan::Way;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const RAW: [(&str, &str); 2] =
    [("index.html", include_str!("../pages/raw.html")), ("raw.js", include_str!("../pages/raw.js"))];

/// The folder to serve.
pub(crate) fn folder(ways: &BTreeSet<Way>) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tests::root().join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).context("the target folder cannot be written")?;
    for (name, text) in RAW {
        std::fs::write(folder.join(name), text)?;
    }
    for way in ways {
        match way {
            Way::Raw | Way::Stop | Way::Starling => {}
            Way::JsLibp2p => bundle(&folder, "libp2p", include_str!("../pages/libp2p.html"))?,
            Way::Webtorrent => bundle(&folder, "webtorrent", include_str!("../pages/webtorrent.html"))?,
        }
    }
    Ok(folder)
}

fn bundle(folder: &Path, name: &str, page: &str) -> Result<()> {
    std::fs::write(folder.join(format!("{name}.html")), page)?;
    let sources = tests::root().join("tests/interop/js");
    let esbuild = sources.join("node_modules/.bin/esbuild");
    ensure!(esbuild.exists(), "npm packages are missing: run `npm ci` in {}", sources.display());
    let output = Command::new(esbuild)
        .arg(format!("bulk-{name}.js"))
        .args(["--bundle", "--format=esm", "--platform=browser", "--target=es2022", "--log-level=warning"])
        .arg(format!("--outfile={}", folder.join(format!("{name}.js")).display()))
        .current_dir(sources)
        .output()
        .context("esbuild cannot be started")?;
    ensure!(output.status.success(), "{name} cannot be bundled: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
