//! What a tab believes of a stranger: no proof, header or seal of a fuzzer's is accepted, and none makes it panic.

#![no_main]

use clock::Timestamp;
use ledger::account::AccountId;
use ledger::chain::{Chain, Import};
use ledger::genesis::Genesis;
use ledger::hash::{BlockId, HistoryRoot, Key, TransactionId, TransactionRoot};
use ledger::header::Header;
use ledger::history::{History, HistoryProof};
use ledger::merkle::InclusionProof;
use ledger::seal::Seal;
use ledger::state::State;
use ledger::tree::Proof;
use ledger::wire::Wire;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static STATE: LazyLock<State> = LazyLock::new(|| {
    let genesis = Genesis::authority(&[AccountId([7; 32])], Timestamp::from_millis(0)).expect("one authority");
    genesis.state().expect("a genesis of the usual numbers")
});

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    match which % 4 {
        0 => {
            if let Ok(proof) = Proof::from_bytes(bytes) {
                for key in [Key::treasury(), Key::account(&AccountId([1; 32]))] {
                    let claimed = proof.verify(&key, &STATE.root());
                    assert!(claimed.is_err() || claimed == Ok(STATE.leaf(&key)), "a forged proof");
                }
            }
        }
        1 => {
            let Ok(proof) = HistoryProof::from_bytes(bytes) else { return };
            for (height, count) in [(0, 0), (0, 1), (3, 9), (u64::MAX, u64::MAX), (5, u64::MAX)] {
                assert!(!proof.verify(height, &BlockId([1; 32]), count, &HistoryRoot([2; 32])));
            }
        }
        2 => {
            if let Ok(proof) = InclusionProof::from_bytes(bytes) {
                assert!(!proof.verify(&TransactionId([1; 32]), &TransactionRoot([2; 32])));
            }
        }
        _ => {
            let mut reader = ledger::wire::Reader::new(bytes);
            let (Ok(header), Ok(seal)) = (Header::decode(&mut reader), Seal::decode(&mut reader)) else { return };
            let mut chain = Chain::new(STATE.clone());
            // Once as it is, and once as a child of the genesis, which gets further.
            let mut child = header.clone();
            child.parent = chain.tip_id();
            child.chain = STATE.rules().chain;
            child.engine = STATE.rules().engine;
            child.height = 1;
            child.history = chain.history().root();
            for header in [header, child] {
                let imported = chain.import(header.clone(), seal.clone(), Timestamp::from_millis(0));
                assert!(!matches!(imported, Ok(Import::TipChanged { .. })), "nobody signed this");
                let ancestry = ledger::history::Archive::default().prove(0, 0);
                assert_eq!(ancestry, None);
                let _ = chain.finality(&header.id());
                let _ = History::default().with(&header.id());
            }
        }
    }
});
