//! A block in the making: the state before it, and what its transactions have changed so far.
//!
//! What a transaction changes is kept until it has succeeded, and taken back if it has not.

use super::{State, StateError, TransactionError};
use crate::account::{Account, AccountId};
use crate::amount::Credits;
use crate::channel::Channel;
use crate::hash::{ChannelId, Key};
use crate::leaf::{InForce, Leaf};
use crate::parameters::Parameters;
use crate::seal::Engine;
use crate::transaction::{Body, SignedTransaction, Transaction};
use crate::validators::Validators;
use clock::Timestamp;
use std::collections::BTreeMap;

/// What a header says about its block before any transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Ledger time.
    pub timestamp: Timestamp,
    /// Who makes the block, and has its share of the fees (engines stake and work).
    pub proposer: AccountId,
}

/// A block in the making.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) before: State,
    pub(super) height: u64,
    pub(super) epoch: u32,
    proposer: AccountId,
    changes: BTreeMap<Key, Option<Leaf>>,
    /// What `changes` held before the transaction that is being applied.
    undo: Vec<(Key, Option<Option<Leaf>>)>,
    pub(super) counts: Counts,
}

/// What a block counts while it is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) fees: Credits,
    pub(super) admits: u32,
    pub(super) sweeps: u32,
}

impl State {
    /// Begins the block after this state.
    pub fn begin(&self, slot: Slot) -> Draft {
        let mut draft = Draft {
            before: self.clone(),
            height: self.height.saturating_add(1),
            epoch: self.epoch.max(self.rules.epoch_at(slot.timestamp)),
            proposer: slot.proposer,
            changes: BTreeMap::new(),
            undo: Vec::new(),
            counts: Counts::default(),
        };
        if draft.epoch > self.epoch {
            draft.enter_epoch();
        }
        draft.settle_due();
        draft.undo.clear();
        draft
    }
}

impl Draft {
    /// Which block it will be.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Applies a transaction, wholly or not at all.
    pub fn apply(&mut self, signed: &SignedTransaction) -> Result<(), TransactionError> {
        self.check_lifetime(signed.transaction())?;
        if !signed.is_signed(&self.before.rules.chain) {
            return Err(TransactionError::Signature);
        }
        self.apply_verified(signed)
    }

    /// As [`apply`](Self::apply), for a transaction whose signature this peer has checked before.
    pub(crate) fn apply_verified(&mut self, signed: &SignedTransaction) -> Result<(), TransactionError> {
        self.check_lifetime(signed.transaction())?;
        let counts = self.counts;
        let done = self.execute(signed.transaction());
        if done.is_err() {
            self.counts = counts;
            while let Some((key, was)) = self.undo.pop() {
                match was {
                    Some(leaf) => self.changes.insert(key, leaf),
                    None => self.changes.remove(&key),
                };
            }
        }
        self.undo.clear();
        done
    }

    fn check_lifetime(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        let (height, valid_until) = (self.height, transaction.valid_until);
        let last = height.saturating_add(self.parameters().transaction_ttl);
        if (height..=last).contains(&valid_until) {
            Ok(())
        } else {
            Err(TransactionError::Lifetime { height, valid_until, last })
        }
    }

    fn execute(&mut self, transaction: &Transaction) -> Result<(), TransactionError> {
        let sender = &transaction.sender;
        if let Body::Admit(ticket) = &transaction.body {
            return self.admit(sender, transaction.nonce, ticket);
        }
        let mut account = self.account(sender)?;
        if transaction.nonce != account.nonce {
            return Err(TransactionError::Nonce { expected: account.nonce, found: transaction.nonce });
        }
        account.nonce = account.nonce.checked_add(1).ok_or(TransactionError::Amount)?;
        account.last = self.height;
        self.put_account(sender, account);
        let fee = transaction.fee(self.parameters());
        match &transaction.body {
            // Who redeems may pay out of what comes in.
            Body::Redeem(redemption) => return self.redeem(sender, redemption, fee),
            Body::OpenChannels(_)
            | Body::TopUp { .. }
            | Body::CloseChannel { .. }
            | Body::Transfer { .. }
            | Body::Admit(_)
            | Body::Sweep { .. }
            | Body::Evidence(_)
            | Body::Publish(_)
            | Body::Bond { .. }
            | Body::Unbond { .. }
            | Body::Withdraw { .. }
            | Body::SetAuthorities(_) => self.charge(sender, fee)?,
        }
        match &transaction.body {
            Body::OpenChannels(opened) => self.open_channels(sender, transaction.nonce, opened.entries()),
            Body::TopUp { channel, amount } => self.top_up(sender, channel, *amount),
            Body::CloseChannel { channel } => self.close_channel(sender, channel),
            Body::Transfer { to, amount } => self.transfer(sender, to, *amount),
            Body::Sweep { account } => self.sweep(account),
            Body::Evidence(evidence) => self.punish(sender, evidence),
            Body::Publish(publication) => self.publish(sender, publication),
            Body::Bond { amount } => self.bond(sender, *amount),
            Body::Unbond { amount } => self.unbond(sender, *amount),
            Body::Withdraw { release } => self.withdraw(sender, *release),
            Body::SetAuthorities(authorities) => self.set_authorities(authorities),
            Body::Redeem(_) | Body::Admit(_) => Ok(()),
        }
    }

