//! The [`libp2p_core::Transport`]: dials, and a listener for what the behaviour hears.
//!
//! A whole attempt, from asking for a stream to the connection, is one future that the swarm owns; dropping it undoes
//! everything. Nothing of it lives in a handler, whose connection may close under it.

use crate::addr::{self, Target};
use crate::backend::{Backend, Budget, PeerSetup};
use crate::config::Config;
use crate::error::Error;
use crate::limits::Attempts;
use crate::link::{self, DialRequest, InboundId, Report, ToTransport, TransportEnd};
use crate::muxer::{Connection, Exchanged, PathSink};
use crate::signaling::session::{Role, Stage};
use crate::signaling::{SignalingStream, driver};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures::channel::{mpsc, oneshot};
use futures::future::{self, BoxFuture, Either};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use futures_timer::Delay;
use libp2p_core::multiaddr::Protocol;
use libp2p_core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p_core::{Multiaddr, PeerId};
use libp2p_swarm::ConnectionId;
use send_wrapper::SendWrapper;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use web_time::Instant;

/// Dials and accepts `/webrtc` over a [`Backend`].
pub struct TransportOver<B: Backend> {
    context: Attempt<B>,
    inbox: mpsc::Receiver<ToTransport>,
    listener: Option<ListenerId>,
    /// What the behaviour says we are reachable at.
    addresses: BTreeSet<Multiaddr>,
    /// With the place to put the id of an incoming connection.
    events: VecDeque<(Event<B>, Option<InboundId>)>,
    waker: Option<core::task::Waker>,
}

type Output<B> = (PeerId, Connection<<B as Backend>::Peer>);
type Upgrade<B> = BoxFuture<'static, Result<Output<B>, Error>>;
type Event<B> = TransportEvent<Upgrade<B>, Error>;

/// What every attempt needs.
struct Attempt<B> {
    backend: SendWrapper<Rc<B>>,
    config: Arc<Config>,
    attempts: Attempts,
    unread: Arc<AtomicUsize>,
    dials: mpsc::Sender<DialRequest>,
    reports: mpsc::Sender<Report>,
    pairing: link::Pairing,
}

impl<B> Clone for Attempt<B> {
    fn clone(&self) -> Self {
        Self {
            backend: self.backend.clone(),
            config: Arc::clone(&self.config),
            attempts: self.attempts.clone(),
            unread: Arc::clone(&self.unread),
            dials: self.dials.clone(),
            reports: self.reports.clone(),
            pairing: self.pairing.clone(),
        }
    }
}

impl<B: Backend> TransportOver<B> {
    pub(crate) fn new(backend: B, config: Arc<Config>, end: TransportEnd) -> Self {
        let context = Attempt {
            backend: SendWrapper::new(Rc::new(backend)),
            attempts: Attempts::new(config.limits),
            config,
            unread: Arc::default(),
            dials: end.dials,
            reports: end.reports,
            pairing: end.pairing,
        };
        Self {
            context,
            inbox: end.inbox,
            listener: None,
            addresses: BTreeSet::new(),
            events: VecDeque::new(),
            waker: None,
        }
    }

    fn push(&mut self, event: Event<B>) {
        self.events.push_back((event, None));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn on_behaviour(&mut self, message: ToTransport) {
        match message {
            ToTransport::AddrUp(listen_addr) => {
                if self.addresses.insert(listen_addr.clone())
                    && let Some(listener_id) = self.listener
                {
                    self.push(TransportEvent::NewAddress { listener_id, listen_addr });
                }
            }
            ToTransport::AddrDown(listen_addr) => {
                if self.addresses.remove(&listen_addr)
                    && let Some(listener_id) = self.listener
                {
                    self.push(TransportEvent::AddressExpired { listener_id, listen_addr });
                }
            }
            ToTransport::Incoming { peer, address, stream } => self.on_incoming(peer, address, stream),
        }
    }

    /// Dropping the stream resets it, which is how the peer learns that nobody listens or that all places are taken.
    fn on_incoming(&mut self, peer: PeerId, send_back_addr: Multiaddr, stream: SignalingStream) {
        let Some(listener_id) = self.listener else { return };
        let permit = match self.context.attempts.inbound(peer) {
            Ok(permit) => permit,
            Err(error) => return log::debug!("an attempt of {peer} is refused: {error}"),
        };
        let id = InboundId::default();
        let attempt = self.context.clone();
        let connection = Arc::clone(&id);
        let upgrade = SendWrapper::new(async move {
            let result = attempt.run(Role::Responder, peer, stream, move || link::inbound_id(&connection)).await;
            drop(permit);
            result
        })
        .boxed();
        let local_addr = addr::listen_addr();
        let event = TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr };
        self.events.push_back((event, Some(id)));
    }
}

