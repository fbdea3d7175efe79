//! Transactions that wait for a block.
//!
//! What is let in was signed, is in time and applies now, or will once those before it have. Per account they wait in
//! the order of their nonces. When the pool is full, whoever pays least and came last gives way; the oldest promise wins
//! among equals.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::hash::TransactionId;
use crate::state::{Slot, State, TransactionError};
use crate::transaction::{Body, SignedTransaction};
use std::collections::{BTreeMap, BTreeSet};

/// All that wait: sixteen full blocks, at most 32 MiB.
pub const WAITING_MAX: usize = 4_096;

/// Of one account: nobody needs more before the next block.
pub const WAITING_PER_ACCOUNT_MAX: usize = 64;

#[derive(Clone, Debug)]
struct Waiting {
    signed: SignedTransaction,
    fee: Credits,
    arrival: u64,
}

/// Why a transaction may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MempoolError {
    /// It waits already.
    #[error("it waits already")]
    Known,
    /// Another one with its nonce waits.
    #[error("another one with nonce {nonce} waits")]
    NonceTaken {
        /// Which.
        nonce: u64,
    },
    /// Too many of this account wait, or its nonce is too far ahead.
    #[error("too many of this account")]
    TooManyOfAccount,
    /// The pool is full of better ones.
    #[error("the pool is full")]
    Full,
    /// It does not apply.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// Transactions that wait for a block.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    waiting: BTreeMap<AccountId, BTreeMap<u64, Waiting>>,
    ids: BTreeSet<TransactionId>,
    arrivals: u64,
}

impl Mempool {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether this one waits.
    pub fn contains(&self, id: &TransactionId) -> bool {
        self.ids.contains(id)
    }

    /// Lets a transaction wait, checked against the newest state; `slot` is what the next block could look like.
    pub fn insert(&mut self, signed: SignedTransaction, state: &State, slot: Slot) -> Result<(), MempoolError> {
        if self.contains(&signed.id()) {
            return Err(MempoolError::Known);
        }
        let transaction = signed.transaction();
        let (sender, nonce) = (transaction.sender, transaction.nonce);
        let own = self.waiting.get(&sender);
        if own.is_some_and(|own| own.contains_key(&nonce)) {
            return Err(MempoolError::NonceTaken { nonce });
        }
        let next = state.account(&sender).map_or(0, |account| account.nonce);
        let is_far = nonce.saturating_sub(next) >= WAITING_PER_ACCOUNT_MAX as u64;
        if is_far || own.is_some_and(|own| own.len() >= WAITING_PER_ACCOUNT_MAX) {
            return Err(MempoolError::TooManyOfAccount);
        }
        let fee = transaction.fee(&state.rules().parameters);
        if nonce > next {
            self.check_later(&signed, state)?;
        } else {
            state.begin(slot).apply(&signed)?;
        }
        if self.len() >= WAITING_MAX {
            self.make_room(fee)?;
        }
        self.arrivals += 1;
        self.ids.insert(signed.id());
        let waiting = Waiting { signed, fee, arrival: self.arrivals };
        self.waiting.entry(sender).or_default().insert(nonce, waiting);
        Ok(())
    }

    /// What can be said about a transaction before its turn: in time, signed, and its sender can pay the fee.
    fn check_later(&self, signed: &SignedTransaction, state: &State) -> Result<(), TransactionError> {
        let transaction = signed.transaction();
        let account = state.account(&transaction.sender);
        let account = account.ok_or(TransactionError::NoAccount { account: transaction.sender })?;
        let height = state.height().saturating_add(1);
        let last = height.saturating_add(state.rules().parameters.transaction_ttl);
        let valid_until = transaction.valid_until;
        if !(height..=last).contains(&valid_until) {
            return Err(TransactionError::Lifetime { height, valid_until, last });
        }
        let needed = transaction.fee(&state.rules().parameters);
        if account.balance < needed {
            return Err(TransactionError::Balance { needed, balance: account.balance });
        }
        if signed.is_signed(&state.rules().chain) { Ok(()) } else { Err(TransactionError::Signature) }
    }

    /// Drops the last of the account that pays least, if that is less than `fee`.
    fn make_room(&mut self, fee: Credits) -> Result<(), MempoolError> {
        let lasts = self.waiting.iter().filter_map(|(account, own)| {
            let (nonce, last) = own.last_key_value()?;
            Some((last.fee, u64::MAX - last.arrival, *account, *nonce))
        });
        let (least, _, account, nonce) = lasts.min().ok_or(MempoolError::Full)?;
        if least >= fee {
            return Err(MempoolError::Full);
        }
        self.remove(&account, nonce);
        Ok(())
    }

    fn remove(&mut self, account: &AccountId, nonce: u64) {
        if let Some(own) = self.waiting.get_mut(account) {
            if let Some(gone) = own.remove(&nonce) {
                self.ids.remove(&gone.signed.id());
            }
            if own.is_empty() {
                self.waiting.remove(account);
            }
        }
    }

    /// The best for a block: the highest fees first, each account in the order of its nonces.
    pub fn best(&self, most: usize) -> Vec<SignedTransaction> {
        let rank = |account: AccountId, nonce: u64, one: &Waiting| (u64::MAX - one.fee.0, one.arrival, account, nonce);
        let firsts = self.waiting.iter().filter_map(|(account, own)| {
            let (nonce, first) = own.first_key_value()?;
            Some(rank(*account, *nonce, first))
        });
        let mut heads: BTreeSet<_> = firsts.collect();
        let mut best = Vec::new();
        while let Some((_, _, account, nonce)) = heads.pop_first().filter(|_| best.len() < most) {
            let Some(own) = self.waiting.get(&account) else { continue };
            best.extend(own.get(&nonce).map(|one| one.signed.clone()));
            if let Some((next, one)) = own.range(nonce + 1..).next().filter(|(next, _)| **next == nonce + 1) {
                heads.insert(rank(account, *next, one));
            }
        }
        best
    }

    /// Forgets what a new state has applied, or can never apply.
    pub fn follow(&mut self, state: &State) {
        let height = state.height().saturating_add(1);
        let is_over = |account: &AccountId, one: &Waiting| {
            let transaction = one.signed.transaction();
            let is_admission = matches!(transaction.body, Body::Admit(_));
            let is_used = match state.account(account) {
                Some(known) => is_admission || transaction.nonce < known.nonce,
                None => !is_admission,
            };
            is_used || transaction.valid_until < height
        };
        let over: Vec<_> = self
            .waiting
            .iter()
            .flat_map(|(account, own)| own.iter().map(move |(nonce, one)| (account, nonce, one)))
            .filter(|(account, _, one)| is_over(account, one))
            .map(|(account, nonce, _)| (*account, *nonce))
            .collect();
        over.iter().for_each(|(account, nonce)| self.remove(account, *nonce));
    }
}
