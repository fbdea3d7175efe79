//! The headers this peer trusts: which follow which, and which branch counts.
//!
//! Under certificates there is one branch; a second one is a [`Conflict`], both sides are kept as evidence, and the
//! chain stops: nobody chooses in silence. Under work the heaviest branch is followed, never undoing more than the
//! engine allows. What has been judged once is never judged again by another rule: full and light peers import here.

use crate::block::Ground;
use crate::hash::{BlockId, ValidatorsHash};
use crate::header::Header;
use crate::history::{History, HistoryProof};
use crate::leaf::InForce;
use crate::seal::{Choice, Finality, Seal, SealError, Tip, Weight, work};
use crate::state::{Rules, State};
use crate::validators::Validators;
use crate::verify::{self, HeaderError, Verdict};
use clock::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Headers of the followed branch that are kept: more than an hour at the fastest.
pub const HEADERS_MAX: usize = 4_096;

/// Headers of other branches that are kept, under work; the lightest side is forgotten first.
pub const SIDE_HEADERS_MAX: usize = 1_024;

/// Lists of validators that are kept: the one in force, the next, and those of a jump.
const LISTS_MAX: usize = 4;

#[derive(Clone, Debug)]
struct Entry {
    header: Arc<Header>,
    seal: Seal,
    weight: Weight,
    /// Ends with this block.
    history: History,
}

/// Two sealed headers of which only one can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The one that was trusted.
    pub ours: (Header, Seal),
    /// The other.
    pub theirs: (Header, Seal),
}

/// What a header changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// The followed branch ends elsewhere.
    TipChanged {
        /// Blocks that no longer count, the newest first.
        reverted: Vec<BlockId>,
        /// Blocks that do now, the oldest first.
        connected: Vec<BlockId>,
    },
    /// It was known, or its branch is lighter.
    TipUnchanged,
    /// It contradicts one that counts. The chain has stopped.
    Conflict(Box<Conflict>),
}

/// Why a header was not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Its parent must come first, or is forgotten already.
    #[error("its parent is not known")]
    UnknownParent,
    /// Who seals it must come first; they are known by this hash.
    #[error("its validators are not known")]
    UnknownValidators {
        /// Their name.
        hash: ValidatorsHash,
    },
    /// It is not time for it.
    #[error("it is ahead of time")]
    Ahead,
    /// It would undo more than the engine allows.
    #[error("would undo {depth} blocks")]
    TooDeep {
        /// How many.
        depth: u64,
    },
    /// The chain has stopped at a conflict.
    #[error("the chain has stopped at a conflict")]
    Stopped,
    /// It does not follow its parent.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl ImportError {
    /// Whether the sender is to blame, or it only came too early.
    pub const fn verdict(self) -> Verdict<Self> {
        match self {
            Self::UnknownParent | Self::UnknownValidators { .. } | Self::Ahead | Self::Stopped => Verdict::NotYet,
            Self::TooDeep { .. } | Self::Header(_) => Verdict::Reject(self),
        }
    }
}

/// Why a header cannot be trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is another chain's.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The lists are not those it names.
    #[error("the lists of validators are not those that the header names")]
    Validators,
}

/// The headers this peer trusts.
#[derive(Clone, Debug)]
pub struct Chain {
    rules: Arc<Rules>,
    entries: BTreeMap<BlockId, Entry>,
    /// The followed branch, the oldest first; never empty.
    best: VecDeque<BlockId>,
    tip: (BlockId, Entry),
    lists: VecDeque<(ValidatorsHash, Validators)>,
    conflict: Option<Box<Conflict>>,
}

impl Chain {
    /// Trusts a genesis.
    pub fn new(genesis: State) -> Self {
        let rules = genesis.rules().clone();
        let lists = [InForce::Now, InForce::Next].map(|which| genesis.validators(which));
        let (ground, header) = Ground::genesis(genesis);
        Self::starting(rules, header, Seal::Work, ground.history, lists)
    }

    /// Trusts a header whose id came from somebody trusted, with what it commits to. `history` ends before it.
    pub fn from_checkpoint(
        rules: Arc<Rules>,
        header: Header,
        seal: Seal,
        history: &History,
        lists: [Validators; 2],
    ) -> Result<Self, CheckpointError> {
        verify::check_chain(&rules, &header)?;
        verify::check_history(history, &header)?;
        if [lists[0].hash(), lists[1].hash()] != [header.validators, header.next_validators] {
            return Err(CheckpointError::Validators);
        }
        let history = history.with(&header.id());
        Ok(Self::starting(rules, header, seal, history, lists))
    }

    fn starting(rules: Arc<Rules>, header: Header, seal: Seal, history: History, lists: [Validators; 2]) -> Self {
        let id = header.id();
        let entry = Entry { header: Arc::new(header), seal, weight: Weight::default(), history };
        let mut chain = Self {
            rules,
            entries: [(id, entry.clone())].into(),
            best: [id].into(),
            tip: (id, entry),
            lists: VecDeque::new(),
            conflict: None,
        };
        lists.into_iter().for_each(|list| chain.keep_list(list));
        chain
    }

