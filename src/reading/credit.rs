//! What the screen says about who owes whom: bytes as they were counted, credits only where cheques and proofs say so.

use crate::format::{credits, size};
use protocol::Snapshot;
use protocol::snapshot::{
    AccountState, CreditAccountView, CreditItemView, CreditPeerView, CreditView, DeniedView, Standing,
};

/// The most that may be spent in one visit, in units; of them one can be chosen.
pub const SPENDING: [Option<u64>; 5] = [Some(0), Some(16 << 10), Some(64 << 10), Some(256 << 10), None];

/// A limit on spending that can be chosen.
pub fn spending_label(cap: Option<u64>) -> String {
    match cap {
        None => "No limit".into(),
        Some(0) => "Nothing".into(),
        Some(units) => format!("{} credits", units >> 10),
    }
}

/// As `data-state` spells it.
pub const fn state_word(state: AccountState) -> &'static str {
    match state {
        AccountState::None => "none",
        AccountState::Looking => "looking",
        AccountState::Asking => "asking",
        AccountState::Solving => "solving",
        AccountState::Joining => "joining",
        AccountState::Refused => "refused",
        AccountState::There => "there",
    }
}

/// As `data-denied` spells it.
pub const fn denied_word(denied: DeniedView) -> &'static str {
    match denied {
        DeniedView::NoneLeft => "none-left",
        DeniedView::Network => "network",
        DeniedView::TooOften => "too-often",
    }
}

/// What so many units are good for.
pub fn buys(units: u64) -> String {
    format!("About {} of fetching.", size(units << 10))
}

/// What the button that collects says; nothing while there is nothing worth the fee.
pub fn collectable(units: u64) -> Option<String> {
    (units > COLLECT_MIN).then(|| format!("Collect {} credits", credits(units)))
}

/// Units below which the fees of collecting eat a good part of it.
const COLLECT_MIN: u64 = 128;

/// Where somebody stands who has no account yet, and why.
pub fn newcomer(account: &CreditAccountView) -> (&'static str, String) {
    let meanwhile = "Sharing and fetching work meanwhile.";
    match (account.state, account.denied) {
        (AccountState::None | AccountState::Looking | AccountState::There, _) => {
            ("Looking for your account", "It is looked up on the chain, with a proof.".into())
        }
        (AccountState::Asking, _) => {
            ("Asking for a first grant", format!("The relay gives newcomers credit for about 16 MiB. {meanwhile}"))
        }
        (AccountState::Solving, _) => (
            "Earning a first grant",
            format!(
                "This tab solves a puzzle of a few seconds beside everything else, so that nobody takes grants by the \
                 thousand. {meanwhile}"
            ),
        ),
        (AccountState::Joining, _) => ("Your grant is on its way into a block", meanwhile.into()),
        (AccountState::Refused, denied) => {
            let why = match denied {
                Some(DeniedView::NoneLeft) => "All grants of this hour are given out.",
                Some(DeniedView::Network) => "Your network had its share of today's grants.",
                Some(DeniedView::TooOften) | None => "Your network asked for too many at once.",
            };
            let again = account.again_ms.map(|ms| format!(" It is asked again in {}.", crate::format::seconds(ms)));
            let again = again.unwrap_or_default();
            ("No credit for now", format!("{why}{again} Fetching works without it: those who pay are served first."))
        }
    }
}

/// What serving earned and fetching cost, in a sentence.
pub fn title(credit: &CreditView) -> String {
    match credit.ledger {
        None => "Nothing is charged".into(),
        Some(_) => format!("{} earned, {} spent in this visit", credits(credit.earned), credits(credit.spent)),
    }
}

/// What that rests on.
pub fn why(credit: &CreditView) -> String {
    match credit.ledger {
        None => "As long as this tab has no account, it pays for nothing and earns nothing. Bytes are counted all the same: \
                 who gives more than it takes is served first."
            .into(),
        Some(_) => "One MiB costs one credit. Only bytes that were verified are paid, with cheques signed by whoever took \
                    them. What both sides give cancels out."
            .into(),
    }
}

