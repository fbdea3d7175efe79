//! A native node keeps what it fetches in memory: the relay fetches nothing, and tests want nothing to survive them.

use super::FileHandle;
use crate::store::Reserved;
use bytes::Bytes;
use content::{Manifest, Record, Root};
use futures::future::{Ready, ready};
use protocol::Code;
use std::ops::Range;

/// No disk.
#[derive(Debug)]
pub(crate) struct Disk;

impl Disk {
    pub(crate) fn open(_: Option<&str>) -> Self {
        Self
    }

    pub(crate) fn list(&mut self) -> Ready<Vec<Manifest>> {
        ready(Vec::new())
    }

    pub(crate) fn reserve(&mut self, _: &Manifest) -> Ready<Reserved> {
        ready(Reserved::InMemory)
    }

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
}
