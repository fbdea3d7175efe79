//! Who is here and what they hold, counted from libp2p's events.
//!
//! libp2p's relay says when a reservation or circuit begins and is vague about its end: it reports a reservation as
//! closed for connections that had none, and a circuit twice when its destination leaves first. So ends are matched
//! with beginnings here, and whatever a peer held ends with its last connection at the latest.

use crate::counters::Counters;
use libp2p::PeerId;
use libp2p::rendezvous::Namespace;
use libp2p::swarm::ConnectionId;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A connection that missed this many pings in a row, half a minute apart, is gone.
const MISSED_PINGS_MAX: u32 = 2;

/// The relay's memory of the present. Bounded by the limits of what it counts.
#[derive(Debug)]
pub(crate) struct Attendance {
    counters: Arc<Counters>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// How many of them each peer has.
    peers: BTreeMap<PeerId, usize>,
    reserved: BTreeSet<PeerId>,
    /// Circuits under way from a source to a destination.
    circuits: BTreeMap<(PeerId, PeerId), usize>,
    circuits_open: usize,
    registrations: HashSet<(PeerId, Namespace)>,
}

#[derive(Debug)]
struct Connection {
    peer: PeerId,
    missed_pings: u32,
}

impl Attendance {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            connections: BTreeMap::new(),
            peers: BTreeMap::new(),
            reserved: BTreeSet::new(),
            circuits: BTreeMap::new(),
            circuits_open: 0,
            registrations: HashSet::new(),
        }
    }

    pub(crate) fn on_connected(&mut self, id: ConnectionId, peer: PeerId) {
        self.connections.insert(id, Connection { peer, missed_pings: 0 });
        *self.peers.entry(peer).or_insert(0) += 1;
        self.counters.connections.begin(self.connections.len());
    }

    pub(crate) fn on_refused(&self) {
        self.counters.connections.refuse();
    }

    pub(crate) fn on_closed(&mut self, id: ConnectionId) {
        let Some(Connection { peer, .. }) = self.connections.remove(&id) else { return };
        self.counters.connections.set_now(self.connections.len());
        if let Some(left) = self.peers.get_mut(&peer) {
            *left -= 1;
            if *left == 0 {
                self.peers.remove(&peer);
            }
        }
        if !self.is_here(peer) {
            self.reserved.remove(&peer);
            self.counters.reservations.set_now(self.reserved.len());
        }
    }

    pub(crate) fn on_pong(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.missed_pings = 0;
        }
    }

    /// Whether the connection should be given up.
    pub(crate) fn on_missed_ping(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        connection.missed_pings += 1;
        connection.missed_pings >= MISSED_PINGS_MAX
    }

    pub(crate) fn on_reserved(&mut self, peer: PeerId, renewed: bool) {
        // The event may come after the peer has left.
        if !self.is_here(peer) {
            return;
        }
        self.reserved.insert(peer);
        if renewed {
            self.counters.reservations.set_now(self.reserved.len());
        } else {
            self.counters.reservations.begin(self.reserved.len());
        }
    }

    pub(crate) fn on_reservation_refused(&self) {
        self.counters.reservations.refuse();
    }

    pub(crate) fn on_reservation_expired(&mut self, peer: PeerId) {
        self.reserved.remove(&peer);
        self.counters.reservations.set_now(self.reserved.len());
    }

    pub(crate) fn on_circuit(&mut self, source: PeerId, destination: PeerId) {
        *self.circuits.entry((source, destination)).or_insert(0) += 1;
        self.circuits_open += 1;
        self.counters.circuits.begin(self.circuits_open);
    }

    pub(crate) fn on_circuit_refused(&self) {
        self.counters.circuits.refuse();
    }

    pub(crate) fn on_circuit_closed(&mut self, source: PeerId, destination: PeerId) {
        let Some(open) = self.circuits.get_mut(&(source, destination)) else { return };
        *open -= 1;
        if *open == 0 {
            self.circuits.remove(&(source, destination));
        }
        self.circuits_open -= 1;
        self.counters.circuits.set_now(self.circuits_open);
    }

    pub(crate) fn on_registered(&mut self, peer: PeerId, namespace: Namespace) {
        self.registrations.insert((peer, namespace));
        self.count_registrations();
    }

    pub(crate) fn on_unregistered(&mut self, peer: PeerId, namespace: Namespace) {
        self.registrations.remove(&(peer, namespace));
        self.count_registrations();
    }

    /// Whether `peer` has a connection.
    pub(crate) fn is_here(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    fn count_registrations(&self) {
        self.counters.registrations.store(self.registrations.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_that_is_reported_closed_twice_ends_once() {
        let (counters, mut attendance, [a, b, c]) = fixture();
        attendance.on_circuit(a, b);
        attendance.on_circuit(a, c);
        attendance.on_circuit_closed(a, b);
        attendance.on_circuit_closed(a, b);
        assert_eq!((counters.stats().circuits.now, counters.stats().circuits.total), (1, 2));
    }

    #[test]
    fn a_reservation_ends_with_its_peers_last_connection() {
        let (counters, mut attendance, [a, b, _]) = fixture();
        attendance.on_connected(ConnectionId::new_unchecked(1), a);
        attendance.on_connected(ConnectionId::new_unchecked(2), a);
        attendance.on_reserved(a, false);
        attendance.on_reserved(a, true);
        attendance.on_reserved(b, false);
        assert_eq!((counters.stats().reservations.now, counters.stats().reservations.total), (1, 1));
        attendance.on_closed(ConnectionId::new_unchecked(1));
        assert_eq!(counters.stats().reservations.now, 1);
        attendance.on_closed(ConnectionId::new_unchecked(2));
        assert_eq!(counters.stats().reservations.now, 0);
        assert_eq!(counters.stats().connections.now, 0);
    }

    #[test]
    fn one_missed_ping_is_forgiven() {
        let (_, mut attendance, [a, ..]) = fixture();
        let id = ConnectionId::new_unchecked(1);
        attendance.on_connected(id, a);
        assert!(!attendance.on_missed_ping(id));
        attendance.on_pong(id);
        assert!(!attendance.on_missed_ping(id));
        assert!(attendance.on_missed_ping(id));
    }

    fn fixture() -> (Arc<Counters>, Attendance, [PeerId; 3]) {
        let counters = Arc::new(Counters::new());
        (counters.clone(), Attendance::new(counters), [PeerId::random(), PeerId::random(), PeerId::random()])
    }
}
