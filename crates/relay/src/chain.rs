//! The relay's chain: a maker of blocks ([`sealing`]) on a thread of its own, with its store, its key and a door for
//! questions.
//!
//! The thread is the only one that touches the store, so what is kept and what is said follow one order. Peers' questions
//! come in through a bounded queue; answers go back to the network's loop, which owns the streams.

mod admission;
mod answers;
mod codec;
mod keeper;
mod store;

pub use store::StoreError;

use crate::error::StartError;
use crate::identity::{data_error, write_secret};
use admission::Admissions;
use clock::Timestamp;
use ed25519_dalek::SigningKey;
use keeper::Keeper;
use ledger::amount::Credits;
use ledger::genesis::Genesis;
use ledger::hash::BlockId;
use ledger::question::{Answer, Question};
use ledger::seal::Engine;
use ledger::signing::account_of;
use ledger::validators::{Validator, Validators};
use ledger::wire::Wire;
use libp2p::PeerId;
use libp2p::request_response::ResponseChannel;
use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

pub(crate) use codec::{Behaviour, behaviour};
pub(crate) use store::CHAIN_FILE;

/// The key that makes and seals blocks, in the relay's data folder: 32 bytes.
const KEY_FILE: &str = "validator.key";

/// What the first validator of a stake chain has bonded from the beginning.
const FIRST_BOND: Credits = Credits(1 << 40);

/// Questions that wait for the thread. It answers thousands a second; whoever comes while it is full asks again.
const QUESTIONS_WAITING_MAX: usize = 1_024;

/// Answers that wait for the network's loop.
const ANSWERS_WAITING_MAX: usize = 1_024;

/// A question from the network.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    pub(crate) peer: PeerId,
    /// Where the peer is connected from.
    pub(crate) from: Option<IpAddr>,
    pub(crate) channel: ResponseChannel<Answer>,
}

/// An answer for the network.
pub(crate) type Answered = (ResponseChannel<Answer>, Answer);

/// The network's ends of the two queues.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) questions: SyncSender<Asked>,
    pub(crate) answers: mpsc::Receiver<Answered>,
}

/// What everybody is told about the chain.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) genesis: Genesis,
    newest: Arc<Mutex<(u64, BlockId)>>,
}

impl About {
    /// The newest block: where a newcomer may begin.
    pub(crate) fn newest(&self) -> (u64, BlockId) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        let key = SigningKey::from_bytes(&[1; 32]);
        Self { genesis: genesis(Engine::Authority, &key, Timestamp::default()), newest: Arc::default() }
    }

    /// The genesis as text.
    pub(crate) fn genesis_text(&self) -> String {
        self.genesis.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A chain that was opened and not yet started.
#[derive(Debug)]
pub(crate) struct Opened {
    keeper: Keeper,
    questions: Receiver<Asked>,
    answers: mpsc::Sender<Answered>,
}

impl Opened {
    /// Makes blocks and answers until nobody can ask any more, or the disk refuses.
    pub(crate) fn run(self) {
        if let Err(error) = self.keeper.run(&self.questions, &self.answers) {
            // Better no block than one that was not kept: the relay ends with its chain.
            log::error!("the chain stops: {:#}", anyhow::Error::from(error));
        }
    }
}

/// How the chain is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Who may seal, where a new chain begins.
    pub(crate) engine: Option<Engine>,
    pub(crate) heartbeat: Duration,
    /// Zero bits of a newcomer's stamp; `None` lets nobody in.
    pub(crate) stamp_bits: Option<u8>,
    /// Whether a network's share of tickets also holds for loopback.
    pub(crate) loopback_counts: bool,
}

/// Opens the chain in this folder, or begins a new one.
pub(crate) fn open(folder: &Path, habits: Habits) -> Result<(Opened, Door, About), StartError> {
    let Habits { engine, heartbeat, stamp_bits, loopback_counts } = habits;
    let key = load_key(folder)?;
    let refused = |source| StartError::Chain { path: folder.join(CHAIN_FILE), source };
    let begin = || genesis(engine.unwrap_or(Engine::Authority), &key, clock_now());
    let (store, kept) = store::Store::open(folder, begin).map_err(refused)?;
    let found = kept.genesis.engine;
    if engine.is_some_and(|wanted| wanted != found) {
        return Err(StartError::OtherEngine { path: folder.join(CHAIN_FILE), found: name(found) });
    }
    let genesis = kept.genesis.clone();
    let admissions = Admissions::new(key.clone(), rand::random(), stamp_bits, loopback_counts);
    let keeper = Keeper::new(store, kept, key, admissions, heartbeat).map_err(refused)?;
    let about = About { genesis, newest: keeper.newest_shared() };
    let (questions, asked) = sync_channel(QUESTIONS_WAITING_MAX);
    let (answers, answered) = mpsc::channel(ANSWERS_WAITING_MAX);
    Ok((Opened { keeper, questions: asked, answers }, Door { questions, answers: answered }, about))
}

/// What people call an engine.
pub(crate) const fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Authority => "authority",
        Engine::Stake => "stake",
        Engine::Work => "work",
    }
}

/// A new chain with this relay as its first validator and issuer.
fn genesis(engine: Engine, key: &SigningKey, started: Timestamp) -> Genesis {
    let me = account_of(key);
    let power = match engine {
        Engine::Authority => Some(1),
        Engine::Stake => Some(FIRST_BOND.0),
        Engine::Work => None,
    };
    let list = power.map(|power| Validator { id: me, power }).into_iter().collect();
    let authority = Genesis::authority(&[me], started).expect("one authority is a list");
    Genesis {
        engine,
        validators: Validators::new(list).expect("at most one with power is a list"),
        issuers: if engine == Engine::Authority { Vec::new() } else { vec![me] },
        ..authority
    }
}

/// The world's time.
pub(crate) fn clock_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn load_key(folder: &Path) -> Result<SigningKey, StartError> {
    let path = folder.join(KEY_FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| StartError::CorruptKey { path })?;
            Ok(SigningKey::from_bytes(&bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let seed: [u8; 32] = rand::random();
            write_secret(&path, &seed).map_err(|source| data_error(folder, source))?;
            Ok(SigningKey::from_bytes(&seed))
        }
        Err(source) => Err(data_error(folder, source)),
    }
}
