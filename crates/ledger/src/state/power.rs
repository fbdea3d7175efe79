//! Voting power: epochs, bonds, slashing, and who follows whom as authority.

use super::{Draft, TransactionError};
use crate::account::AccountId;
use crate::amount::Credits;
use crate::hash::Key;
use crate::leaf::{Bond, InForce, Leaf, Unbonding};
use crate::parameters::Parameters;
use crate::seal::Engine;
use crate::transaction::Authorities;
use crate::validators::{VALIDATORS_MAX, Validator, Validators};
use crate::vote::Evidence;

impl Draft {
    /// The next list comes into force, and under stake the one after it is chosen; old books of issuers go.
    pub(super) fn enter_epoch(&mut self) {
        let now = self.validators(InForce::Next);
        if self.before.rules.engine == Engine::Stake {
            let bonds: Vec<_> = self.before.index.bonded().filter_map(|account| self.bond_of(account)).collect();
            let next = elect(&now, bonds, self.epoch.saturating_add(1), self.parameters());
            self.put(Key::validators(InForce::Next), Some(Leaf::Validators(next)));
        }
        self.put(Key::validators(InForce::Now), Some(Leaf::Validators(now)));
        let old: Vec<_> = self.before.index.issued_before(self.epoch.saturating_sub(1)).collect();
        for (epoch, issuer) in old {
            self.put(Key::issued(&issuer, epoch), None);
        }
    }

    fn only(&self, engine: Engine) -> Result<(), TransactionError> {
        if self.before.rules.engine == engine { Ok(()) } else { Err(TransactionError::Engine) }
    }

    fn bond_of(&self, account: &AccountId) -> Option<Bond> {
        match self.leaf(&Key::bond(account)) {
            Some(Leaf::Bond(bond)) => Some(*bond),
            _ => None,
        }
    }

    /// Keeps a bond, unless nothing is left to know about it.
    fn put_bond(&mut self, bond: Bond) {
        let is_over = bond.amount == Credits::ZERO && bond.jailed_until <= self.epoch;
        self.put(Key::bond(&bond.account), (!is_over).then_some(Leaf::Bond(bond)));
    }

    /// Locks credit as voting power.
    pub(super) fn bond(&mut self, account: &AccountId, amount: Credits) -> Result<(), TransactionError> {
        self.only(Engine::Stake)?;
        if amount == Credits::ZERO {
            return Err(TransactionError::Amount);
        }
        self.debit(account, amount)?;
        let none = Bond { account: *account, amount: Credits::ZERO, jailed_until: 0 };
        let mut bond = self.bond_of(account).unwrap_or(none);
        bond.amount = bond.amount.checked_add(amount).ok_or(TransactionError::Amount)?;
        let min = self.parameters().bond_min;
        if bond.amount < min {
            return Err(TransactionError::TooLittle { min, found: bond.amount });
        }
        self.put_bond(bond);
        Ok(())
    }

    /// Begins to unlock it. Until it can be withdrawn it can still be slashed.
    pub(super) fn unbond(&mut self, account: &AccountId, amount: Credits) -> Result<(), TransactionError> {
        self.only(Engine::Stake)?;
        if amount == Credits::ZERO {
            return Err(TransactionError::Amount);
        }
        let mut bond = self.bond_of(account).ok_or(TransactionError::NotBonded)?;
        bond.amount = bond.amount.checked_sub(amount).ok_or(TransactionError::NotBonded)?;
        let min = self.parameters().bond_min;
        if bond.amount != Credits::ZERO && bond.amount < min {
            return Err(TransactionError::TooLittle { min, found: bond.amount });
        }
        self.put_bond(bond);
        let release = self.epoch.saturating_add(self.parameters().unbonding_epochs);
        let key = Key::unbonding(account, release);
        let before = match self.leaf(&key) {
            Some(Leaf::Unbonding(unbonding)) => unbonding.amount,
            _ => Credits::ZERO,
        };
        let amount = before.checked_add(amount).ok_or(TransactionError::Amount)?;
        self.put(key, Some(Leaf::Unbonding(Unbonding { account: *account, release, amount })));
        Ok(())
    }

    /// Takes back what was unlocked.
    pub(super) fn withdraw(&mut self, account: &AccountId, release: u32) -> Result<(), TransactionError> {
        self.only(Engine::Stake)?;
        let key = Key::unbonding(account, release);
        let amount = match self.leaf(&key) {
            Some(Leaf::Unbonding(unbonding)) if release <= self.epoch => unbonding.amount,
            _ => return Err(TransactionError::NotBonded),
        };
        self.put(key, None);
        self.credit(account, amount)
    }

