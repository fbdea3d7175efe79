//! A relay and two tabs in one thread, over memory transports and the simulated WebRTC.

use futures::StreamExt as _;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{ListenerId, MemoryTransport};
use libp2p::core::upgrade::Version;
use libp2p::core::{ConnectedPoint, Transport as _};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{Config as SwarmConfig, ConnectionId, NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, noise, ping, relay, yamux};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use transport::memory::{Faults, Hub};
use transport::{Config, Event, Path, RelayGrace, Retry, path};

#[derive(NetworkBehaviour)]
pub(crate) struct Tab {
    pub(crate) webrtc: transport::Behaviour,
    relay: relay::client::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

#[derive(NetworkBehaviour)]
pub(crate) struct Relay {
    relay: relay::Behaviour,
    identify: identify::Behaviour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    A,
    B,
}

/// What a test waits for.
#[derive(Debug)]
pub(crate) enum Heard {
    Tab(Who, SwarmEvent<TabEvent>),
    Relay(SwarmEvent<RelayEvent>),
}

pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) a: Swarm<Tab>,
    pub(crate) b: Swarm<Tab>,
    relay: Swarm<Relay>,
    relay_addr: Multiaddr,
    /// The connections between the two tabs, as each sees them.
    pub(crate) links: BTreeMap<(Who, ConnectionId), ConnectedPoint>,
    pub(crate) circuits_open: usize,
    webrtc_listeners: BTreeMap<Who, ListenerId>,
}

/// Short pauses; everything else as in a tab.
pub(crate) fn config() -> Config {
    let ms = Duration::from_millis;
    Config {
        relay_grace: RelayGrace { dialer: ms(100), listener: ms(300), duplicate: ms(100) },
        retry: Retry { first: ms(100), attempts: 3 },
        path_interval: ms(50),
        ..Config::default()
    }
}

/// Runs a test on one thread.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, test());
}

fn keypair(seed: u8) -> Keypair {
    Keypair::ed25519_from_bytes([seed; 32]).expect("32 bytes")
}

fn tab(seed: u8, hub: &Hub, config: Config) -> Swarm<Tab> {
    let keypair = keypair(seed);
    let me = PeerId::from(keypair.public());
    let (webrtc, webrtc_behaviour) = transport::new_over(hub.clone(), me, config);
    let (circuits, relay) = relay::client::new(me);
    let noise = || noise::Config::new(&keypair).expect("a key");
    let circuits = circuits.upgrade(Version::V1Lazy).authenticate(noise()).multiplex(yamux::Config::default());
    let memory =
        MemoryTransport::new().upgrade(Version::V1Lazy).authenticate(noise()).multiplex(yamux::Config::default());
    let transport = webrtc
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .or_transport(circuits.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))))
        .map(|either, _| either.into_inner())
        .or_transport(memory.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))))
        .map(|either, _| either.into_inner())
        .boxed();
    let behaviour = Tab {
        webrtc: webrtc_behaviour,
        relay,
        identify: identify::Behaviour::new(identify::Config::new("/test/1".to_owned(), keypair.public())),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(50))),
    };
    Swarm::new(transport, behaviour, me, swarm_config())
}

fn swarm_config() -> SwarmConfig {
    SwarmConfig::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60))
}

fn relay_server(circuit_duration: Duration) -> Swarm<Relay> {
    let keypair = keypair(100);
    let me = PeerId::from(keypair.public());
    let transport = MemoryTransport::new()
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(&keypair).expect("a key"))
        .multiplex(yamux::Config::default())
        .boxed();
    let config = relay::Config {
        max_circuit_duration: circuit_duration,
        circuit_src_rate_limiters: Vec::new(),
        reservation_rate_limiters: Vec::new(),
        ..relay::Config::default()
    };
    let behaviour = Relay {
        relay: relay::Behaviour::new(me, config),
        identify: identify::Behaviour::new(identify::Config::new("/test/1".to_owned(), keypair.public())),
    };
    Swarm::new(transport, behaviour, me, swarm_config())
}

impl World {
    /// Both tabs have a reservation on the relay and listen on `/webrtc`.
    pub(crate) async fn new(seed: u64, config: Config) -> Self {
        Self::with_circuits_of(seed, config, Duration::from_secs(120)).await
    }

