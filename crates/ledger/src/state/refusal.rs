//! Why a transaction does not apply.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::channel::ChequeError;
use crate::hash::ChannelId;

/// Why a transaction does not apply. Nothing of it happened, and nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Its time is over, or further off than any may be signed for.
    #[error("valid until {valid_until}; at height {height} that must be {height} to {last}")]
    Lifetime {
        /// Now.
        height: u64,
        /// What it says.
        valid_until: u64,
        /// The furthest it may say.
        last: u64,
    },
    /// The sender did not sign it for this chain.
    #[error("not signed by its sender for this chain")]
    Signature,
    /// An account that is not there.
    #[error("there is no account {account}")]
    NoAccount {
        /// Which.
        account: AccountId,
    },
    /// An account that is there already.
    #[error("account {account} exists already")]
    AccountExists {
        /// Which.
        account: AccountId,
    },
    /// Applied already, or another must apply first.
    #[error("nonce {found}, expected {expected}")]
    Nonce {
        /// The account's.
        expected: u64,
        /// The transaction's.
        found: u64,
    },
    /// More than the sender has.
    #[error("needs {needed} more than the {balance} there are")]
    Balance {
        /// To be paid.
        needed: Credits,
        /// What there is.
        balance: Credits,
    },
    /// Amounts past the end of numbers, or none where some must be.
    #[error("an amount is zero or past the end of numbers")]
    Amount,
    /// From an account to itself.
    #[error("from an account to itself")]
    ToItself,
    /// Less than the least.
    #[error("{found}, at least {min}")]
    TooLittle {
        /// The least.
        min: Credits,
        /// What it says.
        found: Credits,
    },
    /// A channel that lives no block, or too many.
    #[error("a channel may live 1 to {max} blocks, not {found}")]
    Ttl {
        /// The most.
        max: u32,
        /// What it says.
        found: u32,
    },
    /// More channels than one account may pay from.
    #[error("more than {max} channels")]
    TooManyChannels {
        /// The most.
        max: u32,
    },
    /// A channel that is not there.
    #[error("there is no channel {channel}")]
    NoChannel {
        /// Which.
        channel: ChannelId,
    },
    /// A channel that is closing, or whose time is over.
    #[error("the channel is closing or expired")]
    NotOpen,
    /// Not for this sender to do.
    #[error("the sender has no part in it that allows this")]
    NotYours,
    /// Two cheques on one channel.
    #[error("two cheques on one channel")]
    Twice,
    /// A cheque that does not pay.
    #[error(transparent)]
    Cheque(#[from] ChequeError),
    /// The fee may not come out of what small cheques pay.
    #[error("the proceeds are too small to pay the fee from")]
    Proceeds,
    /// The issuer does not admit anybody here.
    #[error("not an issuer of this chain")]
    Issuer,
    /// A ticket for somebody else, of another epoch, or not signed.
    #[error("the ticket is not for this account, this epoch or this chain")]
    Ticket,
    /// A serial that is used or none.
    #[error("serial {serial} is used, or is none")]
    Serial {
        /// Which.
        serial: u16,
    },
    /// The issuer's tickets of that epoch are used up.
    #[error("the issuer gave out its {cap} tickets")]
    IssuerCap {
        /// How many it may.
        cap: u32,
    },
    /// This block has as many of these as it may.
    #[error("the block is full of these")]
    PerBlock,
    /// The treasury cannot pay.
    #[error("the treasury is empty")]
    TreasuryEmpty,
    /// Used lately, too rich, or bound to channels: not to be swept.
    #[error("the account is in use")]
    InUse,
    /// A content that was published before.
    #[error("published before")]
    Published,
    /// Another engine's business.
    #[error("this chain's engine has no such thing")]
    Engine,
    /// Evidence that proves nothing, or nothing new, or about nobody.
    #[error("no new proof about a validator that can be held to it")]
    Evidence,
    /// More than is bonded, or nothing to withdraw yet.
    #[error("nothing bonded or released to take")]
    NotBonded,
    /// Too few signatures, or for another epoch or list.
    #[error("the authorities did not agree to this for the next epoch")]
    NotAgreed,
}
