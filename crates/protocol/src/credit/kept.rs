//! What outlives a tab: cheques that no block has paid yet, and channels in which credit is still locked.
//!
//! A tab's key dies with it, so a later tab writes no cheque on its channels: it redeems the cheques that were kept, and asks
//! each payee to settle what is locked. Who does not answer is not waited for: the payer closes, and the window begins.
//!
//! ```text
//! version u8 | chain | cheques (list) | channels (list): id | payee
//! ```

use super::channels::Purpose;
use super::redeem::WORTH_FEES;
use super::wire::Message;
use super::{Credit, send};
use crate::credit::LedgerWish;
use crate::outbox::Outbox;
use crate::{Output, PeerKey};
use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::channel::Channel;
use ledger::cheque::Cheque;
use ledger::hash::{ChainId, ChannelId};
use ledger::transaction::Body;
use ledger::wire::{Reader, Wire, WireError, decode_list, encode_list};
use std::collections::BTreeMap;

const VERSION: u8 = 1;

/// Entries of either list: what one account may have, from a few reloads.
const ENTRIES_MAX: usize = 256;

/// How often it is written while cheques come in: a crash loses at most what was signed for in between.
const EVERY: Duration = Duration::from_millis(500);

/// How long payees are given to settle before their channels are closed.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// How long a redemption may be under way before it is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// One tab's part, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    chain: ChainId,
    cheques: Vec<Cheque>,
    channels: Vec<OldChannel>,
}

/// A channel of an earlier tab of this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OldChannel {
    id: ChannelId,
    payee: AccountId,
}

impl Wire for OldChannel {
    const LEN_MAX: usize = 64;

    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.payee.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { id: Wire::decode(input)?, payee: Wire::decode(input)? })
    }
}

impl Wire for Record {
    const LEN_MAX: usize = 1 + 32 + 2 + ENTRIES_MAX * Cheque::LEN_MAX + 2 + ENTRIES_MAX * OldChannel::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        VERSION.encode(out);
        self.chain.encode(out);
        encode_list(&self.cheques, out);
        encode_list(&self.channels, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            VERSION => Ok(Self {
                chain: Wire::decode(input)?,
                cheques: decode_list(input, 0, ENTRIES_MAX)?,
                channels: decode_list(input, 0, ENTRIES_MAX)?,
            }),
            found => Err(WireError::Choice { what: "kept books", found }),
        }
    }
}

/// A cheque to an earlier tab.
#[derive(Clone, Copy, Debug)]
pub(super) struct OldCheque {
    pub(super) cheque: Cheque,
    /// Proved, and worth redeeming.
    pub(super) channel: Option<Channel>,
    pub(super) redeeming: Option<Time>,
}

impl OldCheque {
    /// What redeeming it brings.
    pub(super) fn worth(&self, now: Time) -> Credits {
        let is_free = self.redeeming.is_none_or(|since| now >= since + PATIENCE);
        let redeemed = self.channel.filter(|_| is_free).map(|channel| channel.redeemed);
        redeemed.map_or(Credits::ZERO, |redeemed| self.cheque.promise.total.saturating_sub(redeemed))
    }
}

/// A channel from an earlier tab.
#[derive(Clone, Copy, Debug)]
struct Unsettled {
    payee: AccountId,
    /// Proved to be there since.
    since: Option<Time>,
    closing: bool,
}

/// What earlier tabs left, and what this one leaves.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Of a chain that is not followed yet.
    found: Vec<Record>,
    pub(super) cheques: BTreeMap<ChannelId, OldCheque>,
    channels: BTreeMap<ChannelId, Unsettled>,
    is_dirty: bool,
    next: Time,
    /// What was written last.
    written: Option<Record>,
}

impl Kept {
    pub(super) fn knows(&self, id: &ChannelId) -> bool {
        self.cheques.contains_key(id) || self.channels.contains_key(id)
    }
}

