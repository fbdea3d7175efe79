//! The chain in the screen's words.

use super::look::Looking;
use super::source::Next;
use super::{Following, STALLED_AFTER};
use crate::Directory;
use crate::notices::millis;
use clock::Time;
use ledger::block::Body as BlockBody;
use ledger::chain::Chain;
use ledger::header::Header;
use ledger::parameters::Parameters;
use ledger::seal::{Engine, Finality, Seal};
use ledger::sync::DropReason;
use ledger::transaction::Body;
use serde::Serialize;

/// The chain as this tab has checked it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainView {
    pub state: ChainState,
    /// Its name; empty without a chain.
    pub id: String,
    /// `authority`, `stake` or `work`; empty without a chain.
    pub engine: &'static str,
    /// Who seals now, and how much of the power a seal needs.
    pub validators: usize,
    pub quorum: String,
    pub height: u64,
    /// Headers checked in this tab in this visit.
    pub checked: u64,
    /// Since the newest block was checked here, ms.
    pub tip_age_ms: Option<u64>,
    /// The newest blocks that arrived while this tab was open, the newest first.
    pub blocks: Vec<BlockView>,
    pub sources: Vec<ChainSourceView>,
    pub refused: Vec<RefusedView>,
    pub look: Option<LookView>,
}

impl Default for ChainView {
    fn default() -> Self {
        Self {
            state: ChainState::None,
            id: String::new(),
            engine: "",
            validators: 0,
            quorum: String::new(),
            height: 0,
            checked: 0,
            tip_age_ms: None,
            blocks: Vec::new(),
            sources: Vec::new(),
            refused: Vec::new(),
            look: None,
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainState {
    /// No relay named one.
    None,
    /// Nothing has been checked yet.
    Starting,
    Following,
    /// A source has more than we have checked.
    CatchingUp,
    /// No new block for a long time.
    Stalled,
    /// Two sealed blocks of one height: nothing is trusted any more.
    Conflict,
    /// The relay names another chain than this browser followed before.
    OtherChain,
}

/// A block that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    pub height: u64,
    pub id: String,
    pub parent: String,
    pub proposer: String,
    pub round: u32,
    pub epoch: u32,
    /// Ledger time, ms since 1970.
    pub timestamp_ms: u64,
    pub treasury: u64,
    pub state_root: String,
    /// Since it was checked here, ms, if it came while this tab was open.
    pub age_ms: Option<u64>,
    pub finality: FinalityView,
    /// Signatures on its seal; 0 for a puzzle.
    pub signatures: usize,
}

/// The finality words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum FinalityView {
    /// More than two thirds signed, and this tab checked the signatures.
    Final,
    /// So many blocks deep; may still be undone.
    Confirmed { depth: u64, reversal_millionths: u32 },
}

/// Somebody who is asked about the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainSourceView {
    pub name: String,
    pub height: u64,
    pub state: SourceStateView,
}

/// Whether it owes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceStateView {
    /// It will tell the next block as soon as there is one.
    Waiting,
    /// It is asked again in a moment.
    Pausing,
}

/// Somebody who is not asked any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedView {
    pub name: String,
    pub why: Wrong,
}

/// What was wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// A header that can never hold: its seal, its parent, its treasury.
    Header,
    /// Something else than was asked for.
    Answer,
    /// A block that is not in the chain, or a body that is not its own.
    Block,
    /// A balance without a proof, or with one that does not hold.
    Balance,
}

impl Wrong {
    pub(super) const fn of(why: DropReason) -> Self {
        match why {
            DropReason::Header(_) => Self::Header,
            DropReason::Answer | DropReason::Unasked => Self::Answer,
        }
    }
}

/// What the person looks up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LookView {
    /// `block`, `transaction` or `account`.
    pub kind: &'static str,
    /// Its height or name.
    pub subject: String,
    pub state: LookState,
    pub found: Option<LookedUp>,
}

/// How far looking it up has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookState {
    NoSource,
    Asked,
    Missing,
    /// Here, and its proof was checked in this tab.
    Checked,
}

/// What was found, after its proof was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum LookedUp {
    Block { block: BlockView, transactions: Vec<TransactionView>, proof_len: usize },
    Transaction { transaction: TransactionView, block: BlockView, proof_len: usize },
    Account(AccountView),
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    pub id: String,
    /// What it does, in a word or two.
    pub what: &'static str,
    pub sender: String,
    pub nonce: u64,
    pub fee: u64,
    /// The account or thing it is about, if it is about one.
    pub about: Option<String>,
    pub amount: Option<u64>,
}

/// An account, as a proof shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    pub id: String,
    /// The proof may also show that there is none.
    pub exists: bool,
    pub balance: u64,
    pub nonce: u64,
    pub created: u64,
    /// After which block.
    pub height: u64,
    /// Neighbours on the proof's path.
    pub neighbours: usize,
    pub proof_len: usize,
}

