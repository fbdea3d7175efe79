//! A native peer that knows how to use a relay, over WebSocket or webrtc-direct, from an address of its choice.

use super::soon;
use futures::future::{BoxFuture, Either};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt, StreamExt};
use libp2p::core::Transport;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::rendezvous::Namespace;
use libp2p::request_response::{self, Codec, Message, ProtocolSupport};
use libp2p::swarm::{self, DialError, NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, identify, noise, ping, relay, rendezvous, yamux};
use libp2p_webrtc::tokio::Certificate;
use providers::{Request, Response, WirePeer};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// Longer than any test, so that nothing here ends for being idle.
const IDLE: Duration = Duration::from_secs(600);

pub(crate) struct Client {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) key: Keypair,
}

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    circuits: relay::client::Behaviour,
    pub(crate) rendezvous: rendezvous::client::Behaviour,
    providers: request_response::Behaviour<Framed>,
    echo: request_response::Behaviour<Framed>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::from_address(Ipv4Addr::LOCALHOST)
    }

    /// Dials from `source`, which on loopback may be any of 127.0.0.0/8.
    pub(crate) fn from_address(source: Ipv4Addr) -> Self {
        Self::with_key(Keypair::generate_ed25519(), source)
    }

    pub(crate) fn with_key(key: Keypair, source: Ipv4Addr) -> Self {
        let peer_id = key.public().to_peer_id();
        let (through_relay, circuits) = relay::client::new(peer_id);
        let noise = || noise::Config::new(&key).expect("an ed25519 key");
        let through_relay =
            through_relay.upgrade(Version::V1).authenticate(noise()).multiplex(yamux::Config::default());
        let websocket = libp2p_websocket::Config::new(DialFrom { source })
            .upgrade(Version::V1)
            .authenticate(noise())
            .multiplex(yamux::Config::default());
        let certificate = Certificate::generate(&mut rand::rng()).expect("a certificate");
        let webrtc = libp2p_webrtc::tokio::Transport::new(key.clone(), certificate)
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
        let transport = through_relay
            .or_transport(websocket)
            .map(|either, _| match either {
                Either::Left((peer, muxer)) => (peer, StreamMuxerBox::new(muxer)),
                Either::Right((peer, muxer)) => (peer, StreamMuxerBox::new(muxer)),
            })
            .or_transport(webrtc)
            .map(|either, _| either.into_inner())
            .boxed();
        let framed = |name, support| {
            request_response::Behaviour::with_codec(Framed, [(StreamProtocol::new(name), support)], <_>::default())
        };
        let behaviour = Behaviour {
            identify: identify::Behaviour::new(identify::Config::new("/test/1".to_owned(), key.public())),
            ping: ping::Behaviour::default(),
            circuits,
            rendezvous: rendezvous::client::Behaviour::new(key.clone()),
            providers: framed(providers::PROTOCOL, ProtocolSupport::Outbound),
            echo: framed("/test/echo/1", ProtocolSupport::Full),
        };
        let settings = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
        Self { swarm: Swarm::new(transport, behaviour, peer_id, settings), key }
    }

    pub(crate) fn peer_id(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    /// The ed25519 key that names this peer in `/starling/providers/1`.
    pub(crate) fn wire_peer(&self) -> WirePeer {
        self.key.public().try_into_ed25519().expect("made so").to_bytes()
    }

    /// Lets this peer's webrtc-direct dial: it borrows the socket of a listener.
    pub(crate) fn listen_webrtc(&mut self) {
        let any = "/ip4/127.0.0.1/udp/0/webrtc-direct".parse().expect("an address");
        self.swarm.listen_on(any).expect("a free port");
    }

    /// Runs until an event says what `see` waits for.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut see: impl FnMut(&mut Swarm<Behaviour>, SwarmEvent<BehaviourEvent>) -> Option<T>,
    ) -> T {
        let wait = async {
            loop {
                let event = self.swarm.select_next_some().await;
                if let Some(answer) = echo(&mut self.swarm, event).and_then(|event| see(&mut self.swarm, event)) {
                    return answer;
                }
            }
        };
        soon(what, wait).await
    }

    /// Goes on living, and echoing, beside the test.
    pub(crate) fn run(mut self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                let event = self.swarm.select_next_some().await;
                echo(&mut self.swarm, event);
            }
        })
    }

    /// Dials the peer that ends `address`; the error of a dial that failed. On the way to a circuit the relay is
    /// dialled as well.
    pub(crate) async fn dial(&mut self, address: Multiaddr) -> Result<PeerId, DialError> {
        let Some(Protocol::P2p(wanted)) = address.iter().last() else { panic!("{address} names no peer") };
        self.swarm.dial(address)?;
        self.until("a connection", |_, event| match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == wanted => Some(Ok(peer_id)),
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } if peer_id == Some(wanted) => Some(Err(error)),
            _ => None,
        })
        .await
    }

    /// Dials and stays connected long enough for the relay to have answered a ping, which it does only for those
    /// it let in.
    pub(crate) async fn join(&mut self, address: Multiaddr) -> bool {
        if self.swarm.dial(address).is_err() {
            return false;
        }
        self.until("a pong or a refusal", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { result: Ok(_), .. })) => Some(true),
            SwarmEvent::OutgoingConnectionError { .. } => Some(false),
            SwarmEvent::ConnectionClosed { num_established: 0, .. } => Some(false),
            _ => None,
        })
        .await
    }

    /// Makes a reservation at `relay`; whether it was given.
    pub(crate) async fn reserve(&mut self, relay: Multiaddr) -> bool {
        let listener = self.swarm.listen_on(relay.with(Protocol::P2pCircuit)).expect("a relay's address");
        self.until("a reservation or a refusal", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Circuits(relay::client::Event::ReservationReqAccepted {
                ..
            })) => Some(true),
            SwarmEvent::ListenerClosed { listener_id, .. } if listener_id == listener => Some(false),
            _ => None,
        })
        .await
    }

    /// Sends `bytes` to `peer` and waits for them to come back; whether they did.
    pub(crate) async fn echo(&mut self, peer: PeerId, bytes: Vec<u8>) -> bool {
        let sent = bytes.clone();
        self.swarm.behaviour_mut().echo.send_request(&peer, bytes);
        self.until("an echo", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Echo(request_response::Event::Message {
                message: Message::Response { response, .. },
                ..
            })) => Some(response == sent),
            SwarmEvent::Behaviour(BehaviourEvent::Echo(request_response::Event::OutboundFailure { .. })) => Some(false),
            _ => None,
        })
        .await
    }

    /// Asks `relay` about providers.
    pub(crate) async fn ask(&mut self, relay: PeerId, request: Request) -> Response<WirePeer> {
        self.swarm.behaviour_mut().providers.send_request(&relay, request.encode());
        let bytes = self
            .until("an answer about providers", |_, event| match event {
                SwarmEvent::Behaviour(BehaviourEvent::Providers(event)) => Some(match event {
                    request_response::Event::Message { message: Message::Response { response, .. }, .. } => response,
                    other => panic!("{other:?}"),
                }),
                _ => None,
            })
            .await;
        Response::decode(&bytes).expect("a canonical answer")
    }

    /// Registers `namespace` at `relay` for `ttl` seconds; what it granted or said.
    pub(crate) async fn register(
        &mut self,
        relay: PeerId,
        namespace: &str,
        ttl: u64,
    ) -> Result<u64, rendezvous::ErrorCode> {
        // A registration names at least one address.
        self.swarm.add_external_address("/ip4/127.0.0.1/tcp/9/ws".parse().expect("an address"));
        let namespace = Namespace::new(namespace.to_owned()).expect("short");
        self.swarm.behaviour_mut().rendezvous.register(namespace, relay, Some(ttl)).expect("an address was added");
        self.until("a registration", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Rendezvous(rendezvous::client::Event::Registered {
                ttl, ..
            })) => Some(Ok(ttl)),
            SwarmEvent::Behaviour(BehaviourEvent::Rendezvous(rendezvous::client::Event::RegisterFailed {
                error,
                ..
            })) => Some(Err(error)),
            _ => None,
        })
        .await
    }

    /// Whom `relay` knows in `namespace`.
    pub(crate) async fn discover(&mut self, relay: PeerId, namespace: &str) -> Vec<PeerId> {
        let namespace = Namespace::new(namespace.to_owned()).expect("short");
        self.swarm.behaviour_mut().rendezvous.discover(Some(namespace), None, None, relay);
        self.until("a discovery", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Rendezvous(rendezvous::client::Event::Discovered {
                registrations,
                ..
            })) => Some(registrations.iter().map(|registration| registration.record.peer_id()).collect()),
            _ => None,
        })
        .await
    }

    /// The protocols and the agent that `relay` tells us by identify.
    pub(crate) async fn identified(&mut self) -> identify::Info {
        self.until("identify", |_, event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { info, .. })) => Some(info),
            _ => None,
        })
        .await
    }
}