impl Credit {
    /// What an earlier tab kept, whose own tab is gone. Bytes that are none are as nothing.
    pub(crate) fn on_found(&mut self, now: Time, bytes: &[u8], out: &mut Outbox) {
        if let Ok(record) = Record::from_bytes(bytes)
            && self.kept.found.len() < ENTRIES_MAX
        {
            self.kept.found.push(record);
            self.take_up_found(now);
            // The next reload must find it again.
            self.keep_now(now, out);
        }
    }

    /// Looks up what was found, once its chain is followed.
    pub(super) fn take_up_found(&mut self, now: Time) {
        let Some(ledger) = &self.ledger else { return };
        let chain = ledger.session.chain;
        for record in core::mem::take(&mut self.kept.found).into_iter().filter(|record| record.chain == chain) {
            for cheque in record.cheques {
                let old = OldCheque { cheque, channel: None, redeeming: None };
                self.kept.cheques.insert(cheque.promise.channel, old);
                self.own.wish(LedgerWish::Watch { channel: cheque.promise.channel });
            }
            for OldChannel { id, payee } in record.channels {
                self.kept.channels.insert(id, Unsettled { payee, since: None, closing: false });
                self.own.wish(LedgerWish::Watch { channel: id });
            }
        }
        self.keep_soon(now);
    }

    /// What the chain says of a channel that an earlier tab left.
    pub(super) fn on_old_channel(&mut self, now: Time, id: ChannelId, channel: Option<Channel>, out: &mut Outbox) {
        let Some(ledger) = &self.ledger else { return };
        let account = ledger.session.account;
        if let Some(old) = self.kept.cheques.get_mut(&id) {
            let good = channel.filter(|channel| {
                let checked = channel.check(&old.cheque, ledger.height, &ledger.session.chain, &ledger.parameters);
                channel.payee == account && checked.is_ok()
            });
            match good {
                Some(channel) => old.channel = Some(channel),
                None => _ = self.kept.cheques.remove(&id),
            }
            self.keep_soon(now);
        }
        if let Some(unsettled) = self.kept.channels.get_mut(&id) {
            match channel.filter(|channel| channel.payer == account) {
                Some(channel) => {
                    unsettled.since.get_or_insert(now);
                    unsettled.closing |= channel.is_closing();
                    self.ask_to_settle(id, out);
                    self.wake_no_later(now + SETTLE_WITHIN);
                }
                None => _ = self.kept.channels.remove(&id),
            }
            self.keep_soon(now);
        }
    }

    /// Asks the payee of an old channel, if it is here, to redeem and close it.
    fn ask_to_settle(&self, id: ChannelId, out: &mut Outbox) {
        let Some(unsettled) = self.kept.channels.get(&id) else { return };
        let is_payee = |account| account == unsettled.payee;
        let here = self.pages.iter().filter(|(_, page)| page.connected);
        for (peer, _) in here.filter(|(_, page)| page.session.is_some_and(|session| is_payee(session.account))) {
            send(out, *peer, Message::Bye { channel: id });
        }
    }

    /// A payee has come: it is asked to settle what earlier tabs left.
    pub(super) fn greet_payee(&self, peer: PeerKey, payee: AccountId, out: &mut Outbox) {
        let proved = self.kept.channels.iter().filter(|(_, channel)| channel.payee == payee && channel.since.is_some());
        proved.for_each(|(id, _)| send(out, peer, Message::Bye { channel: *id }));
    }

    /// A payer asks to settle: one that says so over the channel's own tab, or a later tab of the same account.
    pub(super) fn on_bye(&mut self, now: Time, peer: PeerKey, channel: ChannelId) {
        let asker = self.pages.get(&peer).and_then(|page| page.session).map(|session| session.account);
        let pays = self.pages.iter().filter_map(|(payer, page)| Some((*payer, page.paid_by.as_ref()?)));
        let of_page =
            pays.filter(|(_, by)| by.id == channel).any(|(payer, by)| payer == peer || Some(by.channel.payer) == asker);
        let old = self.kept.cheques.get(&channel).and_then(|old| old.channel);
        if of_page || old.is_some_and(|old| Some(old.payer) == asker) {
            self.own.redeem_soon(channel);
            self.wake_no_later(now);
        }
    }

