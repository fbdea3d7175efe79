//! Items: what the person shares and fetches, and the bytes behind them.
//!
//! An item is a content id, a name in the person's list; a content is a root, the bytes. Two items may be one
//! content. Serving, fetching and hashing each have their file; this one holds the state they share and says
//! what is due.
//!
//! Invariants: content flows over direct connections only; a root is dropped from the store when its last item
//! is; what was fetched is offered to others only while the person wants to pass it on; a peer that sent wrong
//! bytes is named for banning before anything else is asked of anybody.

mod allowance;
mod announce;
mod elsewhere;
mod fetch;
mod held;
mod item;
mod kept;
mod own;
mod providers_of;
mod room;
mod search;
mod serve;
mod share;
mod traffic;
mod views;
mod wanted;

pub use allowance::{Caps, RATE_MIN, Spent};
pub use elsewhere::TabReport;
use held::{Content, Place};
pub use own::Keeping;
pub use room::MEMORY_LENGTH_MAX;

use crate::choice::{Choice, Room};
use crate::connections::{Connections, Exchanged, Traffic};
use crate::credit::Credit;
use crate::measurements::Measurements;
use crate::notices::{Notices, millis};
use crate::outbox::Outbox;
use crate::ranking::{Pick, Ranking};
use crate::snapshot::{AllowanceView, Totals};
use crate::{Code, Config, Directory, Output, PeerKey, ReadToken, RelayIndex, ShareToken};
use allowance::Allowance;
use announce::Announcer;
use clock::Time;
use content::{ContentId, Details, FlowConfig, Flows, LinkKey, Manifest, Message, Root, UploadConfig, Uploads};
use core::time::Duration;
use item::{Item, Phase};
use serve::{HeldRead, PendingRead};
use share::Hashing;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use traffic::Books;

/// Items in the list: as many as one announcement names.
pub(crate) const ITEMS_MAX: usize = providers::IDS_MAX;

/// Providers proposed for dialling at once: all our own places, nearly three times over.
const WANTED_MAX: usize = 32;

/// What every handler may use.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) out: &'a mut Outbox,
    pub(crate) notices: &'a mut Notices,
    /// Peers that broke a protocol or sent wrong bytes, to be banned at the end of this input.
    pub(crate) bans: &'a mut BTreeSet<PeerKey>,
    /// Who is served first, and what it is worth.
    pub(crate) credit: &'a mut Credit,
}

/// What the other rooms know that decides what is due here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    pub(crate) connections: &'a Connections,
    /// Who is asked over HTTP: as good as a direct connection.
    pub(crate) web_sources: &'a BTreeSet<PeerKey>,
    /// What neighbours announced to us.
    pub(crate) announced: &'a providers::Table<PeerKey>,
    pub(crate) measurements: &'a Measurements,
    pub(crate) relays: &'a [RelayIndex],
}

impl World<'_> {
    /// Whether content can be asked of `peer` now.
    pub(crate) fn reaches(&self, peer: PeerKey) -> bool {
        self.connections.is_direct(peer) || self.web_sources.contains(&peer)
    }
}

/// All items.
#[derive(Debug)]
pub(crate) struct Transfers {
    ask_above: u64,
    webrtc: bool,
    items: BTreeMap<ContentId, Item>,
    hashing: BTreeMap<ShareToken, Hashing>,
    contents: BTreeMap<Root, Content>,
    /// What every source can take, over all downloads.
    flows: Flows<PeerKey>,
    /// Whom to ask first.
    ranking: Ranking,
    uploads: Uploads<PeerKey>,
    reads: BTreeMap<ReadToken, PendingRead>,
    allowance: Allowance,
    /// Reads that wait for their turn under the person's limits; as many as `Uploads` has under way.
    held_reads: VecDeque<HeldRead>,
    /// When the first of them may go.
    release_at: Option<Time>,
    /// The browser says that bytes cost money.
    metered: bool,
    announcer: Announcer,
    books: Books,
    totals: Totals,
    pass_on: bool,
    /// What has to make way, for each content that waits for room.
    making_room: BTreeMap<Root, BTreeSet<Root>>,
    /// Uses of contents so far.
    uses: u64,
    next_key: u64,
    next_read: u64,
    choice: Choice,
    /// The earliest moment at which a tick could do more than it did; downloads and uploads have their own.
    wake_at: Option<Time>,
    /// Something happened that a tick has to follow up, before its time.
    unsettled: bool,
}

