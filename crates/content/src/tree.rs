//! Hashing a content and proving its groups: the outboard.
//!
//! The outboard of a content is every hash pair above its groups: 64 bytes per 16 KiB, 0.4 %. With it, any
//! group can be proved against the root alone. It is built in one pass over bytes that come in any pieces,
//! holding one group's hasher and nothing of the data.
//!
//! Serialized, it is the root, the length (u64, little-endian) and the pairs in pre-order: what follows the
//! root is bao-tree's pre-order outboard with its size prefix.

use crate::hash::{self, GroupHasher, PAIR_LEN, Pair};
use crate::layout::{LENGTH_MAX, group_count, group_len};
use crate::path::{Node, path, pre_order, shared_with_previous};
use crate::{GROUP_LEN, GroupRange, Message, Root};
use bytes::Bytes;

/// The number of bytes hashed is not the number announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} bytes, expected {expected}")]
pub struct LengthError {
    /// Bytes announced.
    pub expected: u64,
    /// Bytes seen, or the first count above the announced one.
    pub found: u64,
}

/// Bytes are not what the outboard says they were: the file changed under us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangedError {
    /// The range does not lie inside the content.
    #[error("{count} groups from {first} are not in the content", first = .range.first, count = .range.count)]
    OutOfBounds {
        /// The range asked for.
        range: GroupRange,
    },
    /// Too few or too many bytes for the range.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Bytes in the range.
        expected: u32,
        /// Bytes given.
        found: usize,
    },
    /// The bytes of this group have another hash.
    #[error("group {group} has changed")]
    Group {
        /// Which.
        group: u32,
    },
    /// A partial copy does not know the hashes above this group (yet).
    #[error("group {group} is not verified")]
    Unverified {
        /// Which.
        group: u32,
    },
}

/// Why bytes are not an outboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboardError {
    /// Not the number of bytes that the content's length asks for.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Bytes expected.
        expected: u64,
        /// Bytes given.
        found: usize,
    },
    /// A content longer than [`LENGTH_MAX`].
    #[error("an outboard of {found} bytes of content, at most {LENGTH_MAX}")]
    TooLong {
        /// The content length it claims.
        found: u64,
    },
    /// A pair is not what the pair above it, or the root, says.
    #[error("the hashes above group {mid} do not match")]
    Hash {
        /// The first group of the node's right side.
        mid: u32,
    },
    /// A content without bytes has another root than that.
    #[error("no bytes, but not the hash of nothing")]
    EmptyRoot,
}

/// One pair per node, addressed by the node's name; whether a pair is there is for the owner to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pairs(Vec<[u8; PAIR_LEN]>);

impl Pairs {
    /// Room for a content of `length` bytes.
    pub(crate) fn new(length: u64) -> Self {
        Self(vec![[0; PAIR_LEN]; group_count(length).saturating_sub(1) as usize])
    }

    /// `mid` is at least 1: the first group is the right side of nothing.
    pub(crate) fn get(&self, mid: u32) -> &[u8; PAIR_LEN] {
        &self.0[mid as usize - 1]
    }

    pub(crate) fn set(&mut self, mid: u32, pair: [u8; PAIR_LEN]) {
        self.0[mid as usize - 1] = pair;
    }

    /// What the node says of the side that `group` lies on.
    pub(crate) fn side(&self, node: Node, group: u32) -> [u8; 32] {
        let pair = Pair::from_bytes(self.get(node.mid));
        if group < node.mid { pair.left } else { pair.right }
    }
}

/// Builds an [`Outboard`] from bytes that come in any pieces.
#[derive(Clone, Debug)]
pub struct OutboardBuilder {
    length: u64,
    /// Bytes that will be hashed: none of a content that is too long.
    room: u64,
    seen: u64,
    group: u32,
    hasher: GroupHasher,
    /// Hashes of the subtrees that wait for their right side, widest first: those of the bits of `group`.
    waiting: Vec<[u8; 32]>,
    pairs: Pairs,
}

