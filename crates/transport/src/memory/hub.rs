//! The simulated network's clockwork: who is connected to whom, and what is on its way.

use super::network::{MemoryPeer, PeerState};
use crate::backend::{Backend, BackendError, PeerPhase, PeerSetup};
use bytes::Bytes;
use core::task::{Context, Poll, Waker};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

/// One end of one channel, and so a queue of events that keep their order.
pub(super) type Place = (u64, u64);

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// No pair of candidates ever works.
    pub no_path: bool,
    /// How many events other channels' events may overtake.
    pub shuffle: bool,
}

/// Something that will happen at a place.
#[derive(Debug)]
pub(super) enum Arrival {
    /// The other end opened this channel.
    Announce,
    Open,
    Message(Bytes),
    Close,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) peers: BTreeMap<u64, Weak<PeerState>>,
    arrivals: BTreeMap<Place, VecDeque<Arrival>>,
    next_peer: u64,
    random: u64,
    faults: Faults,
    driver: Option<Waker>,
    delivered: u64,
}

/// The network. Clones are the same network.
#[derive(Clone, Default)]
pub struct Hub {
    pub(super) state: Rc<RefCell<State>>,
    paused: Rc<Cell<bool>>,
}

impl Hub {
    /// A network whose order of events depends on `seed` alone.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let hub = Self::default();
        {
            let mut state = hub.state.borrow_mut();
            state.random = seed.wrapping_mul(2).wrapping_add(1);
            state.faults = faults;
        }
        hub
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.borrow_mut().faults = faults;
    }

    /// Peer connections that exist and are not closed.
    pub fn open_peers(&self) -> usize {
        self.state.borrow().peers.values().filter_map(Weak::upgrade).filter(|peer| !peer.is_closed()).count()
    }

    /// Channels that are open at either end.
    pub fn open_channels(&self) -> usize {
        self.state.borrow().peers.values().filter_map(Weak::upgrade).map(|peer| peer.open_channels()).sum()
    }

    /// Events that have happened.
    pub fn delivered(&self) -> u64 {
        self.state.borrow().delivered
    }

    /// Holds everything back that is on its way.
    pub fn pause(&self) {
        self.paused.set(true);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.paused.set(false);
        self.wake();
    }

    /// Ends the path between all peers, as when a machine loses power: nobody is told but by `failed`.
    pub fn lose_all(&self) {
        let peers: Vec<_> = self.state.borrow().peers.values().filter_map(Weak::upgrade).collect();
        self.state.borrow_mut().arrivals.clear();
        for peer in peers {
            peer.events.on_phase(PeerPhase::Failed);
        }
    }

    pub(super) fn faults(&self) -> Faults {
        self.state.borrow().faults
    }

    pub(super) fn send(&self, place: Place, arrival: Arrival) {
        self.state.borrow_mut().arrivals.entry(place).or_default().push_back(arrival);
        self.wake();
    }

    /// Forgets what is on its way to a peer.
    pub(super) fn forget(&self, peer: u64) {
        self.state.borrow_mut().arrivals.retain(|place, _| place.0 != peer);
    }

    fn wake(&self) {
        let driver = self.state.borrow_mut().driver.take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    fn next(&self) -> Option<(Place, Arrival)> {
        if self.paused.get() {
            return None;
        }
        let mut state = self.state.borrow_mut();
        let waiting = state.arrivals.len();
        if waiting == 0 {
            return None;
        }
        let nth = if state.faults.shuffle { (state.draw() % waiting as u64) as usize } else { 0 };
        let place = *state.arrivals.keys().nth(nth)?;
        let queue = state.arrivals.get_mut(&place)?;
        let arrival = queue.pop_front();
        if queue.is_empty() {
            state.arrivals.remove(&place);
        }
        state.delivered += 1;
        Some((place, arrival?))
    }

    /// Lets one event happen; `false` when none is on its way.
    pub fn step(&self) -> bool {
        let Some(((peer, channel), arrival)) = self.next() else { return false };
        let peer = self.state.borrow().peers.get(&peer).and_then(Weak::upgrade);
        if let Some(peer) = peer {
            peer.arrive(channel, arrival);
        }
        true
    }

    /// Lets events happen, one for each time it is polled, for as long as the test runs.
    pub async fn drive(&self) {
        core::future::poll_fn(|cx: &mut Context<'_>| {
            if self.step() {
                cx.waker().wake_by_ref();
            } else {
                self.state.borrow_mut().driver = Some(cx.waker().clone());
            }
            Poll::<()>::Pending
        })
        .await;
    }
}

impl State {
    /// xorshift64: good enough to mix, and the same everywhere.
    pub(super) fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Backend for Hub {
    type Peer = MemoryPeer;

    fn peer(&self, setup: &PeerSetup) -> Result<MemoryPeer, BackendError> {
        let id = {
            let mut state = self.state.borrow_mut();
            state.next_peer += 1;
            state.next_peer
        };
        let peer = MemoryPeer::new(self.clone(), id, setup);
        self.state.borrow_mut().peers.insert(id, peer.downgrade());
        Ok(peer)
    }
}

impl core::fmt::Debug for Hub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Hub").field("delivered", &self.delivered()).finish_non_exhaustive()
    }
}
