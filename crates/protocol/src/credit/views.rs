//! The books in the screen's words. What was never paid is shown in bytes, never as credit.

use super::Credit;
use super::page::{Leash, Line, Page, UNIT};
use crate::PeerKey;
use crate::snapshot::{
    ChequeView, CreditAccountView, CreditItemView, CreditPeerView, CreditView, LedgerView, Standing,
};
use clock::Time;
use content::Root;
use ledger::amount::Credits;
use std::collections::BTreeMap;

impl Standing {
    /// Whether such a peer comes before others.
    pub(crate) const fn is_first(self) -> bool {
        matches!(self, Self::GivesMore | Self::Pays)
    }
}

impl Credit {
    /// The whole, for the snapshot. `name` says under which content ids a root is listed.
    pub(crate) fn view(
        &self,
        now: Time,
        account: CreditAccountView,
        name: impl Fn(Root) -> Option<String>,
    ) -> CreditView {
        let peers: Vec<CreditPeerView> = self
            .pages
            .iter()
            .filter(|(_, page)| page.given > 0 || page.taken > 0)
            .map(|(peer, page)| peer_view(now, *peer, page))
            .collect();
        let mut lines: BTreeMap<Root, Line> = BTreeMap::new();
        for (root, line) in self.pages.values().flat_map(|page| &page.lines) {
            let sum = lines.entry(*root).or_default();
            sum.given += line.given;
            sum.taken += line.taken;
            sum.earned += line.earned;
            sum.spent += line.spent;
        }
        let item = |(root, line): (Root, Line)| {
            let (earned, spent) = (units(line.earned), units(line.spent));
            Some(CreditItemView { content_id: name(root)?, given: line.given, taken: line.taken, earned, spent })
        };
        CreditView {
            on: self.on,
            account,
            ledger: self.ledger.as_ref().map(|ledger| LedgerView {
                chain: ledger.session.chain.to_string(),
                account: ledger.session.account.to_string(),
                height: ledger.height,
                balance: ledger.balance.map(|balance| balance.0),
                locked: self.locked().0,
                collectable: self.collectable().0,
            }),
            earned: peers.iter().map(|peer| peer.earned).sum(),
            spent: self.spent.0,
            cap: self.cap.map(|cap| cap.0),
            items: lines.into_iter().filter_map(item).collect(),
            peers,
        }
    }

    /// What others signed for and no block has paid yet.
    fn collectable(&self) -> Credits {
        let waiting = self.pages.values().filter_map(|page| page.paid_by.as_ref()).map(|by| by.unredeemed());
        Credits::checked_sum(waiting).unwrap_or(Credits::ZERO)
    }

    /// Deposits of our channels, less what we have signed away on them.
    fn locked(&self) -> Credits {
        let left = self.pages.values().filter_map(|page| page.pays.as_ref()).map(|pays| pays.left());
        Credits::checked_sum(left).unwrap_or(Credits::ZERO)
    }
}

fn peer_view(now: Time, peer: PeerKey, page: &Page) -> CreditPeerView {
    let choked_ms = match page.leash {
        Leash::Choked { since, told: true } => Some(crate::notices::millis(now - since)),
        Leash::Choked { told: false, .. } | Leash::Free | Leash::Fallen => None,
    };
    let best = page.paid_by.as_ref().and_then(|paid_by| paid_by.best);
    CreditPeerView {
        peer: peer.to_string(),
        given: page.given,
        taken: page.taken,
        balance: page.balance,
        standing: page.standing(),
        window: page.window(),
        choked_ms,
        earned: units(page.paid_to_us()),
        spent: page.pays.as_ref().map_or(0, |pays| pays.total.0),
        deposit: page.pays.as_ref().map(|pays| pays.deposit.0),
        redeemed: page.paid_by.as_ref().map_or(0, |paid_by| paid_by.channel.redeemed.0),
        drawn: page.pays.as_ref().map_or(0, |pays| pays.drawn.0),
        cheque: best.map(|cheque| ChequeView {
            channel: cheque.promise.channel.to_string(),
            total: cheque.promise.total.0,
            bytes: cheque.promise.bytes,
        }),
    }
}

fn units(value: i64) -> u64 {
    u64::try_from(value / UNIT).unwrap_or(0)
}
