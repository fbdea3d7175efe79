//! Why there is no direct connection.

use crate::backend::BackendError;
use crate::proto::ProtoError;
use crate::signaling::session::SessionError;
use std::io;
use std::sync::Arc;

/// Why a connection attempt failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No circuit in the address, and no connection to the peer that could carry the signalling.
    #[error("no circuit and no connection to signal over")]
    NoSignalingPath,
    /// The circuit could not be dialled; the swarm reports why.
    #[error("the circuit could not be dialled")]
    Circuit,
    /// The peer does not speak the signalling protocol.
    #[error("the peer does not speak the signalling protocol")]
    Unsupported,
    /// The connection that was to carry the signalling closed.
    #[error("the connection closed before the signalling stream was there")]
    CircuitLost,
    /// No signalling stream in time.
    #[error("timed out while waiting for a signalling stream")]
    IntroductionTimeout,
    /// As many attempts as are allowed at once.
    #[error("{0} attempts are under way already")]
    TooManyAttempts(usize),
    /// As many attempts as are allowed in a minute.
    #[error("{0} attempts were made in the last minute")]
    TooManyPerMinute(usize),
    /// The signalling stream broke.
    #[error("the signalling stream broke")]
    Stream(#[source] Arc<io::Error>),
    /// The peer's bytes are no signalling messages.
    #[error("malformed signalling message")]
    Message(#[from] ProtoError),
    /// The exchange went wrong.
    #[error("signalling failed")]
    Session(#[from] SessionError),
    /// The browser could not do its part.
    #[error("the browser refused")]
    Backend(#[from] BackendError),
    /// No pair of candidates worked.
    #[error("no direct path was found")]
    NoPath,
    /// The peer closed the connection while it was being set up.
    #[error("the peer gave up")]
    PeerClosed,
    /// The behaviour, or the listener, is gone.
    #[error("the transport is shut down")]
    Shutdown,
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Stream(Arc::new(error))
    }
}
