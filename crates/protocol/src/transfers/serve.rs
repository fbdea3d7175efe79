//! Giving: manifests by id, groups by root, to whoever asks over a direct connection.
//!
//! Who is served next is [`content::Uploads`]' choice; this file knows what we hold, reads it and proves it
//! again on the way out.

use super::held::Place;
use super::item::{Item, Phase};
use super::{Context, Transfers};
use crate::credit::Turn;
use crate::{Code, Output, PeerKey, ReadToken};
use bytes::Bytes;
use clock::Time;
use content::{ContentId, GroupRange, Message, ReadId, Refusal, Root, UploadInput, UploadOutput};
use core::time::Duration;
use std::collections::VecDeque;

/// Bytes that may wait in the node for one peer before we stop answering its small questions: a peer that asks
/// and does not read must not fill our memory. Groups have their own, smaller limit in `Uploads`.
const UNFLUSHED_MAX: u64 = 2 * 1024 * 1024;

/// Reads that wait are looked at this often at most: what a bucket gains meanwhile is kept, so no rate suffers.
const PACE: Duration = Duration::from_millis(20);

/// Reads under way at once.
const READS_MAX: usize = 8;

/// Reads that consumers may have asked for: two for each, so that nobody who waits keeps out somebody who pays.
pub(crate) const READS_ASKED_MAX: u32 = 2 * content::CONSUMERS_MAX as u32;

/// A read under way, for one peer's want.
#[derive(Debug)]
pub(crate) struct PendingRead {
    read: ReadId,
    peer: PeerKey,
    /// What it takes of the peer's credit; 0 until it begins.
    bytes: u64,
    root: Root,
    range: GroupRange,
    known: u8,
}

/// A read that waits for its turn: under the person's limits, and behind those who pay.
#[derive(Debug)]
pub(crate) struct HeldRead {
    token: ReadToken,
    peer: PeerKey,
    root: Root,
    range: GroupRange,
}

impl PendingRead {
    pub(super) fn id(&self) -> ReadId {
        self.read
    }

    pub(super) fn root(&self) -> Root {
        self.root
    }
}

impl HeldRead {
    pub(super) fn is_of(&self, root: Root) -> bool {
        self.root == root
    }

    pub(super) fn token(&self) -> ReadToken {
        self.token
    }
}

impl Transfers {
    /// Somebody opened a link to something they think we have.
    pub(crate) fn on_get_manifest(&mut self, ctx: &mut Context<'_>, peer: PeerKey, id: ContentId) {
        let known = self.items.get(&id).and_then(|item| item.manifest.as_ref());
        let offered = known.filter(|manifest| self.contents.get(&manifest.root).is_some_and(|c| c.offered));
        let answer = match offered {
            Some(manifest) => Message::Manifest { id, bytes: manifest.encode().into() },
            None => Message::NoContent { id },
        };
        if self.books.page(ctx.now, peer).unflushed <= UNFLUSHED_MAX {
            self.send(ctx, peer, answer);
        }
    }

    pub(crate) fn on_consumer_message(&mut self, ctx: &mut Context<'_>, peer: PeerKey, message: Message) {
        self.uploads.handle(ctx.now, UploadInput::Message { peer, message });
        self.drive_uploads(ctx);
    }

    /// Bytes of ours left the node's queue.
    pub(crate) fn on_flushed(&mut self, ctx: &mut Context<'_>, peer: PeerKey, bytes: u32) {
        let page = self.books.page(ctx.now, peer);
        page.unflushed = page.unflushed.saturating_sub(u64::from(bytes));
        self.uploads.handle(ctx.now, UploadInput::Flushed { peer, bytes });
        self.drive_uploads(ctx);
    }

    pub(crate) fn on_read(&mut self, ctx: &mut Context<'_>, token: ReadToken, bytes: &Bytes) {
        let Some(pending) = self.reads.remove(&token) else { return };
        let PendingRead { read, peer, bytes: asked, root, range, known } = pending;
        ctx.credit.on_read_over(peer, asked);
        self.note_use(ctx, root);
        let Some(content) = self.contents.get(&root) else {
            self.uploads.handle(ctx.now, UploadInput::ReadFailed { read, reason: Refusal::Withdrawn });
            return self.drive_uploads(ctx);
        };
        match content.encode(range, known, bytes) {
            Ok(messages) => {
                self.uploads.handle(ctx.now, UploadInput::ReadDone { read, messages });
                self.drive_uploads(ctx);
            }
            Err(_changed) => {
                let own = matches!(content.place, Place::Own(_));
                let code = if own { Code::FileChanged } else { Code::StorageRefused };
                self.on_unreadable(ctx, read, root, code);
            }
        }
    }

    pub(crate) fn on_read_failed(&mut self, ctx: &mut Context<'_>, token: ReadToken, code: Code) {
        if let Some(pending) = self.reads.remove(&token) {
            ctx.credit.on_read_over(pending.peer, pending.bytes);
            self.on_unreadable(ctx, pending.read, pending.root, code);
        }
    }

    /// What we hold is not what it was: stop offering it, and say so.
    fn on_unreadable(&mut self, ctx: &mut Context<'_>, read: ReadId, root: Root, code: Code) {
        self.uploads.handle(ctx.now, UploadInput::ReadFailed { read, reason: Refusal::Unreadable });
        self.end_download(ctx, root);
        self.fail_items_of(ctx, root, code);
        self.forget_stale_copy(ctx, root, code);
        self.offer_as_allowed(ctx.now, root);
        self.drive_uploads(ctx);
    }

