//! Waiting and catching up: the pool of transactions, and a tab that syncs from peers of whom some lie.

#![cfg(not(target_arch = "wasm32"))]

#[path = "support/samples.rs"]
mod samples;

use clock::{Time, Timestamp};
use core::time::Duration;
use ledger::amount::Credits;
use ledger::block::Ground;
use ledger::chain::Chain;
use ledger::genesis::{Allocation, Genesis};
use ledger::hash::StateRoot;
use ledger::header::Header;
use ledger::history::Archive;
use ledger::leaf::InForce;
use ledger::mempool::{Mempool, MempoolError, WAITING_PER_ACCOUNT_MAX};
use ledger::question::{PathStep, path};
use ledger::seal::{Certificate, Seal};
use ledger::state::{Slot, State, TransactionError};
use ledger::sync::{ANSWER_TIMEOUT, DropReason, Input, Output, Sync};
use ledger::transaction::{Authorities, Body, OldSignature, SignedTransaction, Transaction};
use ledger::validators::Validators;
use ledger::vote::{Ballot, Step, Vote};
use samples::{id, key};

const CLOCK: Timestamp = Timestamp::from_millis(0);

fn genesis() -> State {
    let mut genesis = Genesis::authority(&[id(1)], CLOCK).unwrap();
    genesis.allocations = (50..54).map(|name| Allocation { account: id(name), amount: Credits(100_000) }).collect();
    genesis.allocations.sort_by_key(|one| one.account);
    genesis.state().unwrap()
}

fn slot() -> Slot {
    Slot { timestamp: Timestamp::from_millis(1_000), proposer: id(1) }
}

fn transfer(state: &State, sender: u8, nonce: u64, amount: u64) -> SignedTransaction {
    let body = Body::Transfer { to: id(53), amount: Credits(amount) };
    Transaction { sender: id(sender), nonce, valid_until: 10, body }.sign(&state.rules().chain, &key(sender))
}

#[test]
fn pool_hands_out_the_best_first_and_each_account_in_order() {
    let state = genesis();
    let mut pool = Mempool::default();
    let later = transfer(&state, 50, 1, 2);
    let first = transfer(&state, 50, 0, 1);
    let gap = transfer(&state, 51, 1, 1);
    let body = Body::Publish(
        ledger::transaction::Publication::new(ledger::hash::ContentRoot([1; 32]), Default::default(), "t").unwrap(),
    );
    let dear = Transaction { sender: id(52), nonce: 0, valid_until: 10, body }.sign(&state.rules().chain, &key(52));
    for signed in [&later, &first, &gap, &dear] {
        pool.insert(signed.clone(), &state, slot()).unwrap();
    }
    let order: Vec<_> = pool.best(10).iter().map(SignedTransaction::id).collect();
    // What waits for an earlier one of its account is tried as well; a block leaves it out.
    assert_eq!(order[0], dear.id(), "the highest fee");
    let at = |wanted: &SignedTransaction| order.iter().position(|id| *id == wanted.id()).unwrap();
    assert!(at(&first) < at(&later));
    let (block, after) = Ground::genesis(state).0.build(slot(), 0, pool.best(256)).unwrap();
    assert_eq!(block.body.transactions().len(), 3);
    pool.follow(&after);
    assert_eq!(pool.len(), 1, "only the one with a gap still waits");
}

#[test]
fn pool_refuses_what_is_known_unsigned_poor_or_too_much() {
    let state = genesis();
    let mut pool = Mempool::default();
    let good = transfer(&state, 50, 0, 1);
    pool.insert(good.clone(), &state, slot()).unwrap();
    assert_eq!(pool.insert(good, &state, slot()), Err(MempoolError::Known));
    let taken = pool.insert(transfer(&state, 50, 0, 2), &state, slot());
    assert_eq!(taken, Err(MempoolError::NonceTaken { nonce: 0 }));
    let poor = pool.insert(transfer(&state, 51, 0, 200_000), &state, slot());
    assert!(matches!(poor, Err(MempoolError::Transaction(TransactionError::Balance { .. }))));
    let nobody = pool.insert(transfer(&state, 99, 1, 1), &state, slot());
    assert!(matches!(nobody, Err(MempoolError::Transaction(TransactionError::NoAccount { .. }))));
    let other = Transaction { sender: id(51), ..transfer(&state, 52, 3, 1).transaction().clone() };
    let forged = pool.insert(other.sign(&state.rules().chain, &key(52)), &state, slot());
    assert_eq!(forged, Err(MempoolError::Transaction(TransactionError::Signature)));
    let far = pool.insert(transfer(&state, 51, WAITING_PER_ACCOUNT_MAX as u64, 1), &state, slot());
    assert_eq!(far, Err(MempoolError::TooManyOfAccount));
    assert_eq!(pool.len(), 1);
}

