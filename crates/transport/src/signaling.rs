//! Offer, answer and candidates: how two peers that can talk already find a direct path.
//!
//! [`session`] decides, [`driver`] performs, [`policy`], [`sdp`] and [`candidate`] say what a peer may make the
//! browser do. Whatever carries the stream has authenticated the peer; the fingerprint inside the description
//! is only as trustworthy as that.

pub(crate) mod candidate;
pub(crate) mod driver;
mod json;
pub(crate) mod policy;
pub(crate) mod sdp;
pub(crate) mod session;

use futures::{AsyncRead, AsyncWrite};

/// Protocol id of the signalling stream.
pub(crate) const PROTOCOL: &str = "/webrtc-signaling/0.0.1";

/// A stream to an authenticated peer, whatever carries it: a substream, or two substreams spliced by a neighbour.
pub type SignalingStream = Box<dyn Duplex>;

/// Both directions of a byte stream.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
