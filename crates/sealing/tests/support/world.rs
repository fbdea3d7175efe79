//! Block makers in an imaginary network, from one seed: messages are delayed, lost, doubled and kept apart, machines
//! crash between keeping and sending, disks keep exactly what was kept.

use clock::{Time, Timestamp};
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::genesis::{Allocation, Genesis};
use ledger::hash::{BlockId, TransactionId};
use ledger::parameters::Parameters;
use ledger::seal::Engine;
use ledger::signing::account_of;
use ledger::state::State;
use ledger::transaction::{Body, SignedTransaction, Transaction};
use ledger::validators::{Validator, Validators};
use ledger::vote::{Step as VoteStep, Vote};
use ledger::wire::Wire;
use sealing::{BLOCKS_PER_ANSWER_MAX, FullChain, Input, Message, Record, Sealed, Sealer, Send, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When the imaginary world began.
const STARTED_MS: u64 = 1_700_000_000_000;
/// Trials a miner makes in 100 ms.
const TRIALS: u32 = 4;

/// What the network does in a storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Messages lost, in a hundred.
    pub(crate) loss: u64,
    pub(crate) crashes: bool,
    pub(crate) partitions: bool,
}

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    records: Vec<Record>,
    blocks: Vec<Sealed>,
}

struct Machine {
    key: SigningKey,
    disk: Disk,
    sealer: Option<Sealer<usize>>,
    restart_at: Option<u64>,
    group: u8,
    /// Clocks differ.
    skew_ms: u64,
    wake_at: Option<Time>,
}

type BallotAt = (AccountId, u64, u32, VoteStep);

/// The world.
pub(crate) struct World {
    genesis: State,
    payer: SigningKey,
    nonce: u64,
    machines: Vec<Machine>,
    /// Machines whose key another machine has, too, and that machine.
    dishonest: BTreeSet<usize>,
    now: Time,
    queue: BTreeMap<(Time, u64), (usize, usize, Vec<u8>)>,
    sent: u64,
    dice: u64,
    fault: Option<Fault>,
    /// Which block is at a height, according to anybody honest.
    decided: BTreeMap<u64, BlockId>,
    finality: bool,
    ballots: BTreeMap<BallotAt, BlockId>,
    is_double: bool,
    signed_since: Option<(AccountId, bool)>,
    pending: Vec<SignedTransaction>,
}

fn key(at: usize) -> SigningKey {
    SigningKey::from_bytes(&[at as u8 + 1; 32])
}

fn genesis(engine: Engine, validators: Vec<Validator>) -> State {
    let payer = account_of(&key(100));
    let genesis = Genesis {
        started: Timestamp::from_millis(STARTED_MS),
        engine,
        parameters: Parameters {
            // Epochs end often, so that electorates change hands under fire.
            epoch_ms: 20_000,
            work_interval_ms: 2_000,
            work_difficulty: 8,
            ..Parameters::default()
        },
        validators: Validators::new(validators).expect("a list"),
        issuers: Vec::new(),
        allocations: vec![Allocation { account: payer, amount: Credits(1 << 30) }],
        recovery: Vec::new(),
        recovery_quorum: 0,
    };
    genesis.state().expect("a genesis")
}

impl World {
    pub(crate) fn authority(count: usize, seed: u64) -> Self {
        let validators = (0..count).map(|at| Validator { id: account_of(&key(at)), power: 1 }).collect();
        Self::new(genesis(Engine::Authority, validators), (0..count).map(key).collect(), seed)
    }

    pub(crate) fn stake(powers: &[u64], seed: u64) -> Self {
        let validators =
            powers.iter().enumerate().map(|(at, power)| Validator { id: account_of(&key(at)), power: *power });
        Self::new(genesis(Engine::Stake, validators.collect()), (0..powers.len()).map(key).collect(), seed)
    }

    pub(crate) fn work(count: usize, seed: u64) -> Self {
        Self::new(genesis(Engine::Work, Vec::new()), (0..count).map(key).collect(), seed)
    }

    /// Four authorities; the first one runs twice, on two disks.
    pub(crate) fn with_twin(seed: u64) -> Self {
        let validators = (0..4).map(|at| Validator { id: account_of(&key(at)), power: 1 }).collect();
        let keys = [0, 1, 2, 3, 0].map(key).to_vec();
        let mut world = Self::new(genesis(Engine::Authority, validators), keys, seed);
        world.dishonest = [0, 4].into();
        world
    }

    fn new(genesis: State, keys: Vec<SigningKey>, seed: u64) -> Self {
        let finality = genesis.rules().engine != Engine::Work;
        let machines = keys.into_iter().map(|key| Machine {
            key,
            disk: Disk::default(),
            sealer: None,
            restart_at: None,
            group: 0,
            skew_ms: 0,
            wake_at: None,
        });
        let mut world = Self {
            genesis,
            payer: key(100),
            nonce: 0,
            machines: machines.collect(),
            dishonest: BTreeSet::new(),
            now: Time::ZERO,
            queue: BTreeMap::new(),
            sent: 0,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678,
            fault: None,
            decided: BTreeMap::new(),
            finality,
            ballots: BTreeMap::new(),
            is_double: false,
            signed_since: None,
            pending: Vec::new(),
        };
        for at in 0..world.machines.len() {
            world.machines[at].skew_ms = world.roll(1_500);
            world.start(at);
        }
        world
    }

