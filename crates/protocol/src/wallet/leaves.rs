//! What the chain says of the account and of its channels: asked after every block, and believed with its proof only.

use super::{Asked, Known, PAUSE, WATCHED_MAX, Wallet};
use crate::Directory;
use crate::chain::{Following, Wrong};
use crate::credit::LedgerNews;
use crate::outbox::Outbox;
use clock::Time;
use core::time::Duration;
use ledger::account::{Account, AccountId};
use ledger::channel::Channel;
use ledger::hash::{ChannelId, Key};
use ledger::leaf::Leaf;
use ledger::question::{Answer, KEYS_MAX, Question};
use ledger::tree::Proof;

/// How long a channel may be missing before it counts as made up: whoever named it may have a block that we have not.
const ABSENT_AFTER: Duration = Duration::from_secs(5);

/// The question that is under way.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    is_asked: bool,
    pub(super) again_at: Option<Time>,
}

/// A channel that somebody wants to know about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    since: Time,
    /// The block under which it was looked for last.
    proved: Option<u64>,
    /// What was told: nothing yet, that there is none, or this.
    told: Option<Option<Channel>>,
}

impl Watched {
    /// Looked for, not found, and nobody was told yet.
    fn is_missing(&self) -> bool {
        self.told.is_none() && self.proved.is_some()
    }
}

impl Wallet {
    pub(super) fn watch(&mut self, now: Time, channel: ChannelId) {
        if self.watched.len() < WATCHED_MAX || self.watched.contains_key(&channel) {
            self.watched.insert(channel, Watched { since: now, proved: None, told: None });
        } else {
            self.news.push_back(LedgerNews::Channel { id: channel, channel: None });
        }
    }

    /// When a channel that was not found counts as made up.
    pub(super) fn absence_deadline(&self) -> Option<Time> {
        self.watched.values().filter(|watched| watched.is_missing()).map(|watched| watched.since + ABSENT_AFTER).min()
    }

    /// Asks for whatever is older than the newest block.
    pub(super) fn ask_leaves(&mut self, now: Time, account: AccountId, chain: &mut Following, out: &mut Outbox) {
        self.give_up_missing(now);
        if self.leaves.is_asked || self.leaves.again_at.is_some_and(|at| at > now) {
            return;
        }
        let under = chain.settled();
        let is_old = |proved: Option<u64>| proved.is_none_or(|height| height < under);
        let old = self.watched.iter().filter(|(_, watched)| is_old(watched.proved));
        let mut channels: Vec<(Option<u64>, ChannelId)> = old.map(|(id, watched)| (watched.proved, *id)).collect();
        if channels.is_empty() && !is_old(self.known.map(|known| known.height)) {
            return;
        }
        // Those never looked at come first.
        channels.sort_unstable();
        channels.truncate(KEYS_MAX - 1);
        let channels: Vec<ChannelId> = channels.into_iter().map(|(_, id)| id).collect();
        let keys = core::iter::once(Key::account(&account)).chain(channels.iter().map(Key::channel)).collect();
        if let Some(ask) = chain.errand(Question::Leaves { height: under, keys }, out) {
            self.asked.insert(ask, Asked::Leaves { under, channels });
            self.leaves = Leaves { is_asked: true, again_at: None };
        }
    }

    pub(super) fn on_leaves(
        &mut self,
        now: Time,
        at: Directory,
        under: u64,
        channels: &[ChannelId],
        answer: Option<Answer>,
        chain: &mut Following,
    ) {
        self.leaves.is_asked = false;
        let Some(account) = self.account else { return };
        let Some(root) = chain.header_at(under).map(|header| header.state) else { return };
        let proofs = match answer {
            Some(Answer::Leaves(proofs)) => proofs,
            // It is behind, or too far ahead, or gone: the newest block is asked for in a moment.
            Some(Answer::Unknown) | None => return self.leaves.again_at = Some(now + PAUSE),
            Some(_) => return chain.refuse(now, at, Wrong::Answer),
        };
        let keys = core::iter::once(Key::account(&account)).chain(channels.iter().map(Key::channel));
        let prove = |(key, proof): (Key, &Proof)| proof.verify(&key, &root).map(|leaf| leaf.cloned());
        let leaves: Result<Vec<Option<Leaf>>, _> = keys.zip(&proofs).map(prove).collect();
        match leaves {
            Ok(leaves) if proofs.len() == channels.len() + 1 => self.learn(under, channels, &leaves),
            Ok(_) => chain.refuse(now, at, Wrong::Answer),
            Err(_) => chain.refuse(now, at, Wrong::Balance),
        }
    }

    fn learn(&mut self, under: u64, channels: &[ChannelId], leaves: &[Option<Leaf>]) {
        let Some((account, rest)) = leaves.split_first() else { return };
        let account = match account {
            Some(Leaf::Account(account)) => Some(*account),
            _ => None,
        };
        self.on_account(Known { height: under, account });
        for (id, leaf) in channels.iter().zip(rest) {
            let channel = match leaf {
                Some(Leaf::Channel(channel)) => Some(*channel),
                _ => None,
            };
            self.on_channel(under, *id, channel);
        }
    }

    fn on_account(&mut self, known: Known) {
        if self.known.is_some_and(|before| before.height > known.height) {
            return;
        }
        let before = self.known.replace(known).and_then(|before| before.account);
        let balance = |account: Option<Account>| account.map(|account| account.balance);
        if balance(before) != balance(known.account) {
            self.tell_balance();
        }
    }

    fn on_channel(&mut self, under: u64, id: ChannelId, channel: Option<Channel>) {
        let Some(watched) = self.watched.get_mut(&id) else { return };
        watched.proved = Some(under);
        let is_news = match (watched.told, channel) {
            (None, None) => false,
            (told, channel) => told != Some(channel),
        };
        if is_news {
            watched.told = Some(channel);
            self.news.push_back(LedgerNews::Channel { id, channel });
        }
    }

    fn give_up_missing(&mut self, now: Time) {
        for (id, watched) in &mut self.watched {
            if watched.is_missing() && now >= watched.since + ABSENT_AFTER {
                watched.told = Some(None);
                self.news.push_back(LedgerNews::Channel { id: *id, channel: None });
            }
        }
    }
}