/// Value that peers owe this tab, and that it owes them: what cancelling out has left and no cheque has covered yet.
/// Counted only between peers that pay, since nobody else owes anything.
pub fn owed(credit: &CreditView) -> Option<(u64, u64)> {
    credit.ledger.as_ref()?;
    let pays = |peer: &&CreditPeerView| peer.cheque.is_some() || peer.deposit.is_some();
    let sum = |pick: fn(i64) -> i64| {
        let value: i64 = credit.peers.iter().filter(pays).map(|peer| pick(peer.balance).max(0)).sum();
        (value as u64) >> 10
    };
    Some((sum(|balance| balance), sum(|balance| -balance)))
}

/// Bytes both ways; a way that none went is not named.
pub fn moved(given: u64, taken: u64) -> String {
    match (given, taken) {
        (given, 0) => format!("{} given", size(given)),
        (0, taken) => format!("{} taken", size(taken)),
        (given, taken) => format!("{} given, {} taken", size(given), size(taken)),
    }
}

/// Where a peer stands, and what follows from it.
pub fn standing(peer: &CreditPeerView, ledger: bool) -> String {
    let more = size(peer.balance.unsigned_abs());
    match (peer.standing, peer.balance) {
        (Standing::GivesMore, _) => format!("Gave {more} more than it took. Served first."),
        (Standing::Pays, _) => match peer.choked_ms {
            Some(ms) => format!("Owes {more}. Sent nothing for {} until it pays.", crate::format::seconds(ms)),
            None => "Pays for what it takes. Served first.".into(),
        },
        (Standing::Owes, _) => format!("Has nothing left to pay with and owes {more}. Served last."),
        (Standing::Unpaid, 0) => "You are even.".into(),
        (Standing::Unpaid, _) if ledger => format!("Took {more} more than it gave, without paying. Served last."),
        (Standing::Unpaid, _) => format!("Took {more} more than it gave."),
    }
}

/// The receipt behind what was earned: its own word for what it verified.
pub fn receipt(peer: &CreditPeerView) -> Option<String> {
    let cheque = peer.cheque.as_ref()?;
    let channel: String = cheque.channel.chars().take(8).collect();
    let paid =
        if peer.redeemed > 0 { format!(" {} of it is in a block.", credits(peer.redeemed)) } else { String::new() };
    Some(format!(
        "Its signed cheque on channel {channel}: {} credits, {} verified.{paid}",
        credits(cheque.total),
        size(cheque.bytes)
    ))
}

/// What an item brought and cost, with its why; nothing while no byte of it moved.
pub fn of_item(snapshot: &Snapshot, content_id: &str) -> Option<String> {
    let credit = &snapshot.credit;
    let item = credit.items.iter().find(|item| item.content_id == content_id)?;
    (item.given + item.taken > 0).then(|| match credit.ledger {
        None => "Nothing is charged for it.".into(),
        Some(_) => priced(item),
    })
}

