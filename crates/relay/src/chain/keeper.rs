//! The thread of the chain: makes blocks, keeps them, and answers.
//!
//! One loop: hear, let the maker decide, keep what its step says, and only then tell anybody. A disk that refuses ends
//! the loop, and with it the relay.

use super::admission::Admissions;
use super::answers::Book;
use super::store::{Kept, Store, StoreError, short};
use super::{Answered, Asked, clock_now};
use clock::{Time, Timestamp};
use ed25519_dalek::SigningKey;
use ledger::block::Ground;
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::history::Archive;
use ledger::leaf::InForce;
use ledger::question::{Answer, Question, WAIT_SECS};
use ledger::seal::Seal;
use ledger::state::State;
use libp2p::PeerId;
use sealing::{FullChain, Input, Sealer, Step};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Blocks between states that are kept whole: a start executes at most so many.
const SNAPSHOT_EVERY: u64 = 1_000;

/// Trials in a row (engine work), about ten milliseconds of them; then as long a pause. A relay has other work.
const TRIALS: u32 = 16;
const TRIALS_PAUSE: Duration = Duration::from_millis(10);

/// Without anything to wait for.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Questions for the next header that wait: one for each peer that may be connected.
const WAITING_MAX: usize = 4_096;

/// A question for the next header.
struct Waiting {
    after: u64,
    until: Time,
    asked: Asked,
}

/// Chain, maker and store.
pub(crate) struct Keeper {
    store: Store,
    sealer: Sealer<PeerId>,
    book: Book,
    admissions: Admissions,
    waiting: Vec<Waiting>,
    newest: Arc<Mutex<(u64, BlockId)>>,
    started: Instant,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("height", &self.sealer.full().height()).finish_non_exhaustive()
    }
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged { what: what.to_string() }
}

impl Keeper {
    /// Goes on from what was kept, after checking all of it.
    pub(crate) fn new(
        store: Store,
        kept: Kept,
        key: SigningKey,
        admissions: Admissions,
        heartbeat: Duration,
    ) -> Result<Self, StoreError> {
        let genesis = kept.genesis.state().map_err(damaged)?;
        let mut book = Book::new(&Ground::genesis(genesis.clone()).1);
        let mut broken = None;
        store.each_header(|height, header| {
            if broken.is_none() && !book.follows(height, &header) {
                broken = Some(height);
            }
            book.push(&header);
        })?;
        if let Some(height) = broken {
            return Err(damaged(format!("block {height} does not follow the one before it")));
        }
        let mut full = begin(&store, genesis, kept.snapshot, &book.archive)?;
        let last = book.archive.count() - 1;
        for height in full.height() + 1..=last {
            let sealed = store.block(height)?.ok_or_else(|| damaged(format!("block {height} is missing")))?;
            // Its time has been judged when it was new.
            let changed = full.import(sealed, Timestamp::from_millis(u64::MAX));
            changed.map_err(|error| damaged(format!("block {height}: {error}")))?;
            book.keep_state(&full.ground().state);
        }
        book.keep_state(&full.ground().state);
        let newest = (full.height(), full.chain().tip_id());
        log::info!("chain {}: block {} {}", full.chain().rules().chain, newest.0, short(&newest.1));
        let started = Instant::now();
        let sealer = Sealer::new(full, Some(key), kept.records, Time::ZERO, clock_now()).with_heartbeat(heartbeat);
        let newest = Arc::new(Mutex::new(newest));
        Ok(Self { store, sealer, book, admissions, waiting: Vec::new(), newest, started })
    }

    /// Where the newest block is always to be found.
    pub(crate) fn newest_shared(&self) -> Arc<Mutex<(u64, BlockId)>> {
        self.newest.clone()
    }

