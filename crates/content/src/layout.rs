//! Where things are in a content's bytes: groups, chunks and byte offsets.
//!
//! A content is a run of bytes, cut into groups of 16 KiB (what is verified); 16 groups make a chunk of
//! 256 KiB (what one request asks for at most, and what a bitfield counts). Only the last group may be short.
//! Empty content has no groups at all. Offset arithmetic happens here and nowhere else.

use core::ops::Range;

/// Bytes in a group: what is verified at once (BLAKE3 chunks of 1 KiB, 16 of them: bao-tree's block size 4).
pub const GROUP_LEN: u32 = 16 * 1024;

/// Groups in a chunk: what one request asks for at most, and what one bit of a bitfield stands for.
pub const GROUPS_PER_CHUNK: u32 = 16;

/// Bytes in a chunk.
pub const CHUNK_LEN: u32 = GROUP_LEN * GROUPS_PER_CHUNK;

/// The longest content we share or fetch, 64 GiB: its bitfield is 32 KiB, its tree 256 MiB. A manifest that
/// claims more is refused before anything is allocated for it.
pub const LENGTH_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Groups in the longest content.
pub const GROUPS_MAX: u32 = (LENGTH_MAX / GROUP_LEN as u64) as u32;

/// Chunks in the longest content: no bitfield on the wire is longer.
pub const CHUNKS_MAX: u32 = GROUPS_MAX / GROUPS_PER_CHUNK;

/// How many groups `length` bytes make; zero for none. Saturates above [`LENGTH_MAX`].
pub const fn group_count(length: u64) -> u32 {
    let groups = length.div_ceil(GROUP_LEN as u64);
    if groups > GROUPS_MAX as u64 { GROUPS_MAX } else { groups as u32 }
}

/// How many chunks `length` bytes make; zero for none.
pub const fn chunk_count(length: u64) -> u32 {
    group_count(length).div_ceil(GROUPS_PER_CHUNK)
}

/// The chunk a group lies in.
pub const fn chunk_of(group: u32) -> u32 {
    group / GROUPS_PER_CHUNK
}

/// How many bytes `group` has in a content of `length` bytes: [`GROUP_LEN`], fewer for the last, zero beyond.
pub const fn group_len(group: u32, length: u64) -> u32 {
    GroupRange::single(group).byte_len(length)
}

/// A run of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupRange {
    /// The first group.
    pub first: u32,
    /// How many; zero is empty.
    pub count: u32,
}

impl GroupRange {
    /// `count` groups from `first`.
    pub const fn new(first: u32, count: u32) -> Self {
        Self { first, count }
    }

    /// One group.
    pub const fn single(group: u32) -> Self {
        Self { first: group, count: 1 }
    }

    /// Every group of a content of `length` bytes.
    pub const fn whole(length: u64) -> Self {
        Self { first: 0, count: group_count(length) }
    }

    /// The groups of one chunk in a content of `length` bytes; empty when there is no such chunk.
    pub const fn of_chunk(chunk: u32, length: u64) -> Self {
        let groups = group_count(length);
        let first = chunk.saturating_mul(GROUPS_PER_CHUNK);
        let left = groups.saturating_sub(first);
        Self { first, count: if left < GROUPS_PER_CHUNK { left } else { GROUPS_PER_CHUNK } }
    }

    /// One past the last group; saturates, which no range inside a content reaches.
    pub const fn end(self) -> u32 {
        self.first.saturating_add(self.count)
    }

    /// No groups in it.
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }

    /// `group` is one of them.
    pub const fn contains(self, group: u32) -> bool {
        group >= self.first && group - self.first < self.count
    }

    /// Not empty, and every group of it exists in a content of `length` bytes.
    pub const fn is_within(self, length: u64) -> bool {
        let groups = group_count(length);
        self.count > 0 && self.first < groups && self.count <= groups - self.first
    }

    /// The groups in both.
    pub const fn intersection(self, other: Self) -> Self {
        let first = if self.first > other.first { self.first } else { other.first };
        let end = if self.end() < other.end() { self.end() } else { other.end() };
        Self { first, count: end.saturating_sub(first) }
    }

    /// The groups, in order.
    pub fn iter(self) -> Range<u32> {
        self.first..self.end()
    }

    /// The bytes they cover in a content of `length` bytes, cut off at its end.
    pub const fn byte_range(self, length: u64) -> Range<u64> {
        let start = self.first as u64 * GROUP_LEN as u64;
        let end = self.end() as u64 * GROUP_LEN as u64;
        Range { start: if start < length { start } else { length }, end: if end < length { end } else { length } }
    }

    /// How many bytes that is; saturates above 4 GiB, which no message carries.
    pub const fn byte_len(self, length: u64) -> u32 {
        let range = self.byte_range(length);
        let len = range.end - range.start;
        if len > u32::MAX as u64 { u32::MAX } else { len as u32 }
    }

    /// The chunks that lie in it whole (the content's last, short chunk too).
    pub const fn whole_chunks(self, length: u64) -> Range<u32> {
        let start = self.first.div_ceil(GROUPS_PER_CHUNK);
        let end = if self.end() >= group_count(length) { chunk_count(length) } else { self.end() / GROUPS_PER_CHUNK };
        Range { start, end: if end < start { start } else { end } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_content_is_cut_at_group_and_chunk_borders() {
        let cases = [
            (0, 0, 0),
            (1, 1, 1),
            (16 * 1024, 1, 1),
            (16 * 1024 + 1, 2, 1),
            (MIB, 64, 4),
            (MIB + 1, 65, 5),
            (LENGTH_MAX, GROUPS_MAX, CHUNKS_MAX),
        ];
        for (length, groups, chunks) in cases {
            assert_eq!((group_count(length), chunk_count(length)), (groups, chunks), "{length} bytes");
        }
    }

    #[test]
    fn the_last_group_and_the_last_chunk_are_short() {
        let length = MIB + 1;
        assert_eq!(group_len(63, length), GROUP_LEN);
        assert_eq!(group_len(64, length), 1);
        assert_eq!(group_len(65, length), 0);
        assert_eq!(GroupRange::of_chunk(4, length), GroupRange::new(64, 1));
        assert_eq!(GroupRange::of_chunk(5, length).count, 0);
        assert_eq!(GroupRange::new(63, 2).byte_range(length), MIB - 16 * 1024..MIB + 1);
    }

    #[test]
    fn a_range_at_the_end_of_numbers_is_outside_and_does_not_wrap() {
        let range = GroupRange::new(u32::MAX, u32::MAX);
        assert!(!range.is_within(LENGTH_MAX));
        assert_eq!(range.end(), u32::MAX);
        assert_eq!(range.byte_len(MIB), 0);
        assert!(range.whole_chunks(MIB).is_empty());
    }

    #[test]
    fn only_chunks_that_lie_whole_in_a_range_count() {
        let length = MIB + 1;
        assert_eq!(GroupRange::new(0, 31).whole_chunks(length), 0..1);
        assert_eq!(GroupRange::new(1, 31).whole_chunks(length), 1..2);
        assert_eq!(GroupRange::new(17, 3).whole_chunks(length), 2..2);
        assert_eq!(GroupRange::whole(length).whole_chunks(length), 0..5);
    }
}
