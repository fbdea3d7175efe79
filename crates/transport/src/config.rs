//! What can be set, with defaults for a tab at home.

use core::time::Duration;

/// A STUN or TURN server, as `RTCIceServer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port`, `turn:host:port`.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<String>,
}

/// How this node connects. The defaults speak to any libp2p `/webrtc` peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Asked for our public address. None by default: then only peers on this machine or network are reachable.
    /// Five or more make browsers warn.
    pub ice_servers: Vec<IceServer>,
    /// Accept and send literal loopback, link-local and private addresses. For pages served from such an address.
    pub lan: bool,
    /// How long each part of a connection attempt may take.
    pub timeouts: Timeouts,
    /// Longest frame sent to a peer that has not said it takes more. 16 KiB is what every implementation takes.
    pub max_frame: usize,
    /// Longest frame we say we take, in a private attribute of the session description; zero, the default, says
    /// nothing. A peer that says so as well is sent frames up to the smaller of both. It does not pay between two
    /// browsers (docs/decisions/0003-frame-size.md).
    pub max_frame_offered: usize,
    /// A stream's writes wait while more than this is in the browser's send buffer.
    pub send_high: usize,
    /// They go on when the buffer has fallen to this.
    pub send_low: usize,
    /// Unsent bytes of one connection, all streams together. A stream below `send_low` is never held up by it.
    pub send_connection: usize,
    /// Unread bytes of one stream. Data channels have no receive back-pressure: what is above is reset.
    pub recv_stream: usize,
    /// Unread bytes of one connection.
    pub recv_connection: usize,
    /// Unread bytes of all connections.
    pub recv_total: usize,
    /// Streams a peer may open ahead of our accepting them; more are closed.
    pub inbound_streams_pending: usize,
    /// Move to a direct path when we dialled a circuit and the peer speaks the signalling protocol.
    pub auto_upgrade: bool,
    /// When and how often an upgrade is tried again while the circuit lives.
    pub retry: Retry,
    /// How long circuits to a directly connected peer are kept.
    pub relay_grace: RelayGrace,
    /// How many connection attempts at once and per minute.
    pub limits: Limits,
    /// How often a connection reports its path.
    pub path_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            lan: false,
            timeouts: Timeouts::default(),
            max_frame: 16 * 1024,
            max_frame_offered: 0,
            send_high: 256 * 1024,
            send_low: 64 * 1024,
            send_connection: 2 * 1024 * 1024,
            recv_stream: 4 * 1024 * 1024,
            recv_connection: 8 * 1024 * 1024,
            recv_total: 32 * 1024 * 1024,
            inbound_streams_pending: 256,
            auto_upgrade: true,
            retry: Retry::default(),
            relay_grace: RelayGrace::default(),
            limits: Limits::default(),
            path_interval: Duration::from_millis(2500),
        }
    }
}

/// How long each part of a connection attempt, and of a connection's ends, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To a signalling stream: dial the circuit if there is none, negotiate the protocol.
    pub introduction: Duration,
    /// To a session description of our own, or its answer to one received.
    pub description: Duration,
    /// For the peer's description.
    pub remote_description: Duration,
    /// ICE and DTLS.
    pub check: Duration,
    /// The same once the peer has closed the signalling stream: it is connected, or gone. A circuit that is cut looks
    /// like a stream that was closed.
    pub check_alone: Duration,
    /// For the `init` channel to open and close; passing it is no failure.
    pub init: Duration,
    /// For the peer to close the signalling stream, once connected; passing it is no failure.
    pub farewell: Duration,
    /// The whole attempt after the introduction.
    pub session: Duration,
    /// For a new stream's channel to open.
    pub channel_open: Duration,
    /// For the peer to acknowledge the end of a stream and to end its own half.
    pub stream_linger: Duration,
    /// For the last bytes of a stream or a connection to leave the send buffer.
    pub drain: Duration,
    /// Without an opening for so long, a connection is calm: what we opened and finished is closed.
    pub calm: Duration,
    /// Nothing is opened for so long after a connection that is never calm had to close what was finished. Several
    /// retransmissions of an SCTP reset.
    pub rest: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            introduction: secs(10),
            description: secs(5),
            remote_description: secs(10),
            check: secs(15),
            check_alone: secs(5),
            init: secs(3),
            farewell: secs(2),
            session: secs(25),
            channel_open: secs(10),
            stream_linger: secs(10),
            drain: secs(2),
            calm: secs(5),
            rest: secs(2),
        }
    }
}

/// When a failed upgrade is tried again: after `first`, then each time twice as long, `attempts` times in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause.
    pub first: Duration,
    /// Tries after the first failure.
    pub attempts: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_secs(30), attempts: 3 }
    }
}

/// How long a circuit outlives the direct connection that replaces it.
///
/// Both sides do it because the other implementation may not; the side that dialled goes first, so that
/// normally each circuit is closed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayGrace {
    /// On the side that dialled the direct connection.
    pub dialer: Duration,
    /// On the other side.
    pub listener: Duration,
    /// How long two direct connections to one peer coexist before one is closed.
    pub duplicate: Duration,
}

impl Default for RelayGrace {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { dialer: secs(3), listener: secs(15), duplicate: secs(2) }
    }
}

/// How many connection attempts. A browser allows 500 peer connections per page, closed ones included until they
/// are collected, and every attempt sends packets where the other side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attempts of ours at once.
    pub outbound: usize,
    /// Attempts of others at once.
    pub inbound: usize,
    /// Attempts of one other peer at once.
    pub inbound_per_peer: usize,
    /// Attempts of ours in any minute.
    pub outbound_per_minute: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { outbound: 8, inbound: 16, inbound_per_peer: 1, outbound_per_minute: 30 }
    }
}