impl Transfers {
    pub(crate) fn new(now: Time, config: &Config) -> Self {
        Self {
            ask_above: config.ask_above,
            webrtc: config.webrtc,
            items: BTreeMap::new(),
            hashing: BTreeMap::new(),
            contents: BTreeMap::new(),
            flows: Flows::new(FlowConfig::default()),
            ranking: Ranking::new(config.seed),
            uploads: Uploads::new(UploadConfig { reads_max: serve::READS_ASKED_MAX, ..UploadConfig::default() }),
            reads: BTreeMap::new(),
            allowance: Allowance::new(now, Caps::default()),
            held_reads: VecDeque::new(),
            release_at: None,
            metered: false,
            announcer: Announcer::default(),
            books: Books::default(),
            totals: Totals::default(),
            pass_on: false,
            making_room: BTreeMap::new(),
            uses: 0,
            next_key: 1,
            next_read: 1,
            choice: Choice::new(config.seed, Room::Transfers),
            wake_at: None,
            unsettled: false,
        }
    }

    /// Whether a tick is needed although nothing is due.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// A content message from a directly connected peer.
    pub(crate) fn on_content(&mut self, ctx: &mut Context<'_>, peer: PeerKey, message: Message) {
        match message {
            Message::GetManifest { id } => self.on_get_manifest(ctx, peer, id),
            Message::Manifest { id, bytes } => self.on_manifest(ctx, peer, id, &bytes),
            Message::NoContent { id } => self.on_no_content(ctx, peer, id),
            Message::Follow { .. } | Message::Unfollow { .. } | Message::Want { .. } | Message::Cancel { .. } => {
                self.on_consumer_message(ctx, peer, message);
            }
            Message::Holds { .. } | Message::Have { .. } | Message::Group { .. } | Message::Refuse { .. } => {
                self.on_provider_message(ctx, peer, message);
            }
        }
    }

    /// The peer, or its content stream, is gone: what was asked of it, and of us by it, is void.
    pub(crate) fn on_gone(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        self.books.on_closed(peer);
        self.forget_source(ctx, peer);
        self.flows.forget(peer);
        self.forget_consumer(ctx, peer);
    }

    /// The content stream broke while the peer stays connected: leave it alone for a while.
    pub(crate) fn on_stream_closed(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        for item in self.items.values_mut() {
            if let Some(quest) = item.quest_mut()
                && quest.providers.sources().any(|source| source == peer)
            {
                quest.providers.rest_briefly(ctx.now, peer);
            }
        }
        self.on_gone(ctx, peer);
    }

    /// The peer was banned: never ask it for anything again.
    pub(crate) fn on_banned(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        for item in self.items.values_mut() {
            if let Some(quest) = item.quest_mut() {
                quest.providers.drop_for_good(peer, false);
            }
        }
        self.on_gone(ctx, peer);
    }

    /// The person decides whether what was fetched is served.
    pub(crate) fn set_pass_on(&mut self, ctx: &mut Context<'_>, pass_on: bool) {
        self.pass_on = pass_on;
        self.offer_all_as_allowed(ctx);
    }

    /// The person's limits on what is given.
    pub(crate) fn set_caps(&mut self, ctx: &mut Context<'_>, caps: Caps, spent: Spent) {
        self.allowance.set(ctx.now, caps, spent);
        self.offer_all_as_allowed(ctx);
    }

    /// The connection began or ceased to cost by the byte: what nobody said yes to waits for a yes.
    pub(crate) fn set_metered(&mut self, ctx: &mut Context<'_>, metered: bool) {
        self.metered = metered;
        self.offer_all_as_allowed(ctx);
        if metered {
            self.ask_again(ctx);
        }
    }

    pub(crate) fn is_metered(&self) -> bool {
        self.metered
    }

    pub(crate) fn allowance(&self, now: Time) -> AllowanceView {
        let ends = self.allowance.day_ends().map(|ends| millis(ends - now));
        AllowanceView { caps: self.allowance.caps(), passed_on_today: self.allowance.today(), day_ends_in_ms: ends }
    }

    pub(crate) fn offer_all_as_allowed(&mut self, ctx: &mut Context<'_>) {
        for root in self.contents.keys().copied().collect::<Vec<_>>() {
            self.offer_as_allowed(ctx.now, root);
        }
        self.drive_uploads(ctx);
    }

