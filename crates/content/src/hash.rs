//! The hashes of the tree: BLAKE3's own, stopped at group borders.
//!
//! A hash inside the tree (a chaining value) and the hash of the whole differ by BLAKE3's root flag, so a
//! subtree can never be passed off as a content. The empty content has a root and no tree.

use crate::{GROUP_LEN, Root};
use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};

/// The hashes of a node's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: ChainingValue,
    pub(crate) right: ChainingValue,
}

/// Bytes of a pair.
pub(crate) const PAIR_LEN: usize = 64;

impl Pair {
    pub(crate) fn to_bytes(self) -> [u8; PAIR_LEN] {
        let mut bytes = [0; PAIR_LEN];
        bytes[..32].copy_from_slice(&self.left);
        bytes[32..].copy_from_slice(&self.right);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; PAIR_LEN]) -> Self {
        let (mut left, mut right) = ([0; 32], [0; 32]);
        left.copy_from_slice(&bytes[..32]);
        right.copy_from_slice(&bytes[32..]);
        Self { left, right }
    }

    /// The hash of this node as a side of another.
    pub(crate) fn inner(&self) -> ChainingValue {
        hazmat::merge_subtrees_non_root(&self.left, &self.right, Mode::Hash)
    }

    /// The hash of this node as the top of the tree.
    pub(crate) fn root(&self) -> Root {
        Root(*hazmat::merge_subtrees_root(&self.left, &self.right, Mode::Hash).as_bytes())
    }
}

/// Hashes one group that arrives in pieces.
#[derive(Clone, Debug)]
pub(crate) struct GroupHasher(blake3::Hasher);

impl GroupHasher {
    pub(crate) fn new(group: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(u64::from(group) * u64::from(GROUP_LEN));
        Self(hasher)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Bytes so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.count()
    }

    /// The group's hash as a leaf of the tree. It must not be empty.
    pub(crate) fn inner(&self) -> ChainingValue {
        self.0.finalize_non_root()
    }

    /// The group's hash when it is the whole content (then it is the first group, or there is none).
    pub(crate) fn root(&self) -> Root {
        Root(*self.0.finalize().as_bytes())
    }
}

/// The hash of a whole, non-empty group as a leaf of the tree.
pub(crate) fn group(group: u32, bytes: &[u8]) -> ChainingValue {
    let mut hasher = GroupHasher::new(group);
    hasher.update(bytes);
    hasher.inner()
}
