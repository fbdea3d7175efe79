//! The relay's side of libp2p: the swarm, the two ways in, and one loop that hears its events.
//!
//! The loop translates and keeps count; what is allowed was decided in `behaviour.rs`.

use crate::accept_queue::{AcceptQueue, tcp_address};
use crate::announcements::wire_peer;
use crate::attendance::Attendance;
use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::chain::{Asked, Door};
use crate::config::{Config, UdpPort};
use crate::counters::Counters;
use crate::error::StartError;
use crate::identity::Identity;
use crate::meter::Metered;
use crate::prefix::ip_of;
use crate::rate::{Allowance, Rates};
use clock::Time;
use futures::StreamExt;
use futures::future::Either;
use ledger::question::{Answer, Question};
use ledger::wire::Wire;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, Transport, TransportError};
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{self, ConnectionId, ListenError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, noise, ping, relay, rendezvous, request_response, yamux};
use providers::{Limits as TableLimits, Table, WirePeer};
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// From the first byte to an encrypted, multiplexed connection. A tab on a bad mobile link needs three.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// A WebSocket message. What a tab sends is at most a few noise frames of 64 KiB.
const WEBSOCKET_MESSAGE_MAX: usize = 1024 * 1024;

/// Streams on one connection, both ways together (C1, "relay").
const STREAMS_PER_CONNECTION_MAX: usize = 64;

/// Streams of one connection that have not yet agreed on a protocol.
const STREAMS_NEGOTIATING_MAX: usize = 32;

/// A connection without a reservation and without open streams is closed after this long.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// Addresses learned from use. libp2p keeps 20, and a reservation that names them all must fit in 4 KiB.
const LEARNED_MAX: usize = 16;

/// A tab registers every 30 s. libp2p keeps what a registration replaced until it expires, so renewing without
/// pause would grow its memory without limit; who does is disconnected.
const REGISTERING: Allowance = Allowance { burst: 8, interval: Duration::from_secs(20) };

/// Questions about the chain, of each kind from each peer: twenty in ten seconds (a tab asks for each block once).
const QUESTIONS: Allowance = Allowance { burst: 20, interval: Duration::from_millis(500) };

/// How long peers get to hear that we stop.
const FAREWELL_TIME: Duration = Duration::from_millis(500);

/// The swarm and what its loop remembers.
pub(crate) struct Network {
    swarm: Swarm<Behaviour>,
    counters: Arc<Counters>,
    attendance: Attendance,
    table: Table<WirePeer>,
    registering: Rates<PeerId>,
    chain: Door,
    asking: Rates<(PeerId, u8)>,
    /// Where each connection comes from.
    sources: HashMap<ConnectionId, IpAddr>,
    reachable: Reachable,
    started: Instant,
}

/// The second way in.
#[derive(Clone, Debug)]
pub(crate) struct WebRtcDirect {
    pub(crate) port: u16,
    /// `/certhash/...`
    pub(crate) certhash: Protocol<'static>,
}

/// The addresses that reservations carry: those the operator named, or those that clients are seen to use.
#[derive(Debug)]
struct Reachable {
    learns: bool,
    port: u16,
    known: BTreeSet<Multiaddr>,
    /// The one used last is told first.
    last: Option<Multiaddr>,
}

impl Network {
    /// A swarm whose WebSocket clients come out of `queue`, which listens at `address`.
    pub(crate) fn new(
        identity: &Identity,
        config: &Config,
        queue: AcceptQueue,
        address: SocketAddr,
        counters: Arc<Counters>,
        chain: Door,
    ) -> Result<Self, StartError> {
        let transport = transport(identity, queue, &counters)?;
        let behaviour = Behaviour::new(&identity.key, config)?;
        let settings = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(IDLE_TIME_MAX)
            .with_max_negotiating_inbound_streams(STREAMS_NEGOTIATING_MAX);
        let mut swarm = Swarm::new(transport, behaviour, identity.key.public().to_peer_id(), settings);
        let listening = swarm.listen_on(tcp_address(address).with(Protocol::Ws("/".into())));
        listening.expect("the accept queue takes one listener of any address");

        let learns = config.public_addresses.is_empty();
        let reachable = Reachable { learns, port: address.port(), known: BTreeSet::new(), last: None };
        let mut network = Self {
            swarm,
            attendance: Attendance::new(counters.clone()),
            counters,
            table: Table::new(TableLimits::RELAY),
            registering: Rates::new(REGISTERING),
            chain,
            asking: Rates::new(QUESTIONS),
            sources: HashMap::new(),
            reachable,
            started: Instant::now(),
        };
        // libp2p tells the newest first.
        for address in config.public_addresses.iter().rev() {
            network.swarm.add_external_address(address.clone());
        }
        network.learn(address.ip());
        Ok(network)
    }

