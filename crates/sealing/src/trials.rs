//! Engine work: a block is made by whoever solves its puzzle first.
//!
//! Trials come in portions ([`Input::Try`](crate::Input::Try)), so that whoever drives this decides how much of a
//! machine is spent. Nothing made this way is ever final.

use crate::message::{BLOCKS_PER_ANSWER_MAX, Message, Sealed};
use crate::sealer::{Base, Input};
use crate::step::Send;
use clock::{Time, Timestamp};
use ledger::block::{Block, TRANSACTIONS_MAX};
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::seal::{Seal, work};
use ledger::state::State;
use ledger::wire::Wire;
use std::time::Duration;

/// A candidate takes in new transactions, and the time, this often; trials already made on it are not lost, they are
/// as likely to succeed on any other.
const RENEW: Duration = Duration::from_secs(1);

/// Headers that say how hard the next block is.
const LOOK_BACK: usize = work::RETARGET_WINDOW + 1;

#[derive(Debug)]
struct Candidate {
    block: Block,
    state: State,
    difficulty: u64,
    nonce: u64,
    made_at: Time,
}

/// How far below a stranger's block its branch is looked for first; doubles until it is found.
const BACK_MIN: u64 = BLOCKS_PER_ANSWER_MAX as u64;

/// Solving puzzles.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    candidate: Option<Candidate>,
    trial: work::Trial,
    /// How far back another branch is being looked for, while it is.
    back: Option<u64>,
}

impl Trials {
    pub(crate) fn handle<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, input: Input<P>) {
        match input {
            Input::Try { trials } => self.spend(base, now, clock, trials),
            Input::Message { from, message: Message::Sealed(sealed) } => {
                self.on_sealed(base, now, clock, from, *sealed)
            }
            Input::Message { from, message: Message::Want { height } } => base.send(Send::Blocks(from, height)),
            Input::Message { message: Message::Proposal(_) | Message::Votes(_), .. } | Input::Shown { .. } => {}
            Input::Wake => {}
        }
    }

    fn on_sealed<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, from: P, sealed: Sealed) {
        let Header { height, parent, .. } = sealed.block.header;
        match base.import(now, clock, sealed.clone()) {
            Ok(true) => {
                self.back = None;
                base.send(Send::All(Message::Sealed(Box::new(sealed))));
            }
            // Of a branch that is still too light, or known: there may be more behind it.
            Ok(false) => {
                let is_last_of_answer = (height + 1).is_multiple_of(BLOCKS_PER_ANSWER_MAX as u64);
                if self.back.is_some() && is_last_of_answer {
                    base.send(Send::One(from, Message::Want { height: height + 1 }));
                }
            }
            // It left our branch further back: that is where to look.
            Err(_) if base.full.chain().header(&parent).is_none() => {
                let back = self.back.map_or(BACK_MIN, |back| back.saturating_mul(2)).min(u64::from(work::REORG_MAX));
                self.back = Some(back);
                let first = height.min(base.height() + 1).saturating_sub(back);
                let first = first - first % BLOCKS_PER_ANSWER_MAX as u64;
                base.send(Send::One(from, Message::Want { height: first.max(1) }));
            }
            Err(_) => {}
        }
    }

    fn spend<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, trials: u32) {
        for _ in 0..trials {
            if !self.is_fresh(base, now) && !self.renew(base, now, clock) {
                return;
            }
            let Some(candidate) = &mut self.candidate else { return };
            candidate.nonce = candidate.nonce.wrapping_add(1);
            let puzzle = work::Puzzle { difficulty: candidate.difficulty, nonce: candidate.nonce };
            candidate.block.header.engine_data = puzzle.to_bytes();
            let proof = self.trial.run(&candidate.block.header);
            if proof.is_some_and(|proof| puzzle.is_solved_by(&proof)) {
                return self.on_solved(base, now, clock);
            }
        }
    }

    fn is_fresh<P: Copy + Ord>(&self, base: &Base<P>, now: Time) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| {
            candidate.block.header.parent == base.full.chain().tip_id() && now - candidate.made_at < RENEW
        })
    }

    fn renew<P: Copy + Ord>(&mut self, base: &Base<P>, now: Time, clock: Timestamp) -> bool {
        let chain = base.full.chain();
        let ancestors = headers_before(chain, chain.tip_id());
        let least = work::median_time(&ancestors).as_millis().saturating_add(1);
        let mut slot = base.slot(clock);
        slot.timestamp = Timestamp::from_millis(clock.as_millis().max(least));
        let made = base.full.ground().build(slot, 0, base.mempool.best(TRANSACTIONS_MAX));
        let difficulty = work::next_difficulty(&ancestors, &chain.rules().parameters);
        let nonce = self.candidate.as_ref().map_or(0, |candidate| candidate.nonce);
        self.candidate = made.ok().map(|(block, state)| Candidate { block, state, difficulty, nonce, made_at: now });
        self.candidate.is_some()
    }

    fn on_solved<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp) {
        let Some(Candidate { block, state, .. }) = self.candidate.take() else { return };
        let sealed = Sealed { block, seal: Seal::Work };
        if let Ok(Some(change)) = base.full.connect(sealed.clone(), state, clock) {
            base.on_change(now, clock, change);
            base.send(Send::All(Message::Sealed(Box::new(sealed))));
        }
    }
}

/// The headers that end with this one, as many as a difficulty looks at; the oldest first.
fn headers_before(chain: &ledger::chain::Chain, last: BlockId) -> Vec<Header> {
    let mut found = Vec::new();
    let mut next = chain.header(&last);
    while let Some((header, _)) = next.filter(|_| found.len() < LOOK_BACK) {
        found.push(header.clone());
        next = chain.header(&header.parent);
    }
    found.reverse();
    found
}
