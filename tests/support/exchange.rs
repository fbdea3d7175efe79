//! One file from one tab to another, saved and compared byte by byte.

use crate::Tab;
use anyhow::{Result, ensure};
use std::path::Path;
use std::time::Duration;

/// How long a browser may take to write a finished item to its downloads.
const SAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Shares `file` in one tab, fetches it in another, saves it there; returns the content id.
pub async fn exchange(provider: &Tab<'_>, consumer: &Tab<'_>, file: &Path, within: Duration) -> Result<String> {
    provider.screen("home").await?;
    let id = provider.share(file).await?;
    consumer.fetch(&id).await?;
    consumer.fetched(&id, within).await?;
    saves(consumer, &id, file).await?;
    Ok(id)
}

/// Saves a finished item: it must have the name and the bytes of `file`.
pub async fn saves(consumer: &Tab<'_>, id: &str, file: &Path) -> Result<()> {
    let saved = consumer.save(id, SAVE_TIMEOUT).await?;
    ensure!(std::fs::read(&saved)? == std::fs::read(file)?, "{} differs from what was shared", saved.display());
    ensure!(plain_name(&saved) == plain_name(file), "{} was saved as {}", file.display(), saved.display());
    Ok(())
}

/// Browsers replace the few characters that a file system somewhere refuses.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().map(|c| if "<>:\"/\\|?*~%".contains(c) { '_' } else { c }).collect()
}
