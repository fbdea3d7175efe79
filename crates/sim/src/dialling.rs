//! How two peers get connected: introduced by a relay or a neighbour, then signalling, then trying paths.

use crate::budget;
use crate::host::{Asked, RelayLink};
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, World};
use core::time::Duration;
use protocol::{AskToken, Failure, Input, Introducer, Path, PeerKey, Stage};

/// How long a relayed connection lasts (`security-and-faults.md` C2: circuits are for signalling).
const CIRCUIT_MAX: Duration = Duration::from_secs(60);

/// How long the browsers try before they say that there is no path.
const CHECKING_MAX: Duration = Duration::from_secs(10);

/// Connections that are relayed for a moment before they are direct; the others become known when direct.
const SHOWN_RELAYED_PERCENT: u32 = 30;

/// One attempt.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) to_key: PeerKey,
    pub(crate) lives: (u64, u64),
    pub(crate) by: Introducer,
    /// The neighbour's side of it, once it accepted.
    pub(crate) splice: Option<(usize, AskToken)>,
    pub(crate) step: Step,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// On its way to the relay, or to the neighbour.
    Asking,
    /// The other side hears of it; offer and answer travel.
    Introduced,
    /// Paths are tried.
    Checking,
}

impl World {
    pub(crate) fn start_dial(&mut self, from: usize, key: PeerKey, by: Introducer) -> Result<(), Violation> {
        let now = self.now;
        budget::on_dial(now, from, &mut self.hosts[from])?;
        if self.hosts[from].banned.contains(&key) {
            return Err(Violation::DialledBanned { peer: from, to: key });
        }
        let Some(to) = self.index_of(key) else {
            self.hear_soon(from, Input::DialFailed { peer: key, failure: Failure::NotIntroduced });
            return Ok(());
        };
        let id = self.next_id();
        let lives = (self.hosts[from].life, self.hosts[to].life);
        self.hosts[from].dials.insert(to, id);
        self.dials.insert(id, Dial { from, to, to_key: key, lives, by, splice: None, step: Step::Asking });
        let way = match by {
            Introducer::Relay(relay) => Some(Place::Relay(usize::from(relay.0))),
            Introducer::Neighbour(peer) => self.index_of(peer).map(Place::Peer),
        };
        let travel = way.map_or(Duration::ZERO, |way| self.network.travel(Place::Peer(from), way));
        self.push(now + travel, Event::Dial { id });
        Ok(())
    }

    /// One attempt moves on.
    pub(crate) fn step_dial(&mut self, id: u64) -> Result<(), Violation> {
        let Some(dial) = self.dials.get(&id).cloned() else { return Ok(()) };
        if self.hosts[dial.from].life != dial.lives.0 {
            self.end_dial(id);
            return Ok(());
        }
        if self.hosts[dial.to].life != dial.lives.1 {
            return self.fail_dial(id, Failure::NotIntroduced);
        }
        match (dial.step, dial.by) {
            (Step::Asking, Introducer::Relay(relay)) => self.introduce_by_relay(id, &dial, usize::from(relay.0)),
            (Step::Asking, Introducer::Neighbour(peer)) => self.ask_neighbour(id, &dial, peer),
            (Step::Introduced, _) => self.try_paths(id, &dial),
            (Step::Checking, _) => self.finish_dial(id, &dial),
        }
    }

    fn introduce_by_relay(&mut self, id: u64, dial: &Dial, relay: usize) -> Result<(), Violation> {
        let model = &self.relays[relay];
        let ours = self.hosts[dial.from].relays[relay] == RelayLink::Up { life: model.lives };
        let theirs = model.is_registered(self.now, self.hosts[dial.to].key);
        let reachable = self.network.can_reach(Place::Relay(relay), Place::Peer(dial.to));
        if !model.alive || !ours || !theirs || !reachable {
            return self.fail_dial(id, Failure::NotIntroduced);
        }
        let hidden = !self.network.has_direct_path(dial.from, dial.to);
        if hidden || self.dice.percent(SHOWN_RELAYED_PERCENT) {
            self.connect(dial, Path::Relayed, Some(relay));
        }
        self.introduced(id, dial, Place::Relay(relay));
        Ok(())
    }

    fn ask_neighbour(&mut self, id: u64, dial: &Dial, neighbour: PeerKey) -> Result<(), Violation> {
        let Some(via) = self.index_of(neighbour) else { return self.fail_dial(id, Failure::NotIntroduced) };
        if !self.hosts[dial.from].is_direct(via) || !self.hosts[via].is_direct(dial.from) {
            return self.fail_dial(id, Failure::NotIntroduced);
        }
        let token = AskToken(self.next_id());
        self.hosts[via].asked.insert(token, Asked::Introduce { dial: id });
        let (from, to) = (self.hosts[dial.from].key, self.hosts[dial.to].key);
        self.hear_soon(via, Input::IntroduceAsked { from, to, token });
        Ok(())
    }

