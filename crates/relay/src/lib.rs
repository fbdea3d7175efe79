//! The relay: one small binary that serves the page, introduces peers and forwards their signalling.
//!
//! It makes and keeps the chain (`chain`), and proves what it says about it.
//!
//! One TCP port answers both page and WebSocket; two UDP ports answer webrtc-direct and STUN. The relay sees who
//! is here and who talks to whom, and none of what they say: circuits are encrypted end to end and too small for
//! content. It dials nobody. Without it, tabs that know each other go on.
//!
//! ```no_run
//! # async fn example() -> Result<(), relay::StartError> {
//! let config = relay::Config { port: 0, ..relay::Config::default() };
//! let relay = relay::Relay::start(config).await?;
//! println!("listening on {}", relay.url());
//! relay.stop().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod accept_queue;
mod acceptor;
mod announcements;
pub mod arguments;
mod attendance;
mod behaviour;
mod chain;
mod config;
mod counters;
mod doorkeeper;
mod error;
mod head;
mod http;
mod identity;
mod meter;
mod network;
pub mod open_files;
mod patience;
mod prefix;
mod rate;
mod replayed;
mod seats;
pub mod signals;
mod stun;

pub use chain::StoreError;
pub use config::{Config, Limits, Sample, UdpPort};
pub use counters::{CircuitStats, HttpStats, ProvidersStats, RendezvousStats, Stats, StunStats, Tally};
pub use error::StartError;

use accept_queue::tcp_address;
use acceptor::{Acceptor, Door};
use counters::Counters;
use http::Site;
use http::whereabouts::{Whereabouts, with_certhash};
use identity::Identity;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use network::Network;
use seats::Seats;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// libp2p-rendezvous, "namespace".
const NETWORK_LEN_MAX: usize = 255;

/// IANA's port for STUN.
const STUN_PORT: u16 = 3478;

/// A running relay. Dropping it stops it at once; [`Relay::stop`] says goodbye first.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    peer_id: PeerId,
    webrtc_direct_port: Option<u16>,
    stun_port: Option<u16>,
    counters: Arc<Counters>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Relay {
    /// Starts on the current tokio runtime. When it returns, a browser can open [`Relay::url`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        check_network(&config.network)?;
        let page = page_folder(&config.page)?;
        let sample = http::sample::Sample::find(&config.sample, &page)?;
        let identity = Identity::load_or_create(&config.data)?;
        let peer_id = identity.key.public().to_peer_id();
        let folder = config.data.clone();
        let habits = chain::Habits {
            engine: config.engine,
            heartbeat: config.heartbeat,
            stamp_bits: config.stamp_bits,
            loopback_counts: config.limits.loopback_counts,
        };
        let opening = tokio::task::spawn_blocking(move || chain::open(&folder, habits));
        let (chain, door, about) = opening.await.unwrap_or_else(|error| {
            // The store's library gives up on some kinds of damage instead of naming them.
            log::error!("{error}");
            let source = StoreError::Damaged { what: "it cannot be read".to_owned() };
            Err(StartError::Chain { path: config.data.join(chain::CHAIN_FILE), source })
        })?;
        let counters = Arc::new(Counters::new());

        let wanted = SocketAddr::new(config.host, config.port);
        let (listener, address) = acceptor::listen(wanted).await.map_err(|source| listen_error(wanted, source))?;
        let stun = stun_socket(config.host, config.stun).await?;
        let stun_port = stun.as_ref().and_then(|socket| socket.local_addr().ok()).map(|address| address.port());
        let (websockets, queue) = accept_queue::channel();
        let mut network = Network::new(&identity, &config, queue, address, counters.clone(), door)?;
        let webrtc = network.listen_webrtc(config.host, config.webrtc_direct).await?;
        let webrtc_direct_port = webrtc.as_ref().map(|webrtc| webrtc.port);

        let public =
            config.public_addresses.into_iter().map(|address| with_certhash(address, webrtc.as_ref())).collect();
        let whereabouts =
            Whereabouts { network: config.network, peer_id, public, webrtc, stun_port, sample, chain: about };
        let site = Site {
            page,
            whereabouts,
            counters: counters.clone(),
            metrics_for_all: config.metrics_for_all,
            behind_proxy: config.behind_proxy,
        };
        let door = Door { site, websockets, seats: Seats::default(), head_time: config.limits.head_time };
        let acceptor = Acceptor { listener, door: Arc::new(door) };

        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn_blocking(move || chain.run());
        tasks.spawn(acceptor.run(stop.clone()));
        tasks.spawn(network.run(stop.clone()));
        if let Some(socket) = stun {
            let (answers, stop) = (counters.stun.clone(), stop.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = stun::serve(socket, answers) => {}
                }
            });
        }
        Ok(Self { address, peer_id, webrtc_direct_port, stun_port, counters, tasks, stop })
    }

    /// Where this machine's browser opens the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.reachable())
    }

    /// The WebSocket address as this machine dials it, with the peer id.
    pub fn address(&self) -> Multiaddr {
        tcp_address(self.reachable()).with(Protocol::Ws("/".into())).with(Protocol::P2p(self.peer_id))
    }

    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The UDP port of webrtc-direct, unless it is off.
    pub fn webrtc_direct_port(&self) -> Option<u16> {
        self.webrtc_direct_port
    }

    /// The UDP port of the STUN responder, unless it is off.
    pub fn stun_port(&self) -> Option<u16> {
        self.stun_port
    }

    /// What it has done and is doing.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// Takes no more connections, finishes responses under way, tells peers, closes. At most a second.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                log::error!("a task of the relay failed: {error}");
            }
        }
    }

    /// Returns when the relay cannot go on: one of its tasks has ended.
    pub async fn failed(&mut self) {
        match self.tasks.join_next().await {
            Some(Err(error)) => log::error!("a task of the relay failed: {error}"),
            Some(Ok(())) | None => log::error!("a task of the relay ended"),
        }
    }

    /// "Any address" is none to dial; on this machine it means loopback.
    fn reachable(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }
}

fn check_network(name: &str) -> Result<(), StartError> {
    if name.is_empty() || name.len() > NETWORK_LEN_MAX {
        return Err(StartError::Network { name: name.to_owned(), max: NETWORK_LEN_MAX });
    }
    Ok(())
}

fn page_folder(path: &Path) -> Result<PathBuf, StartError> {
    let missing = || StartError::PageMissing { path: path.to_owned() };
    let page = path.canonicalize().map_err(|_| missing())?;
    if !page.is_dir() {
        return Err(missing());
    }
    if !page.join("index.html").is_file() {
        log::warn!("{} has no index.html; visitors will find nothing", page.display());
    }
    Ok(page)
}

fn listen_error(address: SocketAddr, source: io::Error) -> StartError {
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { address },
        _ => StartError::Listen { address, source },
    }
}

async fn stun_socket(host: IpAddr, port: UdpPort) -> Result<Option<UdpSocket>, StartError> {
    let ports = match port {
        UdpPort::Off => return Ok(None),
        UdpPort::Fixed(port) => vec![port],
        UdpPort::Auto => vec![STUN_PORT, 0],
    };
    let mut refused = None;
    for port in ports {
        let address = SocketAddr::new(host, port);
        match UdpSocket::bind(address).await {
            Ok(socket) => return Ok(Some(socket)),
            Err(source) => refused = Some(StartError::Stun { address, source }),
        }
    }
    Err(refused.expect("at least one port was tried"))
}
