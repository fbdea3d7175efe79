//! What block makers tell each other, as canonical bytes.

use ledger::account::AccountId;
use ledger::block::{BODY_LEN_MAX, Block, Body};
use ledger::hash::ChainId;
use ledger::header::Header;
use ledger::seal::Seal;
use ledger::signing::Signature;
use ledger::validators::VALIDATORS_MAX;
use ledger::vote::{Ballot, Step, Vote};
use ledger::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max};

/// Votes in one message: both steps of two rounds by everybody. A maker that heard nothing for a while is brought up
/// to date by one of these.
pub const VOTES_MAX: usize = 4 * VALIDATORS_MAX;

/// Sealed blocks in the answer to one [`Message::Want`]: half a MiB at the most. Answers begin where they are asked to and
/// end before the next multiple of this.
pub const BLOCKS_PER_ANSWER_MAX: usize = 8;

/// Bytes of the longest message; a proposal with a full block fits with room to spare.
pub const MESSAGE_LEN_MAX: usize = 128 * 1024;

/// A block and what makes it count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The block.
    pub block: Block,
    /// Its seal.
    pub seal: Seal,
}

impl Wire for Sealed {
    const LEN_MAX: usize = Header::LEN_MAX + Seal::LEN_MAX + BODY_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        self.block.header.encode(out);
        self.seal.encode(out);
        self.block.body.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (header, seal) = (Header::decode(input)?, Seal::decode(input)?);
        Ok(Self { block: Block { header, body: Body::decode(input)? }, seal })
    }
}

/// A block that its proposer wants next.
///
/// `locked` says in which earlier round two thirds preferred it, plus one; 0 for none. It is not signed: it only says
/// which votes to look for, and those are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// By the proposer of the ballot's round.
    pub vote: Vote,
    /// An earlier round plus one, or 0.
    pub locked: u32,
    /// What is proposed.
    pub block: Block,
}

impl Proposal {
    /// Whether it names its own block and its proposer signed it.
    pub fn is_signed(&self, chain: &ChainId) -> bool {
        let Ballot { height, block, .. } = self.vote.ballot;
        let header = &self.block.header;
        self.vote.step == Step::Proposal
            && block == header.id()
            && height == header.height
            && self.vote.is_signed(chain)
    }

    /// Who proposes.
    pub const fn proposer(&self) -> AccountId {
        self.vote.validator
    }

    /// In which round.
    pub const fn round(&self) -> u32 {
        self.vote.ballot.round
    }
}

impl Wire for Proposal {
    const LEN_MAX: usize = Vote::LEN_MAX + 4 + Header::LEN_MAX + BODY_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        self.vote.encode(out);
        self.locked.encode(out);
        self.block.header.encode(out);
        self.block.body.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (vote, locked) = (Vote::decode(input)?, u32::decode(input)?);
        Ok(Self { vote, locked, block: Block { header: Header::decode(input)?, body: Body::decode(input)? } })
    }
}

/// What one maker says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A block for the next height.
    Proposal(Box<Proposal>),
    /// Votes, the sender's own and those it has heard.
    Votes(Vec<Vote>),
    /// "My next block is this one; who has it?"
    Want {
        /// Its height.
        height: u64,
    },
    /// A block that counts already.
    Sealed(Box<Sealed>),
}

impl Wire for Message {
    const LEN_MAX: usize = MESSAGE_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Proposal(proposal) => {
                out.push(0);
                proposal.encode(out);
            }
            Self::Votes(votes) => {
                out.push(1);
                encode_list(votes, out);
            }
            Self::Want { height } => {
                out.push(2);
                height.encode(out);
            }
            Self::Sealed(sealed) => {
                out.push(3);
                sealed.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Proposal(Box::new(Wire::decode(input)?)),
            1 => Self::Votes(decode_list(input, 1, VOTES_MAX)?),
            2 => Self::Want { height: Wire::decode(input)? },
            3 => Self::Sealed(Box::new(Wire::decode(input)?)),
            found => return Err(WireError::Choice { what: "message between block makers", found }),
        })
    }
}

const _: () = assert!(Proposal::LEN_MAX < MESSAGE_LEN_MAX);
const _: () = assert!(list_len_max::<Vote>(VOTES_MAX) < MESSAGE_LEN_MAX);
const _: () = assert!(Sealed::LEN_MAX < MESSAGE_LEN_MAX);

/// The signature of nobody, where the agreement core wants one and none is looked at.
pub(crate) const UNSIGNED: Signature = Signature([0; 64]);
