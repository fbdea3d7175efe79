//! Proof that bytes belong to a content, group by group, in any order.
//!
//! Only [`Verifier::check`] makes a [`VerifiedGroup`]; whatever takes one need not ask again. The verifier
//! keeps every hash pair it has proved, so later groups need fewer, and so that a copy that is still partial
//! can be served to others.
//!
//! Nothing of a message is believed before it is hashed up to something known: the pairs that came with it
//! are kept only when they match, from the top down, and a group only when it matches the lowest.

use crate::hash::{self, PAIR_LEN, Pair};
use crate::layout::{group_count, group_len};
use crate::path::{Node, path, pre_order, shared_with_previous};
use crate::tree::{self, Pairs};
use crate::{Bitfield, ChangedError, GroupRange, Message, Outboard, Root};
use bytes::Bytes;

/// A group whose bytes are proved to belong to the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGroup {
    group: u32,
    bytes: Bytes,
}

impl VerifiedGroup {
    /// Which group.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its bytes, for good.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Why bytes are not the group that they are said to be. All but [`VerifyError::Unconnected`] are breaches of
/// the protocol by the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The content has no such group.
    #[error("group {group} of {groups}")]
    OutOfBounds {
        /// Which was sent.
        group: u32,
        /// How many there are.
        groups: u32,
    },
    /// The group has another length.
    #[error("group {group} of {found} bytes, expected {expected}")]
    Length {
        /// Which.
        group: u32,
        /// Its length in the content.
        expected: u32,
        /// Bytes sent.
        found: usize,
    },
    /// Half a pair, or more pairs than there are nodes above the group.
    #[error("{found} bytes of hashes above group {group}")]
    Parents {
        /// Which.
        group: u32,
        /// Bytes sent.
        found: usize,
    },
    /// Too few pairs to reach one that we know: an earlier group of the same want was lost.
    #[error("the hashes above group {group} lead to nothing known")]
    Unconnected {
        /// Which.
        group: u32,
    },
    /// A pair is not what the one above it, or the root, says.
    #[error("the hashes above group {group} do not match")]
    ParentHash {
        /// Which.
        group: u32,
    },
    /// The bytes are not what the pair above them, or the root, says.
    #[error("the bytes of group {group} do not match")]
    GroupHash {
        /// Which.
        group: u32,
    },
}

/// What is proved of one content so far.
#[derive(Clone)]
pub struct Verifier {
    root: Root,
    length: u64,
    pairs: Pairs,
    /// Which pairs are proved, by the name of their node.
    known: Bitfield,
}

impl Verifier {
    /// Knows nothing yet but root and length, both from the manifest. Allocates 64 bytes per group.
    pub fn new(root: Root, length: u64) -> Self {
        Self { root, length, pairs: Pairs::new(length), known: Bitfield::empty(group_count(length)) }
    }

    /// Proves that `bytes` are `group`, given the pairs of the lowest nodes above it, topmost first.
    ///
    /// How many pairs came tells which nodes they are of; the pair above the first of them must be known.
    /// What the check proves of the pairs is kept even when the group itself turns out to be wrong.
    pub fn check(&mut self, group: u32, parents: &[u8], bytes: Bytes) -> Result<VerifiedGroup, VerifyError> {
        let groups = group_count(self.length);
        if group >= groups {
            return Err(VerifyError::OutOfBounds { group, groups });
        }
        let expected = group_len(group, self.length);
        if bytes.len() != expected as usize {
            return Err(VerifyError::Length { group, expected, found: bytes.len() });
        }
        match self.check_parents(group, parents)? {
            None if *blake3::hash(&bytes).as_bytes() == self.root.0 => {}
            Some(hash) if hash::group(group, &bytes) == hash => {}
            None | Some(_) => return Err(VerifyError::GroupHash { group }),
        }
        Ok(VerifiedGroup { group, bytes })
    }

    /// Takes in the pairs above `group` and tells what its hash must be; `None` when it is the root.
    fn check_parents(&mut self, group: u32, parents: &[u8]) -> Result<Option<[u8; 32]>, VerifyError> {
        let wrong_shape = VerifyError::Parents { group, found: parents.len() };
        let (given, rest) = parents.as_chunks::<PAIR_LEN>();
        let depth = path(group, group_count(self.length)).count();
        let unsent = depth.checked_sub(given.len()).filter(|_| rest.is_empty()).ok_or(wrong_shape)?;
        let mut above: Option<[u8; 32]> = None;
        for (node, at) in path(group, group_count(self.length)).zip(0..) {
            if at >= unsent {
                self.learn(node, above, &given[at - unsent], group)?;
            } else if !self.known.get(node.mid) {
                return Err(VerifyError::Unconnected { group });
            }
            above = Some(self.pairs.side(node, group));
        }
        Ok(above)
    }

    fn learn(
        &mut self,
        node: Node,
        above: Option<[u8; 32]>,
        given: &[u8; PAIR_LEN],
        group: u32,
    ) -> Result<(), VerifyError> {
        // A pair that we know needs no hashing again, only comparing.
        let proved = if self.known.get(node.mid) {
            self.pairs.get(node.mid) == given
        } else {
            let pair = Pair::from_bytes(given);
            above.map_or_else(|| pair.root() == self.root, |above| pair.inner() == above)
        };
        if !proved {
            return Err(VerifyError::ParentHash { group });
        }
        if self.known.insert(node.mid) {
            self.pairs.set(node.mid, *given);
        }
        Ok(())
    }

