//! The rules a second time, as plainly as they can be said: values and maps, no tree, no signatures.
//!
//! The state-machine test asks this model whether a transaction must apply, and what everybody then holds. It shares
//! no code with the crate but the numbers of the chain.

use ledger::parameters::Parameters;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Name = u8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) balance: u64,
    pub(crate) nonce: u64,
    last: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) payer: Name,
    pub(crate) payee: Name,
    pub(crate) deposit: u64,
    pub(crate) redeemed: u64,
    expires: u64,
    close_after: u64,
    pub(crate) is_gone: bool,
    /// What left it: to the payee, as fees, back to the payer.
    paid: u64,
    refunded: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Open {
        entries: Vec<(Name, u64, u32)>,
    },
    TopUp {
        channel: usize,
        amount: u64,
    },
    /// Channel, total, close.
    Redeem {
        cheques: Vec<(usize, u64, bool)>,
        fee_from_proceeds: bool,
    },
    Close {
        channel: usize,
    },
    Transfer {
        to: Name,
        amount: u64,
    },
    Admit {
        issuer: Name,
        epoch: u32,
        serial: u16,
    },
    Sweep {
        who: Name,
    },
    Publish {
        content: u8,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) height: u64,
    pub(crate) epoch: u32,
    pub(crate) treasury: u64,
    fees: u64,
    admits: u32,
    sweeps: u32,
    pub(crate) holders: BTreeMap<Name, Holder>,
    pub(crate) channels: Vec<Locked>,
    issued: BTreeMap<(Name, u32), BTreeSet<u16>>,
    published: BTreeSet<u8>,
    pub(crate) granted: u64,
    numbers: Parameters,
}

impl Model {
    pub(crate) fn new(treasury: u64, holders: &[(Name, u64)], numbers: Parameters) -> Self {
        let holders = holders.iter().map(|(name, balance)| (*name, Holder { balance: *balance, nonce: 0, last: 0 }));
        Self {
            height: 0,
            epoch: 0,
            treasury,
            fees: 0,
            admits: 0,
            sweeps: 0,
            holders: holders.collect(),
            channels: Vec::new(),
            issued: BTreeMap::new(),
            published: BTreeSet::new(),
            granted: 0,
            numbers,
        }
    }

