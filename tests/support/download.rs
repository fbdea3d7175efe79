//! Waiting for a file that a browser saves: it appears under another name and is renamed when it is whole.
//!
//! WebDriver has no event for this, so the folder is looked at again and again until a deadline.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The files of a folder.
pub(crate) fn listed(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("the downloads cannot be listed")?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// The first file that was not there before and is whole.
pub(crate) async fn finished(folder: &Path, before: &BTreeSet<PathBuf>, within: Duration) -> Result<PathBuf> {
    let deadline = Instant::now() + within;
    let mut look = tokio::time::interval(LOOK_EVERY);
    while Instant::now() < deadline {
        look.tick().await;
        let now = listed(folder)?;
        let unfinished = |path: &Path| path.extension().is_some_and(|kind| kind == "crdownload") || hidden(path);
        if now.iter().any(|path| unfinished(path)) {
            continue;
        }
        if let Some(path) = now.difference(before).next() {
            return Ok(path.clone());
        }
    }
    bail!("no file was saved within {within:?}; the folder holds {:?}", listed(folder)?)
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
