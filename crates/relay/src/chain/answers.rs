//! What the relay says about its chain, each answer with its proof.

use super::store::{Store, StoreError};
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::history::Archive;
use ledger::mempool::MempoolError;
use ledger::question::{Answer, Question, Refusal, STATES_KEPT, path};
use ledger::state::{State, TransactionError};
use ledger::wire::Wire;
use sealing::FullChain;
use std::collections::BTreeMap;

/// Bytes of headers in one answer, with room for the rest of it.
const HEADERS_LEN_MAX: usize = 900 * 1024;

/// What answers are made of, besides blocks: small, and in memory.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) archive: Archive,
    newest: BlockId,
    /// The epoch that began at each of these heights.
    epochs: BTreeMap<u64, u32>,
    /// The newest states; they share what did not change.
    states: BTreeMap<u64, State>,
}

impl Book {
    pub(crate) fn new(genesis: &Header) -> Self {
        let mut archive = Archive::default();
        archive.push(&genesis.id());
        Self { archive, newest: genesis.id(), epochs: [(0, genesis.epoch)].into(), states: BTreeMap::new() }
    }

    /// Whether this header may be the next.
    pub(crate) fn follows(&self, height: u64, header: &Header) -> bool {
        height == self.archive.count() && header.height == height && header.parent == self.newest
    }

    pub(crate) fn push(&mut self, header: &Header) {
        self.newest = header.id();
        self.archive.push(&self.newest);
        if self.epochs.values().next_back() != Some(&header.epoch) {
            self.epochs.insert(header.height, header.epoch);
        }
    }

    pub(crate) fn revert(&mut self, blocks: usize) {
        let count = self.archive.count().saturating_sub(blocks as u64);
        self.archive.truncate(count);
        self.epochs.retain(|height, _| *height < count);
        self.states.retain(|height, _| *height < count);
    }

    pub(crate) fn keep_state(&mut self, state: &State) {
        self.states.insert(state.height(), state.clone());
        while self.states.len() > STATES_KEPT {
            self.states.pop_first();
        }
    }

    /// The newest header.
    pub(crate) fn head(&self, full: &FullChain) -> Answer {
        let chain = full.chain();
        match chain.header(&chain.tip_id()) {
            Some((header, seal)) if header.height > 0 => Answer::Head(Box::new(header.clone()), seal.clone()),
            _ => Answer::Unknown,
        }
    }

    /// The answer to a question that changes nothing.
    pub(crate) fn answer(&self, store: &Store, full: &FullChain, question: &Question) -> Result<Answer, StoreError> {
        let answer = match question {
            Question::Head { .. } => Some(self.head(full)),
            Question::Headers { from, count } => Some(headers(store, *from, *count)?),
            Question::Path { from } => {
                let mut failed = None;
                let header = |height| {
                    store.header(height).unwrap_or_else(|error| {
                        failed = Some(error);
                        None
                    })
                };
                let steps = self.path(*from, header);
                match failed {
                    Some(error) => return Err(error),
                    None => steps.map(Answer::Path),
                }
            }
            Question::Validators { hash } => store.list(hash.as_bytes())?.map(Answer::Validators),
            Question::Block { height, under } => {
                let proof = self.archive.prove(*height, *under);
                let is_there = proof.is_some() || height == under;
                store
                    .block(*height)?
                    .filter(|_| is_there)
                    .map(|sealed| Answer::Block(Box::new(sealed.block.header), sealed.seal, sealed.block.body, proof))
            }
            Question::Leaves { height, keys } => {
                let state = self.states.get(height);
                state.map(|state| Answer::Leaves(keys.iter().map(|key| state.prove(key)).collect()))
            }
            Question::Find { transaction } => store.find(transaction)?.map(Answer::Found),
            // The keeper's own affairs.
            Question::Submit { .. } | Question::Show { .. } | Question::Admission { .. } | Question::Stamped { .. } => {
                None
            }
        };
        Ok(answer.unwrap_or(Answer::Unknown))
    }

    fn path(
        &self,
        from: u64,
        header: impl FnMut(u64) -> Option<(Header, ledger::seal::Seal)>,
    ) -> Option<Vec<ledger::question::PathStep>> {
        let last_of_epoch = |height: u64| {
            let next = self.epochs.range(height + 1..).next();
            next.map_or(u64::MAX, |(first, _)| first - 1)
        };
        let header = std::cell::RefCell::new(header);
        path(from, &self.archive, last_of_epoch, |height| (header.borrow_mut())(height))
    }

    /// Why a transaction may not wait, in the words of the wire.
    pub(crate) fn refusal(error: &MempoolError) -> Refusal {
        match error {
            MempoolError::Known | MempoolError::NonceTaken { .. } => Refusal::Taken,
            MempoolError::TooManyOfAccount | MempoolError::Full => Refusal::Full,
            MempoolError::Transaction(error) => match error {
                TransactionError::Signature | TransactionError::Lifetime { .. } => Refusal::Invalid,
                TransactionError::Nonce { .. } => Refusal::Nonce,
                TransactionError::Balance { .. } | TransactionError::NoAccount { .. } => Refusal::Funds,
                _ => Refusal::Other,
            },
        }
    }
}

fn headers(store: &Store, from: u64, count: u16) -> Result<Answer, StoreError> {
    let (mut found, mut len) = (Vec::new(), 0);
    for height in from..from.saturating_add(u64::from(count)) {
        let Some(sealed) = store.header(height)? else { break };
        len += sealed.to_bytes().len();
        if len > HEADERS_LEN_MAX {
            break;
        }
        found.push(sealed);
    }
    Ok(Answer::Headers(found))
}
