//! The chain on disk: one file, one transaction for everything that belongs together, two-phase.
//!
//! A step's records and blocks are committed before anything of it is sent; a crash at any point leaves the state
//! before the step or after it. Whatever is read at the start is checked: the file by its own checksums, the headers by
//! their links, the snapshot by its root, and every block after it by executing it. What does not add up stops the
//! start: a validator that forgot what it signed must not sign.

use ledger::block::Body;
use ledger::genesis::Genesis;
use ledger::hash::{BlockId, Key, TransactionId};
use ledger::header::Header;
use ledger::leaf::Leaf;
use ledger::seal::Seal;
use ledger::state::State;
use ledger::validators::Validators;
use ledger::wire::{Wire, WireError};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use sealing::{Record, Sealed};
use std::collections::BTreeMap;
use std::path::Path;

/// Its file, in the relay's data folder.
pub(crate) const CHAIN_FILE: &str = "chain.redb";

/// The only layout there is.
const VERSION: u64 = 1;

const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
/// By height: header, then seal.
const HEADERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("headers");
const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
const TRANSACTIONS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("transactions");
/// Of the height that is being decided, in order.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const LISTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("validators");
/// The leaves of one state, all of them.
const SNAPSHOT: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("snapshot");

const GENESIS: &str = "genesis";
const LAYOUT: &str = "layout";
const SNAPSHOT_HEIGHT: &str = "snapshot height";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not what was written.
    #[error("it is damaged: {what}")]
    Damaged {
        /// Where that shows.
        what: String,
    },
    /// Another program has it open.
    #[error("another relay uses it")]
    InUse,
    /// The disk refused.
    #[error("the disk refuses it")]
    Disk(#[source] Box<redb::Error>),
    /// It was written by another version.
    #[error("it has layout {found}, this relay reads {VERSION}")]
    Layout {
        /// What it says.
        found: u64,
    },
}

fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: what.into() }
}

impl From<WireError> for StoreError {
    fn from(error: WireError) -> Self {
        damaged(error.to_string())
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse,
        redb::Error::Corrupted(what) => damaged(what),
        redb::Error::RepairAborted => damaged("it cannot be repaired"),
        redb::Error::UpgradeRequired(found) => StoreError::Layout { found: found.into() },
        redb::Error::TableDoesNotExist(name) => damaged(format!("there is no table {name}")),
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => damaged(error.to_string()),
        other => StoreError::Disk(Box::new(other)),
    }
}

/// What is read at the start.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) genesis: Genesis,
    /// The newest state that is kept whole, after the block at this height; none means the genesis.
    pub(crate) snapshot: Option<(u64, BTreeMap<Key, Leaf>)>,
    pub(crate) records: Vec<Record>,
}

/// The chain on disk.
#[derive(Debug)]
pub(crate) struct Store(Database);

impl Store {
    /// Opens the file, or makes it with this genesis.
    pub(crate) fn open(folder: &Path, new: impl FnOnce() -> Genesis) -> Result<(Self, Kept), StoreError> {
        let path = folder.join(CHAIN_FILE);
        let is_new = !path.exists();
        let mut database = Database::create(&path).map_err(failed)?;
        if !is_new && !database.check_integrity().map_err(failed)? {
            // It was repaired to the last commit, which is where a crash leaves it.
            log::info!("the chain's store was not closed; it goes on from its last commit");
        }
        let store = Self(database);
        if is_new || !store.has_genesis()? {
            store.begin(&new())?;
        }
        let kept = store.read()?;
        Ok((store, kept))
    }

