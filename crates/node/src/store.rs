//! Where content is: the person's own file, or bytes fetched and verified.
//!
//! Keeps no more than it is told to and checks nothing: bytes reach it verified, and are verified again by
//! whoever encodes them for others.

use crate::platform::{FileHandle, Parts};
use bytes::Bytes;
use content::{GroupRange, Root};
use futures::future::Either;
use protocol::Code;
use std::collections::BTreeMap;

#[derive(Debug)]
struct Item {
    length: u64,
    bytes: Held,
}

#[derive(Debug)]
enum Held {
    File(FileHandle),
    Parts(Parts),
}

/// All contents of this node, by root.
#[derive(Debug, Default)]
pub(crate) struct Store {
    items: BTreeMap<Root, Item>,
}

impl Store {
    /// Prepares to hold `length` bytes. What is held already stays.
    pub(crate) fn reserve(&mut self, root: Root, length: u64) -> Result<(), Code> {
        if self.items.contains_key(&root) {
            return Ok(());
        }
        let mut parts = Parts::new(length)?;
        parts.seal_if_empty()?;
        self.items.insert(root, Item { length, bytes: Held::Parts(parts) });
        Ok(())
    }

    /// The person's own file is this content. It takes the place of fetched bytes.
    pub(crate) fn adopt(&mut self, root: Root, length: u64, file: FileHandle) {
        self.items.insert(root, Item { length, bytes: Held::File(file) });
    }

    pub(crate) fn put(&mut self, root: Root, range: GroupRange, bytes: &Bytes) -> Result<(), Code> {
        match self.items.get_mut(&root) {
            Some(Item { length, bytes: Held::Parts(parts) }) => parts.put(range.byte_range(*length).start, bytes),
            // The file holds every byte already.
            Some(Item { bytes: Held::File(_), .. }) => Ok(()),
            None => Err(Code::StorageRefused),
        }
    }

    pub(crate) fn read(
        &self,
        root: Root,
        range: GroupRange,
    ) -> Result<impl Future<Output = Result<Bytes, Code>> + use<>, Code> {
        let item = self.items.get(&root).ok_or(Code::StorageRefused)?;
        let range = range.byte_range(item.length);
        Ok(match &item.bytes {
            Held::File(file) => {
                let file = file.clone();
                Either::Left(async move { file.read(range).await })
            }
            Held::Parts(parts) => Either::Right(parts.read(range)),
        })
    }

    /// The whole content, if all of it is here.
    pub(crate) fn whole(&self, root: Root) -> Option<FileHandle> {
        match &self.items.get(&root)?.bytes {
            Held::File(file) => Some(file.clone()),
            Held::Parts(parts) => parts.whole(),
        }
    }

    pub(crate) fn remove(&mut self, root: Root) {
        self.items.remove(&root);
    }
}
