//! Admission tickets: an issuer lets one account in, once, with a grant from the treasury.
//!
//! How an issuer chooses whom to admit (a stamp of work, limits per network) is its own affair. What the ledger counts
//! is how many tickets it gave out: that cap is the bound on what free identities can take.

use crate::account::AccountId;
use crate::hash::ChainId;
use crate::signing::{self, Purpose, Signature};
use crate::wire::{Wire, wire_struct};
use ed25519_dalek::SigningKey;

/// Serials of one issuer and epoch: one bit each in its leaf.
pub const SERIALS: usize = 512;

/// What an issuer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Who lets in.
    pub issuer: AccountId,
    /// Who is let in.
    pub account: AccountId,
    /// In which epoch; good for the next one, too.
    pub epoch: u32,
    /// Which of the issuer's tickets of that epoch.
    pub serial: u16,
    /// A keyed hash of the network prefix, to group identities by network without their addresses.
    pub prefix_tag: [u8; 8],
}

wire_struct!(Admission { issuer: AccountId, account: AccountId, epoch: u32, serial: u16, prefix_tag: [u8; 8] });

/// A signed admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What it grants.
    pub admission: Admission,
    /// By the issuer.
    pub signature: Signature,
}

wire_struct!(Ticket { admission: Admission, signature: Signature });

impl Ticket {
    /// Signs as the issuer.
    pub fn sign(admission: Admission, chain: &ChainId, key: &SigningKey) -> Self {
        Self { admission, signature: signing::sign(Purpose::Ticket, chain, key, &admission.to_bytes()) }
    }

    /// Whether the issuer that it names signed it for this chain.
    pub fn is_signed(&self, chain: &ChainId) -> bool {
        let admission = &self.admission;
        signing::verify(Purpose::Ticket, chain, &admission.issuer, &admission.to_bytes(), &self.signature)
    }
}

/// Which serials of one issuer and epoch are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serials(pub [u8; SERIALS / 8]);

crate::wire::wire_newtype!(Serials([u8; SERIALS / 8]));

impl Default for Serials {
    fn default() -> Self {
        Self([0; SERIALS / 8])
    }
}

impl Serials {
    /// How many are used.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Whether this one is free; there are no others than [`SERIALS`].
    pub fn is_free(&self, serial: u16) -> bool {
        self.0.get(usize::from(serial / 8)).is_some_and(|byte| byte & (1 << (serial % 8)) == 0)
    }

    /// Marks it used.
    pub fn mark(&mut self, serial: u16) {
        if let Some(byte) = self.0.get_mut(usize::from(serial / 8)) {
            *byte |= 1 << (serial % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_is_used_once_and_none_is_past_the_end() {
        let mut serials = Serials::default();
        assert!(serials.is_free(511) && !serials.is_free(512) && !serials.is_free(u16::MAX));
        serials.mark(511);
        assert!(!serials.is_free(511));
        assert_eq!(serials.count(), 1);
    }
}
