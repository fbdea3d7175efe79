//! The golden vectors in `tests/vectors/ledger`: what any implementation must compute, natively and in wasm.
//!
//! Each file is compared as a whole with what this crate computes, so a change of format shows as a diff. Keys are
//! 32 equal bytes. `LEDGER_VECTORS=write cargo test -p ledger --test vectors` writes the files anew.

#[path = "support/samples.rs"]
mod samples;

use ledger::account::{Account, AccountId};
use ledger::amount::{Credits, SUPPLY};
use ledger::hash::{ChainId, Key};
use ledger::leaf::Leaf;
use ledger::signing::account_of;
use ledger::transaction::SignedTransaction;
use ledger::tree::{Proof, Tree};
use ledger::wire::Wire;
use samples::{every_kind, hex, key, same_as};
use std::fmt::Write;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CHAIN: ChainId = ChainId([0x5c; 32]);

#[test]
fn transactions_have_the_bytes_and_ids_of_the_vectors() {
    let mut found = String::new();
    for transaction in every_kind(1) {
        let kind = transaction.body.kind();
        let signed = transaction.sign(&CHAIN, &key(1));
        let bytes = signed.to_bytes();
        assert_eq!(SignedTransaction::from_bytes(&bytes).as_ref(), Ok(&signed));
        assert!(signed.is_signed(&CHAIN));
        writeln!(found, "{kind:?}\n  {}\n  {}", signed.id(), hex(&bytes)).unwrap();
    }
    same_as("transactions.txt", include_str!("../../../tests/vectors/ledger/transactions.txt"), &found);
}

#[test]
fn trees_have_the_roots_and_proofs_of_the_vectors() {
    let mut found = String::new();
    for count in [0, 1, 2, 3, 10, 100] {
        let account = |at: u8| Key::account(&AccountId([at; 32]));
        let held: u64 = (0..u64::from(count)).map(|at| at * at).sum();
        let mut leaves: std::collections::BTreeMap<_, _> = (0..count)
            .map(|at| (account(at), Some(Leaf::Account(Account::new(Credits(u64::from(at) * u64::from(at)), 7)))))
            .collect();
        leaves.insert(Key::treasury(), Some(Leaf::Treasury { balance: Credits(SUPPLY.0 - held) }));
        let tree = Tree::default().update(leaves).unwrap();
        let root = tree.summary().root();
        writeln!(found, "{count} accounts\n  root {root}").unwrap();
        for (name, key) in [("first", account(0)), ("absent", account(255)), ("treasury", Key::treasury())] {
            let proof = tree.prove(&key);
            assert_eq!(proof.verify(&key, &root).map(|leaf| leaf.is_some()), Ok(tree.get(&key).is_some()));
            assert_eq!(Proof::from_bytes(&proof.to_bytes()).as_ref(), Ok(&proof));
            writeln!(found, "  {name} {}", hex(&proof.to_bytes())).unwrap();
        }
    }
    same_as("trees.txt", include_str!("../../../tests/vectors/ledger/trees.txt"), &found);
}

#[test]
fn keys_have_the_accounts_of_the_vectors() {
    // RFC 8032, section 7.1, test 1: the same accounts as everybody's Ed25519.
    let secret = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    let account = account_of(&ed25519_dalek::SigningKey::from_bytes(&secret));
    assert_eq!(hex(&account.0), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}
