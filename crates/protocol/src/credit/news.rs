//! Between paying and the ledger: what this tab proved of the ledger, and what paying wants written there.
//!
//! Nothing in here is believed. Whoever makes [`LedgerNews`] has checked the proof against a final header of its own; until
//! the first [`LedgerNews::Ready`] there is no ledger, nothing is owed, and nobody is charged.

use super::wire::Session;
use ledger::amount::Credits;
use ledger::channel::Channel;
use ledger::hash::ChannelId;
use ledger::parameters::Parameters;
use ledger::transaction::Body;

/// Names one transaction between the wish and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WishToken(pub(crate) u64);

/// What this tab learned from a ledger that it verifies itself.
#[derive(Clone, Debug)]
pub(crate) enum LedgerNews {
    /// The ledger is followed, and the account lets this tab's key act for it. Told again when the session is renewed.
    Ready {
        /// The chain's numbers.
        parameters: Box<Parameters>,
        /// The chain, the account, and its word for our tab key.
        session: Session,
    },
    /// It is not followed any more (another chain, a conflict): nothing is opened, signed or redeemed.
    Gone,
    /// The newest final height.
    Height(u64),
    /// The account's free balance, from a proof; `None` where there is no such account (yet).
    Balance(Option<Credits>),
    /// A channel as a final block has it, or that it has none of this id.
    Channel {
        /// Which.
        id: ChannelId,
        /// From a proof.
        channel: Option<Channel>,
    },
    /// The transaction was signed with this nonce and is on its way.
    Sent {
        /// Which wish.
        token: WishToken,
        /// The account's nonce in it.
        nonce: u64,
    },
    /// It is in a final block.
    Final {
        /// Which wish.
        token: WishToken,
    },
    /// It will never be.
    Dropped {
        /// Which wish.
        token: WishToken,
    },
}

/// What paying wants of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerWish {
    /// Put this into a transaction of our account; answered by [`LedgerNews::Sent`], then `Final` or `Dropped`.
    Submit {
        /// Which wish.
        token: WishToken,
        /// What for.
        body: Box<Body>,
    },
    /// Prove this channel, now and whenever it changes; answered by [`LedgerNews::Channel`].
    Watch {
        /// Which.
        channel: ChannelId,
    },
    /// No more of it.
    Unwatch {
        /// Which.
        channel: ChannelId,
    },
}
