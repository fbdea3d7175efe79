//! libp2p `/webrtc` for rust-libp2p: tab to tab, to the libp2p specification, on stock crates.
//!
//! Two tabs cannot dial each other. They meet on a relay, exchange session descriptions over a stream through it
//! (`/webrtc-signaling/0.0.1`), and from then on talk directly over data channels, one per libp2p stream. [`new_over`] makes
//! the two halves libp2p needs for that, a transport and a behaviour.
//!
//! The transport has to come **before** the relay client in a composed transport: the relay client takes any address with
//! `p2p-circuit` in it, ours included, and would answer with a circuit.
//!
//! ```text
//! webrtc.or_transport(relay_client_upgraded).or_transport(websocket_upgraded)
//! ```
//!
//! Refuses: media, renegotiation, ICE restart, webrtc-direct. Authentication is that of the connection which carried
//! the signalling: the description with its fingerprint travels over Noise, the browser enforces the fingerprint.
//!
//! Everything but `web` runs natively, over the simulated network in `memory`. See `README.md` for the list of
//! pitfalls and the test of each.

#![forbid(unsafe_code)]

mod addr;
pub mod backend;
mod behaviour;
mod config;
mod error;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod handler;
mod limits;
mod link;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
mod muxer;
mod proto;
mod signaling;
mod stream;
mod transport;
#[cfg(target_arch = "wasm32")]
mod web;

pub use addr::{Path, path};
pub use backend::PathReport;
pub use behaviour::{Behaviour, Event};
pub use config::{Config, IceServer, Limits, RelayGrace, Retry, Timeouts};
pub use error::Error;
pub use muxer::{Connection as ConnectionOver, ConnectionError};
pub use proto::ProtoError;
pub use signaling::candidate::CandidateKind;
pub use signaling::sdp::SdpError;
pub use signaling::session::{Role, SessionError, Stage};
pub use signaling::{Duplex, SignalingStream};
pub use stream::{Stream as StreamOver, StreamError};
pub use transport::{TransportOver, establish};
#[cfg(target_arch = "wasm32")]
pub use web::{Browser, webrtc_available};

use libp2p_core::PeerId;
use std::sync::Arc;

/// The transport over a browser's WebRTC.
#[cfg(target_arch = "wasm32")]
pub type Transport = TransportOver<Browser>;
/// A connection over a browser's WebRTC.
#[cfg(target_arch = "wasm32")]
pub type Connection = ConnectionOver<<Browser as backend::Backend>::Peer>;

/// A transport and its behaviour over the browser's WebRTC. Both have to be in one swarm.
#[cfg(target_arch = "wasm32")]
pub fn new(local: PeerId, config: Config) -> (Transport, Behaviour) {
    new_over(Browser, local, config)
}

/// A transport and its behaviour over any backend. Both have to be in one swarm, on one thread.
pub fn new_over<B: backend::Backend>(backend: B, local: PeerId, config: Config) -> (TransportOver<B>, Behaviour) {
    let config = Arc::new(config);
    let (transport, behaviour) = link::new();
    (TransportOver::new(backend, Arc::clone(&config), transport), Behaviour::new(local, config, behaviour))
}
