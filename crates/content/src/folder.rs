//! A folder as one content: an index of its files, and behind it their bytes, one file after the other.
//!
//! To everything below, a folder is a content like any other: one root, one tree, one bitfield, so two thousand
//! small files cost as many messages as one file of their total length (docs/decisions/0006-folders.md). The
//! root covers the index and the files alike, so neither needs hashes of its own. Files are not aligned: a file
//! taken alone costs at most the rest of one group before it and one behind.
//!
//! The canonical bytes of the index, whose length stands in the manifest. All integers are little-endian:
//!
//! ```text
//! version u8 = 1 | files u32 | per file: length u64, path: u16 length, UTF-8
//! ```
//!
//! Paths are components joined by `/`, in the order of their components, so that a duplicate, or a file where
//! a folder is, is next to what it repeats. A path that ends with `/` is a folder with nothing in it.
//!
//! Refused: paths that climb or start at a root, components that a manifest's name could not be, more files,
//! levels or bytes than the limits say, and lengths that do not add up to the content's. Under which names
//! files are saved is [`crate::names`].

use crate::layout::{GROUP_LEN, LENGTH_MAX};
use crate::manifest::check_name;
use crate::{GroupRange, names};

/// Version of the canonical bytes.
const VERSION: u8 = 1;

/// Bytes before the first file.
const HEAD_LEN: usize = 1 + 4;

/// Bytes of a file besides its path.
const ENTRY_LEN: usize = 8 + 2;

/// Files and empty folders of one folder. The tree of a large source repository fits; a screen that lists them
/// and a disk that takes them still answer.
pub const FILES_MAX: usize = 65_536;

/// Bytes of an index: [`FILES_MAX`] files with paths of a hundred bytes, and what a tab holds in memory at once.
pub const INDEX_LEN_MAX: u32 = 8 * 1024 * 1024;

/// Bytes of a path: what Linux takes.
pub const PATH_LEN_MAX: usize = 4096;

/// Components of a path.
pub const DEPTH_MAX: usize = 64;

/// What a folder holds, and where in its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    entries: Vec<Entry>,
    index_len: u32,
    length: u64,
}

/// One file of a folder, or a folder with nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    path: String,
    offset: u64,
    length: u64,
}

/// Why bytes are not the index of a folder, or files do not make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// They end too early.
    #[error("ends after {found} bytes")]
    Truncated {
        /// Bytes given.
        found: usize,
    },
    /// Bytes follow the last file.
    #[error("{extra} bytes follow the last file")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A version that we do not know.
    #[error("version {found}, expected {VERSION}")]
    Version {
        /// The version it names.
        found: u8,
    },
    /// More files than one folder may have.
    #[error("{found} files, at most {FILES_MAX}")]
    Files {
        /// How many it claims.
        found: u64,
    },
    /// A longer index than one folder may have.
    #[error("an index of {found} bytes, at most {INDEX_LEN_MAX}")]
    IndexLength {
        /// How many it has.
        found: u64,
    },
    /// A path that is too long or too deep, climbs, or has a component that is no name.
    #[error("the path of file {file} is none")]
    Path {
        /// Its place in the index.
        file: u32,
    },
    /// A path that is not behind the one before it: out of order, a duplicate, or a file where a folder is.
    #[error("the path of file {file} is out of order")]
    Order {
        /// Its place in the index.
        file: u32,
    },
    /// An empty folder with a length.
    #[error("folder {file} has bytes of its own")]
    FolderLength {
        /// Its place in the index.
        file: u32,
    },
    /// The files are not as long as the content says.
    #[error("{found} bytes with the index, expected {expected}")]
    Length {
        /// What the manifest says.
        expected: u64,
        /// What the index adds up to.
        found: u64,
    },
}

