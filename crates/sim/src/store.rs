//! A peer's files and its store, imagined; the bytes are real.

use bytes::{Bytes, BytesMut};
use content::layout::group_len;
use content::{GroupRange, Root};
use std::collections::BTreeMap;

/// What one peer has on its disk.
#[derive(Debug, Default)]
pub(crate) struct Store {
    files: BTreeMap<Root, Bytes>,
    groups: BTreeMap<Root, Stored>,
}

#[derive(Debug)]
struct Stored {
    length: u64,
    groups: BTreeMap<u32, Bytes>,
}

impl Store {
    /// The person's own file.
    pub(crate) fn add_file(&mut self, root: Root, bytes: Bytes) {
        self.files.insert(root, bytes);
    }

    pub(crate) fn reserve(&mut self, root: Root, length: u64) {
        self.groups.entry(root).or_insert_with(|| Stored { length, groups: BTreeMap::new() });
    }

    /// Keeps `bytes`, cut into groups. False if nothing was reserved.
    pub(crate) fn put(&mut self, root: Root, range: GroupRange, mut bytes: Bytes) -> bool {
        let Some(stored) = self.groups.get_mut(&root) else { return false };
        for group in range.iter() {
            let len = group_len(group, stored.length) as usize;
            stored.groups.insert(group, bytes.split_to(len.min(bytes.len())));
        }
        true
    }

    /// The bytes of `range`, if all are here.
    pub(crate) fn read(&self, root: Root, range: GroupRange) -> Option<Bytes> {
        if let Some(file) = self.files.get(&root) {
            let bytes = range.byte_range(file.len() as u64);
            return Some(file.slice(bytes.start as usize..bytes.end as usize));
        }
        let stored = self.groups.get(&root)?;
        let mut bytes = BytesMut::new();
        for group in range.iter() {
            bytes.extend_from_slice(stored.groups.get(&group)?);
        }
        Some(bytes.freeze())
    }

    pub(crate) fn forget(&mut self, root: Root) {
        self.files.remove(&root);
        self.groups.remove(&root);
    }

    /// Bytes kept of a fetched content.
    pub(crate) fn stored_len(&self, root: Root) -> u64 {
        self.groups.get(&root).map_or(0, |stored| stored.groups.values().map(|bytes| bytes.len() as u64).sum())
    }

    /// All of a fetched content, if all of it is here.
    pub(crate) fn whole(&self, root: Root) -> Option<Bytes> {
        let stored = self.groups.get(&root)?;
        self.read(root, GroupRange::whole(stored.length))
    }
}
