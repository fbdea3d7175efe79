//! The seam: what a tab asks an engine about a header.

use super::certificate::CertificateError;
use super::work::{self, Puzzle, Trial};
use super::{Engine, Seal};
use crate::hash::BlockId;
use crate::header::Header;
use crate::state::Rules;
use crate::validators::Validators;

/// What a branch weighs; more is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(pub u128);

/// The end of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its newest block.
    pub id: BlockId,
    /// Its height.
    pub height: u64,
    /// Everything in it.
    pub weight: Weight,
}

/// Which of two branches to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one that is followed already.
    Keep,
    /// The other one.
    Switch,
    /// Neither: both cannot be, and nobody may choose in silence.
    Conflict,
}

/// What may still happen to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// Nothing: it stays.
    Final,
    /// It has so many blocks on top; less and less likely to be undone, never certain.
    Confirmed {
        /// Blocks on top, itself included.
        depth: u64,
        /// How likely it is to be undone by a third of all trials, in millionths.
        reversal_millionths: u32,
    },
}

/// Why a seal does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another engine's seal.
    #[error("a seal of another engine")]
    Engine,
    /// Engine data where none belong, or none where some must be.
    #[error("the header's engine data are not this engine's")]
    EngineData,
    /// Not enough signatures.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The puzzle aims at something else than the blocks before demand.
    #[error("difficulty {found}, expected {expected}")]
    Difficulty {
        /// What they demand.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// The puzzle is not solved.
    #[error("the puzzle is not solved")]
    Unsolved,
    /// Not later than the median of the blocks before.
    #[error("not later than the median of the blocks before it")]
    Time,
}

/// What every tab asks of an engine. Pure: what it needs to know is handed in.
pub trait SealRules {
    /// What this header adds to its branch, if its seal holds. `ancestors` end with its parent; `validators` are those
    /// of its epoch, known from before and never from the header.
    fn check(
        &self,
        rules: &Rules,
        ancestors: &[Header],
        validators: &Validators,
        header: &Header,
        seal: &Seal,
    ) -> Result<Weight, SealError>;

    /// Which of two branches to follow.
    fn prefer(&self, incumbent: &Tip, other: &Tip) -> Choice;

    /// What may still happen to a block with this many on top, itself included.
    fn finality(&self, depth: u64) -> Finality;

    /// How many blocks a better branch may undo.
    fn reorg_max(&self) -> u32;

    /// Whether blocks keep the least distance in time, so that heights tell a minimum of time.
    fn keeps_interval(&self) -> bool;
}

impl Engine {
    /// The engine's rules.
    pub fn rules(self) -> &'static dyn SealRules {
        match self {
            Self::Authority | Self::Stake => &Certified,
            Self::Work => &Worked,
        }
    }
}

/// Authority and stake seal alike; what differs is who has which power, and that is the state's affair.
#[derive(Clone, Copy, Debug)]
struct Certified;

impl SealRules for Certified {
    fn check(
        &self,
        rules: &Rules,
        _: &[Header],
        validators: &Validators,
        header: &Header,
        seal: &Seal,
    ) -> Result<Weight, SealError> {
        let Seal::Certificate(certificate) = seal else { return Err(SealError::Engine) };
        if !header.engine_data.is_empty() {
            return Err(SealError::EngineData);
        }
        certificate.check(&header.id(), header.height, validators, &rules.chain)?;
        Ok(Weight(1))
    }

    fn prefer(&self, incumbent: &Tip, other: &Tip) -> Choice {
        if incumbent.id == other.id { Choice::Keep } else { Choice::Conflict }
    }

    fn finality(&self, _: u64) -> Finality {
        Finality::Final
    }

    fn reorg_max(&self) -> u32 {
        0
    }

    fn keeps_interval(&self) -> bool {
        true
    }
}

#[derive(Clone, Copy, Debug)]
struct Worked;

impl SealRules for Worked {
    fn check(
        &self,
        rules: &Rules,
        ancestors: &[Header],
        _: &Validators,
        header: &Header,
        seal: &Seal,
    ) -> Result<Weight, SealError> {
        if *seal != Seal::Work {
            return Err(SealError::Engine);
        }
        let puzzle = Puzzle::of(header).map_err(|_| SealError::EngineData)?;
        if header.timestamp <= work::median_time(ancestors) {
            return Err(SealError::Time);
        }
        let (expected, found) = (work::next_difficulty(ancestors, &rules.parameters), puzzle.difficulty);
        if found != expected {
            return Err(SealError::Difficulty { expected, found });
        }
        let proof = Trial::default().run(header).ok_or(SealError::Unsolved)?;
        if puzzle.is_solved_by(&proof) { Ok(Weight(u128::from(found))) } else { Err(SealError::Unsolved) }
    }

    fn prefer(&self, incumbent: &Tip, other: &Tip) -> Choice {
        if other.weight > incumbent.weight { Choice::Switch } else { Choice::Keep }
    }

    fn finality(&self, depth: u64) -> Finality {
        Finality::Confirmed { depth, reversal_millionths: work::reversal_millionths(depth) }
    }

    fn reorg_max(&self) -> u32 {
        work::REORG_MAX
    }

    fn keeps_interval(&self) -> bool {
        false
    }
}