    /// Opens the UDP port of the second way in. Returns once it is known.
    pub(crate) async fn listen_webrtc(
        &mut self,
        host: IpAddr,
        port: UdpPort,
    ) -> Result<Option<WebRtcDirect>, StartError> {
        let customary = self.reachable.port;
        let ports = match port {
            UdpPort::Off => return Ok(None),
            UdpPort::Fixed(port) => vec![port],
            UdpPort::Auto => vec![customary, 0],
        };
        let mut refused = None;
        for port in ports {
            let address = SocketAddr::new(host, port);
            match self.swarm.listen_on(webrtc_address(address)) {
                Ok(_) => return Ok(Some(self.webrtc_opened().await)),
                Err(TransportError::Other(source)) => refused = Some(StartError::WebRtcDirect { address, source }),
                Err(TransportError::MultiaddrNotSupported(_)) => {
                    unreachable!("the webrtc transport listens on /ip/udp/webrtc-direct")
                }
            }
        }
        Err(refused.expect("at least one port was tried"))
    }

    /// The socket is bound; its address comes as an event.
    async fn webrtc_opened(&mut self) -> WebRtcDirect {
        loop {
            let event = self.swarm.select_next_some().await;
            let opened =
                if let SwarmEvent::NewListenAddr { address, .. } = &event { webrtc_direct(address) } else { None };
            self.on_event(event);
            if let Some(opened) = opened {
                return opened;
            }
        }
    }

