//! Asking: whom, for what, how much at once.

use super::Download;
use super::groups::Mask;
use crate::layout::chunk_of;
use crate::{GROUP_LEN, GROUPS_PER_CHUNK, GroupRange, Message};
use clock::Time;
use core::fmt::Debug;

/// Unfinished chunks looked at for a source that may not hold them.
const BEGUN_LOOKED_AT_MAX: usize = 64;

impl<P: Copy + Ord + Debug> Download<P> {
    /// Everyone gets one request in turn, until nobody has room or nothing is left to ask for.
    pub(super) fn ask_all(&mut self, now: Time) {
        let mut peers = self.peers();
        while !peers.is_empty() {
            peers.retain(|&peer| self.ask_once(now, peer));
        }
    }

    pub(super) fn ask(&mut self, now: Time, peer: P) {
        while self.ask_once(now, peer) {}
    }

    /// One more request, if there is room for one and something to ask for.
    pub(super) fn ask_once(&mut self, now: Time, peer: P) -> bool {
        let Some(source) = self.sources.get(&peer) else { return false };
        let room = source.room(&self.config);
        if !source.is_ready() || room == 0 || !self.may_ask() {
            return false;
        }
        match self.pick(peer) {
            Some(chunk) => {
                let limit = room.min(self.fair_share());
                let Some(range) = self.groups.missing(chunk).first_run(chunk, limit) else { return false };
                self.groups.ask(chunk, Mask::of(range));
                self.request(now, peer, range);
                true
            }
            None => self.race(now, peer, room),
        }
    }

    pub(super) fn request(&mut self, now: Time, peer: P, range: GroupRange) {
        let known = self.verifier.known_above(range.first);
        let length = self.length();
        if let Some(source) = self.sources.get_mut(&peer) {
            source.push(now, range, length, &self.config);
        }
        self.refresh(chunk_of(range.first));
        self.send(peer, Message::Want { root: self.root(), range, known });
    }

    fn may_ask(&self) -> bool {
        let unstored = self.groups.verified_bytes() - self.groups.stored_bytes();
        let in_flight = u64::from(self.groups.in_flight_count()) * u64::from(GROUP_LEN);
        !self.paused && !self.done && unstored + in_flight < u64::from(self.config.buffer_max)
    }

    /// Groups that one request may take so that something is left for the other sources, too.
    fn fair_share(&self) -> u32 {
        let ready = self.sources.values().filter(|source| source.is_ready()).count() as u32;
        self.groups.missing_count().div_ceil(ready.max(1)).clamp(1, GROUPS_PER_CHUNK)
    }

    /// The chunk that a source goes on with, or begins.
    fn pick(&mut self, peer: P) -> Option<u32> {
        let source = self.sources.get(&peer)?;
        if let Some(chunk) = source.current {
            if !self.groups.missing(chunk).is_empty() {
                return Some(chunk);
            }
            self.release_current(peer);
        }
        let source = self.sources.get(&peer)?;
        let begun = self.begun.iter().take(BEGUN_LOOKED_AT_MAX).copied().find(|&chunk| source.holds(chunk));
        let open = begun.or_else(|| self.rarity.rarest(source.held(), &mut self.random));
        if let Some(chunk) = open {
            self.claim(peer, chunk);
            return Some(chunk);
        }
        // Everything open to it is taken: help with what others work on.
        let others = self.sources.values().filter_map(|other| other.current);
        others.filter(|&chunk| source.holds(chunk)).find(|&chunk| !self.groups.missing(chunk).is_empty())
    }

    fn claim(&mut self, peer: P, chunk: u32) {
        if let Some(source) = self.sources.get_mut(&peer) {
            source.current = Some(chunk);
            self.claimed.insert(chunk);
            self.refresh(chunk);
        }
    }
}
