//! The seal of engines authority and stake: precommits of more than two thirds of the power.

use crate::hash::{BlockId, ChainId};
use crate::signing::{self, Signature};
use crate::validators::{VALIDATORS_MAX, Validators};
use crate::vote::{Ballot, Evidence, Step, Vote};
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max};

/// Who signed, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    ballot: Ballot,
    /// Bit `i`: the validator at place `i` of the list signed.
    signers: u32,
    /// Theirs, in the order of the list.
    signatures: Vec<Signature>,
}

/// Why a certificate certifies nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is about another block.
    #[error("certifies another block")]
    OtherBlock,
    /// It names a validator that is not on the list.
    #[error("names a validator that the list has not")]
    Stranger,
    /// One of its signatures does not hold.
    #[error("the signature of validator {place} does not hold")]
    Signature {
        /// Its place on the list.
        place: u8,
    },
    /// Not more than two thirds.
    #[error("{power} of {total} is not more than two thirds")]
    Quorum {
        /// How much signed.
        power: u64,
        /// How much there is.
        total: u64,
    },
}

impl Certificate {
    /// Collects precommits for one ballot; those by strangers, for something else or doubled are left out.
    pub fn collect(ballot: Ballot, votes: &[Vote], validators: &Validators) -> Self {
        let fits = |vote: &&Vote| vote.step == Step::Precommit && vote.ballot == ballot;
        let mut signers = 0;
        let mut signatures = Vec::new();
        for (place, validator) in validators.iter().enumerate() {
            if let Some(vote) = votes.iter().filter(fits).find(|vote| vote.validator == validator.id) {
                signers |= 1 << place;
                signatures.push(vote.signature);
            }
        }
        Self { ballot, signers, signatures }
    }

    /// What was signed.
    pub const fn ballot(&self) -> &Ballot {
        &self.ballot
    }

    /// How many signed.
    pub fn signers(&self) -> usize {
        self.signatures.len()
    }

    fn places(&self) -> impl Iterator<Item = (usize, &Signature)> {
        (0..VALIDATORS_MAX).filter(|place| self.signers >> place & 1 == 1).zip(&self.signatures)
    }

    /// The power behind it, if that is more than two thirds of the list and every signature holds.
    pub fn check(
        &self,
        block: &BlockId,
        height: u64,
        validators: &Validators,
        chain: &ChainId,
    ) -> Result<u64, CertificateError> {
        if self.ballot.block != *block || self.ballot.height != height || *block == BlockId::NONE {
            return Err(CertificateError::OtherBlock);
        }
        let mut power = 0_u64;
        for (place, _) in self.places() {
            power = power.saturating_add(validators.get(place).ok_or(CertificateError::Stranger)?.power);
        }
        // Counting is cheap and checking signatures is not.
        if !validators.is_quorum(power) {
            return Err(CertificateError::Quorum { power, total: validators.total() });
        }
        let message = self.ballot.to_bytes();
        for (place, signature) in self.places() {
            let signer = validators.get(place).ok_or(CertificateError::Stranger)?.id;
            if !signing::verify(Step::Precommit.purpose(), chain, &signer, &message, signature) {
                return Err(CertificateError::Signature { place: place as u8 });
            }
        }
        Ok(power)
    }

    /// Everybody who signed both of two certificates that cannot both be: of one height and round, for different
    /// blocks. Since each has more than two thirds, that is at least one third of the power.
    pub fn double_signers(&self, other: &Self, validators: &Validators) -> Vec<Evidence> {
        let vote = |certificate: &Self, place: usize, signature: Signature| {
            let validator = validators.get(place)?.id;
            Some(Vote { step: Step::Precommit, ballot: certificate.ballot, validator, signature })
        };
        self.places()
            .filter_map(|(place, signature)| {
                let (_, second) = other.places().find(|(at, _)| *at == place)?;
                Evidence::new(vote(self, place, *signature)?, vote(other, place, *second)?)
            })
            .collect()
    }
}

impl Wire for Certificate {
    const LEN_MAX: usize = Ballot::LEN_MAX + 4 + list_len_max::<Signature>(VALIDATORS_MAX);

    fn encode(&self, out: &mut Vec<u8>) {
        self.ballot.encode(out);
        self.signers.encode(out);
        encode_list(&self.signatures, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (ballot, signers) = (Ballot::decode(input)?, u32::decode(input)?);
        let count = signers.count_ones() as usize;
        Ok(Self { ballot, signers, signatures: decode_list(input, count, count)? })
    }
}
