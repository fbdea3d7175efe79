//! What the transport and the behaviour tell each other.
//!
//! libp2p keeps them apart: a transport gets an address and returns a future, a behaviour sees connections and opens
//! streams. A `/webrtc` dial needs both, so they are made together and share three queues and one slot.
//!
//! The slot ([`Pairing`]) lets a dial know its `ConnectionId`. The swarm asks every behaviour about a pending connection
//! immediately before it calls `Transport::dial`, and immediately after `Transport::poll` returned an incoming one;
//! both in one synchronous call, so one slot each way cannot be confused.

use crate::backend::PathReport;
use crate::error::Error;
use crate::signaling::SignalingStream;
use crate::signaling::session::Stage;
use futures::channel::{mpsc, oneshot};
use libp2p_core::{Multiaddr, PeerId};
use libp2p_swarm::ConnectionId;
use std::sync::{Arc, Mutex, PoisonError};

/// Dials waiting for the behaviour, besides one per dial.
const DIALS_PENDING_MAX: usize = 32;

/// Signalling streams waiting for the listener; more are reset.
const INCOMING_PENDING_MAX: usize = 16;

/// Reports waiting for the behaviour, besides one per reporter. A report that finds no room is dropped: the next one
/// says the same, later.
const REPORTS_PENDING_MAX: usize = 256;

/// Asks for a signalling stream.
pub(crate) struct DialRequest {
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) peer: PeerId,
    pub(crate) circuit: Option<Multiaddr>,
    pub(crate) reply: oneshot::Sender<Result<SignalingStream, Error>>,
}

/// Tells the transport.
pub(crate) enum ToTransport {
    /// `address` is where the peer can be dialled, as far as we know.
    Incoming {
        peer: PeerId,
        address: Multiaddr,
        stream: SignalingStream,
    },
    AddrUp(Multiaddr),
    AddrDown(Multiaddr),
}

/// Tells the behaviour.
#[derive(Debug)]
pub(crate) enum Report {
    Stage { peer: PeerId, stage: Stage },
    Failed { peer: PeerId, stage: Stage, error: Error },
    Path { peer: PeerId, connection: ConnectionId, report: PathReport },
}

/// The transport's ends.
pub(crate) struct TransportEnd {
    pub(crate) dials: mpsc::Sender<DialRequest>,
    pub(crate) inbox: mpsc::Receiver<ToTransport>,
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) pairing: Pairing,
}

/// The behaviour's ends.
pub(crate) struct BehaviourEnd {
    pub(crate) dials: mpsc::Receiver<DialRequest>,
    pub(crate) transport: mpsc::Sender<ToTransport>,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) pairing: Pairing,
}

pub(crate) fn new() -> (TransportEnd, BehaviourEnd) {
    let (dial_tx, dial_rx) = mpsc::channel(DIALS_PENDING_MAX);
    let (to_transport, inbox) = mpsc::channel(INCOMING_PENDING_MAX);
    let (report_tx, report_rx) = mpsc::channel(REPORTS_PENDING_MAX);
    let pairing = Pairing::default();
    let transport = TransportEnd { dials: dial_tx, inbox, reports: report_tx, pairing: pairing.clone() };
    let behaviour = BehaviourEnd { dials: dial_rx, transport: to_transport, reports: report_rx, pairing };
    (transport, behaviour)
}

/// The id of an inbound connection, known once the swarm has asked the behaviour about it.
pub(crate) type InboundId = Arc<Mutex<Option<ConnectionId>>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Pairing(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    outbound: Option<ConnectionId>,
    inbound: Option<InboundId>,
}

impl Pairing {
    fn with<T>(&self, f: impl FnOnce(&mut Slots) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The behaviour was asked about a dial.
    pub(crate) fn set_outbound(&self, id: ConnectionId) {
        self.with(|slots| slots.outbound = Some(id));
    }

    /// The dial that is being made now.
    pub(crate) fn outbound(&self) -> Option<ConnectionId> {
        self.with(|slots| slots.outbound)
    }

    /// An incoming connection is about to be returned.
    pub(crate) fn expect_inbound(&self, id: InboundId) {
        self.with(|slots| slots.inbound = Some(id));
    }

    /// The behaviour was asked about it.
    pub(crate) fn set_inbound(&self, id: ConnectionId) {
        if let Some(expected) = self.with(|slots| slots.inbound.take()) {
            *expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        }
    }
}

pub(crate) fn inbound_id(id: &InboundId) -> Option<ConnectionId> {
    *id.lock().unwrap_or_else(PoisonError::into_inner)
}