    /// Shares out fees and reward, hashes the tree, and checks that no credit was made or lost.
    pub fn finish(mut self) -> Result<State, StateError> {
        self.share_out();
        let Self { before, height, epoch, changes, .. } = self;
        let mut index = before.index;
        for (key, is) in &changes {
            index.record(key, before.tree.get(key), is.as_ref(), &before.rules.parameters);
        }
        let tree = before.tree.update(changes)?;
        State { rules: before.rules, tree, index, height, epoch }.checked()
    }

    /// Fees go to the treasury; where blocks cost their producer something, half of them and a reward go to it.
    fn share_out(&mut self) {
        let fees = self.counts.fees;
        let treasury = self.treasury();
        let producer = match self.before.rules.engine {
            Engine::Authority => None,
            Engine::Stake | Engine::Work => self.account(&self.proposer).ok(),
        };
        let (share, reward) = match producer {
            Some(_) => (Credits(fees.0 / 2), self.parameters().reward.min(Credits(treasury.0 >> 20))),
            None => (Credits::ZERO, Credits::ZERO),
        };
        // The treasury holds at least the reward, and all credit together fits: none of these can fail.
        let left = treasury.saturating_sub(reward).0.saturating_add(fees.saturating_sub(share).0);
        self.put_treasury(Credits(left));
        if let Some(mut account) = producer {
            account.balance = Credits(account.balance.0.saturating_add(share.0).saturating_add(reward.0));
            self.put_account(&self.proposer.clone(), account);
        }
        self.counts.fees = Credits::ZERO;
    }

    pub(super) fn parameters(&self) -> &Parameters {
        &self.before.rules.parameters
    }

    pub(super) fn leaf(&self, key: &Key) -> Option<&Leaf> {
        match self.changes.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.before.tree.get(key),
        }
    }

    pub(super) fn put(&mut self, key: Key, leaf: Option<Leaf>) {
        let was = self.changes.insert(key, leaf);
        self.undo.push((key, was));
    }

    /// An account as this block has it so far.
    pub fn account(&self, id: &AccountId) -> Result<Account, TransactionError> {
        match self.leaf(&Key::account(id)) {
            Some(Leaf::Account(account)) => Ok(*account),
            _ => Err(TransactionError::NoAccount { account: *id }),
        }
    }

    pub(super) fn put_account(&mut self, id: &AccountId, account: Account) {
        self.put(Key::account(id), Some(Leaf::Account(account)));
    }

    pub(super) fn channel(&self, id: &ChannelId) -> Result<Channel, TransactionError> {
        match self.leaf(&Key::channel(id)) {
            Some(Leaf::Channel(channel)) => Ok(*channel),
            _ => Err(TransactionError::NoChannel { channel: *id }),
        }
    }

    pub(super) fn treasury(&self) -> Credits {
        match self.leaf(&Key::treasury()) {
            Some(Leaf::Treasury { balance }) => *balance,
            _ => Credits::ZERO,
        }
    }

    pub(super) fn put_treasury(&mut self, balance: Credits) {
        self.put(Key::treasury(), Some(Leaf::Treasury { balance }));
    }

    pub(super) fn validators(&self, which: InForce) -> Validators {
        match self.leaf(&Key::validators(which)) {
            Some(Leaf::Validators(validators)) => validators.clone(),
            _ => Validators::default(),
        }
    }

    /// Takes credit from an account.
    pub(super) fn debit(&mut self, id: &AccountId, amount: Credits) -> Result<(), TransactionError> {
        let mut account = self.account(id)?;
        let refused = TransactionError::Balance { needed: amount, balance: account.balance };
        account.balance = account.balance.checked_sub(amount).ok_or(refused)?;
        self.put_account(id, account);
        Ok(())
    }

    /// Gives credit to an account.
    pub(super) fn credit(&mut self, id: &AccountId, amount: Credits) -> Result<(), TransactionError> {
        let mut account = self.account(id)?;
        account.balance = account.balance.checked_add(amount).ok_or(TransactionError::Amount)?;
        self.put_account(id, account);
        Ok(())
    }

    /// Collects a fee that was taken from somebody already.
    pub(super) fn collect(&mut self, fee: Credits) -> Result<(), TransactionError> {
        self.counts.fees = self.counts.fees.checked_add(fee).ok_or(TransactionError::Amount)?;
        Ok(())
    }

    /// Takes a fee from an account.
    pub(super) fn charge(&mut self, id: &AccountId, fee: Credits) -> Result<(), TransactionError> {
        self.debit(id, fee)?;
        self.collect(fee)
    }
}
