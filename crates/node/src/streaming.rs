//! An item as bytes that can be read anywhere in it while it is still being fetched: what plays, shows and saves it.
//!
//! A [`Reader`] waits for bytes that are not here yet, for a bounded time, and never sees one that is not verified:
//! it reads what the store holds, and opens what is private as it reads. A file of a folder has a reader of its own, so
//! that whoever plays or saves one need not know. What a browser may be told about an item, and how a request for part
//! of it is answered, is decided in [`request`] and [`media`], in plain values; [`outgoing`] makes the bytes of the answer.

pub mod media;
pub mod outgoing;
pub mod request;

use crate::handle::Handle;
use crate::platform;
use bytes::Bytes;
use content::folder::{Entry, Folder};
use content::{ContentId, Details};
use core::ops::Range;
use core::time::Duration;
use futures::future::{Either, select};
use protocol::{Code, Command};
use std::sync::Arc;

/// How long a reader waits for bytes that nobody has sent yet. A player shows "loading" meanwhile; after this it is
/// told, and asks again by itself if somebody still watches.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reads that may wait for bytes at once. A player has one or two; the oldest gives way to a new one.
pub(crate) const READS_WAITING_MAX: usize = 32;

/// An item, or one file of a folder, open for reading.
#[derive(Clone, Debug)]
pub struct Reader {
    id: ContentId,
    details: Arc<Details>,
    /// Where its bytes begin in the item.
    offset: u64,
    handle: Handle,
}

impl Handle {
    /// Opens an item that is known and can be read.
    ///
    /// # Errors
    /// `NoProvider` if this node has no such item, or does not know yet what it is; `WrongKey` if it is private and its
    /// link has not been opened.
    pub async fn open(&self, id: ContentId) -> Result<Reader, Code> {
        let details = Arc::new(self.details(id).await?);
        Ok(Reader { id, details, offset: 0, handle: self.clone() })
    }
}

impl Reader {
    /// What it is.
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// What a folder holds. Waits for its index while that is on its way.
    ///
    /// # Errors
    /// As [`Self::read`]; `BadManifest` if it is no folder, or its index is none.
    pub async fn folder(&self) -> Result<Folder, Code> {
        let index_len = self.details.index_len.ok_or(Code::BadManifest)?;
        let index = self.first(u64::from(index_len)).await?;
        Folder::decode(&index, self.details.length).map_err(|_| Code::BadManifest)
    }

    /// One file of this folder.
    pub fn file(&self, entry: &Entry) -> Self {
        let name = entry.name().to_owned();
        let media_type = media::of_name(&name).to_owned();
        let details = Details { length: entry.len(), index_len: None, media_type, name };
        Self { details: Arc::new(details), offset: entry.byte_range().start, ..self.clone() }
    }

    /// Says that somebody plays on from `at`: what is there is fetched before other parts.
    pub fn play(&self, at: u64) {
        self.handle.command(Command::Play { id: self.id, at: self.offset.saturating_add(at) });
    }

    /// Verified bytes from `at` on: one chunk's at most, and at least one unless `at` is the end. Waits for them while
    /// they are on their way.
    ///
    /// # Errors
    /// `NoProvider` when they did not come within [`PATIENCE`] or the item is gone, `LimitReached` when too many reads
    /// wait already, `BadManifest` when whoever sealed them sealed nonsense, or the code of a store that cannot give
    /// them back.
    pub async fn read(&self, at: u64) -> Result<Bytes, Code> {
        let Some(left) = self.details.length.checked_sub(at).filter(|&left| left > 0) else {
            return Ok(Bytes::new());
        };
        let reading = self.handle.read(self.id, self.offset + at);
        let mut bytes = match select(Box::pin(reading), platform::delay(PATIENCE)).await {
            Either::Left((bytes, _)) => bytes?,
            Either::Right(_) => return Err(Code::NoProvider),
        };
        // A chunk may end in the file behind this one.
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// The first `most` bytes, or all when there are fewer.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn first(&self, most: u64) -> Result<Vec<u8>, Code> {
        let end = most.min(self.details.length);
        let mut all = Vec::new();
        while (all.len() as u64) < end {
            all.extend_from_slice(&self.read(all.len() as u64).await?);
        }
        all.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        Ok(all)
    }
}

/// Reads ranges of an item one after the other, and no chunk twice: a folder of small files has hundreds in one.
#[derive(Debug)]
pub(crate) struct Window {
    reader: Reader,
    start: u64,
    bytes: Bytes,
}

impl Window {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, start: 0, bytes: Bytes::new() }
    }

    /// The beginning of `range`: at least one byte unless it is empty.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub(crate) async fn read(&mut self, range: Range<u64>) -> Result<Bytes, Code> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if !(self.start..self.start + self.bytes.len() as u64).contains(&range.start) {
            self.bytes = self.reader.read(range.start).await?;
            self.start = range.start;
        }
        let from = (range.start - self.start) as usize;
        let to = usize::try_from(range.end - self.start).unwrap_or(usize::MAX).min(self.bytes.len());
        if from < to { Ok(self.bytes.slice(from..to)) } else { Err(Code::StorageRefused) }
    }
}
