//! The node's side of its relays: which connection, which reservation, which way.

use super::EventLoop;
use crate::config::RelayAddress;
use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::rendezvous::Namespace;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use protocol::{Input, RelayIndex, RelayWay};

/// A registration's life, in seconds: the relay's least is 60, and the machine renews every 30.
const REGISTRATION_TTL_S: u64 = 90;
/// The second way in is tried after the first failure, and then once in this many: an outage is not a blocked port.
const FAILURES_PER_DIAL_BESIDE: u32 = 8;
/// Registrations asked for at once.
const DISCOVER_MAX: u64 = 64;

/// One relay and what we have with it.
pub(crate) struct Relay {
    pub(crate) address: RelayAddress,
    /// The connection in use, and the way it came.
    pub(crate) connection: Option<(ConnectionId, Multiaddr)>,
    /// The reservation, asked for or held.
    listener: Option<ListenerId>,
    pub(crate) reserved: bool,
    /// Register with the rendezvous as soon as the reservation is there.
    register_due: bool,
    /// Dials in a row that came to nothing.
    failures: u32,
    /// The first way has worked before: when it fails now, the relay is away and no port is blocked.
    first_way_works: bool,
    /// A dial by the second way in that is under way beside the first.
    beside: Option<ConnectionId>,
}

impl Relay {
    pub(crate) fn new(address: RelayAddress) -> Self {
        Self {
            address,
            connection: None,
            listener: None,
            reserved: false,
            register_due: false,
            failures: 0,
            first_way_works: false,
            beside: None,
        }
    }

    /// The address through which others reach us, or we others: `<way>/p2p/<relay>/p2p-circuit`.
    pub(crate) fn circuit(&self) -> Option<Multiaddr> {
        let (_, way) = self.connection.as_ref()?;
        Some(way.clone().with(Protocol::P2p(self.address.peer)).with(Protocol::P2pCircuit))
    }
}

/// The way in words, from the address that was dialled.
fn way_of(address: &Multiaddr) -> RelayWay {
    if address.iter().any(|part| matches!(part, Protocol::WebRTCDirect)) {
        RelayWay::WebRtcDirect
    } else if address.iter().any(|part| matches!(part, Protocol::Ws(_) | Protocol::Wss(_))) {
        RelayWay::WebSocket
    } else {
        RelayWay::Tcp
    }
}

impl EventLoop {
    /// Dials the ways that fail fast, and says so when they do. The second way in, webrtc-direct, takes seconds
    /// to find out that nobody is there: it is tried beside them, and not at every turn.
    pub(super) fn dial_relay(&mut self, index: RelayIndex) {
        let Some(relay) = self.relays.get_mut(usize::from(index.0)) else { return };
        let peer = relay.address.peer;
        let (beside, first): (Vec<_>, Vec<_>) =
            relay.address.ways.iter().cloned().partition(|way| way_of(way) == RelayWay::WebRtcDirect);
        let due = first.is_empty() || !relay.first_way_works && relay.failures % FAILURES_PER_DIAL_BESIDE == 1;
        if due && !beside.is_empty() && relay.beside.is_none() {
            let options = DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(beside).build();
            relay.beside = Some(options.connection_id());
            if self.swarm.dial(options).is_err() {
                self.relays[usize::from(index.0)].beside = None;
            }
        }
        let options = DialOpts::peer_id(peer).condition(PeerCondition::Disconnected).addresses(first).build();
        if self.swarm.dial(options).is_err() {
            self.on_relay_dial_failed(index, None);
        }
    }

    /// A dial came to nothing; without `connection`, one that could not even begin.
    pub(super) fn on_relay_dial_failed(&mut self, index: RelayIndex, connection: Option<ConnectionId>) {
        let relay = &mut self.relays[usize::from(index.0)];
        if connection.is_some() && relay.beside == connection {
            relay.beside = None;
            return;
        }
        if relay.connection.is_none() {
            relay.failures = relay.failures.saturating_add(1);
            self.hear(Input::RelayLost { relay: index });
        }
    }

