//! Room for what the person wants: what they pinned stays, and of the rest what was not used for longest makes way.
//!
//! What may go is [`content::make_room`]'s to say; this file knows what is pinned and used, has the store remove what goes,
//! and asks it for a place again. Other tabs of the person use the same store: one that uses an item has said so beside it
//! ([`Output::Used`](crate::Output::Used)), and the store refuses to remove it.

use super::held::{Content, Place};
use super::item::{Item, Phase, Quest};
use super::{Context, Transfers};
use crate::{Code, Keeping, Output};
use clock::Time;
use content::{ContentId, Manifest, Occupant, Root};
use core::time::Duration;
use std::collections::BTreeSet;

/// The longest content that is kept in memory, where there is no disk or no room on it: what a tab can hold beside its own
/// needs without being ended by the system of a small device.
pub const MEMORY_LENGTH_MAX: u64 = 512 * 1024 * 1024;

/// Whatever was read this recently is in use: longer than between two reads of a player.
const IN_USE: Duration = Duration::from_secs(20);

/// How often the store hears of the use of one content.
const USE_TOLD_EVERY: Duration = Duration::from_secs(10);

/// When a content was last read by anybody.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LastUse {
    /// Its place among all uses of all contents.
    place: u64,
    /// In this visit.
    at: Option<Time>,
    told: Option<Time>,
}

impl LastUse {
    fn is_recent(self, now: Time) -> bool {
        self.at.is_some_and(|at| now - at < IN_USE)
    }
}

impl Transfers {
    /// A content is read, or was just fetched.
    pub(crate) fn note_use(&mut self, ctx: &mut Context<'_>, root: Root) {
        self.uses += 1;
        let place = self.uses;
        let Some(content) = self.contents.get_mut(&root).filter(|content| matches!(content.place, Place::Stored(_)))
        else {
            return;
        };
        content.last_use = LastUse { place, at: Some(ctx.now), ..content.last_use };
        if content.last_use.told.is_none_or(|told| ctx.now - told >= USE_TOLD_EVERY) {
            content.last_use.told = Some(ctx.now);
            ctx.out.push(Output::Used { root });
        }
    }

    pub(crate) fn on_used(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        self.root_of(id).into_iter().for_each(|root| self.note_use(ctx, root));
    }

    /// What the store named before is older than what it names now.
    pub(super) fn note_found(&mut self, root: Root) {
        self.uses += 1;
        if let Some(content) = self.contents.get_mut(&root) {
            content.last_use.place = self.uses;
        }
    }

    /// The person says whether an item stays when room is made.
    pub(crate) fn pin(&mut self, ctx: &mut Context<'_>, id: ContentId, pinned: bool) {
        let Some(root) = self.items.get(&id).filter(|item| can_be_pinned(item)).and_then(Item::root) else { return };
        for item in self.items.values_mut().filter(|item| item.is_of(root)) {
            item.pinned = pinned;
        }
        ctx.out.push(Output::Pin { root, pinned });
        if !pinned {
            self.retry_full(ctx);
        }
    }

    /// The store lacks this much room for a content.
    pub(crate) fn on_no_room(&mut self, ctx: &mut Context<'_>, root: Root, short: u64) {
        let waits = self.contents.get(&root).is_some_and(|content| matches!(content.place, Place::Opening));
        if !waits {
            return;
        }
        match content::make_room(short, &self.occupants(ctx.now)) {
            Some(going) if !going.is_empty() => {
                going.iter().for_each(|&root| ctx.out.push(Output::Evict { root }));
                self.making_room.insert(root, going.into_iter().collect());
            }
            Some(_) | None => self.on_store_failed(ctx, root, Code::StorageFull),
        }
    }

    /// The store has removed a content to make room, or will not, for another tab uses it.
    pub(crate) fn on_evicted(&mut self, ctx: &mut Context<'_>, root: Root, gone: bool) {
        if gone {
            let name = self.items.values().find(|item| item.is_of(root)).and_then(|item| item.details.as_ref());
            let name = name.map(|details| details.name.clone());
            ctx.notices.raise(ctx.now, Code::MadeRoom, name);
            self.on_gone_from_store(ctx, root);
        } else {
            self.uses += 1;
            if let Some(content) = self.contents.get_mut(&root) {
                content.last_use = LastUse { place: self.uses, at: Some(ctx.now), ..content.last_use };
            }
        }
        let mut ready = Vec::new();
        for (for_root, awaited) in &mut self.making_room {
            if awaited.remove(&root) && awaited.is_empty() {
                ready.push(*for_root);
            }
        }
        for root in ready {
            self.making_room.remove(&root);
            let manifest = self.items.values().filter(|item| item.is_of(root)).find_map(|item| item.manifest.clone());
            let waits = self.contents.get(&root).is_some_and(|content| matches!(content.place, Place::Opening));
            if let (true, Some(manifest)) = (waits, manifest) {
                ctx.out.push(Output::Reserve { manifest });
            }
        }
    }

    /// What was fetched is no longer in the store, by the word of this tab or another of the same person.
    pub(crate) fn on_gone_from_store(&mut self, ctx: &mut Context<'_>, root: Root) {
        if !self.contents.get(&root).is_some_and(|content| matches!(content.place, Place::Stored(_))) {
            return;
        }
        self.withdraw(ctx, root);
        self.contents.remove(&root);
        self.items.retain(|_, item| !item.is_of(root));
        self.unsettled = true;
    }

    /// The person would rather have an item in memory than not at all.
    pub(crate) fn keep_in_memory(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(root) = self.items.get(&id).and_then(Item::root) else { return };
        let free = !self.contents.contains_key(&root);
        let Some(item) = self.items.get_mut(&id).filter(|item| free && would_fit_memory(item)) else { return };
        let Some(manifest) = item.manifest.clone() else { return };
        let quest = Quest { accepted: true, ..Quest::new(ctx.now) };
        let failed = core::mem::replace(&mut item.phase, Phase::Loading(quest));
        self.clear_failure(ctx, &failed);
        self.contents.insert(root, Content::new(manifest.length, Place::Opening));
        ctx.out.push(Output::ReserveMemory { manifest });
    }

    fn occupants(&self, now: Time) -> Vec<Occupant> {
        let read: BTreeSet<Root> = self.reads.values().map(super::serve::PendingRead::root).collect();
        let going: BTreeSet<Root> = self.making_room.values().flatten().copied().collect();
        let occupant = |(&root, content): (&Root, &Content)| {
            let items = || self.items.values().filter(|item| item.is_of(root));
            Occupant {
                root,
                length: content.length,
                pinned: items().any(|item| item.pinned),
                in_use: content.last_use.is_recent(now) || read.contains(&root) || going.contains(&root),
                whole: matches!(content.place, Place::Stored(_))
                    && items().all(|item| !item.own && item.keeping == Some(Keeping::Device)),
                last_used: content.last_use.place,
            }
        };
        self.contents.iter().map(occupant).collect()
    }
}

/// Only what is on the device can stay there.
pub(super) fn can_be_pinned(item: &Item) -> bool {
    !item.own && item.keeping == Some(Keeping::Device)
}

/// It found no room, and memory could take it.
pub(super) fn would_fit_memory(item: &Item) -> bool {
    let fits = |manifest: &Manifest| manifest.length <= MEMORY_LENGTH_MAX;
    !item.own && matches!(item.phase, Phase::Failed(Code::StorageFull)) && item.manifest.as_ref().is_some_and(fits)
}
