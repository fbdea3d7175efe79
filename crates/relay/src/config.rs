//! What an operator may choose, and what holds when they choose nothing.
//!
//! Parsed once at the edge (`arguments.rs`) and passed down; nothing here reads the environment. A relay started
//! with nothing but a folder works. The numbers are the row "relay" of `security-and-faults.md` C1 and C2.

use ledger::seal::Engine;
use libp2p::{Multiaddr, PeerId};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// Where the relay is, what it serves, how much it takes on.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on. Loopback by default: to be reachable by others is a decision.
    pub host: IpAddr,
    /// The one TCP port of page and WebSocket; 0 takes any free one.
    pub port: u16,
    /// The folder with the built page.
    pub page: PathBuf,
    /// The folder with the relay's key and certificate; made when missing.
    pub data: PathBuf,
    /// Addresses to tell the world instead of those that clients are seen to use.
    pub public_addresses: Vec<Multiaddr>,
    /// The UDP port that answers "what is my address?".
    pub stun: UdpPort,
    /// The UDP port of the second way in.
    pub webrtc_direct: UdpPort,
    /// The namespace under which tabs look for each other.
    pub network: String,
    /// Who may seal blocks, for a new chain; `None`: what the chain in the folder says, or authority.
    pub engine: Option<Engine>,
    /// An empty block at least this often.
    pub heartbeat: Duration,
    /// Zero bits of the stamp that a newcomer solves for a ticket: each bit doubles the work. `None`: no tickets.
    pub stamp_bits: Option<u8>,
    /// The item a visitor can fetch when nobody else is here.
    pub sample: Sample,
    /// Believe `X-Forwarded-For` and `X-Forwarded-Proto` of a neighbour with a loopback or private address.
    pub behind_proxy: bool,
    /// Answer `/metrics.json` to everybody, not only to this machine.
    pub metrics_for_all: bool,
    /// When not empty, only these peers may connect.
    pub allow_peers: Vec<PeerId>,
    /// These may not.
    pub deny_peers: Vec<PeerId>,
    pub limits: Limits,
}

/// Which UDP port a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpPort {
    /// The customary one, or any free one when that is taken: addresses are handed out with their port.
    Auto,
    /// This one or none; 0 takes any free one.
    Fixed(u16),
    Off,
}

/// Where the sample item comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The first file of `sample/` in the page's folder, if there is one.
    FromPage,
    File(PathBuf),
    Off,
}

/// How much of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Peers' connections, all together.
    pub connections: u32,
    /// Connections one /24 (IPv6: /48) may hold. A school behind one address fits; nobody can take all places.
    pub connections_per_prefix: u32,
    /// Connections of one peer.
    pub connections_per_peer: u32,
    /// Connections that are still shaking hands.
    pub pending: u32,
    /// Connections a second from one /24 (IPv6: /48), and how many may come at once.
    pub connection_rate: u32,
    /// Whether rates and shares also hold for loopback, where everything behind a local proxy comes from.
    pub loopback_counts: bool,
    pub reservations: usize,
    pub reservations_per_peer: usize,
    pub reservation_time: Duration,
    pub circuits: usize,
    pub circuits_per_peer: usize,
    pub circuit_time: Duration,
    /// Both directions together: room for signalling and for ledger messages, not for content.
    pub circuit_bytes: u64,
    /// No new connections while the process is larger. `None`: half of the machine's memory.
    pub memory_bytes: Option<usize>,
    /// How long a client may take over its request line and headers.
    pub head_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            page: PathBuf::from("dist"),
            data: PathBuf::from("data"),
            public_addresses: Vec::new(),
            stun: UdpPort::Auto,
            webrtc_direct: UdpPort::Auto,
            network: "starling".to_owned(),
            engine: None,
            heartbeat: sealing::HEARTBEAT,
            stamp_bits: None,
            sample: Sample::FromPage,
            behind_proxy: false,
            metrics_for_all: false,
            allow_peers: Vec::new(),
            deny_peers: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_000,
            connections_per_prefix: 1_000,
            connections_per_peer: 4,
            pending: 512,
            connection_rate: 20,
            loopback_counts: false,
            reservations: 4_096,
            reservations_per_peer: 2,
            reservation_time: Duration::from_secs(60 * 60),
            circuits: 1_024,
            circuits_per_peer: 4,
            circuit_time: Duration::from_secs(60),
            circuit_bytes: 256 * 1024,
            memory_bytes: None,
            head_time: Duration::from_secs(5),
        }
    }
}
