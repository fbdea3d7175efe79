//! Taking back: what a source will not bring, or should not, is missing again.

use super::groups::Mask;
use super::{BANNED_MAX, Download, DownloadOutput, DropReason, Source};
use crate::{GroupRange, Message};
use clock::Time;
use core::fmt::Debug;

impl<P: Copy + Ord + Debug> Download<P> {
    /// Nobody brings these groups now, unless a second source was asked.
    pub(super) fn missing_again(&mut self, chunk: u32, mask: Mask) {
        self.groups.give_up(chunk, mask);
        self.refresh(chunk);
    }

    /// Takes the oldest request back from a source that is still there. False if there was none.
    pub(super) fn take_back_first(&mut self, peer: P) -> bool {
        let Some(request) = self.sources.get_mut(&peer).and_then(Source::take_back_first) else { return false };
        self.settle(peer, request.bytes_left);
        self.missing_again(request.chunk, request.left);
        let root = self.root();
        for range in request.left.runs(request.chunk) {
            self.send(peer, Message::Cancel { root, range });
        }
        true
    }

    /// Takes back what of `range` is in flight with `peer`. False if nothing is.
    pub(super) fn take_back_range(&mut self, peer: P, range: GroupRange) -> bool {
        let length = self.length();
        let Some(source) = self.sources.get_mut(&peer) else { return false };
        let before = source.outstanding();
        let taken = source.take_back(range, length);
        let bytes = before - source.outstanding();
        self.settle(peer, bytes);
        for &(chunk, mask) in &taken {
            self.missing_again(chunk, mask);
        }
        !taken.is_empty()
    }

    /// Bytes are not asked of a source any more.
    pub(super) fn settle(&mut self, peer: P, bytes: u32) {
        let root = self.root();
        if let Some(flow) = self.flows.get_mut(peer) {
            flow.on_settled(root, bytes);
        }
    }

    pub(super) fn take_back_all(&mut self, peer: P) {
        while self.take_back_first(peer) {}
        self.release_current(peer);
    }

    /// It failed us: everything is taken back, and it is left alone for a while.
    pub(super) fn rest(&mut self, now: Time, peer: P) {
        self.take_back_all(peer);
        if let Some(source) = self.sources.get_mut(&peer) {
            source.rest(now, &self.config);
        }
        if let Some(flow) = self.flows.get_mut(peer) {
            flow.on_failed();
        }
    }

    pub(super) fn release_current(&mut self, peer: P) {
        if let Some(chunk) = self.sources.get_mut(&peer).and_then(|source| source.current.take()) {
            self.claimed.remove(chunk);
            self.refresh(chunk);
        }
    }

    /// A source that is no longer there. False if it was not known.
    pub(super) fn forget(&mut self, peer: P) -> bool {
        self.release_current(peer);
        let Some(mut source) = self.sources.remove(&peer) else { return false };
        self.flows.leave(peer, self.manifest.root);
        while let Some(request) = source.take_back_first() {
            self.missing_again(request.chunk, request.left);
        }
        if !source.held().is_full() {
            source.held().iter().for_each(|chunk| self.rarity.fewer(chunk));
        }
        true
    }

    pub(super) fn drop_source(&mut self, now: Time, peer: P, why: DropReason) {
        self.forget(peer);
        self.banned.insert(peer);
        if self.banned.len() > BANNED_MAX {
            self.banned.pop_first();
        }
        self.outbox.push_back(DownloadOutput::DropSource { peer, why });
        self.ask_all(now);
    }
}
