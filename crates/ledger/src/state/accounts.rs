//! Transfers, admission, sweeping and provenance.

use super::{Draft, TransactionError};
use crate::account::{Account, AccountId};
use crate::amount::Credits;
use crate::hash::Key;
use crate::leaf::{InForce, Issued, Leaf, Published};
use crate::seal::Engine;
use crate::ticket::{Serials, Ticket};
use crate::transaction::Publication;

impl Draft {
    /// Sends credit; what goes to nobody makes an account, if it is enough for one.
    pub(super) fn transfer(
        &mut self,
        sender: &AccountId,
        to: &AccountId,
        amount: Credits,
    ) -> Result<(), TransactionError> {
        if to == sender {
            return Err(TransactionError::ToItself);
        }
        if amount == Credits::ZERO {
            return Err(TransactionError::Amount);
        }
        self.debit(sender, amount)?;
        if self.leaf(&Key::account(to)).is_some() {
            return self.credit(to, amount);
        }
        let min = self.parameters().new_account_min;
        if amount < min {
            return Err(TransactionError::TooLittle { min, found: amount });
        }
        self.put_account(to, Account::new(amount, self.height));
        Ok(())
    }

    /// Lets a newcomer in, with a grant. The ledger counts what an issuer gives out, and believes nobody about it.
    pub(super) fn admit(&mut self, sender: &AccountId, nonce: u64, ticket: &Ticket) -> Result<(), TransactionError> {
        let admission = ticket.admission;
        if nonce != 0 {
            return Err(TransactionError::Nonce { expected: 0, found: nonce });
        }
        if self.leaf(&Key::account(sender)).is_some() {
            return Err(TransactionError::AccountExists { account: *sender });
        }
        if self.counts.admits >= self.parameters().admits_per_block {
            return Err(TransactionError::PerBlock);
        }
        let is_of_now = admission.epoch == self.epoch || admission.epoch.checked_add(1) == Some(self.epoch);
        if admission.account != *sender || !is_of_now {
            return Err(TransactionError::Ticket);
        }
        if !self.is_issuer(&admission.issuer) {
            return Err(TransactionError::Issuer);
        }
        let key = Key::issued(&admission.issuer, admission.epoch);
        let mut serials = match self.leaf(&key) {
            Some(Leaf::Issued(issued)) => issued.serials,
            _ => Serials::default(),
        };
        if !serials.is_free(admission.serial) {
            return Err(TransactionError::Serial { serial: admission.serial });
        }
        let cap = self.parameters().issuer_cap;
        if serials.count() >= cap {
            return Err(TransactionError::IssuerCap { cap });
        }
        let grant = self.parameters().grant;
        let left = self.treasury().checked_sub(grant).ok_or(TransactionError::TreasuryEmpty)?;
        if !ticket.is_signed(&self.before.rules.chain) {
            return Err(TransactionError::Ticket);
        }
        serials.mark(admission.serial);
        self.counts.admits += 1;
        let issued = Issued { issuer: admission.issuer, epoch: admission.epoch, serials };
        self.put(key, Some(Leaf::Issued(issued)));
        self.put_treasury(left);
        self.put_account(sender, Account::new(grant, self.height));
        Ok(())
    }

    fn is_issuer(&self, id: &AccountId) -> bool {
        match self.before.rules.engine {
            Engine::Authority => self.validators(InForce::Now).position(id).is_some(),
            Engine::Stake | Engine::Work => self.before.rules.issuers.contains(id),
        }
    }

    /// Clears a tiny account away that nobody has used for long.
    pub(super) fn sweep(&mut self, id: &AccountId) -> Result<(), TransactionError> {
        if self.counts.sweeps >= self.parameters().sweeps_per_block {
            return Err(TransactionError::PerBlock);
        }
        let account = self.account(id)?;
        let bonded = match self.leaf(&Key::bond(id)) {
            Some(Leaf::Bond(bond)) => bond.amount,
            _ => Credits::ZERO,
        };
        let held = account.balance.checked_add(bonded).ok_or(TransactionError::Amount)?;
        let is_idle = self.height.saturating_sub(account.last) >= self.parameters().dormant;
        if !is_idle || held > self.parameters().grant || account.paying != 0 || account.paid != 0 {
            return Err(TransactionError::InUse);
        }
        self.counts.sweeps += 1;
        self.put(Key::account(id), None);
        self.put(Key::bond(id), None);
        let treasury = self.treasury().checked_add(held).ok_or(TransactionError::Amount)?;
        self.put_treasury(treasury);
        Ok(())
    }

    /// Records who published a content; the first one stands.
    pub(super) fn publish(&mut self, publisher: &AccountId, publication: &Publication) -> Result<(), TransactionError> {
        let key = Key::published(&publication.root);
        if self.leaf(&key).is_some() {
            return Err(TransactionError::Published);
        }
        let published = Published {
            publisher: *publisher,
            height: self.height,
            parent: publication.parent,
            title: Published::title_hash(publication.title()),
        };
        self.put(key, Some(Leaf::Published(published)));
        Ok(())
    }
}
