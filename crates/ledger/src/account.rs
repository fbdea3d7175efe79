//! Who: an account is an Ed25519 public key, and what stands under it.

use crate::amount::Credits;
use crate::wire::{wire_newtype, wire_struct};
use core::fmt;

/// How many nonces belong to one height. A new account starts at `height * NONCES_PER_HEIGHT`, so that deleting an
/// account and making it again never revives a signature: nobody applies more transactions in one block.
pub const NONCES_PER_HEIGHT: u64 = 65_536;

/// An account: its Ed25519 public key. A tab key that signs cheques, an issuer and a validator are named the same way.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub [u8; 32]);

wire_newtype!(AccountId([u8; 32]));

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId(")?;
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ")")
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the ledger knows of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Free to spend.
    pub balance: Credits,
    /// What the next transaction must say.
    pub nonce: u64,
    /// The block that made it.
    pub created: u64,
    /// The block of its newest transaction.
    pub last: u64,
    /// Channels it pays from.
    pub paying: u32,
    /// Channels that pay it.
    pub paid: u32,
}

wire_struct!(Account { balance: Credits, nonce: u64, created: u64, last: u64, paying: u32, paid: u32 });

impl Account {
    /// A new account, made at `height`.
    pub const fn new(balance: Credits, height: u64) -> Self {
        Self {
            balance,
            nonce: height.saturating_mul(NONCES_PER_HEIGHT),
            created: height,
            last: height,
            paying: 0,
            paid: 0,
        }
    }
}
