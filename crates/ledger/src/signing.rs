//! One signature per purpose.
//!
//! What is signed is `tag (16 bytes) | chain id | message`, so one key never means two things and nothing signed for
//! one chain holds on another. [`verify`] is Ed25519 with the strict rules (no small-order keys, no second spelling of
//! a signature): every peer must come to the same verdict, or the chain splits.

use crate::account::AccountId;
use crate::hash::{ChainId, TAG_LEN, tag};
use crate::wire::wire_newtype;
use core::fmt;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A transaction, by its account.
    Transaction,
    /// A promise to pay, by a channel's signer.
    Cheque,
    /// An admission ticket, by its issuer.
    Ticket,
    /// An account lets a tab key act for it.
    Session,
    /// A validator's first vote.
    Prevote,
    /// A validator's second vote; two thirds of them are a certificate.
    Precommit,
    /// A proposed block, by its proposer.
    Proposal,
    /// A relay says where a peer stands in the network.
    Presence,
    /// A new list of authorities, by the old and the new ones.
    AuthoritySet,
}

impl Purpose {
    /// The bytes that open everything signed for this purpose.
    pub const fn tag(self) -> [u8; TAG_LEN] {
        tag(match self {
            Self::Transaction => "tx/1",
            Self::Cheque => "cheque/1",
            Self::Ticket => "ticket/1",
            Self::Session => "session/1",
            Self::Prevote => "prevote/1",
            Self::Precommit => "precommit/1",
            Self::Proposal => "proposal/1",
            Self::Presence => "presence/1",
            Self::AuthoritySet => "authset/1",
        })
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

wire_newtype!(Signature([u8; 64]));

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature(")?;
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ")")
    }
}

/// What a signature of this purpose signs. A key that never leaves a browser's crypto store signs these bytes.
pub fn signed_bytes(purpose: Purpose, chain: &ChainId, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TAG_LEN + 32 + message.len());
    bytes.extend_from_slice(&purpose.tag());
    bytes.extend_from_slice(chain.as_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// Whether `signer` signed this message for this purpose on this chain.
pub fn verify(purpose: Purpose, chain: &ChainId, signer: &AccountId, message: &[u8], signature: &Signature) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(&signer.0) else { return false };
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(&signed_bytes(purpose, chain, message), &signature).is_ok()
}

/// Signs with a key that is here, as bytes: a tab key, a validator's, a test's.
pub fn sign(purpose: Purpose, chain: &ChainId, key: &SigningKey, message: &[u8]) -> Signature {
    Signature(key.sign(&signed_bytes(purpose, chain, message)).to_bytes())
}

/// The account of a signing key.
pub fn account_of(key: &SigningKey) -> AccountId {
    AccountId(key.verifying_key().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: ChainId = ChainId([7; 32]);

    #[test]
    fn signature_holds_for_its_purpose_chain_signer_and_message_only() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let account = account_of(&key);
        let other = account_of(&SigningKey::from_bytes(&[2; 32]));
        let signature = sign(Purpose::Cheque, &CHAIN, &key, b"10");
        assert!(verify(Purpose::Cheque, &CHAIN, &account, b"10", &signature));
        assert!(!verify(Purpose::Transaction, &CHAIN, &account, b"10", &signature));
        assert!(!verify(Purpose::Cheque, &ChainId([8; 32]), &account, b"10", &signature));
        assert!(!verify(Purpose::Cheque, &CHAIN, &other, b"10", &signature));
        assert!(!verify(Purpose::Cheque, &CHAIN, &account, b"11", &signature));
    }

    #[test]
    fn keys_of_small_order_sign_nothing() {
        // The neutral element as a key makes the lax equation hold for any message with R = neutral and s = 0.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!verify(Purpose::Cheque, &CHAIN, &AccountId(neutral), b"anything", &Signature(signature)));
    }

    #[test]
    fn bytes_that_are_no_point_are_a_false_and_not_a_panic() {
        let no_point = (0..=255).map(|byte| AccountId([byte; 32])).find(|id| VerifyingKey::from_bytes(&id.0).is_err());
        let no_point = no_point.expect("about half of all strings are no point");
        assert!(!verify(Purpose::Cheque, &CHAIN, &no_point, b"", &Signature([255; 64])));
    }
}