    fn has_genesis(&self) -> Result<bool, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        match reading.open_table(FACTS) {
            Ok(facts) => Ok(facts.get(GENESIS).map_err(failed)?.is_some()),
            // Made, and crashed before the first commit.
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn begin(&self, genesis: &Genesis) -> Result<(), StoreError> {
        self.write(|writing| {
            writing
                .open_table(FACTS)
                .map_err(failed)?
                .insert(GENESIS, genesis.to_bytes().as_slice())
                .map_err(failed)?;
            let layout = VERSION.to_bytes();
            writing.open_table(FACTS).map_err(failed)?.insert(LAYOUT, layout.as_slice()).map_err(failed)?;
            for table in [HEADERS, BODIES, RECORDS] {
                writing.open_table(table).map_err(failed)?;
            }
            writing.open_table(TRANSACTIONS).map_err(failed)?;
            writing.open_table(LISTS).map_err(failed)?;
            writing.open_table(SNAPSHOT).map_err(failed)?;
            keep_list(writing, &genesis.validators)
        })
    }

    /// One transaction, on disk when this returns.
    fn write(&self, act: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut writing = self.0.begin_write().map_err(failed)?;
        writing.set_durability(Durability::Immediate).map_err(failed)?;
        writing.set_two_phase_commit(true);
        act(&writing)?;
        writing.commit().map_err(failed)
    }

    fn read(&self) -> Result<Kept, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        let facts = reading.open_table(FACTS).map_err(failed)?;
        let fact = |name: &str| facts.get(name).map_err(failed);
        match fact(LAYOUT)?.map(|bytes| u64::from_bytes(bytes.value())) {
            Some(Ok(VERSION)) => {}
            Some(Ok(found)) => return Err(StoreError::Layout { found }),
            Some(Err(_)) | None => return Err(damaged("its layout is not said")),
        }
        let genesis = fact(GENESIS)?.ok_or_else(|| damaged("there is no genesis"))?;
        let genesis = Genesis::from_bytes(genesis.value())?;
        let mut records = Vec::new();
        for entry in reading.open_table(RECORDS).map_err(failed)?.iter().map_err(failed)? {
            records.push(Record::from_bytes(entry.map_err(failed)?.1.value())?);
        }
        let snapshot = match fact(SNAPSHOT_HEIGHT)? {
            None => None,
            Some(height) => {
                let mut leaves = BTreeMap::new();
                for entry in reading.open_table(SNAPSHOT).map_err(failed)?.iter().map_err(failed)? {
                    let (key, leaf) = entry.map_err(failed)?;
                    leaves.insert(Key::from_bytes(key.value())?, Leaf::from_bytes(leaf.value())?);
                }
                Some((u64::from_bytes(height.value())?, leaves))
            }
        };
        Ok(Kept { genesis, snapshot, records })
    }

    /// Keeps what a step says, all of it or nothing. With a block, the state after it may be kept whole, too.
    pub(crate) fn keep(
        &self,
        reverted: usize,
        connected: &[Sealed],
        records: &[Record],
        state: Option<&State>,
        lists: &[Validators],
    ) -> Result<(), StoreError> {
        self.write(|writing| {
            let mut headers = writing.open_table(HEADERS).map_err(failed)?;
            let mut bodies = writing.open_table(BODIES).map_err(failed)?;
            let mut transactions = writing.open_table(TRANSACTIONS).map_err(failed)?;
            for _ in 0..reverted {
                let last = headers.pop_last().map_err(failed)?.map(|(height, _)| height.value());
                let Some(height) = last else { return Err(damaged("a block to undo is missing")) };
                if let Some(body) = bodies.remove(height).map_err(failed)? {
                    for id in Body::from_bytes(body.value())?.ids() {
                        transactions.remove(id.as_bytes().as_slice()).map_err(failed)?;
                    }
                }
            }
            for Sealed { block, seal } in connected {
                let height = block.header.height;
                let header = (block.header.clone(), seal.clone()).to_bytes();
                headers.insert(height, header.as_slice()).map_err(failed)?;
                bodies.insert(height, block.body.to_bytes().as_slice()).map_err(failed)?;
                for id in block.body.ids() {
                    transactions.insert(id.as_bytes().as_slice(), height).map_err(failed)?;
                }
            }
            drop((headers, bodies, transactions));
            keep_records(writing, !connected.is_empty(), records)?;
            lists.iter().try_for_each(|list| keep_list(writing, list))?;
            state.map_or(Ok(()), |state| keep_snapshot(writing, state))
        })
    }

