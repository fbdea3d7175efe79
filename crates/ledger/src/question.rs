//! What peers ask each other about the chain, and the answers: one question and one answer a stream.
//!
//! Answers prove themselves, to whoever trusts one header: headers by their seals, old blocks by their place in the
//! tip's history, leaves by the state root, lists of validators by their hash. An answer that does not is its sender's
//! fault and nobody's loss. Each kind says next to itself how much of it there may be.

use crate::account::AccountId;
use crate::block::Body;
use crate::hash::{Key, TransactionId, ValidatorsHash};
use crate::header::Header;
use crate::history::{Archive, History, HistoryProof};
use crate::seal::Seal;
use crate::stamp::Stamp;
use crate::sync::HEADERS_PER_ASK_MAX;
use crate::ticket::Ticket;
use crate::transaction::SignedTransaction;
use crate::tree::Proof;
use crate::validators::Validators;
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list};

/// The protocol's name on a stream.
pub const PROTOCOL: &str = "/starling/chain/1";

/// Bytes of the longest question: a transaction or a header with its seal.
pub const QUESTION_LEN_MAX: usize = 9 * 1024;

/// Bytes of the longest answer (512 headers with the seals of sixteen authorities need three quarters of it).
pub const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// Leaves asked for at once.
pub const KEYS_MAX: usize = 16;

/// Steps of one path: a chain of a month's epochs takes a few dozen answers of 100 KiB.
pub const STEPS_MAX: usize = 64;

/// How long a peer keeps a question for the next header waiting, seconds. Shorter than any timeout on the way.
pub const WAIT_SECS: u64 = 25;

/// How many states before its newest a peer proves leaves in: a tab is at most a few blocks behind.
pub const STATES_KEPT: usize = 64;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Your newest header, as soon as it is above this height. Waits for at most [`WAIT_SECS`].
    Head {
        /// The asker's height.
        after: u64,
    },
    /// Headers from this height on.
    Headers {
        /// The first.
        from: u64,
        /// How many at most; at most [`HEADERS_PER_ASK_MAX`].
        count: u16,
    },
    /// The shortest way of trust from this height to your tip ([`Chain::jump`](crate::chain::Chain::jump)).
    Path {
        /// Where the asker stands.
        from: u64,
    },
    /// The list of validators with this hash.
    Validators {
        /// Which.
        hash: ValidatorsHash,
    },
    /// The block at this height, and the proof that it is an ancestor of the one at `under`.
    Block {
        /// Which.
        height: u64,
        /// The asker's tip.
        under: u64,
    },
    /// What stands at these keys after the block at this height.
    Leaves {
        /// The asker's tip.
        height: u64,
        /// Which; at most [`KEYS_MAX`].
        keys: Vec<Key>,
    },
    /// Let this wait for a block.
    Submit {
        /// What.
        transaction: Box<SignedTransaction>,
    },
    /// In which block is this?
    Find {
        /// Which.
        transaction: TransactionId,
    },
    /// A sealed header that is above yours, for whoever came back from an old disk.
    Show {
        /// The header.
        header: Box<Header>,
        /// Its seal.
        seal: Seal,
    },
    /// What do you ask of this account before you let it in?
    Admission {
        /// Which.
        account: AccountId,
    },
    /// Done: a ticket, please.
    Stamped {
        /// What was asked.
        stamp: Stamp,
        /// What solves it.
        counter: u64,
    },
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The next block, which begins another epoch.
    Child(Box<Header>, Seal),
    /// A later block of the same epoch, all blocks before it, and the proof that the last step is among them.
    Jump(Box<Header>, Seal, History, HistoryProof),
}

/// The shortest way of trust from one height to the tip, at most [`STEPS_MAX`] of it: to the end of each epoch in one
/// jump, and one step into the next. `None` if a header on it is not kept.
pub fn path(
    from: u64,
    archive: &Archive,
    last_of_epoch: impl Fn(u64) -> u64,
    header: impl Fn(u64) -> Option<(Header, Seal)>,
) -> Option<Vec<PathStep>> {
    let tip = archive.count().checked_sub(1)?;
    let (mut at, mut steps) = (from, Vec::new());
    while at < tip && steps.len() < STEPS_MAX {
        let last = last_of_epoch(at).min(tip);
        if last > at {
            let (header, seal) = header(last)?;
            let (history, ancestry) = (archive.history(last)?, archive.prove(at, last)?);
            steps.push(PathStep::Jump(Box::new(header), seal, history, ancestry));
            at = last;
        } else {
            let (header, seal) = header(at + 1)?;
            steps.push(PathStep::Child(Box::new(header), seal));
            at += 1;
        }
    }
    Some(steps)
}

