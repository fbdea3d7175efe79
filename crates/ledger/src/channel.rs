//! A payment channel: a deposit that the ledger has locked, one way, from one payer to one payee.
//!
//! ```text
//! open --(payee closes)----------------------------> gone: the rest goes back to the payer
//!   |---(payer closes)--> closing --(window over)--> gone
//!   `---(expiry and grace over)--------------------> gone
//! ```
//!
//! As long as it is there, anybody may bring the payee's best cheque. Its clock counts blocks, so a ledger that stands
//! still lets nothing expire.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::cheque::Cheque;
use crate::hash::{ChainId, ChannelId, hash, tag};
use crate::parameters::Parameters;
use crate::wire::wire_struct;

/// What the ledger knows of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Whose deposit it is.
    pub payer: AccountId,
    /// Whom its cheques pay.
    pub payee: AccountId,
    /// The tab key whose cheques count.
    pub signer: AccountId,
    /// Locked, all together.
    pub deposit: Credits,
    /// Paid out of it, all together.
    pub redeemed: Credits,
    /// The block that opened it.
    pub opened: u64,
    /// The last block of its planned life.
    pub expires: u64,
    /// The last block of the window that began when the payer closed; 0 while open.
    pub close_after: u64,
}

wire_struct!(Channel {
    payer: AccountId,
    payee: AccountId,
    signer: AccountId,
    deposit: Credits,
    redeemed: Credits,
    opened: u64,
    expires: u64,
    close_after: u64,
});

/// Why a cheque does not pay, checked against its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChequeError {
    /// It promises more than is locked.
    #[error("promises {total}, the deposit is {deposit}")]
    AboveDeposit {
        /// The promise.
        total: Credits,
        /// What is locked.
        deposit: Credits,
    },
    /// It promises nothing new.
    #[error("promises {total}, {redeemed} were paid already")]
    NothingNew {
        /// The promise.
        total: Credits,
        /// What was paid.
        redeemed: Credits,
    },
    /// Its channel's time is over.
    #[error("at height {height}; the channel could be redeemed up to {last}")]
    TooLate {
        /// Now.
        height: u64,
        /// Then.
        last: u64,
    },
    /// The channel's tab key did not sign it.
    #[error("not signed by the channel's signer")]
    Signature,
}

impl Channel {
    /// The name of the channel that a sender opens with this nonce as entry `index`. Nonces are never used twice, so
    /// neither are channel ids.
    pub fn id(chain: &ChainId, payer: &AccountId, payee: &AccountId, nonce: u64, index: u16) -> ChannelId {
        let parts: [&[u8]; 5] = [chain.as_bytes(), &payer.0, &payee.0, &nonce.to_le_bytes(), &index.to_le_bytes()];
        hash(&tag("channel"), &parts).into()
    }

    /// The last block in which a cheque on it can be redeemed.
    pub const fn last_redeem(&self, parameters: &Parameters) -> u64 {
        let graced = self.expires.saturating_add(parameters.grace);
        if self.close_after != 0 && self.close_after < graced { self.close_after } else { graced }
    }

    /// The block whose beginning settles it.
    pub const fn due(&self, parameters: &Parameters) -> u64 {
        self.last_redeem(parameters).saturating_add(1)
    }

    /// Whether its payer is closing it.
    pub const fn is_closing(&self) -> bool {
        self.close_after != 0
    }

    /// What the payer gets back when it ends now.
    pub const fn rest(&self) -> Credits {
        self.deposit.saturating_sub(self.redeemed)
    }

    /// What this cheque newly pays at this height.
    pub fn check(
        &self,
        cheque: &Cheque,
        height: u64,
        chain: &ChainId,
        parameters: &Parameters,
    ) -> Result<Credits, ChequeError> {
        let (total, deposit, redeemed) = (cheque.promise.total, self.deposit, self.redeemed);
        if total > deposit {
            return Err(ChequeError::AboveDeposit { total, deposit });
        }
        if total <= redeemed {
            return Err(ChequeError::NothingNew { total, redeemed });
        }
        let last = self.last_redeem(parameters);
        if height > last {
            return Err(ChequeError::TooLate { height, last });
        }
        if !cheque.is_signed_by(&self.signer, chain) {
            return Err(ChequeError::Signature);
        }
        Ok(total.saturating_sub(redeemed))
    }

    /// What the ledger keeps of a payment: one in a hundred, never nothing, never more than there is.
    pub fn settle_fee(delta: Credits, parameters: &Parameters) -> Credits {
        delta.share_up(parameters.settle_permyriad).max(Credits(1)).min(delta)
    }
}
