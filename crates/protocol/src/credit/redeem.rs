//! When cheques are turned into credit: seldom enough that fees do not matter, soon enough that little can be lost.

use super::channels::Purpose;
use super::paid_by::PaidBy;
use super::{Credit, Ledger, Page};
use clock::Time;
use core::time::Duration;
use ledger::amount::Credits;
use ledger::transaction::{Body, CHEQUES_MAX, Cheques, RedeemEntry, Redemption};

/// Units that wait on one channel at the most: eight mebibytes' worth.
const REDEEM_STEP: Credits = Credits(8 * 1024);

/// A tab that may be closed any moment redeems what is worth this many fees.
pub(super) const WORTH_FEES: u64 = 10;

/// What nobody adds to any more is redeemed after this long, if it is worth it: then the numbers are final.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// How long a redemption may be under way before it is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Credit {
    /// Redeems what is due, and with it whatever else is worth its entry.
    pub(super) fn redeem(&mut self, now: Time) {
        let Some(ledger) = &self.ledger else { return };
        let fees = ledger.parameters.transaction_fee.0 + ledger.parameters.entry_fee.0;
        let waiting = self.pages.values().filter_map(|page| page.paid_by.as_ref()).filter(|by| is_free(by, now));
        let due = waiting.clone().any(|paid_by| {
            let leaving = self.own.is_leaving(&paid_by.id);
            is_due(paid_by, ledger) || (leaving && paid_by.unredeemed() > Credits::ZERO)
        });
        let is_idle = |page: &&Page| now >= page.last + IDLE;
        let idle = self.pages.values().filter(is_idle).filter_map(|page| page.paid_by.as_ref());
        let idle = idle.filter(|by| is_free(by, now)).any(|by| by.unredeemed().0 > fees * WORTH_FEES);
        let old =
            self.kept.cheques.values().map(|old| (old, old.worth(now))).filter(|(_, worth)| *worth > Credits::ZERO);
        let of_old: u64 = old.clone().map(|(_, worth)| worth.0).sum();
        let all: u64 = waiting.clone().map(|paid_by| paid_by.unredeemed().0).sum::<u64>() + of_old;
        let closing_soon = self.hidden && all > fees * WORTH_FEES;
        let wanted = self.collecting && all > fees;
        // Whoever wrote them to a tab that is gone may be gone soon, too.
        let left_over = of_old > fees;
        if !due && !idle && !closing_soon && !wanted && !left_over {
            return;
        }
        let worth = |paid_by: &PaidBy| paid_by.unredeemed().0 > ledger.parameters.entry_fee.0;
        let chosen: Vec<PaidBy> = waiting.filter(|by| worth(by)).copied().take(CHEQUES_MAX).collect();
        let close = |paid_by: &PaidBy| self.own.is_leaving(&paid_by.id);
        let mut entries: Vec<RedeemEntry> = chosen
            .iter()
            .filter_map(|paid_by| Some(RedeemEntry { cheque: paid_by.best?, close: close(paid_by) }))
            .collect();
        let is_worth_it = |worth: &Credits| worth.0 > ledger.parameters.entry_fee.0;
        let old = old.filter(|(_, worth)| is_worth_it(worth)).take(CHEQUES_MAX - entries.len());
        entries.extend(old.map(|(old, _)| RedeemEntry {
            cheque: old.cheque,
            close: self.own.is_leaving(&old.cheque.promise.channel),
        }));
        let channels: Vec<_> = entries.iter().map(|entry| entry.cheque.promise.channel).collect();
        let Some(cheques) = Cheques::new(entries) else { return };
        for paid_by in self.pages.values_mut().filter_map(|page| page.paid_by.as_mut()) {
            if channels.contains(&paid_by.id) {
                paid_by.redeeming = Some((paid_by.total(), now));
            }
        }
        let old = self.kept.cheques.iter_mut().filter(|(id, _)| channels.contains(id));
        old.for_each(|(_, old)| old.redeeming = Some(now));
        self.wake_no_later(now + PATIENCE);
        let body = Body::Redeem(Redemption { cheques, fee_from_proceeds: false });
        self.own.submit(Purpose::Redeem { channels }, body);
    }
}

fn is_free(paid_by: &PaidBy, now: Time) -> bool {
    paid_by.redeeming.is_none_or(|(total, since)| total <= paid_by.channel.redeemed || now >= since + PATIENCE)
}

/// Much waits, or time runs out.
fn is_due(paid_by: &PaidBy, ledger: &Ledger) -> bool {
    let channel = &paid_by.channel;
    let half_life = channel.opened + channel.expires.saturating_sub(channel.opened) / 2;
    let unredeemed = paid_by.unredeemed();
    unredeemed >= REDEEM_STEP || (unredeemed > Credits::ZERO && (channel.is_closing() || ledger.height >= half_life))
}
