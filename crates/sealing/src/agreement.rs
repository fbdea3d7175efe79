//! Agreeing on one block at one height: Tendermint, by Malachite's core, and the only place that knows it.
//!
//! The core (`driver`, vote keeper, state machine) is used as it is: no networking, no storage, no clock. It decides
//! when to vote for what, and when a block is decided. Here its words are turned into ours and back. Signatures,
//! blocks, records and time are the business of `voting`.
//!
//! Buchman, Kwon, Milosevic: "The latest gossip on BFT consensus" (2018); the core names that paper's lines.
//!
//! Invariant: the core hears only about its own height, and only votes whose signatures were checked; then none of its
//! errors can arise, and one that does is dropped with its input.

mod context;

use crate::message::UNSIGNED;
use crate::proposers::Proposers;
use context::{Ballots, Chosen, Electorate, Proposed, Tendermint, Who, ballot_of};
use ledger::account::AccountId;
use ledger::hash::BlockId;
use ledger::validators::Validators;
use ledger::vote::{Ballot, Evidence, Step, Vote};
use malachite_driver::{Driver, Input, Output, ThresholdParams};
use malachite_types::{
    LinearTimeouts, PolkaCertificate, PolkaSignature, Round, SignedMessage, Timeout, TimeoutKind, Validity, Value as _,
    ValueId, Vote as _,
};
use std::collections::VecDeque;
use std::time::Duration;

/// Rounds ahead of ours of which votes are kept. A round takes seconds and more of them each time, so nobody who is
/// up is further behind; who was away is brought up to date by the decided block instead.
pub const ROUNDS_AHEAD_MAX: u32 = 64;

/// How long each step of a round waits, growing by half a second a round.
const PATIENCE: LinearTimeouts = LinearTimeouts {
    propose: Duration::from_secs(2),
    propose_delta: Duration::from_millis(500),
    prevote: Duration::from_secs(1),
    prevote_delta: Duration::from_millis(500),
    precommit: Duration::from_secs(1),
    precommit_delta: Duration::from_millis(500),
    rebroadcast: Duration::from_secs(1),
    max_timeout: Duration::from_secs(30),
};

/// What the agreement hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// We made a block, as asked.
    Built {
        /// For this round.
        round: u32,
        /// Its name.
        block: BlockId,
    },
    /// A proposal, ours or another's; its signature was checked and its block judged.
    Proposed {
        /// Signed by the proposer.
        vote: Vote,
        /// The earlier round in which two thirds preferred it.
        locked: Option<u32>,
        /// Whether the block is good.
        is_valid: bool,
    },
    /// A vote whose signature was checked.
    Voted(Vote),
    /// Prevotes of one round for one block, together more than two thirds of the power, each of them checked. A double
    /// voter can show everybody another face; such a set settles what the others cannot see from single votes.
    Preferred(Vec<Vote>),
    /// A wait is over.
    Elapsed(Wait),
}

/// What the agreement is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// 0 for a proposal, 1 for prevotes, 2 for precommits.
    pub kind: u8,
    /// Of which round.
    pub round: u32,
}

/// What the agreement wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Make a block: it is our turn, and nothing earlier is preferred.
    Build {
        /// The round.
        round: u32,
    },
    /// Propose this block.
    Propose {
        /// The round.
        round: u32,
        /// Its name.
        block: BlockId,
        /// The earlier round in which two thirds preferred it.
        locked: Option<u32>,
    },
    /// Vote.
    Vote {
        /// Prevote or precommit.
        step: Step,
        /// The round.
        round: u32,
        /// For this block, or [`BlockId::NONE`].
        block: BlockId,
    },
    /// Tell again after this long, with [`Heard::Elapsed`].
    Wait(Wait, Duration),
    /// This block is decided.
    Decided {
        /// The round whose precommits decided it.
        round: u32,
        /// Its name.
        block: BlockId,
    },
}

/// Agreeing on one height.
#[derive(Debug)]
pub struct Agreement {
    driver: Driver<Tendermint>,
    height: u64,
    proposers: Proposers,
    wishes: VecDeque<Wish>,
}

impl Agreement {
    /// Begins the first round. `me` is one of the validators.
    pub fn new(height: u64, validators: &Validators, me: AccountId) -> Self {
        let electorate = Electorate::of(validators);
        let driver = Driver::new(Tendermint, Ballots(height), electorate, Who(me), ThresholdParams::default());
        let mut agreement = Self { driver, height, proposers: Proposers::of(validators), wishes: VecDeque::new() };
        agreement.enter(0);
        agreement
    }

    /// The round it is in.
    pub fn round(&self) -> u32 {
        self.driver.round().as_u32().unwrap_or(0)
    }

    /// Who proposes in a round.
    pub fn proposer(&self, round: u32) -> Option<AccountId> {
        self.proposers.at(self.height, round)
    }