/// Why a transaction may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It waits already, or another one with its nonce does.
    Taken,
    /// Too many wait.
    Full,
    /// Signature, lifetime or form.
    Invalid,
    /// Its nonce is used, or too far ahead.
    Nonce,
    /// Its sender has no account, or not enough credit.
    Funds,
    /// It does not apply for another reason.
    Other,
    /// The chain stands still at the moment.
    Stopped,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// All of this epoch are given out.
    NoneLeft,
    /// This network address, or the network around it, had its share of the day.
    Network,
    /// Too many solutions from this address at once.
    TooOften,
    /// The question was not this issuer's, or is too old: ask anew.
    Stale,
    /// The counter does not solve it.
    Stamp,
    /// The account is there already.
    There,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The newest header.
    Head(Box<Header>, Seal),
    /// Headers, rising.
    Headers(Vec<(Header, Seal)>),
    /// A path.
    Path(Vec<PathStep>),
    /// A list.
    Validators(Validators),
    /// A block; no proof where it is the asker's tip.
    Block(Box<Header>, Seal, Body, Option<HistoryProof>),
    /// Proofs, in the order of the keys.
    Leaves(Vec<Proof>),
    /// It waits now.
    Waits,
    /// It does not.
    Refused(Refusal),
    /// It is in the block at this height.
    Found(u64),
    /// Noted.
    Noted,
    /// This peer does not have it.
    Unknown,
    /// Solve this first.
    Stamp(Stamp),
    /// Let in: for [`Body::Admit`](crate::transaction::Body::Admit).
    Ticket(Ticket),
    /// Not now, and why; ask again after so many seconds.
    Denied(Denial, u32),
}

impl Wire for Question {
    const LEN_MAX: usize = QUESTION_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Head { after } => (0_u8, *after).encode_pair(out),
            Self::Headers { from, count } => {
                (1_u8, *from).encode_pair(out);
                count.encode(out);
            }
            Self::Path { from } => (2_u8, *from).encode_pair(out),
            Self::Validators { hash } => (3_u8, *hash).encode_pair(out),
            Self::Block { height, under } => {
                (4_u8, *height).encode_pair(out);
                under.encode(out);
            }
            Self::Leaves { height, keys } => {
                (5_u8, *height).encode_pair(out);
                encode_list(keys, out);
            }
            Self::Submit { transaction } => {
                out.push(6);
                transaction.encode(out);
            }
            Self::Find { transaction } => (7_u8, *transaction).encode_pair(out),
            Self::Show { header, seal } => {
                out.push(8);
                header.encode(out);
                seal.encode(out);
            }
            Self::Admission { account } => (9_u8, *account).encode_pair(out),
            Self::Stamped { stamp, counter } => {
                (10_u8, *stamp).encode_pair(out);
                counter.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Head { after: Wire::decode(input)? },
            1 => Self::Headers { from: Wire::decode(input)?, count: decode_count(input)? },
            2 => Self::Path { from: Wire::decode(input)? },
            3 => Self::Validators { hash: Wire::decode(input)? },
            4 => Self::Block { height: Wire::decode(input)?, under: Wire::decode(input)? },
            5 => Self::Leaves { height: Wire::decode(input)?, keys: decode_list(input, 1, KEYS_MAX)? },
            6 => Self::Submit { transaction: Box::new(Wire::decode(input)?) },
            7 => Self::Find { transaction: Wire::decode(input)? },
            8 => Self::Show { header: Box::new(Wire::decode(input)?), seal: Wire::decode(input)? },
            9 => Self::Admission { account: Wire::decode(input)? },
            10 => Self::Stamped { stamp: Wire::decode(input)?, counter: Wire::decode(input)? },
            found => return Err(WireError::Choice { what: "question", found }),
        })
    }
}

fn decode_count(input: &mut Reader<'_>) -> Result<u16, WireError> {
    let count = u16::decode(input)?;
    if (1..=HEADERS_PER_ASK_MAX).contains(&count) {
        return Ok(count);
    }
    Err(WireError::Count { min: 1, max: usize::from(HEADERS_PER_ASK_MAX), found: usize::from(count) })
}

/// A choice's byte and the field after it.
trait EncodePair {
    fn encode_pair(&self, out: &mut Vec<u8>);
}

