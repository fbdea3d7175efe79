//! Making things go wrong.

use crate::fault::Fault;
use crate::host::RelayLink;
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, SILENCE, World};
use core::time::Duration;
use protocol::{Failure, Input, Output};

impl World {
    pub(crate) fn inflict(&mut self, fault: &Fault) -> Result<(), Violation> {
        match fault {
            Fault::KillRelay { relay } => self.kill_relay(*relay),
            Fault::StartRelay { relay } => self.relays[*relay].alive = true,
            Fault::CloseTab { peer } => self.end_tab(*peer, Failure::Closed, Duration::ZERO)?,
            Fault::KillTab { peer } => self.end_tab(*peer, Failure::TimedOut, SILENCE)?,
            Fault::OpenTab { peer } => return self.open_tab(*peer),
            Fault::Partition { peers, relays } => self.partition(peers, relays),
            Fault::Heal => self.network.cut_off([]),
            Fault::Lie { peer } => self.hosts[*peer].lies = true,
            Fault::Withhold { peer } => self.hosts[*peer].withholds = true,
            Fault::StopPaying { peer } => self.hosts[*peer].pays = false,
            Fault::Hide { peer, hidden } => return self.hear(*peer, Input::Hidden(*hidden), &[]),
            Fault::HangUp { peer, other } if self.hosts[*peer].links.contains_key(other) => {
                let key = self.hosts[*other].key;
                return self.perform(*peer, Output::HangUp { peer: key, why: Failure::Closed });
            }
            Fault::HangUp { .. } => {}
        }
        Ok(())
    }

    fn kill_relay(&mut self, relay: usize) {
        let relay_life = self.relays[relay].lives;
        self.relays[relay].kill();
        for peer in 0..self.hosts.len() {
            if self.hosts[peer].relays[relay] == (RelayLink::Up { life: relay_life }) {
                let travel = self.network.travel(Place::Relay(relay), Place::Peer(peer));
                let life = self.hosts[peer].life;
                self.push(self.now + travel, Event::RelayLinkDown { peer, life, relay, relay_life });
            }
        }
    }

    fn end_tab(&mut self, peer: usize, failure: Failure, noticed_after: Duration) -> Result<(), Violation> {
        if self.hosts[peer].peer.is_none() {
            return Ok(());
        }
        let key = self.hosts[peer].key;
        for (other, link) in core::mem::take(&mut self.hosts[peer].links) {
            let travel = self.network.travel(Place::Peer(peer), Place::Peer(other));
            let at = self.now + travel + noticed_after;
            // The key goes with the event: by then another tab may be open here.
            self.push(at, Event::TabGone { peer: other, other: peer, link: link.id, key, failure });
        }
        for relay in 0..self.relays.len() {
            // The relay's side notices as the neighbours do.
            let at = self.now + noticed_after;
            self.push(at, Event::ForgottenAtRelay { relay, relay_life: self.relays[relay].lives, key });
        }
        let dials: Vec<u64> = self.hosts[peer].dials.values().copied().collect();
        for id in dials {
            self.end_dial(id);
        }
        self.hosts[peer].close();
        Ok(())
    }

    fn partition(&mut self, peers: &[usize], relays: &[usize]) {
        let island: Vec<Place> =
            peers.iter().copied().map(Place::Peer).chain(relays.iter().copied().map(Place::Relay)).collect();
        self.network.cut_off(island);
        let at = self.now + SILENCE;
        for peer in 0..self.hosts.len() {
            let here = Place::Peer(peer);
            let mut events = Vec::new();
            for (other, link) in &mut self.hosts[peer].links {
                if !self.network.can_reach(here, Place::Peer(*other)) {
                    link.cut = true;
                    let failure = Failure::TimedOut;
                    events.push(Event::LinkDown { peer, other: *other, link: link.id, failure });
                }
            }
            let life = self.hosts[peer].life;
            for (relay, link) in self.hosts[peer].relays.iter().enumerate() {
                if let RelayLink::Up { life: relay_life } = *link
                    && !self.network.can_reach(here, Place::Relay(relay))
                {
                    events.push(Event::RelayLinkDown { peer, life, relay, relay_life });
                }
            }
            for event in events {
                self.push(at, event);
            }
        }
    }
}
