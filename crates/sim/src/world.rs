//! The world: peers, relays, links, and a queue of what happens next.
//!
//! One event is one step. What a peer wishes is performed at once (`perform.rs`), which puts later events in the
//! queue; two events of one instant happen in the order in which they were made. After every input of a peer its
//! budgets are counted, and every quarter of a virtual second everything else is looked at.

use crate::bank::{BLOCK_EVERY, Bank};
use crate::budget;
use crate::dialling::Dial;
use crate::dice::{Dice, at_s};
use crate::host::{Host, Link, RelayLink};
use crate::network::Network;
use crate::paying::WaitingForHead;
use crate::relay::RelayModel;
use crate::report::{Failure, FetchReport, Report, Violation};
use crate::scenario::Scenario;
use crate::trace::Trace;
use bytes::Bytes;
use clock::Time;
use content::{ContentId, Manifest, Outboard};
use core::time::Duration;
use ed25519_dalek::SigningKey;
use protocol::{
    ChainAsk, ChainStart, Command, Config, Failure as PeerFailure, Input, Path, Peer, PeerKey, RelayIndex, ShareToken,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long the ends of a connection take to notice that the other is gone without a word.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// How often neighbours, and relays, are measured.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(2);

/// How often everything that is not a budget is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A share: the truth that everybody's bytes are compared with.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) id: ContentId,
    pub(crate) manifest: Manifest,
    pub(crate) outboard: Arc<Outboard>,
    pub(crate) bytes: Bytes,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Event {
    Start {
        peer: usize,
    },
    Share {
        share: usize,
    },
    Fetch {
        fetch: usize,
    },
    Fault {
        fault: usize,
    },
    Look,
    /// The ledger's next block.
    Block,
    /// A peer's own alarm.
    Wake {
        peer: usize,
        life: u64,
    },
    /// A peer hears something.
    Hear {
        peer: usize,
        life: u64,
        over: Over,
        input: Box<Input>,
    },
    /// The first byte of a content message arrives.
    Arrives {
        from: usize,
        to: usize,
        link: u64,
        wire: Bytes,
    },
    /// A content message is here, as bytes.
    Content {
        from: usize,
        to: usize,
        link: u64,
        wire: Bytes,
    },
    RelayDialled {
        peer: usize,
        life: u64,
        relay: usize,
    },
    RelayLinkDown {
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
    },
    AtRelay {
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
        ask: RelayAsk,
    },
    RelayPing {
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
    },
    /// A question to a neighbour arrives.
    Ask {
        from: usize,
        to: usize,
        link: u64,
        question: Question,
    },
    Dial {
        id: u64,
    },
    LinkUp {
        peer: usize,
        other: usize,
        link: u64,
        path: Path,
        ours: bool,
        via: Option<usize>,
    },
    Upgraded {
        peer: usize,
        other: usize,
        link: u64,
    },
    LinkDown {
        peer: usize,
        other: usize,
        link: u64,
        failure: PeerFailure,
    },
    /// As `LinkDown`, with the key of a tab that is closed by now.
    TabGone {
        peer: usize,
        other: usize,
        link: u64,
        key: PeerKey,
        failure: PeerFailure,
    },
    /// The relay notices that a tab is gone.
    ForgottenAtRelay {
        relay: usize,
        relay_life: u64,
        key: PeerKey,
    },
    /// As `LinkDown`, if it is still relayed.
    CircuitOver {
        peer: usize,
        other: usize,
        link: u64,
        failure: PeerFailure,
    },
    Ping {
        peer: usize,
        other: usize,
        link: u64,
    },
}

/// What must still be there for something to be heard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Nothing,
    Link { other: usize, id: u64 },
    Relay { relay: usize, life: u64 },
}

/// What a relay is asked.
#[derive(Clone, Debug)]
pub(crate) enum RelayAsk {
    Register,
    Discover,
    Announce(Vec<ContentId>),
    Find(ContentId),
    Chain { ask: ChainAsk, question: Box<ledger::question::Question> },
}

