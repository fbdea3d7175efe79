//! Connections between peers while they last: what travels over them, and how they end.

use crate::host::{Asked, Link};
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, Over, PING_EVERY, Question, World};
use bytes::Bytes;
use protocol::{AskToken, Failure as PeerFailure, Input, Path, PeerKey, RttKind};
use providers::{Id, IdSet, Request};

impl World {
    pub(crate) fn on_link_up(
        &mut self,
        peer: usize,
        other: usize,
        link: u64,
        path: Path,
        ours: bool,
        via: Option<usize>,
    ) -> Result<(), Violation> {
        if self.hosts[peer].peer.is_none() || self.hosts[other].peer.is_none() {
            return Ok(());
        }
        if self.hosts[peer].links.contains_key(&other) {
            return Ok(());
        }
        if let Some(slower) = self.hosts[peer].dials.get(&other).copied().filter(|_| !ours && path == Path::Direct) {
            // Glare: the other's attempt was quicker, and ours is dropped without a word, as the node does.
            self.end_dial(slower);
        }
        let (leaves, arrives) = (self.now, self.now);
        self.hosts[peer]
            .links
            .insert(other, Link { id: link, path, ours, via, leaves, arrives, credit_arrives: arrives, cut: false });
        self.on_path(peer, other, link, path);
        let key = self.hosts[other].key;
        self.hear(peer, Input::Connected { peer: key, path, dialled_by_us: ours }, &[])
    }

    pub(crate) fn on_upgraded(&mut self, peer: usize, other: usize, link: u64) -> Result<(), Violation> {
        let key = self.hosts[other].key;
        let Some(held) = self.hosts[peer].links.get_mut(&other).filter(|held| held.id == link) else {
            return Ok(());
        };
        held.path = Path::Direct;
        held.via = None;
        let dialled_by_us = held.ours;
        self.on_path(peer, other, link, Path::Direct);
        self.hear(peer, Input::Connected { peer: key, path: Path::Direct, dialled_by_us }, &[])
    }

    fn on_path(&mut self, peer: usize, other: usize, link: u64, path: Path) {
        if path == Path::Direct {
            let host = &mut self.hosts[peer];
            host.first_direct.get_or_insert(self.now - host.started);
            self.push(self.now, Event::Ping { peer, other, link });
        }
    }

    pub(crate) fn on_link_down(
        &mut self,
        peer: usize,
        other: usize,
        link: u64,
        key: PeerKey,
        failure: PeerFailure,
    ) -> Result<(), Violation> {
        let host = &mut self.hosts[peer];
        if host.links.get(&other).is_none_or(|held| held.id != link) {
            return Ok(());
        }
        host.links.remove(&other);
        self.hear(peer, Input::Disconnected { peer: key, failure }, &[])
    }

    pub(crate) fn on_ping(&mut self, peer: usize, other: usize, link: u64) -> Result<(), Violation> {
        let alive = |held: &Link| held.id == link && held.path == Path::Direct;
        let Some(held) = self.hosts[peer].links.get(&other).filter(|held| alive(held)) else { return Ok(()) };
        let answers = self.hosts[other].links.get(&peer).is_some_and(|theirs| theirs.id == link);
        let cut = held.cut || !answers;
        self.push(self.now + PING_EVERY, Event::Ping { peer, other, link });
        if !cut {
            let (a, b) = (Place::Peer(peer), Place::Peer(other));
            let rtt = self.network.travel(a, b) + self.network.travel(b, a);
            let key = self.hosts[other].key;
            let input = Input::Rtt { peer: key, rtt, kind: RttKind::Ping };
            self.hear_at(self.now + rtt, peer, Over::Link { other, id: link }, input);
        }
        Ok(())
    }

    /// A message takes its place on the receiver's downlink, whoever sent it.
    pub(crate) fn receive(&mut self, from: usize, to: usize, link: u64, wire: Bytes) -> Result<(), Violation> {
        let takes = self.network.downlink(wire.len());
        if takes.is_zero() {
            return self.deliver_content(from, to, link, wire);
        }
        let received = self.hosts[to].downlink_free.max(self.now) + takes;
        self.hosts[to].downlink_free = received;
        self.push(received, Event::Content { from, to, link, wire });
        Ok(())
    }

    pub(crate) fn deliver_content(&mut self, from: usize, to: usize, link: u64, wire: Bytes) -> Result<(), Violation> {
        let alive = |held: &Link| held.id == link && held.path == Path::Direct && !held.cut;
        if !self.hosts[to].links.get(&from).is_some_and(alive) {
            return Ok(());
        }
        let peer = self.hosts[from].key;
        let mut decoder = content::Decoder::new();
        decoder.push(wire.clone());
        match decoder.next() {
            Ok(Some(message)) => {
                if let (true, content::Message::Group { bytes, .. }) = (self.hosts[from].lies, &message) {
                    self.lies_heard += bytes.len() as u64;
                }
                self.hear(to, Input::Content { peer, message }, &wire)
            }
            Ok(None) | Err(_) => self.hear(to, Input::ContentMalformed { peer }, &[]),
        }
    }

    pub(crate) fn on_question(
        &mut self,
        from: usize,
        to: usize,
        link: u64,
        question: Question,
    ) -> Result<(), Violation> {
        if !self.hosts[to].links.get(&from).is_some_and(|held| held.id == link && !held.cut) {
            return Ok(());
        }
        let token = AskToken(self.next_id());
        let peer = self.hosts[from].key;
        let (asked, input) = match question {
            Question::Announce(ids) => {
                let request = Request::Announce(IdSet::from_first(ids.into_iter().map(|id| Id(id.0))));
                (Asked::Announce, Input::ProvidersAsked { peer, request, token })
            }
            Question::Find(id) => {
                let request = Request::Find(Id(id.0));
                (Asked::Find { by: from, id }, Input::ProvidersAsked { peer, request, token })
            }
            Question::Neighbours => (Asked::Neighbours { by: from }, Input::NeighboursAsked { peer, token }),
        };
        self.hosts[to].asked.insert(token, asked);
        self.hear(to, input, &[])
    }

    /// An answer travels back to whoever asked, if the connection is still there.
    pub(crate) fn answer(&mut self, peer: usize, to: usize, input: Input) {
        let Some(id) = self.hosts[peer].links.get(&to).map(|link| link.id) else { return };
        let travel = self.network.travel(Place::Peer(peer), Place::Peer(to));
        self.hear_at(self.now + travel, to, Over::Link { other: peer, id }, input);
    }
}