    /// Runs until `stop`, then says goodbye.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.on_event(event),
                Some((channel, answer)) = self.chain.answers.recv() => {
                    // The peer may have left while it waited.
                    let _ = self.swarm.behaviour_mut().chain.send_response(channel, answer);
                }
            }
        }
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // An error says that it left by itself.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let farewell = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL_TIME, farewell).await;
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(&address),
            SwarmEvent::IncomingConnection { local_addr, .. } => self.on_incoming(&local_addr),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                if let Some(ip) = ip_of(endpoint.get_remote_address()) {
                    self.sources.insert(connection_id, ip);
                }
                self.attendance.on_connected(connection_id, peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.sources.remove(&connection_id);
                self.attendance.on_closed(connection_id);
                if num_established == 0 {
                    self.on_left(peer_id);
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                match error {
                    // One line a refusal, in a form that fail2ban can read.
                    ListenError::Denied { cause } => log::info!("refused {send_back_addr}: {}", innermost(&cause)),
                    // A tab that was closed again, mostly.
                    error => log::debug!("no connection with {send_back_addr}: {error}"),
                }
                self.attendance.on_refused();
            }
            SwarmEvent::ListenerError { error, .. } => log::warn!("listener: {error}"),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                log::error!("no longer listening on {addresses:?}: {reason:?}");
            }
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Relay(event) => self.on_relay(event),
            BehaviourEvent::Rendezvous(event) => self.on_rendezvous(event),
            BehaviourEvent::Announcements(event) => self.on_announcements(event),
            BehaviourEvent::Chain(event) => self.on_question(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Identify(_) => {}
        }
    }

    fn on_relay(&mut self, event: relay::Event) {
        log::debug!("relay: {event:?}");
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, renewed } => {
                self.attendance.on_reserved(src_peer_id, renewed);
            }
            relay::Event::ReservationReqDenied { .. } => self.attendance.on_reservation_refused(),
            relay::Event::ReservationTimedOut { src_peer_id } => self.attendance.on_reservation_expired(src_peer_id),
            relay::Event::CircuitReqAccepted { src_peer_id, dst_peer_id } => {
                self.attendance.on_circuit(src_peer_id, dst_peer_id);
            }
            relay::Event::CircuitReqDenied { .. } => self.attendance.on_circuit_refused(),
            relay::Event::CircuitClosed { src_peer_id, dst_peer_id, .. } => {
                self.attendance.on_circuit_closed(src_peer_id, dst_peer_id);
            }
            _ => {}
        }
    }

    fn on_rendezvous(&mut self, event: rendezvous::server::Event) {
        match event {
            rendezvous::server::Event::PeerRegistered { peer, registration } => {
                let now = self.now();
                if self.registering.take(now, peer) {
                    self.attendance.on_registered(peer, registration.namespace);
                } else {
                    log::info!("disconnecting {peer}: registers without pause");
                    let _ = self.swarm.disconnect_peer_id(peer);
                }
            }
            rendezvous::server::Event::PeerUnregistered { peer, namespace } => {
                self.attendance.on_unregistered(peer, namespace);
            }
            rendezvous::server::Event::RegistrationExpired(registration) => {
                self.attendance.on_unregistered(registration.record.peer_id(), registration.namespace);
            }
            rendezvous::server::Event::DiscoverServed { .. }
            | rendezvous::server::Event::DiscoverNotServed { .. }
            | rendezvous::server::Event::PeerNotRegistered { .. } => {}
        }
    }

    fn on_announcements(&mut self, event: request_response::Event<providers::Request, providers::Response<WirePeer>>) {
        let request_response::Event::Message { peer, message, .. } = event else { return };
        let request_response::Message::Request { request, channel, .. } = message else { return };
        // A peer without an ed25519 key cannot be named to others; it gets no answer.
        let Some(from) = wire_peer(peer) else { return };
        let response = self.table.handle(self.now(), from, request);
        // The peer may have left while it waited; the table forgets it then.
        let _ = self.swarm.behaviour_mut().announcements.send_response(channel, response);
        self.count_announcements();
    }

    /// Passes a question on to the chain's thread. One that is refused is dropped: its stream ends without an answer.
    fn on_question(&mut self, event: request_response::Event<Question, Answer>) {
        let request_response::Event::Message { peer, connection_id, message } = event else { return };
        let request_response::Message::Request { request: question, channel, .. } = message else { return };
        let kind = question.to_bytes().first().copied().unwrap_or_default();
        if self.asking.take(self.now(), (peer, kind)) {
            let from = self.sources.get(&connection_id).copied();
            drop(self.chain.questions.try_send(Asked { question, peer, from, channel }));
        } else {
            log::debug!("{peer} asks too much");
        }
    }

    fn on_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(_) => self.attendance.on_pong(event.connection),
            Err(ping::Failure::Timeout) => {
                if self.attendance.on_missed_ping(event.connection) {
                    self.swarm.close_connection(event.connection);
                }
            }
            // Answered, if only to say no.
            Err(ping::Failure::Unsupported | ping::Failure::Other { .. }) => {}
        }
    }

    fn on_left(&mut self, peer: PeerId) {
        if let Some(peer) = wire_peer(peer) {
            self.table.forget(peer);
            self.count_announcements();
        }
    }

    fn on_listening(&mut self, address: &Multiaddr) {
        log::info!("reachable at {address}");
        if let Some(ip) = ip_of(address) {
            self.learn(ip);
        }
    }

    fn on_incoming(&mut self, local: &Multiaddr) {
        if let (Some(ip), true) = (ip_of(local), is_websocket(local)) {
            self.learn(ip);
        }
    }

    /// Clients reach us at `ip`.
    fn learn(&mut self, ip: IpAddr) {
        if let Some(address) = self.reachable.learn(ip) {
            self.swarm.add_external_address(address);
        }
    }

    fn count_announcements(&self) {
        self.counters.announcements.store(self.table.len() as u64, Ordering::Relaxed);
        self.counters.announcers.store(self.table.peers_len() as u64, Ordering::Relaxed);
    }

    fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }
}