    pub(crate) async fn with_circuits_of(seed: u64, config: Config, duration: Duration) -> Self {
        let hub = Hub::new(seed, Faults { no_path: false, shuffle: true });
        tokio::task::spawn_local({
            let hub = hub.clone();
            async move { hub.drive().await }
        });
        let mut relay = relay_server(duration);
        relay.listen_on(Protocol::Memory(0).into()).expect("a free port");
        let relay_addr = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = relay.select_next_some().await {
                break address.with(Protocol::P2p(*relay.local_peer_id()));
            }
        };
        relay.add_external_address(relay_addr.clone());
        let (a, b) = (tab(1, &hub, config.clone()), tab(2, &hub, config));
        let mut world = Self {
            hub,
            a,
            b,
            relay,
            relay_addr,
            links: BTreeMap::new(),
            circuits_open: 0,
            webrtc_listeners: BTreeMap::new(),
        };
        let reservation = world.relay_addr.clone().with(Protocol::P2pCircuit);
        for who in [Who::A, Who::B] {
            let tab = world.tab(who);
            tab.listen_on(reservation.clone()).expect("the relay client listens");
            let listener = tab.listen_on(Protocol::WebRTC.into()).expect("ours listens");
            world.webrtc_listeners.insert(who, listener);
        }
        let mut announced = BTreeSet::new();
        world
            .until("both /webrtc addresses are announced", |world, heard| {
                if let Heard::Tab(who, SwarmEvent::NewListenAddr { address, .. }) = heard
                    && *address == world.direct_addr(*who)
                {
                    announced.insert(*who);
                }
                announced.len() == 2
            })
            .await;
        world
    }

    pub(crate) fn tab(&mut self, who: Who) -> &mut Swarm<Tab> {
        match who {
            Who::A => &mut self.a,
            Who::B => &mut self.b,
        }
    }

    pub(crate) fn id(&self, who: Who) -> PeerId {
        match who {
            Who::A => *self.a.local_peer_id(),
            Who::B => *self.b.local_peer_id(),
        }
    }

    pub(crate) fn webrtc_listener(&self, who: Who) -> ListenerId {
        self.webrtc_listeners[&who]
    }

    pub(crate) fn circuit_addr(&self, to: Who) -> Multiaddr {
        self.relay_addr.clone().with(Protocol::P2pCircuit).with(Protocol::P2p(self.id(to)))
    }

    pub(crate) fn direct_addr(&self, to: Who) -> Multiaddr {
        let circuit = self.relay_addr.clone().with(Protocol::P2pCircuit);
        circuit.with(Protocol::WebRTC).with(Protocol::P2p(self.id(to)))
    }

    pub(crate) fn dial(&mut self, from: Who, to: Who, addr: Multiaddr) -> ConnectionId {
        let opts = DialOpts::peer_id(self.id(to)).addresses(vec![addr]).condition(PeerCondition::Always).build();
        let id = opts.connection_id();
        self.tab(from).dial(opts).expect("the dial begins");
        id
    }

    /// Lets everything run until an event is the one.
    pub(crate) async fn until(&mut self, what: &str, mut is_it: impl FnMut(&Self, &Heard) -> bool) -> Heard {
        let waiting = async {
            loop {
                let heard = futures::select! {
                    event = self.a.select_next_some() => Heard::Tab(Who::A, event),
                    event = self.b.select_next_some() => Heard::Tab(Who::B, event),
                    event = self.relay.select_next_some() => Heard::Relay(event),
                };
                self.note(&heard);
                if is_it(self, &heard) {
                    return heard;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), waiting).await {
            Ok(heard) => heard,
            Err(_) => panic!("never: {what}"),
        }
    }

    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Tab(who, SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. })
                if peer_id != self.relay.local_peer_id() =>
            {
                self.links.insert((*who, *connection_id), endpoint.clone());
            }
            Heard::Tab(who, SwarmEvent::ConnectionClosed { connection_id, .. }) => {
                self.links.remove(&(*who, *connection_id));
            }
            Heard::Relay(SwarmEvent::Behaviour(RelayEvent::Relay(relay::Event::CircuitReqAccepted { .. }))) => {
                self.circuits_open += 1;
            }
            Heard::Relay(SwarmEvent::Behaviour(RelayEvent::Relay(relay::Event::CircuitClosed { .. }))) => {
                self.circuits_open -= 1;
            }
            _ => {}
        }
    }

    /// Paths of the connections one tab has to the other.
    pub(crate) fn paths(&self, of: Who) -> Vec<Path> {
        self.links.iter().filter(|((who, _), _)| *who == of).map(|(_, endpoint)| path(endpoint)).collect()
    }

    /// One direct connection, seen by both, and no circuit.
    pub(crate) fn is_direct_only(&self) -> bool {
        self.paths(Who::A) == [Path::Direct] && self.paths(Who::B) == [Path::Direct] && self.circuits_open == 0
    }
}

/// The transport's event, if it is one.
pub(crate) fn webrtc(heard: &Heard) -> Option<(Who, &Event)> {
    match heard {
        Heard::Tab(who, SwarmEvent::Behaviour(TabEvent::Webrtc(event))) => Some((*who, event)),
        _ => None,
    }
}

/// Whether a ping of `who` came back on this connection.
pub(crate) fn ponged(heard: &Heard, who: Who, id: ConnectionId) -> bool {
    matches!(heard, Heard::Tab(by, SwarmEvent::Behaviour(TabEvent::Ping(ping)))
        if *by == who && ping.connection == id && ping.result.is_ok())
}