/// A chain of one authority that is replaced by another after the fourth block.
fn sealed(blocks: u64) -> (Vec<(Header, Seal)>, [Validators; 2]) {
    let state = genesis();
    let chain = state.rules().chain;
    let old = state.validators(InForce::Now);
    let new = Validators::equal(&[id(2)]).unwrap();
    let agreed = |byte| Authorities::sign(1, &[id(2)], old.hash(), &chain, &key(byte));
    let old_signature = OldSignature { place: 0, signature: agreed(1) };
    let change = Authorities::new(1, vec![id(2)], vec![old_signature], vec![agreed(2)]).unwrap();
    let change = Transaction { sender: id(50), nonce: 0, valid_until: 10, body: Body::SetAuthorities(change) };
    let mut ground = Ground::genesis(state).0;
    let mut all = Vec::new();
    for height in 1..=blocks {
        let timestamp = if height <= 4 { height * 1_000 } else { 3_600_000 + height * 1_000 };
        let slot = Slot { timestamp: Timestamp::from_millis(timestamp), proposer: id(1) };
        let transactions = (height == 3).then(|| change.clone().sign(&chain, &key(50)));
        let (block, state) = ground.build(slot, 0, transactions).unwrap();
        all.push(seal(block.header.clone(), if height <= 4 { 1 } else { 2 }, &state.validators(InForce::Now)));
        ground = ground.after(&block.header, state);
    }
    (all, [old, new])
}

fn seal(header: Header, by: u8, validators: &Validators) -> (Header, Seal) {
    let ballot = Ballot { height: header.height, round: 0, block: header.id() };
    let vote = Vote::sign(Step::Precommit, ballot, &header.chain, &key(by));
    let certificate = Certificate::collect(ballot, &[vote], validators);
    (header, Seal::Certificate(certificate))
}

type Peer = u8;

struct Tab {
    sync: Sync<Peer>,
    now: Time,
    dropped: Vec<(Peer, DropReason)>,
    asked: usize,
}

impl Tab {
    fn new() -> Self {
        Self { sync: Sync::new(Chain::new(genesis())), now: Time::ZERO, dropped: vec![], asked: 0 }
    }

    fn tell(&mut self, input: Input<Peer>) {
        self.sync.handle(self.now, CLOCK, input);
    }

    /// Answers what is asked as these peers would, until there is nothing left to ask.
    fn run(&mut self, answer: impl Fn(Peer, u64, u16) -> Option<Vec<(Header, Seal)>>, lists: &[Validators]) {
        while let Some(output) = self.sync.poll_output() {
            match output {
                Output::AskHeaders { peer, from, count } => {
                    self.asked += 1;
                    assert!(self.asked < 100, "it asks for ever");
                    match answer(peer, from, count) {
                        Some(headers) => self.tell(Input::Headers { peer, headers }),
                        None => {
                            self.now = self.sync.next_deadline().unwrap();
                            self.tell(Input::Wake);
                        }
                    }
                }
                Output::AskPath { peer, from } => {
                    self.asked += 1;
                    match answer(peer, from + 1, u16::MAX) {
                        Some(headers) => self.tell(Input::Path { peer, steps: steps(from, &headers) }),
                        None => {
                            self.now = self.sync.next_deadline().unwrap();
                            self.tell(Input::Wake);
                        }
                    }
                }
                Output::AskValidators { peer, hash } => {
                    let list = lists.iter().find(|list| list.hash() == hash).unwrap().clone();
                    self.tell(Input::Validators { peer, list });
                }
                Output::Drop { peer, why } => self.dropped.push((peer, why)),
                Output::Imported(_) => {}
            }
        }
    }
}

fn part(all: &[(Header, Seal)], from: u64, count: u16) -> Vec<(Header, Seal)> {
    all.iter().skip(from as usize - 1).take(usize::from(count)).cloned().collect()
}

/// The way of trust to the end of these headers, which begin after `from`; what lies before is made again.
fn steps(from: u64, headers: &[(Header, Seal)]) -> Vec<PathStep> {
    let (before, _) = sealed(from);
    let all: Vec<_> = before.iter().chain(headers).collect();
    let mut archive = Archive::default();
    archive.push(&Chain::new(genesis()).tip_id());
    all.iter().for_each(|(header, _)| archive.push(&header.id()));
    let epoch = |height: u64| if height == 0 { 0 } else { all[height as usize - 1].0.epoch };
    let last = |at: u64| (at..=all.len() as u64).filter(|height| epoch(*height) == epoch(at)).max().unwrap();
    path(from, &archive, last, |height| Some(all[height as usize - 1].clone())).unwrap()
}