    /// Until nobody can ask any more.
    pub(crate) fn run(
        mut self,
        questions: &Receiver<Asked>,
        answers: &mpsc::Sender<Answered>,
    ) -> Result<(), StoreError> {
        loop {
            self.settle()?;
            self.answer_waiting(answers);
            match questions.recv_timeout(self.pause()) {
                Ok(asked) => self.on_asked(asked, answers)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let input = if self.sealer.tries() { Input::Try { trials: TRIALS } } else { Input::Wake };
            self.sealer.handle(self.now(), clock_now(), input);
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }

    fn pause(&self) -> Duration {
        if self.sealer.tries() {
            return TRIALS_PAUSE;
        }
        let waiting = self.waiting.iter().map(|waiting| waiting.until);
        let next = self.sealer.next_deadline().into_iter().chain(waiting).min();
        next.map_or(PAUSE_MAX, |at| (at - self.now()).min(PAUSE_MAX))
    }

    /// Keeps what the maker's steps say. Other makers would hear of them only after that.
    fn settle(&mut self) -> Result<(), StoreError> {
        while let Some(step) = self.sealer.poll_step() {
            self.keep(&step)?;
            // No other maker is connected: blocks reach everybody by their questions.
            drop(step.stored());
        }
        Ok(())
    }

    fn keep(&mut self, step: &Step<PeerId>) -> Result<(), StoreError> {
        if step.is_stored() {
            return Ok(());
        }
        let state = self.sealer.full().ground().state.clone();
        let is_final = state.rules().engine.rules().reorg_max() == 0;
        let snapshot =
            (!step.connected.is_empty() && is_final && state.height().is_multiple_of(SNAPSHOT_EVERY)).then_some(&state);
        let lists = match step.connected.is_empty() {
            true => Vec::new(),
            false => [InForce::Now, InForce::Next].map(|which| state.validators(which)).to_vec(),
        };
        self.store.keep(step.reverted.len(), &step.connected, &step.records, snapshot, &lists)?;
        self.book.revert(step.reverted.len());
        step.connected.iter().for_each(|sealed| self.book.push(&sealed.block.header));
        if !step.connected.is_empty() {
            self.book.keep_state(&state);
            let chain = self.sealer.full().chain();
            let newest = (chain.tip().height, chain.tip_id());
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = newest;
            log::debug!("block {} {}", newest.0, short(&newest.1));
        }
        Ok(())
    }

    fn on_asked(&mut self, asked: Asked, answers: &mpsc::Sender<Answered>) -> Result<(), StoreError> {
        let tip = self.sealer.full().height();
        match &asked.question {
            Question::Head { after } if *after == tip && self.waiting.len() < WAITING_MAX => {
                let (after, until) = (*after, self.now() + Duration::from_secs(WAIT_SECS));
                self.waiting.push(Waiting { after, until, asked });
                return Ok(());
            }
            Question::Show { header, seal } => {
                let shown = Input::Shown { header: header.clone(), seal: seal.clone() };
                self.sealer.handle(self.now(), clock_now(), shown);
                if let Some(height) = self.sealer.behind() {
                    log::warn!("block {height} is sealed and not here: this is an old copy, and signs nothing");
                }
                reply(answers, asked, Answer::Noted);
            }
            Question::Submit { transaction } => {
                let now = self.now();
                let answer = match (self.sealer.behind(), transaction.clone()) {
                    (Some(_), _) => Answer::Refused(ledger::question::Refusal::Stopped),
                    (None, transaction) => match self.sealer.submit(now, clock_now(), *transaction) {
                        Ok(()) => Answer::Waits,
                        Err(error) => Answer::Refused(Book::refusal(&error)),
                    },
                };
                reply(answers, asked, answer);
            }
            Question::Admission { account } => {
                let answer = self.admissions.stamp(&self.sealer.full().ground().state, *account);
                reply(answers, asked, answer);
            }
            Question::Stamped { stamp, counter } => {
                let (now, clock, from) = (self.now(), clock_now().as_millis(), asked.from);
                let state = &self.sealer.full().ground().state;
                let answer = self.admissions.ticket(state, now, clock, from, *stamp, *counter);
                reply(answers, asked, answer);
            }
            question => {
                let answer = self.book.answer(&self.store, self.sealer.full(), question)?;
                reply(answers, asked, answer);
            }
        }
        Ok(())
    }

    /// Answers those for whom there is a newer header now, and those who have waited long enough.
    fn answer_waiting(&mut self, answers: &mpsc::Sender<Answered>) {
        let (now, tip) = (self.now(), self.sealer.full().height());
        let head = self.book.head(self.sealer.full());
        for waiting in self.waiting.extract_if(.., |waiting| waiting.until <= now || waiting.after != tip) {
            reply(answers, waiting.asked, head.clone());
        }
    }
}

/// A full queue means that the network's loop is far behind; the peer asks again.
fn reply(answers: &mpsc::Sender<Answered>, asked: Asked, answer: Answer) {
    log::trace!("{} asked", asked.peer);
    drop(answers.try_send((asked.channel, answer)));
}

/// The chain at its newest whole state.
fn begin(
    store: &Store,
    genesis: State,
    snapshot: Option<(u64, std::collections::BTreeMap<ledger::hash::Key, ledger::leaf::Leaf>)>,
    archive: &Archive,
) -> Result<FullChain, StoreError> {
    let Some((height, leaves)) = snapshot else { return Ok(FullChain::genesis(genesis)) };
    let missing = || damaged(format!("block {height} of the snapshot is missing"));
    let (header, seal): (Header, Seal) = store.header(height)?.ok_or_else(missing)?;
    let state = State::from_leaves(genesis.rules().clone(), height, header.epoch, leaves).map_err(damaged)?;
    if state.root() != header.state {
        return Err(damaged(format!("the snapshot is not the state after block {height}")));
    }
    let history = archive.history(height).ok_or_else(missing)?;
    FullChain::from_snapshot(state, header, seal, &history).map_err(damaged)
}