    /// The header at this height, and its seal.
    pub(crate) fn header(&self, height: u64) -> Result<Option<(Header, Seal)>, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        let headers = reading.open_table(HEADERS).map_err(failed)?;
        let found = headers.get(height).map_err(failed)?;
        Ok(found.map(|bytes| Wire::from_bytes(bytes.value())).transpose()?)
    }

    /// The block at this height.
    pub(crate) fn block(&self, height: u64) -> Result<Option<Sealed>, StoreError> {
        let Some((header, seal)) = self.header(height)? else { return Ok(None) };
        let reading = self.0.begin_read().map_err(failed)?;
        let body = reading.open_table(BODIES).map_err(failed)?.get(height).map_err(failed)?;
        let body = body.ok_or_else(|| damaged(format!("block {height} has no body")))?;
        let body = Body::from_bytes(body.value())?;
        Ok(Some(Sealed { block: ledger::block::Block { header, body }, seal }))
    }

    /// Looks at every header in order.
    pub(crate) fn each_header(&self, mut look: impl FnMut(u64, Header)) -> Result<(), StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        for entry in reading.open_table(HEADERS).map_err(failed)?.iter().map_err(failed)? {
            let (height, bytes) = entry.map_err(failed)?;
            let (header, _) = <(Header, Seal)>::from_bytes(bytes.value())?;
            look(height.value(), header);
        }
        Ok(())
    }

    /// In which block a transaction is.
    pub(crate) fn find(&self, transaction: &TransactionId) -> Result<Option<u64>, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        let transactions = reading.open_table(TRANSACTIONS).map_err(failed)?;
        let found = transactions.get(transaction.as_bytes().as_slice()).map_err(failed)?;
        Ok(found.map(|height| height.value()))
    }

    /// A list of validators by its hash.
    pub(crate) fn list(&self, hash: &[u8; 32]) -> Result<Option<Validators>, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        let lists = reading.open_table(LISTS).map_err(failed)?;
        let found = lists.get(hash.as_slice()).map_err(failed)?;
        Ok(found.map(|bytes| Validators::from_bytes(bytes.value())).transpose()?)
    }
}

fn keep_records(writing: &WriteTransaction, decided: bool, records: &[Record]) -> Result<(), StoreError> {
    let mut table = writing.open_table(RECORDS).map_err(failed)?;
    if decided {
        table.retain(|_, _| false).map_err(failed)?;
    }
    let first = table.len().map_err(failed)?;
    for (record, at) in records.iter().zip(first..) {
        table.insert(at, record.to_bytes().as_slice()).map_err(failed)?;
    }
    Ok(())
}

fn keep_list(writing: &WriteTransaction, list: &Validators) -> Result<(), StoreError> {
    let mut lists = writing.open_table(LISTS).map_err(failed)?;
    lists.insert(list.hash().as_bytes().as_slice(), list.to_bytes().as_slice()).map_err(failed)?;
    Ok(())
}

fn keep_snapshot(writing: &WriteTransaction, state: &State) -> Result<(), StoreError> {
    let mut leaves = writing.open_table(SNAPSHOT).map_err(failed)?;
    leaves.retain(|_, _| false).map_err(failed)?;
    for (key, leaf) in state.leaves() {
        leaves.insert(key.as_bytes().as_slice(), leaf.to_bytes().as_slice()).map_err(failed)?;
    }
    let height = state.height().to_bytes();
    writing.open_table(FACTS).map_err(failed)?.insert(SNAPSHOT_HEIGHT, height.as_slice()).map_err(failed)?;
    Ok(())
}

/// The name of a block, for messages.
pub(crate) fn short(id: &BlockId) -> String {
    id.to_string().chars().take(12).collect()
}
