//! What serving earned and fetching cost, as the screen may know it.

use serde::Serialize;

/// What serving earned and fetching cost. Bytes are bytes, measured here; `earned`, `spent` and everything about an account
/// are units (1,024 of them are one credit), and never anything but what cheques and proofs say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditView {
    /// Books are kept at all.
    pub on: bool,
    /// This browser's account, on its way to credit or there.
    pub account: CreditAccountView,
    /// `None`: there is no account on a chain that this tab follows, so nothing is charged and nothing can be earned.
    pub ledger: Option<LedgerView>,
    /// Units of cheques accepted, and signed, in this visit.
    pub earned: u64,
    pub spent: u64,
    /// The most that may be signed away in this visit.
    pub cap: Option<u64>,
    /// Everybody with whom bytes were exchanged.
    pub peers: Vec<CreditPeerView>,
    /// The same, by item.
    pub items: Vec<CreditItemView>,
}

/// The account of this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditAccountView {
    pub state: AccountState,
    /// Its name, in hexadecimal; empty while there is no key.
    pub id: String,
    /// Later visits of this browser have it, too.
    pub lasting: bool,
    /// Why there is no ticket, and when the issuer is asked again.
    pub denied: Option<DeniedView>,
    pub again_ms: Option<u64>,
    /// Transactions signed or waiting that no block is proved to have.
    pub under_way: usize,
}

/// How far the account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// No chain, or no key.
    #[default]
    None,
    /// Not proved yet to be there or not.
    Looking,
    /// Not there; an issuer is asked.
    Asking,
    /// Its stamp is being solved.
    Solving,
    /// The ticket is on its way into a block.
    Joining,
    /// No ticket for now.
    Refused,
    There,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeniedView {
    /// All of this hour are given out.
    NoneLeft,
    /// This network had its share of the day.
    Network,
    /// Too many at once from this network.
    TooOften,
}

/// The ledger as this tab proved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerView {
    /// The chain's and the account's names, in hexadecimal.
    pub chain: String,
    pub account: String,
    /// The newest final block.
    pub height: u64,
    /// Free units, from a proof; `None` while there is no such account.
    pub balance: Option<u64>,
    /// Units in channels that we have not signed away.
    pub locked: u64,
    /// Units signed for by others that are not redeemed yet.
    pub collectable: u64,
}

/// Who is served before whom, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It gave us more than it took.
    GivesMore,
    /// It pays for what it takes.
    Pays,
    /// It takes for nothing, and is served last.
    Unpaid,
    /// It stopped paying with more owed than it may: served last until it pays.
    Owes,
}

/// One peer in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditPeerView {
    pub peer: String,
    /// Content bytes to and from it.
    pub given: u64,
    pub taken: u64,
    /// Bytes' worth that it owes us; below zero, that we owe it.
    pub balance: i64,
    pub standing: Standing,
    /// Bytes' worth that it may owe.
    pub window: i64,
    /// How long it has been sent nothing for owing too much, ms.
    pub choked_ms: Option<u64>,
    /// Units of its best cheque, and of ours.
    pub earned: u64,
    pub spent: u64,
    /// Units we have locked for it.
    pub deposit: Option<u64>,
    /// Units that a block is proved to have paid, to us on its channel and by us on ours.
    pub redeemed: u64,
    pub drawn: u64,
    /// Its best cheque: its word for what it verified.
    pub cheque: Option<ChequeView>,
}

/// A cheque that we hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChequeView {
    pub channel: String,
    /// Units promised on the channel, all together.
    pub total: u64,
    /// Bytes receipted on it, all together.
    pub bytes: u64,
}

/// One item in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditItemView {
    pub content_id: String,
    pub given: u64,
    pub taken: u64,
    pub earned: u64,
    pub spent: u64,
}
