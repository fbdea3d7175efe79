//! What every peer agrees on, and the only place where a balance changes.
//!
//! A block is applied in three strokes, and nothing outside them changes anything:
//!
//! 1. [`State::begin`]: a new epoch changes the validators; channels whose time is over are settled.
//! 2. [`Draft::apply`]: each transaction in order, whole or not at all.
//! 3. [`Draft::finish`]: fees and reward find their place, the tree is hashed, and its sum must be the supply.
//!
//! No clock, no randomness, no order but that of keys: the same blocks give the same roots everywhere. A [`State`] never
//! changes; applying makes the next one, which shares whatever stayed the same.

mod accounts;
mod channels;
mod draft;
mod index;
mod power;
mod refusal;

pub use draft::{Draft, Slot};
pub use refusal::TransactionError;

use crate::account::{Account, AccountId};
use crate::amount::{Credits, SUPPLY};
use crate::hash::{ChainId, ChannelId, Key, StateRoot};
use crate::leaf::{InForce, Leaf};
use crate::parameters::Parameters;
use crate::seal::Engine;
use crate::transaction::SignedTransaction;
use crate::tree::{Proof, SumError, Tree};
use crate::validators::Validators;
use clock::Timestamp;
use index::Index;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a chain's genesis fixed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The chain's name.
    pub chain: ChainId,
    /// Who may seal.
    pub engine: Engine,
    /// The numbers.
    pub parameters: Parameters,
    /// Who admits newcomers, where they are not the authorities.
    pub issuers: Vec<AccountId>,
    /// When ledger time began.
    pub started: Timestamp,
}

impl Rules {
    /// The epoch of a moment of ledger time.
    pub fn epoch_at(&self, timestamp: Timestamp) -> u32 {
        let elapsed = timestamp.as_millis().saturating_sub(self.started.as_millis());
        let epoch = elapsed.checked_div(self.parameters.epoch_ms).unwrap_or(0);
        u32::try_from(epoch).unwrap_or(u32::MAX)
    }
}

/// Why leaves or a block are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Credit was made or lost.
    #[error("the leaves add up to {found}, not to the supply")]
    Supply {
        /// What they add up to.
        found: Credits,
    },
    /// There is no treasury, or it is no treasury.
    #[error("there is no treasury")]
    Treasury,
    /// Past the end of numbers.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// A transaction that does not apply.
    #[error("transaction {index} does not apply")]
    Transaction {
        /// Its place in the block.
        index: usize,
        /// Why.
        #[source]
        why: TransactionError,
    },
}

/// What every peer agrees on at one height. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    rules: Arc<Rules>,
    tree: Tree,
    index: Index,
    height: u64,
    epoch: u32,
}

impl State {
    /// The state of these leaves, if they hold the supply: a genesis, or a snapshot whose root a header confirms.
    pub fn from_leaves(
        rules: Arc<Rules>,
        height: u64,
        epoch: u32,
        leaves: BTreeMap<Key, Leaf>,
    ) -> Result<Self, StateError> {
        let mut index = Index::default();
        for (key, leaf) in &leaves {
            index.record(key, None, Some(leaf), &rules.parameters);
        }
        let tree = Tree::default().update(leaves.into_iter().map(|(key, leaf)| (key, Some(leaf))).collect())?;
        Self { rules, tree, index, height, epoch }.checked()
    }

    fn checked(self) -> Result<Self, StateError> {
        let found = self.tree.summary().sum;
        if found != SUPPLY {
            return Err(StateError::Supply { found });
        }
        match self.tree.get(&Key::treasury()) {
            Some(Leaf::Treasury { .. }) => Ok(self),
            _ => Err(StateError::Treasury),
        }
    }

    /// The state after a block of these transactions. One that does not apply makes the whole block invalid.
    pub fn apply(&self, slot: Slot, transactions: &[SignedTransaction]) -> Result<Self, StateError> {
        let mut draft = self.begin(slot);
        for (index, transaction) in transactions.iter().enumerate() {
            draft.apply(transaction).map_err(|why| StateError::Transaction { index, why })?;
        }
        draft.finish()
    }

    /// What the genesis fixed.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Which block this is the state after.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// The epoch of that block.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What its header must say.
    pub fn root(&self) -> StateRoot {
        self.tree.summary().root()
    }

    /// What nobody owns.
    pub fn treasury(&self) -> Credits {
        match self.tree.get(&Key::treasury()) {
            Some(Leaf::Treasury { balance }) => *balance,
            _ => Credits::ZERO,
        }
    }

    /// Somebody's account.
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        match self.tree.get(&Key::account(id))? {
            Leaf::Account(account) => Some(account),
            _ => None,
        }
    }

    /// A channel.
    pub fn channel(&self, id: &ChannelId) -> Option<&crate::channel::Channel> {
        match self.tree.get(&Key::channel(id))? {
            Leaf::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// Who seals.
    pub fn validators(&self, which: InForce) -> Validators {
        match self.tree.get(&Key::validators(which)) {
            Some(Leaf::Validators(validators)) => validators.clone(),
            _ => Validators::default(),
        }
    }

    /// Proves what stands at a key, or that nothing does.
    pub fn prove(&self, key: &Key) -> Proof {
        self.tree.prove(key)
    }

    /// Any leaf.
    pub fn leaf(&self, key: &Key) -> Option<&Leaf> {
        self.tree.get(key)
    }

    /// All leaves in the order of their keys.
    pub fn leaves(&self) -> impl Iterator<Item = (&Key, &Leaf)> {
        self.tree.iter()
    }
}
