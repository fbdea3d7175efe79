//! What stands at a key, proved against a root.
//!
//! A proof is what stands at the end of the key's path and the neighbours along it, from the root down. The way is
//! taken from the key that was asked for, never from the proof. It holds only if hashing up gives the root **and** the
//! sum is exactly the supply: so every proof also says that nobody printed credit anywhere under the root.

use super::{Summary, value_hash};
use crate::amount::{Credits, SUPPLY};
use crate::hash::{Digest, Key, StateRoot};
use crate::leaf::Leaf;
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max};

/// Bits of a key, so neighbours on the longest path.
const SIBLINGS_MAX: usize = 256;

/// Bytes of the longest proof.
pub const PROOF_LEN_MAX: usize = 1 + Leaf::LEN_MAX + list_len_max::<Summary>(SIBLINGS_MAX);

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The leaf asked for.
    Present(Leaf),
    /// Nothing.
    Vacant,
    /// Another leaf, alone under the prefix that it shares with the key.
    Occupied { key: Key, bytes: Digest, value: Credits },
}

/// What stands at a key, or that nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    end: End,
    siblings: Vec<Summary>,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Hashing up gives something else.
    #[error("leads to another root")]
    Root,
    /// The leaves under the root do not add up to the supply.
    #[error("the leaves add up to {found}, not to the supply")]
    Sum {
        /// What they add up to.
        found: Credits,
    },
    /// The sums along the path are past the end of numbers.
    #[error("sums overflow")]
    Overflow,
    /// It claims absence by showing a leaf that does not stand in the way, or is the very leaf.
    #[error("the leaf it shows says nothing about the key")]
    Elsewhere,
    /// More neighbours than a key has bits.
    #[error("{found} neighbours, a key has {SIBLINGS_MAX} bits")]
    TooDeep {
        /// How many.
        found: usize,
    },
}

impl Proof {
    pub(super) const fn present(siblings: Vec<Summary>, leaf: Leaf) -> Self {
        Self { end: End::Present(leaf), siblings }
    }

    pub(super) const fn vacant(siblings: Vec<Summary>) -> Self {
        Self { end: End::Vacant, siblings }
    }

    pub(super) const fn occupied(siblings: Vec<Summary>, key: Key, bytes: Digest, value: Credits) -> Self {
        Self { end: End::Occupied { key, bytes, value }, siblings }
    }

    /// The leaf at `key` under `root`, or `None` if the proof shows that there is none.
    pub fn verify(&self, key: &Key, root: &StateRoot) -> Result<Option<&Leaf>, ProofError> {
        if self.siblings.len() > SIBLINGS_MAX {
            return Err(ProofError::TooDeep { found: self.siblings.len() });
        }
        let (end, leaf) = match &self.end {
            End::Present(leaf) => (Summary::of_leaf(key, &value_hash(leaf), leaf.value()), Some(leaf)),
            End::Vacant => (Summary::EMPTY, None),
            End::Occupied { key: other, bytes, value } => {
                let stands_in_the_way = (self.siblings.len()..256).contains(&key.common_bits(other));
                if !stands_in_the_way {
                    return Err(ProofError::Elsewhere);
                }
                (Summary::of_leaf(other, bytes, *value), None)
            }
        };
        let found = self.siblings.iter().enumerate().rev().try_fold(end, |below, (depth, sibling)| {
            let (left, right) = if key.bit(depth) { (sibling, &below) } else { (&below, sibling) };
            Summary::of_pair(left, right)
        });
        let found = found.ok_or(ProofError::Overflow)?;
        if found.root() != *root {
            Err(ProofError::Root)
        } else if found.sum != SUPPLY {
            Err(ProofError::Sum { found: found.sum })
        } else {
            Ok(leaf)
        }
    }

    /// Neighbours on the path: about the logarithm of the number of leaves.
    pub fn depth(&self) -> usize {
        self.siblings.len()
    }
}

impl Wire for Proof {
    const LEN_MAX: usize = PROOF_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match &self.end {
            End::Present(leaf) => {
                out.push(0);
                leaf.encode(out);
            }
            End::Vacant => out.push(1),
            End::Occupied { key, bytes, value } => {
                out.push(2);
                key.encode(out);
                bytes.encode(out);
                value.encode(out);
            }
        }
        encode_list(&self.siblings, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let end = match u8::decode(input)? {
            0 => End::Present(Wire::decode(input)?),
            1 => End::Vacant,
            2 => End::Occupied { key: Wire::decode(input)?, bytes: Wire::decode(input)?, value: Wire::decode(input)? },
            found => return Err(WireError::Choice { what: "proof", found }),
        };
        Ok(Self { end, siblings: decode_list(input, 0, SIBLINGS_MAX)? })
    }
}
