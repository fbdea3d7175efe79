//! Everything the relay does on a connection, composed, with its limits.
//!
//! The order matters: those who refuse come first, the cheapest first, so that a flood costs little.

use crate::config::{Config, Limits};
use crate::error::StartError;
use crate::prefix::{Prefix, ip_of};
use crate::rate::{Allowance, Rates};
use crate::{announcements, chain, doorkeeper};
use clock::Time;
use libp2p::allow_block_list::{self, AllowedPeers, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{Multiaddr, PeerId, identify, memory_connection_limits, ping, relay, rendezvous};
use std::time::{Duration, Instant};

/// What identify calls us.
const AGENT_VERSION: &str = concat!("starling-relay/", env!("CARGO_PKG_VERSION"));
const PROTOCOL_VERSION: &str = "/starling/1";

/// A registration lives at least this long, so that nobody needs to register more often.
const REGISTRATION_TTL_MIN: u64 = 60;
/// And at most the time libp2p's clients ask for unless told otherwise.
const REGISTRATION_TTL_MAX: u64 = 2 * 60 * 60;
/// Namespaces one peer may be in.
const REGISTRATIONS_PER_PEER_MAX: usize = 4;
/// One for each reservation we may give, and room for those who only look around.
const REGISTRATIONS_MAX: usize = 10_000;
/// Each remembers who was already told of whom; a client whose cookie was forgotten is told of all again.
const COOKIES_MAX: usize = 1_024;

/// Half a minute between pings, and long enough for an answer from a tab that the browser slows down.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Of a process without a limit of its own, this part of the machine's memory.
const MEMORY_SHARE: f64 = 0.5;

/// A peer may make this many reservations or circuits at once and then one each interval. A tab makes one
/// reservation, and one circuit for each neighbour it tries.
const PER_PEER: Allowance = Allowance { burst: 60, interval: Duration::from_secs(5) };

/// The same for a /24 or /48: a school's worth of tabs.
const PER_PREFIX: Allowance = Allowance { burst: 1_200, interval: Duration::from_millis(250) };

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    doorkeeper: doorkeeper::Behaviour,
    memory: memory_connection_limits::Behaviour,
    limits: connection_limits::Behaviour,
    denied: allow_block_list::Behaviour<BlockedPeers>,
    allowed: Toggle<allow_block_list::Behaviour<AllowedPeers>>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) relay: relay::Behaviour,
    rendezvous: rendezvous::server::Behaviour,
    pub(crate) announcements: announcements::Behaviour,
    pub(crate) chain: chain::Behaviour,
}

impl Behaviour {
    pub(crate) fn new(key: &Keypair, config: &Config) -> Result<Self, StartError> {
        let limits = &config.limits;
        if limits.reservations_per_peer == 0 || limits.circuits_per_peer == 0 {
            return Err(StartError::Limits { peers: 0 });
        }
        let mut relay = relay::Behaviour::new(key.public().to_peer_id(), relay_config(limits));
        // HOP is told to every client, not only once an external address is known.
        relay.set_status(Some(relay::Status::Enable));
        let mut denied = allow_block_list::Behaviour::<BlockedPeers>::default();
        for peer in &config.deny_peers {
            denied.block_peer(*peer);
        }
        Ok(Self {
            doorkeeper: doorkeeper::Behaviour::new(limits),
            memory: memory(limits),
            limits: connection_limits::Behaviour::new(connection_limits(limits)),
            denied,
            allowed: allowed(&config.allow_peers),
            identify: identify::Behaviour::new(
                identify::Config::new(PROTOCOL_VERSION.to_owned(), key.public())
                    .with_agent_version(AGENT_VERSION.to_owned())
                    .with_hide_listen_addrs(true)
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
            relay,
            rendezvous: rendezvous::server::Behaviour::new(rendezvous_config()),
            announcements: announcements::behaviour(),
            chain: chain::behaviour(),
        })
    }
}

fn memory(limits: &Limits) -> memory_connection_limits::Behaviour {
    match limits.memory_bytes {
        Some(bytes) => memory_connection_limits::Behaviour::with_max_bytes(bytes),
        None => memory_connection_limits::Behaviour::with_max_percentage(MEMORY_SHARE),
    }
}

fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_established(Some(limits.connections))
        .with_max_established_per_peer(Some(limits.connections_per_peer))
        .with_max_pending_incoming(Some(limits.pending))
        // The relay dials nobody.
        .with_max_pending_outgoing(Some(0))
        .with_max_established_outgoing(Some(0))
}

fn allowed(peers: &[PeerId]) -> Toggle<allow_block_list::Behaviour<AllowedPeers>> {
    if peers.is_empty() {
        return None.into();
    }
    let mut allowed = allow_block_list::Behaviour::<AllowedPeers>::default();
    for peer in peers {
        allowed.allow_peer(*peer);
    }
    Some(allowed).into()
}

fn rendezvous_config() -> rendezvous::server::Config {
    rendezvous::server::Config::default()
        .with_min_ttl(REGISTRATION_TTL_MIN)
        .with_max_ttl(REGISTRATION_TTL_MAX)
        .with_max_registration_per_peer(REGISTRATIONS_PER_PEER_MAX)
        .with_max_registration_total(REGISTRATIONS_MAX)
        .with_max_stored_cookies(COOKIES_MAX)
}

/// Our limits in libp2p's words. It compares a peer's count with `>`, so its "1" lets two through.
fn relay_config(limits: &Limits) -> relay::Config {
    let mut config = relay::Config {
        max_reservations: limits.reservations,
        max_reservations_per_peer: limits.reservations_per_peer - 1,
        reservation_duration: limits.reservation_time,
        reservation_rate_limiters: Vec::new(),
        max_circuits: limits.circuits,
        max_circuits_per_peer: limits.circuits_per_peer - 1,
        max_circuit_duration: limits.circuit_time,
        max_circuit_bytes: limits.circuit_bytes,
        circuit_src_rate_limiters: Vec::new(),
    };
    config.reservation_rate_limiters.push(Box::new(per_peer()));
    config.reservation_rate_limiters.push(Box::new(per_prefix(limits.loopback_counts)));
    config.circuit_src_rate_limiters.push(Box::new(per_peer()));
    config.circuit_src_rate_limiters.push(Box::new(per_prefix(limits.loopback_counts)));
    config
}

fn per_peer() -> impl FnMut(PeerId, &Multiaddr, Instant) -> bool + Send {
    let started = Instant::now();
    let mut rates = Rates::new(PER_PEER);
    move |peer, _, now| rates.take(Time::ZERO + now.saturating_duration_since(started), peer)
}

fn per_prefix(loopback_counts: bool) -> impl FnMut(PeerId, &Multiaddr, Instant) -> bool + Send {
    let started = Instant::now();
    let mut rates = Rates::new(PER_PREFIX);
    move |_, address: &Multiaddr, now| match ip_of(address) {
        Some(ip) if loopback_counts || !ip.to_canonical().is_loopback() => {
            rates.take(Time::ZERO + now.saturating_duration_since(started), Prefix::of(ip))
        }
        Some(_) | None => true,
    }
}
