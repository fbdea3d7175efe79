//! The person's own shares from visit to visit.
//!
//! A file that came with a handle is remembered ([`kept_files`]) and read from where it is. One that came without (a
//! plain chooser, a paste, a browser that has no handles) is copied into the private file system, if it is not too
//! long and leaves enough room ([`super::copying`]); otherwise it is there while the tab is.

use super::disk_worker::{Answer, Ask};
use super::kept_files::{self, KeptFile, Unreadable};
use super::opfs::{self, BYTES, DiskError, Found, OUTBOARD, Shelf};
use super::{Disk, FileHandle};
use crate::store::Restored;
use content::{Manifest, Outboard, Root};
use protocol::{Code, Keeping};
use std::sync::Arc;

/// The longest file that is copied: a few seconds of writing, and nothing that a person would miss on their disk.
const COPY_LENGTH_MAX: u64 = 1 << 30;
impl Disk {
    /// Sees to it that `file` can be offered again at the next visit.
    pub(crate) fn keep(
        &mut self,
        manifest: &Manifest,
        outboard: &Outboard,
        file: &FileHandle,
    ) -> impl Future<Output = Keeping> + use<> {
        let (root, length) = (manifest.root, manifest.length);
        // The key of a private link is nowhere but in the link, so nothing could open what was kept.
        let private = file.seal().is_some();
        let kept = file.chosen().filter(|_| !private).map(|(handle, modified)| {
            let (manifest, outboard, handle) = (manifest.clone(), outboard.to_bytes().to_vec(), handle.clone());
            KeptFile { manifest, outboard, handle, modified }
        });
        let copy = (kept.is_none() && !private && self.is_here() && length <= COPY_LENGTH_MAX).then(|| {
            self.start();
            let (encoded, pairs) = (manifest.encode(), outboard.to_bytes());
            self.ask(&Ask::Copy { root, manifest: &encoded, outboard: &pairs, bytes: file.blob() })
        });
        async move {
            match (kept, copy) {
                (Some(kept), _) => match kept_files::put(root, &kept).await {
                    Ok(()) => Keeping::File,
                    Err(_) => Keeping::Tab,
                },
                (None, Some(copy)) => match copy.await {
                    // Busy: another tab of this person is copying the same.
                    Answer::Done(_) | Answer::Busy => Keeping::Device,
                    Answer::Elsewhere | Answer::Full { .. } | Answer::Failed(_) | Answer::Gone => Keeping::Tab,
                },
                (None, None) => Keeping::Tab,
            }
        }
    }

    /// All shares of earlier visits.
    pub(crate) fn restore(&self) -> impl Future<Output = Vec<Restored>> + use<> {
        let usable = self.is_here();
        async move {
            if !usable {
                return Vec::new();
            }
            let mut shares = Vec::new();
            for Found { manifest, .. } in opfs::list(Shelf::Own).await.unwrap_or_default() {
                match copy_of(&manifest).await {
                    Ok(outcome) => shares.push(Restored { manifest, keeping: Keeping::Device, outcome: Ok(outcome) }),
                    // Removed by another tab, or damaged: no copy any more.
                    Err(_) => drop(opfs::remove(Shelf::Own, manifest.root).await),
                }
            }
            for kept in kept_files::list().await.unwrap_or_default() {
                shares.push(read(kept).await);
            }
            shares
        }
    }

    /// Forgets a share, however it was kept.
    pub(crate) fn forget(&mut self, root: Root) {
        if !self.is_here() {
            return;
        }
        self.start();
        drop(self.ask(&Ask::Forget { root }));
        super::spawn(async move {
            if kept_files::remove(root).await.is_err() {
                log::warn!("a file that is shared no more is still remembered");
            }
        });
    }

    /// Asks the person for a file of an earlier visit; `None` when they say no.
    pub(crate) fn regain(&self, root: Root) -> impl Future<Output = Option<Restored>> + use<> {
        async move {
            let kept = kept_files::get(root).await?;
            if kept.ask().await { Some(read(kept).await) } else { None }
        }
    }

    /// As [`Self::regain`]: the file as it is now, with its name and type.
    pub(crate) fn anew(&self, root: Root) -> impl Future<Output = Option<(FileHandle, String, String)>> + use<> {
        async move {
            let kept = kept_files::get(root).await?;
            if !kept.ask().await {
                return None;
            }
            let file = kept.read_anew().await?;
            let (name, media_type) = (file.name(), file.type_());
            Some((FileHandle::of_chosen(file, Some(kept.handle)), name, media_type))
        }
    }
}

async fn copy_of(manifest: &Manifest) -> Result<(FileHandle, Arc<Outboard>), DiskError> {
    let bytes = opfs::file_of(Shelf::Own, manifest.root, BYTES).await?;
    let pairs = opfs::all_of(&opfs::file_of(Shelf::Own, manifest.root, OUTBOARD).await?).await?;
    let outboard = outboard_of(manifest, &pairs).ok_or(DiskError::Refused)?;
    let whole = bytes.size() as u64 == manifest.length;
    if whole { Ok((FileHandle::new(bytes.into()), outboard)) } else { Err(DiskError::Refused) }
}

async fn read(kept: KeptFile) -> Restored {
    let outcome = match kept.read().await {
        Ok(file) => outboard_of(&kept.manifest, &kept.outboard)
            .map(|outboard| (FileHandle::of_chosen(file, Some(kept.handle)), outboard))
            .ok_or(Code::FileChanged),
        Err(Unreadable::NotPermitted) => Err(Code::PermissionNeeded),
        Err(Unreadable::Changed) => Err(Code::FileChanged),
    };
    Restored { manifest: kept.manifest, keeping: Keeping::File, outcome }
}

fn outboard_of(manifest: &Manifest, pairs: &[u8]) -> Option<Arc<Outboard>> {
    let outboard = Outboard::from_bytes(pairs).ok()?;
    (outboard.root() == manifest.root && outboard.length() == manifest.length).then(|| Arc::new(outboard))
}
