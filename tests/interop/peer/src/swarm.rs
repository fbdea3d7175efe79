//! The swarm: transports in the order that is their meaning, and the behaviours a js-libp2p peer expects.

use crate::streams;
use libp2p::core::Transport;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::{Config, NetworkBehaviour};
use libp2p::{PeerId, Swarm, identify, noise, ping, relay, yamux};
use std::time::Duration;

/// What js-libp2p allows for one address; a dial that takes longer would not work in the other direction either.
const DIAL_TIMEOUT: Duration = Duration::from_secs(6);
/// Pings are the tests' heartbeats: often, so that twenty are soon over.
const PING_INTERVAL: Duration = Duration::from_millis(50);
/// Connections end when a test says so, not because nobody spoke.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// What this peer speaks.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) direct: transport::Behaviour,
    pub(crate) relay: relay::client::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) streams: streams::Behaviour,
}

/// A swarm with a fresh key.
pub(crate) fn build() -> Result<Swarm<Behaviour>, noise::Error> {
    let keypair = Keypair::generate_ed25519();
    let me = PeerId::from(keypair.public());
    // Loopback and private addresses are the ones a test has.
    let (direct, direct_behaviour) =
        transport::new(me, transport::Config { lan: true, ..transport::Config::default() });
    let (circuits, relay) = relay::client::new(me);

    let circuits = circuits
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(&keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let sockets = websocket::Transport
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(&keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    // The relay client takes every address with a circuit in it, so ours goes first; the WebSocket goes last.
    let transport = direct
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .or_transport(circuits)
        .map(|either, _| either.into_inner())
        .or_transport(sockets)
        .map(|either, _| either.into_inner());

    let behaviour = Behaviour {
        direct: direct_behaviour,
        relay,
        identify: identify::Behaviour::new(
            identify::Config::new("/ipfs/0.1.0".to_owned(), keypair.public())
                .with_agent_version("starling-interop".to_owned()),
        ),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
        streams: streams::Behaviour::default(),
    };
    let config = Config::with_wasm_executor().with_idle_connection_timeout(IDLE_TIMEOUT);
    Ok(Swarm::new(TransportTimeout::new(transport, DIAL_TIMEOUT).boxed(), behaviour, me, config))
}