fn priced(item: &CreditItemView) -> String {
    let side = |done: &str, units: u64, bytes: u64| {
        let paid = units << 10;
        if paid >= bytes {
            format!("{done} {}: {} at 1 credit a MiB.", credits(units), size(bytes))
        } else {
            let rest = "the rest was free or cancelled out";
            format!("{done} {}: {} of {}, {rest}.", credits(units), size(paid), size(bytes))
        }
    };
    let earned = (item.given > 0).then(|| side("Earned", item.earned, item.given));
    let spent = (item.taken > 0).then(|| side("Cost", item.spent, item.taken));
    [earned, spent].into_iter().flatten().collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::snapshot;
    use protocol::snapshot::{ChequeView, LedgerView};

    fn peer(standing: Standing, balance: i64) -> CreditPeerView {
        CreditPeerView {
            peer: "peer".into(),
            given: 3 << 20,
            taken: 0,
            balance,
            standing,
            window: 256 << 10,
            choked_ms: None,
            earned: 2 << 10,
            spent: 0,
            deposit: None,
            cheque: None,
            redeemed: 0,
            drawn: 0,
        }
    }

    fn followed(peers: Vec<CreditPeerView>) -> CreditView {
        let (chain, account) = ("ab".to_owned(), "cd".to_owned());
        let ledger = LedgerView { chain, account, height: 7, balance: Some(16_384), locked: 0, collectable: 0 };
        CreditView { on: true, ledger: Some(ledger), earned: 2 << 10, spent: 512, peers, ..CreditView::default() }
    }

    #[test]
    fn without_a_ledger_no_credit_is_named() {
        let item = CreditItemView { content_id: "id".into(), given: 5, taken: 0, earned: 0, spent: 0 };
        let credit =
            CreditView { on: true, items: vec![item], peers: vec![peer(Standing::Unpaid, 9)], ..CreditView::default() };
        assert_eq!(title(&credit), "Nothing is charged");
        assert_eq!(owed(&credit), None);
        assert_eq!(moved(3 << 20, 0), "3.0 MiB given");
        assert_eq!(standing(&credit.peers[0], false), "Took 9 bytes more than it gave.");
        let said = of_item(&Snapshot { credit, ..snapshot() }, "id").unwrap();
        assert!(said.starts_with("Nothing is charged"), "{said}");
    }

    #[test]
    fn earned_spent_and_owed_are_what_the_books_say() {
        let cheque = ChequeView { channel: "0123456789abcdef".into(), total: 2 << 10, bytes: 2 << 20 };
        let paying = CreditPeerView { cheque: Some(cheque), ..peer(Standing::Pays, 512 << 10) };
        let credit = followed(vec![paying.clone(), peer(Standing::Unpaid, 1 << 30)]);
        assert_eq!(title(&credit), "2.00 earned, 0.50 spent in this visit");
        assert_eq!(owed(&credit), Some((512, 0)), "who does not pay owes nothing");
        assert_eq!(receipt(&paying).unwrap(), "Its signed cheque on channel 01234567: 2.00 credits, 2.0 MiB verified.");
    }

    #[test]
    fn an_item_says_its_price_and_what_was_free() {
        let item = CreditItemView { content_id: "id".into(), given: 0, taken: 4 << 20, earned: 0, spent: 3 << 10 };
        assert_eq!(priced(&item), "Cost 3.00: 3.0 MiB of 4.0 MiB, the rest was free or cancelled out.");
        assert_eq!(priced(&CreditItemView { spent: 4 << 10, ..item }), "Cost 4.00: 4.0 MiB at 1 credit a MiB.");
    }

    #[test]
    fn a_newcomer_is_told_what_happens_and_a_refused_one_why() {
        let of = |state, denied| {
            let account = CreditAccountView { state, denied, again_ms: Some(90_000), ..CreditAccountView::default() };
            newcomer(&account)
        };
        assert_eq!(of(AccountState::Solving, None).0, "Earning a first grant");
        let (title, words) = of(AccountState::Refused, Some(DeniedView::Network));
        assert_eq!(title, "No credit for now");
        assert!(words.contains("share of today's grants") && words.contains("Fetching works"), "{words}");
        assert_eq!(buys(16_384), "About 16.0 MiB of fetching.");
        assert_eq!((collectable(128), collectable(1 << 10)), (None, Some("Collect 1.00 credits".into())));
    }

    #[test]
    fn a_choked_debtor_is_named_with_its_debt() {
        let choked = CreditPeerView { choked_ms: Some(3_000), ..peer(Standing::Pays, 320 << 10) };
        assert_eq!(standing(&choked, true), "Owes 320 KiB. Sent nothing for 3 s until it pays.");
    }
}
