//! Who owes whom for what was served, who is served first, and when a cheque is due.
//!
//! Nobody is believed about having served: the consumer signs for bytes that it verified, out of a deposit that the ledger
//! has locked, and that is all that earns anything. Per peer there is one page: what was given and taken nets, and only
//! the rest is paid. Whoever pays, or gives more than it takes, comes first; all others share what is left, and a floor.
//!
//! Without a ledger there is nothing to pay with. Then the balance only says who gives more than they take, nobody is
//! choked, and nothing is shown as earned or spent.
//!
//! Invariants: a cheque is for verified bytes and within the deposit; a peer that pays owes at most a window and a quarter;
//! until its first cheque, and after it stopped paying, a peer has nothing that somebody who pays is waiting for, but
//! for its share of one bucket. Rules and numbers: the ledger design, 7.1 to 7.6; what it left open is in
//! `docs/decisions/0012-paying-while-serving.md`.

mod channels;
mod kept;
mod news;
mod page;
mod paid_by;
mod pays;
mod redeem;
#[cfg(test)]
mod tests;
mod unpaid;
mod views;
pub mod wire;

pub(crate) use news::{LedgerNews, LedgerWish, WishToken};

use crate::outbox::Outbox;
use crate::snapshot::Standing;
use crate::{Output, PeerKey};
use channels::Own;
use clock::Time;
use content::Root;
use ed25519_dalek::SigningKey;
use kept::Kept;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::cheque::{Cheque, Promise};
use ledger::hash::ChannelId;
use ledger::parameters::Parameters;
use page::{IDLE, Leash, PATIENCE, PRICE, Page, SAY_AFTER, UNIT, value_of};
use paid_by::{Bench, Fault, PaidBy};
use pays::{Due, EVERY, Short};
use std::collections::{BTreeMap, BTreeSet};
use unpaid::{PAID_WAITS, Unpaid};
use wire::{ChokeReason, Message, Refused, Session};

/// Peers whose page is kept: all connections we may have, five times over.
const PAGES_MAX: usize = 128;

/// Accounts remembered that went without paying.
const DEBTORS_MAX: usize = 256;

/// The ledger, while there is one.
#[derive(Debug)]
struct Ledger {
    parameters: Box<Parameters>,
    session: Session,
    height: u64,
    balance: Option<Credits>,
}

/// When a read for a peer may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    /// Somebody who pays comes first: not before then.
    At(Time),
    /// It owes too much. It is said when that changes.
    Held,
}

/// The books.
#[derive(Debug)]
pub(crate) struct Credit {
    on: bool,
    me: PeerKey,
    signer: Option<SigningKey>,
    ledger: Option<Ledger>,
    pages: BTreeMap<PeerKey, Page>,
    unpaid: Unpaid,
    /// Accounts that left owing more than their window, and how much.
    debtors: BTreeMap<AccountId, i64>,
    own: Own,
    kept: Kept,
    /// Units signed away in this visit, and the most the person allows.
    spent: Credits,
    cap: Option<Credits>,
    hidden: bool,
    /// The person wants all of it now.
    collecting: bool,
    /// The next moment at which [`tick`](Self::tick) could do something.
    wake_at: Option<Time>,
    /// Reads that were held may go now.
    released: bool,
}

impl Credit {
    pub(crate) fn new(now: Time, me: PeerKey, config: &crate::Config) -> Self {
        Self {
            on: config.credit,
            me,
            signer: config.signer.clone(),
            ledger: None,
            pages: BTreeMap::new(),
            unpaid: Unpaid::new(now),
            debtors: BTreeMap::new(),
            own: Own::default(),
            kept: Kept::default(),
            spent: Credits::ZERO,
            cap: None,
            hidden: false,
            collecting: false,
            wake_at: None,
            released: false,
        }
    }

    // What the network says.

    /// A direct connection: only those carry content, so only they are in the books.
    pub(crate) fn on_connected(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        if self.on {
            self.page(now, peer).connected = true;
            self.greet(peer, out);
        }
    }

