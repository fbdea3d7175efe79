//! The [`NetworkBehaviour`]: finds streams to signal over, moves relayed connections to direct ones, and lets
//! go of what is then in the way.
//!
//! Decides on connections only; attempts themselves run in the transport. Each peer's connections are in [`Links`].
//!
//! Who acts: only the side that dialled a circuit upgrades it; the side that dialled the direct connection closes the
//! circuit first; of two direct connections, the one dialled by the smaller peer id goes, closed by its dialler.

mod links;
mod timers;

use crate::addr::{self, Path, Target};
use crate::backend::PathReport;
use crate::config::Config;
use crate::error::Error;
use crate::handler::{Handler, Heard, Open};
use crate::link::{BehaviourEnd, DialRequest, Report, ToTransport};
use crate::signaling::SignalingStream;
use crate::signaling::session::Stage;
use core::task::{Context, Poll, Waker};
use futures::StreamExt as _;
use libp2p_core::transport::PortUse;
use libp2p_core::{ConnectedPoint, Endpoint, Multiaddr, PeerId};
use libp2p_swarm::behaviour::{ConnectionClosed, ConnectionEstablished, FromSwarm};
use libp2p_swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p_swarm::{CloseConnection, ConnectionDenied, ConnectionId, NetworkBehaviour, NotifyHandler, ToSwarm};
use links::{Link, Links};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use timers::Timers;
use web_time::Instant;

/// What happens on the way to a direct connection, and on it.
#[derive(Clone, Debug)]
pub enum Event {
    /// An attempt, ours or the peer's, got this far. The connection itself is announced by the swarm.
    Stage {
        /// With whom.
        peer: PeerId,
        /// How far.
        stage: Stage,
    },
    /// An attempt failed. A relayed connection, if there is one, stays.
    UpgradeFailed {
        /// With whom.
        peer: PeerId,
        /// In which part.
        stage: Stage,
        /// Why.
        error: Error,
    },
    /// What a direct connection measured of its path.
    Path {
        /// With whom.
        peer: PeerId,
        /// On which connection.
        connection: ConnectionId,
        /// What the browser says.
        report: PathReport,
    },
}

/// What is done later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    CloseRelayed(PeerId),
    CloseDuplicates(PeerId),
    Upgrade(PeerId),
}

/// Drives `/webrtc` connections; made together with its transport by [`crate::new_over`].
pub struct Behaviour {
    local: PeerId,
    config: Arc<Config>,
    end: BehaviourEnd,
    links: Links,
    /// Dials that wait for the circuit with this id.
    waiting: BTreeMap<ConnectionId, DialRequest>,
    /// Streams for the dials with this id, authenticated by whoever brought them.
    introduced: BTreeMap<ConnectionId, SignalingStream>,
    /// `/webrtc` dials under way.
    dialling: BTreeMap<ConnectionId, PeerId>,
    /// Failed upgrades of peers we still have a circuit to.
    failures: BTreeMap<PeerId, u32>,
    timers: Timers<Later>,
    actions: VecDeque<ToSwarm<Event, Open>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(local: PeerId, config: Arc<Config>, end: BehaviourEnd) -> Self {
        Self {
            local,
            config,
            end,
            links: Links::default(),
            waiting: BTreeMap::new(),
            introduced: BTreeMap::new(),
            dialling: BTreeMap::new(),
            failures: BTreeMap::new(),
            timers: Timers::default(),
            actions: VecDeque::new(),
            waker: None,
        }
    }

    /// Dials `peer`, signalling over a stream that is already authenticated to it, as when a neighbour introduced us.
    ///
    /// Returns the id of the connection to be; its fate is announced by the swarm.
    pub fn connect_over(&mut self, peer: PeerId, stream: SignalingStream) -> ConnectionId {
        let opts = DialOpts::peer_id(peer).addresses(vec![addr::bare(peer)]).condition(PeerCondition::Always).build();
        let connection = opts.connection_id();
        self.introduced.insert(connection, stream);
        self.act(ToSwarm::Dial { opts });
        connection
    }

    /// The other end of [`Behaviour::connect_over`]: takes an offer from `peer` over a stream authenticated to it.
    ///
    /// The stream is reset when nobody listens on `/webrtc` or too many attempts are under way.
    pub fn accept_over(&mut self, peer: PeerId, stream: SignalingStream) {
        self.tell_transport(ToTransport::Incoming { peer, address: addr::bare(peer), stream });
    }

