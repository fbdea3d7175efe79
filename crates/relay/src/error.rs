//! Why a relay did not start, as a sentence its operator can act on.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`Relay::start`](crate::Relay::start) refused.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("there is no page in {}: build it first, or say where it is with --page", path.display())]
    PageMissing { path: PathBuf },
    #[error("cannot keep the relay's key in {}: make the folder writable, or choose another with --data", path.display())]
    Data { path: PathBuf, source: io::Error },
    #[error("{} does not hold a relay's key: restore it from a backup, or move it away to become a new relay", path.display())]
    CorruptKey { path: PathBuf },
    #[error("{} does not hold a WebRTC certificate: restore it from a backup, or move it away to get a new one", path.display())]
    CorruptCertificate { path: PathBuf },
    #[error("the chain in {} cannot be used: restore the folder from a backup, or move the file away to begin a new chain", path.display())]
    Chain { path: PathBuf, source: crate::chain::StoreError },
    #[error("the chain in {} is of engine {found}: leave out --engine, or choose another folder with --data", path.display())]
    OtherEngine { path: PathBuf, found: &'static str },
    #[error("cannot make a WebRTC certificate")]
    Certificate(#[source] libp2p_webrtc::tokio::certificate::Error),
    #[error("port {} of {} is taken: stop who has it, or choose another with --port", address.port(), address.ip())]
    PortTaken { address: SocketAddr },
    #[error("cannot listen on {address}: choose another with --host or --port")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot answer STUN on UDP {address}: choose another with --stun-port, or `off`")]
    Stun { address: SocketAddr, source: io::Error },
    #[error("cannot listen for webrtc-direct on UDP {address}: choose another with --webrtc-direct-port, or `off`")]
    WebRtcDirect { address: SocketAddr, source: io::Error },
    #[error("{} is no file to offer as a sample: choose another with --sample, or `off`", path.display())]
    Sample { path: PathBuf, source: io::Error },
    #[error("network name {name:?} is empty or longer than {max} bytes")]
    Network { name: String, max: usize },
    #[error("{peers} reservations and circuits a peer need a limit of at least one: raise the limits")]
    Limits { peers: usize },
    #[error("cannot prepare the encryption of connections")]
    Noise(#[source] libp2p::noise::Error),
}