#[test]
fn long_chain_is_followed_by_a_few_jumps_through_its_epochs() {
    let (all, lists) = sealed(300);
    let mut tab = Tab::new();
    tab.tell(Input::Claimed { peer: 0, height: 300 });
    tab.run(|_, from, _| Some(part(&all, from, 512)), &lists);
    assert_eq!(tab.sync.chain().tip_id(), all[299].0.id());
    assert!(tab.asked <= 3, "{} questions", tab.asked);
    assert!(tab.dropped.is_empty());
}

#[test]
fn path_of_a_liar_leads_nowhere_and_costs_it_the_connection() {
    let (all, lists) = sealed(300);
    let mut tab = Tab::new();
    tab.tell(Input::Claimed { peer: 3, height: 300 });
    tab.run(
        |_, from, _| {
            let mut forged = part(&all, from, 512);
            forged.last_mut().unwrap().0.state = StateRoot([1; 32]);
            Some(forged)
        },
        &lists,
    );
    assert!(matches!(tab.dropped[..], [(3, DropReason::Header(_))]), "{:?}", tab.dropped);
    assert!(tab.sync.chain().tip().height < 300);
}

#[test]
fn tab_catches_up_past_silent_and_lying_peers() {
    let (all, lists) = sealed(40);
    let mut tab = Tab::new();
    for (peer, height) in [(0, 40), (1, 1_000_000), (2, 900_000)] {
        tab.tell(Input::Claimed { peer, height });
    }
    tab.run(
        |peer, from, count| match peer {
            // Peer 1 never answers; peer 2 answers with a header whose state it made up.
            1 => None,
            2 => {
                let mut forged = part(&all, from, count);
                forged[0].0.state = StateRoot([1; 32]);
                Some(forged)
            }
            _ => Some(part(&all, from, count)),
        },
        &lists,
    );
    assert_eq!(tab.sync.chain().tip_id(), all[39].0.id());
    assert!(matches!(tab.dropped[..], [(2, DropReason::Header(_))]), "{:?}", tab.dropped);
    assert!(tab.now >= Time::ZERO + ANSWER_TIMEOUT, "the silent one was waited for, once");
    assert!(tab.now < Time::ZERO + ANSWER_TIMEOUT + Duration::from_secs(1));
}

#[test]
fn answers_nobody_asked_for_and_empty_ones_cost_the_connection() {
    let (all, _) = sealed(2);
    let mut tab = Tab::new();
    tab.tell(Input::Headers { peer: 7, headers: all.clone() });
    tab.tell(Input::Validators { peer: 8, list: Validators::default() });
    tab.tell(Input::Claimed { peer: 9, height: 2 });
    tab.run(|_, _, _| Some(vec![]), &[]);
    let why: Vec<_> = tab.dropped.iter().map(|(peer, why)| (*peer, *why)).collect();
    assert_eq!(why, [(7, DropReason::Unasked), (8, DropReason::Unasked), (9, DropReason::Answer)]);
    assert_eq!(tab.sync.chain().tip().height, 0);
}

#[test]
fn head_that_is_far_ahead_begins_a_catch_up() {
    let (all, lists) = sealed(20);
    let mut tab = Tab::new();
    let (header, seal) = all[19].clone();
    tab.tell(Input::Head { peer: 0, header: Box::new(header), seal });
    tab.run(|_, from, count| Some(part(&all, from, count)), &lists);
    assert_eq!(tab.sync.chain().tip_id(), all[19].0.id());
    assert!(tab.dropped.is_empty());
}

#[test]
fn second_branch_of_sealed_blocks_is_found_and_stops_the_tab() {
    let (all, lists) = sealed(4);
    let mut tab = Tab::new();
    tab.tell(Input::Claimed { peer: 0, height: 4 });
    tab.run(|_, from, count| Some(part(&all, from, count)), &lists);
    // The authority signs a second chain from block 3 on, one longer.
    let mut other = all[..2].to_vec();
    let mut third = all[2].0.clone();
    third.state = StateRoot([1; 32]);
    other.push(seal(third, 1, &lists[0]));
    for height in 3..6 {
        let mut next: Header = all[3].0.clone();
        (next.height, next.parent) = (height + 1, other[height as usize - 1].0.id());
        other.push(seal(next, 1, &lists[0]));
    }
    tab.tell(Input::Claimed { peer: 1, height: 6 });
    tab.run(|_, from, count| Some(part(&other, from, count)), &lists);
    let conflict = tab.sync.chain().conflict().expect("both are sealed");
    assert_eq!((&conflict.ours, &conflict.theirs), (&all[2], &other[2]));
    assert_eq!(tab.sync.chain().tip_id(), all[3].0.id(), "nothing was undone");
}
