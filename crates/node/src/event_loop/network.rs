//! What the swarm says, in the peer's words.

use super::{Ask, Connection, ContentStream, EventLoop, Internal, PINGS_LOST_MAX};
use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::{content_stream, credit_stream, directory, introduce, peer_id, platform, streams};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, ping, relay, rendezvous};
use protocol::{Failure, Input, Introducer, Path, PeerKey, RttKind, Stage};

type Event = SwarmEvent<<Behaviour as libp2p::swarm::NetworkBehaviour>::ToSwarm>;

/// Addresses remembered of one discovered peer.
const ADDRESSES_PER_PEER_MAX: usize = 8;

impl EventLoop {
    pub(super) fn on_swarm_event(&mut self, event: Event) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => self.on_closed(peer_id, connection_id),
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, connection_id, .. } => {
                log::debug!("{peer}: {error}");
                self.on_dial_error(&peer, connection_id, &error);
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => self.on_listener_closed(listener_id),
            SwarmEvent::ExternalAddrConfirmed { .. } => self.register_where_due(),
            SwarmEvent::NewListenAddr { address, .. } => {
                if let Some(address) = platform::external_address(address) {
                    self.swarm.add_external_address(address);
                }
            }
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Streams(incoming) => self.on_stream(incoming),
            BehaviourEvent::Direct(event) => {
                for input in platform::on_direct_event(event) {
                    if let Input::Dialling { peer, stage } = &input
                        && let Some(seen) = self.dialling.get_mut(peer)
                    {
                        *seen = *stage;
                    }
                    self.hear(input);
                }
            }
            BehaviourEvent::Relay(relay::client::Event::ReservationReqAccepted { relay_peer_id, renewal, .. }) => {
                if let (false, Some(index)) = (renewal, self.relay_of(&relay_peer_id)) {
                    self.on_reserved(index);
                }
            }
            BehaviourEvent::Rendezvous(event) => self.on_rendezvous(event),
            BehaviourEvent::Relay(_) | BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Banned(never) | BehaviourEvent::Limits(never) => match never {},
        }
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        if let Some(index) = self.relay_of(&peer) {
            return self.on_relay_connected(index, connection, endpoint.get_remote_address());
        }
        let Some(key) = peer_id::to_key(&peer) else { return };
        let path = match transport::path(endpoint) {
            transport::Path::Direct => Path::Direct,
            transport::Path::Relayed => Path::Relayed,
        };
        let connected = Connection { path, dialled_by_us: endpoint.is_dialer(), pings_lost: 0 };
        self.links.entry(key).or_default().connections.insert(connection, connected);
        if path == Path::Direct {
            self.dialling.remove(&key);
        }
        self.tell_path(key);
    }

    fn on_closed(&mut self, peer: PeerId, connection: ConnectionId) {
        if let Some(index) = self.relay_of(&peer) {
            return self.on_relay_disconnected(index, connection);
        }
        let Some(key) = peer_id::to_key(&peer) else { return };
        if let Some(link) = self.links.get_mut(&key) {
            link.connections.remove(&connection);
            self.tell_path(key);
        }
    }

    /// Tells the machine when the best path to a peer is another one than before.
    fn tell_path(&mut self, peer: PeerKey) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let best = link.best();
        let before = std::mem::replace(&mut link.told, best.map(|(path, _)| path));
        match best {
            Some((path, dialled_by_us)) if before != Some(path) => {
                link.credit = None;
                if path == Path::Relayed && link.content.take().is_some() {
                    self.hear(Input::ContentClosed { peer });
                }
                self.hear(Input::Connected { peer, path, dialled_by_us });
                if path == Path::Direct {
                    // Open now, so that the first request costs no round trip of its own.
                    self.open_content(peer);
                }
            }
            None => {
                self.links.remove(&peer);
                if before.is_some() {
                    self.hear(Input::Disconnected { peer, failure: Failure::Closed });
                }
            }
            Some(_) => {}
        }
    }

    fn on_dial_error(&mut self, peer: &PeerId, connection: ConnectionId, error: &libp2p::swarm::DialError) {
        if let Some(index) = self.relay_of(peer) {
            return self.on_relay_dial_failed(index, Some(connection));
        }
        let Some(key) = peer_id::to_key(peer) else { return };
        let Some(stage) = self.dialling.get(&key) else { return };
        let failure = match (error, stage) {
            (libp2p::swarm::DialError::Denied { .. }, _) => Failure::Limit,
            (_, Stage::Introducing) => Failure::NotIntroduced,
            (_, Stage::Signalling) => Failure::Signalling,
            (_, Stage::Checking) => Failure::NoDirectPath,
            (_, Stage::Opening) => Failure::TimedOut,
        };
        self.dial_failed(key, failure);
    }

    fn on_ping(&mut self, event: ping::Event) {
        let ping::Event { peer, connection, result } = event;
        if let Some(index) = self.relay_of(&peer) {
            match result {
                Ok(rtt) => self.hear(Input::RelayRtt { relay: index, rtt }),
                // The next dial finds out whether the relay is gone or only this connection.
                Err(ping::Failure::Timeout) => _ = self.swarm.close_connection(connection),
                Err(_) => {}
            }
            return;
        }
        let Some(key) = peer_id::to_key(&peer) else { return };
        let Some(link) = self.links.get_mut(&key) else { return };
        let told = link.told;
        let Some(measured) = link.connections.get_mut(&connection) else { return };
        match result {
            Ok(rtt) => {
                measured.pings_lost = 0;
                if told == Some(measured.path) {
                    self.hear(Input::Rtt { peer: key, rtt, kind: RttKind::Ping });
                }
            }
            Err(ping::Failure::Timeout) => {
                measured.pings_lost += 1;
                if measured.pings_lost >= PINGS_LOST_MAX {
                    self.swarm.close_connection(connection);
                }
            }
            Err(_) => {}
        }
    }

    fn on_rendezvous(&mut self, event: rendezvous::client::Event) {
        match event {
            rendezvous::client::Event::Discovered { rendezvous_node, registrations, .. } => {
                let Some(index) = self.relay_of(&rendezvous_node) else { return };
                let me = *self.swarm.local_peer_id();
                let mut peers = Vec::with_capacity(registrations.len());
                for registration in registrations {
                    let peer = registration.record.peer_id();
                    let Some(key) = peer_id::to_key(&peer).filter(|_| peer != me) else { continue };
                    peers.push(key);
                    if self.addresses.len() < super::ADDRESSES_KNOWN_MAX || self.addresses.contains_key(&key) {
                        let known =
                            registration.record.addresses().iter().take(ADDRESSES_PER_PEER_MAX).cloned().collect();
                        self.addresses.insert(key, known);
                    }
                }
                self.hear(Input::Discovered { from: Introducer::Relay(index), peers });
            }
            rendezvous::client::Event::RegisterFailed { rendezvous_node, error, .. } => {
                // A relay that went away says nothing about registering.
                if let Some(relay) = self.relay_of(&rendezvous_node)
                    && self.relays[usize::from(relay.0)].connection.is_some()
                {
                    log::warn!("{rendezvous_node} does not register us: {error:?}");
                    self.hear(Input::RelayRefused { relay });
                }
            }
            rendezvous::client::Event::DiscoverFailed { rendezvous_node, error, .. } => {
                log::debug!("{rendezvous_node} does not say who is here: {error:?}");
            }
            _ => {}
        }
    }

    fn on_stream(&mut self, incoming: streams::Incoming) {
        let streams::Incoming { peer, protocol, mut stream } = incoming;
        let Some(peer) = peer_id::to_key(&peer) else { return };
        let mut report = self.report.clone();
        if protocol == content_stream::PROTOCOL {
            let Some(link) = self.links.get_mut(&peer) else { return };
            self.next_token += 1;
            let number = ContentStream::Theirs(self.next_token);
            link.heard_on = Some(number);
            platform::spawn(async move {
                content_stream::read(peer, stream, &mut report).await;
                report.send(Internal::ContentOver { peer, stream: number }).await;
            });
        } else if protocol == credit_stream::PROTOCOL {
            platform::spawn(async move { credit_stream::read(peer, stream, &mut report).await });
        } else if protocol == directory::PROTOCOL {
            platform::spawn(async move {
                if let Some(request) = directory::read_request(&mut stream).await {
                    report.send(Internal::Asked { peer, ask: Ask::Providers(request), stream }).await;
                }
            });
        } else {
            let keypair = self.keypair.clone();
            platform::spawn(async move {
                match introduce::read_ask(&mut stream).await {
                    Some(introduce::Message::List) => {
                        report.send(Internal::Asked { peer, ask: Ask::Neighbours, stream }).await;
                    }
                    Some(introduce::Message::Connect(target)) => {
                        report.send(Internal::Asked { peer, ask: Ask::Introduce(target), stream }).await;
                    }
                    Some(introduce::Message::Incoming(from)) => {
                        if let Ok(stream) = introduce::accept(stream, keypair, from).await {
                            report.send(Internal::Introducing { peer: from, stream }).await;
                        }
                    }
                    _ => {}
                }
            });
        }
    }
}