    pub(crate) fn on_disconnected(&mut self, now: Time, peer: PeerKey) {
        let Some(page) = self.pages.get_mut(&peer) else { return };
        page.connected = false;
        page.under_way = 0;
        page.last = now;
        if let (Leash::Fallen | Leash::Choked { .. }, Some(session)) = (page.leash, page.session)
            && (self.debtors.len() < DEBTORS_MAX || self.debtors.contains_key(&session.account))
        {
            self.debtors.insert(session.account, page.balance);
        }
        self.wake_no_later(now + channels::CLOSE_AFTER);
    }

    /// A message from a directly connected peer. Returns whether it is one that no honest peer sends.
    pub(crate) fn on_message(&mut self, now: Time, peer: PeerKey, message: Message, out: &mut Outbox) -> bool {
        let Some(page) = self.pages.get_mut(&peer).filter(|page| page.connected) else { return false };
        if page.pace.is_flood(now) {
            return true;
        }
        match message {
            Message::Hello(session) => return self.on_hello(now, peer, session, out),
            Message::Open { channel } => self.on_open(peer, channel),
            Message::Accepted { channel, price, window: _ } => self.on_accepted(now, peer, channel, price, out),
            Message::Cheque(cheque) => return self.on_cheque(now, peer, cheque, out),
            Message::Rejected { channel, why, best: _ } => self.on_rejected(now, peer, channel, why),
            Message::Choke { why, owed } => {
                if why == ChokeReason::Unpaid {
                    page.agree(value(Credits(owed)));
                }
                if let Some(pays) = &mut page.pays {
                    pays.on_pressed();
                }
                self.pay(now, peer, out);
            }
            Message::Unchoke => {}
            Message::Short { channel } => {
                if page.paid_by.is_some_and(|paid_by| paid_by.id == channel) {
                    page.leash = Leash::Fallen;
                    self.released = true;
                    let owed = u64::try_from(page.balance / UNIT).unwrap_or(0);
                    send(out, peer, Message::Choke { why: ChokeReason::Unpaid, owed });
                }
            }
            Message::Bye { channel } => self.on_bye(now, peer, channel),
        }
        false
    }

    fn on_hello(&mut self, now: Time, peer: PeerKey, session: Session, out: &mut Outbox) -> bool {
        if !session.is_signed_for(&peer.0) {
            return true;
        }
        let debt = self.debtors.remove(&session.account);
        let page = self.page(now, peer);
        page.session = Some(session);
        if let Some(debt) = debt {
            // It left owing, perhaps under another tab key: it begins where it stopped.
            page.balance = page.balance.saturating_add(debt);
            page.leash = Leash::Fallen;
        }
        self.greet_payee(peer, session.account, out);
        self.open_channels(now);
        false
    }

    /// A peer says that it opened a channel to us: the ledger has to say so, too.
    fn on_open(&mut self, peer: PeerKey, channel: ChannelId) {
        if self.ledger.is_some() && self.own.ask(peer, channel) {
            self.own.wish(LedgerWish::Watch { channel });
        }
    }

    /// What is wanted of the ledger, in order; `None` when all is taken.
    pub(crate) fn take_wish(&mut self) -> Option<LedgerWish> {
        self.own.take_wish()
    }

    pub(crate) fn has_wishes(&self) -> bool {
        self.own.has_wishes()
    }

    fn on_accepted(&mut self, now: Time, peer: PeerKey, channel: ChannelId, price: u64, out: &mut Outbox) {
        let Some(page) = self.pages.get_mut(&peer) else { return };
        let Some(pays) = page.pays.as_mut().filter(|pays| pays.id == channel) else { return };
        if price > PRICE {
            // Dearer than anybody else: served by it as one who does not pay, if at all.
            return pays.on_refused();
        }
        let first = pays.receipt(0).is_none();
        pays.on_accepted(page.taken);
        if first {
            page.keep_gifts();
        }
        self.pay(now, peer, out);
    }

