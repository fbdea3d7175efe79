//! What a block costs: transfers applied with their state root against plain signature checks in the same run, how
//! long proofs are, and how fast headers are checked.
//!
//! `cargo bench -p ledger`. Goals: transfers at 0.8 of the rate of `verify_strict`; proofs of 1,000 bytes on average and
//! 1,300 for 99 of 100 at a million accounts; 1,000 headers of one authority in 150 ms, of four in 450 ms.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use clock::Timestamp;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use ledger::account::{Account, AccountId};
use ledger::amount::{Credits, SUPPLY};
use ledger::block::Ground;
use ledger::chain::Chain;
use ledger::genesis::Genesis;
use ledger::hash::{Key, hash, tag};
use ledger::header::Header;
use ledger::leaf::{InForce, Leaf};
use ledger::seal::{Certificate, Seal};
use ledger::signing::account_of;
use ledger::state::{Slot, State};
use ledger::transaction::{Body, SignedTransaction, Transaction};
use ledger::vote::{Ballot, Step, Vote};
use ledger::wire::Wire;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A full block of transfers.
const TRANSFERS: usize = 256;

fn key(at: u32) -> SigningKey {
    SigningKey::from_bytes(&hash(&tag("bench"), &[&at.to_le_bytes()]).0)
}

/// A state of this many accounts; the first of them have keys.
fn state(accounts: u32) -> State {
    let genesis = Genesis::authority(&[account_of(&key(0))], Timestamp::from_millis(0)).expect("one authority");
    let begun = genesis.state().expect("a genesis of the usual numbers");
    let mut leaves: BTreeMap<Key, Leaf> = begun.leaves().map(|(key, leaf)| (*key, leaf.clone())).collect();
    let balance = Credits(100_000);
    for at in 0..accounts {
        let id = if (at as usize) < 2 * TRANSFERS {
            account_of(&key(at))
        } else {
            AccountId(hash(&tag("nobody"), &[&at.to_le_bytes()]).0)
        };
        leaves.insert(Key::account(&id), Leaf::Account(Account::new(balance, 0)));
    }
    let held = balance.0 * u64::from(accounts);
    leaves.insert(Key::treasury(), Leaf::Treasury { balance: Credits(SUPPLY.0 - held) });
    State::from_leaves(begun.rules().clone(), 0, 0, leaves).expect("it adds up")
}

fn slot(at: u64) -> Slot {
    Slot { timestamp: Timestamp::from_millis(at), proposer: account_of(&key(0)) }
}

fn transfers(state: &State) -> Vec<SignedTransaction> {
    let transfer = |at: u32| {
        let (from, to) = (key(at), account_of(&key(at + TRANSFERS as u32)));
        let body = Body::Transfer { to, amount: Credits(1) };
        Transaction { sender: account_of(&from), nonce: 0, valid_until: 10, body }.sign(&state.rules().chain, &from)
    };
    (0..TRANSFERS as u32).map(transfer).collect()
}

fn timed(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

fn main() {
    let message = [7; 163];
    let signed: Vec<_> =
        (0..TRANSFERS as u32).map(|at| (key(at).verifying_key().to_bytes(), key(at).sign(&message))).collect();
    // `cargo bench -p ledger -- 1000` takes other numbers of accounts.
    let asked: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if asked.is_empty() { vec![1_000, 10_000, 100_000, 1_000_000] } else { asked };
    for accounts in counts {
        let before = state(accounts);
        let transactions = transfers(&before);
        // Interleaved, and the fastest of each: what else the machine does only ever adds.
        let (mut plain, mut applied) = (Duration::MAX, Duration::MAX);
        for _ in 0..15 {
            plain = plain.min(timed(|| {
                let all = signed.iter().all(|(public, signature)| {
                    VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(&message, signature).is_ok())
                });
                assert!(black_box(all));
            }));
            applied = applied.min(timed(|| {
                black_box(before.apply(slot(1_000), &transactions).expect("they apply").root());
            }));
        }
        let rate = |time: Duration| TRANSFERS as f64 / time.as_secs_f64();
        println!(
            "{accounts} accounts: {:.0} transfers/s with state root, verify_strict {:.0}/s, ratio {:.2}",
            rate(applied),
            rate(plain),
            plain.as_secs_f64() / applied.as_secs_f64()
        );
        print_proof_lengths(&before, accounts);
    }
    for authorities in [1, 4] {
        let (chain, sealed) = headers(authorities);
        let check = || {
            let mut chain = chain.clone();
            for (header, seal) in sealed.clone() {
                chain.import(header, seal, Timestamp::from_millis(0)).expect("they follow each other");
            }
            black_box(chain.tip_id());
        };
        let time = (0..5).map(|_| timed(check)).min().unwrap_or_default();
        println!("1,000 headers of {authorities} authorities: {} ms", time.as_millis());
    }
}

fn print_proof_lengths(state: &State, accounts: u32) {
    let root = state.root();
    let every = (accounts / 10_000).max(1) as usize;
    let keys: Vec<_> = state.leaves().map(|(key, _)| *key).step_by(every).collect();
    let mut lengths: Vec<_> = keys
        .iter()
        .map(|key| {
            let proof = state.prove(key);
            assert!(proof.verify(key, &root).is_ok_and(|leaf| leaf.is_some()));
            proof.to_bytes().len()
        })
        .collect();
    lengths.sort_unstable();
    let mean = lengths.iter().sum::<usize>() / lengths.len();
    println!("proofs at {accounts} accounts: mean {mean} B, p99 {} B", lengths[lengths.len() * 99 / 100]);
}

/// A thousand sealed headers of this many authorities.
fn headers(authorities: u32) -> (Chain, Vec<(Header, Seal)>) {
    let keys: Vec<_> = (0..authorities).map(key).collect();
    let ids: Vec<_> = keys.iter().map(account_of).collect();
    let genesis = Genesis::authority(&ids, Timestamp::from_millis(0)).expect("up to sixteen");
    let state = genesis.state().expect("a genesis of the usual numbers");
    let chain = Chain::new(state.clone());
    let validators = state.validators(InForce::Now);
    let (mut ground, _) = Ground::genesis(state);
    let mut sealed = Vec::new();
    for height in 1..=1_000 {
        let (block, state) = ground.build(slot(height * 1_000), 0, []).expect("an empty block");
        let ballot = Ballot { height, round: 0, block: block.header.id() };
        let votes: Vec<_> =
            keys.iter().map(|key| Vote::sign(Step::Precommit, ballot, &block.header.chain, key)).collect();
        let seal = Seal::Certificate(Certificate::collect(ballot, &votes, &validators));
        ground = ground.after(&block.header, state);
        sealed.push((block.header, seal));
    }
    (chain, sealed)
}
