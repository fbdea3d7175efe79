//! Blocks of a fuzzer's transactions: signed properly, so that every rule is reached; nothing panics, no credit is made.

#![no_main]

use clock::Timestamp;
use ed25519_dalek::SigningKey;
use ledger::amount::{Credits, SUPPLY};
use ledger::genesis::{Allocation, Genesis};
use ledger::parameters::Parameters;
use ledger::seal::Engine;
use ledger::signing::account_of;
use ledger::state::{Slot, State};
use ledger::transaction::SignedTransaction;
use ledger::validators::{Validator, Validators};
use ledger::wire::Wire;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[1; 32]));

fn begin(engine: Engine) -> State {
    let account = account_of(&KEY);
    let other = account_of(&SigningKey::from_bytes(&[2; 32]));
    let power = if engine == Engine::Stake { 1 << 21 } else { 1 };
    let list = if engine == Engine::Work { vec![] } else { vec![Validator { id: other, power }] };
    let allocation = Allocation { account, amount: Credits(1 << 30) };
    let genesis = Genesis {
        engine,
        parameters: Parameters { work_interval_ms: 1, ..Parameters::default() },
        validators: Validators::new(list).expect("one at most"),
        allocations: vec![allocation],
        ..Genesis::authority(&[other], Timestamp::from_millis(0)).expect("one authority")
    };
    genesis.state().expect("it adds up")
}

static STATES: LazyLock<[State; 3]> = LazyLock::new(|| [Engine::Authority, Engine::Stake, Engine::Work].map(begin));

fuzz_target!(|input: &[u8]| {
    let Some((engine, mut rest)) = input.split_first() else { return };
    let mut state = STATES[usize::from(engine % 3)].clone();
    // Length, then the bytes of a transaction without its signature; who sends it and when is made to fit.
    while let Some((&[low, high, pause], more)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([low, high])).min(more.len());
        let (bytes, more) = more.split_at(len);
        rest = more;
        let padded = [bytes, &[0; 64]].concat();
        let at = (state.height() + 1) * 1_000 + u64::from(pause) * 60_000;
        let slot = Slot { timestamp: Timestamp::from_millis(at), proposer: account_of(&KEY) };
        let mut draft = state.begin(slot);
        if let Ok(signed) = SignedTransaction::from_bytes(&padded) {
            let mut transaction = signed.transaction().clone();
            transaction.sender = account_of(&KEY);
            transaction.nonce = state.account(&transaction.sender).map_or(0, |account| account.nonce);
            transaction.valid_until = draft.height();
            let _ = draft.apply(&transaction.sign(&state.rules().chain, &KEY));
        }
        state = draft.finish().expect("no credit is made or lost");
        let sum: u64 = state.leaves().map(|(_, leaf)| leaf.value().0).sum();
        assert_eq!(sum, SUPPLY.0);
    }
});
