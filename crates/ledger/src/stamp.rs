//! The stamp on an application: a puzzle that costs a newcomer seconds and its issuer one trial.
//!
//! A trial is Argon2id over 16 MiB, which no machine does much faster than a phone. The stamp is the issuer's rule and
//! not the ledger's: no validator runs it, and what bounds free identities is the cap on tickets, not this.

use crate::account::AccountId;
use crate::wire::{Wire, wire_struct};
use argon2::{Algorithm, Argon2, Block as MemoryBlock, Params, Version};

/// Memory of one trial, KiB.
const MEMORY_KIB: u32 = 16 * 1024;

/// Passes over it.
const PASSES: u32 = 2;

/// No issuer asks for more: 4,096 trials are minutes on a phone.
pub const BITS_MAX: u8 = 12;

/// What an issuer asks of one account in one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Who asks.
    pub issuer: AccountId,
    /// Who is to be let in.
    pub account: AccountId,
    /// The epoch of the ticket.
    pub epoch: u32,
    /// The issuer knows by it that the question is its own.
    pub salt: [u8; 16],
    /// Zero bits that a solution begins with: 2^bits trials on average.
    pub bits: u8,
}

wire_struct!(Stamp { issuer: AccountId, account: AccountId, epoch: u32, salt: [u8; 16], bits: u8 });

/// Memory for trials, kept from one to the next.
#[derive(Debug)]
pub struct Stamping {
    memory: Vec<MemoryBlock>,
}

impl Default for Stamping {
    fn default() -> Self {
        Self { memory: vec![MemoryBlock::default(); MEMORY_KIB as usize] }
    }
}

impl Stamping {
    /// Whether this counter solves it: one trial.
    pub fn solves(&mut self, stamp: &Stamp, counter: u64) -> bool {
        let Ok(parameters) = Params::new(MEMORY_KIB, PASSES, 1, Some(32)) else { return false };
        let function = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let mut question = stamp.to_bytes();
        counter.encode(&mut question);
        let mut proof = [0; 32];
        let done = function.hash_password_into_with_memory(&question, &stamp.salt, &mut proof, &mut self.memory);
        let zeros =
            u64::from_be_bytes([proof[0], proof[1], proof[2], proof[3], proof[4], proof[5], proof[6], proof[7]])
                .leading_zeros();
        done.is_ok() && zeros >= u32::from(stamp.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_is_for_one_account_and_one_salt() {
        let stamp = Stamp { issuer: AccountId([1; 32]), account: AccountId([2; 32]), epoch: 3, salt: [4; 16], bits: 2 };
        let mut stamping = Stamping::default();
        let counter = (0..64).find(|counter| stamping.solves(&stamp, *counter)).expect("one in four");
        assert!(stamping.solves(&Stamp { bits: 0, ..stamp }, 0), "nothing is asked");
        let others = [
            Stamp { account: AccountId([9; 32]), bits: BITS_MAX, ..stamp },
            Stamp { salt: [9; 16], bits: BITS_MAX, ..stamp },
        ];
        assert!(others.iter().all(|other| !stamping.solves(other, counter)), "twelve bits by chance");
    }
}
