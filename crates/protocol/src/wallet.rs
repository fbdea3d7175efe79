//! The account: what this tab has proved of it, and what it wants written on the chain.
//!
//! Between paying ([`crate::credit`]), which wishes, and the chain ([`crate::chain`]), which is believed in nothing that it
//! does not prove. The account's key is not here: whoever holds it is asked to sign, and may take its time. Several tabs
//! share one account; each proves the next nonce before it signs, has one transaction under way, and makes way when another tab
//! was faster, so no promise is ever made twice.
//!
//! Invariants: a balance, a channel and the end of a transaction are told only from a proof under a header that was
//! checked here; a transaction that was signed is either proved to be in a block or proved to have lost its nonce before
//! anything else is signed.

mod joining;
mod leaves;
mod sending;
#[cfg(test)]
mod tests;
mod views;

use crate::chain::{ChainAsk, Errand, Following};
use crate::credit::wire::Session;
use crate::credit::{LedgerNews, LedgerWish};
use crate::outbox::Outbox;
use crate::{Output, PeerKey};
use clock::Time;
use core::time::Duration;
use joining::Joining;
use leaves::{Leaves, Watched};
use ledger::account::{Account, AccountId};
use ledger::hash::{ChainId, ChannelId};
use ledger::signing::{Purpose, Signature, signed_bytes};
use ledger::transaction::Transaction;
use sending::{Sending, Waiting};
use std::collections::{BTreeMap, VecDeque};

/// Transactions that wait for their turn: a few for each peer.
const QUEUE_MAX: usize = 64;

/// Channels that are proved again with every block: as many as one account may pay from, and as many that pay it.
const WATCHED_MAX: usize = 128;

/// After a question that nobody answered.
const PAUSE: Duration = Duration::from_secs(1);

/// Blocks for which the account lets this tab's key be paid in its name: 48 minutes at the fastest, then it says so again.
const SESSION_BLOCKS: u64 = 2_880;

/// Names one signature between the wish and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignToken(pub u64);

/// What the account is asked to sign.
#[derive(Debug)]
enum Signing {
    Session { until: u64 },
    Transaction(Box<Transaction>),
}

/// What a question was for.
#[derive(Debug)]
enum Asked {
    Leaves { under: u64, channels: Vec<ChannelId> },
    Submit,
    Find,
    Block { under: u64 },
    Admission,
    Ticket,
}

/// The account as the newest proof has it; `None`: there is none.
#[derive(Clone, Copy, Debug)]
struct Known {
    height: u64,
    account: Option<Account>,
}

/// The account of this browser, as this tab sees it.
#[derive(Debug)]
pub(crate) struct Wallet {
    tab: PeerKey,
    account: Option<AccountId>,
    /// Later visits of this browser have it, too.
    lasting: bool,
    asked: BTreeMap<ChainAsk, Asked>,
    signing: BTreeMap<SignToken, Signing>,
    next_sign: u64,
    known: Option<Known>,
    leaves: Leaves,
    watched: BTreeMap<ChannelId, Watched>,
    session: Option<Session>,
    /// Paying was told that there is a ledger.
    is_ready: bool,
    told_height: u64,
    waiting: VecDeque<Waiting>,
    sending: Option<Sending>,
    joining: Joining,
    news: VecDeque<LedgerNews>,
}

impl Wallet {
    pub(crate) fn new(tab: PeerKey) -> Self {
        Self {
            tab,
            account: None,
            lasting: false,
            asked: BTreeMap::new(),
            signing: BTreeMap::new(),
            next_sign: 0,
            known: None,
            leaves: Leaves::default(),
            watched: BTreeMap::new(),
            session: None,
            is_ready: false,
            told_height: 0,
            waiting: VecDeque::new(),
            sending: None,
            joining: Joining::default(),
            news: VecDeque::new(),
        }
    }

    /// The account of this browser is there, and its key can be asked to sign.
    pub(crate) fn set_account(&mut self, account: AccountId, lasting: bool) {
        self.lose();
        self.account = Some(account);
        self.lasting = lasting;
    }

    /// What paying is to learn, in order.
    pub(crate) fn take_news(&mut self) -> Option<LedgerNews> {
        self.news.pop_front()
    }

