//! Files on disk, fetched bytes in memory, hashing on a blocking thread.

use crate::platform::HASH_SLICE;
use crate::seal::Seal;
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
    Disk {
        path: Arc<PathBuf>,
        length: u64,
    },
    Memory(Bytes),
    /// Another file, of which only sealed bytes can be read.
    Sealed {
        file: Arc<FileHandle>,
        seal: Arc<Seal>,
    },
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
            Self::Sealed { seal, .. } => seal.len(),
        }
    }

    /// The same file, of which only sealed bytes can be read.
    pub(crate) fn sealed(self, seal: Arc<Seal>) -> Self {
        Self::Sealed { file: Arc::new(self), seal }
    }

    /// The file behind the seal, if there is one.
    pub(crate) fn unsealed(&self) -> Option<Self> {
        match self {
            Self::Sealed { file, .. } => Some(FileHandle::clone(file)),
            Self::Disk { .. } | Self::Memory(_) => None,
        }
    }

    pub(crate) fn seal(&self) -> Option<&Seal> {
        match self {
            Self::Sealed { seal, .. } => Some(seal),
            Self::Disk { .. } | Self::Memory(_) => None,
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
            Self::Sealed { file, seal } => {
                let (groups, plain) = seal.plain(range)?;
                Ok(seal.seal(groups, &file.read_blocking(plain)?))
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Whole, manifest};
    use content::{Cipher, Details, GROUP_LEN, LinkKey, Root};

    fn file(length: usize) -> (Vec<u8>, FileHandle) {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        (bytes.clone(), FileHandle::Memory(bytes.into()))
    }

    #[tokio::test]
    async fn a_sealed_file_reads_as_it_was_hashed_and_opens_as_it_was() {
        for length in [0, 1, 16_367, 16_368, 16_369, 200_000] {
            let (bytes, plain) = file(length);
            let seal = Seal::with_key(LinkKey::new([7; 32]), length as u64).unwrap();
            let sealed = plain.sealed(seal);
            let all = sealed.read(0..sealed.len()).await.unwrap();
            let last = sealed.len() - u64::from(GROUP_LEN);
            assert_eq!(sealed.read(last..sealed.len()).await.unwrap(), all.slice(last as usize..));

            let (manifest, key) = manifest(&sealed, Root([9; 32]), None, "text/plain".into(), "a/bird").unwrap();
            let details = Cipher::new(key.as_ref().unwrap()).details(&manifest).unwrap();
            assert_eq!((details.length, details.name.as_str()), (length as u64, "bird"));

            let fetched = Whole::new(FileHandle::Memory(all), details.clone(), key.clone());
            assert!(fetched.plain().is_none());
            assert_eq!(fetched.read(0..length as u64).await.unwrap(), bytes);
            let (from, to) = (length / 3, length / 2);
            assert_eq!(fetched.read(from as u64..to as u64).await.unwrap(), &bytes[from..to]);

            let own = Whole::new(sealed, details, key);
            assert_eq!(own.plain().unwrap().read(0..length as u64).await.unwrap(), bytes);
        }
    }

    #[tokio::test]
    async fn parts_of_groups_and_changed_groups_are_not_read() {
        let (_, plain) = file(40_000);
        let sealed = plain.sealed(Seal::with_key(LinkKey::new([7; 32]), 40_000).unwrap());
        assert_eq!(sealed.read(1..16_385).await, Err(Code::StorageRefused));
        let mut bytes = sealed.read(0..sealed.len()).await.unwrap().to_vec();
        bytes[20_000] ^= 1;
        let details = Details { length: 40_000, index_len: None, media_type: String::new(), name: "a".into() };
        let damaged = Whole::new(FileHandle::Memory(bytes.into()), details, Some(LinkKey::new([7; 32])));
        assert_eq!(damaged.read(16_368..16_369).await, Err(Code::BadManifest));
        assert!(damaged.read(0..16_368).await.is_ok());
    }
}
