//! One connection's side of [`streams`](super): negotiates, hands over, remembers nothing.

use super::OpenError;
use futures::channel::oneshot;
use futures::future::{Ready, ready};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, Stream, SubstreamProtocol};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll};

/// Streams that may wait to be opened or handed over on one connection; more are refused.
const STREAMS_WAITING_MAX: usize = 32;

/// Open a stream and put it into `reply`.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) protocol: StreamProtocol,
    pub(super) reply: oneshot::Sender<Result<Stream, OpenError>>,
}

/// Accepts any of a list of protocols, and says which one it was.
#[derive(Clone, Debug)]
pub(crate) struct AnyOf(Vec<StreamProtocol>);

impl UpgradeInfo for AnyOf {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for AnyOf {
    type Output = (StreamProtocol, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}

/// The handler of one connection. With an empty list (a circuit) it offers nothing and keeps nothing alive.
#[derive(Debug)]
pub(crate) struct Handler {
    protocols: Vec<StreamProtocol>,
    opens: VecDeque<Open>,
    arrived: VecDeque<(StreamProtocol, Stream)>,
}

impl Handler {
    pub(super) fn new(protocols: Vec<StreamProtocol>) -> Self {
        Self { protocols, opens: VecDeque::new(), arrived: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = (StreamProtocol, Stream);
    type InboundProtocol = AnyOf;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = oneshot::Sender<Result<Stream, OpenError>>;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(AnyOf(self.protocols.clone()), ())
    }

    /// A direct connection lives until the peer's state machine says otherwise.
    fn connection_keep_alive(&self) -> bool {
        !self.protocols.is_empty()
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Self::OutboundOpenInfo, Self::ToBehaviour>> {
        if let Some(arrived) = self.arrived.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(arrived));
        }
        if let Some(Open { protocol, reply }) = self.opens.pop_front() {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(protocol), reply);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, open: Open) {
        if self.opens.len() < STREAMS_WAITING_MAX {
            self.opens.push_back(open);
        } else {
            drop(open.reply.send(Err(OpenError::Refused)));
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            Self::InboundProtocol,
            Self::OutboundProtocol,
            Self::InboundOpenInfo,
            Self::OutboundOpenInfo,
        >,
    ) {
        match event {
            // Over the bound the stream is dropped, which resets it: the peer is told at once.
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: arrived, .. })
                if self.arrived.len() < STREAMS_WAITING_MAX =>
            {
                self.arrived.push_back(arrived);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: reply }) => {
                drop(reply.send(Ok(stream)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, .. }) => {
                drop(reply.send(Err(OpenError::Refused)))
            }
            _ => {}
        }
    }
}
