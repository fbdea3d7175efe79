//! The browser's transports, in the order that is their meaning: tab to tab, then circuits, then the ways to a relay.
//!
//! The relay client takes any address that contains `p2p-circuit`, so it must come after our own transport, and
//! the transports to relays match a prefix and ignore the rest, so they must come after it.

use crate::behaviour::{Behaviour, Parts};
use crate::config::Config;
use crate::event_loop::NodeSwarm;
use libp2p::core::Transport;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, noise, relay, yamux};
use protocol::{Candidate, Input, RttKind, Stage};
use std::num::NonZeroU8;
use std::time::Duration;
use transport::SignalingStream;

pub(crate) type DirectBehaviour = transport::Behaviour;

/// Reaching a relay takes a TCP handshake, an HTTP upgrade and Noise: three round trips, and a blocked port is silent.
const RELAY_DIAL_TIMEOUT: Duration = Duration::from_secs(6);
/// A whole `/webrtc` dial: circuit, signalling, ICE, DTLS (webrtc-transport.md 7.3).
const DIRECT_DIAL_TIMEOUT: Duration = Duration::from_secs(30);
/// STUN servers handed to the browser, which warns from five on.
const STUN_SERVERS_MAX: usize = 4;

/// Builds the swarm of this tab.
pub(crate) fn build_swarm(keypair: &Keypair, config: &Config) -> Result<NodeSwarm, noise::Error> {
    let me = PeerId::from(keypair.public());
    let direct_config = transport::Config {
        ice_servers: config.stun.iter().take(STUN_SERVERS_MAX).map(|url| stun_server(url)).collect(),
        lan: config.lan,
        ..transport::Config::default()
    };
    let (direct, direct_behaviour) = transport::new(me, direct_config);
    let (circuits, relay_client) = relay::client::new(me);

    let circuits = circuits
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux::Config::default());
    let sockets = websocket::Transport
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux::Config::default());
    let relay_direct = libp2p_webrtc_websys::Transport::new(libp2p_webrtc_websys::Config::new(keypair))
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let direct =
        TransportTimeout::new(direct.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))), DIRECT_DIAL_TIMEOUT);
    let to_relays = sockets.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).or_transport(relay_direct);
    let to_relays = TransportTimeout::new(to_relays.map(|either, _| either.into_inner()), RELAY_DIAL_TIMEOUT);
    let transport = direct
        .or_transport(circuits.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))))
        .map(|either, _| either.into_inner())
        .or_transport(to_relays)
        .map(|either, _| either.into_inner())
        .boxed();

    let behaviour = Behaviour::new(Parts { keypair, relay_client, direct: direct_behaviour });
    let swarm_config = libp2p::swarm::Config::with_wasm_executor()
        // One way after the other: a relay's WebSocket is preferred, its webrtc-direct is the second way in.
        .with_dial_concurrency_factor(NonZeroU8::MIN)
        .with_idle_connection_timeout(crate::behaviour::IDLE_TIMEOUT);
    Ok(NodeSwarm::new(transport, behaviour, me, swarm_config))
}

fn stun_server(url: &str) -> transport::IceServer {
    transport::IceServer { urls: vec![url.to_owned()], ..transport::IceServer::default() }
}

/// A stream to the peer, however it came about, is enough to signal for a direct connection.
pub(crate) const CONNECTS_OVER_STREAMS: bool = true;

/// Through a relay's circuit to the peer's `/webrtc`. The full form: it works without a connection to the peer.
pub(crate) fn dial_through(circuit: Option<Multiaddr>, peer: PeerId, _: &[Multiaddr]) -> Option<DialOpts> {
    let address = circuit?.with(Protocol::WebRTC).with(Protocol::P2p(peer));
    Some(DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(vec![address]).build())
}

pub(crate) fn listen_addresses(_: &Config) -> Vec<String> {
    vec!["/webrtc".to_owned()]
}

/// A tab is reached through circuits, which the relay client and our transport confirm by themselves.
pub(crate) fn external_address(_: Multiaddr) -> Option<Multiaddr> {
    None
}

pub(crate) fn connect_over(direct: &mut DirectBehaviour, peer: PeerId, stream: SignalingStream) {
    direct.connect_over(peer, stream);
}

pub(crate) fn accept_over(direct: &mut DirectBehaviour, peer: PeerId, stream: SignalingStream) {
    direct.accept_over(peer, stream);
}

/// What the direct transport reports, in the peer's words.
pub(crate) fn on_direct_event(event: transport::Event) -> Vec<Input> {
    match event {
        transport::Event::Stage { peer, stage } => {
            let stage = stage_of(stage);
            crate::peer_id::to_key(&peer).map(|peer| Input::Dialling { peer, stage }).into_iter().collect()
        }
        transport::Event::Path { peer, report, .. } => {
            let Some(peer) = crate::peer_id::to_key(&peer) else { return Vec::new() };
            let (local, remote) = (candidate_of(report.local), candidate_of(report.remote));
            let rtt = report.rtt.map(|rtt| Input::Rtt { peer, rtt, kind: RttKind::Stun });
            rtt.into_iter().chain([Input::Candidates { peer, local, remote }]).collect()
        }
        transport::Event::UpgradeFailed { peer, stage, error } => {
            log::debug!("{peer}: no direct path at {stage:?}: {error}");
            Vec::new()
        }
    }
}

fn stage_of(stage: transport::Stage) -> Stage {
    match stage {
        transport::Stage::Introducing => Stage::Introducing,
        transport::Stage::Signalling => Stage::Signalling,
        transport::Stage::Checking => Stage::Checking,
        transport::Stage::Opening => Stage::Opening,
    }
}

fn candidate_of(kind: transport::CandidateKind) -> Candidate {
    match kind {
        transport::CandidateKind::Host => Candidate::Host,
        transport::CandidateKind::ServerReflexive => Candidate::ServerReflexive,
        transport::CandidateKind::PeerReflexive => Candidate::PeerReflexive,
        transport::CandidateKind::Relay => Candidate::Relay,
    }
}
