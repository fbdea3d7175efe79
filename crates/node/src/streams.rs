//! Streams of our own protocols, opened only where their bytes travel straight to the peer.
//!
//! libp2p keeps several connections to one peer side by side while a relayed one is being replaced, and its
//! stream helpers pick any of them. Here every connection knows its path: over a circuit nothing is offered
//! and nothing is opened, so that content can never leak into a relay's limited circuit.

mod handler;

use self::handler::{Handler, Open};
use futures::channel::oneshot;
use libp2p::core::{Endpoint, transport::PortUse};
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, Stream, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker};
use transport::Path;

/// Why no stream could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// There is no direct connection to the peer.
    #[error("no direct connection")]
    NotConnected,
    /// The peer does not speak the protocol, or the connection ended while asking.
    #[error("the peer did not accept the stream")]
    Refused,
}

/// A stream arrived.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) peer: PeerId,
    pub(crate) protocol: StreamProtocol,
    pub(crate) stream: Stream,
}

/// The answer to [`Behaviour::open`].
pub(crate) type Opening = oneshot::Receiver<Result<Stream, OpenError>>;

/// Offers a fixed list of protocols on every direct connection.
#[derive(Debug)]
pub(crate) struct Behaviour {
    protocols: Vec<StreamProtocol>,
    direct: HashMap<PeerId, Vec<ConnectionId>>,
    actions: VecDeque<ToSwarm<Incoming, Open>>,
    waker: Option<Waker>,
}

impl Behaviour {
    /// Offers `protocols`, in order of preference.
    pub(crate) fn new(protocols: Vec<StreamProtocol>) -> Self {
        Self { protocols, direct: HashMap::new(), actions: VecDeque::new(), waker: None }
    }

    /// Asks for a stream on the newest direct connection to `peer`.
    pub(crate) fn open(&mut self, peer: PeerId, protocol: StreamProtocol) -> Opening {
        let (reply, opening) = oneshot::channel();
        match self.direct.get(&peer).and_then(|connections| connections.last()) {
            Some(connection) => {
                let handler = NotifyHandler::One(*connection);
                self.actions.push_back(ToSwarm::NotifyHandler {
                    peer_id: peer,
                    handler,
                    event: Open { protocol, reply },
                });
                if let Some(waker) = self.waker.take() {
                    waker.wake();
                }
            }
            // The receiver sees the answer even when nobody waits for it yet.
            None => drop(reply.send(Err(OpenError::NotConnected))),
        }
        opening
    }

    fn handler(&mut self, peer: PeerId, connection: ConnectionId, path: Path) -> Handler {
        match path {
            Path::Direct => {
                self.direct.entry(peer).or_default().push(connection);
                Handler::new(self.protocols.clone())
            }
            Path::Relayed => Handler::new(Vec::new()),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Incoming;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local_addr: &Multiaddr,
        send_back_addr: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let endpoint = libp2p::core::ConnectedPoint::Listener {
            local_addr: local_addr.clone(),
            send_back_addr: send_back_addr.clone(),
        };
        Ok(self.handler(peer, connection, transport::path(&endpoint)))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role_override: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let endpoint = libp2p::core::ConnectedPoint::Dialer { address: address.clone(), role_override, port_use };
        Ok(self.handler(peer, connection, transport::path(&endpoint)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        if let FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) = event
            && let Some(connections) = self.direct.get_mut(&peer_id)
        {
            connections.retain(|connection| *connection != connection_id);
            if connections.is_empty() {
                self.direct.remove(&peer_id);
            }
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        (protocol, stream): THandlerOutEvent<Self>,
    ) {
        self.actions.push_back(ToSwarm::GenerateEvent(Incoming { peer, protocol, stream }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.actions.pop_front() {
            Some(action) => Poll::Ready(action),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
