//! Fetching some files of a folder: the list first, then what the person chose of it.
//!
//! A choice is a list of plain bytes: which files these are is known to whoever read the index, and nobody below. What is
//! wanted of a content is what any of its items wants. An item whose wanted bytes are here is held like one that is here
//! whole; wanting more goes on from there.

use super::held::Content;
use super::item::{Item, Phase, Quest};
use super::{Context, Transfers};
use content::{ContentId, GroupRange, Root};
use core::ops::Range;

/// The longest list that is fetched before the person says yes to the folder: ten thousand files, and a fraction of what
/// is fetched without asking.
const LIST_UNASKED_MAX: u32 = 1024 * 1024;

impl Item {
    /// Before the person says yes to it, its list of files can be shown.
    pub(super) fn lists_first(&self) -> bool {
        let index_len = self.details.as_ref().and_then(|details| details.index_len);
        index_len.is_some_and(|len| len <= LIST_UNASKED_MAX)
    }

    /// The groups it wants; nothing means all.
    fn wanted_groups(&self, needs_yes: bool) -> Option<Vec<GroupRange>> {
        let parts = match (&self.wanted, needs_yes) {
            (_, true) => &[][..],
            (Some(parts), false) => parts,
            (None, false) => return None,
        };
        let index = self.index_groups().into_iter();
        Some(index.chain(parts.iter().map(|bytes| self.groups_of(bytes))).collect())
    }
}

impl Transfers {
    /// It is large, or bytes cost money, and nobody said yes to it.
    pub(super) fn needs_yes(&self, item: &Item) -> bool {
        let large = item.manifest.as_ref().is_some_and(|manifest| manifest.length > self.ask_above);
        (large || self.metered) && item.quest().is_some_and(|quest| !quest.accepted)
    }

    /// The person wants these plain bytes of an item, or all of it. Whoever chooses has said yes.
    pub(crate) fn want(&mut self, ctx: &mut Context<'_>, id: ContentId, parts: Option<Vec<Range<u64>>>) {
        let Some(item) = self.items.get_mut(&id).filter(|item| !item.own) else { return };
        item.wanted = parts;
        if let Some(quest) = item.quest_mut() {
            quest.accepted = true;
        }
        let Some(manifest) = item.manifest.clone() else { return };
        let partial = self.contents.get(&manifest.root).is_some_and(Content::is_loading);
        match &mut item.phase {
            Phase::Held if partial => item.phase = Phase::Loading(Quest { accepted: true, ..Quest::new(ctx.now) }),
            Phase::Asking(_) => return self.begin(ctx, id, manifest),
            Phase::Seeking(_) | Phase::Loading(_) | Phase::Held | Phase::Failed(_) => {}
        }
        self.unsettled = true;
        self.apply_wanted(ctx, manifest.root);
    }

    /// Tells the download of a content what its items want.
    pub(super) fn apply_wanted(&mut self, ctx: &mut Context<'_>, root: Root) {
        let mut wanted = Some(Vec::new());
        for item in self.items.values().filter(|item| item.is_of(root)) {
            let groups = item.wanted_groups(self.needs_yes(item));
            wanted = wanted.zip(groups).map(|(all, groups)| [all, groups].concat());
        }
        let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) else { return };
        let progress = download.progress();
        if wanted.is_none() && progress.wanted == progress.length {
            return;
        }
        download.set_wanted(ctx.now, &mut self.flows, wanted.as_deref());
        self.drive_download(ctx, root);
    }

    /// All that is wanted is here: of a folder that asks first, its list.
    pub(super) fn on_enough(&mut self, ctx: &mut Context<'_>, root: Root) {
        self.unsettled = true;
        let ids: Vec<ContentId> = self.items.values().filter(|item| item.is_of(root)).map(|item| item.id).collect();
        let mut waits = false;
        for id in ids {
            let needs_yes = self.items.get(&id).is_some_and(|item| self.needs_yes(item));
            let Some(item) = self.items.get_mut(&id) else { continue };
            item.phase = match core::mem::replace(&mut item.phase, Phase::Held) {
                Phase::Loading(quest) if needs_yes => Phase::Asking(quest),
                Phase::Loading(_) => {
                    let begun = self.contents.get(&root).and_then(|content| content.first_byte);
                    item.took = begun.map(|_| ctx.now - item.since);
                    Phase::Held
                }
                phase => phase,
            };
            waits |= item.quest().is_some();
        }
        if waits {
            self.admit_downloads(ctx, Some(root));
        } else {
            self.end_download(ctx, root);
        }
        self.offer_as_allowed(ctx.now, root);
        self.drive_uploads(ctx);
    }
}
