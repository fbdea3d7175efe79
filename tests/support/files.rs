//! Folders that vanish, and files with bytes that can be made again.

use anyhow::{Context, Result};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of this test alone, removed at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one.
    pub fn new() -> Result<Self> {
        let name = format!("starling-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).context("a temporary folder cannot be made")?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file of `length` bytes and returns its path.
    pub fn file(&self, name: &str, length: u64, pattern: Pattern) -> Result<PathBuf> {
        let path = self.0.join(name);
        let file = std::fs::File::create(&path).with_context(|| format!("{name} cannot be written"))?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let mut left = length;
        for block in pattern.blocks() {
            if left == 0 {
                break;
            }
            let take = left.min(block.len() as u64);
            writer.write_all(&block[..usize::try_from(take).expect("a block is small")])?;
            left -= take;
        }
        writer.flush()?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed (a browser that still writes) is left to the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes that look random and depend only on a seed (xorshift64*).
#[derive(Clone, Copy, Debug)]
pub struct Pattern(pub u64);

impl Pattern {
    fn blocks(self) -> impl Iterator<Item = [u8; 4096]> {
        let mut state = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        std::iter::repeat_with(move || {
            let mut block = [0; 4096];
            for word in block.chunks_exact_mut(8) {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                word.copy_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
            }
            block
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_file() {
        let folder = Folder::new().unwrap();
        let one = std::fs::read(folder.file("one", 10_000, Pattern(7)).unwrap()).unwrap();
        let two = std::fs::read(folder.file("two", 10_000, Pattern(7)).unwrap()).unwrap();
        let other = std::fs::read(folder.file("other", 10_000, Pattern(8)).unwrap()).unwrap();
        assert_eq!((one.len(), one == two, one == other), (10_000, true, false));
    }
}
