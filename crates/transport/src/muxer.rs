//! A direct connection: streams over data channels.
//!
//! The connection's task looks at streams that called for attention ([`Attention`]), answers their flags while nobody
//! reads, and closes each channel once its stream is over, so that no last byte is lost and no channel leaks.
//! It notices the end of the connection and reports the path it uses.
//!
//! Source: libp2p/specs webrtc; what ends a connection, and when, is in `README.md` beside this crate's manifest.

mod closing;

use crate::backend::{
    Attention, BackendError, BackendFuture, Channel, ChannelEvents, ChannelPhase, PathReport, Peer, PeerPhase, StreamId,
};
use crate::config::{Config, Timeouts};
use crate::signaling::driver::Farewell;
use crate::stream::frame::payload_max;
use crate::stream::{Core, Opener, SendLimits, Stream};
use closing::Closing;
use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures::FutureExt as _;
use futures_timer::Delay;
use libp2p_core::StreamMuxer;
use libp2p_core::muxing::StreamMuxerEvent;
use send_wrapper::SendWrapper;
use std::collections::BTreeMap;
use std::rc::Rc;
use web_time::Instant;

/// Streams we open before the peer has sent anything. js-libp2p keeps at most ten channels that arrive before its
/// muxer exists, and closes the rest.
const EARLY_STREAMS_MAX: usize = 8;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// Consent to send expired, or no path was left.
    #[error("the path to the peer was lost")]
    Lost,
    /// The peer closed it.
    #[error("closed by the peer")]
    Closed,
    /// A new stream's channel did not open in time.
    #[error("a channel did not open in time")]
    ChannelTimeout,
    /// A channel could not be made.
    #[error("a channel could not be opened")]
    Channel(#[from] BackendError),
}

/// Takes each report of a path.
pub(crate) type PathSink = Box<dyn FnMut(PathReport)>;

/// An established connection. Dropping it closes the peer connection.
pub struct Connection<P: Peer>(SendWrapper<Muxer<P>>);

/// What signalling leads to.
pub(crate) struct Exchanged<P> {
    pub(crate) peer: P,
    /// The longest frame to send.
    pub(crate) max_frame: usize,
    /// The rest of the signalling stream's life.
    pub(crate) farewell: Farewell,
}

impl<P: Peer> Connection<P> {
    pub(crate) fn new(exchanged: Exchanged<P>, config: &Config, paths: PathSink) -> Self {
        Self(SendWrapper::new(Muxer::new(exchanged, config, paths)))
    }
}

struct Muxer<P: Peer> {
    peer: P,
    farewell: Option<Farewell>,
    attention: Rc<Attention>,
    streams: BTreeMap<StreamId, Rc<RefCell<Core<P::Channel>>>>,
    next_id: u64,
    limits: SendLimits,
    buffered: Rc<Cell<usize>>,
    timeouts: Timeouts,
    opening: Option<(P::Channel, Delay)>,
    closing: Closing,
    /// Whether the peer has sent anything on any stream.
    heard: bool,
    shutdown: Option<Delay>,
    paths: PathSink,
    path_interval: Duration,
    path_timer: Delay,
    path_request: Option<BackendFuture<PathReport>>,
}

impl<P: Peer> Muxer<P> {
    fn new(exchanged: Exchanged<P>, config: &Config, paths: PathSink) -> Self {
        let Exchanged { peer, max_frame, farewell } = exchanged;
        let payload_max = payload_max(max_frame);
        let limits = SendLimits {
            payload_max,
            // A stream that waits must be above its low mark, or nothing would tell it to go on.
            high: config.send_high.max(config.send_low + payload_max + 1),
            low: config.send_low,
            connection: config.send_connection,
        };
        Self {
            peer,
            farewell: Some(farewell),
            attention: Rc::default(),
            streams: BTreeMap::new(),
            next_id: 0,
            limits,
            buffered: Rc::default(),
            timeouts: config.timeouts,
            opening: None,
            closing: Closing::default(),
            heard: false,
            shutdown: None,
            paths,
            path_interval: config.path_interval,
            path_timer: Delay::new(Duration::ZERO),
            path_request: None,
        }
    }

    fn adopt(&mut self, channel: P::Channel, opener: Opener) -> Stream<P::Channel> {
        let id = StreamId(self.next_id);
        self.next_id += 1;
        let events: ChannelEvents = channel.events().clone();
        let core = Rc::new(RefCell::new(Core::new(channel, opener, self.limits, Rc::clone(&self.buffered))));
        self.streams.insert(id, Rc::clone(&core));
        events.watch(id, &self.attention);
        Stream::new(id, core, Rc::clone(&self.attention))
    }

    fn ended(&self) -> Option<ConnectionError> {
        match self.peer.events().phase() {
            PeerPhase::New | PeerPhase::Connected => None,
            PeerPhase::Failed => Some(ConnectionError::Lost),
            PeerPhase::Closed => Some(ConnectionError::Closed),
        }
    }

