//! What outlives a visit: contents that the store holds, whole or in part, from before.
//!
//! The store names them when it opens ([`Input::Found`](crate::Input::Found)). Each becomes an item that waits for a
//! word from the person, or is held. What is really there is known when the store has proved it: in answer to
//! [`Output::Reserve`](crate::Output::Reserve), which every content goes through, so that it does not matter whether the
//! link or the store comes first.

use super::held::{Content, Place};
use super::item::{Item, Phase, Quest};
use super::{Context, Transfers};
use crate::Code;
use content::{ContentId, Download, DownloadConfig, DownloadInput, Kept, Manifest, Root};

impl Transfers {
    /// The store holds something of this content from an earlier visit.
    pub(crate) fn on_found(&mut self, ctx: &mut Context<'_>, manifest: Manifest, pinned: bool) {
        let id = manifest.id();
        if self.items.contains_key(&id) || self.is_full() {
            return;
        }
        // The person has said yes to its size before, and to going on they have not.
        let quest = Quest { paused: true, accepted: true, ..Quest::new(ctx.now) };
        // The store keeps no keys: private content is locked until its link is opened again.
        let details = manifest.details();
        let item = Item {
            key: self.new_key(),
            id,
            since: ctx.now,
            manifest: Some(manifest.clone()),
            link_key: None,
            details,
            phase: Phase::Loading(quest),
            wanted: None,
            own: false,
            keeping: None,
            pinned,
            took: None,
        };
        self.items.insert(id, item);
        let root = manifest.root;
        self.begin(ctx, id, manifest);
        self.note_found(root);
    }

    /// The page may end any moment: nothing that is verified should have to be fetched twice.
    pub(crate) fn hand_over(&mut self, ctx: &mut Context<'_>) {
        for root in self.contents.keys().copied().collect::<Vec<_>>() {
            if let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) {
                download.handle(ctx.now, &mut self.flows, DownloadInput::HandOver);
                self.drive_download(ctx, root);
            }
        }
    }

    /// Room was made: what failed for want of it goes on by itself.
    pub(crate) fn retry_full(&mut self, ctx: &mut Context<'_>) {
        let full = |item: &&Item| matches!(item.phase, Phase::Failed(Code::StorageFull));
        let ids: Vec<ContentId> = self.items.values().filter(full).map(|item| item.id).collect();
        for id in ids {
            self.resume(ctx, id);
        }
    }

    /// The store is ready for a content, and this is what it holds of it.
    pub(crate) fn on_reserved(&mut self, ctx: &mut Context<'_>, root: Root, kept: Option<Box<Kept>>) {
        let manifest = self.items.values().filter(|item| item.is_of(root)).find_map(|item| item.manifest.clone());
        let seed = self.choice.below(u64::MAX);
        self.take_over(root);
        let opening = self.contents.get_mut(&root).filter(|content| matches!(content.place, Place::Opening));
        // Removed, or replaced by the person's own file, while the store was looking.
        let (Some(content), Some(manifest)) = (opening, manifest) else { return };
        let config = DownloadConfig::default();
        let mut download = match kept {
            Some(kept) => Download::with_held(manifest, config, seed, kept.verifier, &kept.held),
            None => Download::new(manifest, config, seed),
        };
        let index = self.items.values().filter(|item| item.is_of(root)).find_map(Item::index_groups);
        if let Some(index) = index {
            // Whoever sees the list can choose while the rest is on its way.
            download.set_playhead(ctx.now, &mut self.flows, Some(index.first), index.count);
        }
        content.place = Place::Loading(Box::new(download));
        self.unsettled = true;
        self.apply_wanted(ctx, root);
        self.follow_player(ctx.now, root);
        self.drive_download(ctx, root);
        self.offer_as_allowed(ctx.now, root);
        self.drive_uploads(ctx);
    }
}
