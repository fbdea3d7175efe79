//! A ledger for the simulated network: the real rules, one block a second, and no consensus.
//!
//! Every tab with an account submits here and is told what is final, as if it had checked the proofs itself. The rules are
//! those of crate `ledger`: each block adds up to the supply or the run ends, and a redemption of cheques that a tab
//! accepted must apply, because the tab checked them against the same channel.

use crate::report::Violation;
use clock::Timestamp;
use core::time::Duration;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::channel::Channel;
use ledger::genesis::{Allocation, Genesis};
use ledger::hash::{ChainId, ChannelId};
use ledger::parameters::Parameters;
use ledger::signing::{self, Purpose};
use ledger::state::{Slot, State};
use ledger::transaction::{Body, Transaction};
use protocol::PeerKey;
use protocol::credit::wire::Session;
use protocol::credit::{LedgerNews, WishToken};
use std::collections::{BTreeMap, BTreeSet};

/// Nobody's number among the peers, and the same one whatever the width of a pointer.
const AUTHORITY: usize = u32::MAX as usize;

/// How often there is a block.
pub(crate) const BLOCK_EVERY: Duration = Duration::from_secs(1);

/// A tab's word lasts this many blocks: longer than any scenario.
const SESSION_LEN: u64 = 100_000;

/// What somebody wants in the next block.
#[derive(Debug)]
struct Pending {
    peer: usize,
    life: u64,
    token: WishToken,
    body: Body,
}

/// The ledger, and who waits for what of it.
#[derive(Debug)]
pub(crate) struct Bank {
    state: State,
    owners: BTreeMap<usize, SigningKey>,
    pending: Vec<Pending>,
    /// Who is told when a channel changes.
    watched: BTreeMap<ChannelId, BTreeSet<(usize, u64)>>,
}

/// News for a peer of that life.
pub(crate) type News = (usize, u64, LedgerNews);

impl Bank {
    /// A ledger on which each of these peers has this much.
    pub(crate) fn new(rich: impl Iterator<Item = usize>, each: Credits, key: impl Fn(usize) -> SigningKey) -> Self {
        let owners: BTreeMap<usize, SigningKey> = rich.map(|peer| (peer, key(peer))).collect();
        let authority = signing::account_of(&key(AUTHORITY));
        let mut genesis = Genesis::authority(&[authority], Timestamp::from_millis(0)).expect("one authority is a list");
        let allocations = owners.values().map(|owner| Allocation { account: signing::account_of(owner), amount: each });
        genesis.allocations = allocations.collect();
        genesis.allocations.sort_by_key(|one| one.account);
        let state = genesis.state().expect("the allocations are in order and far below the supply");
        Self { state, owners, pending: Vec::new(), watched: BTreeMap::new() }
    }

    pub(crate) fn chain(&self) -> ChainId {
        self.state.rules().chain
    }

    pub(crate) fn parameters(&self) -> Parameters {
        self.state.rules().parameters
    }

    pub(crate) fn channel(&self, id: &ChannelId) -> Option<Channel> {
        self.state.channel(id).copied()
    }

    fn balance_of(&self, peer: usize) -> Option<Credits> {
        let account = signing::account_of(self.owners.get(&peer)?);
        Some(self.state.account(&account)?.balance)
    }

    /// What a new tab learns, if its person has an account.
    pub(crate) fn welcome(&self, peer: usize, tab: PeerKey) -> Vec<LedgerNews> {
        let Some(owner) = self.owners.get(&peer) else { return Vec::new() };
        let (account, until, chain) = (signing::account_of(owner), SESSION_LEN, self.chain());
        let signature = signing::sign(Purpose::Session, &chain, owner, &Session::message(&tab.0, until));
        let session = Session { chain, account, until, signature };
        let parameters = Box::new(self.parameters());
        vec![
            LedgerNews::Ready { parameters, session },
            LedgerNews::Height(self.state.height()),
            LedgerNews::Balance(self.balance_of(peer)),
        ]
    }

    pub(crate) fn submit(&mut self, peer: usize, life: u64, token: WishToken, body: Body) {
        self.pending.push(Pending { peer, life, token, body });
    }

    pub(crate) fn watch(&mut self, peer: usize, life: u64, id: ChannelId) -> LedgerNews {
        self.watched.entry(id).or_default().insert((peer, life));
        LedgerNews::Channel { id, channel: self.channel(&id) }
    }

    pub(crate) fn unwatch(&mut self, peer: usize, life: u64, id: ChannelId) {
        if let Some(watching) = self.watched.get_mut(&id) {
            watching.remove(&(peer, life));
        }
    }

    /// Makes the next block of all that waits, and says who learns what.
    pub(crate) fn seal(&mut self, now_ms: u64) -> Result<Vec<News>, Violation> {
        let before = self.state.clone();
        let proposer = AccountId::default();
        let mut draft = before.begin(Slot { timestamp: Timestamp::from_millis(now_ms), proposer });
        let mut news = Vec::new();
        for Pending { peer, life, token, body } in core::mem::take(&mut self.pending) {
            let Some(owner) = self.owners.get(&peer) else { continue };
            let sender = signing::account_of(owner);
            let nonce = draft.account(&sender).map_or(0, |account| account.nonce);
            let redeems = matches!(body, Body::Redeem(_));
            let transaction = Transaction { sender, nonce, valid_until: draft.height(), body };
            match draft.apply(&transaction.sign(&before.rules().chain, owner)) {
                Ok(()) => {
                    news.push((peer, life, LedgerNews::Sent { token, nonce }));
                    news.push((peer, life, LedgerNews::Final { token }));
                }
                Err(why) if redeems => return Err(Violation::BadCheque { peer, why }),
                Err(_) => news.push((peer, life, LedgerNews::Dropped { token })),
            }
        }
        self.state = draft.finish().map_err(Violation::Books)?;
        for peer in self.owners.keys() {
            // Whoever is there now is told, so the life does not matter.
            news.push((*peer, u64::MAX, LedgerNews::Height(self.state.height())));
            news.push((*peer, u64::MAX, LedgerNews::Balance(self.balance_of(*peer))));
        }
        for (id, watching) in &self.watched {
            let channel = self.channel(id);
            if before.channel(id).copied() != channel {
                news.extend(
                    watching.iter().map(|(peer, life)| (*peer, *life, LedgerNews::Channel { id: *id, channel })),
                );
            }
        }
        Ok(news)
    }
}
