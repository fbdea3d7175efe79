//! One block maker: what every engine shares, and the choice of the engine.

use crate::full_chain::{Change, FullChain, RefusedBlock};
use crate::message::{Message, Sealed};
use crate::step::{Record, Send, Step};
use crate::trials::Trials;
use crate::voting::Voting;
use clock::{Time, Timestamp};
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::header::Header;
use ledger::mempool::{Mempool, MempoolError};
use ledger::seal::{Engine, Seal};
use ledger::signing::account_of;
use ledger::state::Slot;
use ledger::transaction::{Body, SignedTransaction, Transaction};
use ledger::vote::Evidence;
use std::time::Duration;

/// From the first transaction that waits to the block: others may join it.
pub const PENDING_PAUSE: Duration = Duration::from_millis(200);

/// An empty block at least this often, so that everybody can tell a quiet chain from a stalled one.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// What a maker hears.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// From another maker.
    Message {
        /// Who.
        from: P,
        /// What.
        message: Message,
    },
    /// Anybody shows a header with its seal, perhaps from beyond our tip.
    Shown {
        /// The header.
        header: Box<Header>,
        /// Its seal.
        seal: Seal,
    },
    /// Solve puzzles for this many trials (engine work).
    Try {
        /// How many.
        trials: u32,
    },
    /// A deadline may have passed.
    Wake,
}

/// What all engines need.
#[derive(Debug)]
pub(crate) struct Base<P> {
    pub(crate) full: FullChain,
    pub(crate) mempool: Mempool,
    pub(crate) me: Option<AccountId>,
    /// Since when a transaction waits.
    pub(crate) pending_since: Option<Time>,
    /// When the tip was connected.
    pub(crate) tip_at: Time,
    pub(crate) heartbeat: Duration,
    pub(crate) step: Step<P>,
}

impl<P: Copy + Ord> Base<P> {
    pub(crate) fn height(&self) -> u64 {
        self.full.height()
    }

    pub(crate) fn send(&mut self, send: Send<P>) {
        self.step.send(send);
    }

    /// What the next block would look like if it were made now.
    pub(crate) fn slot(&self, clock: Timestamp) -> Slot {
        Slot { timestamp: self.full.timestamp(clock), proposer: self.me.unwrap_or_default() }
    }

    /// When the next block is due: soon after a transaction came, and now and then without one.
    pub(crate) fn due_at(&self) -> Time {
        let interval = Duration::from_millis(self.full.chain().rules().parameters.block_interval_ms);
        if self.height() == 0 {
            // A new chain shows at once that it lives.
            return self.tip_at;
        }
        let pending = self.pending_since.map(|since| since + PENDING_PAUSE);
        pending.unwrap_or(self.tip_at + self.heartbeat).min(self.tip_at + self.heartbeat).max(self.tip_at + interval)
    }

    /// Takes note of what a block changed.
    pub(crate) fn on_change(&mut self, now: Time, clock: Timestamp, change: Change) {
        if change.connected.is_empty() {
            return;
        }
        self.tip_at = now;
        let state = self.full.ground().state.clone();
        self.mempool.follow(&state);
        let slot = self.slot(clock);
        for sealed in change.reverted.iter().rev() {
            for transaction in sealed.block.body.transactions() {
                // One that the other branch has, or made impossible, is refused.
                let _ = self.mempool.insert(transaction.clone(), &state, slot);
            }
        }
        self.pending_since = (!self.mempool.is_empty()).then_some(now);
        self.step.reverted.extend(change.reverted.iter().map(|sealed| sealed.block.header.id()));
        self.step.connected.extend(change.connected);
    }

    /// Checks and follows a block that counts already.
    pub(crate) fn import(&mut self, now: Time, clock: Timestamp, sealed: Sealed) -> Result<bool, RefusedBlock> {
        let change = self.full.import(sealed, clock)?;
        let is_news = change.as_ref().is_some_and(|change| !change.connected.is_empty());
        self.on_change(now, clock, change.unwrap_or_default());
        Ok(is_news)
    }

    pub(crate) fn insert(
        &mut self,
        now: Time,
        clock: Timestamp,
        signed: SignedTransaction,
    ) -> Result<(), MempoolError> {
        let slot = self.slot(clock);
        self.mempool.insert(signed, &self.full.ground().state, slot)?;
        self.pending_since.get_or_insert(now);
        Ok(())
    }

