//! The promise to pay, off the ledger: all that a payer owes on one channel so far, signed by the channel's tab key.
//!
//! Totals are absolute and only grow, so the newest cheque is worth all of them, losing one loses nothing, and sending
//! one twice changes nothing. `total` alone orders them. `bytes` makes the cheque double as the consumer's receipt for
//! what it verified; the ledger does not look at it.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::hash::{ChainId, ChannelId};
use crate::signing::{self, Purpose, Signature};
use crate::wire::{Wire, wire_struct};
use ed25519_dalek::SigningKey;

/// What the payer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Drawn on this channel.
    pub channel: ChannelId,
    /// Everything promised on it so far.
    pub total: Credits,
    /// Everything verified on it so far, bytes.
    pub bytes: u64,
}

wire_struct!(Promise { channel: ChannelId, total: Credits, bytes: u64 });

/// A signed promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cheque {
    /// What it promises.
    pub promise: Promise,
    /// By the channel's signer.
    pub signature: Signature,
}

wire_struct!(Cheque { promise: Promise, signature: Signature });

impl Cheque {
    /// Signs with the tab key.
    pub fn sign(promise: Promise, chain: &ChainId, key: &SigningKey) -> Self {
        Self { promise, signature: signing::sign(Purpose::Cheque, chain, key, &promise.to_bytes()) }
    }

    /// Whether this key signed it for this chain.
    pub fn is_signed_by(&self, signer: &AccountId, chain: &ChainId) -> bool {
        signing::verify(Purpose::Cheque, chain, signer, &self.promise.to_bytes(), &self.signature)
    }
}