    /// Forgets an item, and its bytes if no other item has them.
    pub(crate) fn remove(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(item) = self.items.remove(&id) else { return };
        self.clear_failure(ctx, &item.phase);
        let Some(root) = item.manifest.map(|manifest| manifest.root) else { return };
        self.release(ctx, root);
        self.retry_full(ctx);
    }

    /// Drops a content that no item needs any more, or stops a download that no item waits for.
    fn release(&mut self, ctx: &mut Context<'_>, root: Root) {
        let users = || self.items.values().filter(|item| item.is_of(root));
        if users().next().is_none() {
            self.end_download(ctx, root);
            if self.contents.remove(&root).is_some_and(|content| content.offered) {
                self.uploads.handle(ctx.now, content::UploadInput::Withdraw { root });
                self.drive_uploads(ctx);
            }
            ctx.out.push(Output::Drop { root });
        } else {
            self.apply_wanted(ctx, root);
            self.offer_as_allowed(ctx.now, root);
        }
    }

    /// Puts a failed read or store, or an unreadable file, where the person sees it.
    fn fail_items_of(&mut self, ctx: &mut Context<'_>, root: Root, code: Code) {
        self.unsettled = true;
        ctx.notices.raise(ctx.now, code, None);
        for item in self.items.values_mut().filter(|item| item.is_of(root)) {
            item.phase = Phase::Failed(code);
        }
    }