impl OutboardBuilder {
    /// For a content of `length` bytes, at most [`LENGTH_MAX`]: longer ones fail at [`finish`](Self::finish).
    pub fn new(length: u64) -> Self {
        let room = if length > LENGTH_MAX { 0 } else { length };
        let (hasher, pairs) = (GroupHasher::new(0), Pairs::new(room));
        Self { length, room, seen: 0, group: 0, hasher, waiting: Vec::new(), pairs }
    }

    /// Bytes seen so far.
    pub fn hashed(&self) -> u64 {
        self.seen
    }

    /// The next bytes, in order. Those beyond the announced length are counted, not hashed.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let room = self.room.saturating_sub(self.seen);
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        if bytes.len() as u64 > room {
            bytes = &bytes[..room as usize];
        }
        while !bytes.is_empty() {
            let gap = (u64::from(GROUP_LEN) - self.hasher.count()) as usize;
            let (now, later) = bytes.split_at(gap.min(bytes.len()));
            self.hasher.update(now);
            // The last group stays open: alone it is hashed differently.
            let last = self.group + 1 == group_count(self.room);
            if self.hasher.count() == u64::from(GROUP_LEN) && !last {
                self.close_group();
            }
            bytes = later;
        }
    }

    fn close_group(&mut self) {
        let mut right = self.hasher.inner();
        let mut mid = self.group;
        let done = self.group + 1;
        // As in a binary counter: each trailing one of the group's number is a left side that waits for us.
        for level in 0..self.group.trailing_ones() {
            let left = self.waiting.pop().expect("a left side waits for every one bit of the group's number");
            right = self.join(mid, left, right);
            mid = done - (2 << level);
        }
        self.waiting.push(right);
        self.group = done;
        self.hasher = GroupHasher::new(done);
    }

    fn join(&mut self, mid: u32, left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
        let pair = Pair { left, right };
        self.pairs.set(mid, pair.to_bytes());
        pair.inner()
    }

    /// The outboard, if exactly the announced number of bytes came.
    pub fn finish(mut self) -> Result<Outboard, LengthError> {
        if self.seen != self.length || self.length > LENGTH_MAX {
            return Err(LengthError { expected: self.length.min(LENGTH_MAX), found: self.seen });
        }
        let root = match Node::above(GroupRange::whole(self.length)) {
            None => self.hasher.root(),
            Some(top) => {
                self.close_right_edge();
                Pair::from_bytes(self.pairs.get(top.mid)).root()
            }
        };
        Ok(Outboard { root, length: self.length, pairs: self.pairs })
    }

    /// Joins the last group with everything that still waits, from the narrowest up.
    fn close_right_edge(&mut self) {
        let mut right = self.hasher.inner();
        // The groups before the last, as a sum of powers of two: each waiting subtree ends where the right
        // side starts.
        let mut mid = self.group;
        while let Some(left) = self.waiting.pop() {
            right = self.join(mid, left, right);
            mid &= mid - 1;
        }
    }
}

/// Every hash above the groups of one content, checked against its root.
#[derive(Clone, PartialEq, Eq)]
pub struct Outboard {
    root: Root,
    length: u64,
    pairs: Pairs,
}

impl Outboard {
    /// Hashes bytes that are all here.
    pub fn of(bytes: &[u8]) -> Self {
        let mut builder = OutboardBuilder::new(bytes.len() as u64);
        builder.push(bytes);
        builder.finish().expect("the length announced is the length pushed, and memory is below LENGTH_MAX")
    }

    pub(crate) fn from_pairs(root: Root, length: u64, pairs: Pairs) -> Self {
        Self { root, length, pairs }
    }

    /// The hash of the content.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Bytes in the content.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Root, length and pairs in pre-order: what a worker sends to the page, and what is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(serialized_len(self.length) as usize);
        bytes.extend_from_slice(&self.root.0);
        bytes.extend_from_slice(&self.length.to_le_bytes());
        for node in pre_order(group_count(self.length)) {
            bytes.extend_from_slice(self.pairs.get(node.mid));
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, checking every pair against the one above it and the
    /// topmost against the root. Nothing is allocated before the length fits the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OutboardError> {
        let found = bytes.len();
        let short = OutboardError::Length { expected: serialized_len(0), found };
        let (root, rest) = bytes.split_first_chunk().ok_or(short)?;
        let (length, rest) = rest.split_first_chunk().ok_or(short)?;
        let (root, length) = (Root(*root), u64::from_le_bytes(*length));
        if length > LENGTH_MAX {
            return Err(OutboardError::TooLong { found: length });
        }
        let expected = serialized_len(length);
        if expected != found as u64 {
            return Err(OutboardError::Length { expected, found });
        }
        if length == 0 && root != Root::empty() {
            return Err(OutboardError::EmptyRoot);
        }
        Ok(Self { root, length, pairs: check_pairs(root, length, rest)? })
    }

