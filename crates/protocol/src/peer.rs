//! The peer: hands every input to the room it concerns, then lets the rooms do what is due.
//!
//! Decides nothing itself. The order within one input is always the same, so that a run replays: the input's own
//! room, bans, then relays, transfers, connections, notices.

use crate::chain::Following;
use crate::connections::{Connections, Needs};
use crate::credit::Credit;
use crate::introductions::Introductions;
use crate::measurements::Measurements;
use crate::notices::{Notices, millis};
use crate::outbox::Outbox;
use crate::relays::Relays;
use crate::snapshot::{CreditView, Snapshot, Status};
use crate::transfers::{Context, Transfers, World};
use crate::wallet::Wallet;
use crate::{
    Code, Command, Config, Directory, Failure, Input, Introducer, Output, Path, PeerKey, RelayIndex, TabReport,
};
use clock::Time;
use content::{ContentId, Details, LinkKey, Root};
use core::time::Duration;
use ledger::amount::Credits;
use providers::{Limits, Request, Response, Table};
use std::collections::BTreeSet;

/// A deadline is never nearer than this: a mistake in a room may cost a wake-up a millisecond, never a tab that
/// spins.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// URLs that are asked like peers: the samples of a few relays.
const WEB_SOURCES_MAX: usize = 8;

/// One peer.
#[derive(Debug)]
pub struct Peer {
    me: PeerKey,
    config: Config,
    started: Time,
    /// The latest time heard; time never runs backwards here.
    now: Time,
    hidden: bool,
    relays: Relays,
    connections: Connections,
    transfers: Transfers,
    credit: Credit,
    introductions: Introductions,
    measurements: Measurements,
    notices: Notices,
    chain: Following,
    wallet: Wallet,
    /// What neighbours announced to us.
    announced: Table<PeerKey>,
    bans: BTreeSet<PeerKey>,
    /// Who is asked over HTTP instead of a connection, and for what.
    web_sources: BTreeSet<PeerKey>,
    out: Outbox,
}

impl Peer {
    /// A peer that knows nobody yet. Its first wishes, to dial the relays, are there at once.
    pub fn new(me: PeerKey, config: Config, now: Time) -> Self {
        let mut peer = Self {
            me,
            started: now,
            now,
            hidden: false,
            relays: Relays::new(now, &config),
            connections: Connections::new(now, me, &config),
            transfers: Transfers::new(now, &config),
            credit: Credit::new(now, me, &config),
            introductions: Introductions::default(),
            measurements: Measurements::default(),
            notices: Notices::default(),
            chain: Following::new(config.chain.as_ref()),
            wallet: Wallet::new(me),
            announced: Table::new(Limits::TAB),
            bans: BTreeSet::new(),
            web_sources: BTreeSet::new(),
            out: Outbox::default(),
            config,
        };
        peer.settle(now);
        peer
    }

    /// Our own key.
    pub fn me(&self) -> PeerKey {
        self.me
    }

    /// Hears one thing. Drain [`poll_output`](Self::poll_output) before the next.
    pub fn handle(&mut self, now: Time, input: Input) {
        let now = self.now.max(now);
        self.now = now;
        let frequent = matches!(
            input,
            Input::Content { .. }
                | Input::ContentFlushed { .. }
                | Input::Stored { .. }
                | Input::ReadDone { .. }
                | Input::ShareProgress { .. }
        );
        self.dispatch(now, input);
        let banned = self.apply_bans(now);
        let unsettled = self.transfers.is_unsettled() || self.credit.has_wishes();
        if !frequent || banned || unsettled || self.is_due(now) {
            self.settle(now);
        }
    }

