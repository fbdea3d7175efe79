//! Performing what a peer wishes, as crate `node` does in a real tab.

use crate::host::{Asked, RelayLink};
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, Over, Question, RelayAsk, World};
use bytes::{Bytes, BytesMut};
use content::{GroupRange, Message, Root};
use core::time::Duration;
use protocol::{
    AskToken, Code, Directory, Failure, Input, Introducer, Output, Path, PeerKey, ReadToken, RelayIndex, ShareToken,
};

/// How long the store, or the disk, takes.
const STORE_TIME: Duration = Duration::from_millis(2);

/// Bytes hashed per millisecond.
const HASHED_PER_MS: u64 = 300 * 1024;

/// How long a dial to a relay that does not answer at all takes to fail.
const RELAY_SILENCE: Duration = Duration::from_secs(8);

impl World {
    pub(crate) fn perform(&mut self, peer: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::DialRelay { relay } => self.dial_relay(peer, relay),
            Output::Register { relay } => self.ask_relay(peer, relay, RelayAsk::Register),
            Output::Discover { relay } => self.ask_relay(peer, relay, RelayAsk::Discover),
            Output::AskNeighbours { peer: to } => self.ask_neighbour_of(peer, to, Question::Neighbours),
            Output::Dial { peer: to, by } => self.start_dial(peer, to, by)?,
            Output::HangUp { peer: to, why } => self.hang_up(peer, to, why)?,
            Output::Announce { to: Directory::Relay(relay), ids } => {
                self.ask_relay(peer, relay, RelayAsk::Announce(ids));
            }
            Output::Announce { to: Directory::Neighbour(to), ids } => {
                self.ask_neighbour_of(peer, to, Question::Announce(ids));
            }
            Output::FindProviders { at: Directory::Relay(relay), id } => {
                self.ask_relay(peer, relay, RelayAsk::Find(id));
            }
            Output::FindProviders { at: Directory::Neighbour(to), id } => {
                self.ask_neighbour_of(peer, to, Question::Find(id));
            }
            Output::AskChain { at: Directory::Relay(relay), ask, question } => {
                self.hosts[peer].chain_asks.insert(ask, usize::from(relay.0));
                self.ask_relay(peer, relay, RelayAsk::Chain { ask, question });
            }
            // Only relays are asked about the chain.
            Output::AskChain { at: Directory::Neighbour(_), .. } => {}
            Output::Sign { token, bytes } => self.sign(peer, token, &bytes),
            // Nobody is let in here: who begins with nothing stays without.
            Output::Solve { .. } => {}
            Output::ProvidersAnswer { token, response } => self.on_providers_answer(peer, token, response)?,
            Output::NeighboursAnswer { token, peers } => self.on_neighbours_answer(peer, token, peers)?,
            Output::IntroduceAnswer { token, accept } => match self.take_asked(peer, token)? {
                Asked::Introduce { dial } => self.on_introduce_answer(peer, token, dial, accept)?,
                _ => return Err(Violation::StrayAnswer { peer, token: token.0 }),
            },
            Output::SendContent { peer: to, message } => self.send_content(peer, to, message)?,
            Output::SendCredit { peer: to, message } => self.send_credit(peer, to, message)?,
            Output::Hash { token, .. } => self.hash(peer, token),
            Output::ForgetShare { token } => _ = self.hosts[peer].hashing.remove(&token),
            Output::Reserve { manifest } => {
                self.hosts[peer].store.reserve(manifest.root, manifest.length);
                let input = Input::Reserved { root: manifest.root, kept: None };
                self.hear_at(self.now + STORE_TIME, peer, Over::Nothing, input);
            }
            Output::Store { root, range, bytes, proof: _ } => self.store(peer, root, range, bytes)?,
            Output::Read { token, root, range } => self.read(peer, token, root, range),
            // No browser here: nothing outlives a visit, nobody clicks, nobody has two tabs, and there is room.
            Output::Keep { .. }
            | Output::Regain { .. }
            | Output::ShareAnew { .. }
            | Output::KeepBooks { .. }
            | Output::Claim { .. }
            | Output::ReserveMemory { .. }
            | Output::Evict { .. }
            | Output::Used { .. }
            | Output::Pin { .. }
            | Output::GiveWay { .. } => {}
            Output::Drop { root } => {
                self.hosts[peer].store.forget(root);
                let dropped = self.truths.iter().position(|truth| truth.manifest.root == root);
                dropped.and_then(|share| self.hosts[peer].verified.remove(&share));
            }
        }
        Ok(())
    }

    // Relays.

    fn dial_relay(&mut self, peer: usize, relay: RelayIndex) {
        let index = usize::from(relay.0);
        self.hosts[peer].relays[index] = RelayLink::Dialling;
        let (here, there) = (Place::Peer(peer), Place::Relay(index));
        let travel = self.network.travel(here, there) + self.network.travel(there, here);
        let reachable = self.network.can_reach(here, there);
        let wait = match (reachable, self.relays[index].alive) {
            // TCP, WebSocket and Noise.
            (true, true) => travel * 3,
            (true, false) => travel,
            (false, _) => RELAY_SILENCE,
        };
        let life = self.hosts[peer].life;
        self.push(self.now + wait, Event::RelayDialled { peer, life, relay: index });
    }

    fn ask_relay(&mut self, peer: usize, relay: RelayIndex, ask: RelayAsk) {
        let index = usize::from(relay.0);
        let RelayLink::Up { life: relay_life } = self.hosts[peer].relays[index] else { return };
        let travel = self.network.travel(Place::Peer(peer), Place::Relay(index));
        let life = self.hosts[peer].life;
        self.push(self.now + travel, Event::AtRelay { peer, life, relay: index, relay_life, ask });
    }

    // Neighbours.

    fn ask_neighbour_of(&mut self, peer: usize, to: PeerKey, question: Question) {
        let Some(to) = self.index_of(to) else { return };
        let Some(link) = self.hosts[peer].links.get(&to).map(|link| link.id) else { return };
        let travel = self.network.travel(Place::Peer(peer), Place::Peer(to));
        self.push(self.now + travel, Event::Ask { from: peer, to, link, question });
    }

    fn take_asked(&mut self, peer: usize, token: AskToken) -> Result<Asked, Violation> {
        self.hosts[peer].asked.remove(&token).ok_or(Violation::StrayAnswer { peer, token: token.0 })
    }

    fn on_providers_answer(
        &mut self,
        peer: usize,
        token: AskToken,
        response: providers::Response<PeerKey>,
    ) -> Result<(), Violation> {
        let asked = self.take_asked(peer, token)?;
        if let (Asked::Find { by, id }, providers::Response::Found(peers)) = (asked, response) {
            let from = Introducer::Neighbour(self.hosts[peer].key);
            self.answer(peer, by, Input::Providers { root_of: id, peers, from });
        }
        Ok(())
    }

    fn on_neighbours_answer(&mut self, peer: usize, token: AskToken, peers: Vec<PeerKey>) -> Result<(), Violation> {
        if let Asked::Neighbours { by } = self.take_asked(peer, token)? {
            let from = Introducer::Neighbour(self.hosts[peer].key);
            self.answer(peer, by, Input::Discovered { from, peers });
        }
        Ok(())
    }

    fn hang_up(&mut self, peer: usize, key: PeerKey, why: Failure) -> Result<(), Violation> {
        let Some(other) = self.index_of(key) else { return Ok(()) };
        if why == Failure::Banned {
            if !self.hosts[other].lies {
                return Err(Violation::HonestBanned { peer, other, why });
            }
            self.hosts[peer].banned.insert(key);
        }
        if let Some(id) = self.hosts[peer].dials.get(&other).copied() {
            self.end_dial(id);
        }
        let Some(link) = self.hosts[peer].links.remove(&other) else { return Ok(()) };
        self.hear_soon(peer, Input::Disconnected { peer: key, failure: why });
        let travel = self.network.travel(Place::Peer(peer), Place::Peer(other));
        let failure = Failure::Closed;
        self.push(self.now + travel, Event::LinkDown { peer: other, other: peer, link: link.id, failure });
        Ok(())
    }

    // Content.

    fn send_content(&mut self, peer: usize, key: PeerKey, message: Message) -> Result<(), Violation> {
        let Some(to) = self.index_of(key) else { return Ok(()) };
        if self.hosts[peer].banned.contains(&key) && asks(&message) {
            return Err(Violation::AskedBanned { peer, to: key });
        }
        match self.hosts[peer].links.get(&to).map(|link| link.path) {
            Some(Path::Direct) => {}
            Some(Path::Relayed) => return Err(Violation::ContentRelayed { peer, to }),
            None => return Ok(()),
        }
        let is_group = matches!(message, Message::Group { .. });
        if is_group && self.hosts[peer].withholds {
            // It says it sent them.
            let bytes = message.encoded_len() as u32;
            self.hear_soon(peer, Input::ContentFlushed { peer: key, bytes });
            return Ok(());
        }
        let message = if is_group && self.hosts[peer].lies { with_a_flipped_bit(message) } else { message };
        let mut wire = BytesMut::new();
        message.encode(&mut wire);
        self.transmit(peer, to, key, wire.freeze());
        Ok(())
    }

    fn transmit(&mut self, peer: usize, to: usize, key: PeerKey, wire: Bytes) {
        let len = wire.len();
        self.wire += len as u64;
        let uplink_free = self.hosts[peer].uplink_free.max(self.now) + self.network.uplink(len);
        self.hosts[peer].uplink_free = uplink_free;
        let travel = self.network.travel(Place::Peer(peer), Place::Peer(to));
        let Some(link) = self.hosts[peer].links.get_mut(&to) else { return };
        link.leaves = uplink_free.max(link.leaves + self.network.connection(len));
        link.arrives = link.arrives.max(link.leaves + travel);
        let (id, leaves, arrives) = (link.id, link.leaves, link.arrives);
        let flushed = Input::ContentFlushed { peer: key, bytes: len as u32 };
        self.hear_at(leaves, peer, Over::Link { other: to, id }, flushed);
        self.push(arrives, Event::Arrives { from: peer, to, link: id, wire });
    }

    // Storage.

    fn hash(&mut self, peer: usize, token: ShareToken) {
        let Some(share) = self.hosts[peer].hashing.get(&token).copied() else { return };
        let truth = &self.truths[share];
        let (manifest, outboard) = (truth.manifest.clone(), truth.outboard.clone());
        let wait = Duration::from_millis(1 + manifest.length / HASHED_PER_MS);
        let progress = Input::ShareProgress { token, hashed: manifest.length / 2 };
        let bytes = truth.bytes.clone();
        self.hosts[peer].store.add_file(manifest.root, bytes);
        self.hear_at(self.now + wait / 2, peer, Over::Nothing, progress);
        self.hear_at(self.now + wait, peer, Over::Nothing, Input::Shared { token, manifest, key: None, outboard });
    }

    fn store(&mut self, peer: usize, root: Root, range: GroupRange, bytes: Bytes) -> Result<(), Violation> {
        if let Some(share) = self.truths.iter().position(|truth| truth.manifest.root == root) {
            let truth = &self.truths[share];
            let place = range.byte_range(truth.manifest.length);
            if truth.bytes.slice(place.start as usize..place.end as usize) != bytes {
                return Err(Violation::WrongBytes { peer, share });
            }
        }
        let kept = self.hosts[peer].store.put(root, range, bytes);
        let input = match kept {
            true => Input::Stored { root, range },
            false => Input::StoreFailed { root, code: Code::StorageRefused },
        };
        self.hear_at(self.now + STORE_TIME, peer, Over::Nothing, input);
        Ok(())
    }

    fn read(&mut self, peer: usize, token: ReadToken, root: Root, range: GroupRange) {
        let input = match self.hosts[peer].store.read(root, range) {
            Some(bytes) => Input::ReadDone { token, bytes },
            None => Input::ReadFailed { token, code: Code::StorageRefused },
        };
        self.hear_at(self.now + STORE_TIME, peer, Over::Nothing, input);
    }
}

/// Whether a message asks for something.
fn asks(message: &Message) -> bool {
    matches!(message, Message::GetManifest { .. } | Message::Follow { .. } | Message::Want { .. })
}

fn with_a_flipped_bit(message: Message) -> Message {
    match message {
        Message::Group { root, group, parents, bytes } => {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            Message::Group { root, group, parents, bytes: bytes.into() }
        }
        other => other,
    }
}
