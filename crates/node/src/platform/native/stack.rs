//! Sockets: TCP and WebSocket, circuits, and nothing of the browser's.

use crate::behaviour::{Behaviour, Parts};
use crate::config::Config;
use crate::event_loop::NodeSwarm;
use libp2p::core::Transport;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::dummy;
use libp2p::{Multiaddr, PeerId, noise, relay, tcp, yamux};
use protocol::Input;
use std::convert::Infallible;
use std::time::Duration;
use transport::SignalingStream;

pub(crate) type DirectBehaviour = dummy::Behaviour;

/// A neighbour that splices two streams of ours cannot help: there is no WebRTC to signal for.
pub(crate) const CONNECTS_OVER_STREAMS: bool = false;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds the swarm of this node.
pub(crate) fn build_swarm(keypair: &Keypair, _: &Config) -> Result<NodeSwarm, noise::Error> {
    let me = PeerId::from(keypair.public());
    let (circuits, relay_client) = relay::client::new(me);
    let sockets = libp2p_websocket::Config::new(tcp::tokio::Transport::new(tcp::Config::default()))
        .or_transport(tcp::tokio::Transport::new(tcp::Config::default()));
    let transport = circuits
        .or_transport(sockets)
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let transport = TransportTimeout::new(transport, DIAL_TIMEOUT).boxed();
    let behaviour = Behaviour::new(Parts { keypair, relay_client, direct: dummy::Behaviour });
    let config =
        libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(crate::behaviour::IDLE_TIMEOUT);
    Ok(NodeSwarm::new(transport, behaviour, me, config))
}

/// The sockets of a discovered peer; a relay's circuit to it would not be direct.
pub(crate) fn dial_through(_: Option<Multiaddr>, peer: PeerId, known: &[Multiaddr]) -> Option<DialOpts> {
    let circuit = |address: &Multiaddr| address.iter().any(|part| matches!(part, Protocol::P2pCircuit));
    let addresses: Vec<Multiaddr> = known.iter().filter(|address| !circuit(address)).cloned().collect();
    (!addresses.is_empty()).then(|| DialOpts::peer_id(peer).addresses(addresses).build())
}

pub(crate) fn listen_addresses(config: &Config) -> Vec<String> {
    config.listen.clone()
}

/// What we listen on is what others may dial.
pub(crate) fn external_address(address: Multiaddr) -> Option<Multiaddr> {
    (!address.iter().any(|part| matches!(part, Protocol::P2pCircuit))).then_some(address)
}

pub(crate) fn on_direct_event(never: Infallible) -> Vec<Input> {
    match never {}
}

/// Without WebRTC there is nothing to signal for.
pub(crate) fn connect_over(_: &mut DirectBehaviour, _: PeerId, _: SignalingStream) {}

/// As [`connect_over`].
pub(crate) fn accept_over(_: &mut DirectBehaviour, _: PeerId, _: SignalingStream) {}
