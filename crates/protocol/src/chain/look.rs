//! Looking something up: a block, a transaction, an account, each with its proof checked here.
//!
//! The answer is asked of a source and proved against a header that this tab has checked. One that does not prove
//! itself is never shown: its source is refused and the next one asked.

use super::views::{AccountView, LookState, LookView, LookedUp, Wrong, block_view, transaction_views};
use super::{Following, Purpose};
use crate::Directory;
use crate::outbox::Outbox;
use clock::Time;
use ledger::account::AccountId;
use ledger::block::Body;
use ledger::hash::{Key, TransactionId};
use ledger::header::Header;
use ledger::history::HistoryProof;
use ledger::leaf::Leaf;
use ledger::merkle::transaction_root;
use ledger::question::{Answer, Question};
use ledger::tree::Proof;
use ledger::wire::Wire;

/// What a person can look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The block at a height.
    Block(u64),
    /// A transaction.
    Transaction(TransactionId),
    /// An account.
    Account(AccountId),
}

impl Look {
    /// What a person typed, as a `block`, `transaction` or `account`.
    pub fn parse(kind: &str, text: &str) -> Option<Self> {
        if kind == "block" {
            return text.parse().ok().filter(|height| *height > 0).map(Self::Block);
        }
        let is_name = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let mut name = [0; 32];
        for (at, byte) in name.iter_mut().enumerate().filter(|_| is_name) {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        match kind {
            "transaction" if is_name => Some(Self::Transaction(TransactionId(name))),
            "account" if is_name => Some(Self::Account(AccountId(name))),
            _ => None,
        }
    }
}

/// Looking it up.
#[derive(Debug)]
pub(super) struct Looking {
    look: Look,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No source can be asked at the moment.
    NoSource,
    Asked,
    Found(Box<LookedUp>),
    /// The source says that there is none.
    Missing,
}

impl Looking {
    pub(super) fn new(look: Look) -> Self {
        Self { look, state: State::NoSource }
    }

    pub(super) fn wants_source(&self) -> bool {
        matches!(self.state, State::NoSource)
    }

    pub(super) fn view(&self) -> LookView {
        let (kind, subject) = match &self.look {
            Look::Block(height) => ("block", height.to_string()),
            Look::Transaction(id) => ("transaction", id.to_string()),
            Look::Account(id) => ("account", id.to_string()),
        };
        let (state, found) = match &self.state {
            State::NoSource => (LookState::NoSource, None),
            State::Asked => (LookState::Asked, None),
            State::Missing => (LookState::Missing, None),
            State::Found(found) => (LookState::Checked, Some((**found).clone())),
        };
        LookView { kind, subject, state, found }
    }
}

impl Following {
    /// Asks a source for what the person wants to see.
    pub(super) fn ask_look(&mut self, out: &mut Outbox) {
        let Some(look) = self.looking.as_ref().map(|looking| looking.look) else { return };
        let under = self.height();
        let source = self.sources.keys().next().copied().filter(|_| under > 0);
        let question = match look {
            Look::Block(height) => Question::Block { height, under },
            Look::Transaction(transaction) => Question::Find { transaction },
            Look::Account(account) => Question::Leaves { height: under, keys: vec![Key::account(&account)] },
        };
        self.set_look(if source.is_some() { State::Asked } else { State::NoSource });
        if let Some(at) = source {
            _ = self.ask(at, question, Purpose::Look { under }, out);
        }
    }

    fn set_look(&mut self, state: State) {
        if let Some(looking) = &mut self.looking {
            looking.state = state;
        }
    }

    pub(super) fn on_look(&mut self, at: Directory, under: u64, answer: Option<Answer>, out: &mut Outbox) {
        let Some(look) = self.looking.as_ref().map(|looking| looking.look) else { return };
        let checked = match (look, answer) {
            (_, None) => return self.set_look(State::NoSource),
            (_, Some(Answer::Unknown)) => return self.set_look(State::Missing),
            (Look::Transaction(_), Some(Answer::Found(height))) => {
                // Where it claims to be; the block will show whether it is.
                let under = self.height();
                _ = self.ask(at, Question::Block { height, under }, Purpose::Look { under }, out);
                return;
            }
            (Look::Block(height), Some(Answer::Block(header, _, body, proof))) if header.height == height => {
                self.check_block(under, &header, &body, proof.as_ref(), None)
            }
            (Look::Transaction(id), Some(Answer::Block(header, _, body, proof))) => {
                self.check_block(under, &header, &body, proof.as_ref(), Some(id))
            }
            (Look::Account(account), Some(Answer::Leaves(proofs))) => self.check_account(under, account, &proofs),
            (_, Some(_)) => Err(Wrong::Answer),
        };
        match checked {
            Ok(Some(found)) => self.set_look(State::Found(Box::new(found))),
            // The tip it was proved against is no longer kept: ask again.
            Ok(None) => self.set_look(State::NoSource),
            Err(why) => {
                self.set_look(State::NoSource);
                self.refuse(Time::ZERO, at, why);
                self.ask_look(out);
            }
        }
    }

    /// The block belongs to the chain, and its body to it.
    pub(crate) fn check_block(
        &self,
        under: u64,
        header: &Header,
        body: &Body,
        proof: Option<&HistoryProof>,
        wanted: Option<TransactionId>,
    ) -> Result<Option<LookedUp>, Wrong> {
        let (Some(tip), Some(chain)) = (self.header_at(under), self.chain()) else { return Ok(None) };
        let id = header.id();
        let is_ancestor = proof.is_some_and(|proof| proof.verify(header.height, &id, under, &tip.history));
        if !is_ancestor && tip.id() != id {
            return Err(Wrong::Block);
        }
        let ids = body.ids();
        let is_there = wanted.is_none_or(|wanted| ids.contains(&wanted));
        if transaction_root(&ids) != header.transactions || !is_there {
            return Err(Wrong::Block);
        }
        let proof_len = proof.map_or(0, |proof| proof.to_bytes().len());
        let block = block_view(chain, header, None);
        let transactions = transaction_views(body, &chain.rules().parameters);
        Ok(Some(match wanted {
            None => LookedUp::Block { block, transactions, proof_len },
            Some(wanted) => {
                let wanted = wanted.to_string();
                let transaction = transactions.into_iter().find(|one| one.id == wanted).ok_or(Wrong::Block)?;
                LookedUp::Transaction { transaction, block, proof_len }
            }
        }))
    }

    /// The leaf stands under the state root of a header that was checked here, and all leaves add up to the supply.
    fn check_account(&self, under: u64, account: AccountId, proofs: &[Proof]) -> Result<Option<LookedUp>, Wrong> {
        let Some(header) = self.header_at(under) else { return Ok(None) };
        let [proof] = proofs else { return Err(Wrong::Answer) };
        let leaf = proof.verify(&Key::account(&account), &header.state).map_err(|_| Wrong::Balance)?;
        let found = match leaf {
            Some(Leaf::Account(account)) => Some(account),
            Some(_) => return Err(Wrong::Balance),
            None => None,
        };
        Ok(Some(LookedUp::Account(AccountView {
            id: account.to_string(),
            exists: found.is_some(),
            balance: found.map_or(0, |account| account.balance.0),
            nonce: found.map_or(0, |account| account.nonce),
            created: found.map_or(0, |account| account.created),
            height: under,
            neighbours: proof.depth(),
            proof_len: proof.to_bytes().len(),
        })))
    }
}
