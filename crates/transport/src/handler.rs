//! Carries signalling streams in and out of one connection.
//!
//! Accepts the protocol on every connection, because js-libp2p signals over any connection it has. Runs no session and
//! keeps nothing alive: a stream, once made, belongs to the attempt, and keeps its connection open by itself.

use crate::error::Error;
use crate::signaling::{PROTOCOL, SignalingStream};
use core::convert::Infallible;
use core::fmt;
use core::task::{Context, Poll};
use futures::channel::oneshot;
use libp2p_core::upgrade::ReadyUpgrade;
use libp2p_swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound, ProtocolsChange,
};
use libp2p_swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamProtocol, StreamUpgradeError, SubstreamProtocol};
use std::collections::VecDeque;

const SIGNALING: StreamProtocol = StreamProtocol::new(PROTOCOL);

/// Where a stream is wanted.
type Reply = oneshot::Sender<Result<SignalingStream, Error>>;

/// Asks for a stream.
#[derive(Debug)]
pub struct Open {
    pub(crate) reply: Reply,
}

/// What the behaviour learns of a connection.
#[derive(Debug)]
pub enum Heard {
    /// The peer opened a signalling stream.
    Inbound(Carried),
    /// The peer says it speaks the protocol.
    Supported,
}

/// A stream, for a type that has to be `Debug`.
pub struct Carried(pub(crate) SignalingStream);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

type Protocol = ReadyUpgrade<StreamProtocol>;

/// The handler of one connection.
#[derive(Debug, Default)]
pub struct Handler {
    events: VecDeque<ConnectionHandlerEvent<Protocol, Reply, Heard>>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Heard;
    type InboundProtocol = Protocol;
    type OutboundProtocol = Protocol;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(SIGNALING), ())
    }

    fn on_behaviour_event(&mut self, Open { reply }: Open) {
        // Whoever asked may have given up in the meantime.
        if !reply.is_canceled() {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(SIGNALING), reply);
            self.events.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Protocol, Protocol, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info: () }) => {
                let heard = Heard::Inbound(Carried(Box::new(protocol)));
                self.events.push_back(ConnectionHandlerEvent::NotifyBehaviour(heard));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info: reply }) => {
                let _nobody_waits = reply.send(Ok(Box::new(protocol)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, error }) => {
                let _nobody_waits = reply.send(Err(upgrade_error(error)));
            }
            ConnectionEvent::RemoteProtocolsChange(ProtocolsChange::Added(added)) => {
                let supported = added.filter(|protocol| **protocol == SIGNALING).map(|_| Heard::Supported);
                self.events.extend(supported.map(ConnectionHandlerEvent::NotifyBehaviour));
            }
            _ => {}
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Protocol, Reply, Heard>> {
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

fn upgrade_error(error: StreamUpgradeError<Infallible>) -> Error {
    match error {
        StreamUpgradeError::Timeout => Error::IntroductionTimeout,
        StreamUpgradeError::NegotiationFailed => Error::Unsupported,
        StreamUpgradeError::Io(error) => error.into(),
        StreamUpgradeError::Apply(never) => match never {},
    }
}