    /// What the genesis fixed.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The newest header that counts.
    pub fn tip(&self) -> &Header {
        &self.tip.1.header
    }

    /// Its name.
    pub const fn tip_id(&self) -> BlockId {
        self.tip.0
    }

    /// All blocks up to the tip.
    pub const fn history(&self) -> &History {
        &self.tip.1.history
    }

    /// Two sealed headers that cannot both be, if that has happened.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_deref()
    }

    /// Who seals now, if they are known.
    pub fn validators(&self) -> Option<&Validators> {
        self.list(self.tip().validators).ok()
    }

    /// A header that is kept, whether it counts or not.
    pub fn header(&self, id: &BlockId) -> Option<(&Header, &Seal)> {
        self.entries.get(id).map(|entry| (&*entry.header, &entry.seal))
    }

    /// The block of the followed branch at this height, if it is kept.
    pub fn at(&self, height: u64) -> Option<BlockId> {
        let below = self.tip().height.checked_sub(height)?;
        let from_the_end = usize::try_from(below).ok()?;
        self.best.get(self.best.len().checked_sub(1 + from_the_end)?).copied()
    }

    /// What may still happen to a block; `None` if it does not count or is not kept.
    pub fn finality(&self, id: &BlockId) -> Option<Finality> {
        let height = self.entries.get(id)?.header.height;
        let counts = self.at(height) == Some(*id);
        counts.then(|| self.rules.engine.rules().finality(self.tip().height - height + 1))
    }

    /// Learns a list of validators that the tip names; any other is not wanted.
    pub fn learn(&mut self, list: Validators) -> bool {
        let wanted = [self.tip().validators, self.tip().next_validators].contains(&list.hash());
        if wanted {
            self.keep_list(list);
        }
        wanted
    }

    /// A list that the tip names and this peer does not know yet.
    pub fn missing_validators(&self) -> Option<ValidatorsHash> {
        [self.tip().validators, self.tip().next_validators].into_iter().find(|hash| self.list(*hash).is_err())
    }

    fn keep_list(&mut self, list: Validators) {
        let hash = list.hash();
        if !self.lists.iter().any(|(known, _)| *known == hash) {
            // The oldest goes: whoever was in force longest ago seals nothing any more.
            if self.lists.len() == LISTS_MAX {
                self.lists.pop_front();
            }
            self.lists.push_back((hash, list));
        }
    }

    fn list(&self, hash: ValidatorsHash) -> Result<&Validators, ImportError> {
        let found = self.lists.iter().find(|(known, _)| *known == hash);
        found.map(|(_, list)| list).ok_or(ImportError::UnknownValidators { hash })
    }

    /// Judges a header and follows the branch that counts. `now` is this peer's clock and matters to engine work only.
    pub fn import(&mut self, header: Header, seal: Seal, now: Timestamp) -> Result<Import, ImportError> {
        if self.conflict.is_some() {
            return Err(ImportError::Stopped);
        }
        let id = header.id();
        if self.entries.contains_key(&id) {
            return Ok(Import::TipUnchanged);
        }
        let parent = self.entries.get(&header.parent).ok_or(ImportError::UnknownParent)?;
        verify::check_child(&self.rules, &parent.header, &header.parent, &parent.history, &header)?;
        let engine = self.rules.engine.rules();
        if engine.reorg_max() > 0 {
            if verify::is_ahead(&header, now) {
                return Err(ImportError::Ahead);
            }
            self.check_depth(&header)?;
        }
        let ancestors = if engine.reorg_max() > 0 { self.ancestors(&header.parent) } else { Vec::new() };
        let added = engine
            .check(&self.rules, &ancestors, self.list(header.validators)?, &header, &seal)
            .map_err(HeaderError::from)?;
        let weight = Weight(parent.weight.0.saturating_add(added.0));
        let entry = Entry { history: parent.history.with(&id), header: Arc::new(header), seal, weight };
        Ok(self.follow(id, entry))
    }

    /// The headers that end with this one, as far as the work engine looks back; the oldest first.
    fn ancestors(&self, last: &BlockId) -> Vec<Header> {
        let mut found = Vec::new();
        let mut next = self.entries.get(last);
        while let Some(entry) = next.filter(|_| found.len() <= work::RETARGET_WINDOW) {
            found.push((*entry.header).clone());
            next = self.entries.get(&entry.header.parent);
        }
        found.reverse();
        found
    }

    /// Blocks that leave the followed branch too far below its tip are an alarm and not a choice.
    fn check_depth(&self, header: &Header) -> Result<(), ImportError> {
        let mut fork = header.parent;
        while let Some(entry) = self.entries.get(&fork) {
            if self.at(entry.header.height) == Some(fork) {
                let depth = self.tip().height.saturating_sub(entry.header.height);
                let is_near = depth <= u64::from(self.rules.engine.rules().reorg_max());
                return if is_near { Ok(()) } else { Err(ImportError::TooDeep { depth }) };
            }
            fork = entry.header.parent;
        }
        Err(ImportError::UnknownParent)
    }

    fn follow(&mut self, id: BlockId, entry: Entry) -> Import {
        let extends = entry.header.parent == self.tip.0;
        let tip_of = |id, entry: &Entry| Tip { id, height: entry.header.height, weight: entry.weight };
        let (incumbent, other) = (tip_of(self.tip.0, &self.tip.1), tip_of(id, &entry));
        let choice = if extends { Choice::Switch } else { self.rules.engine.rules().prefer(&incumbent, &other) };
        match choice {
            Choice::Switch => {
                self.entries.insert(id, entry.clone());
                let changed = self.switch(id, entry);
                self.forget();
                changed
            }
            Choice::Keep => {
                self.entries.insert(id, entry);
                self.forget();
                Import::TipUnchanged
            }
            Choice::Conflict => self.stop(entry),
        }
    }

    fn switch(&mut self, id: BlockId, entry: Entry) -> Import {
        let mut connected = vec![id];
        let mut below = entry.header.parent;
        while let Some(next) = self.entries.get(&below).filter(|next| self.at(next.header.height) != Some(below)) {
            connected.push(below);
            below = next.header.parent;
        }
        connected.reverse();
        let mut reverted = Vec::new();
        while let Some(last) = self.best.back().copied().filter(|last| *last != below) {
            reverted.push(last);
            self.best.pop_back();
        }
        self.best.extend(&connected);
        self.tip = (id, entry);
        Import::TipChanged { reverted, connected }
    }

    fn stop(&mut self, theirs: Entry) -> Import {
        let ours = self.at(theirs.header.height).and_then(|id| self.entries.get(&id)).unwrap_or(&self.tip.1);
        let sides = |entry: &Entry| ((*entry.header).clone(), entry.seal.clone());
        let conflict = Box::new(Conflict { ours: sides(ours), theirs: sides(&theirs) });
        self.conflict = Some(conflict.clone());
        Import::Conflict(conflict)
    }

    /// Forgets the oldest of the followed branch, and sides that can no longer win.
    fn forget(&mut self) {
        while self.best.len() > HEADERS_MAX {
            if let Some(old) = self.best.pop_front() {
                self.entries.remove(&old);
            }
        }
        if self.entries.len() > self.best.len() {
            let least = self.tip().height.saturating_sub(u64::from(self.rules.engine.rules().reorg_max()));
            let is_side = |id: &BlockId, entry: &Entry| self.at(entry.header.height) != Some(*id);
            let mut sides: Vec<_> = self.entries.iter().filter(|(id, entry)| is_side(id, entry)).collect();
            sides.sort_by_key(|(id, entry)| (entry.weight, **id));
            let too_many = sides.len().saturating_sub(SIDE_HEADERS_MAX);
            let lost =
                sides.iter().enumerate().filter(|(at, (_, entry))| *at < too_many || entry.header.height < least);
            let lost: Vec<BlockId> = lost.map(|(_, (id, _))| **id).collect();
            lost.iter().for_each(|id| {
                self.entries.remove(id);
            });
        }
    }

    /// Goes forward within an epoch without the headers between: the same validators seal it, and it proves that the
    /// tip is its ancestor. `history` ends before it.
    pub fn jump(
        &mut self,
        header: Header,
        seal: Seal,
        history: &History,
        ancestry: &HistoryProof,
    ) -> Result<Import, ImportError> {
        if self.conflict.is_some() {
            return Err(ImportError::Stopped);
        }
        let engine = self.rules.engine.rules();
        let tip = self.tip().clone();
        verify::check_chain(&self.rules, &header)?;
        let (expected, found) = (tip.validators, header.validators);
        if engine.reorg_max() > 0 {
            return Err(HeaderError::Seal(SealError::Engine).into());
        }
        if header.height <= tip.height {
            return Err(HeaderError::Height { expected: tip.height.saturating_add(1), found: header.height }.into());
        }
        if header.epoch != tip.epoch || found != expected {
            return Err(HeaderError::Validators { expected, found }.into());
        }
        verify::check_time(&self.rules, &tip, &header)?;
        verify::check_treasury(&self.rules, &tip, &header)?;
        verify::check_history(history, &header)?;
        if !ancestry.verify(tip.height, &self.tip.0, header.height, &header.history) {
            return Err(HeaderError::History.into());
        }
        let weight = engine.check(&self.rules, &[], self.list(found)?, &header, &seal).map_err(HeaderError::from)?;
        let id = header.id();
        let entry = Entry { history: history.with(&id), header: Arc::new(header), seal, weight };
        // Between the two there is a gap, so the branch starts anew.
        self.entries = [(id, entry.clone())].into();
        self.best = [id].into();
        self.tip = (id, entry);
        Ok(Import::TipChanged { reverted: Vec::new(), connected: vec![id] })
    }
}
