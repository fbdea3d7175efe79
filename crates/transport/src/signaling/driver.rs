//! Performs a [`Session`]: its stream, its peer connection, its time.
//!
//! A plain future, owned by whoever dials or accepts: dropping it at any point resets the stream and closes the peer
//! connection. Steps of the browser run one after the other, in the order the session asked for them.

mod farewell;
mod wire;

pub(crate) use farewell::Farewell;

use super::SignalingStream;
use super::policy::Policy;
use super::sdp::Kind;
use super::session::{Agreed, Input, Output, Role, Session, Stage};
use crate::backend::{Backend, BackendError, Channel, ChannelPhase, Peer, PeerPhase, PeerSetup, SdpKind, Step};
use crate::config::Config;
use crate::error::Error;
use crate::proto::SignalKind;
use core::task::{Context, Poll};
use core::time::Duration;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use futures_timer::Delay;
use std::collections::VecDeque;
use web_time::Instant;
use wire::Wire;

/// Runs one attempt to its end.
pub(crate) async fn run<B: Backend>(
    role: Role,
    backend: &B,
    setup: PeerSetup,
    config: &Config,
    stream: SignalingStream,
    on_stage: impl FnMut(Stage),
) -> Result<(B::Peer, Agreed, Farewell), Error> {
    let session = Session::new(role, Policy { lan: config.lan }, config.timeouts, config.max_frame_offered);
    let mut driver = Driver {
        backend,
        setup,
        session,
        wire: Wire::new(stream),
        peer: None,
        init: None,
        steps: VecDeque::new(),
        step: None,
        tell_sent: false,
        connected: false,
        started: Instant::now(),
        timer: None,
        on_stage,
    };
    let agreed = core::future::poll_fn(|cx| driver.poll(cx)).await?;
    let peer = driver.peer.take().ok_or(BackendError::NoPeer)?;
    Ok((peer, agreed, Farewell::new(driver.wire, config.timeouts.farewell)))
}

/// Something the browser does in its own time, and what the session hears when it is done.
type Running = LocalBoxFuture<'static, Result<Option<Input>, BackendError>>;

struct Driver<'a, B: Backend, F> {
    backend: &'a B,
    setup: PeerSetup,
    session: Session,
    wire: Wire,
    /// Made when the first step needs it: for a responder only after the offer was found acceptable.
    peer: Option<B::Peer>,
    init: Option<Init<<B::Peer as Peer>::Channel>>,
    steps: VecDeque<Output>,
    step: Option<Running>,
    /// The session waits for our description to be on its way.
    tell_sent: bool,
    connected: bool,
    started: Instant,
    timer: Option<(Duration, Delay)>,
    on_stage: F,
}

struct Init<C> {
    channel: C,
    told: Option<ChannelPhase>,
}

