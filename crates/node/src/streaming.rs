//! An item as bytes that can be read anywhere in it while it is still being fetched: what plays, shows and saves it.
//!
//! A [`Reader`] waits for bytes that are not here yet, for a bounded time, and never sees one that is not verified:
//! it reads what the store holds. What a browser may be told about an item, and how a request for part of it is
//! answered, is decided in [`request`] and [`media`], in plain values.

pub mod media;
pub mod request;

use crate::handle::Handle;
use crate::platform;
use bytes::Bytes;
use content::{ContentId, GROUP_LEN, Manifest};
use core::time::Duration;
use futures::future::{Either, select};
use protocol::{Code, Command};

/// How long a reader waits for bytes that nobody has sent yet. A player shows "loading" meanwhile; after this it is
/// told, and asks again by itself if somebody still watches.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reads that may wait for bytes at once. A player has one or two; the oldest gives way to a new one.
pub(crate) const READS_WAITING_MAX: usize = 32;

/// An item, open for reading.
#[derive(Clone, Debug)]
pub struct Reader {
    id: ContentId,
    manifest: Manifest,
    handle: Handle,
}

impl Handle {
    /// Opens an item whose manifest is here.
    ///
    /// # Errors
    /// `NoProvider` if this node has no such item, or does not know yet what it is.
    pub async fn open(&self, id: ContentId) -> Result<Reader, Code> {
        let manifest = self.manifest(id).await?;
        Ok(Reader { id, manifest, handle: self.clone() })
    }
}

impl Reader {
    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says that somebody plays on from `at`: what is there is fetched before other parts.
    pub fn play(&self, at: u64) {
        self.handle.command(Command::Play { id: self.id, at });
    }

    /// Verified bytes from `at` on: one chunk's at most, and at least one unless `at` is the end. Waits for them while
    /// they are on their way.
    ///
    /// # Errors
    /// `NoProvider` when they did not come within [`PATIENCE`] or the item is gone, `LimitReached` when too many reads
    /// wait already, or the code of a store that cannot give them back.
    pub async fn read(&self, at: u64) -> Result<Bytes, Code> {
        if at >= self.manifest.length {
            return Ok(Bytes::new());
        }
        let reading = self.handle.read(self.id, at);
        match select(Box::pin(reading), platform::delay(PATIENCE)).await {
            Either::Left((bytes, _)) => bytes,
            Either::Right(_) => Err(Code::NoProvider),
        }
    }

    /// The first `most` bytes, or all when there are fewer.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn first(&self, most: u64) -> Result<Vec<u8>, Code> {
        let end = most.min(self.manifest.length);
        let mut all = Vec::new();
        while (all.len() as u64) < end {
            all.extend_from_slice(&self.read(all.len() as u64).await?);
        }
        all.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        Ok(all)
    }
}

/// The group that holds the byte at `at`.
pub(crate) fn group_at(at: u64) -> u32 {
    u32::try_from(at / u64::from(GROUP_LEN)).unwrap_or(u32::MAX)
}
