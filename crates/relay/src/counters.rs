//! What the relay has done and is doing, in numbers that tests and operators read.

use crate::meter::CircuitBytes;
use crate::stun::Answers;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A picture of the relay. Totals count from its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub version: u32,
    pub uptime_seconds: u64,
    /// libp2p connections; `refused` by a limit or a failed handshake.
    pub connections: Tally,
    /// Peers that hold a reservation.
    pub reservations: Tally,
    /// Circuits between two peers.
    pub circuits: Tally,
    /// What circuits carried: exactly the bytes their two ends sent each other.
    pub circuit_bytes: CircuitStats,
    pub rendezvous: RendezvousStats,
    pub providers: ProvidersStats,
    pub http: HttpStats,
    pub stun: StunStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub now: u64,
    pub total: u64,
    pub refused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CircuitStats {
    pub total: u64,
    pub to_destination: u64,
    pub to_source: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RendezvousStats {
    pub registrations: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProvidersStats {
    /// Contents announced now, once for each peer that has it.
    pub announcements: u64,
    /// Peers that announce something.
    pub peers: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HttpStats {
    pub requests: u64,
    /// Connections turned away: no seat, no room, or no proper request.
    pub refused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StunStats {
    pub answered: u64,
    pub dropped: u64,
}

/// The numbers while they move. One writer each, many readers; exact when the relay is at rest.
#[derive(Debug)]
pub(crate) struct Counters {
    started: Instant,
    pub(crate) connections: Count,
    pub(crate) reservations: Count,
    pub(crate) circuits: Count,
    pub(crate) circuit_bytes: Arc<CircuitBytes>,
    pub(crate) registrations: AtomicU64,
    pub(crate) announcements: AtomicU64,
    pub(crate) announcers: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) stun: Arc<Answers>,
}

/// Something that begins and ends.
#[derive(Debug, Default)]
pub(crate) struct Count {
    now: AtomicU64,
    total: AtomicU64,
    refused: AtomicU64,
}

impl Count {
    pub(crate) fn begin(&self, now: usize) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.set_now(now);
    }

    pub(crate) fn set_now(&self, now: usize) {
        self.now.store(now as u64, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn tally(&self) -> Tally {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally { now: load(&self.now), total: load(&self.total), refused: load(&self.refused) }
    }
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            connections: Count::default(),
            reservations: Count::default(),
            circuits: Count::default(),
            circuit_bytes: Arc::default(),
            registrations: AtomicU64::new(0),
            announcements: AtomicU64::new(0),
            announcers: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            stun: Arc::default(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (to_destination, to_source) = (self.circuit_bytes.to_destination(), self.circuit_bytes.to_source());
        Stats {
            version: 1,
            uptime_seconds: self.started.elapsed().as_secs(),
            connections: self.connections.tally(),
            reservations: self.reservations.tally(),
            circuits: self.circuits.tally(),
            circuit_bytes: CircuitStats { total: to_destination + to_source, to_destination, to_source },
            rendezvous: RendezvousStats { registrations: load(&self.registrations) },
            providers: ProvidersStats { announcements: load(&self.announcements), peers: load(&self.announcers) },
            http: HttpStats { requests: load(&self.requests), refused: load(&self.turned_away) },
            stun: StunStats { answered: load(&self.stun.answered), dropped: load(&self.stun.dropped) },
        }
    }
}
