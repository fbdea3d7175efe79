//! A channel that we pay from, and when the next cheque on it is due.
//!
//! Only bytes that were verified are ever owed, and only what is owed is signed for. Small debts are left to cancel out;
//! once one has grown past half the window it is paid, and from then on as bytes arrive.

use super::page::{UNIT, window};
use super::paid_by::STEP_MIN;
use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::hash::ChannelId;

/// A cheque is written at least this often, in value, while bytes arrive; four times in a window that is smaller.
const STEP: i64 = 256 * UNIT;

/// And at least this often, in time.
pub(crate) const EVERY: Duration = Duration::from_millis(500);

/// But not more often than this: half of what the creditor's limit on messages allows.
const PACE: Duration = Duration::from_millis(16);

/// Refusals in a row after which a creditor who will not take our cheques gets no more of them.
const REFUSALS_MAX: u8 = 3;

/// How far the creditor is with the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Told of it; it looks it up.
    Announced { at: Time },
    /// It counts. `taken_before`: bytes taken before it did.
    Accepted { taken_before: u64 },
    /// It does not, or no longer.
    Refused,
}

/// Whether nothing is left to sign for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    No,
    /// The creditor was told.
    Said,
    /// It said what is owed, and gives for nothing since then.
    Agreed,
}

/// A channel from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pays {
    pub(crate) id: ChannelId,
    pub(crate) payee: AccountId,
    pub(crate) deposit: Credits,
    pub(crate) total: Credits,
    /// What a block has paid out of it.
    pub(crate) drawn: Credits,
    pub(crate) agreed: Agreed,
    /// A cheque was written and bytes have kept coming.
    paying: bool,
    last: Option<Time>,
    refusals: u8,
    /// The creditor sends nothing more until it is paid, and said so.
    pressed: bool,
    pub(crate) short: Short,
    /// The creditor has not seen yet how much is locked: no cheque before then.
    hold_until: Option<Time>,
}

/// When to write a cheque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now(Credits),
    At(Time),
    /// More is owed than is left of the deposit. `soon`: so much that the creditor is about to stop.
    Exhausted {
        soon: bool,
    },
    No,
}

impl Pays {
    pub(crate) const fn new(id: ChannelId, payee: AccountId, deposit: Credits, now: Time) -> Self {
        let agreed = Agreed::Announced { at: now };
        let (total, drawn) = (Credits::ZERO, Credits::ZERO);
        let (paying, pressed, short) = (false, false, Short::No);
        Self {
            id,
            payee,
            deposit,
            total,
            drawn,
            agreed,
            paying,
            last: None,
            refusals: 0,
            pressed,
            short,
            hold_until: None,
        }
    }

    /// What is left of the deposit.
    pub(crate) const fn left(&self) -> Credits {
        self.deposit.saturating_sub(self.total)
    }

    /// Bytes taken on this channel, of `taken` in all; `None` while it does not count.
    pub(crate) const fn receipt(&self, taken: u64) -> Option<u64> {
        match self.agreed {
            Agreed::Accepted { taken_before } => Some(taken.saturating_sub(taken_before)),
            Agreed::Announced { .. } | Agreed::Refused => None,
        }
    }

    /// Whether a cheque is due on a debt of this value.
    pub(crate) fn due(&self, now: Time, owed: i64) -> Due {
        if !matches!(self.agreed, Agreed::Accepted { .. }) {
            return Due::No;
        }
        let window = window(i64::try_from(self.total.0).unwrap_or(i64::MAX).saturating_mul(UNIT));
        let units = Credits(u64::try_from(owed / UNIT).unwrap_or(0));
        let least = STEP_MIN.min(self.left());
        if units < STEP_MIN {
            return Due::No;
        }
        if least == Credits::ZERO {
            return Due::Exhausted { soon: self.pressed || owed > window / 2 };
        }
        let next = self.last.map_or(now, |last| last + PACE).max(self.hold_until.unwrap_or(now));
        let enough = match (self.pressed, self.paying) {
            (true, _) => true,
            (false, true) => owed >= STEP.min(window / 4),
            (false, false) => owed > window / 2,
        };
        let wait = match (enough, self.paying) {
            (true, _) => next,
            (false, true) => self.last.map_or(now, |last| last + EVERY).max(next),
            (false, false) => return Due::No,
        };
        if wait <= now { Due::Now(units.min(self.left())) } else { Due::At(wait) }
    }

    /// A cheque of so many units more was written.
    pub(crate) fn on_signed(&mut self, now: Time, units: Credits) {
        self.total = Credits(self.total.0.saturating_add(units.0));
        self.last = Some(now);
        self.paying = true;
        self.pressed = false;
    }

    /// The creditor waits to be paid: now, however little it is.
    pub(crate) fn on_pressed(&mut self) {
        self.pressed = true;
    }

    /// The creditor owes us now: what was paying is netting again.
    pub(crate) fn on_square(&mut self) {
        self.paying = false;
    }

    /// The creditor takes our cheques.
    pub(crate) fn on_accepted(&mut self, taken: u64) {
        if !matches!(self.agreed, Agreed::Accepted { .. }) {
            self.agreed = Agreed::Accepted { taken_before: taken };
        }
        self.refusals = 0;
    }

    /// More is locked than when it was opened.
    pub(crate) fn on_deposit(&mut self, deposit: Credits) {
        if deposit > self.deposit {
            self.short = Short::No;
        }
        self.deposit = deposit;
    }

    /// The creditor's newest block does not have yet what was added: the same cheque counts in a moment.
    pub(crate) fn on_too_early(&mut self, now: Time) {
        self.hold_until = Some(now + EVERY);
        self.pressed = true;
    }

    /// The creditor did not take a cheque, or the channel.
    pub(crate) fn on_refused(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals >= REFUSALS_MAX || matches!(self.agreed, Agreed::Announced { .. }) {
            self.agreed = Agreed::Refused;
        }
    }
}