    /// Reports a double signature to the ledger, if this maker has an account that can pay for it.
    pub(crate) fn report(&mut self, now: Time, clock: Timestamp, key: &SigningKey, evidence: Evidence) {
        let state = &self.full.ground().state;
        let me = account_of(key);
        let Some(account) = state.account(&me) else { return };
        let valid_until = state.height().saturating_add(state.rules().parameters.transaction_ttl);
        let transaction = Transaction { sender: me, nonce: account.nonce, valid_until, body: Body::Evidence(evidence) };
        let signed = transaction.sign(&state.rules().chain, key);
        // Known already, or punished already: nothing more to do.
        let _ = self.insert(now, clock, signed);
    }
}

#[derive(Debug)]
enum Making {
    /// Follows, and makes nothing.
    Watching,
    Voting(Box<Voting>),
    Trials(Box<Trials>),
}

/// One block maker.
#[derive(Debug)]
pub struct Sealer<P> {
    base: Base<P>,
    making: Making,
}

impl<P: Copy + Ord> Sealer<P> {
    /// Goes on from a chain, and from the records of the height that was being decided. Without a key it only follows.
    pub fn new(full: FullChain, key: Option<SigningKey>, records: Vec<Record>, now: Time, clock: Timestamp) -> Self {
        let engine = full.chain().rules().engine;
        let mut base = Base {
            me: key.as_ref().map(account_of),
            full,
            mempool: Mempool::default(),
            pending_since: None,
            tip_at: now,
            heartbeat: HEARTBEAT,
            step: Step::default(),
        };
        let making = match (engine, key) {
            (_, None) => Making::Watching,
            (Engine::Authority | Engine::Stake, Some(key)) => {
                Making::Voting(Box::new(Voting::new(&mut base, key, records, now, clock)))
            }
            (Engine::Work, Some(_)) => Making::Trials(Box::default()),
        };
        Self { base, making }
    }

    /// Makes an empty block at least this often instead of every [`HEARTBEAT`].
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Duration) -> Self {
        self.base.heartbeat = heartbeat;
        self
    }

    /// The chain and its state.
    pub const fn full(&self) -> &FullChain {
        &self.base.full
    }

    /// What waits for a block.
    pub const fn mempool(&self) -> &Mempool {
        &self.base.mempool
    }

    /// Whether it makes blocks by trials, and wants [`Input::Try`].
    pub const fn tries(&self) -> bool {
        matches!(self.making, Making::Trials(_))
    }

    /// Why it signs nothing at the moment, if that is so: it has seen sealed blocks that it has not.
    pub fn behind(&self) -> Option<u64> {
        match &self.making {
            Making::Voting(voting) => voting.behind(&self.base),
            Making::Watching | Making::Trials(_) => None,
        }
    }

    /// Lets a transaction wait for a block.
    ///
    /// # Errors
    /// It may not wait, and why.
    pub fn submit(&mut self, now: Time, clock: Timestamp, signed: SignedTransaction) -> Result<(), MempoolError> {
        self.base.insert(now, clock, signed)?;
        self.handle(now, clock, Input::Wake);
        Ok(())
    }

    /// Takes one input; drain [`poll_step`](Self::poll_step) after it.
    pub fn handle(&mut self, now: Time, clock: Timestamp, input: Input<P>) {
        match (&mut self.making, input) {
            (Making::Voting(voting), input) => voting.handle(&mut self.base, now, clock, input),
            (Making::Trials(trials), input) => trials.handle(&mut self.base, now, clock, input),
            (Making::Watching, Input::Message { from, message: Message::Sealed(sealed) }) => {
                // Whoever sends what does not hold is not asked again; nothing is owed to it.
                if matches!(self.base.import(now, clock, *sealed), Ok(true)) {
                    let height = self.base.height() + 1;
                    self.base.send(Send::One(from, Message::Want { height }));
                }
            }
            (Making::Watching, Input::Message { .. } | Input::Shown { .. } | Input::Try { .. } | Input::Wake) => {}
        }
    }

    /// What to keep and send, if anything.
    pub fn poll_step(&mut self) -> Option<Step<P>> {
        let is_empty = self.base.step.is_stored() && !self.base.step.has_sends();
        (!is_empty).then(|| std::mem::take(&mut self.base.step))
    }

    /// When to send [`Input::Wake`] at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        match &self.making {
            Making::Voting(voting) => voting.next_deadline(&self.base),
            Making::Trials(_) | Making::Watching => None,
        }
    }
}
