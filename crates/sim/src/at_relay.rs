//! Connections to relays, and what relays answer.

use crate::host::RelayLink;
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, Over, PING_EVERY, RelayAsk, World, relay_index};
use protocol::{Failure as PeerFailure, Input, RelayWay};

impl World {
    pub(crate) fn on_relay_dialled(&mut self, peer: usize, life: u64, relay: usize) -> Result<(), Violation> {
        if self.hosts[peer].life != life || self.hosts[peer].relays[relay] != RelayLink::Dialling {
            return Ok(());
        }
        let index = relay_index(relay);
        let model = &self.relays[relay];
        if !model.alive || !self.network.can_reach(Place::Peer(peer), Place::Relay(relay)) {
            self.hosts[peer].relays[relay] = RelayLink::Down;
            return self.hear(peer, Input::RelayLost { relay: index }, &[]);
        }
        let (relay_life, key) = (model.lives, model.key);
        self.hosts[peer].relays[relay] = RelayLink::Up { life: relay_life };
        self.push(self.now, Event::RelayPing { peer, life, relay, relay_life });
        self.hear(peer, Input::RelayConnected { relay: index, key, way: RelayWay::WebSocket }, &[])
    }

    pub(crate) fn on_relay_link_down(
        &mut self,
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
    ) -> Result<(), Violation> {
        if self.hosts[peer].life != life || self.hosts[peer].relays[relay] != (RelayLink::Up { life: relay_life }) {
            return Ok(());
        }
        self.hosts[peer].relays[relay] = RelayLink::Down;
        let unanswered: Vec<_> =
            self.hosts[peer].chain_asks.iter().filter(|(_, asked)| **asked == relay).map(|(ask, _)| *ask).collect();
        for ask in unanswered {
            self.hear_soon(peer, Input::ChainAnswered { ask, answer: None, clock: clock::Timestamp::default() });
        }
        if self.relays[relay].lives == relay_life {
            let key = self.hosts[peer].key;
            self.relays[relay].forget(key);
        }
        let over_it: Vec<(usize, u64)> = self.hosts[peer]
            .links
            .iter()
            .filter(|(_, link)| link.via == Some(relay))
            .map(|(other, link)| (*other, link.id))
            .collect();
        for (other, link) in over_it {
            let key = self.hosts[other].key;
            self.on_link_down(peer, other, link, key, PeerFailure::Closed)?;
        }
        self.hear(peer, Input::RelayLost { relay: relay_index(relay) }, &[])
    }

    pub(crate) fn on_relay_ping(
        &mut self,
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
    ) -> Result<(), Violation> {
        if self.hosts[peer].life != life || self.hosts[peer].relays[relay] != (RelayLink::Up { life: relay_life }) {
            return Ok(());
        }
        self.push(self.now + PING_EVERY, Event::RelayPing { peer, life, relay, relay_life });
        let rtt = self.network.travel(Place::Peer(peer), Place::Relay(relay)) * 2;
        self.hear(peer, Input::RelayRtt { relay: relay_index(relay), rtt }, &[])
    }

    pub(crate) fn at_relay(
        &mut self,
        peer: usize,
        life: u64,
        relay: usize,
        relay_life: u64,
        ask: RelayAsk,
    ) -> Result<(), Violation> {
        use providers::{Id, IdSet, Request, Response};
        let connected = self.hosts[peer].relays[relay] == RelayLink::Up { life: relay_life };
        let reachable = self.network.can_reach(Place::Peer(peer), Place::Relay(relay));
        if self.hosts[peer].life != life || !connected || self.relays[relay].lives != relay_life || !reachable {
            return Ok(());
        }
        let (now, key, index) = (self.now, self.hosts[peer].key, relay_index(relay));
        let by = protocol::Introducer::Relay(index);
        let model = &mut self.relays[relay];
        let answer = match ask {
            RelayAsk::Register => {
                model.register(now, key);
                Input::RelayReserved { relay: index }
            }
            RelayAsk::Discover => Input::Discovered { from: by, peers: model.discover(now, key) },
            RelayAsk::Announce(ids) => {
                let ids = IdSet::from_first(ids.into_iter().map(|id| Id(id.0)));
                model.table.handle(now, key, Request::Announce(ids));
                return Ok(());
            }
            RelayAsk::Chain { ask, question } => {
                return self.on_chain_asked(peer, relay, Over::Relay { relay, life: relay_life }, ask, &question);
            }
            RelayAsk::Find(id) => match model.table.handle(now, key, Request::Find(Id(id.0))) {
                Response::Found(peers) => Input::Providers { root_of: id, peers, from: by },
                Response::Announced(_) => return Ok(()),
            },
        };
        let travel = self.network.travel(Place::Relay(relay), Place::Peer(peer));
        self.hear_at(now + travel, peer, Over::Relay { relay, life: relay_life }, answer);
        Ok(())
    }
}