    fn roll(&mut self, below: u64) -> u64 {
        // splitmix64
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn clock(&self, at: usize) -> Timestamp {
        Timestamp::from_millis(STARTED_MS + self.now.as_millis() + self.machines[at].skew_ms)
    }

    fn start(&mut self, at: usize) {
        let mut full = FullChain::genesis(self.genesis.clone());
        let (now, clock) = (self.now, self.clock(at));
        let machine = &mut self.machines[at];
        for sealed in &machine.disk.blocks {
            full.import(sealed.clone(), clock).expect("what was kept is good");
        }
        let records = machine.disk.records.clone();
        machine.sealer = Some(Sealer::new(full, Some(machine.key.clone()), records, now, clock));
        for pending in self.pending.clone() {
            let sealer = self.machines[at].sealer.as_mut().expect("just started");
            // One that is in a block already is refused.
            let _ = sealer.submit(now, clock, pending);
        }
        self.drain(at);
    }

    /// Gives one input and does what follows from it, crashing on the way if the storm says so.
    fn give(&mut self, at: usize, input: Input<usize>) {
        let (now, clock) = (self.now, self.clock(at));
        let Some(sealer) = &mut self.machines[at].sealer else { return };
        sealer.handle(now, clock, input);
        self.drain(at);
    }

    fn drain(&mut self, at: usize) {
        while let Some(step) = self.machines[at].sealer.as_mut().and_then(Sealer::poll_step) {
            let crashes = self.fault.is_some_and(|fault| fault.crashes);
            if crashes && self.roll(150) == 0 {
                return self.crash(at);
            }
            self.keep(at, &step);
            if crashes && self.roll(150) == 0 {
                return self.crash(at);
            }
            for send in step.stored() {
                self.send(at, send);
            }
        }
        self.machines[at].wake_at = self.machines[at].sealer.as_ref().and_then(Sealer::next_deadline);
    }

    fn keep(&mut self, at: usize, step: &Step<usize>) {
        let disk = &mut self.machines[at].disk;
        for reverted in &step.reverted {
            assert_eq!(disk.blocks.pop().map(|sealed| sealed.block.header.id()), Some(*reverted));
        }
        if !step.connected.is_empty() {
            disk.records.clear();
            disk.blocks.extend(step.connected.iter().cloned());
        }
        disk.records.extend(step.records.iter().cloned());
        if self.finality && !self.dishonest.contains(&at) {
            for sealed in &step.connected {
                let (height, id) = (sealed.block.header.height, sealed.block.header.id());
                let other = *self.decided.entry(height).or_insert(id);
                assert_eq!(other, id, "two blocks decided at height {height}");
            }
        }
    }

    fn send(&mut self, from: usize, send: Send<usize>) {
        match send {
            Send::All(message) => {
                self.observe(from, &message);
                (0..self.machines.len()).filter(|to| *to != from).for_each(|to| self.post(from, to, &message));
            }
            Send::One(to, message) => self.post(from, to, &message),
            Send::Blocks(to, height) => {
                let end = height - height % BLOCKS_PER_ANSWER_MAX as u64 + BLOCKS_PER_ANSWER_MAX as u64;
                let is_asked = |sealed: &&Sealed| (height..end).contains(&sealed.block.header.height);
                let blocks: Vec<_> = self.machines[from].disk.blocks.iter().filter(is_asked).cloned().collect();
                blocks.into_iter().for_each(|sealed| self.post(from, to, &Message::Sealed(Box::new(sealed))));
            }
        }
    }

    /// Looks for two votes that no honest validator signs both of.
    fn observe(&mut self, from: usize, message: &Message) {
        let votes: Vec<Vote> = match message {
            Message::Votes(votes) => votes.clone(),
            Message::Proposal(proposal) => vec![proposal.vote],
            Message::Want { .. } | Message::Sealed(_) => Vec::new(),
        };
        for vote in votes {
            let place = (vote.validator, vote.ballot.height, vote.ballot.round, vote.step);
            let other = *self.ballots.entry(place).or_insert(vote.ballot.block);
            self.is_double |= other != vote.ballot.block;
            let own = vote.validator == account_of(&self.machines[from].key);
            if let Some((who, signed)) = &mut self.signed_since {
                *signed |= own && *who == vote.validator;
            }
        }
    }

    fn post(&mut self, from: usize, to: usize, message: &Message) {
        let storm = self.fault.unwrap_or(Fault { loss: 0, crashes: false, partitions: false });
        if self.roll(100) < storm.loss {
            return;
        }
        let bytes = message.to_bytes();
        let copies = if self.fault.is_some() && self.roll(20) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            // Makers by trials fetch whole branches, in order, as one stream brings them.
            let spread = if !self.finality {
                1
            } else if self.fault.is_some() {
                800
            } else {
                60
            };
            let delay = Duration::from_millis(5 + self.roll(spread));
            self.sent += 1;
            self.queue.insert((self.now + delay, self.sent), (from, to, bytes.clone()));
        }
    }