    /// The messages that answer a want of `range`, whose bytes are given: one per group, each with the pairs
    /// that neither came before nor are among the `known` topmost ones above the first group.
    ///
    /// Every group is hashed again on the way out, so that a file that changed on disk is noticed here and
    /// does not make us a liar. The messages share the memory of `bytes`.
    pub fn encode(&self, range: GroupRange, known: u8, bytes: &Bytes) -> Result<Vec<Message>, ChangedError> {
        encode(self.root, self.length, range, known, bytes, |node| Some(self.pairs.get(node.mid)))
    }
}

impl core::fmt::Debug for Outboard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Outboard({} of {} bytes)", self.root, self.length)
    }
}

fn serialized_len(length: u64) -> u64 {
    32 + 8 + u64::from(group_count(length).saturating_sub(1)) * PAIR_LEN as u64
}

fn check_pairs(root: Root, length: u64, bytes: &[u8]) -> Result<Pairs, OutboardError> {
    let mut pairs = Pairs::new(length);
    let (given, _) = bytes.as_chunks::<PAIR_LEN>();
    // Pre-order puts the expected hashes of right sides on a stack as deep as the tree.
    let mut expected: Vec<[u8; 32]> = Vec::new();
    let groups = group_count(length);
    for (node, given) in pre_order(groups).zip(given) {
        let pair = Pair::from_bytes(given);
        let matches = match node.range.count == groups {
            true => pair.root() == root,
            false => expected.pop() == Some(pair.inner()),
        };
        if !matches {
            return Err(OutboardError::Hash { mid: node.mid });
        }
        for (side, hash) in [(node.right(), pair.right), (node.left(), pair.left)] {
            if side.count > 1 {
                expected.push(hash);
            }
        }
        pairs.set(node.mid, *given);
    }
    Ok(pairs)
}

/// The one way to turn bytes into [`Message::Group`]s, for whole and for partial copies.
pub(crate) fn encode<'a>(
    root: Root,
    length: u64,
    range: GroupRange,
    known: u8,
    bytes: &Bytes,
    pair: impl Fn(Node) -> Option<&'a [u8; PAIR_LEN]>,
) -> Result<Vec<Message>, ChangedError> {
    if !range.is_within(length) {
        return Err(ChangedError::OutOfBounds { range });
    }
    let expected = range.byte_len(length);
    if bytes.len() != expected as usize {
        return Err(ChangedError::Length { expected, found: bytes.len() });
    }
    let groups = group_count(length);
    let mut rest = bytes.clone();
    let mut messages = Vec::with_capacity(range.count as usize);
    for group in range.iter() {
        let bytes = rest.split_to(group_len(group, length) as usize);
        let skip = if group == range.first { u32::from(known) } else { shared_with_previous(group, groups) };
        let mut parents = Vec::new();
        let mut above = None;
        for (node, at) in path(group, groups).zip(0..) {
            let pair = pair(node).ok_or(ChangedError::Unverified { group })?;
            if at >= skip {
                parents.extend_from_slice(pair);
            }
            above = Some((node, pair));
        }
        let intact = match above {
            None => blake3::hash(&bytes).as_bytes() == &root.0,
            Some((node, pair)) => {
                let half = if group < node.mid { &pair[..32] } else { &pair[32..] };
                hash::group(group, &bytes) == half
            }
        };
        if !intact {
            return Err(ChangedError::Group { group });
        }
        messages.push(Message::Group { root, group, parents: parents.into(), bytes });
    }
    Ok(messages)
}

#[cfg(test)]
mod tests;
