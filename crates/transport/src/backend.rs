//! What the transport needs of a WebRTC implementation, and nothing else.
//!
//! A backend makes peer connections and performs what it is told. What happens to them it reports by filling
//! [`PeerEvents`] and [`ChannelEvents`], which own every queue, bound and waker; so a callback of a browser and a step of
//! the simulated network (`memory`) do the same three things: store, take the wakers, wake.
//!
//! Everything here is single-threaded on purpose; what crosses libp2p's `Send` bounds is wrapped where it crosses.

mod budget;
mod events;

pub use budget::{Budget, Overload};
pub(crate) use events::{Attention, StreamId};
pub use events::{ChannelEvents, ChannelPhase, PeerEvents, PeerPhase};

use crate::CandidateKind;
use crate::config::IceServer;
use core::fmt;
use core::time::Duration;
use futures::future::LocalBoxFuture;

/// Makes peer connections.
pub trait Backend: 'static {
    /// What it makes.
    type Peer: Peer;

    /// A new peer connection with all its event handlers attached.
    ///
    /// # Errors
    /// When there is no WebRTC here, or no more room for connections.
    fn peer(&self, setup: &PeerSetup) -> Result<Self::Peer, BackendError>;
}

/// What a peer connection is made with.
#[derive(Clone, Debug)]
pub struct PeerSetup {
    /// Asked for our public address.
    pub ice_servers: Vec<IceServer>,
    /// Where what is received is counted.
    pub budget: Budget,
    /// Channels the peer may open ahead of us.
    pub inbound_max: usize,
    /// A channel's low-water mark.
    pub send_low: usize,
}

/// Offer or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpKind {
    /// Proposes a session.
    Offer,
    /// Accepts it.
    Answer,
}

/// One peer connection. Dropping it closes it.
pub trait Peer: Unpin + 'static {
    /// Its data channels.
    type Channel: Channel;

    /// Makes an offer.
    fn create_offer(&self) -> BackendFuture<String>;
    /// Makes an answer to the remote description.
    fn create_answer(&self) -> BackendFuture<String>;
    /// Starts to use our own description.
    fn set_local(&self, kind: SdpKind, sdp: String) -> BackendFuture<()>;
    /// Starts to use the peer's description.
    fn set_remote(&self, kind: SdpKind, sdp: String) -> BackendFuture<()>;
    /// Tries a candidate of the peer's.
    fn add_candidate(&self, line: String, mid: String, ufrag: Option<String>) -> BackendFuture<()>;
    /// Opens an ordered, reliable channel, announced in-band.
    ///
    /// # Errors
    /// When the connection is closed or has no ids left.
    fn open_channel(&self, label: &str) -> Result<Self::Channel, BackendError>;
    /// What it measured of its path.
    fn path(&self) -> BackendFuture<PathReport>;
    /// What happened to it.
    fn events(&self) -> &PeerEvents<Self::Channel>;
    /// Ends it at once.
    fn close(&self);
}

/// One data channel. Dropping it detaches its handlers and closes it.
pub trait Channel: Unpin + 'static {
    /// Hands over one message; the implementation copies it.
    ///
    /// # Errors
    /// When the channel is not open or its buffer is full.
    fn send(&self, message: &[u8]) -> Result<(), BackendError>;
    /// Bytes handed over and not yet on the wire.
    fn buffered(&self) -> usize;
    /// Sets the mark at which [`ChannelEvents::on_low`] is reported.
    fn set_low(&self, bytes: usize);
    /// What happened to it.
    fn events(&self) -> &ChannelEvents;
    /// Starts the closing procedure; what is buffered may be lost.
    fn close(&self);
}

/// The result of something a backend does in its own time.
pub type BackendFuture<T> = LocalBoxFuture<'static, Result<T, BackendError>>;

/// What a backend could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No WebRTC, or the page has used up its peer connections.
    #[error("no peer connection can be made")]
    NoPeer,
    /// A step of the handshake was refused.
    #[error("{0} was refused")]
    Refused(Step),
    /// The connection or channel is closed.
    #[error("already closed")]
    Closed,
    /// The channel's buffer is full.
    #[error("the send buffer is full")]
    Full,
}

/// A step a backend may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Making an offer.
    CreateOffer,
    /// Making an answer.
    CreateAnswer,
    /// Using our description.
    SetLocal,
    /// Using the peer's description.
    SetRemote,
    /// Using a candidate.
    AddCandidate,
    /// Opening a channel.
    OpenChannel,
    /// Reading statistics.
    Stats,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateOffer => "creating an offer",
            Self::CreateAnswer => "creating an answer",
            Self::SetLocal => "our description",
            Self::SetRemote => "the peer's description",
            Self::AddCandidate => "a candidate",
            Self::OpenChannel => "a new channel",
            Self::Stats => "reading statistics",
        })
    }
}

/// What a connection knows about the path it uses, from the selected candidate pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathReport {
    /// Latest STUN round trip; a new one comes about every 2.5 s and does not feel our send queue.
    pub rtt: Option<Duration>,
    /// Our end.
    pub local: CandidateKind,
    /// The peer's end.
    pub remote: CandidateKind,
    /// Payload bytes sent on this path.
    pub bytes_sent: u64,
    /// Payload bytes received on this path.
    pub bytes_received: u64,
}