impl<A: Wire, B: Wire> EncodePair for (A, B) {
    fn encode_pair(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
}

impl Wire for (Header, Seal) {
    const LEN_MAX: usize = Header::LEN_MAX + Seal::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_pair(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok((Header::decode(input)?, Seal::decode(input)?))
    }
}

impl Wire for PathStep {
    const LEN_MAX: usize = 1 + <(Header, Seal)>::LEN_MAX + History::LEN_MAX + HistoryProof::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Child(header, seal) => {
                out.push(0);
                header.encode(out);
                seal.encode(out);
            }
            Self::Jump(header, seal, history, ancestry) => {
                out.push(1);
                header.encode(out);
                seal.encode(out);
                history.encode(out);
                ancestry.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = u8::decode(input)?;
        let (header, seal) = (Box::new(Header::decode(input)?), Seal::decode(input)?);
        match kind {
            0 => Ok(Self::Child(header, seal)),
            1 => Ok(Self::Jump(header, seal, Wire::decode(input)?, Wire::decode(input)?)),
            found => Err(WireError::Choice { what: "step of a path", found }),
        }
    }
}

impl Wire for Refusal {
    const LEN_MAX: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Taken => 0,
            Self::Full => 1,
            Self::Invalid => 2,
            Self::Nonce => 3,
            Self::Funds => 4,
            Self::Other => 5,
            Self::Stopped => 6,
        });
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Taken,
            1 => Self::Full,
            2 => Self::Invalid,
            3 => Self::Nonce,
            4 => Self::Funds,
            5 => Self::Other,
            6 => Self::Stopped,
            found => return Err(WireError::Choice { what: "refusal", found }),
        })
    }
}

impl Wire for Denial {
    const LEN_MAX: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::NoneLeft => 0,
            Self::Network => 1,
            Self::TooOften => 2,
            Self::Stale => 3,
            Self::Stamp => 4,
            Self::There => 5,
        });
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::NoneLeft,
            1 => Self::Network,
            2 => Self::TooOften,
            3 => Self::Stale,
            4 => Self::Stamp,
            5 => Self::There,
            found => return Err(WireError::Choice { what: "denial", found }),
        })
    }
}

impl Wire for Answer {
    const LEN_MAX: usize = ANSWER_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Head(header, seal) => {
                out.push(0);
                header.encode(out);
                seal.encode(out);
            }
            Self::Headers(headers) => {
                out.push(1);
                encode_list(headers, out);
            }
            Self::Path(steps) => {
                out.push(2);
                encode_list(steps, out);
            }
            Self::Validators(list) => {
                out.push(3);
                list.encode(out);
            }
            Self::Block(header, seal, body, ancestry) => {
                out.push(4);
                header.encode(out);
                seal.encode(out);
                body.encode(out);
                ancestry.is_some().encode(out);
                ancestry.iter().for_each(|proof| proof.encode(out));
            }
            Self::Leaves(proofs) => {
                out.push(5);
                encode_list(proofs, out);
            }
            Self::Waits => out.push(6),
            Self::Refused(why) => {
                out.push(7);
                why.encode(out);
            }
            Self::Found(height) => {
                out.push(8);
                height.encode(out);
            }
            Self::Noted => out.push(9),
            Self::Unknown => out.push(10),
            Self::Stamp(stamp) => (11_u8, *stamp).encode_pair(out),
            Self::Ticket(ticket) => (12_u8, *ticket).encode_pair(out),
            Self::Denied(why, secs) => {
                (13_u8, *why).encode_pair(out);
                secs.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Head(Box::new(Wire::decode(input)?), Wire::decode(input)?),
            1 => Self::Headers(decode_list(input, 0, usize::from(HEADERS_PER_ASK_MAX))?),
            2 => Self::Path(decode_list(input, 0, STEPS_MAX)?),
            3 => Self::Validators(Wire::decode(input)?),
            4 => {
                let (header, seal) = (Box::new(Wire::decode(input)?), Wire::decode(input)?);
                let (body, has_proof) = (Wire::decode(input)?, bool::decode(input)?);
                Self::Block(header, seal, body, if has_proof { Some(Wire::decode(input)?) } else { None })
            }
            5 => Self::Leaves(decode_list(input, 1, KEYS_MAX)?),
            6 => Self::Waits,
            7 => Self::Refused(Wire::decode(input)?),
            8 => Self::Found(Wire::decode(input)?),
            9 => Self::Noted,
            10 => Self::Unknown,
            11 => Self::Stamp(Wire::decode(input)?),
            12 => Self::Ticket(Wire::decode(input)?),
            13 => Self::Denied(Wire::decode(input)?, Wire::decode(input)?),
            found => return Err(WireError::Choice { what: "answer", found }),
        })
    }
}

const _: () = assert!(1 + <(Header, Seal)>::LEN_MAX < QUESTION_LEN_MAX);
const _: () = assert!(SignedTransaction::LEN_MAX < QUESTION_LEN_MAX);
const _: () = assert!(KEYS_MAX * Proof::LEN_MAX < ANSWER_LEN_MAX);
const _: () = assert!(STEPS_MAX * PathStep::LEN_MAX < ANSWER_LEN_MAX);
