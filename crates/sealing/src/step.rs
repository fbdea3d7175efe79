//! What a maker wishes after an input: first to keep, then to send.

use crate::message::{Message, Proposal, Sealed};
use ledger::hash::BlockId;
use ledger::validators::VALIDATORS_MAX;
use ledger::vote::Vote;
use ledger::wire::{Reader, Wire, WireError, decode_list, encode_list};

/// What a validator heard and did at the height it is deciding. Replaying these makes the same validator again, with
/// the same locks; they are forgotten when the height is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// It was asked to propose, and made this block in this round.
    Built {
        /// The round.
        round: u32,
        /// What it made, as a proposal.
        proposal: Box<Proposal>,
    },
    /// A proposal arrived, and its block was good or not.
    Proposed {
        /// The verdict of that moment: a later clock could judge a timestamp otherwise.
        is_valid: bool,
        /// What arrived.
        proposal: Box<Proposal>,
    },
    /// A vote arrived.
    Voted(Vote),
    /// Prevotes of one round for one block arrived, together more than two thirds of the power.
    Preferred(Vec<Vote>),
    /// A wait was over: 0 for a proposal, 1 for prevotes, 2 for precommits.
    Elapsed {
        /// Which.
        wait: u8,
        /// Of which round.
        round: u32,
    },
}

impl Wire for Record {
    const LEN_MAX: usize = 6 + Proposal::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Built { round, proposal } => {
                out.push(0);
                round.encode(out);
                proposal.encode(out);
            }
            Self::Proposed { is_valid, proposal } => {
                out.push(1);
                is_valid.encode(out);
                proposal.encode(out);
            }
            Self::Voted(vote) => {
                out.push(2);
                vote.encode(out);
            }
            Self::Preferred(votes) => {
                out.push(4);
                encode_list(votes, out);
            }
            Self::Elapsed { wait, round } => {
                out.push(3);
                wait.encode(out);
                round.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Built { round: Wire::decode(input)?, proposal: Box::new(Wire::decode(input)?) },
            1 => Self::Proposed { is_valid: Wire::decode(input)?, proposal: Box::new(Wire::decode(input)?) },
            2 => Self::Voted(Wire::decode(input)?),
            3 => Self::Elapsed { wait: Wire::decode(input)?, round: Wire::decode(input)? },
            4 => Self::Preferred(decode_list(input, 1, VALIDATORS_MAX)?),
            found => return Err(WireError::Choice { what: "record", found }),
        })
    }
}

/// One thing to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Send<P> {
    /// To every other maker.
    All(Message),
    /// To one.
    One(P, Message),
    /// To one: sealed blocks from this height on, a few, from the store.
    Blocks(P, u64),
}

/// What is to be sent, in order.
pub type Sends<P> = Vec<Send<P>>;

/// What follows from one input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "records that are not kept are votes that may be cast twice"]
pub struct Step<P> {
    /// To be kept until the next block that connects, in this order.
    pub records: Vec<Record>,
    /// Blocks that no longer count, the newest first (engine work).
    pub reverted: Vec<BlockId>,
    /// Blocks that do now, the oldest first. With the first of them, all earlier records are void.
    pub connected: Vec<Sealed>,
    sends: Sends<P>,
}

impl<P> Default for Step<P> {
    fn default() -> Self {
        Self { records: Vec::new(), reverted: Vec::new(), connected: Vec::new(), sends: Vec::new() }
    }
}

impl<P> Step<P> {
    /// Whether there is something to keep.
    pub fn is_stored(&self) -> bool {
        self.records.is_empty() && self.reverted.is_empty() && self.connected.is_empty()
    }

    /// What may be sent now that everything else in this step is on disk.
    pub fn stored(self) -> Sends<P> {
        self.sends
    }

    pub(crate) fn send(&mut self, send: Send<P>) {
        self.sends.push(send);
    }

    pub(crate) fn has_sends(&self) -> bool {
        !self.sends.is_empty()
    }
}
