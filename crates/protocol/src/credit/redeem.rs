//! When cheques are turned into credit: seldom enough that fees do not matter, soon enough that little can be lost.

use super::channels::Purpose;
use super::paid_by::PaidBy;
use super::{Credit, Ledger};
use crate::outbox::Outbox;
use clock::Time;
use core::time::Duration;
use ledger::amount::Credits;
use ledger::transaction::{Body, CHEQUES_MAX, Cheques, RedeemEntry, Redemption};

/// Units that wait on one channel at the most: eight mebibytes' worth.
const REDEEM_STEP: Credits = Credits(8 * 1024);

/// A tab that may be closed any moment redeems what is worth this many fees.
const WORTH_FEES: u64 = 10;

/// How long a redemption may be under way before it is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Credit {
    /// Redeems what is due, and with it whatever else is worth its entry.
    pub(super) fn redeem(&mut self, now: Time, out: &mut Outbox) {
        let Some(ledger) = &self.ledger else { return };
        let fees = ledger.parameters.transaction_fee.0 + ledger.parameters.entry_fee.0;
        let waiting = self.pages.values().filter_map(|page| page.paid_by.as_ref()).filter(|by| is_free(by, now));
        let due = waiting.clone().any(|paid_by| {
            let leaving = self.own.is_leaving(&paid_by.id);
            is_due(paid_by, ledger) || (leaving && paid_by.unredeemed() > Credits::ZERO)
        });
        let all: u64 = waiting.clone().map(|paid_by| paid_by.unredeemed().0).sum();
        let closing_soon = self.hidden && all > fees * WORTH_FEES;
        if !due && !closing_soon {
            return;
        }
        let worth = |paid_by: &PaidBy| paid_by.unredeemed().0 > ledger.parameters.entry_fee.0;
        let chosen: Vec<PaidBy> = waiting.filter(|by| worth(by)).copied().take(CHEQUES_MAX).collect();
        let close = |paid_by: &PaidBy| self.own.is_leaving(&paid_by.id);
        let entries = chosen
            .iter()
            .filter_map(|paid_by| Some(RedeemEntry { cheque: paid_by.best?, close: close(paid_by) }))
            .collect();
        let Some(cheques) = Cheques::new(entries) else { return };
        let channels: Vec<_> = chosen.iter().map(|paid_by| paid_by.id).collect();
        for paid_by in self.pages.values_mut().filter_map(|page| page.paid_by.as_mut()) {
            if channels.contains(&paid_by.id) {
                paid_by.redeeming = Some((paid_by.total(), now));
            }
        }
        self.wake_no_later(now + PATIENCE);
        let body = Body::Redeem(Redemption { cheques, fee_from_proceeds: false });
        self.own.submit(Purpose::Redeem { channels }, body, out);
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