    /// Looks after every stream that called, and after those whose time is up.
    fn tend(&mut self, cx: &mut Context<'_>) {
        loop {
            self.attention.register(cx);
            let now = Instant::now();
            let mut called = self.attention.take();
            called.extend(self.closing.take_due(now));
            if called.is_empty() {
                if !self.closing.poll_due(cx, now) {
                    return;
                }
                continue;
            }
            for id in called {
                self.tend_one(id, now);
            }
        }
    }

    fn tend_one(&mut self, id: StreamId, now: Instant) {
        let Some(core) = self.streams.get(&id) else { return };
        let mut core = core.borrow_mut();
        core.pump();
        core.refresh_buffered();
        self.heard |= core.has_heard();
        let gone = self.closing.step(id, &mut core, now, &self.timeouts);
        drop(core);
        if gone {
            self.streams.remove(&id);
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream<P::Channel>, ConnectionError>> {
        if self.opening.is_none() {
            if !self.heard && self.streams.len() >= EARLY_STREAMS_MAX {
                // The first message of the peer brings the task back here.
                return Poll::Pending;
            }
            let now = Instant::now();
            if self.closing.poll_rested(cx, now).is_pending() {
                return Poll::Pending;
            }
            let channel = self.peer.open_channel("")?;
            self.closing.on_opened(now, &self.timeouts);
            self.opening = Some((channel, Delay::new(self.timeouts.channel_open)));
        }
        let Some((channel, timer)) = &mut self.opening else { return Poll::Pending };
        let result = match channel.events().phase() {
            ChannelPhase::Open => Ok(()),
            ChannelPhase::Closed => Err(BackendError::Closed.into()),
            ChannelPhase::Opening if timer.poll_unpin(cx).is_ready() => Err(ConnectionError::ChannelTimeout),
            ChannelPhase::Opening => {
                channel.events().register_writer(cx);
                return Poll::Pending;
            }
        };
        let opened = self.opening.take();
        result?;
        match opened {
            Some((channel, _)) => Poll::Ready(Ok(self.adopt(channel, Opener::Us))),
            None => Poll::Pending,
        }
    }

    fn report_path(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(request) = &mut self.path_request {
                let Poll::Ready(result) = request.poll_unpin(cx) else { return };
                self.path_request = None;
                self.path_timer.reset(self.path_interval);
                match result {
                    Ok(report) => (self.paths)(report),
                    Err(error) => log::debug!("no path report: {error}"),
                }
            }
            if self.path_timer.poll_unpin(cx).is_pending() {
                return;
            }
            self.path_request = Some(self.peer.path());
        }
    }

    /// Waits until what was written has left the send buffers, then closes.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ended().is_none() {
            self.tend(cx);
            let drain = self.timeouts.drain;
            let timer = self.shutdown.get_or_insert_with(|| Delay::new(drain));
            let unsent: usize = self.streams.values().map(|core| closing::drain(&mut core.borrow_mut())).sum();
            if unsent > 0 && timer.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.end();
        Poll::Ready(())
    }

    /// The connection is over: whoever holds a stream learns of it.
    fn end(&mut self) {
        self.peer.close();
        for core in self.streams.values() {
            let events = core.borrow().channel().events().clone();
            events.on_closed();
        }
        drop(self.peer.events().take_channels());
    }
}

impl<P: Peer> Drop for Muxer<P> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<P: Peer> StreamMuxer for Connection<P> {
    type Substream = Stream<P::Channel>;
    type Error = ConnectionError;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, ConnectionError>> {
        let muxer = &mut *self.0;
        if let Some(error) = muxer.ended() {
            return Poll::Ready(Err(error));
        }
        let Poll::Ready(channel) = muxer.peer.events().poll_channel(cx) else { return Poll::Pending };
        muxer.heard = true;
        Poll::Ready(Ok(muxer.adopt(channel, Opener::Peer)))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, ConnectionError>> {
        if let Some(error) = self.0.ended() {
            return Poll::Ready(Err(error));
        }
        self.0.poll_open(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.0.poll_shutdown(cx).map(Ok)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let muxer = &mut *self.0;
        muxer.peer.events().register_task(cx);
        if let Some(error) = muxer.ended() {
            muxer.end();
            return Poll::Ready(Err(error));
        }
        if muxer.farewell.as_mut().is_some_and(|farewell| farewell.poll_unpin(cx).is_ready()) {
            muxer.farewell = None;
        }
        muxer.tend(cx);
        muxer.report_path(cx);
        Poll::Pending
    }
}

impl<P: Peer> core::fmt::Debug for Connection<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection").field("streams", &self.0.streams.len()).finish_non_exhaustive()
    }
}
