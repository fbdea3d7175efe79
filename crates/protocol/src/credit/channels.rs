//! Channels of our own: to whom, how much is locked, when more is, and when what is left is asked back.
//!
//! One channel per peer that serves us, opened together, a sixteenth of the balance each: what a stranger could run off
//! with is nothing, and what is locked idly is little. A payee that left gets a while to come back.

use super::pays::{Agreed, Pays};
use super::{Credit, Leash, LedgerNews, LedgerWish, WishToken, send};
use crate::PeerKey;
use crate::credit::wire::Message;
use crate::outbox::Outbox;
use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::channel::Channel;
use ledger::hash::ChannelId;
use ledger::transaction::{Body, OpenChannel, Opened};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Channels opened in one transaction: the fee is shared, and a tab is seldom served by more.
const OPENED_AT_ONCE: usize = 8;

/// The part of the balance that one new channel locks.
const DEPOSIT_PART: u64 = 16;

/// The most that one new channel locks, in units: eight mebibytes.
const DEPOSIT_MAX: u64 = 8 * 1024;

/// Bytes taken from a peer before it is worth the fee of a channel.
const WORTH_A_CHANNEL: u64 = 64 * 1024;

/// How long a payee may be away before its channel is closed.
pub(super) const CLOSE_AFTER: Duration = Duration::from_secs(5 * 60);

/// How long after a transaction failed the next of its kind waits.
const AGAIN: Duration = Duration::from_secs(10);

/// Channels that peers named and that are being looked up, at most one each.
const ASKED_MAX: usize = 64;

/// What a wish was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Open { entries: Vec<(PeerKey, AccountId, Credits)>, nonce: Option<u64> },
    TopUp { peer: PeerKey, amount: Credits },
    Redeem { channels: Vec<ChannelId> },
    Close { channel: ChannelId },
}

/// Our transactions under way, and channels being looked up.
#[derive(Debug, Default)]
pub(super) struct Own {
    next: u64,
    wishes: BTreeMap<WishToken, Purpose>,
    asked: BTreeMap<PeerKey, ChannelId>,
    /// What the ledger is to be told next; taken after every input.
    wished: VecDeque<LedgerWish>,
    /// Not before then.
    open_again: Option<Time>,
    /// Channels whose payer says that it is done.
    leaving: BTreeSet<ChannelId>,
}

impl Own {
    /// Remembers which channel a peer named; true if it was not being looked up already.
    pub(super) fn ask(&mut self, peer: PeerKey, channel: ChannelId) -> bool {
        let room = self.asked.len() < ASKED_MAX || self.asked.contains_key(&peer);
        room && self.asked.insert(peer, channel) != Some(channel)
    }

    pub(super) fn redeem_soon(&mut self, channel: ChannelId) {
        if self.leaving.len() < ASKED_MAX {
            self.leaving.insert(channel);
        }
    }

    pub(super) fn forget_leaving(&mut self, channel: &ChannelId) {
        self.leaving.remove(channel);
    }

    pub(super) fn is_leaving(&self, channel: &ChannelId) -> bool {
        self.leaving.contains(channel)
    }

    pub(super) fn submit(&mut self, purpose: Purpose, body: Body) {
        self.next += 1;
        let token = WishToken(self.next);
        self.wishes.insert(token, purpose);
        self.wish(LedgerWish::Submit { token, body: Box::new(body) });
    }

    pub(super) fn wish(&mut self, wish: LedgerWish) {
        self.wished.push_back(wish);
    }

    pub(super) fn take_wish(&mut self) -> Option<LedgerWish> {
        self.wished.pop_front()
    }

    pub(super) fn has_wishes(&self) -> bool {
        !self.wished.is_empty()
    }

    fn is_under_way(&self, is: impl Fn(&Purpose) -> bool) -> bool {
        self.wishes.values().any(is)
    }
}

