//! The head of a block: what a tab checks instead of the block.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::hash::{BlockId, ChainId, HistoryRoot, StateRoot, TransactionRoot, ValidatorsHash, hash, tag};
use crate::seal::Engine;
use crate::wire::{Reader, Wire, WireError};
use clock::Timestamp;

/// The only version there is.
pub const HEADER_VERSION: u16 = 1;

/// Bytes of what an engine may add of its own.
pub const ENGINE_DATA_LEN_MAX: usize = 128;

/// The head of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who may seal this chain.
    pub engine: Engine,
    /// The chain's name.
    pub chain: ChainId,
    /// How many blocks came before.
    pub height: u64,
    /// The attempt that proposed it.
    pub round: u32,
    /// The epoch of its timestamp, never before its parent's.
    pub epoch: u32,
    /// The block before.
    pub parent: BlockId,
    /// Ledger time.
    pub timestamp: Timestamp,
    /// Its transactions.
    pub transactions: TransactionRoot,
    /// The state after it.
    pub state: StateRoot,
    /// Every block before it.
    pub history: HistoryRoot,
    /// The treasury after it: every tab watches how fast it falls.
    pub treasury: Credits,
    /// Who seals in its epoch.
    pub validators: ValidatorsHash,
    /// Who seals in the next one.
    pub next_validators: ValidatorsHash,
    /// Who made it.
    pub proposer: AccountId,
    /// What its engine adds: nothing, or the puzzle of engine work.
    pub engine_data: Vec<u8>,
}

impl Header {
    /// The block's name.
    pub fn id(&self) -> BlockId {
        hash(&tag("header"), &[&self.to_bytes()]).into()
    }
}

impl Wire for Header {
    const LEN_MAX: usize = 2 + 1 + 1 + 8 + 4 + 4 + 8 + 8 + 8 * 32 + 1 + ENGINE_DATA_LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        HEADER_VERSION.encode(out);
        self.engine.encode(out);
        // Flags: none are defined.
        out.push(0);
        self.chain.encode(out);
        self.height.encode(out);
        self.round.encode(out);
        self.epoch.encode(out);
        self.parent.encode(out);
        self.timestamp.encode(out);
        self.transactions.encode(out);
        self.state.encode(out);
        self.history.encode(out);
        self.treasury.encode(out);
        self.validators.encode(out);
        self.next_validators.encode(out);
        self.proposer.encode(out);
        debug_assert!(self.engine_data.len() <= ENGINE_DATA_LEN_MAX);
        out.push(self.engine_data.len() as u8);
        out.extend_from_slice(&self.engine_data);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u16::decode(input)? {
            HEADER_VERSION => {}
            found => return Err(WireError::Choice { what: "header version", found: found.to_le_bytes()[0] }),
        }
        let engine = Engine::decode(input)?;
        match u8::decode(input)? {
            0 => {}
            found => return Err(WireError::Choice { what: "header flags", found }),
        }
        Ok(Self {
            engine,
            chain: Wire::decode(input)?,
            height: Wire::decode(input)?,
            round: Wire::decode(input)?,
            epoch: Wire::decode(input)?,
            parent: Wire::decode(input)?,
            timestamp: Wire::decode(input)?,
            transactions: Wire::decode(input)?,
            state: Wire::decode(input)?,
            history: Wire::decode(input)?,
            treasury: Wire::decode(input)?,
            validators: Wire::decode(input)?,
            next_validators: Wire::decode(input)?,
            proposer: Wire::decode(input)?,
            engine_data: decode_engine_data(input)?,
        })
    }
}

fn decode_engine_data(input: &mut Reader<'_>) -> Result<Vec<u8>, WireError> {
    let found = usize::from(u8::decode(input)?);
    if found > ENGINE_DATA_LEN_MAX {
        return Err(WireError::Count { min: 0, max: ENGINE_DATA_LEN_MAX, found });
    }
    input.take(found).map(<[u8]>::to_vec)
}