/// What a neighbour is asked.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Announce(Vec<ContentId>),
    Find(ContentId),
    Neighbours,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) now: Time,
    queue: BTreeMap<(Time, u64), Event>,
    next_id: u64,
    pub(crate) network: Network,
    pub(crate) dice: Dice,
    pub(crate) hosts: Vec<Host>,
    keys: BTreeMap<PeerKey, usize>,
    pub(crate) relays: Vec<RelayModel>,
    pub(crate) dials: BTreeMap<u64, Dial>,
    pub(crate) truths: Vec<Truth>,
    pub(crate) fetches: Vec<FetchReport>,
    pub(crate) trace: Trace,
    pub(crate) steps: u64,
    pub(crate) wire: u64,
    pub(crate) lies_heard: u64,
    pub(crate) bank: Option<Bank>,
    pub(crate) waiting_for_head: Vec<WaitingForHead>,
    /// What each peer may owe another, as the other's books said before its last input.
    pub(crate) leashes: BTreeMap<(usize, PeerKey), i64>,
}

/// Runs a scenario to its end. `file` is only for the replay command of a failure.
pub fn run(scenario: &Scenario, seed: u64, file: Option<&str>) -> Result<Report, Failure> {
    let mut world = World::new(scenario.clone(), seed);
    world.run_to_end().map_err(|violation| Failure {
        violation,
        at: world.now,
        steps: world.steps,
        seed,
        scenario: file.map(str::to_owned),
    })
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let network = Network::new(scenario.network.clone(), scenario.peers, scenario.relays, seed);
        let relays = (0..scenario.relays).map(|relay| RelayModel::new(key_of(seed, "relay", relay, 0))).collect();
        let hosts = (0..scenario.peers).map(|peer| {
            let relays = u8::try_from(scenario.relays).unwrap_or(u8::MAX);
            let config = Config { relays, ..Config::default() };
            Host::new(key_of(seed, "peer", peer, 0), config, scenario.relays)
        });
        let mut world = Self {
            seed,
            now: Time::ZERO,
            queue: BTreeMap::new(),
            next_id: 0,
            network,
            dice: Dice::new(seed, 3),
            hosts: hosts.collect(),
            keys: BTreeMap::new(),
            relays,
            dials: BTreeMap::new(),
            truths: (0..scenario.share.len()).map(|share| truth(&scenario, seed, share)).collect(),
            fetches: Vec::new(),
            trace: Trace::new(seed),
            steps: 0,
            wire: 0,
            lies_heard: 0,
            bank: None,
            waiting_for_head: Vec::new(),
            leashes: BTreeMap::new(),
            scenario,
        };
        world.found_bank();
        world.plan();
        world
    }

    /// Puts the scenario into the queue.
    fn plan(&mut self) {
        let ms = |ms: u64| Time::from_micros(ms * 1_000);
        for peer in 0..self.hosts.len() {
            let start = self.dice.below(self.scenario.start_within_ms + 1);
            self.push(ms(start), Event::Start { peer });
        }
        let share_times: Vec<u64> = self.scenario.share.iter().map(|share| share.at_ms).collect();
        for (share, at_ms) in share_times.into_iter().enumerate() {
            // A person cannot share before the page is there.
            self.push(ms(at_ms.max(self.scenario.start_within_ms)), Event::Share { share });
        }
        for fetch in 0..self.scenario.fetch.len() {
            let at = ms(self.scenario.fetch[fetch].at_ms.max(self.scenario.start_within_ms));
            let (peer, share) = (self.scenario.fetch[fetch].peer, self.scenario.fetch[fetch].share);
            self.fetches.push(FetchReport { peer, share, began: at, done: None });
            self.push(at, Event::Fetch { fetch });
        }
        for fault in 0..self.scenario.fault.len() {
            self.push(ms(self.scenario.fault[fault].at_ms), Event::Fault { fault });
        }
        self.push(Time::ZERO + LOOK_EVERY, Event::Look);
        if self.bank.is_some() {
            self.push(Time::ZERO + BLOCK_EVERY, Event::Block);
        }
    }

    /// Runs until the scenario's time is over, then looks at what came of it.
    pub fn run_to_end(&mut self) -> Result<Report, Violation> {
        let end = at_s(self.scenario.seconds);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.now = at;
            self.step(event)?;
        }
        self.now = end;
        self.look()?;
        self.check_expectations()?;
        Ok(self.report())
    }

    fn step(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Start { peer } => self.open_tab(peer),
            Event::Share { share } => self.share(share),
            Event::Fetch { fetch } => self.fetch(fetch),
            Event::Fault { fault } => {
                let fault = self.scenario.fault[fault].fault.clone();
                self.inflict(&fault)
            }
            Event::Look => {
                self.push(self.now + LOOK_EVERY, Event::Look);
                self.look()
            }
            Event::Block => self.make_block(),
            Event::Wake { peer, life } => self.wake(peer, life),
            Event::Hear { peer, life, over, input } => self.hear_over(peer, life, over, *input),
            Event::Arrives { from, to, link, wire } => self.receive(from, to, link, wire),
            Event::Content { from, to, link, wire } => self.deliver_content(from, to, link, wire),
            Event::RelayDialled { peer, life, relay } => self.on_relay_dialled(peer, life, relay),
            Event::RelayLinkDown { peer, life, relay, relay_life } => {
                self.on_relay_link_down(peer, life, relay, relay_life)
            }
            Event::AtRelay { peer, life, relay, relay_life, ask } => self.at_relay(peer, life, relay, relay_life, ask),
            Event::RelayPing { peer, life, relay, relay_life } => self.on_relay_ping(peer, life, relay, relay_life),
            Event::Ask { from, to, link, question } => self.on_question(from, to, link, question),
            Event::Dial { id } => self.step_dial(id),
            Event::LinkUp { peer, other, link, path, ours, via } => self.on_link_up(peer, other, link, path, ours, via),
            Event::Upgraded { peer, other, link } => self.on_upgraded(peer, other, link),
            Event::LinkDown { peer, other, link, failure } => {
                let key = self.hosts[other].key;
                self.on_link_down(peer, other, link, key, failure)
            }
            Event::TabGone { peer, other, link, key, failure } => self.on_link_down(peer, other, link, key, failure),
            Event::ForgottenAtRelay { relay, relay_life, key } => {
                if self.relays[relay].lives == relay_life {
                    self.relays[relay].forget(key);
                }
                Ok(())
            }
            Event::CircuitOver { peer, other, link, failure } => {
                let relayed = |held: &Link| held.id == link && held.path == Path::Relayed;
                if self.hosts[peer].links.get(&other).is_some_and(relayed) {
                    let key = self.hosts[other].key;
                    self.on_link_down(peer, other, link, key, failure)?;
                }
                Ok(())
            }
            Event::Ping { peer, other, link } => self.on_ping(peer, other, link),
        }
    }

    // The person.

    pub(crate) fn open_tab(&mut self, peer: usize) -> Result<(), Violation> {
        if self.hosts[peer].peer.is_some() {
            return Ok(());
        }
        let life = self.hosts[peer].life;
        let key = key_of(self.seed, "peer", peer, life);
        // Cheques need a key that signs; without a ledger any name will do.
        let signer = self.bank.as_ref().map(|_| SigningKey::from_bytes(&key.0));
        let key = signer.as_ref().map_or(key, |signer| PeerKey(signer.verifying_key().to_bytes()));
        self.keys.insert(key, peer);
        let start = self.bank.as_ref().map(|bank| ChainStart { genesis: bank.genesis().clone(), is_other: false });
        let host = &mut self.hosts[peer];
        host.key = key;
        host.config.signer = signer;
        host.config.chain = start;
        host.config.seed = self.seed ^ (peer as u64) << 32 ^ life;
        host.started = self.now;
        host.peer = Some(Peer::new(key, host.config.clone(), self.now));
        let pass_on = self.scenario.pass_on;
        self.drain(peer)?;
        if let Some(account) = self.bank.as_ref().and_then(|bank| bank.account_of(peer)) {
            self.hear_soon(peer, Input::Account { id: account, lasting: true });
        }
        self.hear(peer, Input::Command(Command::PassOn(pass_on)), &[])
    }

    fn share(&mut self, share: usize) -> Result<(), Violation> {
        let (peer, truth) = (self.scenario.share[share].peer, &self.truths[share]);
        let token = ShareToken(share as u64);
        let (name, media_type) = (truth.manifest.name.clone(), truth.manifest.media_type.clone());
        let command = Command::Share { token, name, media_type, length: truth.manifest.length };
        if self.hosts[peer].peer.is_none() {
            return Ok(());
        }
        self.hosts[peer].hashing.insert(token, share);
        self.hear(peer, Input::Command(command), &[])
    }

    fn fetch(&mut self, fetch: usize) -> Result<(), Violation> {
        let FetchReport { peer, share, .. } = self.fetches[fetch];
        let id = self.truths[share].id;
        self.hear(peer, Input::Command(Command::Fetch { id }), &[])
    }

    // What a peer hears.

    /// A peer hears something now; then its wishes are performed.
    pub(crate) fn hear(&mut self, peer: usize, input: Input, wire: &[u8]) -> Result<(), Violation> {
        if self.hosts[peer].peer.is_none() {
            return Ok(());
        }
        self.steps += 1;
        self.trace.input(self.now, peer, &input, wire);
        let stored = matches!(input, Input::Stored { .. });
        if let Input::ChainAnswered { ask, .. } = &input {
            self.hosts[peer].chain_asks.remove(ask);
        }
        if let Some(state) = &mut self.hosts[peer].peer {
            state.handle(self.now, input);
        }
        self.drain(peer)?;
        self.check_books(peer)?;
        // A fetch is done with its last write; waiting for the next look would blur its time.
        if stored { self.look_at(peer) } else { Ok(()) }
    }

    /// A peer hears something as the next thing in this instant, or after others made before.
    pub(crate) fn hear_soon(&mut self, peer: usize, input: Input) {
        self.hear_at(self.now, peer, Over::Nothing, input);
    }

    pub(crate) fn hear_at(&mut self, at: Time, peer: usize, over: Over, input: Input) {
        let life = self.hosts[peer].life;
        self.push(at, Event::Hear { peer, life, over, input: Box::new(input) });
    }

    fn hear_over(&mut self, peer: usize, life: u64, over: Over, input: Input) -> Result<(), Violation> {
        let host = &self.hosts[peer];
        let there = match over {
            Over::Nothing => true,
            Over::Link { other, id } => host.links.get(&other).is_some_and(|link| link.id == id && !link.cut),
            Over::Relay { relay, life } => host.relays[relay] == RelayLink::Up { life },
        };
        if host.life == life && there { self.hear(peer, input, &[]) } else { Ok(()) }
    }

    fn drain(&mut self, peer: usize) -> Result<(), Violation> {
        let mut outputs = 0;
        while let Some(output) = self.hosts[peer].peer.as_mut().and_then(Peer::poll_output) {
            outputs += 1;
            self.perform(peer, output)?;
        }
        budget::check(self.now, peer, &self.hosts[peer], outputs)?;
        let host = &self.hosts[peer];
        let deadline = host.peer.as_ref().and_then(Peer::next_deadline);
        if let Some(deadline) = deadline.filter(|deadline| host.wake_at.is_none_or(|wake_at| *deadline < wake_at)) {
            let life = host.life;
            self.hosts[peer].wake_at = Some(deadline);
            self.push(deadline, Event::Wake { peer, life });
        }
        Ok(())
    }

    fn wake(&mut self, peer: usize, life: u64) -> Result<(), Violation> {
        let host = &mut self.hosts[peer];
        if host.life != life || host.wake_at != Some(self.now) {
            return Ok(());
        }
        host.wake_at = None;
        budget::on_alarm(self.now, peer, host)?;
        self.hear(peer, Input::Wake, &[])
    }

    // Small things.

    pub(crate) fn push(&mut self, at: Time, event: Event) {
        let id = self.next_id();
        self.queue.insert((at, id), event);
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn index_of(&self, key: PeerKey) -> Option<usize> {
        self.keys.get(&key).copied().filter(|peer| self.hosts[*peer].key == key)
    }

    /// For tests that want to see more than the report.
    pub fn snapshot_of(&self, peer: usize) -> Option<protocol::Snapshot> {
        self.hosts.get(peer)?.peer.as_ref().map(|state| state.snapshot(self.now))
    }
}

pub(crate) fn relay_index(relay: usize) -> RelayIndex {
    RelayIndex(u8::try_from(relay).unwrap_or(u8::MAX))
}

pub(crate) fn key_of(seed: u64, kind: &str, number: usize, life: u64) -> PeerKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes());
    for part in [seed, number as u64, life] {
        hasher.update(&part.to_le_bytes());
    }
    PeerKey(*hasher.finalize().as_bytes())
}

fn truth(scenario: &Scenario, seed: u64, share: usize) -> Truth {
    let mut bytes = vec![0; scenario.share[share].bytes as usize];
    Dice::new(seed, 100 + share as u64).fill(&mut bytes);
    let outboard = Outboard::of(&bytes);
    let manifest = Manifest::of_file(&outboard, "application/octet-stream", &format!("share {share}"));
    Truth { id: manifest.id(), manifest, outboard: Arc::new(outboard), bytes: bytes.into() }
}

#[cfg(test)]
mod tests;