    fn on_rejected(&mut self, now: Time, peer: PeerKey, channel: ChannelId, why: Refused) {
        let pays = self.pages.get_mut(&peer).and_then(|page| page.pays.as_mut());
        let Some(pays) = pays.filter(|pays| pays.id == channel) else { return };
        if why == Refused::AboveDeposit {
            pays.on_too_early(now);
            self.wake_no_later(now + EVERY);
        } else {
            pays.on_refused();
        }
    }

    fn on_cheque(&mut self, now: Time, peer: PeerKey, cheque: Cheque, out: &mut Outbox) -> bool {
        let channel = cheque.promise.channel;
        let (Some(ledger), Some(page)) = (&self.ledger, self.pages.get_mut(&peer)) else { return false };
        let given = page.given;
        let Some(paid_by) = page.paid_by.as_mut() else {
            let best = Promise { channel, total: Credits::ZERO, bytes: 0 };
            send(out, peer, Message::Rejected { channel, why: Refused::NoChannel, best });
            return false;
        };
        let Session { chain, .. } = &ledger.session;
        let bench = Bench { chain, parameters: &ledger.parameters, height: ledger.height, given };
        match paid_by.accept(cheque, bench) {
            Ok(units) => {
                let told = matches!(page.leash, Leash::Choked { told: true, .. } | Leash::Fallen);
                page.on_earned(value(units));
                page.on_paid(now);
                if told && page.leash == Leash::Free {
                    send(out, peer, Message::Unchoke);
                }
                self.released = true;
                self.redeem(now);
                self.keep_soon(now);
                self.wake_no_later(now + redeem::IDLE);
                false
            }
            Err(Fault::Refused(why)) => {
                let best = paid_by.held();
                send(out, peer, Message::Rejected { channel, why, best });
                false
            }
            Err(Fault::Forged) => true,
        }
    }

    // What moved.

    /// Bytes from a peer were verified.
    pub(crate) fn on_taken(&mut self, now: Time, peer: PeerKey, root: Root, bytes: u64, out: &mut Outbox) {
        let Some(page) = self.pages.get_mut(&peer).filter(|page| page.connected) else { return };
        page.on_taken(now, root, bytes);
        if page.pays.is_some() {
            self.pay(now, peer, out);
        } else if page.session.is_some() {
            self.open_channels(now);
        }
    }

    /// Bytes of a content were sent to a peer.
    pub(crate) fn on_given(&mut self, now: Time, peer: PeerKey, root: Root, bytes: u64) {
        let Some(page) = self.pages.get_mut(&peer) else { return };
        page.on_given(now, root, bytes);
        self.unpaid.on_sent(now, bytes);
        if page.standing().is_first() {
            page.first_until = now + PAID_WAITS;
            self.unpaid.on_paid_waits(now);
        }
    }

    /// A read for a peer began, or ended.
    pub(crate) fn on_reading(&mut self, now: Time, peer: PeerKey, bytes: u64) {
        let Some(page) = self.pages.get_mut(&peer) else { return };
        page.under_way = page.under_way.saturating_add(value_of(bytes));
        match page.standing().is_first() {
            true => {
                page.first_until = now + PAID_WAITS;
                self.unpaid.on_paid_waits(now);
            }
            false => self.unpaid.take(now, bytes),
        }
    }

    pub(crate) fn on_read_over(&mut self, peer: PeerKey, bytes: u64) {
        if let Some(page) = self.pages.get_mut(&peer) {
            page.under_way = page.under_way.saturating_sub(value_of(bytes)).max(0);
        }
    }

    // Who is served.

    /// Whether a peer's wants come before those of others.
    pub(crate) fn is_first(&self, peer: PeerKey) -> bool {
        self.pages.get(&peer).is_some_and(|page| page.standing().is_first())
    }

