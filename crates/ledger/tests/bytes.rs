//! Canonical bytes: what decodes is spelled one way, and no bytes at all can do worse than be refused.

#![cfg(not(target_arch = "wasm32"))]

#[path = "support/samples.rs"]
mod samples;

use ledger::transaction::{SignedTransaction, TRANSACTION_LEN_MAX};
use ledger::tree::Proof;
use ledger::wire::{Wire, WireError};
use proptest::prelude::*;
use samples::{CHAIN, every_kind, key};

fn signed() -> Vec<SignedTransaction> {
    every_kind(1).into_iter().map(|transaction| transaction.sign(&CHAIN, &key(1))).collect()
}

/// What decodes must encode to the same bytes.
fn decodes_to_itself<T: Wire>(bytes: &[u8]) -> bool {
    T::from_bytes(bytes).is_ok_and(|value| {
        assert_eq!(value.to_bytes(), bytes, "a second spelling");
        true
    })
}

#[test]
fn every_proper_prefix_and_every_longer_string_is_refused() {
    for transaction in signed() {
        let bytes = transaction.to_bytes();
        for len in 0..bytes.len() {
            assert!(SignedTransaction::from_bytes(&bytes[..len]).is_err());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(SignedTransaction::from_bytes(&longer), Err(WireError::Trailing { left: 1 }));
    }
}

#[test]
fn no_changed_bit_keeps_the_signature_or_the_id() {
    for transaction in signed() {
        let bytes = transaction.to_bytes();
        // A handful of bits of every field; all of them would take minutes of checking signatures.
        for bit in (0..bytes.len() * 8).step_by(37) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = SignedTransaction::from_bytes(&changed) {
                assert_eq!(other.to_bytes(), changed);
                assert_ne!(other.id(), transaction.id());
                assert!(!other.is_signed(&CHAIN), "bit {bit} of {:?}", transaction.transaction().body.kind());
            }
        }
    }
}

#[test]
fn oversize_is_refused_before_it_is_read() {
    let found = TRANSACTION_LEN_MAX + 1;
    let refused = SignedTransaction::from_bytes(&vec![0; found]);
    assert_eq!(refused, Err(WireError::TooLong { max: TRANSACTION_LEN_MAX, found }));
}

#[test]
fn longest_transaction_of_every_kind_fits() {
    assert!(signed().iter().all(|transaction| transaction.to_bytes().len() <= TRANSACTION_LEN_MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn prop_any_bytes_are_one_spelling_or_refused(
        which in 0_usize..13, at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        decodes_to_itself::<SignedTransaction>(&bytes);
        decodes_to_itself::<Proof>(&bytes);
        let mut near = signed().swap_remove(which).to_bytes();
        let at = at.index(near.len());
        let end = near.len().min(at + bytes.len());
        near.splice(at..end, bytes);
        decodes_to_itself::<SignedTransaction>(&near);
    }
}
