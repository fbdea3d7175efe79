//! Compressed siblings of the page's files, made ahead so that the relay never compresses anything.
//!
//! `NAME.br` and `NAME.gz` stand beside `NAME`; a sibling that would not be smaller is not written.

use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Kinds of file that shrink; pictures and fonts are compressed already.
const SHRINKING: [&str; 8] = ["wasm", "js", "css", "html", "svg", "json", "webmanifest", "txt"];
/// Brotli's largest ordinary window, 4 MiB: more than any file of ours.
const BROTLI_WINDOW_BITS: u32 = 22;

/// How much time the smallest size is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What people download: the smallest.
    Release,
    /// For tests: nearly as small, many times faster.
    Test,
}

impl Effort {
    fn brotli_quality(self) -> u32 {
        match self {
            Self::Release => 11,
            Self::Test => 9,
        }
    }
}

/// Compresses what is not compressed yet with at least this effort.
pub(crate) fn compress(workspace: &Workspace, effort: Effort) -> Result<()> {
    let stamp = workspace.dist().join(".compressed");
    let wanted = effort.brotli_quality();
    let made: Option<u32> = std::fs::read_to_string(&stamp).ok().and_then(|text| text.trim().parse().ok());
    if made.is_some_and(|quality| quality >= wanted) {
        return Ok(());
    }
    let started = Instant::now();
    for file in files(&workspace.dist())? {
        let bytes = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        write_if_smaller(&sibling(&file, "br"), &brotli(&bytes, wanted)?, bytes.len())?;
        write_if_smaller(&sibling(&file, "gz"), &gzip(&bytes)?, bytes.len())?;
    }
    std::fs::write(stamp, wanted.to_string()).context("dist cannot be written")?;
    step::done(&format!("compressing the page (brotli {wanted} and gzip)"), started);
    Ok(())
}

/// The page's own files that shrink, in a stable order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| SHRINKING.contains(&kind)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn sibling(file: &Path, kind: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(kind);
    PathBuf::from(name)
}

fn write_if_smaller(path: &Path, bytes: &[u8], plain: usize) -> Result<()> {
    if bytes.len() < plain {
        std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Brotli at a quality from 0 to 11.
pub(crate) fn brotli(bytes: &[u8], quality: u32) -> Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, quality, BROTLI_WINDOW_BITS);
    writer.write_all(bytes).context("brotli refused")?;
    Ok(writer.into_inner())
}

/// Gzip at its best.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).context("gzip refused")?;
    writer.finish().context("gzip refused")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn both_forms_give_the_bytes_back() {
        let plain = b"a flock of starlings, ".repeat(500);
        let mut from_brotli = Vec::new();
        brotli::Decompressor::new(&brotli(&plain, 9).unwrap()[..], 4096).read_to_end(&mut from_brotli).unwrap();
        let mut from_gzip = Vec::new();
        flate2::read::GzDecoder::new(&gzip(&plain).unwrap()[..]).read_to_end(&mut from_gzip).unwrap();
        assert_eq!((from_brotli == plain, from_gzip == plain), (true, true));
    }

    #[test]
    fn sibling_keeps_the_whole_name() {
        assert_eq!(sibling(Path::new("dist/app.wasm"), "br"), Path::new("dist/app.wasm.br"));
    }
}
