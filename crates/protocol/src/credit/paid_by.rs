//! A channel that pays us, and the best cheque on it.
//!
//! A cheque counts only on a channel that a final block has, for us, signed by the tab key of the peer it came from. The
//! best one is all that is kept: each says the whole of what is owed so far.

use super::page::UNIT;
use super::wire::Refused;
use clock::Time;
use ledger::amount::Credits;
use ledger::channel::{Channel, ChequeError};
use ledger::cheque::{Cheque, Promise};
use ledger::hash::{ChainId, ChannelId};
use ledger::parameters::Parameters;

/// The least by which a cheque must promise more than the last: checking one costs as much as sending 64 KiB.
pub(crate) const STEP_MIN: Credits = Credits(64);

/// A channel to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PaidBy {
    pub(crate) id: ChannelId,
    pub(crate) channel: Channel,
    /// The best cheque of this visit.
    pub(crate) best: Option<Cheque>,
    /// Bytes given before the channel counted.
    pub(crate) given_before: u64,
    /// The total of a redemption under way.
    pub(crate) redeeming: Option<(Credits, Time)>,
}

/// What a cheque is, that is not a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not taken; the sender is told why.
    Refused(Refused),
    /// Signed by nobody who could: no honest peer sends this.
    Forged,
}

/// Against what a cheque is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) chain: &'a ChainId,
    pub(crate) parameters: &'a Parameters,
    pub(crate) height: u64,
    /// Bytes ever sent to the payer.
    pub(crate) given: u64,
}

impl PaidBy {
    pub(crate) const fn new(id: ChannelId, channel: Channel, given_before: u64) -> Self {
        Self { id, channel, best: None, given_before, redeeming: None }
    }

    /// Whether a cheque was accepted: until then everything is drawn from the bucket of those who do not pay.
    pub(crate) fn has_paid(&self) -> bool {
        self.best.is_some()
    }

    /// All that is promised on it.
    pub(crate) fn total(&self) -> Credits {
        self.best.map_or(self.channel.redeemed, |cheque| cheque.promise.total.max(self.channel.redeemed))
    }

    /// As value.
    pub(crate) fn paid(&self) -> i64 {
        i64::try_from(self.total().0).unwrap_or(i64::MAX).saturating_mul(UNIT)
    }

    /// Bytes that the payer has receipted on it.
    pub(crate) fn receipted(&self) -> u64 {
        self.best.map_or(0, |cheque| cheque.promise.bytes)
    }

    /// What could be redeemed now.
    pub(crate) fn unredeemed(&self) -> Credits {
        let under_way = self.redeeming.map_or(self.channel.redeemed, |(total, _)| total.max(self.channel.redeemed));
        self.total().saturating_sub(under_way)
    }

    /// What we hold, to tell a payer who has lost count.
    pub(crate) fn held(&self) -> Promise {
        Promise { channel: self.id, total: self.total(), bytes: self.receipted() }
    }

    /// Takes a better cheque, and says by how many units it is better.
    pub(crate) fn accept(&mut self, cheque: Cheque, bench: Bench<'_>) -> Result<Credits, Fault> {
        let refused = |why| Err(Fault::Refused(why));
        let Promise { channel, total, bytes } = cheque.promise;
        if channel != self.id {
            return refused(Refused::NoChannel);
        }
        let more = total.saturating_sub(self.total());
        let step = if self.channel.is_closing() || total == self.channel.deposit { Credits(1) } else { STEP_MIN };
        if more < step {
            return refused(Refused::NothingNew);
        }
        if bytes < self.receipted() || bytes > bench.given {
            return refused(Refused::Bytes);
        }
        match self.channel.check(&cheque, bench.height, bench.chain, bench.parameters) {
            Ok(_) => {
                self.best = Some(cheque);
                Ok(more)
            }
            Err(ChequeError::AboveDeposit { .. }) => refused(Refused::AboveDeposit),
            Err(ChequeError::NothingNew { .. }) => refused(Refused::NothingNew),
            Err(ChequeError::TooLate { .. }) => refused(Refused::TooLate),
            Err(ChequeError::Signature) => Err(Fault::Forged),
        }
    }
}