    /// The next wish, in order; `None` when all are taken.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When to send [`Input::Wake`], if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadline().map(|deadline| deadline.max(self.now + SLEEP_MIN))
    }

    fn deadline(&self) -> Option<Time> {
        let rooms = [
            self.relays.next_deadline(),
            self.connections.next_deadline(),
            self.transfers.next_deadline(),
            self.chain.next_deadline(),
            self.wallet.next_deadline(),
            self.credit.next_deadline(),
        ];
        rooms.into_iter().flatten().min()
    }

    fn is_due(&self, now: Time) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn dispatch(&mut self, now: Time, input: Input) {
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Notice { code } => self.notices.raise(now, code, None),

            Input::RelayConnected { relay, key, way } => self.relays.on_connected(now, relay, key, way, &mut self.out),
            Input::RelayReserved { relay } => self.relays.on_reserved(now, relay),
            Input::RelayRefused { relay } => self.relays.on_refused(now, relay),
            Input::RelayLost { relay } => self.relays.on_lost(now, relay),
            Input::RelayRtt { relay, rtt } => self.relays.on_rtt(now, relay, rtt, self.hidden),

            Input::Discovered { from, peers } => self.on_discovered(now, from, &peers),
            Input::Dialling { peer, stage } => self.connections.on_dialling(now, peer, stage),
            Input::Connected { peer, path, dialled_by_us } => self.on_connected(now, peer, path, dialled_by_us),
            Input::Disconnected { peer, failure } => self.on_disconnected(now, peer, failure),
            Input::DialFailed { peer, failure } => self.connections.on_dial_failed(now, peer, failure),
            Input::Rtt { peer, rtt, kind } => {
                self.connections.on_heard(peer);
                self.measurements.on_rtt(now, peer, rtt, kind, self.hidden);
                self.transfers.expect(peer, &self.measurements);
            }
            Input::Candidates { peer, local, remote } => self.connections.on_candidates(peer, local, remote),

            Input::Content { peer, message } => self.on_content(now, peer, message),
            Input::ContentFlushed { peer, bytes } => self.with_transfers(|t, ctx| t.on_flushed(ctx, peer, bytes)),
            Input::ContentClosed { peer } => self.with_transfers(|t, ctx| t.on_stream_closed(ctx, peer)),
            Input::ContentMalformed { peer } => _ = self.bans.insert(peer),
            Input::Credit { peer, message } => self.on_credit(now, peer, message),
            Input::CreditMalformed { peer } => _ = self.bans.insert(peer),
            Input::Providers { root_of, peers, from } => self.on_providers(now, root_of, &peers, from),

            Input::ProvidersAsked { peer, request, token } => {
                let response = self.on_providers_asked(now, peer, request);
                self.out.push(Output::ProvidersAnswer { token, response });
            }
            Input::NeighboursAsked { peer, token } => {
                let peers = self.connections.direct().filter(|neighbour| *neighbour != peer).collect();
                self.out.push(Output::NeighboursAnswer { token, peers });
            }
            Input::IntroduceAsked { from, to, token } => {
                let connections = &self.connections;
                let direct = |peer| connections.is_direct(peer);
                let accept = self.introductions.on_asked(now, token, from, to, direct);
                self.out.push(Output::IntroduceAnswer { token, accept });
            }
            Input::IntroduceEnded { token } => self.introductions.on_ended(token),

            Input::ChainAnswered { ask, answer, clock } => {
                let answer = answer.map(|answer| *answer);
                if let Some(errand) = self.chain.on_answer(now, clock, ask, answer, &mut self.out) {
                    self.wallet.on_errand(now, errand, &mut self.chain, &mut self.out);
                }
            }
            Input::Account { id, lasting } => self.wallet.set_account(id, lasting),
            Input::BooksFound { bytes } => self.credit.on_found(now, &bytes, &mut self.out),
            Input::Signed { token, signature } => self.wallet.on_signed(now, token, signature, &self.chain),
            Input::Solved { stamp, counter } => self.wallet.on_solved(now, stamp, counter),

            Input::WebSource { id, key } => self.on_web_source(now, id, key),

            Input::ShareProgress { token, hashed } => self.transfers.on_share_progress(token, hashed),
            Input::Shared { token, manifest, key, outboard } => {
                self.with_transfers(|t, ctx| t.on_shared(ctx, token, manifest, key, outboard));
            }
            Input::ShareFailed { token, code } => self.transfers.on_share_failed(token, code),
            Input::Restored { manifest, keeping, outcome } => {
                self.with_transfers(|t, ctx| t.on_restored(ctx, manifest, keeping, outcome));
            }
            Input::Keeping { root, keeping } => self.transfers.on_keeping(root, keeping),
            Input::Found { manifest, pinned } => self.with_transfers(|t, ctx| t.on_found(ctx, manifest, pinned)),
            Input::NoRoom { root, short } => self.with_transfers(|t, ctx| t.on_no_room(ctx, root, short)),
            Input::Evicted { root, gone } => self.with_transfers(|t, ctx| t.on_evicted(ctx, root, gone)),
            Input::Gone { root } => self.with_transfers(|t, ctx| t.on_gone_from_store(ctx, root)),
            Input::Used { id } => self.with_transfers(|t, ctx| t.on_used(ctx, id)),
            Input::Reserved { root, kept } => self.with_transfers(|t, ctx| t.on_reserved(ctx, root, kept)),
            Input::Elsewhere { root, report } => self.with_transfers(|t, ctx| t.on_elsewhere(ctx, root, report)),
            Input::Claimed { root } => self.with_transfers(|t, ctx| t.on_claimed(ctx, root)),
            Input::Stored { root, range } => self.with_transfers(|t, ctx| t.on_stored(ctx, root, range)),
            Input::StoreFailed { root, code } => self.with_transfers(|t, ctx| t.on_store_failed(ctx, root, code)),
            Input::ReadDone { token, bytes } => self.with_transfers(|t, ctx| t.on_read(ctx, token, &bytes)),
            Input::ReadFailed { token, code } => self.with_transfers(|t, ctx| t.on_read_failed(ctx, token, code)),

            Input::Hidden(hidden) => {
                self.hidden = hidden;
                self.credit.set_hidden(now, hidden);
                self.credit.keep_now(now, &mut self.out);
            }
            Input::Metered(metered) => self.with_transfers(|t, ctx| t.set_metered(ctx, metered)),
            Input::Leaving => {
                self.credit.keep_now(now, &mut self.out);
                self.with_transfers(Transfers::hand_over);
            }
            Input::Wake => {}
        }
    }

    fn on_command(&mut self, now: Time, command: Command) {
        match command {
            Command::Share { token, name, media_type, length } => {
                self.with_transfers(|t, ctx| t.share(ctx, token, name, media_type, length));
            }
            Command::CancelShare { token } => self.with_transfers(|t, ctx| t.cancel_share(ctx, token)),
            Command::CancelReading { key } => self.with_transfers(|t, ctx| t.cancel_reading(ctx, key)),
            Command::Fetch { id } => self.with_transfers(|t, ctx| t.fetch(ctx, id, None)),
            Command::FetchPrivate { id, key } => self.with_transfers(|t, ctx| t.fetch(ctx, id, Some(key))),
            Command::Accept { id } => self.with_transfers(|t, ctx| t.accept(ctx, id)),
            Command::Want { id, parts } => self.with_transfers(|t, ctx| t.want(ctx, id, parts)),
            Command::Pause { id } => self.with_transfers(|t, ctx| t.pause(ctx, id)),
            Command::Resume { id } => self.with_transfers(|t, ctx| t.resume(ctx, id)),
            Command::Pin { id, pinned } => self.with_transfers(|t, ctx| t.pin(ctx, id, pinned)),
            Command::KeepInMemory { id } => self.with_transfers(|t, ctx| t.keep_in_memory(ctx, id)),
            Command::Play { id, at } => self.with_transfers(|t, ctx| t.play(ctx, id, at)),
            Command::Regain { id } => self.with_transfers(|t, ctx| t.regain(ctx, id)),
            Command::ShareAnew { id } => self.with_transfers(|t, ctx| t.share_anew(ctx, id)),
            Command::Remove { id } => self.with_transfers(|t, ctx| t.remove(ctx, id)),
            Command::Limit { caps, spent } => self.with_transfers(|t, ctx| t.set_caps(ctx, caps, spent)),
            Command::Learn(learns) => self.transfers.set_learning(learns, &self.measurements),
            Command::PassOn(pass_on) => self.with_transfers(|t, ctx| t.set_pass_on(ctx, pass_on)),
            Command::Collect => self.credit.collect(now),
            Command::SpendAtMost(cap) => self.credit.set_cap(now, cap.map(Credits)),
            Command::Disconnect { peer } => self.connections.disconnect(now, peer, &mut self.out),
            Command::Retry { peer } => self.connections.retry(now, peer),
            Command::RetryRelays => self.relays.retry_now(now),
            Command::Look(look) => self.chain.look(look, &mut self.out),
            Command::DismissNotice { code } => self.notices.dismiss(code),
        }
    }

    fn on_discovered(&mut self, now: Time, from: Introducer, peers: &[PeerKey]) {
        let news = self.connections.on_discovered(now, from, peers);
        if let (true, Introducer::Relay(relay)) = (news, from) {
            self.relays.on_news(relay);
        }
    }

    fn on_connected(&mut self, now: Time, peer: PeerKey, path: Path, dialled_by_us: bool) {
        self.connections.on_connected(now, peer, path, dialled_by_us, &mut self.out);
        if self.connections.is_direct(peer) {
            self.credit.on_connected(now, peer, &mut self.out);
        } else {
            self.credit.on_disconnected(now, peer);
            self.with_transfers(|t, ctx| t.on_gone(ctx, peer));
        }
    }

    fn on_disconnected(&mut self, now: Time, peer: PeerKey, failure: Failure) {
        self.connections.on_disconnected(now, peer, failure);
        self.announced.forget(peer);
        self.credit.on_disconnected(now, peer);
        self.with_transfers(|t, ctx| t.on_gone(ctx, peer));
    }

    /// A word about paying, which may let go what was held.
    fn on_credit(&mut self, now: Time, peer: PeerKey, message: crate::credit::wire::Message) {
        if self.connections.is_direct(peer) && !self.connections.is_banned(peer) {
            self.connections.on_heard(peer);
            if self.credit.on_message(now, peer, message, &mut self.out) {
                self.bans.insert(peer);
            }
            self.release_held();
        }
    }

    fn release_held(&mut self) {
        if self.credit.take_released() {
            self.with_transfers(Transfers::drive_uploads);
        }
    }

    /// Content over anything but a direct connection is a mistake of the sender's, not a crime: it may have
    /// lost the direct path a moment before we did.
    fn on_content(&mut self, now: Time, peer: PeerKey, message: content::Message) {
        let reached = self.connections.is_direct(peer) || self.web_sources.contains(&peer);
        if reached && !self.connections.is_banned(peer) {
            self.connections.on_heard(peer);
            self.with_transfers_at(now, |t, ctx| t.on_content(ctx, peer, message));
        }
    }

    fn on_web_source(&mut self, now: Time, id: ContentId, key: PeerKey) {
        if self.web_sources.len() < WEB_SOURCES_MAX {
            self.web_sources.insert(key);
            self.with_transfers(|t, ctx| t.fetch(ctx, id, None));
            self.transfers.on_providers(now, id, self.me, &[key]);
        }
    }

    fn on_providers(&mut self, now: Time, id: ContentId, peers: &[PeerKey], from: Introducer) {
        let honest: Vec<PeerKey> = peers.iter().copied().filter(|peer| !self.connections.is_banned(*peer)).collect();
        self.connections.on_discovered(now, from, &honest);
        self.transfers.on_providers(now, id, self.me, &honest);
    }

    fn on_providers_asked(&mut self, now: Time, peer: PeerKey, request: Request) -> Response<PeerKey> {
        if self.connections.is_banned(peer) {
            return match request {
                Request::Announce(_) => Response::Announced(0),
                Request::Find(_) => Response::Found(Vec::new()),
            };
        }
        self.announced.handle(now, peer, request)
    }

    fn with_transfers(&mut self, act: impl FnOnce(&mut Transfers, &mut Context<'_>)) {
        self.with_transfers_at(self.now, act);
    }

    fn with_transfers_at(&mut self, now: Time, act: impl FnOnce(&mut Transfers, &mut Context<'_>)) {
        let Self { out, notices, bans, credit, .. } = self;
        let mut ctx = Context { now, out, notices, bans, credit };
        act(&mut self.transfers, &mut ctx);
    }

    /// Bans whom the rooms named. Returns whether there was anybody.
    fn apply_bans(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(peer) = self.bans.pop_first() {
            any = true;
            self.connections.ban(now, peer, &mut self.out);
            self.credit.on_disconnected(now, peer);
            self.announced.forget(peer);
            self.with_transfers_at(now, |t, ctx| t.on_banned(ctx, peer));
        }
        any
    }

    /// Lets every room do what is due.
    fn settle(&mut self, now: Time) {
        self.announced.expire(now);
        self.relays.tick(now, self.connections.hungry(), &mut self.out);
        self.credit.tick(now, &mut self.out);
        let relays: Vec<RelayIndex> = self.relays.up().collect();
        self.chain.tick(now, relays.iter().map(|relay| Directory::Relay(*relay)), &mut self.out);
        self.settle_accounts(now);
        self.release_held();
        let world = World {
            connections: &self.connections,
            web_sources: &self.web_sources,
            announced: &self.announced,
            measurements: &self.measurements,
            relays: &relays,
        };
        let Self { out, notices, bans, credit, .. } = self;
        self.transfers.tick(&mut Context { now, out, notices, bans, credit }, world);
        self.apply_bans(now);
        let (mut wanted, busy) = (self.transfers.wanted(), self.transfers.busy(now));
        wanted.retain(|peer| !self.web_sources.contains(peer));
        let needs = Needs { wanted: &wanted, busy: &busy, relays: &relays, measurements: &self.measurements };
        self.connections.tick(now, needs, &mut self.out);
        self.notices.set(now, Code::RelayUnreachable, self.relays.unreachable());
        if !self.config.webrtc {
            self.notices.raise(now, Code::WebrtcBlocked, None);
        }
    }

    /// What paying wishes goes to the account, and what the account has proved goes to paying, until both are quiet.
    fn settle_accounts(&mut self, now: Time) {
        loop {
            while let Some(wish) = self.credit.take_wish() {
                self.wallet.on_wish(now, wish);
            }
            self.wallet.tick(now, &mut self.chain, &mut self.out);
            let mut news = false;
            while let Some(one) = self.wallet.take_news() {
                self.credit.on_news(now, one, &mut self.out);
                news = true;
            }
            // Each piece of news is told once, and leads to a few wishes at most.
            if !news {
                return;
            }
        }
    }

    /// The root of an item's bytes, once its manifest is here: what the store knows it by.
    pub fn root_of(&self, id: ContentId) -> Option<Root> {
        self.transfers.root_of(id)
    }

    /// As [`root_of`](Self::root_of), once all the bytes are here.
    pub fn whole_root_of(&self, id: ContentId) -> Option<Root> {
        self.transfers.whole_root_of(id)
    }

    /// How many groups of a content from `group` on are safe in the store, so that they can be read back: at most to the
    /// end of the group's chunk.
    pub fn readable(&self, root: Root, group: u32) -> u32 {
        self.transfers.readable(root, group)
    }

    /// Whether another tab of this person has the bytes of an item, and this one does not.
    pub fn is_elsewhere(&self, id: ContentId) -> bool {
        self.transfers.is_elsewhere(id)
    }

    /// How far a content is that this tab has open, for the other tabs of this person that wait for it.
    pub fn report_of(&self, now: Time, root: Root) -> Option<TabReport> {
        self.transfers.report_of(self.now.max(now), root)
    }

    /// What the bytes of an item are, and the key that opens them if they are private; once both are known.
    pub fn details_of(&self, id: ContentId) -> Option<(Details, Option<LinkKey>)> {
        self.transfers.details_of(id)
    }

    /// All that the screen may know.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        let now = self.now.max(now);
        let relays: Vec<RelayIndex> = self.relays.up().collect();
        let (wanted, busy) = (self.transfers.wanted(), self.transfers.busy(now));
        let needs = Needs { wanted: &wanted, busy: &busy, relays: &relays, measurements: &self.measurements };
        Snapshot {
            me: self.me.to_string(),
            status: self.status(),
            uptime_ms: millis(now - self.started),
            relays: self.relays.views(now),
            peers: self.connections.views(now, needs, &self.relays, |peer| self.transfers.exchanged(now, peer)),
            transfers: self.transfers.views(now),
            notices: self.notices.views(now),
            chain: self.chain.view(now, |at| match at {
                Directory::Relay(relay) => self.relays.name(relay),
                Directory::Neighbour(peer) => peer.to_string(),
            }),
            pass_on: self.transfers.pass_on(),
            allowance: self.transfers.allowance(now),
            metered: self.transfers.is_metered(),
            totals: self.transfers.totals(),
            learning: self.transfers.ranking().view(now),
            credit: self.credit(now),
        }
    }

    /// Who owes whom, as the screen may know it: part of the [`snapshot`](Self::snapshot), for those who want no more.
    pub fn credit(&self, now: Time) -> CreditView {
        self.credit.view(now, self.wallet.view(now), |root| self.transfers.name_of(root))
    }

    fn status(&self) -> Status {
        if self.relays.up().next().is_some() {
            Status::Online
        } else if self.connections.direct().next().is_some() {
            Status::Degraded
        } else if self.relays.is_starting() {
            Status::Starting
        } else {
            Status::Offline
        }
    }
}
