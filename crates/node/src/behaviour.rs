//! The composed libp2p behaviour: what libp2p keeps well, configured; and our own streams.

use crate::platform::DirectBehaviour;
use crate::{content_stream, credit_stream, directory, introduce, streams};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{allow_block_list, connection_limits, identify, ping, relay, rendezvous};
use std::time::Duration;

/// How long a connection that nobody needs stays: enough to answer a question, short enough to free a circuit.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often every connection's round trip is measured.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a ping may take before it counts as lost.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections of one tab (security-and-faults.md C1). The peer's own budget is tighter; this is the wall behind it.
const ESTABLISHED_MAX: u32 = 32;
const PER_PEER_MAX: u32 = 4;
const PENDING_OUT_MAX: u32 = 16;
const PENDING_IN_MAX: u32 = 16;

/// The parts that need more than a configuration.
pub(crate) struct Parts<'a> {
    pub(crate) keypair: &'a Keypair,
    pub(crate) relay_client: relay::client::Behaviour,
    pub(crate) direct: DirectBehaviour,
}

/// Everything the swarm runs for us.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) banned: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    limits: connection_limits::Behaviour,
    pub(crate) direct: DirectBehaviour,
    relay: relay::client::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) rendezvous: rendezvous::client::Behaviour,
    pub(crate) streams: streams::Behaviour,
}

impl Behaviour {
    pub(crate) fn new(parts: Parts<'_>) -> Self {
        let limits = connection_limits::ConnectionLimits::default()
            .with_max_established(Some(ESTABLISHED_MAX))
            .with_max_established_per_peer(Some(PER_PEER_MAX))
            .with_max_pending_outgoing(Some(PENDING_OUT_MAX))
            .with_max_pending_incoming(Some(PENDING_IN_MAX));
        let identify = identify::Config::new(content_stream::IDENTIFY_PROTOCOL.to_owned(), parts.keypair.public())
            .with_agent_version(concat!("starling/", env!("CARGO_PKG_VERSION")).to_owned());
        Self {
            banned: allow_block_list::Behaviour::default(),
            limits: connection_limits::Behaviour::new(limits),
            direct: parts.direct,
            relay: parts.relay_client,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
            rendezvous: rendezvous::client::Behaviour::new(parts.keypair.clone()),
            streams: streams::Behaviour::new(vec![
                content_stream::PROTOCOL,
                credit_stream::PROTOCOL,
                directory::PROTOCOL,
                introduce::PROTOCOL,
            ]),
        }
    }
}
