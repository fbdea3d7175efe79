//! Payment channels: opening, filling up, redeeming, closing, settling.

use super::{Draft, TransactionError};
use crate::account::AccountId;
use crate::amount::Credits;
use crate::channel::Channel;
use crate::hash::{ChannelId, Key};
use crate::leaf::Leaf;
use crate::transaction::{OpenChannel, RedeemEntry, Redemption};

impl Draft {
    /// Locks deposits for payees.
    pub(super) fn open_channels(
        &mut self,
        payer: &AccountId,
        nonce: u64,
        entries: &[OpenChannel],
    ) -> Result<(), TransactionError> {
        for (entry, index) in entries.iter().zip(0_u16..) {
            self.open_channel(payer, nonce, index, entry)?;
        }
        Ok(())
    }

    fn open_channel(
        &mut self,
        payer: &AccountId,
        nonce: u64,
        index: u16,
        entry: &OpenChannel,
    ) -> Result<(), TransactionError> {
        let parameters = *self.parameters();
        let OpenChannel { payee, signer, deposit, ttl } = *entry;
        if payee == *payer {
            return Err(TransactionError::ToItself);
        }
        if deposit < parameters.deposit_min {
            return Err(TransactionError::TooLittle { min: parameters.deposit_min, found: deposit });
        }
        let max = parameters.channel_ttl_max;
        if !(1..=max).contains(&ttl) {
            return Err(TransactionError::Ttl { max, found: ttl });
        }
        let mut paid = self.account(&payee)?;
        paid.paid = paid.paid.checked_add(1).ok_or(TransactionError::Amount)?;
        self.put_account(&payee, paid);
        self.debit(payer, deposit)?;
        let mut paying = self.account(payer)?;
        if paying.paying >= parameters.channels_max {
            return Err(TransactionError::TooManyChannels { max: parameters.channels_max });
        }
        paying.paying += 1;
        self.put_account(payer, paying);
        let channel = Channel {
            payer: *payer,
            payee,
            signer,
            deposit,
            redeemed: Credits::ZERO,
            opened: self.height,
            expires: self.height.saturating_add(u64::from(ttl)),
            close_after: 0,
        };
        let id = Channel::id(&self.before.rules.chain, payer, &payee, nonce, index);
        self.put(Key::channel(&id), Some(Leaf::Channel(channel)));
        Ok(())
    }

    /// Locks more on a channel.
    pub(super) fn top_up(
        &mut self,
        sender: &AccountId,
        id: &ChannelId,
        amount: Credits,
    ) -> Result<(), TransactionError> {
        let mut channel = self.channel(id)?;
        if channel.payer != *sender {
            return Err(TransactionError::NotYours);
        }
        if channel.is_closing() || self.height > channel.expires {
            return Err(TransactionError::NotOpen);
        }
        if amount == Credits::ZERO {
            return Err(TransactionError::Amount);
        }
        self.debit(sender, amount)?;
        channel.deposit = channel.deposit.checked_add(amount).ok_or(TransactionError::Amount)?;
        self.put(Key::channel(id), Some(Leaf::Channel(channel)));
        Ok(())
    }

