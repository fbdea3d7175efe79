//! What we and one peer owe each other: the pairwise balance, and the window that it may move in.
//!
//! Value is counted in 1/1024 of a unit, which at the base price is one byte, so nothing is lost by rounding until a cheque
//! is written. The balance nets: what we give and what we take cancel out, and only the rest is ever paid.

use super::paid_by::PaidBy;
use super::pays::{Pays, Short};
use super::wire::{Pace, Session};
use crate::snapshot::Standing;
use clock::Time;
use content::Root;
use core::time::Duration;
use std::collections::BTreeMap;

/// Value of one unit: a unit pays for one KiB.
pub(crate) const UNIT: i64 = 1024;

/// Units per KiB. v1 tabs ask for this and pay no more, so that peers are chosen by how fast they are.
pub(crate) const PRICE: u64 = 1;

/// The window of a peer that has paid nothing or little: it gives 42 Mbit/s at a round trip of 50 ms.
pub(crate) const WINDOW_MIN: i64 = 256 * UNIT;

/// The window that nobody outgrows: it keeps 200 Mbit/s busy at 160 ms.
pub(crate) const WINDOW_MAX: i64 = 4096 * UNIT;

/// The window is this part of what was paid: a runaway keeps at most that, and a quarter of it on top.
const WINDOW_PART: i64 = 8;

/// How long a debtor may be choked before it is served with those who do not pay.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A debtor is told that it is choked when it has been for this long: a cheque on its way is not worth two messages.
pub(crate) const SAY_AFTER: Duration = Duration::from_millis(100);

/// How long nothing may move before what was sent and never receipted counts as lost on the way.
pub(crate) const IDLE: Duration = Duration::from_secs(2);

/// What was lost on the way (late, twice, cut off) is written off up to this part of what was paid.
const LOSS_PART: i64 = 16;

/// Contents that one peer's page tells apart: as many as a tab lists.
const ITEMS_MAX: usize = 256;

/// Where a debtor stands with its window exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leash {
    /// Within the window.
    Free,
    /// Above it since then; whether it was told.
    Choked { since: Time, told: bool },
    /// It did not pay in time, and has not since.
    Fallen,
}

/// Bytes and value of one content, between us and one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) given: u64,
    pub(crate) taken: u64,
    /// Value of cheques, accepted and signed.
    pub(crate) earned: i64,
    pub(crate) spent: i64,
    /// Value given and taken that no cheque has covered.
    due_to_us: i64,
    due_to_them: i64,
}

/// One peer's page in the books.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) connected: bool,
    pub(crate) last: Time,
    pub(crate) given: u64,
    pub(crate) taken: u64,
    /// Value it owes us; below zero, what we owe it.
    pub(crate) balance: i64,
    /// Value of what is being read for it: it owes that soon.
    pub(crate) under_way: i64,
    /// Value written off as lost on the way.
    pub(crate) lost: i64,
    pub(crate) session: Option<Session>,
    pub(crate) pays: Option<Pays>,
    pub(crate) paid_by: Option<PaidBy>,
    pub(crate) leash: Leash,
    pub(crate) pace: Pace,
    pub(crate) lines: BTreeMap<Root, Line>,
    /// Until when it counts as waiting for its turn among those who come first.
    pub(crate) first_until: Time,
}