    /// When a read of so many bytes for a peer may begin.
    pub(crate) fn turn(&mut self, now: Time, peer: PeerKey, bytes: u64) -> Turn {
        if !self.on {
            return Turn::Now;
        }
        let Some(page) = self.pages.get_mut(&peer) else { return Turn::Now };
        if page.standing() == Standing::Pays && !page.has_credit(value_of(bytes)) {
            page.write_off_losses(now);
            if !page.has_credit(value_of(bytes)) {
                if page.leash == Leash::Free {
                    page.leash = Leash::Choked { since: now, told: false };
                }
                let next = [now + SAY_AFTER, page.last + IDLE].into_iter().filter(|at| *at > now).min();
                next.into_iter().for_each(|at| self.wake_no_later(at));
                let others_wait = self.pages.iter().any(|(other, page)| *other != peer && page.first_until > now);
                // What nobody else waits for is free for the taking, beyond a window, too.
                return if others_wait { Turn::Held } else { Turn::Now };
            }
        }
        if page.standing().is_first() {
            page.first_until = now + PAID_WAITS;
            self.unpaid.on_paid_waits(now);
            return Turn::Now;
        }
        match self.unpaid.ready_at(now, bytes) {
            at if at <= now => Turn::Now,
            at => Turn::At(at),
        }
    }

    /// Whether reads that were held may go now; asked once.
    pub(crate) fn take_released(&mut self) -> bool {
        core::mem::take(&mut self.released)
    }

    // Paying.

    /// Writes the cheque that is due, or sets the alarm for it.
    fn pay(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        let (Some(ledger), Some(signer)) = (&self.ledger, &self.signer) else { return };
        let Some(page) = self.pages.get_mut(&peer) else { return };
        let owed = page.balance.saturating_neg();
        let Some(pays) = &mut page.pays else { return };
        let Some(receipt) = pays.receipt(page.taken) else { return };
        if owed <= 0 {
            return pays.on_square();
        }
        // What came of an overpayment of theirs is not paid back: a cheque is for verified bytes and nothing else.
        let unpaid = value_of(receipt).saturating_sub(value(pays.total));
        match pays.due(now, owed.min(unpaid)) {
            Due::Now(units) => {
                let allowed = self.cap.map_or(units, |cap| units.min(cap.saturating_sub(self.spent)));
                if allowed < units && allowed < paid_by::STEP_MIN {
                    return self.fall_short(peer, out);
                }
                let total = Credits(pays.total.0.saturating_add(allowed.0));
                let promise = Promise { channel: pays.id, total, bytes: receipt };
                pays.on_signed(now, allowed);
                page.on_spent(value(allowed));
                self.spent = Credits(self.spent.0.saturating_add(allowed.0));
                send(out, peer, Message::Cheque(Cheque::sign(promise, &ledger.session.chain, signer)));
                self.top_up(peer);
            }
            Due::At(at) => self.wake_no_later(at),
            Due::Exhausted { soon } => {
                self.top_up(peer);
                if soon {
                    self.fall_short(peer, out);
                }
            }
            Due::No => {}
        }
    }

    /// Tells a creditor that there is nothing left to sign for: it need not wait to be paid, and we need not wait either.
    fn fall_short(&mut self, peer: PeerKey, out: &mut Outbox) {
        let pays = self.pages.get_mut(&peer).and_then(|page| page.pays.as_mut());
        if let Some(pays) = pays.filter(|pays| pays.short == Short::No) {
            pays.short = Short::Said;
            send(out, peer, Message::Short { channel: pays.id });
        }
    }

    /// The most that may be signed away in this visit.
    pub(crate) fn set_cap(&mut self, now: Time, cap: Option<Credits>) {
        self.cap = cap;
        let short = self.pages.values_mut().filter_map(|page| page.pays.as_mut());
        short.filter(|pays| pays.left() > Credits::ZERO).for_each(|pays| pays.short = Short::No);
        self.wake_no_later(now);
    }

    /// Turns what is owed to us into credit now, whether it is worth it yet or not.
    pub(crate) fn collect(&mut self, now: Time) {
        self.collecting = true;
        self.redeem(now);
        self.collecting = false;
    }

    pub(crate) fn set_hidden(&mut self, now: Time, hidden: bool) {
        self.hidden = hidden;
        self.wake_no_later(now);
    }

