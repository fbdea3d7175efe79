//! The Merkle-sum tree over the state.
//!
//! ```text
//! empty  hash = zeros                                          sum = 0
//! leaf   hash = B3(leaf, key | B3(value, bytes) | value)       sum = value
//! inner  hash = B3(node, left hash | left sum | right hash | right sum)
//! root   B3(root, hash | sum)                                  sum = the supply, or the block is invalid
//! ```
//!
//! A binary tree along the bits of the keys; a leaf stands as high as its prefix is its own. Both sums of a node are
//! hashed apart: hashing their total is a known mistake that lets a producer hide credit in one branch and show it
//! missing in the other.
//!
//! Nodes never change and are shared, so a snapshot is a pointer, and a block costs the paths that it touched.

mod proof;

pub use proof::{PROOF_LEN_MAX, Proof, ProofError};

use crate::amount::Credits;
use crate::hash::{Digest, Key, StateRoot, hash, tag};
use crate::leaf::Leaf;
use crate::wire::{Wire, wire_struct};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a node says about everything below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Commits to it.
    pub hash: Digest,
    /// All the credit in it.
    pub sum: Credits,
}

wire_struct!(Summary { hash: Digest, sum: Credits });

impl Summary {
    /// Of a place where nothing stands.
    pub const EMPTY: Self = Self { hash: Digest([0; 32]), sum: Credits::ZERO };

    /// Of a leaf, whose bytes are known by their hash.
    pub fn of_leaf(key: &Key, bytes: &Digest, value: Credits) -> Self {
        let hash = hash(&tag("leaf"), &[key.as_bytes(), &bytes.0, &value.0.to_le_bytes()]);
        Self { hash, sum: value }
    }

    /// Of two neighbours, or `None` if their sum is past the end of numbers.
    pub fn of_pair(left: &Self, right: &Self) -> Option<Self> {
        let sum = left.sum.checked_add(right.sum)?;
        let sums = (left.sum.0.to_le_bytes(), right.sum.0.to_le_bytes());
        let hash = hash(&tag("node"), &[&left.hash.0, &sums.0, &right.hash.0, &sums.1]);
        Some(Self { hash, sum })
    }

    /// What a header carries when this is the whole tree.
    pub fn root(&self) -> StateRoot {
        hash(&tag("root"), &[&self.hash.0, &self.sum.0.to_le_bytes()]).into()
    }
}

/// The hash of a leaf's bytes.
fn value_hash(leaf: &Leaf) -> Digest {
    hash(&tag("value"), &[&leaf.to_bytes()])
}

#[derive(Debug)]
struct LeafNode {
    key: Key,
    bytes: Digest,
    leaf: Leaf,
    summary: Summary,
}

impl LeafNode {
    fn new(key: Key, leaf: Leaf) -> Self {
        let bytes = value_hash(&leaf);
        let summary = Summary::of_leaf(&key, &bytes, leaf.value());
        Self { key, bytes, leaf, summary }
    }
}

#[derive(Debug)]
struct InnerNode {
    summary: Summary,
    left: Node,
    right: Node,
}

#[derive(Clone, Debug, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Arc<LeafNode>),
    Inner(Arc<InnerNode>),
}

impl Node {
    fn summary(&self) -> Summary {
        match self {
            Self::Empty => Summary::EMPTY,
            Self::Leaf(node) => node.summary,
            Self::Inner(node) => node.summary,
        }
    }

    /// Two neighbours as one; a leaf alone moves up.
    fn join(left: Self, right: Self) -> Result<Self, SumError> {
        match (&left, &right) {
            (Self::Empty, Self::Empty | Self::Leaf(_)) => return Ok(right),
            (Self::Leaf(_), Self::Empty) => return Ok(left),
            _ => {}
        }
        let summary = Summary::of_pair(&left.summary(), &right.summary()).ok_or(SumError)?;
        Ok(Self::Inner(Arc::new(InnerNode { summary, left, right })))
    }

