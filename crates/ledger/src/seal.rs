//! Who may seal.

use crate::wire::{Reader, Wire, WireError};

/// The three ways to agree on the next block. Chosen in the genesis, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Named keys, one vote each.
    Authority,
    /// Bonded credit votes.
    Stake,
    /// Trials of a puzzle; never final.
    Work,
}

impl Wire for Engine {
    const LEN_MAX: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Authority => 0,
            Self::Stake => 1,
            Self::Work => 2,
        });
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            0 => Ok(Self::Authority),
            1 => Ok(Self::Stake),
            2 => Ok(Self::Work),
            found => Err(WireError::Choice { what: "engine", found }),
        }
    }
}