/// Answers echo requests; other events are returned.
fn echo(swarm: &mut Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) -> Option<SwarmEvent<BehaviourEvent>> {
    match event {
        SwarmEvent::Behaviour(BehaviourEvent::Echo(request_response::Event::Message {
            message: Message::Request { request, channel, .. },
            ..
        })) => {
            // The asker may have left; then nobody waits.
            let _ = swarm.behaviour_mut().echo.send_response(channel, request);
            None
        }
        other => Some(other),
    }
}

/// Bytes behind their length, u32, little endian: written out here, so that the relay's own is checked against it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framed;

impl Codec for Framed {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut len = [0; 4];
        io.read_exact(&mut len).await?;
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        io.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        protocol: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        self.read_request(protocol, io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&(bytes.len() as u32).to_le_bytes()).await?;
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        protocol: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        self.write_request(protocol, io, bytes).await
    }
}

/// TCP that only dials, from one source address.
#[derive(Clone, Copy, Debug)]
struct DialFrom {
    source: Ipv4Addr,
}

impl Transport for DialFrom {
    type Output = Compat<TcpStream>;
    type Error = io::Error;
    type ListenerUpgrade = BoxFuture<'static, io::Result<Self::Output>>;
    type Dial = BoxFuture<'static, io::Result<Self::Output>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let mut parts = address.iter();
        let (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) = (parts.next(), parts.next()) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let source = SocketAddr::new(IpAddr::V4(self.source), 0);
        Ok(async move { dial(source, SocketAddr::new(ip.into(), port)).await.map(|stream| stream.compat()) }.boxed())
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Pending
    }
}

/// A connection from `source`.
pub(crate) async fn dial(source: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(source)?;
    socket.connect(to).await
}
