//! Light verification: what a tab checks of a header, one function per rule. Full peers use the same functions.
//!
//! Seals are for the engine ([`crate::seal`]); everything here holds for all of them. The clock of this peer decides
//! nothing about a final header, so a tab whose clock is days off follows the chain all the same.

use crate::amount::Credits;
use crate::hash::{BlockId, ChainId, ValidatorsHash};
use crate::header::Header;
use crate::history::History;
use crate::seal::{Engine, SealError, work};
use crate::state::Rules;
use clock::Timestamp;

/// Why a header does not follow its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another chain's.
    #[error("chain {found}, expected {expected}")]
    OtherChain {
        /// Ours.
        expected: ChainId,
        /// Its.
        found: ChainId,
    },
    /// Another engine's.
    #[error("engine {found:?}, expected {expected:?}")]
    OtherEngine {
        /// Ours.
        expected: Engine,
        /// Its.
        found: Engine,
    },
    /// Not the next one.
    #[error("height {found}, expected {expected}")]
    Height {
        /// The next one.
        expected: u64,
        /// Its.
        found: u64,
    },
    /// Another block's child.
    #[error("not a child of this block")]
    Parent,
    /// Not the epoch of its time.
    #[error("epoch {found}, expected {expected}")]
    Epoch {
        /// Of its time, never before its parent's.
        expected: u32,
        /// What it says.
        found: u32,
    },
    /// Too soon after its parent.
    #[error("{found} ms after its parent, at least {min}")]
    TooSoon {
        /// The least.
        min: u64,
        /// What it says.
        found: u64,
    },
    /// It commits to other earlier blocks.
    #[error("commits to another history")]
    History,
    /// The treasury fell faster than any honest block lets it.
    #[error("the treasury fell to {found}, at most to {least}")]
    Treasury {
        /// The least it may be.
        least: Credits,
        /// What it says.
        found: Credits,
    },
    /// Validators that the block before did not announce.
    #[error("validators that nobody announced")]
    Validators {
        /// Who was announced.
        expected: ValidatorsHash,
        /// Who it names.
        found: ValidatorsHash,
    },
    /// Its seal does not hold.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The result of checking something from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<E> {
    /// It holds.
    Accept,
    /// It may hold; something must come first.
    NotYet,
    /// It never will.
    Reject(E),
}

/// The header is about this chain and engine.
pub fn check_chain(rules: &Rules, header: &Header) -> Result<(), HeaderError> {
    if header.chain != rules.chain {
        return Err(HeaderError::OtherChain { expected: rules.chain, found: header.chain });
    }
    if header.engine != rules.engine {
        return Err(HeaderError::OtherEngine { expected: rules.engine, found: header.engine });
    }
    Ok(())
}

/// It is the next one after its parent.
pub fn check_parent(parent: &Header, parent_id: &BlockId, header: &Header) -> Result<(), HeaderError> {
    let expected = parent.height.saturating_add(1);
    if header.height != expected {
        return Err(HeaderError::Height { expected, found: header.height });
    }
    if header.parent == *parent_id { Ok(()) } else { Err(HeaderError::Parent) }
}

/// Ledger time goes forward, and the epoch with it.
pub fn check_time(rules: &Rules, earlier: &Header, header: &Header) -> Result<(), HeaderError> {
    let expected = rules.epoch_at(header.timestamp).max(earlier.epoch);
    if header.epoch != expected {
        return Err(HeaderError::Epoch { expected, found: header.epoch });
    }
    // Heights promise a least time where an engine keeps it, and channels count heights.
    if rules.engine.rules().keeps_interval() {
        let blocks = header.height.saturating_sub(earlier.height);
        let min = rules.parameters.block_interval_ms.saturating_mul(blocks);
        let found = header.timestamp.as_millis().saturating_sub(earlier.timestamp.as_millis());
        if found < min {
            return Err(HeaderError::TooSoon { min, found });
        }
    }
    Ok(())
}

/// It commits to exactly these earlier blocks.
pub fn check_history(history: &History, header: &Header) -> Result<(), HeaderError> {
    if history.count() == header.height && history.root() == header.history {
        Ok(())
    } else {
        Err(HeaderError::History)
    }
}

/// The treasury falls no faster than tickets and rewards can make it: even all producers together cannot empty it
/// unseen.
pub fn check_treasury(rules: &Rules, earlier: &Header, header: &Header) -> Result<(), HeaderError> {
    let blocks = header.height.saturating_sub(earlier.height);
    let outflow = Credits(rules.parameters.outflow_max().0.saturating_mul(blocks));
    let least = earlier.treasury.saturating_sub(outflow);
    if header.treasury >= least { Ok(()) } else { Err(HeaderError::Treasury { least, found: header.treasury }) }
}

/// Who seals it was announced: by an earlier header of its epoch, or by its parent for a new one.
pub fn check_validators(parent: &Header, header: &Header) -> Result<(), HeaderError> {
    let expected = if header.epoch == parent.epoch { parent.validators } else { parent.next_validators };
    let found = header.validators;
    if found == expected { Ok(()) } else { Err(HeaderError::Validators { expected, found }) }
}

/// Everything about a child but its seal. `history` ends with the parent.
pub fn check_child(
    rules: &Rules,
    parent: &Header,
    parent_id: &BlockId,
    history: &History,
    header: &Header,
) -> Result<(), HeaderError> {
    check_chain(rules, header)?;
    check_parent(parent, parent_id, header)?;
    check_time(rules, parent, header)?;
    check_history(history, header)?;
    check_treasury(rules, parent, header)?;
    check_validators(parent, header)
}

/// Whether a header that is not final is too far ahead of this peer's clock to be looked at yet.
pub const fn is_ahead(header: &Header, now: Timestamp) -> bool {
    header.timestamp.as_millis() > now.as_millis().saturating_add(work::AHEAD_MAX_MS)
}

/// Whether a trusted header is so old that peers alone can no longer be believed: whoever sealed it may have taken
/// its bond back since, and has nothing left to lose.
pub const fn needs_fresh_checkpoint(rules: &Rules, trusted: &Header, now: Timestamp) -> bool {
    match rules.engine {
        Engine::Stake => {
            let unbonding = rules.parameters.epoch_ms.saturating_mul(rules.parameters.unbonding_epochs as u64);
            now.as_millis().saturating_sub(trusted.timestamp.as_millis()) > unbonding / 2
        }
        Engine::Authority | Engine::Work => false,
    }
}