    /// A subtree of these leaves, which are in order and agree up to `depth`.
    fn build(depth: usize, leaves: &[Arc<LeafNode>]) -> Result<Self, SumError> {
        match leaves {
            [] => Ok(Self::Empty),
            [leaf] => Ok(Self::Leaf(leaf.clone())),
            leaves => {
                let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)));
                Self::join(Self::build(depth + 1, left)?, Self::build(depth + 1, right)?)
            }
        }
    }

    /// This subtree after these changes, which are in order and agree up to `depth`.
    fn update(&self, depth: usize, changes: &[(Key, Option<Leaf>)]) -> Result<Self, SumError> {
        if changes.is_empty() {
            return Ok(self.clone());
        }
        match self {
            Self::Empty => Self::build(depth, &made(changes).collect::<Vec<_>>()),
            Self::Leaf(old) => {
                let mut leaves: Vec<_> = made(changes).collect();
                if changes.binary_search_by(|(key, _)| key.cmp(&old.key)).is_err() {
                    let at = leaves.partition_point(|leaf| leaf.key < old.key);
                    leaves.insert(at, old.clone());
                }
                Self::build(depth, &leaves)
            }
            Self::Inner(node) => {
                let (left, right) = changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)));
                Self::join(node.left.update(depth + 1, left)?, node.right.update(depth + 1, right)?)
            }
        }
    }
}

fn made(changes: &[(Key, Option<Leaf>)]) -> impl Iterator<Item = Arc<LeafNode>> {
    changes.iter().filter_map(|(key, leaf)| Some(Arc::new(LeafNode::new(*key, leaf.clone()?))))
}

/// The leaves hold more credit than numbers can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sum of all leaves is past the end of numbers")]
pub struct SumError;

/// The whole state, committed to.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    root: Node,
}

impl Tree {
    /// What the root says.
    pub fn summary(&self) -> Summary {
        self.root.summary()
    }

    /// The leaf of this key.
    pub fn get(&self, key: &Key) -> Option<&Leaf> {
        let mut node = &self.root;
        for depth in 0..=256 {
            match node {
                Node::Empty => return None,
                Node::Leaf(found) => return (found.key == *key).then_some(&found.leaf),
                Node::Inner(inner) => node = if key.bit(depth) { &inner.right } else { &inner.left },
            }
        }
        None
    }

    /// The tree after these changes: a leaf to put, or `None` to remove.
    pub fn update(&self, changes: BTreeMap<Key, Option<Leaf>>) -> Result<Self, SumError> {
        let changes: Vec<_> = changes.into_iter().collect();
        Ok(Self { root: self.root.update(0, &changes)? })
    }

    /// Proves what stands at this key, or that nothing does.
    pub fn prove(&self, key: &Key) -> Proof {
        let mut siblings = Vec::new();
        let mut node = &self.root;
        while let Node::Inner(inner) = node {
            let (next, sibling) =
                if key.bit(siblings.len()) { (&inner.right, &inner.left) } else { (&inner.left, &inner.right) };
            siblings.push(sibling.summary());
            node = next;
        }
        match node {
            Node::Leaf(found) if found.key == *key => Proof::present(siblings, found.leaf.clone()),
            Node::Leaf(other) => Proof::occupied(siblings, other.key, other.bytes, other.summary.sum),
            Node::Empty | Node::Inner(_) => Proof::vacant(siblings),
        }
    }

    /// All leaves in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Leaf)> {
        Leaves { rest: vec![&self.root] }
    }
}

struct Leaves<'a> {
    rest: Vec<&'a Node>,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (&'a Key, &'a Leaf);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rest.pop()? {
                Node::Empty => {}
                Node::Leaf(node) => return Some((&node.key, &node.leaf)),
                Node::Inner(node) => self.rest.extend([&node.right, &node.left]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
