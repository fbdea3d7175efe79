//! Who may seal: three engines behind one seam.
//!
//! | engine | a seal is | final |
//! |---|---|---|
//! | authority | precommits of more than two thirds of named keys | at once |
//! | stake | the same of bonded credit | at once |
//! | work | a solved puzzle in the header | never; only deeper |
//!
//! Checking is here, for every tab; making blocks is somebody else's.

mod certificate;
pub mod rules;
pub mod work;

pub use certificate::{Certificate, CertificateError};
pub use rules::{Choice, Finality, SealError, SealRules, Tip, Weight};

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

/// What makes a header count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Signatures (engines authority and stake).
    Certificate(Certificate),
    /// The header's own puzzle (engine work).
    Work,
}

impl Wire for Seal {
    const LEN_MAX: usize = 1 + Certificate::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Certificate(certificate) => {
                out.push(0);
                certificate.encode(out);
            }
            Self::Work => out.push(1),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            0 => Ok(Self::Certificate(Wire::decode(input)?)),
            1 => Ok(Self::Work),
            found => Err(WireError::Choice { what: "seal", found }),
        }
    }
}
