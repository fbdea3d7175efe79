//! Our words as the agreement core wants to see them: names, numbers and signatures, never blocks.

use ledger::account::AccountId;
use ledger::hash::BlockId;
use ledger::signing::Signature;
use ledger::validators::Validators;
use ledger::vote::{Ballot, Step, Vote};
use malachite_types::{
    Address, Context, Height, LinearTimeouts, NilOrVal, Proposal, ProposalPart, Round, SignedExtension, SigningScheme,
    Validator, ValidatorSet, Value, VoteType, VotingPower,
};
use std::fmt;

/// The core's types, chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tendermint;

/// A validator's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who(pub(super) AccountId);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Address for Who {}

/// A height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ballots(pub(super) u64);

impl fmt::Display for Ballots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Height for Ballots {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A block, by its name: blocks themselves stay outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chosen(pub(super) BlockId);

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Chosen {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proposed {
    pub(super) height: Ballots,
    pub(super) round: Round,
    pub(super) block: Chosen,
    pub(super) locked: Round,
    pub(super) proposer: Who,
}

impl Proposal<Tendermint> for Proposed {
    fn height(&self) -> Ballots {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Chosen {
        &self.block
    }

    fn take_value(self) -> Chosen {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.locked
    }

    fn validator_address(&self) -> &Who {
        &self.proposer
    }
}

/// Blocks travel whole beside their proposal, so there are no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoPart {}

impl ProposalPart<Tendermint> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }

    fn is_last(&self) -> bool {
        match *self {}
    }
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    height: Ballots,
    round: Round,
    block: NilOrVal<Chosen>,
    kind: VoteType,
    validator: Who,
}

impl Cast {
    /// A prevote or precommit of ours in the core's words.
    pub(super) fn of(vote: &Vote) -> Option<Self> {
        let kind = match vote.step {
            Step::Proposal => return None,
            Step::Prevote => VoteType::Prevote,
            Step::Precommit => VoteType::Precommit,
        };
        let Ballot { height, round, block } = vote.ballot;
        let block = if block == BlockId::NONE { NilOrVal::Nil } else { NilOrVal::Val(Chosen(block)) };
        Some(Self { height: Ballots(height), round: Round::new(round), block, kind, validator: Who(vote.validator) })
    }
}

/// What a vote is about.
pub(super) fn ballot_of(cast: &Cast) -> Ballot {
    let block = match cast.block {
        NilOrVal::Nil => BlockId::NONE,
        NilOrVal::Val(Chosen(block)) => block,
    };
    Ballot { height: cast.height.0, round: cast.round.as_u32().unwrap_or(0), block }
}

impl malachite_types::Vote<Tendermint> for Cast {
    fn height(&self) -> Ballots {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Chosen> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<Chosen> {
        self.block
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Who {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<Tendermint>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Tendermint>> {
        None
    }

    fn extend(self, _: SignedExtension<Tendermint>) -> Self {
        self
    }
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elector {
    who: Who,
    power: VotingPower,
}

impl Validator<Tendermint> for Elector {
    fn address(&self) -> &Who {
        &self.who
    }

    fn public_key(&self) -> &AccountId {
        &self.who.0
    }

    fn voting_power(&self) -> VotingPower {
        self.power
    }
}

/// Everybody who votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Electorate {
    electors: Vec<Elector>,
    total: VotingPower,
}

impl Electorate {
    pub(super) fn of(validators: &Validators) -> Self {
        let electors = validators.iter().map(|one| Elector { who: Who(one.id), power: one.power }).collect();
        Self { electors, total: validators.total() }
    }
}

impl ValidatorSet<Tendermint> for Electorate {
    fn count(&self) -> usize {
        self.electors.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.total
    }

    fn get_by_address(&self, address: &Who) -> Option<&Elector> {
        self.electors.iter().find(|elector| elector.who == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Elector> {
        self.electors.get(index)
    }
}

/// Ed25519 as crate `ledger` has it. The core moves signatures and never looks at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ed25519;

/// Bytes that are no signature or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected} bytes")]
pub(super) struct WrongLength {
    expected: usize,
}

impl SigningScheme for Ed25519 {
    type DecodingError = WrongLength;
    type Signature = Signature;
    type PublicKey = AccountId;
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<Signature, WrongLength> {
        bytes.try_into().map(Signature).map_err(|_| WrongLength { expected: 64 })
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<AccountId, WrongLength> {
        bytes.try_into().map(AccountId).map_err(|_| WrongLength { expected: 32 })
    }

    fn encode_public_key(public_key: &AccountId) -> Vec<u8> {
        public_key.0.to_vec()
    }
}

impl Context for Tendermint {
    type Address = Who;
    type Height = Ballots;
    type ProposalPart = NoPart;
    type Proposal = Proposed;
    type Validator = Elector;
    type ValidatorSet = Electorate;
    type Timeouts = LinearTimeouts;
    type Value = Chosen;
    type Vote = Cast;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(&self, validators: &'a Electorate, height: Ballots, round: Round) -> &'a Elector {
        // The driver is told each round's proposer and does not ask; equals in turn is an answer all the same.
        let at =
            (height.0.wrapping_add(u64::from(round.as_u32().unwrap_or(0)))) % validators.electors.len().max(1) as u64;
        &validators.electors[at as usize]
    }

    fn new_proposal(&self, height: Ballots, round: Round, block: Chosen, locked: Round, proposer: Who) -> Proposed {
        Proposed { height, round, block, locked, proposer }
    }

    fn new_prevote(&self, height: Ballots, round: Round, block: NilOrVal<Chosen>, validator: Who) -> Cast {
        Cast { height, round, block, kind: VoteType::Prevote, validator }
    }

    fn new_precommit(&self, height: Ballots, round: Round, block: NilOrVal<Chosen>, validator: Who) -> Cast {
        Cast { height, round, block, kind: VoteType::Precommit, validator }
    }
}