    fn act(&mut self, action: ToSwarm<Event, Open>) {
        self.actions.push_back(action);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn tell_transport(&mut self, message: ToTransport) {
        if let Err(error) = self.end.transport.try_send(message) {
            log::debug!("the transport takes no more: {error}");
        }
    }

    fn on_dial(&mut self, request: DialRequest) {
        if request.reply.is_canceled() {
            return;
        }
        if let Some(stream) = request.connection.and_then(|id| self.introduced.remove(&id)) {
            let _nobody_waits = request.reply.send(Ok(stream));
            return;
        }
        if let Some(connection) = self.links.carrier(request.peer) {
            return self.open(request, connection);
        }
        let Some(circuit) = request.circuit.clone() else {
            let _nobody_waits = request.reply.send(Err(Error::NoSignalingPath));
            return;
        };
        let opts = DialOpts::peer_id(request.peer).addresses(vec![circuit]).condition(PeerCondition::Always).build();
        self.waiting.insert(opts.connection_id(), request);
        self.act(ToSwarm::Dial { opts });
    }

    fn open(&mut self, request: DialRequest, connection: ConnectionId) {
        self.act(ToSwarm::NotifyHandler {
            peer_id: request.peer,
            handler: NotifyHandler::One(connection),
            event: Open { reply: request.reply },
        });
    }

    fn on_report(&mut self, report: Report) {
        let event = match report {
            Report::Stage { peer, stage } => Event::Stage { peer, stage },
            Report::Failed { peer, stage, error } => Event::UpgradeFailed { peer, stage, error },
            Report::Path { peer, connection, report } => Event::Path { peer, connection, report },
        };
        self.act(ToSwarm::GenerateEvent(event));
    }

    fn on_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        self.dialling.remove(&id);
        let link = Link::new(endpoint);
        let (is_webrtc, dialled) = (link.is_webrtc, link.dialled);
        self.links.insert(peer, id, link);
        if let Some(request) = self.waiting.remove(&id) {
            self.open(request, id);
        }
        if is_webrtc {
            self.failures.remove(&peer);
            let grace = self.config.relay_grace;
            let now = Instant::now();
            let close = if dialled { grace.dialer } else { grace.listener };
            self.timers.add(now + close, Later::CloseRelayed(peer));
            self.timers.add(now + grace.duplicate, Later::CloseDuplicates(peer));
        }
    }

    fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        self.links.remove(peer, id);
        if self.links.upgradable(peer).is_none() {
            self.failures.remove(&peer);
        }
    }

    fn on_dial_failure(&mut self, id: ConnectionId) {
        self.introduced.remove(&id);
        if let Some(request) = self.waiting.remove(&id) {
            let _nobody_waits = request.reply.send(Err(Error::Circuit));
        }
        if let Some(peer) = self.dialling.remove(&id) {
            self.retry_later(peer);
        }
    }

    fn retry_later(&mut self, peer: PeerId) {
        let failures = self.failures.get(&peer).copied().unwrap_or(0);
        let retry = self.config.retry;
        if self.links.upgradable(peer).is_none() || failures >= retry.attempts {
            return;
        }
        self.failures.insert(peer, failures + 1);
        let pause = retry.first.saturating_mul(2u32.saturating_pow(failures));
        self.timers.add(Instant::now() + pause, Later::Upgrade(peer));
    }

    /// Dials the direct form of a circuit we dialled, unless that is done or under way.
    fn upgrade(&mut self, peer: PeerId) {
        let busy = self.dialling.values().any(|dialling| *dialling == peer);
        let Some(direct) = self.links.upgradable(peer).filter(|_| self.config.auto_upgrade && !busy) else { return };
        let opts = DialOpts::peer_id(peer).addresses(vec![direct]).condition(PeerCondition::Always).build();
        self.act(ToSwarm::Dial { opts });
    }

    fn on_time(&mut self, later: Later) {
        match later {
            Later::Upgrade(peer) => self.upgrade(peer),
            Later::CloseRelayed(peer) => self.close(peer, self.links.replaced(peer)),
            Later::CloseDuplicates(peer) => self.close(peer, self.links.duplicates(self.local, peer)),
        }
    }

    fn close(&mut self, peer_id: PeerId, connections: Vec<ConnectionId>) {
        for connection in connections {
            self.act(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(connection) });
        }
    }

    fn on_external_addr(&mut self, circuit: &Multiaddr, confirmed: bool) {
        let Some(direct) = addr::with_webrtc(circuit) else { return };
        if confirmed {
            self.tell_transport(ToTransport::AddrUp(direct.clone()));
            self.act(ToSwarm::ExternalAddrConfirmed(direct));
        } else {
            self.tell_transport(ToTransport::AddrDown(direct.clone()));
            self.act(ToSwarm::ExternalAddrExpired(direct));
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local_addr: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if *local_addr == addr::listen_addr() {
            self.end.pairing.set_inbound(id);
        }
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.end.pairing.set_outbound(id);
        if let Some(target) = addresses.iter().find_map(Target::parse) {
            self.dialling.insert(id, target.peer);
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                self.on_established(peer_id, connection_id, endpoint);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.on_closed(peer_id, connection_id);
            }
            FromSwarm::DialFailure(failure) => self.on_dial_failure(failure.connection_id),
            FromSwarm::ExternalAddrConfirmed(confirmed) => self.on_external_addr(confirmed.addr, true),
            FromSwarm::ExternalAddrExpired(expired) => self.on_external_addr(expired.addr, false),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, heard: Heard) {
        match heard {
            Heard::Inbound(stream) => {
                let address = self.links.webrtc_address(peer, id).unwrap_or_else(|| addr::bare(peer));
                self.tell_transport(ToTransport::Incoming { peer, address, stream: stream.0 });
            }
            Heard::Supported => {
                self.links.set_supported(peer, id);
                self.upgrade(peer);
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, Open>> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Poll::Ready(action);
            }
            if let Poll::Ready(later) = self.timers.poll(cx) {
                self.on_time(later);
                continue;
            }
            if let Poll::Ready(Some(request)) = self.end.dials.poll_next_unpin(cx) {
                self.on_dial(request);
                continue;
            }
            if let Poll::Ready(Some(report)) = self.end.reports.poll_next_unpin(cx) {
                self.on_report(report);
                continue;
            }
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
    }
}

impl core::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Behaviour")
            .field("links", &self.links)
            .field("dialling", &self.dialling)
            .finish_non_exhaustive()
    }
}

/// Whether a link's path is through a relay.
fn is_relayed(path: Path) -> bool {
    match path {
        Path::Relayed => true,
        Path::Direct => false,
    }
}
