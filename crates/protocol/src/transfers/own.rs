//! The person's own shares from visit to visit: offered again without choosing the file again, as long as they are kept.
//!
//! Who remembers the file or its bytes is the node. This file has one place for a share that is just hashed and for one
//! that comes back, and refuses nothing silently: a file that the browser wants a click for, or that is no longer what
//! was shared, stays in the list and says so.

use super::held::{Content, Place};
use super::item::{self, Item, Phase};
use super::{Context, Transfers};
use crate::{Code, Output};
use content::{ContentId, LinkKey, Manifest, Outboard, Root};
use core::time::Duration;
use std::sync::Arc;

/// How an item outlives the visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    /// Not at all: it is there while the tab is open.
    Tab,
    /// Its bytes are in the browser's own storage.
    Device,
    /// The browser remembers the person's file, and may want a click before it reads it again.
    File,
}

impl Transfers {
    /// An own share of an earlier visit, or why it cannot be offered now.
    pub(crate) fn on_restored(
        &mut self,
        ctx: &mut Context<'_>,
        manifest: Manifest,
        keeping: Keeping,
        outcome: Result<Arc<Outboard>, Code>,
    ) {
        let (root, id) = (manifest.root, manifest.id());
        if !self.items.contains_key(&id) && self.is_full() {
            return;
        }
        let key = self.items.get(&id).map_or_else(|| self.next_key, |item| item.key);
        self.next_key = self.next_key.max(key + 1);
        match outcome {
            Ok(outboard) => self.hold_own(ctx, key, manifest, None, outboard, None),
            Err(code) => {
                let item = Item {
                    key,
                    id,
                    since: ctx.now,
                    details: manifest.details(),
                    manifest: Some(manifest),
                    link_key: None,
                    phase: Phase::Failed(code),
                    wanted: None,
                    own: true,
                    keeping: None,
                    pinned: false,
                    took: None,
                };
                // A fetch of the same link goes on: others may have the bytes.
                let known = self.items.entry(id).or_insert(item);
                if known.own && matches!(known.phase, Phase::Failed(_)) {
                    known.phase = Phase::Failed(code);
                }
            }
        }
        self.on_keeping(root, keeping);
    }

    pub(crate) fn on_keeping(&mut self, root: Root, keeping: Keeping) {
        for item in self.items.values_mut().filter(|item| item.is_of(root)) {
            item.keeping = Some(keeping);
        }
    }

    /// The click that the browser wants.
    pub(crate) fn regain(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.get(&id) else { return };
        if let (Phase::Failed(Code::PermissionNeeded), Some(manifest)) = (&item.phase, &item.manifest) {
            ctx.out.push(Output::Regain { root: manifest.root });
        }
    }

    /// The file as it is now, in place of what it was.
    pub(crate) fn share_anew(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.get(&id).filter(|item| item.own) else { return };
        if let (Phase::Failed(Code::FileChanged), Some(manifest)) = (&item.phase, &item.manifest) {
            ctx.out.push(Output::ShareAnew { id, root: manifest.root });
        }
    }

    /// A copy of what a file was would bring back at the next visit what has just been taken off the list. The file
    /// itself is looked at again then, and stays remembered: to be shared anew.
    pub(crate) fn forget_stale_copy(&self, ctx: &mut Context<'_>, root: Root, code: Code) {
        let copied = |item: &Item| item.own && item.is_of(root) && item.keeping == Some(Keeping::Device);
        if code == Code::FileChanged && self.items.values().any(copied) {
            ctx.out.push(Output::Drop { root });
        }
    }

    /// The person's own bytes are here: they end any fetch of them, and any trouble with them.
    pub(crate) fn hold_own(
        &mut self,
        ctx: &mut Context<'_>,
        key: u64,
        manifest: Manifest,
        link_key: Option<LinkKey>,
        outboard: Arc<Outboard>,
        took: Option<Duration>,
    ) {
        let (root, id, since) = (manifest.root, manifest.id(), ctx.now);
        self.end_download(ctx, root);
        let place = Place::Own(outboard);
        match self.contents.get_mut(&root) {
            Some(content) => {
                content.place = place;
                content.asked.clear();
            }
            None => _ = self.contents.insert(root, Content::new(manifest.length, place)),
        }
        let mut ended = Vec::new();
        for item in self.items.values_mut().filter(|item| item.is_of(root)) {
            item.took.get_or_insert(ctx.now - item.since);
            ended.push(core::mem::replace(&mut item.phase, Phase::Held));
        }
        let details = item::open(&manifest, link_key.as_ref()).ok();
        let before = self.items.remove(&id);
        let key = before.as_ref().map_or(key, |item| item.key);
        // How the same file is kept does not change by choosing it again; the node says so if it does.
        let keeping = before.and_then(|item| item.keeping);
        let manifest = Some(manifest);
        let (phase, wanted, own, pinned) = (Phase::Held, None, true, false);
        let item = Item { key, id, since, manifest, link_key, details, phase, wanted, own, keeping, pinned, took };
        self.items.insert(id, item);
        for phase in ended {
            self.clear_failure(ctx, &phase);
        }
        self.offer_as_allowed(ctx.now, root);
        self.drive_uploads(ctx);
    }
}
