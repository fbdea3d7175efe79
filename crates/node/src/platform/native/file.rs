//! Files on disk, fetched bytes in memory, hashing on a blocking thread.

use crate::platform::HASH_SLICE;
use bytes::Bytes;
use content::{Outboard, OutboardBuilder};
use futures::future::ready;
use protocol::{Code, ShareToken};
use std::future::Future;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A file, or bytes in memory that act like one.
#[derive(Clone, Debug)]
pub(crate) enum FileHandle {
    Disk { path: Arc<PathBuf>, length: u64 },
    Memory(Bytes),
}

impl FileHandle {
    pub(crate) fn open(path: PathBuf) -> std::io::Result<Self> {
        let length = std::fs::metadata(&path)?.len();
        Ok(Self::Disk { path: Arc::new(path), length })
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Disk { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes of `range`, as they are now; `FileChanged` when they are gone.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let file = self.clone();
        tokio::task::spawn_blocking(move || file.read_blocking(range)).await.unwrap_or(Err(Code::StorageRefused))
    }

    fn read_blocking(&self, range: Range<u64>) -> Result<Bytes, Code> {
        match self {
            Self::Disk { path, .. } => {
                let mut file = std::fs::File::open(&**path).map_err(|_| Code::FileChanged)?;
                file.seek(SeekFrom::Start(range.start)).map_err(|_| Code::FileChanged)?;
                let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(|_| Code::StorageRefused)?];
                file.read_exact(&mut bytes).map_err(|_| Code::FileChanged)?;
                Ok(bytes.into())
            }
            Self::Memory(bytes) if range.end <= bytes.len() as u64 => {
                Ok(bytes.slice(range.start as usize..range.end as usize))
            }
            Self::Memory(_) => Err(Code::StorageRefused),
        }
    }
}

/// One fetched content in memory, growing.
#[derive(Debug)]
pub(crate) struct Parts {
    bytes: Vec<u8>,
    held: u64,
    sealed: Option<Bytes>,
}

impl Parts {
    pub(crate) fn new(length: u64) -> Result<Self, Code> {
        let mut bytes = Vec::new();
        let length = usize::try_from(length).map_err(|_| Code::StorageFull)?;
        bytes.try_reserve_exact(length).map_err(|_| Code::StorageFull)?;
        bytes.resize(length, 0);
        Ok(Self { bytes, held: 0, sealed: None })
    }

    pub(crate) fn put(&mut self, start: u64, bytes: &Bytes) -> Result<(), Code> {
        let start = usize::try_from(start).map_err(|_| Code::StorageRefused)?;
        let place = self.bytes.get_mut(start..start + bytes.len()).ok_or(Code::StorageRefused)?;
        place.copy_from_slice(bytes);
        self.held += bytes.len() as u64;
        self.seal_if_empty()
    }

    pub(crate) fn seal_if_empty(&mut self) -> Result<(), Code> {
        if self.sealed.is_none() && self.held == self.bytes.len() as u64 {
            self.sealed = Some(std::mem::take(&mut self.bytes).into());
        }
        Ok(())
    }

    pub(crate) fn read(&self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Code>> + use<> {
        let range = range.start as usize..range.end as usize;
        ready(match &self.sealed {
            Some(bytes) if range.end <= bytes.len() => Ok(bytes.slice(range)),
            Some(_) => Err(Code::StorageRefused),
            None => self.bytes.get(range).map(Bytes::copy_from_slice).ok_or(Code::StorageRefused),
        })
    }

    pub(crate) fn whole(&self) -> Option<FileHandle> {
        self.sealed.clone().map(FileHandle::Memory)
    }
}

/// Hashes files on a blocking thread.
#[derive(Debug)]
pub(crate) struct Hasher;

impl Hasher {
    pub(crate) fn new(_: Option<String>) -> Self {
        Self
    }

    pub(crate) fn hash<F: FnMut(u64) + Send + 'static>(
        &mut self,
        _: ShareToken,
        file: FileHandle,
        mut progress: F,
    ) -> impl Future<Output = Result<Outboard, Code>> + Send + use<F> {
        let hashing = tokio::task::spawn_blocking(move || {
            let length = file.len();
            let mut builder = OutboardBuilder::new(length);
            let mut at = 0;
            while at < length {
                let end = (at + HASH_SLICE).min(length);
                builder.push(&file.read_blocking(at..end)?);
                at = end;
                progress(at);
            }
            builder.finish().map_err(|_| Code::FileChanged)
        });
        async move { hashing.await.unwrap_or(Err(Code::StorageRefused)) }
    }

    pub(crate) fn cancel(&mut self, _: ShareToken) {}
}
