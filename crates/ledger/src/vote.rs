//! What validators sign, and the proof that one of them signed twice.

use crate::account::AccountId;
use crate::hash::{BlockId, ChainId};
use crate::signing::{self, Purpose, Signature};
use crate::wire::{Reader, Wire, WireError, wire_struct};
use ed25519_dalek::SigningKey;

/// Which of the three messages of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The proposer's block.
    Proposal,
    /// "This block is good", or nothing is.
    Prevote,
    /// "Two thirds said so"; two thirds of these are a certificate.
    Precommit,
}

impl Step {
    /// What its signature is for.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Proposal => Purpose::Proposal,
            Self::Prevote => Purpose::Prevote,
            Self::Precommit => Purpose::Precommit,
        }
    }
}

impl Wire for Step {
    const LEN_MAX: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Proposal => 0,
            Self::Prevote => 1,
            Self::Precommit => 2,
        });
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            0 => Ok(Self::Proposal),
            1 => Ok(Self::Prevote),
            2 => Ok(Self::Precommit),
            found => Err(WireError::Choice { what: "step", found }),
        }
    }
}

/// What is voted on. Signed as it is, for the purpose of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Which block comes here.
    pub height: u64,
    /// Which attempt.
    pub round: u32,
    /// The block, or [`BlockId::NONE`] for "none in this round".
    pub block: BlockId,
}

wire_struct!(Ballot { height: u64, round: u32, block: BlockId });

/// One validator's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Which message.
    pub step: Step,
    /// What it says.
    pub ballot: Ballot,
    /// Who says it.
    pub validator: AccountId,
    /// By the validator.
    pub signature: Signature,
}

wire_struct!(Vote { step: Step, ballot: Ballot, validator: AccountId, signature: Signature });

impl Vote {
    /// Signs as a validator.
    pub fn sign(step: Step, ballot: Ballot, chain: &ChainId, key: &SigningKey) -> Self {
        let signature = signing::sign(step.purpose(), chain, key, &ballot.to_bytes());
        Self { step, ballot, validator: signing::account_of(key), signature }
    }

    /// Whether the validator that it names signed it for this chain.
    pub fn is_signed(&self, chain: &ChainId) -> bool {
        let message = self.ballot.to_bytes();
        signing::verify(self.step.purpose(), chain, &self.validator, &message, &self.signature)
    }
}

/// Two votes that no honest validator signs both of.
///
/// The first names the lesser block, so one fault has one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    first: Vote,
    second: Vote,
}

impl Evidence {
    /// The two, if they conflict: same validator, step, height and round, another block.
    pub fn new(one: Vote, other: Vote) -> Option<Self> {
        let (first, second) = if one.ballot.block < other.ballot.block { (one, other) } else { (other, one) };
        let same = first.validator == second.validator
            && first.step == second.step
            && first.ballot.height == second.ballot.height
            && first.ballot.round == second.ballot.round;
        (same && first.ballot.block != second.ballot.block).then_some(Self { first, second })
    }

    /// The vote of which both differ only in the block.
    pub const fn vote(&self) -> &Vote {
        &self.first
    }

    /// Whether both signatures hold on this chain.
    pub fn is_signed(&self, chain: &ChainId) -> bool {
        self.first.is_signed(chain) && self.second.is_signed(chain)
    }
}

impl Wire for Evidence {
    const LEN_MAX: usize = 2 * Vote::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        self.first.encode(out);
        self.second.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (first, second) = (Vote::decode(input)?, Vote::decode(input)?);
        match Self::new(first, second) {
            Some(evidence) if evidence.first == first => Ok(evidence),
            Some(_) => Err(WireError::NotCanonical { what: "evidence" }),
            None => Err(WireError::Choice { what: "evidence: the votes agree with each other", found: 0 }),
        }
    }
}
