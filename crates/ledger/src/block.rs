//! A block: a header, and the transactions that it commits to.

use crate::hash::{BlockId, TransactionId};
use crate::header::Header;
use crate::history::History;
use crate::leaf::InForce;
use crate::merkle::transaction_root;
use crate::state::{Slot, State, StateError};
use crate::transaction::SignedTransaction;
use crate::wire::{Reader, Wire, WireError, decode_bytes, encode_bytes};

/// Bytes of the longest body: it arrives within a second on a phone's connection.
pub const BODY_LEN_MAX: usize = 64 * 1024;

/// The most transactions of a block.
pub const TRANSACTIONS_MAX: usize = 256;

/// The transactions of a block, in the order in which they apply. Never more than a block may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    transactions: Vec<SignedTransaction>,
    len: usize,
}

impl Body {
    /// Adds a transaction, if there is room; gives it back if not.
    pub fn push(&mut self, transaction: SignedTransaction) -> Result<(), Box<SignedTransaction>> {
        let len = self.encoded_len() + 2 + transaction.to_bytes().len();
        if self.transactions.len() >= TRANSACTIONS_MAX || len > BODY_LEN_MAX {
            return Err(Box::new(transaction));
        }
        self.len = len - 2;
        self.transactions.push(transaction);
        Ok(())
    }

    const fn encoded_len(&self) -> usize {
        2 + self.len
    }

    /// In order.
    pub fn transactions(&self) -> &[SignedTransaction] {
        &self.transactions
    }

    /// Their names, in order.
    pub fn ids(&self) -> Vec<TransactionId> {
        self.transactions.iter().map(SignedTransaction::id).collect()
    }
}

impl Wire for Body {
    const LEN_MAX: usize = BODY_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        (self.transactions.len() as u16).encode(out);
        self.transactions.iter().for_each(|transaction| encode_bytes(&transaction.to_bytes(), out));
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let found = usize::from(u16::decode(input)?);
        if found > TRANSACTIONS_MAX {
            return Err(WireError::Count { min: 0, max: TRANSACTIONS_MAX, found });
        }
        let mut body = Self::default();
        for _ in 0..found {
            let transaction = SignedTransaction::from_bytes(decode_bytes(input, SignedTransaction::LEN_MAX)?)?;
            let too_long = WireError::TooLong { max: BODY_LEN_MAX, found: BODY_LEN_MAX + 1 };
            body.push(transaction).map_err(|_| too_long)?;
        }
        Ok(body)
    }
}

/// Why a block is not what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Other transactions than the header commits to.
    #[error("the header commits to other transactions")]
    Transactions,
    /// One that does not apply, or credit made or lost.
    #[error(transparent)]
    State(#[from] StateError),
    /// Applying it does not lead to what the header says.
    #[error("the header says another {what}")]
    Header {
        /// What differs.
        what: &'static str,
    },
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its head.
    pub header: Header,
    /// Its transactions.
    pub body: Body,
}

/// What the next block builds on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The state to change.
    pub state: State,
    /// The block that left it.
    pub parent: BlockId,
    /// All blocks before this next one, the parent included.
    pub history: History,
}

impl Ground {
    /// Where a chain begins: its genesis state under a header that everybody can compute.
    pub fn genesis(state: State) -> (Self, Header) {
        let rules = state.rules();
        let header = Header {
            engine: rules.engine,
            chain: rules.chain,
            height: 0,
            round: 0,
            epoch: 0,
            parent: BlockId::NONE,
            timestamp: rules.started,
            transactions: transaction_root(&[]),
            state: state.root(),
            history: History::default().root(),
            treasury: state.treasury(),
            validators: state.validators(InForce::Now).hash(),
            next_validators: state.validators(InForce::Next).hash(),
            proposer: crate::account::AccountId::default(),
            engine_data: Vec::new(),
        };
        let parent = header.id();
        (Self { state, parent, history: History::default().with(&parent) }, header)
    }

    /// Makes the next block from these transactions: those that apply, as many as fit, in this order.
    pub fn build(
        &self,
        slot: Slot,
        round: u32,
        candidates: impl IntoIterator<Item = SignedTransaction>,
    ) -> Result<(Block, State), StateError> {
        let mut draft = self.state.begin(slot);
        let mut body = Body::default();
        for transaction in candidates {
            // Room first: what has been applied must be in the block.
            let mut with = body.clone();
            if with.push(transaction.clone()).is_ok() && draft.apply(&transaction).is_ok() {
                body = with;
            }
        }
        let state = draft.finish()?;
        let header = self.head(&state, slot, round, &body);
        Ok((Block { header, body }, state))
    }

    fn head(&self, after: &State, slot: Slot, round: u32, body: &Body) -> Header {
        let rules = after.rules();
        Header {
            engine: rules.engine,
            chain: rules.chain,
            height: after.height(),
            round,
            epoch: after.epoch(),
            parent: self.parent,
            timestamp: slot.timestamp,
            transactions: transaction_root(&body.ids()),
            state: after.root(),
            history: self.history.root(),
            treasury: after.treasury(),
            validators: after.validators(InForce::Now).hash(),
            next_validators: after.validators(InForce::Next).hash(),
            proposer: slot.proposer,
            engine_data: Vec::new(),
        }
    }

    /// Applies somebody's block: everything its header says must come out of it. The seal is for the engine to check.
    pub fn execute(&self, block: &Block) -> Result<State, BlockError> {
        let header = &block.header;
        if transaction_root(&block.body.ids()) != header.transactions {
            return Err(BlockError::Transactions);
        }
        let slot = Slot { timestamp: header.timestamp, proposer: header.proposer };
        let after = self.state.apply(slot, block.body.transactions())?;
        let expected = self.head(&after, slot, header.round, &block.body);
        let differs = [
            ("engine", expected.engine != header.engine),
            ("chain", expected.chain != header.chain),
            ("height", expected.height != header.height),
            ("epoch", expected.epoch != header.epoch),
            ("parent", expected.parent != header.parent),
            ("history", expected.history != header.history),
            ("state", expected.state != header.state),
            ("treasury", expected.treasury != header.treasury),
            ("list of validators", expected.validators != header.validators),
            ("next list of validators", expected.next_validators != header.next_validators),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((what, _)) => Err(BlockError::Header { what }),
            None => Ok(after),
        }
    }

    /// The ground after this block, which left this state.
    pub fn after(&self, header: &Header, state: State) -> Self {
        let parent = header.id();
        Self { state, parent, history: self.history.with(&parent) }
    }
}