    fn crash(&mut self, at: usize) {
        self.machines[at].sealer = None;
        let away = 200 + self.roll(8_000);
        self.machines[at].restart_at = Some(self.now.as_millis() + away);
    }

    /// One tick of ten milliseconds.
    fn tick(&mut self) {
        self.now = self.now + Duration::from_millis(10);
        let tick = self.now.as_millis() / 10;
        if self.fault.is_some_and(|fault| fault.partitions) && tick.is_multiple_of(400) {
            for at in 0..self.machines.len() {
                self.machines[at].group = self.roll(2) as u8;
            }
        }
        while let Some(next) = self.queue.first_entry().filter(|next| next.key().0 <= self.now) {
            let (from, to, bytes) = next.remove();
            if self.machines[from].group == self.machines[to].group {
                let message = Message::from_bytes(&bytes).expect("we sent it");
                self.give(to, Input::Message { from, message });
            }
        }
        for at in 0..self.machines.len() {
            if self.machines[at].restart_at.is_some_and(|restart| restart <= self.now.as_millis()) {
                self.machines[at].restart_at = None;
                self.start(at);
            }
            if self.machines[at].wake_at.is_some_and(|wake| wake <= self.now) {
                self.give(at, Input::Wake);
            }
            if !self.finality && tick.is_multiple_of(10) {
                self.give(at, Input::Try { trials: TRIALS });
            }
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now.as_millis()
    }

    pub(crate) fn run_secs(&mut self, secs: u64) {
        (0..secs * 100).for_each(|_| self.tick());
    }

    pub(crate) fn run_until(&mut self, is_so: impl Fn(&Self) -> bool, secs: u64) {
        for _ in 0..secs * 100 {
            if is_so(self) {
                return;
            }
            self.tick();
        }
    }

    /// Bad weather, with a payment every few seconds so that there is something to decide.
    pub(crate) fn storm(&mut self, fault: Fault, secs: u64) {
        self.fault = Some(fault);
        for _ in 0..secs / 3 {
            let at = self.roll(self.machines.len() as u64) as usize;
            self.pay(at);
            self.run_secs(3);
        }
    }

    /// From now on everything arrives, and everybody is up.
    pub(crate) fn calm(&mut self) {
        self.fault = None;
        self.machines.iter_mut().for_each(|machine| machine.group = 0);
    }

    /// A payment, told to everybody who is up.
    pub(crate) fn pay(&mut self, _: usize) -> TransactionId {
        let to = account_of(&key(200));
        let height = self.decided.keys().last().copied().unwrap_or(0);
        let body = Body::Transfer { to, amount: Credits(1_000) };
        let transaction =
            Transaction { sender: account_of(&self.payer), nonce: self.nonce, valid_until: height + 500, body };
        self.nonce += 1;
        let signed = transaction.sign(&self.genesis.rules().chain, &self.payer);
        let id = signed.id();
        self.pending.push(signed.clone());
        for at in 0..self.machines.len() {
            let (now, clock) = (self.now, self.clock(at));
            let Some(sealer) = &mut self.machines[at].sealer else { continue };
            // A maker that is far behind may refuse it; it hears of it again when it starts again.
            let _ = sealer.submit(now, clock, signed.clone());
            self.drain(at);
        }
        id
    }

    pub(crate) fn is_final_at(&self, at: usize, id: &TransactionId) -> bool {
        self.machines[at].disk.blocks.iter().any(|sealed| sealed.block.body.ids().contains(id))
    }

    pub(crate) fn is_final_everywhere(&self, id: &TransactionId) -> bool {
        (0..self.machines.len()).all(|at| self.is_final_at(at, id))
    }

    pub(crate) fn heights(&self) -> Vec<u64> {
        self.machines
            .iter()
            .map(|machine| machine.disk.blocks.last().map_or(0, |last| last.block.header.height))
            .collect()
    }

    /// Whether all disks end with the same block.
    pub(crate) fn agrees(&self) -> bool {
        let tips = self.machines.iter().map(|machine| machine.disk.blocks.last().map(|last| last.block.header.id()));
        tips.collect::<BTreeSet<_>>().len() == 1
    }

    pub(crate) fn saw_double_signature(&self) -> bool {
        self.is_double
    }

    pub(crate) fn stop(&mut self, at: usize) {
        self.machines[at].sealer = None;
        self.machines[at].wake_at = None;
    }

    pub(crate) fn copy_disk(&self, at: usize) -> Disk {
        self.machines[at].disk.clone()
    }

    /// The machine starts from an older copy of its disk.
    pub(crate) fn restore(&mut self, at: usize, disk: Disk) {
        self.machines[at].disk = disk;
        self.signed_since = Some((account_of(&self.machines[at].key), false));
        self.start(at);
    }

    pub(crate) fn has_signed_since_restore(&self) -> bool {
        self.signed_since.is_some_and(|(_, signed)| signed)
    }
}