impl Credit {
    /// What this tab learned of the ledger.
    pub(crate) fn on_news(&mut self, now: Time, news: LedgerNews, out: &mut Outbox) {
        if !self.on || self.signer.is_none() {
            return;
        }
        match news {
            LedgerNews::Ready { parameters, session } => {
                let (height, balance) =
                    self.ledger.as_ref().map_or((0, None), |before| (before.height, before.balance));
                let another = self.ledger.as_ref().is_some_and(|before| {
                    (before.session.chain, before.session.account) != (session.chain, session.account)
                });
                if another {
                    self.forget_ledger();
                }
                self.ledger = Some(super::Ledger { parameters, session, height, balance });
                let other_chain = |theirs: &super::Session| theirs.chain != session.chain;
                self.pages
                    .values_mut()
                    .filter(|page| page.session.as_ref().is_some_and(other_chain))
                    .for_each(|page| page.session = None);
                self.connected().into_iter().for_each(|peer| self.greet(peer, out));
                self.take_up_found(now);
            }
            LedgerNews::Gone => self.forget_ledger(),
            LedgerNews::Height(height) => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.height = ledger.height.max(height);
                    self.redeem(now);
                }
            }
            LedgerNews::Balance(balance) => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.balance = balance;
                    self.open_channels(now);
                }
            }
            LedgerNews::Channel { id, channel } => self.on_channel(now, id, channel, out),
            LedgerNews::Sent { token, nonce } => {
                if let Some(Purpose::Open { nonce: known, .. }) = self.own.wishes.get_mut(&token) {
                    *known = Some(nonce);
                }
            }
            LedgerNews::Final { token } => self.on_final(now, token, out),
            LedgerNews::Dropped { token } => {
                if let Some(Purpose::Redeem { channels }) = self.own.wishes.remove(&token) {
                    let lost = self.pages.values_mut().filter_map(|page| page.paid_by.as_mut());
                    lost.filter(|paid_by| channels.contains(&paid_by.id)).for_each(|paid_by| paid_by.redeeming = None);
                    let old = self.kept.cheques.iter_mut().filter(|(id, _)| channels.contains(id));
                    old.for_each(|(_, old)| old.redeeming = None);
                }
                self.own.open_again = Some(now + AGAIN);
                self.wake_no_later(now + AGAIN);
            }
        }
    }

    /// Nothing that was agreed on that ledger counts on another.
    fn forget_ledger(&mut self) {
        self.ledger = None;
        self.own.wishes.clear();
        self.own.asked.clear();
        for page in self.pages.values_mut() {
            page.pays = None;
            page.paid_by = None;
            page.leash = Leash::Free;
        }
        self.released = true;
    }

    fn on_channel(&mut self, now: Time, id: ChannelId, channel: Option<Channel>, out: &mut Outbox) {
        let asked: Vec<PeerKey> =
            self.own.asked.iter().filter(|(_, named)| **named == id).map(|(peer, _)| *peer).collect();
        for peer in &asked {
            self.own.asked.remove(peer);
            match channel {
                Some(channel) => self.accept_channel(*peer, id, channel, out),
                None => {
                    let best = ledger::cheque::Promise { channel: id, total: Credits::ZERO, bytes: 0 };
                    send(out, *peer, Message::Rejected { channel: id, why: super::Refused::NoChannel, best });
                }
            }
        }
        for page in self.pages.values_mut() {
            if page.paid_by.is_some_and(|paid_by| paid_by.id == id) {
                match channel {
                    Some(channel) => page.paid_by.iter_mut().for_each(|paid_by| paid_by.channel = channel),
                    // Settled and gone: what was not redeemed in time is lost, and nothing more can come.
                    None => page.paid_by = None,
                }
            }
            if page.pays.is_some_and(|pays| pays.id == id) {
                match channel {
                    Some(channel) => page.pays.iter_mut().for_each(|pays| {
                        pays.on_deposit(channel.deposit);
                        pays.drawn = channel.redeemed;
                    }),
                    None => page.pays = None,
                }
            }
        }
        self.on_old_channel(now, id, channel, out);
        self.keep_soon(now);
        let known = |page: &super::Page| {
            page.paid_by.is_some_and(|by| by.id == id) || page.pays.is_some_and(|pays| pays.id == id)
        };
        if !self.pages.values().any(known) && !self.kept.knows(&id) {
            self.own.wish(LedgerWish::Unwatch { channel: id });
        }
        self.redeem(now);
    }

    fn on_final(&mut self, now: Time, token: WishToken, out: &mut Outbox) {
        let Some(ledger) = &self.ledger else { return };
        let (chain, account) = (ledger.session.chain, ledger.session.account);
        match self.own.wishes.remove(&token) {
            Some(Purpose::Open { entries, nonce: Some(nonce) }) => {
                for (index, (peer, payee, deposit)) in entries.into_iter().enumerate() {
                    let channel = Channel::id(&chain, &account, &payee, nonce, index as u16);
                    let Some(page) = self.pages.get_mut(&peer) else { continue };
                    page.pays = Some(Pays::new(channel, payee, deposit, now));
                    self.own.wish(LedgerWish::Watch { channel });
                    send(out, peer, Message::Open { channel });
                }
                self.keep_soon(now);
            }
            Some(Purpose::TopUp { peer, amount }) => {
                let Some(pays) = self.pages.get_mut(&peer).and_then(|page| page.pays.as_mut()) else { return };
                pays.on_deposit(Credits(pays.deposit.0.saturating_add(amount.0)));
                let channel = pays.id;
                // The payee has to look again to see that it may take more.
                send(out, peer, Message::Open { channel });
                self.pay(now, peer, out);
            }
            Some(Purpose::Open { nonce: None, .. } | Purpose::Redeem { .. } | Purpose::Close { .. }) | None => {}
        }
    }

    /// Opens channels to the peers that serve us and have none, all in one transaction.
    pub(super) fn open_channels(&mut self, now: Time) {
        let Some(ledger) = &self.ledger else { return };
        let Some(balance) = ledger.balance else { return };
        if self.signer.is_none()
            || self.own.open_again.is_some_and(|at| at > now)
            || self.own.is_under_way(|purpose| matches!(purpose, Purpose::Open { .. }))
            || self.cap.is_some_and(|cap| cap <= self.spent)
        {
            return;
        }
        let parameters = &ledger.parameters;
        let deposit = Credits((balance.0 / DEPOSIT_PART).min(DEPOSIT_MAX).max(parameters.deposit_min.0));
        let each = deposit.0.saturating_add(parameters.entry_fee.0);
        let affordable = balance.saturating_sub(parameters.transaction_fee).0 / each.max(1);
        let mut entries: Vec<(u64, PeerKey, AccountId)> = self
            .pages
            .iter()
            .filter(|(_, page)| {
                page.connected && page.pays.is_none() && page.taken >= WORTH_A_CHANNEL && page.balance < 0
            })
            .filter_map(|(peer, page)| Some((page.taken, *peer, page.session?.account)))
            .filter(|(_, _, account)| *account != ledger.session.account)
            .collect();
        entries.sort_unstable_by(|one, other| other.cmp(one));
        entries.truncate(OPENED_AT_ONCE.min(usize::try_from(affordable).unwrap_or(OPENED_AT_ONCE)));
        let signer = AccountId(self.me.0);
        let ttl = parameters.channel_ttl_max;
        let opened = entries.iter().map(|(_, _, payee)| OpenChannel { payee: *payee, signer, deposit, ttl }).collect();
        if let Some(opened) = Opened::new(opened) {
            let entries = entries.into_iter().map(|(_, peer, payee)| (peer, payee, deposit)).collect();
            self.own.submit(Purpose::Open { entries, nonce: None }, Body::OpenChannels(opened));
        }
    }

    /// Locks more on a channel that is three quarters used, as far as a quarter of the balance goes.
    pub(super) fn top_up(&mut self, peer: PeerKey) {
        let Some(ledger) = &self.ledger else { return };
        let Some(pays) = self.pages.get(&peer).and_then(|page| page.pays) else { return };
        let under_way = |purpose: &Purpose| matches!(purpose, Purpose::TopUp { peer: other, .. } if *other == peer);
        if pays.left().0 > pays.deposit.0 / 4 || self.own.is_under_way(under_way) {
            return;
        }
        let balance = ledger.balance.unwrap_or_default().saturating_sub(ledger.parameters.transaction_fee);
        let amount = Credits(pays.deposit.0.min(balance.0 / 4));
        if amount >= ledger.parameters.deposit_min {
            let body = Body::TopUp { channel: pays.id, amount };
            self.own.submit(Purpose::TopUp { peer, amount }, body);
        }
    }

    /// Asks back what is locked for a payee that left, and repeats itself to one that never answered.
    pub(super) fn retire(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        let Some(page) = self.pages.get_mut(&peer) else { return };
        let Some(pays) = &mut page.pays else { return };
        if page.connected {
            if let Agreed::Announced { at } = pays.agreed {
                if now >= at + AGAIN {
                    pays.agreed = Agreed::Announced { at: now };
                    let channel = pays.id;
                    send(out, peer, Message::Open { channel });
                }
                self.wake_no_later(at.max(now) + AGAIN);
            }
            return;
        }
        let closes = page.last + CLOSE_AFTER;
        if closes > now {
            return self.wake_no_later(closes);
        }
        let channel = pays.id;
        page.pays = None;
        self.own.submit(Purpose::Close { channel }, Body::CloseChannel { channel });
    }
}
