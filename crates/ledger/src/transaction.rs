//! A signed change that somebody asks for.
//!
//! ```text
//! version u8 | kind u8 | sender | nonce u64 | valid_until u64 | body, by kind | signature
//! ```
//!
//! The signature is over everything before it, the id over everything with it: a block commits to the very bytes that
//! its validators checked. What each kind demands and does is in [`crate::state`].

mod body;

pub use body::{
    Authorities, Body, CHEQUES_MAX, Cheques, ENTRIES_MAX, Kind, OldSignature, OpenChannel, Opened, Publication,
    RedeemEntry, Redemption, TITLE_LEN_MAX,
};

use crate::account::AccountId;
use crate::amount::Credits;
use crate::hash::{ChainId, TransactionId, hash, tag};
use crate::parameters::Parameters;
use crate::signing::{self, Purpose, Signature};
use crate::wire::{Reader, Wire, WireError};
use ed25519_dalek::SigningKey;

/// Bytes of the longest transaction.
pub const TRANSACTION_LEN_MAX: usize = 8 * 1024;

/// The only version there is.
const VERSION: u8 = 1;

/// What an account asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who asks, and pays.
    pub sender: AccountId,
    /// The account's next nonce; 0 when it is being admitted.
    pub nonce: u64,
    /// The last block that may hold it.
    pub valid_until: u64,
    /// What for.
    pub body: Body,
}

impl Transaction {
    /// What the ledger charges for it, whatever it moves.
    pub fn fee(&self, parameters: &Parameters) -> Credits {
        let entries = |count: usize| Credits(parameters.entry_fee.0.saturating_mul(count as u64));
        let flat = parameters.transaction_fee;
        let on_top = match &self.body {
            Body::Admit(_) | Body::Sweep { .. } => return Credits::ZERO,
            Body::OpenChannels(opened) => entries(opened.entries().len()),
            Body::Redeem(redemption) => entries(redemption.entries().len()),
            Body::Publish(_) => parameters.publish_fee,
            Body::TopUp { .. }
            | Body::CloseChannel { .. }
            | Body::Transfer { .. }
            | Body::Evidence(_)
            | Body::Bond { .. }
            | Body::Unbond { .. }
            | Body::Withdraw { .. }
            | Body::SetAuthorities(_) => Credits::ZERO,
        };
        Credits(flat.0.saturating_add(on_top.0))
    }

    /// The bytes that its signature signs, after purpose and chain.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        VERSION.encode(&mut out);
        out.push(self.body.kind().byte());
        self.sender.encode(&mut out);
        self.nonce.encode(&mut out);
        self.valid_until.encode(&mut out);
        self.body.encode_fields(&mut out);
        out
    }

    /// Signs with a key that is here as bytes.
    pub fn sign(self, chain: &ChainId, key: &SigningKey) -> SignedTransaction {
        let signature = signing::sign(Purpose::Transaction, chain, key, &self.message());
        SignedTransaction::new(self, signature)
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            VERSION => {}
            found => return Err(WireError::Choice { what: "transaction version", found }),
        }
        let kind = Kind::read(u8::decode(input)?)?;
        Ok(Self {
            sender: Wire::decode(input)?,
            nonce: Wire::decode(input)?,
            valid_until: Wire::decode(input)?,
            body: Body::decode_fields(kind, input)?,
        })
    }
}

/// A transaction and its sender's signature, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: Signature,
    id: TransactionId,
}

impl SignedTransaction {
    /// Both together; whether the signature holds is for [`is_signed`](Self::is_signed) to say.
    pub fn new(transaction: Transaction, signature: Signature) -> Self {
        let id = hash(&tag("tx"), &[&transaction.message(), &signature.0]).into();
        Self { transaction, signature, id }
    }

    /// What is asked for.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// By the sender.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Its name.
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// Whether the sender signed it for this chain.
    pub fn is_signed(&self, chain: &ChainId) -> bool {
        let Transaction { sender, .. } = &self.transaction;
        signing::verify(Purpose::Transaction, chain, sender, &self.transaction.message(), &self.signature)
    }
}

impl Wire for SignedTransaction {
    const LEN_MAX: usize = TRANSACTION_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.transaction.message());
        self.signature.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let transaction = Transaction::decode(input)?;
        let signature = Signature::decode(input)?;
        Ok(Self::new(transaction, signature))
    }
}
