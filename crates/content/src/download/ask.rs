//! Asking: whom, for what, how much at once.

use super::Download;
use super::endgame::{HELP_EVERY, RACE_GROUPS_MAX};
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
        let able = source.is_ready() && self.may_ask();
        let room = self.flows.room(peer, self.root());
        let out_of_room = able && room == 0 && self.groups.missing_count() > 0;
        self.set_waits(peer, out_of_room);
        if !able || room == 0 {
            return false;
        }
        if self.playhead.is_some() && self.ask_urgent(now, peer, room) {
            return true;
        }
        match self.pick(peer) {
            Some(chunk) => {
                let limit = room.min(self.fair_share()).min(self.in_time(peer, chunk));
                let missing = self.groups.missing(chunk);
                let Some(range) = missing.first_run(chunk, limit).filter(|range| !range.is_empty()) else {
                    // Others are quicker with what is left; if they turn out not to be, it is asked after all.
                    self.release_current(peer);
                    self.help_at = self.help_at.or(Some(now + HELP_EVERY));
                    return false;
                };
                self.groups.ask(chunk, Mask::of(range));
                self.request(now, peer, range);
                true
            }
            None => self.help(now, peer, room),
        }
    }

    /// One request for what a player needs, or a race for it.
    fn ask_urgent(&mut self, now: Time, peer: P, room: u32) -> bool {
        if let Some(range) = self.urgent(peer, room.min(self.fair_share())) {
            self.groups.ask(chunk_of(range.first), Mask::of(range));
            self.request(now, peer, range);
            return true;
        }
        if let Some(range) = self.urgent_overdue(now, peer, room.min(RACE_GROUPS_MAX)) {
            self.groups.race(chunk_of(range.first), Mask::of(range));
            self.request(now, peer, range);
            return true;
        }
        if self.urgent_in_flight() {
            self.help_at = self.help_at.or(Some(now + HELP_EVERY));
        }
        false
    }

    fn set_waits(&mut self, peer: P, waits: bool) {
        let root = self.root();
        if let Some(flow) = self.flows.get_mut(peer) {
            flow.set_waits(root, waits);
        }
    }

    pub(super) fn request(&mut self, now: Time, peer: P, range: GroupRange) {
        let known = self.verifier.known_above(range.first);
        let (length, root, config) = (self.length(), self.root(), *self.flows.config());
        let promise = self.flows.entry(now, peer).on_asked(now, root, range.byte_len(length), &config);
        let urgent = self.playhead.is_some_and(|playhead| playhead.contains(range.first));
        let promise = if urgent { promise.tightened() } else { promise };
        if let Some(source) = self.sources.get_mut(&peer) {
            source.push(now, range, length, promise);
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

    /// Groups of `chunk` that `peer` would bring before the others are done with everything else: a slow source
    /// gets no more than that, or all would wait for it at the end. No limit if nobody else could bring them.
    fn in_time(&self, peer: P, chunk: u32) -> u32 {
        let Some((flow, rate)) = self.flows.get(peer).and_then(|flow| Some((flow, flow.rate()?))) else {
            return GROUPS_PER_CHUNK;
        };
        let others = self.sources.iter().filter(|(other, source)| **other != peer && source.is_ready());
        if !others.clone().any(|(_, source)| source.holds(chunk)) {
            return GROUPS_PER_CHUNK;
        }
        let theirs: u64 = others.filter_map(|(other, _)| self.flows.get(*other)?.rate()).sum();
        let left = u64::from(self.groups.missing_count() + self.groups.in_flight_count()) * u64::from(GROUP_LEN);
        // Its share of what is left, by its rate, and what its answer time and one group add: the sum over all
        // sources is never less than what is left.
        let share = u128::from(left) * u128::from(rate) / u128::from((rate + theirs).max(1));
        let spare = super::flows::bytes_in(rate, flow.answer_time()) + u64::from(GROUP_LEN);
        let own = u64::try_from(share).unwrap_or(u64::MAX).saturating_add(spare);
        let free = own.saturating_sub(flow.outstanding().into()) / u64::from(GROUP_LEN);
        free.min(GROUPS_PER_CHUNK.into()) as u32
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