    /// Turns cheques into credit. Anybody may bring them; the money goes to the payees.
    pub(super) fn redeem(
        &mut self,
        sender: &AccountId,
        redemption: &Redemption,
        fee: Credits,
    ) -> Result<(), TransactionError> {
        let entries = redemption.entries();
        let mut proceeds = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let id = entry.cheque.promise.channel;
            if entries[..index].iter().any(|earlier| earlier.cheque.promise.channel == id) {
                return Err(TransactionError::Twice);
            }
            proceeds.push(self.redeem_one(sender, entry, redemption.fee_from_proceeds)?);
        }
        if redemption.fee_from_proceeds { self.charge_proceeds(proceeds, fee) } else { self.charge(sender, fee) }
    }

    /// Pays one cheque; returns who got how much.
    fn redeem_one(
        &mut self,
        sender: &AccountId,
        entry: &RedeemEntry,
        fee_from_proceeds: bool,
    ) -> Result<(AccountId, Credits), TransactionError> {
        let parameters = *self.parameters();
        let id = entry.cheque.promise.channel;
        let mut channel = self.channel(&id)?;
        let payee = channel.payee;
        if entry.close && payee != *sender {
            return Err(TransactionError::NotYours);
        }
        let delta = channel.check(&entry.cheque, self.height, &self.before.rules.chain, &parameters)?;
        // Or a payer could bring every small cheque itself and let the fees eat what its payee earned.
        let is_worth_it = delta >= parameters.proceeds_min || channel.is_closing() || self.height > channel.expires;
        if fee_from_proceeds && !is_worth_it {
            return Err(TransactionError::Proceeds);
        }
        channel.redeemed = entry.cheque.promise.total;
        let fee = Channel::settle_fee(delta, &parameters);
        let net = delta.checked_sub(fee).ok_or(TransactionError::Amount)?;
        self.collect(fee)?;
        self.credit(&payee, net)?;
        self.put(Key::channel(&id), Some(Leaf::Channel(channel)));
        if entry.close {
            self.settle(&id, &channel)?;
        }
        Ok((payee, net))
    }

    /// Takes the flat fee out of what the payees just got, in equal parts as far as each reaches.
    fn charge_proceeds(
        &mut self,
        mut proceeds: Vec<(AccountId, Credits)>,
        fee: Credits,
    ) -> Result<(), TransactionError> {
        proceeds.sort_by_key(|(_, net)| *net);
        let mut rest = fee;
        let count = proceeds.len() as u64;
        for ((payee, net), left) in proceeds.into_iter().zip((1..=count).rev()) {
            let share = Credits(rest.0.div_ceil(left)).min(net);
            self.debit(&payee, share)?;
            rest = rest.saturating_sub(share);
        }
        if rest != Credits::ZERO {
            return Err(TransactionError::Proceeds);
        }
        self.collect(fee)
    }

    /// Ends a channel: now if the payee asks, after a window if the payer does.
    pub(super) fn close_channel(&mut self, sender: &AccountId, id: &ChannelId) -> Result<(), TransactionError> {
        let mut channel = self.channel(id)?;
        if channel.payee == *sender {
            return self.settle(id, &channel);
        }
        if channel.payer != *sender {
            return Err(TransactionError::NotYours);
        }
        if channel.is_closing() {
            return Err(TransactionError::NotOpen);
        }
        channel.close_after = self.height.saturating_add(self.parameters().close_window);
        self.put(Key::channel(id), Some(Leaf::Channel(channel)));
        Ok(())
    }

    /// Gives the payer what is left and forgets the channel.
    fn settle(&mut self, id: &ChannelId, channel: &Channel) -> Result<(), TransactionError> {
        self.credit(&channel.payer, channel.rest())?;
        let mut payer = self.account(&channel.payer)?;
        payer.paying = payer.paying.saturating_sub(1);
        self.put_account(&channel.payer, payer);
        let mut payee = self.account(&channel.payee)?;
        payee.paid = payee.paid.saturating_sub(1);
        self.put_account(&channel.payee, payee);
        self.put(Key::channel(id), None);
        Ok(())
    }

    /// Settles channels whose time is over, as many as a block may.
    pub(super) fn settle_due(&mut self) {
        let most = self.parameters().settles_per_block as usize;
        let due: Vec<_> = self.before.index.due(self.height).take(most).copied().collect();
        for id in due {
            // Both accounts of a channel stay as long as it does, so nothing here can be refused.
            if let Ok(channel) = self.channel(&id) {
                let settled = self.settle(&id, &channel);
                debug_assert_eq!(settled, Ok(()));
            }
        }
    }
}
