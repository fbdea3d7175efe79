//! The person's own shares from visit to visit: carries what the disk remembers to the peer, and its wishes back.

use super::{EventLoop, Internal};
use crate::handle::Request;
use crate::platform::{self, FileHandle};
use crate::store::Restored;
use content::{ContentId, Manifest, Outboard, Root};
use protocol::{Command, Input, ShareToken};

/// Tokens that the loop gives to shares by itself begin here; those of handles count up from one.
const TOKENS_OWN: u64 = 1 << 32;

impl EventLoop {
    /// Tells the machine what was shared at earlier visits, as soon as the disk has told us.
    pub(super) fn look_for_shares(&mut self) {
        let (restoring, mut report) = (self.store.restore(), self.report.clone());
        platform::spawn(async move {
            for share in restoring.await {
                report.send(Internal::Restored(share)).await;
            }
        });
    }

    /// From now on the file answers to its root again.
    pub(super) fn on_restored(&mut self, share: Restored) {
        let Restored { manifest, keeping, outcome } = share;
        let outcome = outcome.map(|(file, outboard)| {
            self.store.adopt(manifest.root, manifest.length, file);
            outboard
        });
        self.hear(Input::Restored { manifest, keeping, outcome });
    }

    pub(super) fn keep(&mut self, manifest: &Manifest, outboard: &Outboard) {
        let (root, mut report) = (manifest.root, self.report.clone());
        if let Some(keeping) = self.store.keep(manifest, outboard) {
            platform::spawn(async move {
                let keeping = keeping.await;
                report.hear(Input::Keeping { root, keeping }).await;
            });
        }
    }

    pub(super) fn regain(&mut self, root: Root) {
        let (regaining, mut report) = (self.store.regain(root), self.report.clone());
        platform::spawn(async move {
            if let Some(share) = regaining.await {
                report.send(Internal::Restored(share)).await;
            }
        });
    }

    pub(super) fn share_anew(&mut self, id: ContentId, root: Root) {
        let (reading, mut report) = (self.store.anew(root), self.report.clone());
        platform::spawn(async move {
            if let Some((file, name, media_type)) = reading.await {
                report.send(Internal::Anew { id, file, name, media_type }).await;
            }
        });
    }

    /// The old item goes only now that the new one can be read.
    pub(super) fn on_anew(&mut self, id: ContentId, file: FileHandle, name: String, media_type: String) {
        self.hear(Input::Command(Command::Remove { id }));
        let token = ShareToken(TOKENS_OWN + self.token());
        self.on_request(Request::Share { token, file, name, media_type, index_len: None });
    }
}
