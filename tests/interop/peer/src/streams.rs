//! Streams of the test protocols, only ever over a direct connection: a circuit that still lives must not answer.

use crate::exchange::offered;
use futures::channel::oneshot;
use futures::future::{Ready, ready};
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, NotifyHandler, Stream, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::task::{Context, Poll};
use transport::Path;

/// Sends back what comes, as it comes.
pub(crate) const ECHO: StreamProtocol = StreamProtocol::new("/echo/1.0.0");
/// Sends back what came, once the other side has ended its half.
pub(crate) const HOLD: StreamProtocol = StreamProtocol::new("/hold/1.0.0");

type Opened = Result<Stream, OpenError>;

/// Why a stream was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("there is no direct connection to the peer")]
    NotConnected,
    #[error("the stream was not negotiated in time")]
    Timeout,
    #[error("the peer does not speak the protocol")]
    Refused,
    #[error("the stream broke while it was negotiated")]
    Broken(#[from] io::Error),
}

/// A peer opened a stream.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) protocol: StreamProtocol,
    pub(crate) stream: Stream,
}

#[derive(Debug)]
pub(crate) struct Open {
    protocol: StreamProtocol,
    reply: oneshot::Sender<Opened>,
}

/// Knows the direct connection of each peer.
#[derive(Default)]
pub(crate) struct Behaviour {
    direct: BTreeMap<PeerId, ConnectionId>,
    actions: VecDeque<ToSwarm<Incoming, Open>>,
}

impl Behaviour {
    /// Opens a stream. The swarm is polled after every act, so there is nobody to wake.
    pub(crate) fn open(&mut self, peer: PeerId, protocol: StreamProtocol) -> oneshot::Receiver<Opened> {
        let (reply, opened) = oneshot::channel();
        match self.direct.get(&peer) {
            Some(&connection) => self.actions.push_back(ToSwarm::NotifyHandler {
                peer_id: peer,
                handler: NotifyHandler::One(connection),
                event: Open { protocol, reply },
            }),
            None => drop(reply.send(Err(OpenError::NotConnected))),
        }
        opened
    }

    fn handler(&mut self, connection: ConnectionId, peer: PeerId, endpoint: &ConnectedPoint) -> Handler {
        let is_direct = transport::path(endpoint) == Path::Direct;
        if is_direct {
            self.direct.insert(peer, connection);
        }
        Handler { offered: if is_direct { offered() } else { Vec::new() }, events: VecDeque::new() }
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
        remote_addr: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let endpoint = ConnectedPoint::Listener { local_addr: local_addr.clone(), send_back_addr: remote_addr.clone() };
        Ok(self.handler(connection, peer, &endpoint))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role_override: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let endpoint = ConnectedPoint::Dialer { address: address.clone(), role_override, port_use };
        Ok(self.handler(connection, peer, &endpoint))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) = event
            && self.direct.get(&peer_id) == Some(&connection_id)
        {
            self.direct.remove(&peer_id);
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, incoming: THandlerOutEvent<Self>) {
        self.actions.push_back(ToSwarm::GenerateEvent(incoming));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Negotiates one of the offered protocols, and says which.
#[derive(Debug)]
pub(crate) struct Offered(Vec<StreamProtocol>);

impl UpgradeInfo for Offered {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offered {
    type Output = Incoming;
    type Error = Infallible;
    type Future = Ready<Result<Incoming, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok(Incoming { protocol, stream }))
    }
}

type Event = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, oneshot::Sender<Opened>, Incoming>;

/// One connection.
pub(crate) struct Handler {
    offered: Vec<StreamProtocol>,
    events: VecDeque<Event>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Incoming;
    type InboundProtocol = Offered;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = oneshot::Sender<Opened>;

    fn listen_protocol(&self) -> SubstreamProtocol<Offered> {
        SubstreamProtocol::new(Offered(self.offered.clone()), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<Event> {
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn on_behaviour_event(&mut self, Open { protocol, reply }: Open) {
        let protocol = SubstreamProtocol::new(ReadyUpgrade::new(protocol), reply);
        self.events.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol, (), Self::OutboundOpenInfo>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: incoming, .. }) => {
                self.events.push_back(ConnectionHandlerEvent::NotifyBehaviour(incoming));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: reply }) => {
                drop(reply.send(Ok(stream)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, error }) => {
                drop(reply.send(Err(match error {
                    StreamUpgradeError::Timeout => OpenError::Timeout,
                    StreamUpgradeError::NegotiationFailed => OpenError::Refused,
                    StreamUpgradeError::Io(error) => OpenError::Broken(error),
                })));
            }
            _ => {}
        }
    }
}
