//! The tree against a plain map, and forged proofs against the verifier.

use super::*;
use crate::account::{Account, AccountId};
use crate::amount::SUPPLY;

fn account(balance: u64) -> Leaf {
    Leaf::Account(Account::new(Credits(balance), 1))
}

fn key(byte: u8) -> Key {
    Key::account(&AccountId([byte; 32]))
}

/// A tree of `count` accounts and a treasury that together hold the supply.
fn tree(count: u8) -> Tree {
    let mut leaves: BTreeMap<_, _> = (0..count).map(|at| (key(at), Some(account(u64::from(at) + 1)))).collect();
    let held: u64 = (1..=u64::from(count)).sum();
    leaves.insert(Key::treasury(), Some(Leaf::Treasury { balance: Credits(SUPPLY.0 - held) }));
    Tree::default().update(leaves).unwrap()
}

#[test]
fn proof_shows_the_leaf_and_its_absence() {
    let tree = tree(40);
    let root = tree.summary().root();
    for at in 0..80 {
        let proof = tree.prove(&key(at));
        let expected = (at < 40).then(|| account(u64::from(at) + 1));
        assert_eq!(proof.verify(&key(at), &root).unwrap(), expected.as_ref());
    }
}

#[test]
fn proof_for_one_key_says_nothing_about_another() {
    let tree = tree(40);
    let root = tree.summary().root();
    for at in 0..80 {
        for other in (0..80).filter(|other| *other != at) {
            let claimed = tree.prove(&key(at)).verify(&key(other), &root).ok().flatten().cloned();
            assert_eq!(claimed, None, "a leaf under the wrong key");
        }
    }
}

#[test]
fn absence_is_not_shown_by_the_leaf_itself_or_one_that_stands_elsewhere() {
    let tree = tree(40);
    let root = tree.summary().root();
    let present = tree.prove(&key(3));
    let Some(Leaf::Account(_)) = present.verify(&key(3), &root).unwrap() else { panic!("it is there") };
    let leaf = account(4);
    let itself = Proof::occupied(present.siblings_for_tests(), key(3), value_hash(&leaf), leaf.value());
    assert_eq!(itself.verify(&key(3), &root), Err(ProofError::Elsewhere));
    let mut far = key(3);
    far.0[0] ^= 0x80;
    let elsewhere = Proof::occupied(present.siblings_for_tests(), key(3), value_hash(&leaf), leaf.value());
    assert_eq!(elsewhere.verify(&far, &root), Err(ProofError::Elsewhere));
}

#[test]
fn empty_path_proves_only_a_tree_of_one_leaf() {
    let lone = Leaf::Treasury { balance: SUPPLY };
    let tree = Tree::default().update([(Key::treasury(), Some(lone.clone()))].into()).unwrap();
    let proof = tree.prove(&Key::treasury());
    assert_eq!(proof.depth(), 0);
    assert_eq!(proof.verify(&Key::treasury(), &tree.summary().root()).unwrap(), Some(&lone));
    let bigger = super::tests::tree(40).summary().root();
    assert_eq!(proof.verify(&Key::treasury(), &bigger), Err(ProofError::Root), "no hops is no check");
    assert_eq!(Proof::vacant(Vec::new()).verify(&key(1), &bigger), Err(ProofError::Root));
}

#[test]
fn root_whose_leaves_are_not_the_supply_proves_nothing() {
    let printed = tree(40).update([(key(200), Some(account(1)))].into()).unwrap();
    let found = printed.prove(&key(200)).verify(&key(200), &printed.summary().root()).map(Option::<&Leaf>::cloned);
    assert_eq!(found, Err(ProofError::Sum { found: Credits(SUPPLY.0 + 1) }));
}

#[test]
fn sums_of_a_node_cannot_be_traded_between_its_children() {
    let left = Summary { hash: Digest([1; 32]), sum: Credits(5) };
    let right = Summary { hash: Digest([2; 32]), sum: Credits(7) };
    let traded = (Summary { sum: Credits(7), ..left }, Summary { sum: Credits(5), ..right });
    let honest = Summary::of_pair(&left, &right).unwrap();
    assert_ne!(honest.hash, Summary::of_pair(&traded.0, &traded.1).unwrap().hash, "child sums are hashed apart");
    let grown = Summary { sum: Credits(6), ..left };
    assert_ne!(honest.hash, Summary::of_pair(&grown, &right).unwrap().hash);
}

#[test]
fn sums_past_the_end_of_numbers_are_an_error() {
    let huge = Summary { hash: Digest::default(), sum: Credits(u64::MAX) };
    assert_eq!(Summary::of_pair(&huge, &Summary { sum: Credits(1), ..huge }), None);
    let leaves = [(key(0), Some(account(u64::MAX))), (key(1), Some(account(1)))];
    assert_eq!(Tree::default().update(leaves.into()).unwrap_err(), SumError);
}

#[test]
fn any_changed_bit_of_a_proof_is_refused() {
    let tree = tree(12);
    let root = tree.summary().root();
    for at in [3, 200] {
        let bytes = tree.prove(&key(at)).to_bytes();
        let honest = tree.prove(&key(at));
        let honest = honest.verify(&key(at), &root).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let accepted = Proof::from_bytes(&forged).is_ok_and(|proof| proof.verify(&key(at), &root).is_ok());
            assert!(!accepted, "bit {bit} of the proof of {honest:?}");
        }
    }
}

#[test]
fn order_and_grouping_of_changes_do_not_matter() {
    let all = tree(60);
    let mut stepwise = Tree::default();
    for (key, leaf) in all.iter().collect::<Vec<_>>().into_iter().rev() {
        stepwise = stepwise.update([(*key, Some(leaf.clone()))].into()).unwrap();
    }
    assert_eq!(stepwise.summary(), all.summary());
    let without = all.update((20..60).map(|at| (key(at), None)).collect()).unwrap();
    let fewer = tree(20);
    let treasury = fewer.get(&Key::treasury()).unwrap().clone();
    let without = without.update([(Key::treasury(), Some(treasury))].into()).unwrap();
    assert_eq!(without.summary(), fewer.summary(), "removing leaves no trace");
}

impl Proof {
    fn siblings_for_tests(&self) -> Vec<Summary> {
        let bytes = self.to_bytes();
        // The siblings are the tail of the encoding: 40 bytes each.
        let tail = &bytes[bytes.len() - self.depth() * 40..];
        tail.chunks_exact(40).map(|chunk| Summary::from_bytes(chunk).unwrap()).collect()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::cases(128))]

        #[test]
        fn prop_tree_is_a_map(batches in prop::collection::vec(
            prop::collection::btree_map(any::<u8>(), prop::option::of(0_u64..1 << 40), 0..12), 1..12)
        ) {
            let mut tree = Tree::default();
            let mut map = BTreeMap::new();
            for batch in batches {
                let changes = batch.iter().map(|(at, value)| (key(*at), value.map(account))).collect();
                tree = tree.update(changes).unwrap();
                for (at, value) in batch {
                    match value {
                        Some(value) => map.insert(at, value),
                        None => map.remove(&at),
                    };
                }
                let rebuilt = map.iter().map(|(at, value)| (key(*at), Some(account(*value)))).collect();
                prop_assert_eq!(tree.summary(), Tree::default().update(rebuilt).unwrap().summary());
                prop_assert_eq!(tree.summary().sum, Credits(map.values().sum()));
                for at in 0..=255 {
                    let expected = map.get(&at).map(|value| account(*value));
                    prop_assert_eq!(tree.get(&key(at)), expected.as_ref());
                }
            }
        }
    }
}