    /// The neighbour said yes or no.
    pub(crate) fn on_introduce_answer(
        &mut self,
        via: usize,
        token: AskToken,
        id: u64,
        accept: bool,
    ) -> Result<(), Violation> {
        let Some(dial) = self.dials.get(&id).cloned() else {
            if accept {
                self.hear_soon(via, Input::IntroduceEnded { token });
            }
            return Ok(());
        };
        if !accept {
            return self.fail_dial(id, Failure::NotIntroduced);
        }
        if let Some(dial) = self.dials.get_mut(&id) {
            dial.splice = Some((via, token));
        }
        self.introduced(id, &dial, Place::Peer(via));
        Ok(())
    }

    fn introduced(&mut self, id: u64, dial: &Dial, via: Place) {
        self.tell_stage(dial, Stage::Signalling);
        let there = self.network.travel(via, Place::Peer(dial.to));
        let back = self.network.travel(via, Place::Peer(dial.from));
        self.step_at(id, Step::Introduced, (there + back) * 2);
    }

    fn try_paths(&mut self, id: u64, dial: &Dial) -> Result<(), Violation> {
        self.tell_stage(dial, Stage::Checking);
        let (a, b) = (Place::Peer(dial.from), Place::Peer(dial.to));
        let open = self.network.has_direct_path(dial.from, dial.to) && self.network.can_reach(a, b);
        let wait = if open { (self.network.travel(a, b) + self.network.travel(b, a)) * 2 } else { CHECKING_MAX };
        self.step_at(id, Step::Checking, wait);
        Ok(())
    }

    fn finish_dial(&mut self, id: u64, dial: &Dial) -> Result<(), Violation> {
        let (a, b) = (Place::Peer(dial.from), Place::Peer(dial.to));
        let relayed = |host: usize, other: usize| {
            self.hosts[host].links.get(&other).is_some_and(|link| link.path == Path::Relayed)
        };
        let upgrade = relayed(dial.from, dial.to) && relayed(dial.to, dial.from);
        let linked = |host: usize, other: usize| self.hosts[host].links.contains_key(&other);
        let taken = linked(dial.from, dial.to) || linked(dial.to, dial.from);
        if !self.network.has_direct_path(dial.from, dial.to) || !self.network.can_reach(a, b) {
            return self.fail_dial(id, Failure::NoDirectPath);
        }
        if upgrade {
            self.upgrade(dial);
            self.end_dial(id);
            return Ok(());
        }
        if taken {
            // Both dialled; the other's connection came first and stays.
            return self.fail_dial(id, Failure::Closed);
        }
        self.connect(dial, Path::Direct, None);
        self.end_dial(id);
        Ok(())
    }

    fn connect(&mut self, dial: &Dial, path: Path, via: Option<usize>) {
        let link = self.next_id();
        let at = self.now;
        let (from, to) = (dial.from, dial.to);
        let up = |peer, other, ours| Event::LinkUp { peer, other, link, path, ours, via };
        self.push(at, up(from, to, true));
        self.push(at, up(to, from, false));
        if path == Path::Relayed {
            for (peer, other) in [(from, to), (to, from)] {
                let failure = Failure::NoDirectPath;
                self.push(at + CIRCUIT_MAX, Event::CircuitOver { peer, other, link, failure });
            }
        }
    }

    fn upgrade(&mut self, dial: &Dial) {
        for (peer, other) in [(dial.from, dial.to), (dial.to, dial.from)] {
            let Some(link) = self.hosts[peer].links.get(&other).map(|link| link.id) else { continue };
            self.push(self.now, Event::Upgraded { peer, other, link });
        }
    }

    fn step_at(&mut self, id: u64, step: Step, wait: Duration) {
        if let Some(dial) = self.dials.get_mut(&id) {
            dial.step = step;
        }
        self.push(self.now + wait, Event::Dial { id });
    }

    fn tell_stage(&mut self, dial: &Dial, stage: Stage) {
        let (from, to) = (self.hosts[dial.from].key, self.hosts[dial.to].key);
        self.hear_soon(dial.from, Input::Dialling { peer: to, stage });
        self.hear_soon(dial.to, Input::Dialling { peer: from, stage });
    }

    pub(crate) fn fail_dial(&mut self, id: u64, failure: Failure) -> Result<(), Violation> {
        let Some(dial) = self.end_dial(id) else { return Ok(()) };
        self.hear_soon(dial.from, Input::DialFailed { peer: dial.to_key, failure });
        Ok(())
    }

    /// Forgets an attempt, and gives the neighbour that spliced its place back.
    pub(crate) fn end_dial(&mut self, id: u64) -> Option<Dial> {
        let dial = self.dials.remove(&id)?;
        let host = &mut self.hosts[dial.from];
        if host.life == dial.lives.0 && host.dials.get(&dial.to) == Some(&id) {
            host.dials.remove(&dial.to);
        }
        if let Some((via, token)) = dial.splice {
            self.hear_soon(via, Input::IntroduceEnded { token });
        }
        Some(dial)
    }
}