    // Time.

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.wake_at
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Time, out: &mut Outbox) {
        if self.wake_at.is_none_or(|at| at > now) {
            return;
        }
        self.wake_at = None;
        let peers: Vec<PeerKey> = self.pages.keys().copied().collect();
        for peer in peers {
            self.pay(now, peer, out);
            self.mind_leash(now, peer, out);
            self.retire(now, peer, out);
        }
        self.open_channels(now);
        self.close_unsettled(now);
        self.redeem(now);
        self.close_left();
        self.keep(now, out);
    }

    /// Tells a debtor that it is choked, and gives up on it when it does not pay.
    fn mind_leash(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        let Some(page) = self.pages.get_mut(&peer).filter(|page| page.connected) else { return };
        let before = page.balance;
        page.write_off_losses(now);
        let written_off = page.balance < before;
        let owed = u64::try_from(page.balance / UNIT).unwrap_or(0);
        let Leash::Choked { since, told } = page.leash else { return };
        if written_off && page.balance <= page.window() {
            page.leash = Leash::Free;
            self.released = true;
        } else if now >= since + PATIENCE {
            page.leash = Leash::Fallen;
            self.released = true;
            send(out, peer, Message::Choke { why: ChokeReason::Unpaid, owed });
        } else {
            if !told && now >= since + SAY_AFTER {
                page.leash = Leash::Choked { since, told: true };
                send(out, peer, Message::Choke { why: ChokeReason::Debt, owed });
            }
            let next = [since + SAY_AFTER, page.last + IDLE, since + PATIENCE].into_iter().filter(|at| *at > now).min();
            next.into_iter().for_each(|at| self.wake_no_later(at));
        }
    }

    /// Takes up a channel that the ledger has proved to be to us.
    fn accept_channel(&mut self, peer: PeerKey, id: ChannelId, channel: ledger::channel::Channel, out: &mut Outbox) {
        let Some(ledger) = &self.ledger else { return };
        let account = ledger.session.account;
        let Some(page) = self.pages.get_mut(&peer).filter(|page| page.connected) else { return };
        let fits = channel.payee == account
            && channel.signer.0 == peer.0
            && ledger.height <= channel.last_redeem(&ledger.parameters);
        if !fits {
            let best = Promise { channel: id, total: Credits::ZERO, bytes: 0 };
            return send(out, peer, Message::Rejected { channel: id, why: Refused::NoChannel, best });
        }
        match &mut page.paid_by {
            Some(paid_by) if paid_by.id == id => paid_by.channel = channel,
            paid_by => {
                *paid_by = Some(PaidBy::new(id, channel, page.given));
                page.forgive_gifts();
            }
        }
        let window = u64::try_from(page.window() / UNIT).unwrap_or(0);
        send(out, peer, Message::Accepted { channel: id, price: PRICE, window });
    }

    fn wake_no_later(&mut self, at: Time) {
        if self.on {
            self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
        }
    }

    /// The page of a peer; of those not connected, the one unused for longest makes room.
    fn page(&mut self, now: Time, peer: PeerKey) -> &mut Page {
        if !self.pages.contains_key(&peer) && self.pages.len() >= PAGES_MAX {
            let idle = self.pages.iter().filter(|(_, page)| !page.connected && page.pays.is_none());
            let oldest = idle.min_by_key(|(_, page)| page.last).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.pages.remove(&peer));
        }
        self.pages.entry(peer).or_insert_with(|| Page::new(now))
    }

    fn greet(&self, peer: PeerKey, out: &mut Outbox) {
        if let Some(ledger) = &self.ledger {
            send(out, peer, Message::Hello(ledger.session));
        }
    }

    fn connected(&self) -> BTreeSet<PeerKey> {
        self.pages.iter().filter(|(_, page)| page.connected).map(|(peer, _)| *peer).collect()
    }
}

fn send(out: &mut Outbox, peer: PeerKey, message: Message) {
    out.push(Output::SendCredit { peer, message });
}

/// Units as value.
fn value(units: Credits) -> i64 {
    i64::try_from(units.0).unwrap_or(i64::MAX).saturating_mul(UNIT)
}