    /// An item that failed goes on or away: its notice goes with it, unless another item has the same trouble.
    fn clear_failure(&self, ctx: &mut Context<'_>, phase: &Phase) {
        let Phase::Failed(code) = phase else { return };
        let same = |item: &Item| matches!(&item.phase, Phase::Failed(other) if other == code);
        if self.items.values().filter(|item| same(item)).count() == 0 {
            ctx.notices.clear(*code);
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, ctx: &mut Context<'_>, world: World<'_>) {
        let directories = directories(world);
        self.tick_quests(ctx, world, &directories);
        self.tick_downloads(ctx);
        self.uploads.handle(ctx.now, content::UploadInput::Wake);
        self.drive_uploads(ctx);
        if self.allowance.tick(ctx.now) {
            self.offer_all_as_allowed(ctx);
        }
        let ids = self.announced_ids();
        self.announcer.tick(ctx.now, &directories, ids, ctx.out);
        if !self.is_full() {
            ctx.notices.clear(Code::LimitReached);
        }
        self.wake_at = self.next_change(ctx.now, world, &directories);
        self.unsettled = false;
    }

    fn next_change(&self, now: Time, world: World<'_>, directories: &BTreeSet<Directory>) -> Option<Time> {
        let quests = self.items.values().filter_map(Item::active_quest).filter_map(|quest| {
            let search = (!directories.is_empty()).then_some(quest.search.next_at());
            let hope = quest.providers.hope_ends(now, world.connections);
            let alone = quest.pick.as_ref().map(Pick::alone_until).filter(|until| *until > now);
            search
                .into_iter()
                .chain(alone)
                .chain(quest.providers.next_deadline())
                .chain(quest.patience_ends(now))
                .chain(hope)
                .min()
        });
        quests.chain(self.announcer.next_deadline()).min()
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let downloads = self.contents.values().filter_map(|content| match &content.place {
            Place::Loading(download) => download.next_deadline(&self.flows),
            Place::Opening | Place::Elsewhere(_) | Place::Own(_) | Place::Stored(_) => None,
        });
        let giving = self.release_at.into_iter().chain(self.allowance.next_deadline());
        downloads.chain(self.wake_at).chain(self.uploads.next_deadline()).chain(giving).min()
    }

    /// All we serve: own files before what is passed on, newest first.
    fn announced_ids(&self) -> Vec<ContentId> {
        let served = |item: &&Item| {
            let content = item.manifest.as_ref().and_then(|manifest| self.contents.get(&manifest.root));
            !matches!(item.phase, Phase::Failed(_))
                && content.is_some_and(|content| content.offered && content.holds_some())
        };
        let mut items: Vec<&Item> = self.items.values().filter(served).collect();
        items.sort_by_key(|item| (!item.own, core::cmp::Reverse((item.since, item.key))));
        items.into_iter().map(|item| item.id).collect()
    }

    /// Providers of what the person waits for: worth a dial, or worth keeping.
    pub(crate) fn wanted(&self) -> Vec<PeerKey> {
        let mut items: Vec<&Item> = self.items.values().filter(|item| item.active_quest().is_some()).collect();
        items.sort_by_key(|item| item.key);
        let mut wanted = Vec::new();
        for peer in items.into_iter().filter_map(Item::active_quest).flat_map(|quest| quest.providers.wanted()) {
            if wanted.len() < WANTED_MAX && !wanted.contains(&peer) {
                wanted.push(peer);
            }
        }
        wanted
    }

    /// Peers that content moves to or from.
    pub(crate) fn busy(&self, now: Time) -> BTreeSet<PeerKey> {
        self.books.moving(now).collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    pub(crate) fn ranking(&self) -> &Ranking {
        &self.ranking
    }

    /// Whether choices go by what was measured. Off, downloads forget what they were told of their sources' paths.
    pub(crate) fn set_learning(&mut self, learns: bool, measurements: &Measurements) {
        self.ranking.set_learning(learns);
        let sources: BTreeSet<PeerKey> =
            self.contents.values().flat_map(|content| content.sources(&self.flows)).collect();
        for peer in sources {
            self.expect(peer, measurements);
        }
    }

    /// Tells the downloads what a source's path is like, as it was measured.
    pub(crate) fn expect(&mut self, peer: PeerKey, measurements: &Measurements) {
        let outlook = if self.ranking.learns() { measurements.expectation(peer) } else { None };
        self.flows.expect(peer, outlook);
    }

    pub(crate) fn pass_on(&self) -> bool {
        self.pass_on
    }

    fn traffic(&self, now: Time, peer: PeerKey) -> Traffic {
        self.books.get(peer).map_or(Traffic::default(), |page| Traffic {
            given: page.given,
            taken: page.taken,
            give_rate: page.give.per_second(now),
            take_rate: page.take.per_second(now),
        })
    }

    /// What went between us and a peer, and how it fared when sources were chosen.
    pub(crate) fn exchanged(&self, now: Time, peer: PeerKey) -> Exchanged {
        Exchanged { traffic: self.traffic(now, peer), picked: self.ranking.picked(peer) }
    }

    pub(crate) fn root_of(&self, id: ContentId) -> Option<Root> {
        self.manifest_of(id).map(|manifest| manifest.root)
    }

    /// The content id that a root is listed under: the oldest, if there are several.
    pub(crate) fn name_of(&self, root: Root) -> Option<String> {
        let items = self.items.values().filter(|item| item.is_of(root));
        items.min_by_key(|item| item.key).map(|item| item.id.to_string())
    }

    fn manifest_of(&self, id: ContentId) -> Option<&Manifest> {
        self.items.get(&id)?.manifest.as_ref()
    }

    pub(crate) fn readable(&self, root: Root, group: u32) -> u32 {
        self.contents.get(&root).map_or(0, |content| content.readable(group))
    }

    pub(crate) fn whole_root_of(&self, id: ContentId) -> Option<Root> {
        let root = self.root_of(id)?;
        self.contents.get(&root).filter(|content| !content.is_loading()).map(|_| root)
    }

    pub(crate) fn details_of(&self, id: ContentId) -> Option<(Details, Option<LinkKey>)> {
        let item = self.items.get(&id)?;
        Some((item.details.clone()?, item.link_key.clone()))
    }

    fn is_full(&self) -> bool {
        self.items.len() + self.hashing.len() >= ITEMS_MAX
    }

    fn new_key(&mut self) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        key
    }
}

impl Item {
    fn is_of(&self, root: Root) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.root == root)
    }
}

impl item::Quest {
    /// When a search that found nobody says so, if that is still to come.
    fn patience_ends(&self, now: Time) -> Option<Time> {
        let ends = self.began + PATIENCE;
        (self.waiting.is_none() && ends > now).then_some(ends)
    }
}

/// How long a search may go on before the screen says that nobody has it: the first askings are answered.
const PATIENCE: Duration = Duration::from_secs(3);

fn directories(world: World<'_>) -> BTreeSet<Directory> {
    let relays = world.relays.iter().copied().map(Directory::Relay);
    relays.chain(world.connections.direct().map(Directory::Neighbour)).collect()
}
