//! A native node keeps what it fetches in memory: the relay fetches nothing, and tests want nothing to survive them.

use super::FileHandle;
use crate::store::{Reserved, Restored};
use bytes::Bytes;
use content::{Manifest, Outboard, Record, Root};
use futures::future::{Ready, ready};
use protocol::{Code, Keeping};
use std::ops::Range;

/// No disk.
#[derive(Debug)]
pub(crate) struct Disk;

impl Disk {
    pub(crate) fn open(_: Option<&str>) -> Self {
        Self
    }

    pub(crate) fn list(&mut self) -> Ready<Vec<(Manifest, bool)>> {
        ready(Vec::new())
    }

    pub(crate) fn reserve(&mut self, _: &Manifest, _: bool) -> Ready<Reserved> {
        ready(Reserved::InMemory)
    }

    pub(crate) fn release(&mut self, _: Root) {}

    pub(crate) fn evict(&mut self, _: Root) -> Ready<bool> {
        ready(false)
    }

    pub(crate) fn mark_used(&self, _: Root) {}

    pub(crate) fn pin(&self, _: Root, _: bool) {}

    pub(crate) fn put(&mut self, _: Root, _: &Record, _: u64, _: &Bytes) -> Ready<Result<(), Code>> {
        ready(Err(Code::StorageRefused))
    }

    pub(crate) fn read(&self, _: Root, _: Range<u64>) -> Ready<Result<Bytes, Code>> {
        ready(Err(Code::StorageRefused))
    }

    pub(crate) fn whole(&self, _: Root) -> Ready<Option<FileHandle>> {
        ready(None)
    }

    pub(crate) fn remove(&mut self, _: Root) {}

    pub(crate) fn keep(&mut self, _: &Manifest, _: &Outboard, _: &FileHandle) -> Ready<Keeping> {
        ready(Keeping::Tab)
    }

    pub(crate) fn restore(&self) -> Ready<Vec<Restored>> {
        ready(Vec::new())
    }

    pub(crate) fn forget(&mut self, _: Root) {}

    pub(crate) fn regain(&self, _: Root) -> Ready<Option<Restored>> {
        ready(None)
    }

    pub(crate) fn anew(&self, _: Root) -> Ready<Option<(FileHandle, String, String)>> {
        ready(None)
    }
}