impl<B: Backend, F: FnMut(Stage)> Driver<'_, B, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Agreed, Error>> {
        loop {
            while let Some(output) = self.session.poll_output() {
                if let Some(result) = self.perform(output)? {
                    return Poll::Ready(result);
                }
            }
            match self.next_input(cx)? {
                Some(input) => self.session.handle(self.started.elapsed(), input),
                None => return Poll::Pending,
            }
        }
    }

    fn perform(&mut self, output: Output) -> Result<Option<Result<Agreed, Error>>, Error> {
        match output {
            Output::Stage(stage) => (self.on_stage)(stage),
            Output::Write(signal) => {
                self.tell_sent |= matches!(signal.kind, Some(SignalKind::Offer | SignalKind::Answer));
                self.wire.push(&signal);
            }
            Output::CloseInit => {
                if let Some(init) = &self.init {
                    init.channel.close();
                }
            }
            Output::Over(result) => return Ok(Some(result.map_err(Error::from))),
            step @ (Output::Offer
            | Output::Answer
            | Output::SetLocal(..)
            | Output::SetRemote(..)
            | Output::AddCandidate(..)) => self.steps.push_back(step),
        }
        Ok(None)
    }

    fn next_input(&mut self, cx: &mut Context<'_>) -> Result<Option<Input>, Error> {
        if let Some(input) = self.poll_step(cx)? {
            return Ok(Some(input));
        }
        if let Some(input) = self.poll_peer(cx)? {
            return Ok(Some(input));
        }
        match self.poll_wire(cx) {
            Ok(Some(input)) => return Ok(Some(input)),
            Ok(None) => {}
            // The path is there; a stream that breaks on the way out changes nothing.
            Err(error) if self.connected => {
                log::debug!("the signalling stream broke after connecting: {error}");
                self.wire.set_broken();
                return Ok(Some(Input::PeerFinished));
            }
            Err(error) => return Err(error),
        }
        Ok(self.poll_timer(cx).then_some(Input::Wake))
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Result<Option<Input>, Error> {
        loop {
            if let Some(step) = &mut self.step {
                let Poll::Ready(result) = step.poll_unpin(cx) else { return Ok(None) };
                self.step = None;
                if let Some(input) = result? {
                    return Ok(Some(input));
                }
            }
            let Some(step) = self.steps.pop_front() else { return Ok(None) };
            self.step = Some(self.start(step)?);
        }
    }

    fn start(&mut self, step: Output) -> Result<Running, Error> {
        let peer = match &self.peer {
            Some(peer) => peer,
            None => self.peer.insert(self.backend.peer(&self.setup)?),
        };
        let kind = |kind| match kind {
            Kind::Offer => SdpKind::Offer,
            Kind::Answer => SdpKind::Answer,
        };
        Ok(match step {
            Output::Offer => {
                self.init = Some(Init { channel: peer.open_channel("init")?, told: None });
                peer.create_offer().map(|result| result.map(|sdp| Some(Input::Described(sdp)))).boxed_local()
            }
            Output::Answer => {
                peer.create_answer().map(|result| result.map(|sdp| Some(Input::Described(sdp)))).boxed_local()
            }
            Output::SetLocal(which, sdp) => {
                peer.set_local(kind(which), sdp).map(|result| result.map(|()| Some(Input::LocalSet))).boxed_local()
            }
            Output::SetRemote(which, sdp) => {
                peer.set_remote(kind(which), sdp).map(|result| result.map(|()| Some(Input::RemoteSet))).boxed_local()
            }
            Output::AddCandidate(trickled, mid) => {
                let adding = peer.add_candidate(trickled.candidate.to_string(), mid, trickled.ufrag);
                // One candidate the browser does not like leaves the others.
                adding
                    .map(|result| match result {
                        Err(error @ BackendError::Refused(Step::AddCandidate)) => {
                            log::debug!("{error}");
                            Ok(None)
                        }
                        result => result.map(|()| None),
                    })
                    .boxed_local()
            }
            Output::Write(_) | Output::CloseInit | Output::Stage(_) | Output::Over(_) => {
                core::future::ready(Ok(None)).boxed_local()
            }
        })
    }

    fn poll_peer(&mut self, cx: &mut Context<'_>) -> Result<Option<Input>, Error> {
        let Some(peer) = &self.peer else { return Ok(None) };
        let events = peer.events();
        events.register_session(cx);
        if let Some(candidate) = events.take_candidate() {
            return Ok(Some(Input::Found(candidate)));
        }
        match events.phase() {
            PeerPhase::New => {}
            PeerPhase::Connected if !self.connected => {
                self.connected = true;
                return Ok(Some(Input::Connected));
            }
            PeerPhase::Connected => {}
            PeerPhase::Failed => return Err(Error::NoPath),
            PeerPhase::Closed => return Err(Error::PeerClosed),
        }
        let Some(init) = &mut self.init else { return Ok(None) };
        let phase = init.channel.events().phase();
        init.channel.events().register_writer(cx);
        if init.told == Some(phase) {
            return Ok(None);
        }
        init.told = Some(phase);
        Ok(match phase {
            ChannelPhase::Opening => None,
            ChannelPhase::Open => Some(Input::InitOpen),
            ChannelPhase::Closed => Some(Input::InitClosed),
        })
    }

    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Result<Option<Input>, Error> {
        if self.wire.poll_write(cx)?.is_ready() && core::mem::take(&mut self.tell_sent) {
            return Ok(Some(Input::Sent));
        }
        match self.wire.poll_read(cx)? {
            Poll::Pending => Ok(None),
            Poll::Ready(Some((signal, len))) => Ok(Some(Input::Received { signal, len })),
            Poll::Ready(None) => Ok(Some(Input::PeerFinished)),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.session.next_deadline() else { return false };
        let wait = deadline.saturating_sub(self.started.elapsed());
        let (_, timer) = match &mut self.timer {
            Some(timer) if timer.0 == deadline => timer,
            timer => timer.insert((deadline, Delay::new(wait))),
        };
        if timer.poll_unpin(cx).is_pending() {
            return false;
        }
        // A timer may fire a little early; the next one waits for the rest.
        self.timer = None;
        true
    }
}