    /// Closes what nobody settled.
    pub(super) fn close_unsettled(&mut self, now: Time) {
        if self.ledger.is_none() {
            return;
        }
        let mut next = None;
        for (id, unsettled) in &mut self.kept.channels {
            let Some(since) = unsettled.since.filter(|_| !unsettled.closing) else { continue };
            let at = since + SETTLE_WITHIN;
            if at <= now {
                unsettled.closing = true;
                let channel = *id;
                self.own.submit(Purpose::Close { channel }, Body::CloseChannel { channel });
            } else {
                next = Some(next.map_or(at, |before: Time| before.min(at)));
            }
        }
        next.into_iter().for_each(|at| self.wake_no_later(at));
    }

    /// Closes what a payer is done with and we have been paid for: the rest is theirs. Somebody who paid next to nothing waits
    /// for its own window instead, or strangers could make us pay for their transactions.
    pub(super) fn close_left(&mut self) {
        let Some(ledger) = &self.ledger else { return };
        let least = (ledger.parameters.transaction_fee.0 + ledger.parameters.entry_fee.0) * WORTH_FEES;
        let paid = self.pages.values().filter_map(|page| page.paid_by.as_ref());
        let done = paid.filter(|by| by.channel.redeemed.0 >= least && by.total() == by.channel.redeemed);
        let left: Vec<ChannelId> = done.map(|by| by.id).filter(|id| self.own.is_leaving(id)).collect();
        for channel in left {
            self.own.forget_leaving(&channel);
            self.own.submit(Purpose::Close { channel }, Body::CloseChannel { channel });
        }
    }

    /// Something is worth keeping that was not there before.
    pub(super) fn keep_soon(&mut self, now: Time) {
        self.kept.is_dirty = true;
        let at = self.kept.next.max(now);
        self.wake_no_later(at);
    }

    /// Writes what changed, if it is time.
    pub(super) fn keep(&mut self, now: Time, out: &mut Outbox) {
        if self.kept.is_dirty && self.kept.next <= now {
            self.keep_now(now, out);
        }
    }

    /// Writes what changed: the tab may be gone in a moment.
    pub(crate) fn keep_now(&mut self, now: Time, out: &mut Outbox) {
        let chain = self.ledger.as_ref().map(|ledger| ledger.session.chain);
        let Some(chain) = chain.or_else(|| self.kept.found.first().map(|record| record.chain)) else { return };
        let found = || self.kept.found.iter().filter(|record| record.chain == chain);
        let best = self.pages.values().filter_map(|page| page.paid_by.as_ref());
        let best = best.filter(|by| by.total() > by.channel.redeemed).filter_map(|by| by.best);
        let old = self.kept.cheques.values().map(|old| old.cheque);
        let pays = self.pages.values().filter_map(|page| page.pays.as_ref());
        let pays = pays.map(|pays| OldChannel { id: pays.id, payee: pays.payee });
        let unsettled = self.kept.channels.iter().map(|(id, channel)| OldChannel { id: *id, payee: channel.payee });
        let cheques = found().flat_map(|record| record.cheques.iter().copied());
        let channels = found().flat_map(|record| record.channels.iter().copied());
        let record = Record {
            chain,
            cheques: best.chain(old).chain(cheques).take(ENTRIES_MAX).collect(),
            channels: pays.chain(unsettled).chain(channels).take(ENTRIES_MAX).collect(),
        };
        self.kept.is_dirty = false;
        self.kept.next = now + EVERY;
        if self.kept.written.as_ref() != Some(&record) {
            let is_empty = record.cheques.is_empty() && record.channels.is_empty();
            out.push(Output::KeepBooks { bytes: if is_empty { Vec::new() } else { record.to_bytes() } });
            self.kept.written = Some(record);
        }
    }
}
