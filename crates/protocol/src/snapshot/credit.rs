//! What serving earned and fetching cost, as the screen may know it.

use serde::Serialize;

/// What serving earned and fetching cost. Bytes are bytes, measured here; `earned`, `spent` and everything about an account
/// are units (1,024 of them are one credit), and never anything but what cheques and proofs say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditView {
    /// Books are kept at all.
    pub on: bool,
    /// `None`: no ledger is followed, so nothing is charged and nothing can be earned.
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