impl Page {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            connected: false,
            last: now,
            given: 0,
            taken: 0,
            balance: 0,
            under_way: 0,
            lost: 0,
            session: None,
            pays: None,
            paid_by: None,
            leash: Leash::Free,
            pace: Pace::default(),
            lines: BTreeMap::new(),
            first_until: Time::ZERO,
        }
    }

    /// Value that was paid to us on its present channel.
    pub(crate) fn paid_to_us(&self) -> i64 {
        self.paid_by.as_ref().map_or(0, PaidBy::paid)
    }

    /// What it may owe us.
    pub(crate) fn window(&self) -> i64 {
        window(self.paid_to_us())
    }

    /// Who pays, and whoever gave more than it took, comes first.
    pub(crate) fn standing(&self) -> Standing {
        if self.balance.saturating_add(self.under_way) < 0 {
            Standing::GivesMore
        } else if self.leash == Leash::Fallen {
            Standing::Owes
        } else if self.has_paid() {
            Standing::Pays
        } else {
            Standing::Unpaid
        }
    }

    fn has_paid(&self) -> bool {
        self.paid_by.as_ref().is_some_and(PaidBy::has_paid)
    }

    /// Whether so much more may be sent to a peer that pays.
    pub(crate) fn has_credit(&self, value: i64) -> bool {
        self.balance.saturating_add(self.under_way).saturating_add(value) <= limit(self.window())
    }

    pub(crate) fn on_given(&mut self, now: Time, root: Root, bytes: u64) {
        self.last = now;
        self.given += bytes;
        // What somebody who pays has beyond its leash was free for the taking, and stays so; so is all that is given to
        // somebody who cannot.
        let most = match self.leash {
            Leash::Fallen => self.balance.max(0),
            Leash::Free | Leash::Choked { .. } if self.has_paid() => limit(self.window()).max(self.balance),
            Leash::Free | Leash::Choked { .. } => i64::MAX,
        };
        let due = value_of(bytes).min(most.saturating_sub(self.balance));
        self.balance += due;
        if let Some(line) = self.line(root) {
            line.given += bytes;
            line.due_to_us = line.due_to_us.saturating_add(due);
        }
    }

    pub(crate) fn on_taken(&mut self, now: Time, root: Root, bytes: u64) {
        self.last = now;
        self.taken += bytes;
        // It knows that nothing is left to sign for, and gives for nothing.
        let due = if self.pays.is_some_and(|pays| pays.short == Short::Agreed) { 0 } else { value_of(bytes) };
        self.balance = self.balance.saturating_sub(due);
        if let Some(line) = self.line(root) {
            line.taken += bytes;
            line.due_to_them = line.due_to_them.saturating_add(due);
        }
    }

    /// A cheque of so much more was accepted.
    pub(crate) fn on_earned(&mut self, value: i64) {
        self.balance = self.balance.saturating_sub(value);
        let mut left = value;
        for line in self.lines.values_mut() {
            let part = left.min(line.due_to_us);
            line.due_to_us -= part;
            line.earned += part;
            left -= part;
        }
    }

    /// It paid: the leash goes with the debt, and patience begins anew with what is left of it.
    pub(crate) fn on_paid(&mut self, now: Time) {
        if self.balance <= self.window() {
            self.leash = Leash::Free;
        } else if let Leash::Choked { since, .. } = &mut self.leash {
            *since = now;
        }
    }

    /// A cheque of so much more was signed.
    pub(crate) fn on_spent(&mut self, value: i64) {
        self.balance = self.balance.saturating_add(value);
        let mut left = value;
        for line in self.lines.values_mut() {
            let part = left.min(line.due_to_them);
            line.due_to_them -= part;
            line.spent += part;
            left -= part;
        }
    }

    /// Its channel counts from here on: what it had for nothing until now stays for nothing.
    pub(crate) fn forgive_gifts(&mut self) {
        if self.leash != Leash::Fallen && self.balance > 0 {
            self.balance = 0;
            self.lines.values_mut().for_each(|line| line.due_to_us = 0);
        }
    }

    /// Our channel counts from here on: what we had for nothing until now stays for nothing.
    pub(crate) fn keep_gifts(&mut self) {
        self.balance = self.balance.max(0);
        self.lines.values_mut().for_each(|line| line.due_to_them = 0);
    }

    /// The creditor says what we owe, and that it gives for nothing from then on. Its number counts what is on its way, too.
    pub(crate) fn agree(&mut self, owed: i64) {
        let Some(pays) = self.pays.as_mut().filter(|pays| pays.short == Short::Said) else { return };
        let paid = i64::try_from(pays.total.0).unwrap_or(i64::MAX).saturating_mul(UNIT);
        if owed <= limit(window(paid)) {
            pays.short = Short::Agreed;
            self.balance = -owed;
        }
    }

    /// Nothing has moved for a while: what was sent and not receipted is lost, and written off within bounds.
    pub(crate) fn write_off_losses(&mut self, now: Time) {
        let Some(paid_by) = self.paid_by.as_ref().filter(|paid_by| paid_by.has_paid()) else { return };
        if self.balance <= 0 || now - self.last < IDLE {
            return;
        }
        let unreceipted = value_of(self.given.saturating_sub(paid_by.given_before + paid_by.receipted()));
        let lost = unreceipted.saturating_sub(self.lost).min(paid_by.paid() / LOSS_PART - self.lost).min(self.balance);
        if lost > 0 {
            self.lost += lost;
            self.balance -= lost;
        }
    }

    fn line(&mut self, root: Root) -> Option<&mut Line> {
        let room = self.lines.len() < ITEMS_MAX || self.lines.contains_key(&root);
        room.then(|| self.lines.entry(root).or_default())
    }
}

/// What may be owed by somebody who paid this much.
pub(crate) fn window(paid: i64) -> i64 {
    (paid / WINDOW_PART).clamp(WINDOW_MIN, WINDOW_MAX)
}

/// Where sending stops: a quarter above the window.
pub(crate) fn limit(window: i64) -> i64 {
    window + window / 4
}

/// What so many bytes are worth.
pub(crate) fn value_of(bytes: u64) -> i64 {
    i64::try_from(bytes.saturating_mul(PRICE)).unwrap_or(i64::MAX)
}
