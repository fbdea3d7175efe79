//! A chain for the simulated network: the real rules, one authority, one block a second, and answers with real proofs.
//!
//! What a tab knows of it comes the way it comes in a real one: headers that it checks, leaves that it proves, and
//! transactions that it signs. Each block adds up to the supply or the run ends, and a redemption of cheques that a tab
//! accepted must apply, because the tab checked them against the same channel.

use crate::report::Violation;
use clock::Timestamp;
use core::time::Duration;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::block::{Block, Ground};
use ledger::genesis::{Allocation, Genesis};
use ledger::history::Archive;
use ledger::leaf::InForce;
use ledger::mempool::{Mempool, MempoolError};
use ledger::question::{Answer, Denial, Question, Refusal};
use ledger::seal::{Certificate, Seal};
use ledger::signing::account_of;
use ledger::state::{Slot, State, TransactionError};
use ledger::transaction::{Body, SignedTransaction};
use ledger::vote::{Ballot, Step, Vote};
use std::collections::BTreeMap;

/// Nobody's number among the peers, and the same one whatever the width of a pointer.
const AUTHORITY: usize = u32::MAX as usize;

/// How often there is a block.
pub(crate) const BLOCK_EVERY: Duration = Duration::from_secs(1);

/// The chain, as every relay has it.
#[derive(Debug)]
pub(crate) struct Bank {
    genesis: Genesis,
    authority: SigningKey,
    owners: BTreeMap<usize, SigningKey>,
    ground: Ground,
    blocks: Vec<(Block, Seal)>,
    states: Vec<State>,
    archive: Archive,
    pool: Mempool,
}

impl Bank {
    /// A chain on which these peers begin with this much, and all others have a key and nothing else.
    pub(crate) fn new(
        peers: usize,
        is_rich: impl Fn(usize) -> bool,
        each: Credits,
        key: impl Fn(usize) -> SigningKey,
    ) -> Self {
        let owners: BTreeMap<usize, SigningKey> = (0..peers).map(|peer| (peer, key(peer))).collect();
        let authority = key(AUTHORITY);
        let started = Timestamp::from_millis(0);
        let mut genesis = Genesis::authority(&[account_of(&authority)], started).expect("one authority is a list");
        let rich = owners.iter().filter(|(peer, _)| is_rich(**peer));
        genesis.allocations = rich.map(|(_, key)| Allocation { account: account_of(key), amount: each }).collect();
        genesis.allocations.sort_by_key(|one| one.account);
        let state = genesis.state().expect("the allocations are in order and far below the supply");
        let (ground, header) = Ground::genesis(state.clone());
        let mut archive = Archive::default();
        archive.push(&header.id());
        let (blocks, states, pool) = (Vec::new(), vec![state], Mempool::default());
        Self { genesis, authority, owners, ground, blocks, states, archive, pool }
    }

    pub(crate) fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Whose account a peer's person has.
    pub(crate) fn account_of(&self, peer: usize) -> Option<AccountId> {
        self.owners.get(&peer).map(account_of)
    }

    /// Signs as a peer's account.
    pub(crate) fn sign(&self, peer: usize, bytes: &[u8]) -> Option<ledger::signing::Signature> {
        use ed25519_dalek::Signer;
        self.owners.get(&peer).map(|owner| ledger::signing::Signature(owner.sign(bytes).to_bytes()))
    }

    pub(crate) fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    fn block(&self, height: u64) -> Option<(Block, Seal)> {
        self.blocks.get(usize::try_from(height).ok()?.checked_sub(1)?).cloned()
    }

    /// What a relay says; a question for the next header waits with the asker.
    pub(crate) fn answer(&mut self, peer: usize, question: &Question) -> Result<Answer, Violation> {
        let answer = match question {
            Question::Head { .. } => {
                self.block(self.height()).map(|(block, seal)| Answer::Head(Box::new(block.header), seal))
            }
            Question::Headers { from, count } => {
                let all = (*from..from + u64::from(*count)).map_while(|height| self.block(height));
                Some(Answer::Headers(all.map(|(block, seal)| (block.header, seal)).collect()))
            }
            Question::Path { from } => {
                let header = |height| self.block(height).map(|(block, seal)| (block.header, seal));
                ledger::question::path(*from, &self.archive, |_| u64::MAX, header).map(Answer::Path)
            }
            Question::Block { height, under } => self.block(*height).map(|(block, seal)| {
                let proof = self.archive.prove(*height, *under);
                Answer::Block(Box::new(block.header), seal, block.body, proof)
            }),
            Question::Leaves { height, keys } => {
                let state = usize::try_from(*height).ok().and_then(|height| self.states.get(height));
                state.map(|state| Answer::Leaves(keys.iter().map(|key| state.prove(key)).collect()))
            }
            Question::Find { transaction } => {
                let found = self.blocks.iter().find(|(block, _)| block.body.ids().contains(transaction));
                found.map(|(block, _)| Answer::Found(block.header.height))
            }
            Question::Submit { transaction } => Some(self.submit(peer, transaction)?),
            Question::Admission { .. } => Some(Answer::Denied(Denial::NoneLeft, 3_600)),
            Question::Validators { .. } | Question::Show { .. } | Question::Stamped { .. } => None,
        };
        Ok(answer.unwrap_or(Answer::Unknown))
    }

    fn submit(&mut self, peer: usize, transaction: &SignedTransaction) -> Result<Answer, Violation> {
        let redeems = matches!(transaction.transaction().body, Body::Redeem(_));
        let slot = Slot { timestamp: self.next_time(), proposer: AccountId::default() };
        Ok(match self.pool.insert(transaction.clone(), &self.ground.state, slot) {
            Ok(()) => Answer::Waits,
            Err(MempoolError::Transaction(TransactionError::Nonce { .. })) => Answer::Refused(Refusal::Nonce),
            Err(MempoolError::Transaction(why)) if redeems => return Err(Violation::BadCheque { peer, why }),
            Err(MempoolError::Transaction(TransactionError::Balance { .. })) => Answer::Refused(Refusal::Funds),
            Err(MempoolError::Transaction(_)) => Answer::Refused(Refusal::Other),
            Err(MempoolError::Known | MempoolError::NonceTaken { .. }) => Answer::Refused(Refusal::Taken),
            Err(MempoolError::TooManyOfAccount | MempoolError::Full) => Answer::Refused(Refusal::Full),
        })
    }

    fn next_time(&self) -> Timestamp {
        Timestamp::from_millis((self.height() + 1) * BLOCK_EVERY.as_millis() as u64)
    }

    /// Makes the next block of all that waits.
    pub(crate) fn seal(&mut self) -> Result<(), Violation> {
        let slot = Slot { timestamp: self.next_time(), proposer: account_of(&self.authority) };
        let candidates = self.pool.best(ledger::block::TRANSACTIONS_MAX);
        let (block, state) = self.ground.build(slot, 0, candidates).map_err(Violation::Books)?;
        let ballot = Ballot { height: block.header.height, round: 0, block: block.header.id() };
        let vote = Vote::sign(Step::Precommit, ballot, &block.header.chain, &self.authority);
        let seal = Seal::Certificate(Certificate::collect(ballot, &[vote], &state.validators(InForce::Now)));
        self.archive.push(&block.header.id());
        self.ground = self.ground.after(&block.header, state.clone());
        self.pool.follow(&state);
        self.states.push(state);
        self.blocks.push((block, seal));
        Ok(())
    }
}
