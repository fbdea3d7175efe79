//! Taking: from a link to bytes that verify.
//!
//! The manifest first, from any provider, checked against the id; then [`content::Download`] decides which groups
//! to ask whom for. This file finds it sources, carries its wishes out and puts its troubles into words.

use super::held::{Content, Place};
use super::item::{self, First, Item, Phase, Quest};
use super::providers_of::{PROVIDERS_MAX, Role};
use super::{Context, PATIENCE, Transfers, World};
use crate::ranking::SMALL_MAX;
use crate::{Code, Directory, Output, PeerKey};
use bytes::Bytes;
use content::{
    ContentId, Download, DownloadInput, DownloadOutput, DropReason, GroupRange, LinkKey, Manifest, Message, Refusal,
    Root,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Downloads that ask for bytes at once. They share each source's flow window; more of them would only make all
/// of them slow, and the first finished is the first useful.
pub(crate) const DOWNLOADS_MAX: usize = 3;

/// Groups from the playhead on that come before all others: 4 MiB, a second and a half of a film of 20 Mbit/s.
const PLAYED_AHEAD: u32 = 256;

/// Bytes of groups that nobody asked for, or asked for no more, that one stream may carry: endgame and removal
/// leave a few flow windows behind, a flood leaves more.
const STRAYS_MAX: u64 = 16 * 1024 * 1024;

impl Transfers {
    /// A link was opened.
    pub(crate) fn fetch(&mut self, ctx: &mut Context<'_>, id: ContentId, link_key: Option<LinkKey>) {
        if self.items.contains_key(&id) {
            self.on_used(ctx, id);
            return match self.unlock(id, link_key) {
                Ok(()) => self.resume(ctx, id),
                Err(code) => self.refuse_key(ctx, id, code),
            };
        }
        if self.is_full() {
            return ctx.notices.raise(ctx.now, Code::LimitReached, Some(id.to_string()));
        }
        let key = self.new_key();
        let phase = Phase::Seeking(Quest::new(ctx.now));
        let (manifest, details, wanted, keeping, took) = (None, None, None, None, None);
        let (own, pinned, since) = (false, false, ctx.now);
        let item = Item { key, id, since, manifest, link_key, details, phase, wanted, own, keeping, pinned, took };
        self.items.insert(id, item);
    }

    /// Opens an item that is in the list already with the key of its link, if it still has to be opened.
    fn unlock(&mut self, id: ContentId, link_key: Option<LinkKey>) -> Result<(), Code> {
        let Some(item) = self.items.get_mut(&id) else { return Ok(()) };
        // A key that opened it is not given up for one that may not.
        if item.details.is_some() {
            return Ok(());
        }
        item.link_key = link_key;
        if let Some(manifest) = &item.manifest {
            item.details = Some(item::open(manifest, item.link_key.as_ref())?);
        }
        Ok(())
    }

    /// A link without the right key asked for what is kept locked. The bytes stay; nothing is read of them.
    fn refuse_key(&mut self, ctx: &mut Context<'_>, id: ContentId, code: Code) {
        let Some(item) = self.items.get_mut(&id) else { return };
        item.phase = Phase::Failed(code);
        let root = item.manifest.as_ref().map(|manifest| manifest.root);
        if let Some(root) = root {
            self.admit_downloads(ctx, Some(root));
            self.offer_as_allowed(ctx.now, root);
            self.drive_uploads(ctx);
        }
    }

    /// The yes on an item that asks first.
    pub(crate) fn accept(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.get_mut(&id) else { return };
        let Some(quest) = item.quest_mut() else { return };
        quest.accepted = true;
        if matches!(item.phase, Phase::Asking(_))
            && let Some(manifest) = item.manifest.clone()
        {
            self.begin(ctx, id, manifest);
        }
    }

    /// Stops what runs without the person's yes until there is one. What is verified stays.
    pub(crate) fn ask_again(&mut self, ctx: &mut Context<'_>) {
        let mut stopped = Vec::new();
        for item in self.items.values_mut() {
            let lists_first = item.lists_first();
            match core::mem::replace(&mut item.phase, Phase::Held) {
                Phase::Loading(quest) if !quest.accepted => {
                    stopped.extend(item.manifest.as_ref().map(|manifest| manifest.root));
                    item.phase = if lists_first { Phase::Loading(quest) } else { Phase::Asking(quest) };
                }
                phase => item.phase = phase,
            }
        }
        for root in stopped {
            self.admit_downloads(ctx, Some(root));
            self.apply_wanted(ctx, root);
        }
    }

    pub(crate) fn pause(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.get_mut(&id) else { return };
        let Some(quest) = item.quest_mut() else { return };
        quest.paused = true;
        let root = item.manifest.as_ref().map(|manifest| manifest.root);
        root.into_iter().for_each(|root| self.admit_downloads(ctx, Some(root)));
    }

    /// The person plays an item: its next requests are for what is there.
    pub(crate) fn play(&mut self, ctx: &mut Context<'_>, id: ContentId, at: u64) {
        let Some(item) = self.items.get(&id) else { return };
        let Some(root) = item.manifest.as_ref().map(|manifest| manifest.root) else { return };
        let group = u32::try_from(at / item.plain_group_len()).ok();
        let Some(content) = self.contents.get_mut(&root) else { return };
        content.played_from = group;
        self.note_use(ctx, root);
        self.follow_player(ctx.now, root);
        self.drive_download(ctx, root);
    }

    /// Has a download bring first what is played. Players begin to read before the store has answered.
    pub(super) fn follow_player(&mut self, now: clock::Time, root: Root) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        let from = content.played_from;
        if let Some(download) = content.download_mut().filter(|_| from.is_some()) {
            download.set_playhead(now, &mut self.flows, from, PLAYED_AHEAD);
        }
    }

    /// Goes on after a pause or a failure.
    pub(crate) fn resume(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.get_mut(&id) else { return };
        if let Some(quest) = item.quest_mut() {
            quest.paused = false;
            quest.search.restart(ctx.now);
            return self.claim(ctx, id);
        }
        if item.own || !matches!(item.phase, Phase::Failed(_)) {
            return;
        }
        let manifest = item.manifest.clone();
        // Whoever goes on with it knows its size.
        let quest = Quest { accepted: manifest.is_some(), ..Quest::new(ctx.now) };
        let failed = core::mem::replace(&mut item.phase, Phase::Seeking(quest));
        self.clear_failure(ctx, &failed);
        if let Some(manifest) = manifest {
            let root = manifest.root;
            let lost = !matches!(failed, Phase::Failed(Code::WrongKey));
            if lost && self.contents.get(&root).is_some_and(|content| matches!(content.place, Place::Stored(_))) {
                // The store could not give it back: what it has is worth nothing.
                self.contents.remove(&root);
                ctx.out.push(Output::Drop { root });
            }
            self.begin(ctx, id, manifest);
            self.claim(ctx, id);
        }
    }

    /// A directory answered.
    pub(crate) fn on_providers(&mut self, now: clock::Time, id: ContentId, me: PeerKey, peers: &[PeerKey]) {
        if let Some(quest) = self.items.get_mut(&id).and_then(Item::quest_mut) {
            for peer in peers.iter().filter(|peer| **peer != me).take(providers::FOUND_MAX) {
                quest.providers.name(now, *peer);
            }
        }
    }

    pub(crate) fn on_no_content(&mut self, ctx: &mut Context<'_>, peer: PeerKey, id: ContentId) {
        if let Some(quest) = self.items.get_mut(&id).and_then(Item::quest_mut)
            && matches!(quest.providers.role(peer), Some(Role::Asked { .. }))
        {
            quest.providers.rest(ctx.now, peer);
            self.unsettled = true;
        }
    }

    /// A manifest arrived: it is the one the link names, or the sender is a liar.
    pub(crate) fn on_manifest(&mut self, ctx: &mut Context<'_>, peer: PeerKey, id: ContentId, bytes: &[u8]) {
        let Some(item) = self.items.get_mut(&id) else { return };
        let Phase::Seeking(quest) = &mut item.phase else { return };
        if !matches!(quest.providers.role(peer), Some(Role::Asked { .. })) {
            return;
        }
        if ContentId::of(bytes) != id {
            quest.providers.drop_for_good(peer, true);
            return Self::ban_liar(ctx, peer);
        }
        quest.providers.set_role(peer, Role::Candidate);
        self.unsettled = true;
        match Manifest::decode(bytes) {
            Ok(manifest) => match item::open(&manifest, item.link_key.as_ref()) {
                Ok(details) => {
                    item.manifest = Some(manifest.clone());
                    item.details = Some(details);
                    self.begin(ctx, id, manifest);
                }
                Err(code) => item.phase = Phase::Failed(code),
            },
            // The bytes are what the link names, so every provider has the same and none is to blame.
            Err(_unreadable) => item.phase = Phase::Failed(Code::BadManifest),
        }
    }

    fn ban_liar(ctx: &mut Context<'_>, peer: PeerKey) {
        ctx.bans.insert(peer);
        ctx.notices.raise(ctx.now, Code::BadBytes, Some(peer.to_string()));
    }

    /// The manifest is known: ask the person, take what is here already, or load.
    pub(super) fn begin(&mut self, ctx: &mut Context<'_>, id: ContentId, manifest: Manifest) {
        let (root, length) = (manifest.root, manifest.length);
        let here = self.contents.get(&root).map(|content| (content.length, content.is_loading()));
        let needs_yes = self.items.get(&id).is_some_and(|item| self.needs_yes(item));
        let Some(item) = self.items.get_mut(&id).filter(|item| item.quest().is_some()) else { return };
        let phase = core::mem::replace(&mut item.phase, Phase::Held);
        let (Phase::Seeking(quest) | Phase::Asking(quest) | Phase::Loading(quest)) = phase else { return };
        item.phase = match here {
            Some((other, _)) if other != length => Phase::Failed(Code::BadManifest),
            Some((_, false)) => {
                item.took = Some(ctx.now - item.since);
                Phase::Held
            }
            _ if needs_yes && !item.lists_first() => Phase::Asking(quest),
            Some((_, true)) => Phase::Loading(quest),
            None => {
                self.contents.insert(root, Content::new(length, Place::Opening));
                ctx.out.push(Output::Reserve { manifest });
                Phase::Loading(quest)
            }
        };
        self.apply_wanted(ctx, root);
        self.offer_as_allowed(ctx.now, root);
        self.drive_download(ctx, root);
        self.drive_uploads(ctx);
    }

    /// Searches, asks for manifests, engages sources, and says what hinders.
    pub(crate) fn tick_quests(&mut self, ctx: &mut Context<'_>, world: World<'_>, directories: &BTreeSet<Directory>) {
        let is_direct = |peer: PeerKey| world.reaches(peer);
        let ids: Vec<ContentId> = self.items.keys().copied().collect();
        for id in ids {
            let Some(item) = self.items.get_mut(&id) else { continue };
            let loading = match &item.phase {
                Phase::Loading(_) => item.manifest.as_ref().map(|manifest| manifest.root),
                Phase::Seeking(_) | Phase::Asking(_) | Phase::Held | Phase::Failed(_) => None,
            };
            let Some(quest) = item.active_quest_mut() else { continue };
            for peer in world.announced.providers(providers::Id(id.0)) {
                quest.providers.name(ctx.now, peer);
            }
            quest.providers.tick(ctx.now, is_direct);
            if quest.pick.is_none() {
                let among = quest.providers.choosable(is_direct);
                quest.pick = self.ranking.pick(ctx.now, &among, world.measurements, &self.flows);
            }
            let sources = quest.providers.sources().count();
            quest.search.tick(ctx.now, id, directories, sources, ctx.out);
            match loading {
                None => {
                    let first = quest.first(ctx.now, is_direct);
                    for peer in quest.providers.ask_manifest(ctx.now, |peer| is_direct(peer) && first.allows(peer)) {
                        self.send(ctx, peer, Message::GetManifest { id });
                    }
                }
                Some(root) => {
                    // A source that is engaged before there is a download would never be asked.
                    if let Some(content) = self.contents.get_mut(&root)
                        && let Place::Loading(download) = &mut content.place
                    {
                        let small = content.length <= SMALL_MAX;
                        let first = if small { quest.first_for_bytes(ctx.now, is_direct) } else { First::Anybody };
                        let engaged = quest.providers.engage(|peer| is_direct(peer) && first.allows(peer));
                        for peer in &engaged {
                            download.handle(ctx.now, &mut self.flows, DownloadInput::SourceFound { peer: *peer });
                            let learns = self.ranking.learns();
                            let outlook = learns.then(|| world.measurements.expectation(*peer)).flatten();
                            self.flows.expect(*peer, outlook);
                        }
                        if let Some(pick) = quest.pick.as_ref().filter(|_| small && !engaged.is_empty())
                            && self.ranking.affords(pick, content.length)
                        {
                            download.race(ctx.now, &mut self.flows, pick.peers.iter().copied());
                        }
                    }
                }
            }
            self.set_waiting(ctx, id, world);
        }
        self.admit_downloads(ctx, None);
    }

    fn set_waiting(&mut self, ctx: &Context<'_>, id: ContentId, world: World<'_>) {
        let webrtc = self.webrtc;
        let Some(quest) = self.items.get_mut(&id).and_then(Item::active_quest_mut) else { return };
        quest.waiting = if quest.providers.sources().next().is_some() {
            None
        } else if webrtc {
            quest.providers.hindrance(ctx.now, ctx.now - quest.began < PATIENCE, world.connections)
        } else {
            Some(Code::WebrtcBlocked)
        };
    }

    /// Lets the oldest few downloads that have a source ask for bytes, and holds the others.
    pub(super) fn admit_downloads(&mut self, ctx: &mut Context<'_>, also: Option<Root>) {
        let mut waiting: Vec<(u64, Root, bool)> = self
            .items
            .values()
            .filter_map(|item| {
                let Phase::Loading(quest) = &item.phase else { return None };
                let root = item.manifest.as_ref()?.root;
                Some((item.key, root, !quest.paused && quest.providers.sources().next().is_some()))
            })
            .collect();
        waiting.sort_unstable();
        let mut admitted = BTreeSet::new();
        for (_, root, able) in &waiting {
            if *able && admitted.len() < DOWNLOADS_MAX {
                admitted.insert(*root);
            }
        }
        let all: BTreeSet<Root> = waiting.into_iter().map(|(_, root, _)| root).chain(also).collect();
        for root in all {
            let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) else { continue };
            let paused = download.progress().paused;
            match (admitted.contains(&root), paused) {
                (true, true) => download.handle(ctx.now, &mut self.flows, DownloadInput::Resume),
                (false, false) => download.handle(ctx.now, &mut self.flows, DownloadInput::Pause),
                (true, false) | (false, true) => {}
            }
            self.drive_download(ctx, root);
        }
    }

    /// Wakes the downloads whose time has come.
    pub(crate) fn tick_downloads(&mut self, ctx: &mut Context<'_>) {
        let due: Vec<Root> = self
            .contents
            .iter()
            .filter(|(_, content)| match &content.place {
                Place::Loading(download) => {
                    download.next_deadline(&self.flows).is_some_and(|deadline| deadline <= ctx.now)
                }
                Place::Opening | Place::Elsewhere(_) | Place::Own(_) | Place::Stored(_) => false,
            })
            .map(|(root, _)| *root)
            .collect();
        for root in due {
            if let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) {
                download.handle(ctx.now, &mut self.flows, DownloadInput::Wake);
            }
            self.drive_download(ctx, root);
        }
    }

    /// Holds, have, group or refuse: for the download of its root, if there is one.
    pub(crate) fn on_provider_message(&mut self, ctx: &mut Context<'_>, peer: PeerKey, message: Message) {
        let Some(root) = message.root() else { return };
        match &message {
            Message::Holds { .. } | Message::Have { .. } => self.on_offered(ctx.now, peer, root, true),
            Message::Refuse { reason: Refusal::Withdrawn, .. } => self.on_offered(ctx.now, peer, root, false),
            _ => {}
        }
        let group_len = match &message {
            Message::Group { bytes, .. } => bytes.len() as u64,
            _ => 0,
        };
        let Some(content) = self.contents.get_mut(&root).filter(|content| matches!(content.place, Place::Loading(_)))
        else {
            return self.on_stray(ctx, peer, group_len);
        };
        if let Message::Refuse { range, .. } = &message {
            content.forget_asked(peer, *range);
        }
        let Place::Loading(download) = &mut content.place else { return };
        let before = download.progress();
        download.handle(ctx.now, &mut self.flows, DownloadInput::Message { peer, message });
        let after = download.progress();
        let verified = after.verified.saturating_sub(before.verified);
        let wasted = after.wasted.saturating_sub(before.wasted);
        content.wasted += wasted;
        if verified > 0 {
            content.first_byte.get_or_insert(ctx.now);
            content.rate.add(ctx.now, verified);
            content.from.add(ctx.now, peer, verified);
            let page = self.books.page(ctx.now, peer);
            page.taken += verified;
            page.take.add(ctx.now, verified);
            ctx.credit.on_taken(ctx.now, peer, root, verified, ctx.out);
        }
        let whole = verified > 0 && after.verified == after.length && after.length <= SMALL_MAX;
        self.totals.taken += verified;
        self.totals.wasted += wasted;
        self.ranking.on_bytes(verified, wasted);
        if whole {
            self.on_small_item(ctx.now, root);
        }
        self.drive_download(ctx, root);
        self.share_room(ctx, peer);
    }

    fn on_small_item(&mut self, now: clock::Time, root: Root) {
        for quest in self.items.values_mut().filter(|item| item.is_of(root)).filter_map(Item::quest_mut) {
            if let Some(pick) = &quest.pick {
                self.ranking.on_small_item(now, pick);
            }
        }
    }

    /// Lets the downloads that waited for room at a source ask for more. Each either asks or waits no longer.
    fn share_room(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        for _ in 0..DOWNLOADS_MAX {
            let Some(root) = self.flows.waiting(peer) else { return };
            let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) else { return };
            download.handle(ctx.now, &mut self.flows, DownloadInput::Room { peer });
            self.drive_download(ctx, root);
        }
    }

    /// A source says that it no longer offers a content, or that it does again.
    fn on_offered(&mut self, now: clock::Time, peer: PeerKey, root: Root, offered: bool) {
        for quest in self.items.values_mut().filter(|item| item.is_of(root)).filter_map(Item::quest_mut) {
            if quest.providers.on_offered(peer, offered) {
                self.unsettled = true;
                quest.search_if_alone(now);
            }
        }
    }

    fn on_stray(&mut self, ctx: &mut Context<'_>, peer: PeerKey, bytes: u64) {
        self.totals.wasted += bytes;
        let page = self.books.page(ctx.now, peer);
        page.strays += bytes;
        if page.strays > STRAYS_MAX {
            ctx.bans.insert(peer);
        }
    }

    pub(crate) fn on_stored(&mut self, ctx: &mut Context<'_>, root: Root, range: GroupRange) {
        if let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) {
            download.handle(ctx.now, &mut self.flows, DownloadInput::Stored { range });
            self.drive_download(ctx, root);
        }
    }

    pub(crate) fn on_store_failed(&mut self, ctx: &mut Context<'_>, root: Root, code: Code) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        match &mut content.place {
            // Nothing was taken up: the next attempt asks the store again.
            Place::Opening | Place::Elsewhere(_) => _ = self.contents.remove(&root),
            Place::Loading(download) => {
                download.handle(ctx.now, &mut self.flows, DownloadInput::StoreFailed);
                self.drive_download(ctx, root);
            }
            Place::Own(_) | Place::Stored(_) => return,
        }
        self.fail_items_of(ctx, root, code);
        self.offer_as_allowed(ctx.now, root);
        self.drive_uploads(ctx);
    }

    /// Does what a download wishes.
    pub(crate) fn drive_download(&mut self, ctx: &mut Context<'_>, root: Root) {
        while let Some(output) =
            self.contents.get_mut(&root).and_then(Content::download_mut).and_then(Download::poll_output)
        {
            match output {
                DownloadOutput::Send { peer, message } => {
                    if let Some(content) = self.contents.get_mut(&root) {
                        content.note_sent(peer, &message);
                    }
                    self.send(ctx, peer, message);
                }
                DownloadOutput::Store { range, bytes } => self.store(ctx, root, range, bytes),
                DownloadOutput::Held { range } => self.on_held(ctx, root, range),
                DownloadOutput::DropSource { peer, why } => self.on_drop_source(ctx, root, peer, why),
                DownloadOutput::Enough => self.on_enough(ctx, root),
                DownloadOutput::Done => self.on_done(ctx, root),
            }
        }
    }

    fn store(&mut self, ctx: &mut Context<'_>, root: Root, range: GroupRange, bytes: Bytes) {
        let download = self.contents.get_mut(&root).and_then(Content::download_mut);
        let proof = download.and_then(|download| download.proof(range)).unwrap_or_default();
        ctx.out.push(Output::Store { root, range, bytes, proof });
    }

    fn on_held(&mut self, ctx: &mut Context<'_>, root: Root, range: GroupRange) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        // The first chunk makes us a provider.
        self.unsettled |= content.held().ones() == range.whole_chunks(content.length).len() as u32;
        for chunk in range.whole_chunks(content.length) {
            content.asked.remove(&chunk);
        }
        if content.offered {
            self.uploads.handle(ctx.now, content::UploadInput::Held { root, range });
            self.drive_uploads(ctx);
        }
    }

    fn on_drop_source(&mut self, ctx: &mut Context<'_>, root: Root, peer: PeerKey, why: DropReason) {
        let lied = match why {
            DropReason::BadBytes(_) | DropReason::WrongShape { .. } | DropReason::OutOfBounds => true,
            DropReason::Unasked | DropReason::BrokenPromise => false,
        };
        self.unsettled = true;
        if let Some(content) = self.contents.get_mut(&root) {
            content.forget_peer(peer);
            if content.dropped.len() < PROVIDERS_MAX {
                content.dropped.insert(peer);
            }
        }
        for quest in self.items.values_mut().filter(|item| item.is_of(root)).filter_map(Item::quest_mut) {
            quest.providers.drop_for_good(peer, lied);
        }
        if lied {
            Self::ban_liar(ctx, peer);
        } else if why == DropReason::Unasked {
            ctx.bans.insert(peer);
        }
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, root: Root) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        let Some(outboard) = content.download_mut().and_then(|download| download.outboard()) else { return };
        content.place = Place::Stored(Arc::new(outboard));
        self.unsettled = true;
        content.asked.clear();
        // What was found whole is not used by that.
        let fetched = content.first_byte.is_some();
        for item in self.items.values_mut().filter(|item| item.is_of(root)) {
            if let Phase::Loading(_) = item.phase {
                // What an earlier visit fetched took no time in this one.
                item.took = content.first_byte.map(|_| ctx.now - item.since);
                item.phase = Phase::Held;
            }
        }
        if fetched {
            self.note_use(ctx, root);
        }
    }

    /// Ends a download that will not finish, politely: nobody is left sending to us.
    pub(crate) fn end_download(&mut self, ctx: &mut Context<'_>, root: Root) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        let Place::Loading(download) = &mut content.place else { return };
        let sources: Vec<PeerKey> = download.sources(&self.flows).map(|source| source.peer).collect();
        download.handle(ctx.now, &mut self.flows, DownloadInput::Pause);
        self.drive_download(ctx, root);
        for peer in sources {
            self.send(ctx, peer, Message::Unfollow { root });
            if let Some(download) = self.contents.get_mut(&root).and_then(Content::download_mut) {
                download.handle(ctx.now, &mut self.flows, DownloadInput::SourceGone { peer });
            }
        }
        self.drive_download(ctx, root);
    }

    /// The peer, or its stream, is gone: what was asked of it is missing again.
    pub(crate) fn forget_source(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        for quest in self.items.values_mut().filter_map(Item::quest_mut) {
            match quest.providers.role(peer) {
                Some(Role::Source | Role::Withdrawn) => {
                    quest.providers.set_role(peer, Role::Left);
                    quest.search_if_alone(ctx.now);
                }
                Some(Role::Asked { .. }) => quest.providers.set_role(peer, Role::Candidate),
                Some(Role::Candidate | Role::Resting { .. } | Role::Left | Role::Dropped) | None => {}
            }
        }
        for root in self.contents.keys().copied().collect::<Vec<_>>() {
            let Some(content) = self.contents.get_mut(&root) else { continue };
            if content.download_mut().is_some() {
                content.forget_peer(peer);
            }
            if let Some(download) = content.download_mut() {
                download.handle(ctx.now, &mut self.flows, DownloadInput::SourceGone { peer });
                self.drive_download(ctx, root);
            }
        }
    }
}