impl Entry {
    /// Components joined by `/`; with one at the end for a folder with nothing in it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its last component.
    pub fn name(&self) -> &str {
        self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// It is a folder with nothing in it.
    pub fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// Its bytes in the content.
    pub fn byte_range(&self) -> core::ops::Range<u64> {
        self.offset..self.offset + self.length
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// It has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The groups that hold its bytes, and at most two files' neighbours with them.
    pub fn groups(&self) -> GroupRange {
        groups_of(self.byte_range())
    }
}

impl Folder {
    /// The folder of these files, as (path, length), with the place that each has in the index: file `i` of the
    /// index is file `order[i]` of `files`. Paths that an index cannot hold are changed as little as can be.
    pub fn arrange(files: &[(String, u64)]) -> Result<(Self, Vec<usize>), FolderError> {
        if files.len() > FILES_MAX {
            return Err(FolderError::Files { found: files.len() as u64 });
        }
        let cleaned: Vec<String> = files.iter().map(|(path, _)| without_nothings(path)).collect();
        let paths = names::paths_for_an_index(cleaned.iter().map(String::as_str));
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by(|&a, &b| key(&paths[a]).cmp(key(&paths[b])));
        // The same empty folder twice, or one that is not empty after all, says nothing that the rest does not.
        order.dedup_by(|next, kept| paths[*kept].ends_with('/') && paths[*next] == paths[*kept]);
        let mut kept: Vec<usize> = Vec::with_capacity(order.len());
        for at in order {
            if let Some(&last) = kept.last()
                && paths[last].ends_with('/')
                && paths[at].starts_with(&paths[last])
            {
                kept.pop();
            }
            kept.push(at);
        }
        let entries = kept.iter().map(|&at| {
            let path = paths[at].clone();
            let length = if path.ends_with('/') { 0 } else { files[at].1 };
            (path, length)
        });
        Ok((Self::of(entries.collect())?, kept))
    }

    fn of(files: Vec<(String, u64)>) -> Result<Self, FolderError> {
        let index_len: usize = HEAD_LEN + files.iter().map(|(path, _)| ENTRY_LEN + path.len()).sum::<usize>();
        let index_len = u32::try_from(index_len)
            .ok()
            .filter(|&len| len <= INDEX_LEN_MAX)
            .ok_or(FolderError::IndexLength { found: index_len as u64 })?;
        let mut offset = u64::from(index_len);
        let mut entries: Vec<Entry> = Vec::with_capacity(files.len());
        for ((path, length), file) in files.into_iter().zip(0u32..) {
            check_path(&path, file)?;
            if path.ends_with('/') && length > 0 {
                return Err(FolderError::FolderLength { file });
            }
            if entries.last().is_some_and(|before| !is_behind(&path, &before.path)) {
                return Err(FolderError::Order { file });
            }
            entries.push(Entry { path, offset, length });
            offset = offset
                .checked_add(length)
                .filter(|&end| end <= LENGTH_MAX)
                .ok_or(FolderError::Length { expected: LENGTH_MAX, found: offset.saturating_add(length) })?;
        }
        Ok(Self { entries, index_len, length: offset })
    }

    /// The canonical bytes of the index.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.index_len as usize);
        bytes.push(VERSION);
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        for entry in &self.entries {
            bytes.extend_from_slice(&entry.length.to_le_bytes());
            let len = u16::try_from(entry.path.len()).expect("a path is at most 4,096 bytes");
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(entry.path.as_bytes());
        }
        bytes
    }

    /// Reads canonical bytes, and nothing else, of the index of a content of `length` bytes.
    pub fn decode(bytes: &[u8], length: u64) -> Result<Self, FolderError> {
        if bytes.len() > INDEX_LEN_MAX as usize {
            return Err(FolderError::IndexLength { found: bytes.len() as u64 });
        }
        let truncated = FolderError::Truncated { found: bytes.len() };
        let (&[version], rest) = bytes.split_first_chunk().ok_or(truncated)?;
        if version != VERSION {
            return Err(FolderError::Version { found: version });
        }
        let (count, mut rest) = rest.split_first_chunk().ok_or(truncated)?;
        let count = u32::from_le_bytes(*count);
        if count as usize > FILES_MAX {
            return Err(FolderError::Files { found: u64::from(count) });
        }
        // What is not there cannot make us set aside room for it.
        let mut files = Vec::with_capacity((count as usize).min(rest.len() / ENTRY_LEN));
        for file in 0..count {
            let (len, after) = rest.split_first_chunk().ok_or(truncated)?;
            let (path_len, after) = after.split_first_chunk().ok_or(truncated)?;
            let path_len = usize::from(u16::from_le_bytes(*path_len));
            let (path, after) = after.split_at_checked(path_len).ok_or(truncated)?;
            let path = core::str::from_utf8(path).map_err(|_| FolderError::Path { file })?;
            files.push((path.to_owned(), u64::from_le_bytes(*len)));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(FolderError::Trailing { extra: rest.len() });
        }
        let folder = Self::of(files)?;
        if folder.length != length {
            return Err(FolderError::Length { expected: length, found: folder.length });
        }
        Ok(folder)
    }

    /// What it holds, in the order of the paths.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes of its index, which come before all files.
    pub fn index_len(&self) -> u32 {
        self.index_len
    }

    /// Bytes of the whole content, index included.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where each entry is saved ([`names::places`]).
    pub fn places(&self, nfd: names::Nfd) -> Vec<String> {
        names::places(self.entries.iter().map(Entry::path), nfd)
    }
}

/// The groups of an index of `index_len` bytes: what to ask for first.
pub fn index_groups(index_len: u32) -> GroupRange {
    groups_of(0..u64::from(index_len))
}

fn groups_of(bytes: core::ops::Range<u64>) -> GroupRange {
    let group = |offset: u64| u32::try_from(offset / u64::from(GROUP_LEN)).unwrap_or(u32::MAX);
    let first = group(bytes.start);
    if bytes.is_empty() { GroupRange::new(first, 0) } else { GroupRange::new(first, group(bytes.end - 1) - first + 1) }
}

/// `path` without empty components, `.` and `..`, which name no file of the folder.
fn without_nothings(path: &str) -> String {
    let mut kept: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    if kept.is_empty() {
        kept.push("_");
    }
    let slash = if path.ends_with('/') { "/" } else { "" };
    format!("{}{slash}", kept.join("/"))
}

fn key(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.trim_end_matches('/').split('/')
}

/// `next` comes after `before` and is no file inside of it.
fn is_behind(next: &str, before: &str) -> bool {
    let inside = key(next).zip(key(before)).all(|(next, before)| next == before);
    key(next).gt(key(before)) && !inside
}

fn check_path(path: &str, file: u32) -> Result<(), FolderError> {
    let refused = FolderError::Path { file };
    let components = path.strip_suffix('/').unwrap_or(path);
    if path.len() > PATH_LEN_MAX || components.split('/').count() > DEPTH_MAX {
        return Err(refused);
    }
    components.split('/').try_for_each(|component| check_name(component).map_err(|_| refused))
}

#[cfg(test)]
mod tests;