    pub(crate) fn on_wish(&mut self, now: Time, wish: LedgerWish) {
        match wish {
            LedgerWish::Submit { token, body } => {
                if self.is_ready && self.waiting.len() < QUEUE_MAX {
                    self.waiting.push_back(Waiting { wish: Some(token), body: *body });
                } else {
                    self.news.push_back(LedgerNews::Dropped { token });
                }
            }
            LedgerWish::Watch { channel } => self.watch(now, channel),
            LedgerWish::Unwatch { channel } => _ = self.watched.remove(&channel),
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Time, chain: &mut Following, out: &mut Outbox) {
        let Some(account) = self.account else { return };
        let Some(id) = chain.rules().map(|rules| rules.chain) else {
            if self.is_ready {
                self.lose();
            }
            return;
        };
        self.ask_leaves(now, account, chain, out);
        self.keep_session(account, id, chain, out);
        self.tell_height(chain.settled());
        self.join(now, account, chain, out);
        self.send(now, account, chain, out);
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let sending = self.sending.as_ref().and_then(Sending::next_deadline);
        [self.leaves.again_at, self.absence_deadline(), sending, self.joining.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// A question of ours was answered, or will not be.
    pub(crate) fn on_errand(&mut self, now: Time, errand: Errand, chain: &mut Following, out: &mut Outbox) {
        let Errand { ask, at, answer } = errand;
        let Some(asked) = self.asked.remove(&ask) else { return };
        match asked {
            Asked::Leaves { under, channels } => self.on_leaves(now, at, under, &channels, answer, chain),
            Asked::Submit => self.on_submitted(now, answer),
            Asked::Find => self.on_found(now, answer, chain, out),
            Asked::Block { under } => self.on_block(now, at, under, answer, chain),
            Asked::Admission => self.on_stamp(now, answer, out),
            Asked::Ticket => self.on_ticket(now, at, answer, chain),
        }
    }

    /// The account signed, or its key is gone.
    pub(crate) fn on_signed(&mut self, now: Time, token: SignToken, signature: Option<Signature>, chain: &Following) {
        let Some(signing) = self.signing.remove(&token) else { return };
        let (Some(account), Some(rules)) = (self.account, chain.rules()) else { return };
        match (signing, signature) {
            (Signing::Session { until }, Some(signature)) => {
                let session = Session { chain: rules.chain, account, until, signature };
                self.session = Some(session);
                self.is_ready = true;
                let parameters = Box::new(rules.parameters);
                self.news.push_back(LedgerNews::Ready { parameters, session });
                self.news.push_back(LedgerNews::Height(self.told_height));
                self.tell_balance();
            }
            (Signing::Transaction(transaction), Some(signature)) => self.on_transaction(now, *transaction, signature),
            (Signing::Session { .. } | Signing::Transaction(_), None) => self.lose(),
        }
    }

    /// Once there is an account, it says whose tab this is; again before that runs out.
    fn keep_session(&mut self, account: AccountId, id: ChainId, chain: &Following, out: &mut Outbox) {
        if self.known.is_none_or(|known| known.account.is_none()) {
            return;
        }
        let settled = chain.settled();
        let fresh = self.session.is_some_and(|session| {
            session.account == account && session.chain == id && session.until >= settled + SESSION_BLOCKS / 2
        });
        let under_way = self.signing.values().any(|signing| matches!(signing, Signing::Session { .. }));
        if !fresh && !under_way {
            let until = settled + SESSION_BLOCKS;
            let bytes = signed_bytes(Purpose::Session, &id, &Session::message(&self.tab.0, until));
            self.sign(Signing::Session { until }, bytes, out);
        }
    }

    fn sign(&mut self, what: Signing, bytes: Vec<u8>, out: &mut Outbox) {
        self.next_sign += 1;
        let token = SignToken(self.next_sign);
        self.signing.insert(token, what);
        out.push(Output::Sign { token, bytes });
    }

    fn tell_height(&mut self, height: u64) {
        if height > self.told_height {
            self.told_height = height;
            if self.is_ready {
                self.news.push_back(LedgerNews::Height(height));
            }
        }
    }

    fn tell_balance(&mut self) {
        if self.is_ready {
            let balance = self.known.and_then(|known| known.account).map(|account| account.balance);
            self.news.push_back(LedgerNews::Balance(balance));
        }
    }

    /// There is nothing to pay with any more: another account, no chain that can be trusted, no key.
    fn lose(&mut self) {
        if self.is_ready {
            self.news.push_back(LedgerNews::Gone);
        }
        let (tab, next_sign, news) = (self.tab, self.next_sign, core::mem::take(&mut self.news));
        *self = Self { next_sign, news, ..Self::new(tab) };
    }
}