    pub(crate) fn forget_consumer(&mut self, ctx: &mut Context<'_>, peer: PeerKey) {
        self.uploads.handle(ctx.now, UploadInput::PeerGone { peer });
        // What was held for it would wait for a turn that never comes.
        let (gone, held) = core::mem::take(&mut self.held_reads).into_iter().partition(|held| held.peer == peer);
        self.held_reads = held;
        let gone: VecDeque<HeldRead> = gone;
        for read in gone.into_iter().filter_map(|held| self.reads.remove(&held.token)) {
            let reason = Refusal::Withdrawn;
            self.uploads.handle(ctx.now, UploadInput::ReadFailed { read: read.read, reason });
        }
        self.drive_uploads(ctx);
    }

    /// Offers a content, or takes the offer back: own files always, fetched ones while they are passed on.
    pub(crate) fn offer_as_allowed(&mut self, now: Time, root: Root) {
        let usable = |item: &&Item| item.is_of(root) && !matches!(item.phase, Phase::Failed(_));
        let (mut any, mut own) = (false, false);
        for item in self.items.values().filter(usable) {
            any = true;
            own |= item.own;
        }
        let allowed = own || (any && self.pass_on && !self.metered && !self.allowance.is_spent());
        let Some(content) = self.contents.get_mut(&root) else { return };
        if allowed {
            // Also when it was offered before: more may be held now, and an offer only adds.
            let held = content.held();
            self.uploads.handle(now, UploadInput::Offer { root, length: content.length, held });
        } else if content.offered {
            self.uploads.handle(now, UploadInput::Withdraw { root });
        }
        content.offered = allowed;
    }

    /// Does what serving wishes.
    pub(crate) fn drive_uploads(&mut self, ctx: &mut Context<'_>) {
        while let Some(output) = self.uploads.poll_output() {
            match output {
                UploadOutput::Send { peer, message } => {
                    if let Message::Group { root, bytes, .. } = &message {
                        self.note_given(ctx.now, peer, *root, bytes.len() as u64);
                        ctx.credit.on_given(ctx.now, peer, *root, bytes.len() as u64);
                    }
                    self.books.page(ctx.now, peer).unflushed += message.encoded_len() as u64;
                    ctx.out.push(Output::SendContent { peer, message });
                }
                UploadOutput::Read { read, peer, root, range, known } => {
                    let token = ReadToken(self.next_read);
                    self.next_read += 1;
                    self.reads.insert(token, PendingRead { read, peer, bytes: 0, root, range, known });
                    self.held_reads.push_back(HeldRead { token, peer, root, range });
                }
                UploadOutput::Dismiss { peer, why: _ } => {
                    ctx.bans.insert(peer);
                }
            }
        }
        self.release_reads(ctx);
    }

    /// Begins the reads that may begin now: those for peers who pay or give before all others, each class in its order,
    /// as far as the person's limits, own files past what is passed on.
    fn release_reads(&mut self, ctx: &mut Context<'_>) {
        self.release_at = None;
        let mut day_is_spent = false;
        let waiting = core::mem::take(&mut self.held_reads);
        let (first, rest): (VecDeque<_>, VecDeque<_>) =
            waiting.into_iter().partition(|held: &HeldRead| ctx.credit.is_first(held.peer));
        let mut under_way = self.reads.len() - first.len() - rest.len();
        for held in first.into_iter().chain(rest) {
            if under_way >= READS_MAX {
                // The end of one of them is the next moment to look.
                self.held_reads.push_back(held);
                continue;
            }
            let HeldRead { token, peer, root, range } = held;
            let own = self.items.values().any(|item| item.own && item.is_of(root));
            let length = self.contents.get(&root).map_or(0, |content| content.length);
            let bytes = range.byte_range(length);
            let bytes = bytes.end.saturating_sub(bytes.start);
            let ready = match ctx.credit.turn(ctx.now, peer, bytes) {
                Turn::Now => Some(self.allowance.ready_at(ctx.now, own)),
                Turn::At(at) => Some(self.allowance.ready_at(ctx.now, own).max(at)),
                Turn::Held => None,
            };
            if ready.is_none_or(|ready| ready > ctx.now) {
                if let Some(ready) = ready.map(|ready| ready.max(ctx.now + PACE)) {
                    self.release_at = Some(self.release_at.map_or(ready, |at| at.min(ready)));
                }
                self.held_reads.push_back(HeldRead { token, peer, root, range });
                continue;
            }
            under_way += 1;
            self.allowance.take(ctx.now, own, bytes);
            ctx.credit.on_reading(ctx.now, peer, bytes);
            if let Some(pending) = self.reads.get_mut(&token) {
                pending.bytes = bytes;
            }
            ctx.out.push(Output::Read { token, root, range });
            day_is_spent |= !own && self.allowance.is_spent();
        }
        if day_is_spent {
            self.unsettled = true;
            self.offer_all_as_allowed(ctx);
        }
    }

    fn note_given(&mut self, now: Time, peer: PeerKey, root: Root, bytes: u64) {
        self.totals.given += bytes;
        let page = self.books.page(now, peer);
        page.given += bytes;
        page.give.add(now, bytes);
        if let Some(content) = self.contents.get_mut(&root) {
            content.to.add(now, peer, bytes);
        }
    }

    /// Sends a message of ours that is not a group, keeping both books of what waits in the node.
    pub(crate) fn send(&mut self, ctx: &mut Context<'_>, peer: PeerKey, message: Message) {
        let len = message.encoded_len();
        self.books.page(ctx.now, peer).unflushed += len as u64;
        let bytes = u32::try_from(len).unwrap_or(u32::MAX);
        self.uploads.handle(ctx.now, UploadInput::AlsoSent { peer, bytes });
        ctx.out.push(Output::SendContent { peer, message });
    }
}