    /// Punishes a validator that signed twice.
    pub(super) fn punish(&mut self, reporter: &AccountId, evidence: &Evidence) -> Result<(), TransactionError> {
        let vote = evidence.vote();
        let (validator, ballot) = (vote.validator, vote.ballot);
        let key = Key::fault(&validator, ballot.height, ballot.round, vote.step);
        if self.leaf(&key).is_some() || !evidence.is_signed(&self.before.rules.chain) {
            return Err(TransactionError::Evidence);
        }
        match self.before.rules.engine {
            Engine::Authority => self.expel(&validator)?,
            Engine::Stake => self.slash(reporter, &validator)?,
            Engine::Work => return Err(TransactionError::Engine),
        }
        self.put(key, Some(Leaf::Fault));
        Ok(())
    }

    /// Takes it off the next list, if somebody remains.
    fn expel(&mut self, validator: &AccountId) -> Result<(), TransactionError> {
        let next = self.validators(InForce::Next);
        if next.position(validator).is_none() || next.len() < 2 {
            return Err(TransactionError::Evidence);
        }
        self.put(Key::validators(InForce::Next), Some(Leaf::Validators(next.without(validator))));
        Ok(())
    }

    /// Burns a share of everything it has bonded or not withdrawn yet, and jails it.
    fn slash(&mut self, reporter: &AccountId, validator: &AccountId) -> Result<(), TransactionError> {
        let parameters = *self.parameters();
        let share = |amount: Credits| amount.share_up(parameters.slash_permyriad).min(amount);
        let mut burnt = Credits::ZERO;
        if let Some(mut bond) = self.bond_of(validator) {
            let loss = share(bond.amount);
            bond.amount = bond.amount.saturating_sub(loss);
            bond.jailed_until = self.epoch.saturating_add(1).saturating_add(parameters.jail_epochs);
            burnt = burnt.checked_add(loss).ok_or(TransactionError::Amount)?;
            self.put_bond(bond);
        }
        // Whatever is still on its way out was bonded when it voted.
        for release in self.epoch..=self.epoch.saturating_add(parameters.unbonding_epochs) {
            let key = Key::unbonding(validator, release);
            if let Some(Leaf::Unbonding(unbonding)) = self.leaf(&key) {
                let mut unbonding = *unbonding;
                let loss = share(unbonding.amount);
                unbonding.amount = unbonding.amount.saturating_sub(loss);
                burnt = burnt.checked_add(loss).ok_or(TransactionError::Amount)?;
                self.put(key, Some(Leaf::Unbonding(unbonding)));
            }
        }
        if burnt == Credits::ZERO {
            return Err(TransactionError::Evidence);
        }
        let next = self.validators(InForce::Next);
        if next.position(validator).is_some() && next.len() > 1 {
            self.put(Key::validators(InForce::Next), Some(Leaf::Validators(next.without(validator))));
        }
        let reward = burnt.share_down(parameters.reporter_permyriad);
        let treasury = self.treasury().checked_add(burnt.saturating_sub(reward)).ok_or(TransactionError::Amount)?;
        self.put_treasury(treasury);
        self.credit(reporter, reward)
    }

    /// Changes who seals from the next epoch on.
    pub(super) fn set_authorities(&mut self, authorities: &Authorities) -> Result<(), TransactionError> {
        self.only(Engine::Authority)?;
        if Some(authorities.epoch) != self.epoch.checked_add(1) {
            return Err(TransactionError::NotAgreed);
        }
        let now = self.validators(InForce::Now);
        let next = authorities.agreed(&now, &self.before.rules.chain).ok_or(TransactionError::NotAgreed)?;
        self.put(Key::validators(InForce::Next), Some(Leaf::Validators(next)));
        Ok(())
    }
}

/// The list for an epoch, from what is bonded: the largest bonds, and no more new power than one epoch may bring.
///
/// Power that was counted on the list before is counted as far as it is still bonded. What is new shares an allowance,
/// the largest bond first; what does not fit waits for the next epoch. So nobody takes over between two looks of a
/// tab, however much credit they bring.
fn elect(before: &Validators, mut bonds: Vec<Bond>, epoch: u32, parameters: &Parameters) -> Validators {
    bonds.retain(|bond| bond.amount >= parameters.bond_min && bond.jailed_until <= epoch);
    bonds.sort_by(|one, other| other.amount.cmp(&one.amount).then(one.account.cmp(&other.account)));
    bonds.truncate(VALIDATORS_MAX);
    let growth = Credits(before.total()).share_down(parameters.growth_permyriad);
    let mut allowance = growth.max(parameters.bond_min).0;
    let mut list = Vec::with_capacity(bonds.len());
    for bond in bonds {
        let known = before.power_of(&bond.account).min(bond.amount.0);
        let grown = (bond.amount.0 - known).min(allowance);
        allowance -= grown;
        if known + grown > 0 {
            list.push(Validator { id: bond.account, power: known + grown });
        }
    }
    list.sort_by(|one, other| other.power.cmp(&one.power).then(one.id.cmp(&other.id)));
    match Validators::new(list) {
        // A chain without validators could never choose any: the old ones go on.
        Ok(list) if !list.is_empty() => list,
        _ => before.clone(),
    }
}