    pub(crate) fn begin(&mut self, epoch: u32) {
        self.height += 1;
        self.epoch = epoch;
        (self.admits, self.sweeps) = (0, 0);
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            let is_closed = channel.close_after != 0 && self.height > channel.close_after;
            let is_over = self.height > channel.expires + self.numbers.grace;
            if !channel.is_gone && (is_closed || is_over) {
                self.end_channel(at);
            }
        }
    }

    pub(crate) fn finish(&mut self) {
        self.treasury += std::mem::take(&mut self.fees);
    }

    /// Everything anybody holds or has locked, and the treasury.
    pub(crate) fn total(&self) -> u64 {
        let held: u64 = self.holders.values().map(|holder| holder.balance).sum();
        let locked: u64 = self.open().map(|channel| channel.deposit - channel.redeemed).sum();
        held + locked + self.treasury + self.fees
    }

    /// What these hold, locked deposits included.
    pub(crate) fn holdings(&self, of: &BTreeSet<Name>) -> u64 {
        let held: u64 = self.holders.iter().filter(|(name, _)| of.contains(name)).map(|(_, one)| one.balance).sum();
        let own = self.open().filter(|channel| of.contains(&channel.payer));
        held + own.map(|channel| channel.deposit - channel.redeemed).sum::<u64>()
    }

    fn open(&self) -> impl Iterator<Item = &Locked> {
        self.channels.iter().filter(|channel| !channel.is_gone)
    }

    /// Payments, refunds and what is still locked are what was deposited.
    pub(crate) fn channels_add_up(&self) -> bool {
        self.channels.iter().all(|channel| {
            let locked = if channel.is_gone { 0 } else { channel.deposit - channel.redeemed };
            channel.redeemed == channel.paid && channel.paid + channel.refunded + locked == channel.deposit
        })
    }

    /// Applies a wish if it must apply; says whether it did.
    pub(crate) fn apply(&mut self, sender: Name, nonce: u64, wish: &Wish) -> bool {
        let mut next = self.clone();
        let done = next.attempt(sender, nonce, wish).is_some();
        if done {
            *self = next;
        }
        done
    }

    fn attempt(&mut self, sender: Name, nonce: u64, wish: &Wish) -> Option<()> {
        if let Wish::Admit { issuer, epoch, serial } = wish {
            return self.admit(sender, nonce, *issuer, *epoch, *serial);
        }
        let height = self.height;
        let holder = self.holders.get_mut(&sender).filter(|holder| holder.nonce == nonce)?;
        (holder.nonce, holder.last) = (nonce + 1, height);
        let (flat, entry) = (self.numbers.transaction_fee.0, self.numbers.entry_fee.0);
        match wish {
            Wish::Open { entries } => {
                self.fee(sender, flat + entry * entries.len() as u64)?;
                entries.iter().try_for_each(|(payee, deposit, ttl)| self.open_channel(sender, *payee, *deposit, *ttl))
            }
            Wish::TopUp { channel, amount } => {
                self.fee(sender, flat)?;
                let found = self.channels.get(*channel).filter(|found| !found.is_gone && found.payer == sender)?;
                (found.close_after == 0 && height <= found.expires && *amount > 0).then_some(())?;
                self.take(sender, *amount)?;
                self.channels[*channel].deposit += amount;
                Some(())
            }
            Wish::Redeem { cheques, fee_from_proceeds } => {
                self.redeem(sender, cheques, *fee_from_proceeds, flat + entry * cheques.len() as u64)
            }
            Wish::Close { channel } => {
                self.fee(sender, flat)?;
                let window = self.numbers.close_window;
                let found = self.channels.get_mut(*channel).filter(|found| !found.is_gone)?;
                if found.payee == sender {
                    self.end_channel(*channel);
                    return Some(());
                }
                (found.payer == sender && found.close_after == 0).then_some(())?;
                found.close_after = height + window;
                Some(())
            }
            Wish::Transfer { to, amount } => {
                self.fee(sender, flat)?;
                (*to != sender && *amount > 0).then_some(())?;
                self.take(sender, *amount)?;
                if let Some(holder) = self.holders.get_mut(to) {
                    holder.balance += amount;
                    return Some(());
                }
                (*amount >= self.numbers.new_account_min.0).then_some(())?;
                self.holders.insert(*to, Holder { balance: *amount, nonce: height * 65_536, last: height });
                Some(())
            }
            Wish::Sweep { who } => {
                let holder = self.holders.get(who)?;
                let is_idle = height - holder.last >= self.numbers.dormant;
                let is_bound = self.open().any(|channel| channel.payer == *who || channel.payee == *who);
                let is_small = holder.balance <= self.numbers.grant.0;
                (is_idle && !is_bound && is_small && self.sweeps < self.numbers.sweeps_per_block).then_some(())?;
                self.sweeps += 1;
                self.treasury += self.holders.remove(who)?.balance;
                Some(())
            }
            Wish::Publish { content } => {
                self.fee(sender, flat + self.numbers.publish_fee.0)?;
                self.published.insert(*content).then_some(())
            }
            Wish::Admit { .. } => None,
        }
    }

    fn take(&mut self, from: Name, amount: u64) -> Option<()> {
        let holder = self.holders.get_mut(&from)?;
        holder.balance = holder.balance.checked_sub(amount)?;
        Some(())
    }

    fn fee(&mut self, from: Name, amount: u64) -> Option<()> {
        self.take(from, amount)?;
        self.fees += amount;
        Some(())
    }

    fn open_channel(&mut self, payer: Name, payee: Name, deposit: u64, ttl: u32) -> Option<()> {
        let many = self.open().filter(|channel| channel.payer == payer).count() as u32;
        let fits = (1..=self.numbers.channel_ttl_max).contains(&ttl) && deposit >= self.numbers.deposit_min.0;
        let is_allowed = fits && many < self.numbers.channels_max && payee != payer;
        (is_allowed && self.holders.contains_key(&payee)).then_some(())?;
        self.take(payer, deposit)?;
        self.channels.push(Locked {
            payer,
            payee,
            deposit,
            redeemed: 0,
            expires: self.height + u64::from(ttl),
            close_after: 0,
            is_gone: false,
            paid: 0,
            refunded: 0,
        });
        Some(())
    }

    fn end_channel(&mut self, at: usize) {
        let channel = &mut self.channels[at];
        channel.is_gone = true;
        channel.refunded = channel.deposit - channel.redeemed;
        let (payer, rest) = (channel.payer, channel.refunded);
        self.holders.get_mut(&payer).expect("payers stay as long as their channels").balance += rest;
    }

    fn redeem(&mut self, sender: Name, cheques: &[(usize, u64, bool)], from_proceeds: bool, fee: u64) -> Option<()> {
        let distinct: BTreeSet<_> = cheques.iter().map(|(channel, ..)| channel).collect();
        (distinct.len() == cheques.len()).then_some(())?;
        let mut nets = Vec::new();
        for (at, total, close) in cheques {
            let height = self.height;
            let (grace, min) = (self.numbers.grace, self.numbers.proceeds_min.0);
            let channel = self.channels.get_mut(*at).filter(|channel| !channel.is_gone)?;
            let in_time = height <= channel.expires + grace;
            let in_window = channel.close_after == 0 || height <= channel.close_after;
            let pays = *total > channel.redeemed && *total <= channel.deposit;
            (in_time && in_window && pays && (!close || channel.payee == sender)).then_some(())?;
            let delta = total - channel.redeemed;
            let is_worth_it = delta >= min || channel.close_after != 0 || height > channel.expires;
            (!from_proceeds || is_worth_it).then_some(())?;
            channel.redeemed = *total;
            channel.paid += delta;
            let payee = channel.payee;
            // One in a hundred, rounded up, at least one.
            let kept = delta.min((delta * self.numbers.settle_permyriad).div_ceil(10_000).max(1));
            self.fees += kept;
            self.holders.get_mut(&payee)?.balance += delta - kept;
            nets.push((payee, delta - kept));
            if *close {
                self.end_channel(*at);
            }
        }
        if !from_proceeds {
            return self.fee(sender, fee);
        }
        (nets.iter().map(|(_, net)| net).sum::<u64>() >= fee).then_some(())?;
        nets.sort_by_key(|(_, net)| *net);
        let mut rest = fee;
        while let Some((payee, net)) = (!nets.is_empty()).then(|| nets.remove(0)) {
            let share = net.min(rest.div_ceil(nets.len() as u64 + 1));
            self.fee(payee, share)?;
            rest -= share;
        }
        Some(())
    }

    fn admit(&mut self, who: Name, nonce: u64, issuer: Name, epoch: u32, serial: u16) -> Option<()> {
        let is_of_now = epoch == self.epoch || epoch + 1 == self.epoch;
        let fits = nonce == 0 && !self.holders.contains_key(&who) && is_of_now && issuer == 100 && serial < 512;
        (fits && self.admits < self.numbers.admits_per_block).then_some(())?;
        let given = self.issued.entry((issuer, epoch)).or_default();
        (given.len() < self.numbers.issuer_cap as usize && given.insert(serial)).then_some(())?;
        let grant = self.numbers.grant.0;
        self.treasury = self.treasury.checked_sub(grant)?;
        (self.admits, self.granted) = (self.admits + 1, self.granted + grant);
        self.holders.insert(who, Holder { balance: grant, nonce: self.height * 65_536, last: self.height });
        Some(())
    }
}
