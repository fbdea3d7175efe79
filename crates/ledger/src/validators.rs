//! Who may seal, and with how much power.
//!
//! A header carries the hash of the list in force and of the next one; the list itself travels once and is known by
//! its hash. Order is part of the list: the proposer of a round and the bits of a certificate count along it.

use crate::account::AccountId;
use crate::hash::{ValidatorsHash, hash, tag};
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max, wire_struct};

/// The most validators of a list: one bit each in a certificate, whose check stays within a few milliseconds.
pub const VALIDATORS_MAX: usize = 32;

/// The most authorities: their list and both sets of signatures fit one transaction.
pub const AUTHORITIES_MAX: usize = 16;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Its key.
    pub id: AccountId,
    /// What its signature weighs; never zero.
    pub power: u64,
}

wire_struct!(Validator { id: AccountId, power: u64 });

/// The list. Distinct keys, no power of zero, and a total that fits 64 bits: nothing else can be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    list: Vec<Validator>,
    total: u64,
}

/// Why a list of validators is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorsError {
    /// More than a certificate has bits for.
    #[error("{found} validators, at most {VALIDATORS_MAX}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// One of them twice.
    #[error("{id} is listed twice")]
    Twice {
        /// Which.
        id: AccountId,
    },
    /// One without power, or too much power for a sum.
    #[error("powers are zero or too large")]
    Power,
}

impl Validators {
    /// The list, if it is one. It may be empty: engine work has no validators.
    pub fn new(list: Vec<Validator>) -> Result<Self, ValidatorsError> {
        if list.len() > VALIDATORS_MAX {
            return Err(ValidatorsError::TooMany { found: list.len() });
        }
        for (at, validator) in list.iter().enumerate() {
            if list[..at].iter().any(|earlier| earlier.id == validator.id) {
                return Err(ValidatorsError::Twice { id: validator.id });
            }
        }
        let total = list.iter().try_fold(0_u64, |total, validator| match validator.power {
            0 => None,
            power => total.checked_add(power),
        });
        // Three times the total must fit as well, for "more than two thirds".
        let total = total.filter(|total| *total <= u64::MAX / 3).ok_or(ValidatorsError::Power)?;
        Ok(Self { list, total })
    }

    /// Everybody with the same power.
    pub fn equal(ids: &[AccountId]) -> Result<Self, ValidatorsError> {
        Self::new(ids.iter().map(|id| Validator { id: *id, power: 1 }).collect())
    }

    /// In order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Validator> {
        self.list.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The one at this place.
    pub fn get(&self, index: usize) -> Option<&Validator> {
        self.list.get(index)
    }

    /// Where it stands.
    pub fn position(&self, id: &AccountId) -> Option<usize> {
        self.list.iter().position(|validator| validator.id == *id)
    }

    /// The power of this one, or none.
    pub fn power_of(&self, id: &AccountId) -> u64 {
        self.list.iter().find(|validator| validator.id == *id).map_or(0, |validator| validator.power)
    }

    /// All power together.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether this much power is more than two thirds of all: two such groups share an honest validator as long as
    /// less than a third is faulty.
    pub const fn is_quorum(&self, power: u64) -> bool {
        self.total > 0 && power as u128 * 3 > self.total as u128 * 2
    }

    /// What headers call this list.
    pub fn hash(&self) -> ValidatorsHash {
        hash(&tag("validators"), &[&self.to_bytes()]).into()
    }

    /// The same list without this one.
    pub fn without(&self, id: &AccountId) -> Self {
        let list: Vec<_> = self.list.iter().copied().filter(|validator| validator.id != *id).collect();
        let total = list.iter().map(|validator| validator.power).sum();
        Self { list, total }
    }
}

impl Wire for Validators {
    const LEN_MAX: usize = list_len_max::<Validator>(VALIDATORS_MAX);

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.list, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let list = decode_list(input, 0, VALIDATORS_MAX)?;
        Self::new(list).map_err(|_| WireError::NotCanonical { what: "a list of validators" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(powers: &[u64]) -> Validators {
        let list = powers.iter().zip(0_u8..).map(|(power, at)| Validator { id: AccountId([at; 32]), power: *power });
        Validators::new(list.collect()).unwrap()
    }

    #[test]
    fn exactly_two_thirds_are_no_quorum() {
        assert!(!of(&[1, 1, 1]).is_quorum(2));
        assert!(of(&[1, 1, 1]).is_quorum(3));
        assert!(of(&[1, 1, 1, 1]).is_quorum(3));
        assert!(of(&[1]).is_quorum(1));
        assert!(!of(&[1]).is_quorum(0));
        assert!(!of(&[]).is_quorum(0), "nobody is not everybody");
    }

    #[test]
    fn doubled_powerless_and_overflowing_validators_are_refused() {
        let one = Validator { id: AccountId([1; 32]), power: 1 };
        assert_eq!(Validators::new(vec![one, one]), Err(ValidatorsError::Twice { id: one.id }));
        assert_eq!(Validators::new(vec![Validator { power: 0, ..one }]), Err(ValidatorsError::Power));
        assert_eq!(Validators::new(vec![Validator { power: u64::MAX, ..one }]), Err(ValidatorsError::Power));
    }
}
