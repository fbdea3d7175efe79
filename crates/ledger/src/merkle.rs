//! The transactions of a block as one hash, and the proof that one of them is among them.
//!
//! ```text
//! leaf = B3(txleaf, id)    node = B3(txnode, left | right)    root = B3(txroot, count u32 | top)
//! ```
//!
//! Split as in RFC 6962: the left side is the largest power of two below the count. The count is part of the root, so
//! no two lists share one, not even the empty one.

use crate::hash::{Digest, TransactionId, TransactionRoot, hash, tag};
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max};

/// Neighbours on the longest path: a block has at most 2^8 transactions.
const PATH_LEN_MAX: usize = 8;

fn leaf(id: &TransactionId) -> Digest {
    hash(&tag("txleaf"), &[id.as_bytes()])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    hash(&tag("txnode"), &[&left.0, &right.0])
}

fn root_of(count: u32, top: &Digest) -> TransactionRoot {
    hash(&tag("txroot"), &[&count.to_le_bytes(), &top.0]).into()
}

/// How many of `count` stand on the left; `count` is at least 2.
const fn left_of(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn top(ids: &[TransactionId]) -> Digest {
    match ids {
        [] => Digest::default(),
        [id] => leaf(id),
        ids => {
            let (left, right) = ids.split_at(left_of(ids.len()));
            node(&top(left), &top(right))
        }
    }
}

/// What a header says about these transactions.
pub fn transaction_root(ids: &[TransactionId]) -> TransactionRoot {
    root_of(ids.len() as u32, &top(ids))
}

/// That one transaction is in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Its place.
    index: u32,
    /// How many the block has.
    count: u32,
    /// Neighbours from the top down.
    path: Vec<Digest>,
}

impl InclusionProof {
    /// Proves the transaction at this place, if there is one.
    pub fn new(ids: &[TransactionId], index: usize) -> Option<Self> {
        let (mut rest, mut at) = (ids, index);
        let mut path = Vec::new();
        rest.get(at)?;
        while rest.len() > 1 {
            let (left, right) = rest.split_at(left_of(rest.len()));
            if at < left.len() {
                path.push(top(right));
                rest = left;
            } else {
                path.push(top(left));
                at -= left.len();
                rest = right;
            }
        }
        Some(Self { index: u32::try_from(index).ok()?, count: u32::try_from(ids.len()).ok()?, path })
    }

    /// Whether it proves that this transaction is in the block with this root. The way comes from place and count;
    /// a path of another length than they demand proves nothing.
    pub fn verify(&self, id: &TransactionId, root: &TransactionRoot) -> bool {
        let (mut at, mut count) = (self.index as usize, self.count as usize);
        if at >= count {
            return false;
        }
        let mut turns = Vec::with_capacity(self.path.len());
        while count > 1 {
            let left = left_of(count);
            let goes_right = at >= left;
            turns.push(goes_right);
            (at, count) = if goes_right { (at - left, count - left) } else { (at, left) };
        }
        if turns.len() != self.path.len() {
            return false;
        }
        let found = turns.iter().zip(&self.path).rev().fold(leaf(id), |below, (goes_right, sibling)| {
            if *goes_right { node(sibling, &below) } else { node(&below, sibling) }
        });
        root_of(self.count, &found) == *root
    }
}

impl Wire for InclusionProof {
    const LEN_MAX: usize = 8 + list_len_max::<Digest>(PATH_LEN_MAX);

    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        self.count.encode(out);
        encode_list(&self.path, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            index: Wire::decode(input)?,
            count: Wire::decode(input)?,
            path: decode_list(input, 0, PATH_LEN_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: u8) -> Vec<TransactionId> {
        (0..count).map(|at| TransactionId([at; 32])).collect()
    }

    #[test]
    fn every_transaction_is_proved_and_no_other() {
        for count in 1..20 {
            let (ids, root) = (ids(count), transaction_root(&ids(count)));
            for (index, id) in ids.iter().enumerate() {
                let proof = InclusionProof::new(&ids, index).unwrap();
                assert!(proof.verify(id, &root));
                assert!(!proof.verify(&TransactionId([99; 32]), &root));
                assert_eq!(InclusionProof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
                let moved = InclusionProof { index: (proof.index + 1) % u32::from(count), ..proof.clone() };
                assert!(count == 1 || !moved.verify(id, &root), "the place is proved, too");
            }
        }
    }

    #[test]
    fn empty_and_shortened_paths_prove_nothing() {
        let (ids, root) = (ids(5), transaction_root(&ids(5)));
        let proof = InclusionProof::new(&ids, 2).unwrap();
        assert!(!InclusionProof { path: Vec::new(), ..proof.clone() }.verify(&ids[2], &root));
        assert!(!InclusionProof { path: Vec::new(), count: 1, index: 0 }.verify(&ids[2], &root));
        assert!(!InclusionProof { count: 0, index: 0, path: Vec::new() }.verify(&ids[2], &transaction_root(&[])));
        let mut longer = proof;
        longer.path.push(Digest::default());
        assert!(!longer.verify(&ids[2], &root));
    }

    #[test]
    fn lists_of_different_length_have_different_roots() {
        let roots: std::collections::BTreeSet<_> = (0..20).map(|count| transaction_root(&ids(count))).collect();
        assert_eq!(roots.len(), 20);
    }
}
