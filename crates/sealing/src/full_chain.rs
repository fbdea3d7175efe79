//! The chain with its state: every block is executed before it counts.
//!
//! Invariant: the ground of every block that a new one may build on is here; under certificates that is the tip's
//! alone, under work as many as a reorganisation may undo.

use crate::message::Sealed;
use clock::Timestamp;
use ledger::block::{Block, BlockError, Ground};
use ledger::chain::{Chain, CheckpointError, Import, ImportError};
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::history::History;
use ledger::leaf::InForce;
use ledger::seal::{Seal, SealError};
use ledger::state::State;
use ledger::validators::Validators;
use std::collections::BTreeMap;

/// Why a sealed block does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBlock {
    /// Its header.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Its seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is not what its header says.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// It contradicts one that counts: the chain has stopped.
    #[error("two sealed blocks contradict each other")]
    Conflict,
}

/// What a block changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Blocks that no longer count, the newest first.
    pub reverted: Vec<Sealed>,
    /// Blocks that do now, the oldest first.
    pub connected: Vec<Sealed>,
}

/// The chain with its state.
#[derive(Clone, Debug)]
pub struct FullChain {
    chain: Chain,
    grounds: BTreeMap<BlockId, (u64, Ground)>,
    /// Bodies that a reorganisation may bring or take; empty under certificates.
    recent: BTreeMap<BlockId, Sealed>,
}

impl FullChain {
    /// Begins at a genesis.
    pub fn genesis(state: State) -> Self {
        let (ground, header) = Ground::genesis(state.clone());
        Self { chain: Chain::new(state), grounds: [(header.id(), (0, ground))].into(), recent: BTreeMap::new() }
    }

    /// Begins at a block that was checked before, with the state that it left. `history` ends before it.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn from_snapshot(state: State, header: Header, seal: Seal, history: &History) -> Result<Self, CheckpointError> {
        let lists = [InForce::Now, InForce::Next].map(|which| state.validators(which));
        let rules = state.rules().clone();
        let (id, height) = (header.id(), header.height);
        let chain = Chain::from_checkpoint(rules, header, seal, history, lists)?;
        let ground = Ground { state, parent: id, history: history.with(&id) };
        Ok(Self { chain, grounds: [(id, (height, ground))].into(), recent: BTreeMap::new() })
    }

    /// The headers.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What the next block builds on.
    pub fn ground(&self) -> &Ground {
        let (_, ground) = self.grounds.get(&self.chain.tip_id()).expect("the tip's ground is kept");
        ground
    }

    /// The height of the newest block.
    pub fn height(&self) -> u64 {
        self.chain.tip().height
    }

    /// Who votes on the next block: it must follow from the parent alone, or the block's own
    /// timestamp would choose its electorate.
    pub fn electorate(&self) -> Validators {
        let tip = self.chain.tip();
        let rules = self.chain.rules();
        let earliest = tip.timestamp.as_millis().saturating_add(rules.parameters.block_interval_ms);
        let epoch = rules.epoch_at(Timestamp::from_millis(earliest)).max(tip.epoch);
        let which = if epoch > tip.epoch { InForce::Next } else { InForce::Now };
        self.ground().state.validators(which)
    }

    /// The timestamp that a block made now has: not before its time, and not past the end of the epoch whose
    /// electorate votes on it, where the next one has another.
    pub fn timestamp(&self, clock: Timestamp) -> Timestamp {
        let tip = self.chain.tip();
        let rules = self.chain.rules();
        let earliest = tip.timestamp.as_millis().saturating_add(rules.parameters.block_interval_ms);
        let wanted = clock.as_millis().max(earliest);
        if tip.validators == tip.next_validators {
            return Timestamp::from_millis(wanted);
        }
        let epoch = u64::from(rules.epoch_at(Timestamp::from_millis(earliest)).max(tip.epoch));
        let end = rules.started.as_millis().saturating_add((epoch + 1).saturating_mul(rules.parameters.epoch_ms));
        Timestamp::from_millis(wanted.min(end - 1).max(earliest))
    }

    /// Checks, executes and follows a sealed block. `None` if it was known.
    ///
    /// # Errors
    /// [`RefusedBlock`], and nothing has changed.
    pub fn import(&mut self, sealed: Sealed, clock: Timestamp) -> Result<Option<Change>, RefusedBlock> {
        let header = &sealed.block.header;
        if self.chain.header(&header.id()).is_some() {
            return Ok(None);
        }
        let (_, ground) = self.grounds.get(&header.parent).ok_or(ImportError::UnknownParent)?;
        // Seals are cheap to check and expensive to make; executing is the reverse.
        self.check_seal(ground, &sealed)?;
        let state = ground.execute(&sealed.block)?;
        self.connect(sealed, state, clock)
    }

    fn check_seal(&self, ground: &Ground, sealed: &Sealed) -> Result<(), RefusedBlock> {
        let rules = self.chain.rules();
        if rules.engine.rules().reorg_max() > 0 {
            return Ok(());
        }
        let header = &sealed.block.header;
        let lists = [InForce::Now, InForce::Next].map(|which| ground.state.validators(which));
        let list = lists.iter().find(|list| list.hash() == header.validators);
        let list = list.ok_or(ImportError::UnknownValidators { hash: header.validators })?;
        rules.engine.rules().check(rules, &[], list, header, &sealed.seal)?;
        Ok(())
    }

    /// Follows a block that led to this state.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub fn connect(&mut self, sealed: Sealed, state: State, clock: Timestamp) -> Result<Option<Change>, RefusedBlock> {
        let Sealed { block: Block { header, .. }, seal } = sealed.clone();
        let (id, height) = (header.id(), header.height);
        let (_, ground) = self.grounds.get(&header.parent).ok_or(ImportError::UnknownParent)?;
        let after = ground.after(&header, state);
        let import = self.chain.import(header, seal, clock)?;
        self.grounds.insert(id, (height, after));
        let change = match import {
            Import::TipUnchanged => {
                self.recent.insert(id, sealed);
                Change::default()
            }
            Import::TipChanged { reverted, connected } => {
                self.recent.insert(id, sealed);
                let of = |ids: Vec<BlockId>| ids.iter().filter_map(|id| self.recent.get(id).cloned()).collect();
                Change { reverted: of(reverted), connected: of(connected) }
            }
            Import::Conflict(_) => return Err(RefusedBlock::Conflict),
        };
        let state = self.ground().state.clone();
        [InForce::Now, InForce::Next].into_iter().for_each(|which| _ = self.chain.learn(state.validators(which)));
        self.forget();
        Ok(Some(change))
    }

    /// Forgets what no new block can build on.
    fn forget(&mut self) {
        let depth = u64::from(self.chain.rules().engine.rules().reorg_max());
        let least = self.height().saturating_sub(depth);
        self.grounds.retain(|_, (height, _)| *height >= least);
        self.recent.retain(|_, sealed| sealed.block.header.height >= least && depth > 0);
    }
}
