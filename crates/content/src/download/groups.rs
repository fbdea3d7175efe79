//! The state of every group of one download, 16 to a word.
//!
//! Invariant: a group is unwanted, missing, in flight, or verified, and exactly one of them. In flight may be with
//! one source or, in a race, with two. Stored is a property of verified groups only. Every change costs the same for a content
//! of any length.

use crate::GroupRange;
use crate::layout::{GROUPS_PER_CHUNK, chunk_count, chunk_of, group_count};

/// Some of the groups of one chunk: bit `i` is the chunk's group `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask(u16);

impl Mask {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(u16::MAX);

    /// The part of `range` that lies in its first group's chunk.
    pub(super) fn of(range: GroupRange) -> Self {
        let first = range.first % GROUPS_PER_CHUNK;
        let count = range.count.min(GROUPS_PER_CHUNK - first);
        Self((((1u32 << count) - 1) << first) as u16)
    }

    /// The part of `range` that lies in `chunk`.
    pub(super) fn of_chunk(chunk: u32, range: GroupRange) -> Self {
        Self::of(range.intersection(GroupRange::new(chunk * GROUPS_PER_CHUNK, GROUPS_PER_CHUNK)))
    }

    pub(super) fn single(group: u32) -> Self {
        Self::of(GroupRange::single(group))
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The first run of groups in it, at most `limit` long, as groups of the chunk's content.
    pub(super) fn first_run(self, chunk: u32, limit: u32) -> Option<GroupRange> {
        let first = (!self.is_empty()).then(|| self.0.trailing_zeros())?;
        let run = (self.0 >> first).trailing_ones();
        Some(GroupRange::new(chunk * GROUPS_PER_CHUNK + first, run.min(limit)))
    }

    /// The end of the last run, at most `limit` groups.
    pub(super) fn last_run(self, chunk: u32, limit: u32) -> Option<GroupRange> {
        let last = u16::BITS - self.0.leading_zeros();
        let run = (self.0 << self.0.leading_zeros().min(u16::BITS - 1)).leading_ones().min(limit);
        (!self.is_empty()).then(|| GroupRange::new(chunk * GROUPS_PER_CHUNK + last - run, run))
    }

    /// All its runs, in order.
    pub(super) fn runs(self, chunk: u32) -> impl Iterator<Item = GroupRange> {
        let mut left = self;
        core::iter::from_fn(move || {
            let run = left.first_run(chunk, GROUPS_PER_CHUNK)?;
            left = left.without(Self::of(run));
            Some(run)
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    wanted: Mask,
    verified: Mask,
    stored: Mask,
    in_flight: Mask,
    /// Those in flight with two sources.
    raced: Mask,
}

/// All groups of one content.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    length: u64,
    chunks: Vec<Chunk>,
    missing: u32,
    in_flight: u32,
    wanted_bytes: u64,
    verified_bytes: u64,
    stored_bytes: u64,
}

impl Groups {
    /// All missing.
    pub(super) fn new(length: u64) -> Self {
        let all = |chunk| Chunk { wanted: Mask::of(GroupRange::of_chunk(chunk, length)), ..Chunk::default() };
        let chunks = (0..chunk_count(length)).map(all).collect();
        let (missing, wanted_bytes) = (group_count(length), length);
        Self { length, chunks, missing, in_flight: 0, wanted_bytes, verified_bytes: 0, stored_bytes: 0 }
    }

    /// Bytes of the groups that are wanted or here.
    pub(super) fn wanted_bytes(&self) -> u64 {
        self.wanted_bytes
    }

    /// The groups of `chunk` that are wanted or here.
    pub(super) fn wanted(&self, chunk: u32) -> Mask {
        let state = self.chunks[chunk as usize];
        state.wanted.or(state.verified)
    }

    /// From now on these groups of `chunk` are wanted. Nothing else of it may be in flight.
    pub(super) fn set_wanted(&mut self, chunk: u32, mask: Mask) {
        let (wanted, missed) = (self.wanted(chunk), self.missing(chunk));
        let all = self.all(chunk);
        let state = &mut self.chunks[chunk as usize];
        debug_assert!(state.in_flight.without(mask).is_empty(), "what is not wanted is not asked for");
        state.wanted = mask.and(all);
        self.missing = self.missing - missed.count() + self.missing(chunk).count();
        self.wanted_bytes = self.wanted_bytes - self.bytes_of(chunk, wanted) + self.bytes_of(chunk, self.wanted(chunk));
    }

    pub(super) fn missing_count(&self) -> u32 {
        self.missing
    }

    pub(super) fn in_flight_count(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn verified_bytes(&self) -> u64 {
        self.verified_bytes
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    fn all(&self, chunk: u32) -> Mask {
        Mask::of(GroupRange::of_chunk(chunk, self.length))
    }

    /// The wanted groups of `chunk` that nobody was asked for.
    pub(super) fn missing(&self, chunk: u32) -> Mask {
        let state = self.chunks[chunk as usize];
        state.wanted.without(state.verified).without(state.in_flight)
    }

    /// The groups of `chunk` that somebody was asked for.
    pub(super) fn in_flight(&self, chunk: u32) -> Mask {
        self.chunks[chunk as usize].in_flight
    }

    /// The groups of `chunk` in flight with exactly one source.
    pub(super) fn unraced(&self, chunk: u32) -> Mask {
        let state = self.chunks[chunk as usize];
        state.in_flight.without(state.raced)
    }

    /// The groups of `chunk` in flight with two sources.
    pub(super) fn raced(&self, chunk: u32) -> Mask {
        self.chunks[chunk as usize].raced
    }

    /// Something of `chunk` was asked for, or is here.
    pub(super) fn is_begun(&self, chunk: u32) -> bool {
        let state = self.chunks[chunk as usize];
        !state.verified.or(state.in_flight).is_empty()
    }

    /// At least one source was asked for it, and did not give up.
    pub(super) fn is_in_flight(&self, group: u32) -> bool {
        !self.chunks[chunk_of(group) as usize].in_flight.and(Mask::single(group)).is_empty()
    }

    pub(super) fn is_wanted(&self, group: u32) -> bool {
        !self.wanted(chunk_of(group)).and(Mask::single(group)).is_empty()
    }

    pub(super) fn is_verified(&self, group: u32) -> bool {
        !self.chunks[chunk_of(group) as usize].verified.and(Mask::single(group)).is_empty()
    }

    pub(super) fn is_stored(&self, group: u32) -> bool {
        !self.chunks[chunk_of(group) as usize].stored.and(Mask::single(group)).is_empty()
    }

    /// Every wanted group of `chunk` is verified.
    pub(super) fn is_whole(&self, chunk: u32) -> bool {
        let state = self.chunks[chunk as usize];
        state.wanted.without(state.verified).is_empty()
    }

    /// Every group of `chunk` is stored.
    pub(super) fn is_held(&self, chunk: u32) -> bool {
        self.chunks[chunk as usize].stored == self.all(chunk)
    }

    /// Something of `chunk` is wanted, and all of that is stored.
    pub(super) fn has_enough_of(&self, chunk: u32) -> bool {
        let wanted = self.wanted(chunk);
        !wanted.is_empty() && wanted.without(self.chunks[chunk as usize].stored).is_empty()
    }

    /// Missing groups of one chunk were asked for.
    pub(super) fn ask(&mut self, chunk: u32, mask: Mask) {
        debug_assert!(mask.without(self.missing(chunk)).is_empty(), "only missing groups are asked for");
        self.chunks[chunk as usize].in_flight = self.chunks[chunk as usize].in_flight.or(mask);
        self.missing -= mask.count();
        self.in_flight += mask.count();
    }

    /// Groups in flight with one source were asked of a second one, too.
    pub(super) fn race(&mut self, chunk: u32, mask: Mask) {
        debug_assert!(mask.without(self.unraced(chunk)).is_empty(), "only two sources race");
        self.chunks[chunk as usize].raced = self.chunks[chunk as usize].raced.or(mask);
    }

    /// One source will not bring these groups: those that no other brings are missing again.
    pub(super) fn give_up(&mut self, chunk: u32, mask: Mask) {
        let state = &mut self.chunks[chunk as usize];
        let lost = mask.and(state.in_flight).without(state.raced);
        state.raced = state.raced.without(mask);
        state.in_flight = state.in_flight.without(lost);
        self.in_flight -= lost.count();
        self.missing += lost.count();
    }

    /// A wanted group was proved, whoever brought it. It must not be verified already.
    pub(super) fn verify(&mut self, group: u32) {
        let (chunk, mask) = (chunk_of(group), Mask::single(group));
        let state = &mut self.chunks[chunk as usize];
        debug_assert!(!state.wanted.and(mask).is_empty(), "only what is wanted is taken");
        debug_assert!(state.verified.and(mask).is_empty(), "groups are verified once");
        match state.in_flight.and(mask).is_empty() {
            true => self.missing -= 1,
            false => self.in_flight -= 1,
        }
        state.in_flight = state.in_flight.without(mask);
        state.raced = state.raced.without(mask);
        state.verified = state.verified.or(mask);
        self.verified_bytes += self.bytes_of(chunk, mask);
    }

    /// Groups of one chunk are safe. Those not verified (any more) do not count.
    pub(super) fn store(&mut self, chunk: u32, mask: Mask) {
        let state = &mut self.chunks[chunk as usize];
        let fresh = mask.and(state.verified).without(state.stored);
        state.stored = state.stored.or(fresh);
        self.stored_bytes += self.bytes_of(chunk, fresh);
    }

    /// Whatever of `chunk` is verified and not stored is missing again, if it is still wanted.
    pub(super) fn forget_unstored(&mut self, chunk: u32) {
        let state = &mut self.chunks[chunk as usize];
        let lost = state.verified.without(state.stored);
        let unwanted = lost.without(state.wanted);
        state.verified = state.stored;
        self.missing += lost.without(unwanted).count();
        self.verified_bytes -= self.bytes_of(chunk, lost);
        self.wanted_bytes -= self.bytes_of(chunk, unwanted);
    }

    fn bytes_of(&self, chunk: u32, mask: Mask) -> u64 {
        mask.runs(chunk).map(|run| u64::from(run.byte_len(self.length))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_missing_in_flight_or_verified() {
        let mut groups = Groups::new(20 * 16 * 1024);
        let both = Mask::of(GroupRange::new(0, 2));
        groups.ask(0, both);
        assert_eq!((groups.missing_count(), groups.in_flight_count()), (18, 2));
        groups.race(0, Mask::single(1));
        groups.give_up(0, both);
        assert_eq!((groups.missing_count(), groups.in_flight_count()), (19, 1));
        groups.verify(1);
        groups.verify(5);
        assert_eq!((groups.missing_count(), groups.in_flight_count()), (18, 0));
        assert_eq!(groups.verified_bytes(), 2 * 16 * 1024);
        groups.store(0, Mask::single(5));
        groups.forget_unstored(0);
        assert_eq!((groups.missing_count(), groups.verified_bytes()), (19, 16 * 1024));
    }

    #[test]
    fn what_is_not_wanted_is_not_missing() {
        const GROUP: u64 = 16 * 1024;
        let mut groups = Groups::new(19 * GROUP + 5);
        groups.verify(2);
        groups.set_wanted(0, Mask::of(GroupRange::new(3, 2)));
        groups.set_wanted(1, Mask::of(GroupRange::new(19, 1)));
        assert_eq!((groups.missing_count(), groups.wanted_bytes()), (3, 3 * GROUP + 5));
        assert!(groups.missing(0) == Mask::of(GroupRange::new(3, 2)) && groups.is_begun(0) && !groups.is_begun(1));
        groups.set_wanted(0, Mask::of(GroupRange::new(0, 16)));
        assert_eq!((groups.missing_count(), groups.wanted_bytes()), (16, 16 * GROUP + 5));
        groups.set_wanted(0, Mask::NONE);
        assert_eq!((groups.missing_count(), groups.wanted_bytes()), (1, GROUP + 5), "what is here is counted");
        groups.forget_unstored(0);
        assert_eq!((groups.missing_count(), groups.wanted_bytes()), (1, 5), "and not when it is lost");
    }

    #[test]
    fn a_mask_ends_with_its_chunk() {
        assert_eq!(Mask::of(GroupRange::new(30, 9)), Mask(0b11 << 14));
        assert_eq!(Mask::of(GroupRange::new(16, 16)), Mask(u16::MAX));
        let runs: Vec<_> = Mask(0b1101).runs(2).collect();
        assert_eq!(runs, [GroupRange::new(32, 1), GroupRange::new(34, 2)]);
        assert_eq!(Mask(0b1110).first_run(0, 2), Some(GroupRange::new(1, 2)));
        assert_eq!(Mask::NONE.first_run(0, 2), None);
        assert_eq!(Mask(0b1110).last_run(1, 2), Some(GroupRange::new(18, 2)));
        assert_eq!(Mask(u16::MAX).last_run(0, 16), Some(GroupRange::new(0, 16)));
        assert_eq!(Mask(0b101).last_run(0, 4), Some(GroupRange::new(2, 1)));
        assert_eq!(Mask::NONE.last_run(0, 2), None);
        assert_eq!(Mask::of_chunk(1, GroupRange::new(3, 14)), Mask(1));
        assert_eq!(Mask::of_chunk(2, GroupRange::new(3, 14)), Mask::NONE);
    }
}