    pub(super) fn on_relay_connected(&mut self, index: RelayIndex, connection: ConnectionId, address: &Multiaddr) {
        let relay = &mut self.relays[usize::from(index.0)];
        if relay.beside == Some(connection) {
            relay.beside = None;
        }
        if relay.connection.is_some() {
            // The other way was quicker.
            self.swarm.close_connection(connection);
            return;
        }
        relay.failures = 0;
        relay.first_way_works |= way_of(address) != RelayWay::WebRtcDirect;
        let way: Multiaddr = address.iter().take_while(|part| !matches!(part, Protocol::P2p(_))).collect();
        let kind = way_of(&way);
        relay.connection = Some((connection, way));
        if let Some(key) = crate::peer_id::to_key(&relay.address.peer) {
            self.hear(Input::RelayConnected { relay: index, key, way: kind });
        }
    }

    pub(super) fn on_relay_disconnected(&mut self, index: RelayIndex, connection: ConnectionId) {
        let relay = &mut self.relays[usize::from(index.0)];
        if relay.connection.as_ref().is_none_or(|(current, _)| *current != connection) {
            return;
        }
        relay.connection = None;
        relay.reserved = false;
        if let Some(listener) = relay.listener.take() {
            self.swarm.remove_listener(listener);
        }
        self.hear(Input::RelayLost { relay: index });
    }

    /// Asks for a reservation unless there is one, and registers once there is.
    pub(super) fn register(&mut self, index: RelayIndex) {
        let relay = &mut self.relays[usize::from(index.0)];
        relay.register_due = true;
        if relay.reserved {
            self.register_now(index);
        } else if relay.listener.is_none()
            && let Some(circuit) = relay.circuit()
        {
            match self.swarm.listen_on(circuit) {
                Ok(listener) => self.relays[usize::from(index.0)].listener = Some(listener),
                Err(error) => {
                    log::warn!("no reservation: {error}");
                    self.hear(Input::RelayRefused { relay: index });
                }
            }
        }
    }

    pub(super) fn on_reserved(&mut self, index: RelayIndex) {
        self.relays[usize::from(index.0)].reserved = true;
        self.hear(Input::RelayReserved { relay: index });
        if self.relays[usize::from(index.0)].register_due {
            self.register_now(index);
        }
    }

    pub(super) fn on_listener_closed(&mut self, listener: ListenerId) {
        let Some(place) = self.relays.iter().position(|relay| relay.listener == Some(listener)) else { return };
        let relay = &mut self.relays[place];
        relay.listener = None;
        relay.reserved = false;
        if relay.connection.is_some() {
            self.hear(Input::RelayRefused { relay: RelayIndex(place as u8) });
        }
    }

    fn register_now(&mut self, index: RelayIndex) {
        let relay = &mut self.relays[usize::from(index.0)];
        let Ok(namespace) = Namespace::new(self.network.clone()) else { return };
        match self.swarm.behaviour_mut().rendezvous.register(namespace, relay.address.peer, Some(REGISTRATION_TTL_S)) {
            Ok(()) => relay.register_due = false,
            // The circuit's address is confirmed a moment after the reservation: tried again then.
            Err(error) => log::debug!("not registered yet: {error}"),
        }
    }

    pub(super) fn register_where_due(&mut self) {
        for place in 0..self.relays.len() {
            if self.relays[place].reserved && self.relays[place].register_due {
                self.register_now(RelayIndex(place as u8));
            }
        }
    }

    pub(super) fn discover(&mut self, index: RelayIndex) {
        let relay = &self.relays[usize::from(index.0)];
        let Ok(namespace) = Namespace::new(self.network.clone()) else { return };
        let peer = relay.address.peer;
        self.swarm.behaviour_mut().rendezvous.discover(Some(namespace), None, Some(DISCOVER_MAX), peer);
    }
}