impl Reachable {
    /// The address to tell first from now on, if that is a change.
    fn learn(&mut self, ip: IpAddr) -> Option<Multiaddr> {
        let ip = ip.to_canonical();
        let link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if !self.learns || ip.is_unspecified() || link_local {
            return None;
        }
        let address = tcp_address(SocketAddr::new(ip, self.port)).with(Protocol::Ws("/".into()));
        if self.last.as_ref() == Some(&address) {
            return None;
        }
        if !self.known.contains(&address) && self.known.len() >= LEARNED_MAX {
            return None;
        }
        self.known.insert(address.clone());
        self.last = Some(address.clone());
        Some(address)
    }
}

/// WebSocket through our acceptor, and webrtc-direct, with every circuit metered.
fn transport(
    identity: &Identity,
    queue: AcceptQueue,
    counters: &Counters,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let mut websocket = libp2p_websocket::Config::new(queue);
    websocket.set_max_data_size(WEBSOCKET_MESSAGE_MAX);
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_PER_CONNECTION_MAX);
    let noise = noise::Config::new(&identity.key).map_err(StartError::Noise)?;
    let websocket = websocket.upgrade(Version::V1).authenticate(noise).multiplex(yamux).timeout(HANDSHAKE_TIME_MAX);
    let webrtc = libp2p_webrtc::tokio::Transport::new(identity.key.clone(), identity.certificate.clone());
    let counted = counters.circuit_bytes.clone();
    let either = websocket.or_transport(webrtc).map(move |connected, _| match connected {
        Either::Left((peer, muxer)) => (peer, StreamMuxerBox::new(Metered::new(muxer, counted.clone()))),
        Either::Right((peer, muxer)) => (peer, StreamMuxerBox::new(Metered::new(muxer, counted.clone()))),
    });
    Ok(either.boxed())
}

/// The cause that says something: libp2p wraps it as "connection denied".
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn webrtc_address(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Udp(address.port())).with(Protocol::WebRTCDirect)
}

fn webrtc_direct(address: &Multiaddr) -> Option<WebRtcDirect> {
    let mut parts = address.iter().skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Protocol::Udp(port)), Some(Protocol::WebRTCDirect), Some(certhash @ Protocol::Certhash(_))) => {
            Some(WebRtcDirect { port, certhash: certhash.acquire() })
        }
        _ => None,
    }
}

fn is_websocket(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Ws(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reachable() -> Reachable {
        Reachable { learns: true, port: 8080, known: BTreeSet::new(), last: None }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_told_when_it_becomes_the_one_used_last() {
        let mut reachable = reachable();
        let lan = reachable.learn(ip("192.168.1.5"));
        assert_eq!(lan, Some("/ip4/192.168.1.5/tcp/8080/ws".parse().expect("an address")));
        assert_eq!(reachable.learn(ip("192.168.1.5")), None);
        assert!(reachable.learn(ip("127.0.0.1")).is_some());
        assert_eq!(reachable.learn(ip("::ffff:192.168.1.5")), lan);
    }

    #[test]
    fn what_nobody_can_dial_is_not_learned_and_what_is_learned_is_bounded() {
        let mut reachable = reachable();
        assert_eq!(reachable.learn(ip("0.0.0.0")), None);
        assert_eq!(reachable.learn(ip("fe80::1")), None);
        let learned = (0..100).filter(|n| reachable.learn(IpAddr::from([10, 0, 0, *n])).is_some()).count();
        assert_eq!(learned, LEARNED_MAX);
        reachable.learns = false;
        assert_eq!(reachable.learn(ip("10.0.0.1")), None, "the operator has said");
    }

    #[test]
    fn the_second_way_in_is_recognised_by_its_certificate() {
        let hash = "/certhash/uEiDikp5KVUgkLta1EjUN-IKbHk-dUBg8VzKgf5nXxLK46w";
        let address: Multiaddr = format!("/ip4/127.0.0.1/udp/9/webrtc-direct{hash}").parse().expect("an address");
        assert_eq!(webrtc_direct(&address).expect("it is one").port, 9);
        assert!(webrtc_direct(&"/ip4/127.0.0.1/tcp/9/ws".parse().expect("an address")).is_none());
    }
}
