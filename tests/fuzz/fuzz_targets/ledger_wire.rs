//! Every decoder of the ledger: any bytes are refused, or are the one spelling of what they mean.

#![no_main]

use ledger::block::Body;
use ledger::genesis::Genesis;
use ledger::header::Header;
use ledger::history::{History, HistoryProof};
use ledger::leaf::Leaf;
use ledger::merkle::InclusionProof;
use ledger::seal::Seal;
use ledger::transaction::SignedTransaction;
use ledger::tree::Proof;
use ledger::validators::Validators;
use ledger::vote::{Evidence, Vote};
use ledger::wire::Wire;
use libfuzzer_sys::fuzz_target;

fn one_spelling<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes, "a second spelling");
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    match which % 12 {
        0 => one_spelling::<SignedTransaction>(bytes),
        1 => one_spelling::<Proof>(bytes),
        2 => one_spelling::<Header>(bytes),
        3 => one_spelling::<Seal>(bytes),
        4 => one_spelling::<Body>(bytes),
        5 => one_spelling::<Leaf>(bytes),
        6 => one_spelling::<Genesis>(bytes),
        7 => one_spelling::<History>(bytes),
        8 => one_spelling::<HistoryProof>(bytes),
        9 => one_spelling::<InclusionProof>(bytes),
        10 => one_spelling::<Evidence>(bytes),
        _ => {
            one_spelling::<Validators>(bytes);
            one_spelling::<Vote>(bytes);
        }
    }
});