    /// How many of the topmost pairs above `group` are known: what a want can say need not be sent.
    pub fn known_above(&self, group: u32) -> u8 {
        let known = path(group, group_count(self.length)).take_while(|node| self.known.get(node.mid)).count();
        u8::try_from(known).expect("a path is at most PATH_LEN_MAX long")
    }

    /// As [`Outboard::encode`], from a copy that is still partial.
    pub fn encode(&self, range: GroupRange, known: u8, bytes: &Bytes) -> Result<Vec<Message>, ChangedError> {
        let pair = |node: Node| self.known.get(node.mid).then(|| self.pairs.get(node.mid));
        tree::encode(self.root, self.length, range, known, bytes, pair)
    }

    /// Whose bytes it proves.
    pub fn root(&self) -> Root {
        self.root
    }

    /// How many those are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Every pair above the groups of `range`, in the order in which [`Outboard::encode`] sends them; `None` while one
    /// of them is unknown, or when the content has no such groups.
    pub fn proof(&self, range: GroupRange) -> Option<Bytes> {
        let groups = group_count(self.length);
        let mut proof = Vec::new();
        for group in Some(range).filter(|range| range.is_within(self.length))?.iter() {
            for node in path(group, groups).skip(sent_before(range, group, groups)) {
                proof.extend_from_slice(self.known.get(node.mid).then(|| self.pairs.get(node.mid))?);
            }
        }
        Some(proof.into())
    }

    /// As [`check`](Self::check), for a run of groups and the [`proof`](Self::proof) of all of them.
    pub fn check_run(&mut self, range: GroupRange, proof: &[u8], bytes: &Bytes) -> Result<(), VerifyError> {
        let groups = group_count(self.length);
        if !range.is_within(self.length) {
            return Err(VerifyError::OutOfBounds { group: range.end(), groups });
        }
        let (mut proof, mut bytes) = (proof, bytes.clone());
        for group in range.iter() {
            let wrong_shape = VerifyError::Parents { group, found: proof.len() };
            let pairs = path(group, groups).count() - sent_before(range, group, groups);
            let (parents, later) = proof.split_at_checked(pairs * PAIR_LEN).ok_or(wrong_shape)?;
            let len = (group_len(group, self.length) as usize).min(bytes.len());
            self.check(group, parents, bytes.split_to(len))?;
            proof = later;
        }
        if proof.is_empty() { Ok(()) } else { Err(VerifyError::Parents { group: range.end(), found: proof.len() }) }
    }

    /// Which pairs are known, as a bitfield, and those pairs, parents before children.
    pub(crate) fn encode_pairs(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.known.to_bytes());
        let known = pre_order(group_count(self.length)).filter(|node| self.known.get(node.mid));
        known.for_each(|node| bytes.extend_from_slice(self.pairs.get(node.mid)));
    }

    /// Reads what [`encode_pairs`](Self::encode_pairs) wrote, checking every pair against the one above it; `None`
    /// when the bytes have another shape.
    pub(crate) fn decode_pairs(root: Root, length: u64, bytes: &[u8]) -> Result<Option<Self>, VerifyError> {
        let groups = group_count(length);
        let Some((known, rest)) = bytes.split_at_checked(Bitfield::byte_len(groups)) else { return Ok(None) };
        let Ok(known) = Bitfield::from_bytes(groups, known) else { return Ok(None) };
        let (given, rest) = rest.as_chunks::<PAIR_LEN>();
        if !rest.is_empty() || given.len() != known.ones() as usize || known.get(0) {
            return Ok(None);
        }
        let mut verifier = Self::new(root, length);
        for (node, given) in pre_order(groups).filter(|node| known.get(node.mid)).zip(given) {
            let group = node.range.first;
            let above = path(group, groups).take_while(|above| above.range.count > node.range.count).last();
            if above.is_some_and(|above| !verifier.known.get(above.mid)) {
                return Err(VerifyError::Unconnected { group });
            }
            let above = above.map(|above| verifier.pairs.side(above, group));
            verifier.learn(node, above, given, group)?;
        }
        Ok(Some(verifier))
    }

    /// Every pair is proved.
    pub fn is_complete(&self) -> bool {
        // Node names start at 1.
        self.known.ones() == self.known.len().saturating_sub(1)
    }

    /// The outboard, once every pair is proved.
    pub fn outboard(&self) -> Option<Outboard> {
        self.is_complete().then(|| Outboard::from_pairs(self.root, self.length, self.pairs.clone()))
    }
}

/// How many of the pairs above `group` came with the groups of `range` before it.
fn sent_before(range: GroupRange, group: u32, groups: u32) -> usize {
    if group == range.first { 0 } else { shared_with_previous(group, groups) as usize }
}

impl core::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Verifier({} of {} bytes, {} pairs)", self.root, self.length, self.known.ones())
    }
}