    /// Takes one input; drain [`poll_wish`](Self::poll_wish) after it.
    pub fn hear(&mut self, heard: Heard) {
        let input = match heard {
            Heard::Built { round, block } => Input::ProposeValue(Round::new(round), Chosen(block)),
            Heard::Proposed { vote, locked, is_valid } => {
                let proposed = Proposed {
                    height: Ballots(vote.ballot.height),
                    round: Round::new(vote.ballot.round),
                    block: Chosen(vote.ballot.block),
                    locked: Round::from(locked),
                    proposer: Who(vote.validator),
                };
                Input::Proposal(SignedMessage::new(proposed, vote.signature), Validity::from_bool(is_valid))
            }
            Heard::Voted(vote) => match context::Cast::of(&vote) {
                Some(cast) if vote.ballot.round <= self.round().saturating_add(ROUNDS_AHEAD_MAX) => {
                    Input::Vote(SignedMessage::new(cast, vote.signature))
                }
                _ => return,
            },
            Heard::Preferred(votes) => {
                let Some(ballot) = votes.first().map(|vote| vote.ballot) else { return };
                let signature = |vote: &Vote| PolkaSignature::new(Who(vote.validator), vote.signature);
                Input::PolkaCertificate(PolkaCertificate {
                    height: Ballots(ballot.height),
                    round: Round::new(ballot.round),
                    value_id: Chosen(ballot.block),
                    polka_signatures: votes.iter().map(signature).collect(),
                })
            }
            Heard::Elapsed(Wait { kind, round }) => {
                let kind = match kind {
                    0 => TimeoutKind::Propose,
                    1 => TimeoutKind::Prevote,
                    _ => TimeoutKind::Precommit,
                };
                Input::TimeoutElapsed(Timeout::new(Round::new(round), kind))
            }
        };
        self.process(input);
    }

    /// The next wish, in order.
    pub fn poll_wish(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// The precommits of a round for a block: what its certificate is made of.
    pub fn precommits(&self, round: u32, block: BlockId) -> Vec<Vote> {
        let id: ValueId<Tendermint> = Chosen(block);
        let votes = self.driver.restore_precommits(Round::new(round), &id);
        votes.into_iter().map(|vote| vote_of(&vote.message, vote.signature)).collect()
    }

    /// Every vote of a round that was heard, ours included.
    pub fn votes(&self, round: u32) -> Vec<Vote> {
        let votes = self.driver.votes().per_round(Round::new(round)).map(|votes| votes.received_votes());
        votes.into_iter().flatten().map(|vote| vote_of(&vote.message, vote.signature)).collect()
    }

    /// Whether this very vote was heard, or another one by its validator for the same step.
    pub fn has(&self, vote: &Vote) -> bool {
        self.votes(vote.ballot.round).contains(vote)
    }

    /// Whether two thirds are known to prefer this block in this round.
    pub fn is_preferred(&self, round: u32, block: BlockId) -> bool {
        self.driver.polka_certificate(Round::new(round), &Chosen(block)).is_some()
    }

    /// The votes that made two thirds prefer the block that must be proposed again, if there is one.
    pub fn preferred(&self) -> Option<Vec<Vote>> {
        let valid = self.driver.valid_value()?;
        let certificate = self.driver.polka_certificate(valid.round, &valid.value)?;
        let ballot = Ballot { height: self.height, round: valid.round.as_u32()?, block: valid.value.0 };
        let vote = |one: &PolkaSignature<Tendermint>| Vote {
            step: Step::Prevote,
            ballot,
            validator: one.address.0,
            signature: one.signature,
        };
        Some(certificate.polka_signatures.iter().map(vote).collect())
    }

    /// Pairs of votes that no honest validator signs both of.
    pub fn take_evidence(&mut self) -> Vec<Evidence> {
        let pairs = self.driver.take_vote_evidence();
        let pairs = pairs.iter().flat_map(|(_, pairs)| pairs);
        pairs
            .filter_map(|(one, other)| {
                Evidence::new(vote_of(&one.message, one.signature), vote_of(&other.message, other.signature))
            })
            .collect()
    }

    fn enter(&mut self, round: u32) {
        if let Some(proposer) = self.proposer(round) {
            self.process(Input::NewRound(Ballots(self.height), Round::new(round), Who(proposer)));
        }
    }

    fn process(&mut self, input: Input<Tendermint>) {
        // By the invariant above there is no error; an input that caused one is as if it had not come.
        for output in self.driver.process(input).unwrap_or_default() {
            match output {
                Output::NewRound(_, round) => self.enter(round.as_u32().unwrap_or(0)),
                Output::Propose(proposed) => self.wishes.push_back(Wish::Propose {
                    round: proposed.round.as_u32().unwrap_or(0),
                    block: proposed.block.0,
                    locked: proposed.locked.as_u32(),
                }),
                Output::Vote(cast) => {
                    let vote = vote_of(&cast, UNSIGNED);
                    let (round, block) = (vote.ballot.round, vote.ballot.block);
                    self.wishes.push_back(Wish::Vote { step: vote.step, round, block });
                }
                Output::Decide(round, proposed) => {
                    let round = round.as_u32().unwrap_or(0);
                    self.wishes.push_back(Wish::Decided { round, block: proposed.block.id().0 });
                }
                Output::ScheduleTimeout(timeout) => self.wait(timeout),
                Output::GetValue(_, round, _) => {
                    self.wishes.push_back(Wish::Build { round: round.as_u32().unwrap_or(0) });
                }
            }
        }
    }

    fn wait(&mut self, timeout: Timeout) {
        let kind = match timeout.kind {
            TimeoutKind::Propose => 0,
            TimeoutKind::Prevote => 1,
            TimeoutKind::Precommit => 2,
            // Sending again is `voting`'s affair, and nothing waits after a decision.
            TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => return,
        };
        if let Some(round) = timeout.round.as_u32() {
            self.wishes.push_back(Wish::Wait(Wait { kind, round }, PATIENCE.duration_for(timeout)));
        }
    }
}

fn vote_of(cast: &context::Cast, signature: ledger::signing::Signature) -> Vote {
    let step = match cast.vote_type() {
        malachite_types::VoteType::Prevote => Step::Prevote,
        malachite_types::VoteType::Precommit => Step::Precommit,
    };
    Vote { step, ballot: ballot_of(cast), validator: cast.validator_address().0, signature }
}