impl<B: Backend> Attempt<B> {
    async fn dial(mut self, connection: Option<ConnectionId>, target: Target) -> Result<Output<B>, Error> {
        let peer = target.peer;
        let introduced = async {
            let permit = self.attempts.outbound(Instant::now())?;
            self.report(Report::Stage { peer, stage: Stage::Introducing });
            let (reply, stream) = oneshot::channel();
            let request = DialRequest { connection, peer, circuit: target.circuit, reply };
            self.dials.send(request).await.map_err(|_| Error::Shutdown)?;
            let timeout = Delay::new(self.config.timeouts.introduction);
            let stream = match future::select(stream, timeout).await {
                Either::Left((stream, _)) => stream.map_err(|_| Error::CircuitLost)??,
                Either::Right(((), _)) => return Err(Error::IntroductionTimeout),
            };
            Ok((permit, stream))
        }
        .await;
        let (_permit, stream) = match introduced {
            Ok(introduced) => introduced,
            Err(error) => {
                self.report(Report::Failed { peer, stage: Stage::Introducing, error: error.clone() });
                return Err(error);
            }
        };
        self.run(Role::Initiator, peer, stream, move || connection).await
    }

    async fn run(
        mut self,
        role: Role,
        peer: PeerId,
        stream: SignalingStream,
        connection: impl FnOnce() -> Option<ConnectionId>,
    ) -> Result<Output<B>, Error> {
        let mut last = Stage::Signalling;
        let mut reports = self.reports.clone();
        let on_stage = |stage| {
            last = stage;
            send_report(&mut reports, Report::Stage { peer, stage });
        };
        let (backend, unread) = (Rc::clone(&self.backend), Arc::clone(&self.unread));
        match exchange(&*backend, role, stream, &self.config, unread, on_stage).await {
            Ok(exchanged) => {
                let paths = self.path_sink(peer, connection());
                Ok((peer, Connection::new(exchanged, &self.config, paths)))
            }
            Err(error) => {
                self.report(Report::Failed { peer, stage: last, error: error.clone() });
                Err(error)
            }
        }
    }

    fn path_sink(&self, peer: PeerId, connection: Option<ConnectionId>) -> PathSink {
        let mut reports = self.reports.clone();
        Box::new(move |report| {
            if let Some(connection) = connection {
                send_report(&mut reports, Report::Path { peer, connection, report });
            }
        })
    }

    fn report(&mut self, report: Report) {
        send_report(&mut self.reports, report);
    }
}

/// Signals over `stream` and returns what comes of it.
async fn exchange<B: Backend>(
    backend: &B,
    role: Role,
    stream: SignalingStream,
    config: &Config,
    unread: Arc<AtomicUsize>,
    on_stage: impl FnMut(Stage),
) -> Result<Exchanged<B::Peer>, Error> {
    let setup = PeerSetup {
        ice_servers: config.ice_servers.clone(),
        budget: Budget::new(config, unread),
        inbound_max: config.inbound_streams_pending,
        send_low: config.send_low,
    };
    let (peer, agreed, farewell) = driver::run(role, backend, setup, config, stream, on_stage).await?;
    // Longer frames only when both sides said they take them.
    let both = agreed.max_frame.map_or(0, |theirs| theirs.min(config.max_frame_offered));
    Ok(Exchanged { peer, max_frame: both.max(config.max_frame), farewell })
}

/// Makes a connection without a swarm: both ends call this, one as [`Role::Initiator`], over a stream that has
/// authenticated them to each other.
///
/// # Errors
/// When signalling fails or no path is found. The stream is reset and the peer connection closed by then.
pub async fn establish<B: Backend>(
    backend: &B,
    role: Role,
    stream: SignalingStream,
    config: &Config,
) -> Result<Connection<B::Peer>, Error> {
    let exchanged = exchange(backend, role, stream, config, Arc::default(), drop).await?;
    Ok(Connection::new(exchanged, config, Box::new(drop)))
}

fn send_report(reports: &mut mpsc::Sender<Report>, report: Report) {
    if let Err(error) = reports.try_send(report) {
        log::debug!("a report is dropped: {error}");
    }
}

impl<B: Backend> libp2p_core::Transport for TransportOver<B> {
    type Output = Output<B>;
    type Error = Error;
    type ListenerUpgrade = Upgrade<B>;
    type Dial = Upgrade<B>;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<Error>> {
        if addr.iter().collect::<Vec<_>>() != [Protocol::WebRTC] || self.listener.is_some() {
            return Err(TransportError::MultiaddrNotSupported(addr));
        }
        self.listener = Some(id);
        for listen_addr in self.addresses.clone() {
            self.push(TransportEvent::NewAddress { listener_id: id, listen_addr });
        }
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        if self.listener != Some(id) {
            return false;
        }
        self.listener = None;
        self.push(TransportEvent::ListenerClosed { listener_id: id, reason: Ok(()) });
        true
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<Error>> {
        let Some(target) = Target::parse(&addr).filter(|_| opts.role.is_dialer()) else {
            return Err(TransportError::MultiaddrNotSupported(addr));
        };
        let connection = self.context.pairing.outbound();
        Ok(SendWrapper::new(self.context.clone().dial(connection, target)).boxed())
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event<B>> {
        loop {
            if let Some((event, inbound)) = self.events.pop_front() {
                if let Some(inbound) = inbound {
                    self.context.pairing.expect_inbound(inbound);
                }
                return Poll::Ready(event);
            }
            match self.inbox.poll_next_unpin(cx) {
                Poll::Ready(Some(message)) => self.on_behaviour(message),
                Poll::Ready(None) | Poll::Pending => {
                    self.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<B: Backend> core::fmt::Debug for TransportOver<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Transport")
            .field("listener", &self.listener)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