pub(super) fn block_view(chain: &Chain, header: &Header, age_ms: Option<u64>) -> BlockView {
    let id = header.id();
    let depth = chain.tip().height.saturating_sub(header.height) + 1;
    let signatures = match chain.header(&id) {
        Some((_, Seal::Certificate(certificate))) => certificate.signers(),
        Some((_, Seal::Work)) | None => 0,
    };
    BlockView {
        height: header.height,
        id: id.to_string(),
        parent: header.parent.to_string(),
        proposer: header.proposer.to_string(),
        round: header.round,
        epoch: header.epoch,
        timestamp_ms: header.timestamp.as_millis(),
        treasury: header.treasury.0,
        state_root: header.state.to_string(),
        age_ms,
        finality: match chain.rules().engine.rules().finality(depth) {
            Finality::Final => FinalityView::Final,
            Finality::Confirmed { depth, reversal_millionths } => {
                FinalityView::Confirmed { depth, reversal_millionths }
            }
        },
        signatures,
    }
}

pub(super) fn transaction_views(body: &BlockBody, parameters: &Parameters) -> Vec<TransactionView> {
    let view = |signed: &ledger::transaction::SignedTransaction| {
        let transaction = signed.transaction();
        let (what, about, amount) = match &transaction.body {
            Body::OpenChannels(opened) => {
                let sum = opened.entries().iter().map(|entry| entry.deposit.0).fold(0, u64::saturating_add);
                ("opens channels", None, Some(sum))
            }
            Body::TopUp { channel, amount } => ("adds to a channel", Some(channel.to_string()), Some(amount.0)),
            Body::Redeem(_) => ("redeems cheques", None, None),
            Body::CloseChannel { channel } => ("closes a channel", Some(channel.to_string()), None),
            Body::Transfer { to, amount } => ("sends", Some(to.to_string()), Some(amount.0)),
            Body::Admit(ticket) => ("joins", Some(ticket.admission.issuer.to_string()), Some(parameters.grant.0)),
            Body::Sweep { account } => ("sweeps", Some(account.to_string()), None),
            Body::Evidence(evidence) => ("proves a double vote", Some(evidence.vote().validator.to_string()), None),
            Body::Publish(publication) => ("publishes", Some(publication.root.to_string()), None),
            Body::Bond { amount } => ("bonds", None, Some(amount.0)),
            Body::Unbond { amount } => ("unbonds", None, Some(amount.0)),
            Body::Withdraw { .. } => ("withdraws", None, None),
            Body::SetAuthorities(_) => ("names authorities", None, None),
        };
        TransactionView {
            id: signed.id().to_string(),
            what,
            sender: transaction.sender.to_string(),
            nonce: transaction.nonce,
            fee: transaction.fee(parameters).0,
            about,
            amount,
        }
    };
    body.transactions().iter().map(view).collect()
}

impl Following {
    pub(crate) fn view(&self, now: Time, name: impl Fn(Directory) -> String) -> ChainView {
        let blocks = self.chain().into_iter().flat_map(|chain| {
            self.recent.iter().rev().filter_map(move |(id, at)| {
                let (header, _) = chain.header(id)?;
                Some(block_view(chain, header, Some(millis(now - *at))))
            })
        });
        let source = |(at, source): (&Directory, &super::Source)| ChainSourceView {
            name: name(*at),
            height: source.height,
            state: match source.next {
                Next::Asked => SourceStateView::Waiting,
                Next::At(_) => SourceStateView::Pausing,
            },
        };
        let validators = self.chain().and_then(Chain::validators);
        ChainView {
            state: self.state(now),
            id: self.chain().map_or_else(String::new, |chain| chain.rules().chain.to_string()),
            engine: self.chain().map_or("", |chain| match chain.rules().engine {
                Engine::Authority => "authority",
                Engine::Stake => "stake",
                Engine::Work => "work",
            }),
            validators: validators.map_or(0, |list| list.len()),
            quorum: validators.map_or_else(String::new, |list| format!("more than two thirds of {}", list.total())),
            height: self.height(),
            checked: self.checked,
            tip_age_ms: self.tip_at.map(|at| millis(now - at)),
            blocks: blocks.collect(),
            sources: self.sources.iter().map(source).collect(),
            refused: self.refused.iter().map(|(at, why)| RefusedView { name: name(*at), why: *why }).collect(),
            look: self.looking.as_ref().map(Looking::view),
        }
    }

    fn state(&self, now: Time) -> ChainState {
        if self.is_other {
            return ChainState::OtherChain;
        }
        let Some(chain) = self.chain() else { return ChainState::None };
        let ahead = self.sources.values().any(|source| source.height > chain.tip().height);
        match self.tip_at {
            _ if chain.conflict().is_some() => ChainState::Conflict,
            None => ChainState::Starting,
            Some(_) if ahead => ChainState::CatchingUp,
            Some(at) if now - at > STALLED_AFTER => ChainState::Stalled,
            Some(_) => ChainState::Following,
        }
    }
}
