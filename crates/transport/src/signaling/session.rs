//! One connection attempt as a state machine, for both roles.
//!
//! Hears what the stream and the browser said, says what to do; never waits, never touches either. Time is a
//! [`Duration`] since the attempt began.
//!
//! ```text
//! initiator: Describe -> AwaitAnswer -> Check -> DrainInit -> over
//! responder: AwaitOffer -> Describe  -> Check ->              over
//! ```
//!
//! The farewell on the stream, closing our half and waiting for the peer's, is not waited for: the connection is there, and
//! whoever holds it sees to the rest ([`super::driver::Farewell`]).
//!
//! Invariants: our description is on the stream before any candidate of ours; a candidate reaches the browser only
//! after the peer's description has; at most [`CANDIDATES_MAX`] of the peer's candidates do, and only those the policy
//! admits. Source: libp2p/specs webrtc/webrtc.md, and js-libp2p for the order and for who closes what.

use super::candidate::{Candidate, CandidateError, Trickled};
use super::policy::{CANDIDATES_MAX, Policy};
use super::sdp::{self, Description, Kind, SdpError};
use crate::config::Timeouts;
use crate::proto::{Signal, SignalKind};
use core::time::Duration;
use std::collections::VecDeque;

/// Bytes a peer may send in one session.
const RECEIVED_MAX: usize = 256 * 1024;

/// Candidate messages looked at; a peer that sends more is still served, but not listened to.
const CANDIDATE_MESSAGES_MAX: usize = 64;

/// Which end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Dialled; sends the offer.
    Initiator,
    /// Was dialled; answers.
    Responder,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The browser made the description we asked for.
    Described(String),
    /// Our description has been flushed to the stream.
    Sent,
    LocalSet,
    RemoteSet,
    /// A message arrived, `len` bytes long on the wire.
    Received {
        signal: Signal,
        len: usize,
    },
    /// The peer closed its half of the stream.
    PeerFinished,
    /// The browser found a candidate of ours.
    Found(Trickled),
    Connected,
    InitOpen,
    InitClosed,
    /// The deadline has come.
    Wake,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Open the `init` channel and make an offer.
    Offer,
    /// Make an answer.
    Answer,
    /// Write a message.
    Write(Signal),
    SetLocal(Kind, String),
    SetRemote(Kind, String),
    AddCandidate(Trickled, String),
    CloseInit,
    Stage(Stage),
    Over(Result<Agreed, SessionError>),
}

/// Which part of a connection attempt is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Getting a stream to the peer.
    Introducing,
    /// Exchanging descriptions.
    Signalling,
    /// Looking for a path.
    Checking,
    /// A path is found; tidying up.
    Opening,
}

/// What both sides know at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The longest frame the peer said it takes.
    pub(crate) max_frame: Option<usize>,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// A message that may not come now: a second answer, an offer to the one who offered.
    #[error("a {found} while {expected}")]
    Unexpected {
        /// What came.
        found: &'static str,
        /// What was going on.
        expected: &'static str,
    },
    /// The peer's description is not acceptable.
    #[error("the peer's description is refused")]
    Sdp(#[from] SdpError),
    /// The peer closed the stream before its description.
    #[error("the peer left while we waited for its description")]
    PeerLeft,
    /// More than any session needs.
    #[error("the peer sent more than {RECEIVED_MAX} bytes")]
    TooMuch,
    /// A part took too long.
    #[error("timed out while {0}")]
    Timeout(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Responder: nothing heard yet.
    AwaitOffer,
    /// Waiting for the browser or for the flush of our description.
    Describe,
    /// Initiator: our description is out and set.
    AwaitAnswer,
    Check,
    /// Initiator: the `init` channel has to be open, then closed.
    DrainInit {
        closing: bool,
    },
    Over,
}

#[derive(Debug)]
pub(crate) struct Session {
    role: Role,
    policy: Policy,
    timeouts: Timeouts,
    max_frame: usize,
    state: State,
    deadline: Duration,
    outbox: VecDeque<Output>,
    /// Our description as the browser made it, until it is set.
    local: Option<String>,
    /// Name of our data section, for our candidates.
    mid: String,
    sent: bool,
    /// Candidates of ours found before our description was sent.
    found: Vec<Trickled>,
    /// The peer's description, from when it arrived.
    remote: Option<Description>,
    remote_set: bool,
    /// The peer's candidates until its description is set.
    early: Vec<Trickled>,
    received: usize,
    candidate_messages: usize,
    admitted: usize,
    connected: bool,
    init_open: bool,
    init_closed: bool,
    peer_finished: bool,
}

impl Session {
    pub(crate) fn new(role: Role, policy: Policy, timeouts: Timeouts, max_frame: usize) -> Self {
        let mut session = Self {
            role,
            policy,
            timeouts,
            max_frame,
            state: State::AwaitOffer,
            deadline: timeouts.remote_description,
            outbox: VecDeque::from([Output::Stage(Stage::Signalling)]),
            local: None,
            mid: String::new(),
            sent: false,
            found: Vec::new(),
            remote: None,
            remote_set: false,
            early: Vec::new(),
            received: 0,
            candidate_messages: 0,
            admitted: 0,
            connected: false,
            init_open: false,
            init_closed: false,
            peer_finished: false,
        };
        if role == Role::Initiator {
            session.enter(Duration::ZERO, State::Describe, timeouts.description);
            session.outbox.push_back(Output::Offer);
        }
        session
    }

    pub(crate) fn handle(&mut self, now: Duration, input: Input) {
        if self.state == State::Over {
            return;
        }
        let result = match input {
            Input::Described(sdp) => self.on_described(sdp),
            Input::Sent => self.on_sent(),
            Input::LocalSet => self.on_local_set(now),
            Input::RemoteSet => self.on_remote_set(now),
            Input::Received { signal, len } => self.on_received(now, signal, len),
            Input::PeerFinished => self.on_peer_finished(now),
            Input::Found(candidate) => self.on_found(candidate),
            Input::Connected => {
                self.connected = true;
                Ok(())
            }
            Input::InitOpen => {
                self.init_open = true;
                Ok(())
            }
            Input::InitClosed => {
                self.init_closed = true;
                Ok(())
            }
            Input::Wake => self.on_wake(now),
        };
        match result {
            Ok(()) => self.advance(now),
            Err(error) => self.over(Err(error)),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        (self.state != State::Over).then_some(self.deadline)
    }

    fn enter(&mut self, now: Duration, state: State, timeout: Duration) {
        self.state = state;
        self.deadline = (now + timeout).min(self.timeouts.session);
    }

    fn over(&mut self, result: Result<Agreed, SessionError>) {
        self.state = State::Over;
        self.outbox.push_back(Output::Over(result));
    }

    fn kinds(&self) -> (Kind, Kind) {
        match self.role {
            Role::Initiator => (Kind::Offer, Kind::Answer),
            Role::Responder => (Kind::Answer, Kind::Offer),
        }
    }

    fn on_described(&mut self, sdp: String) -> Result<(), SessionError> {
        let kind = match self.role {
            Role::Initiator => SignalKind::Offer,
            Role::Responder => SignalKind::Answer,
        };
        self.mid = sdp::mid(&sdp).to_owned();
        self.outbox.push_back(Output::Write(Signal::new(kind, sdp::outgoing(&sdp, self.max_frame))));
        self.local = Some(sdp);
        Ok(())
    }

    fn on_sent(&mut self) -> Result<(), SessionError> {
        self.sent = true;
        if let Some(sdp) = self.local.take() {
            self.outbox.push_back(Output::SetLocal(self.kinds().0, sdp));
        }
        for candidate in core::mem::take(&mut self.found) {
            self.on_found(candidate)?;
        }
        Ok(())
    }

    fn on_local_set(&mut self, now: Duration) -> Result<(), SessionError> {
        match self.role {
            Role::Initiator => {
                self.enter(now, State::AwaitAnswer, self.timeouts.remote_description);
                self.set_remote();
            }
            Role::Responder => self.check(now),
        }
        Ok(())
    }

    fn on_remote_set(&mut self, now: Duration) -> Result<(), SessionError> {
        self.remote_set = true;
        for candidate in core::mem::take(&mut self.early) {
            self.add(candidate);
        }
        match self.role {
            Role::Initiator => self.check(now),
            Role::Responder => self.outbox.push_back(Output::Answer),
        }
        Ok(())
    }

    fn on_received(&mut self, now: Duration, signal: Signal, len: usize) -> Result<(), SessionError> {
        self.received += len;
        if self.received > RECEIVED_MAX {
            return Err(SessionError::TooMuch);
        }
        match signal.kind {
            Some(SignalKind::Offer) => self.on_offer(now, &signal.data),
            Some(SignalKind::Answer) => self.on_answer(&signal.data),
            Some(SignalKind::Candidate) => self.on_candidate(&signal.data),
            // A message type of a later version of the protocol.
            None => Ok(()),
        }
    }

    fn on_offer(&mut self, now: Duration, sdp: &str) -> Result<(), SessionError> {
        if self.state != State::AwaitOffer {
            return Err(SessionError::Unexpected { found: "offer", expected: self.doing() });
        }
        self.read_description(Kind::Offer, sdp)?;
        self.enter(now, State::Describe, self.timeouts.description);
        self.set_remote();
        Ok(())
    }

    fn on_answer(&mut self, sdp: &str) -> Result<(), SessionError> {
        let awaited = self.role == Role::Initiator && self.sent && self.remote.is_none();
        if !awaited {
            return Err(SessionError::Unexpected { found: "answer", expected: self.doing() });
        }
        self.read_description(Kind::Answer, sdp)?;
        // The answer can overtake the browser, which may still be setting our offer.
        if self.state == State::AwaitAnswer {
            self.set_remote();
        }
        Ok(())
    }

    fn read_description(&mut self, kind: Kind, sdp: &str) -> Result<(), SessionError> {
        let mut description = Description::parse(kind, sdp)?;
        let inside = core::mem::take(&mut description.candidates);
        self.remote = Some(description);
        for candidate in inside.into_iter().take(CANDIDATE_MESSAGES_MAX) {
            self.consider(Trickled { candidate, ufrag: None });
        }
        Ok(())
    }

    fn set_remote(&mut self) {
        if let Some(description) = &self.remote {
            self.outbox.push_back(Output::SetRemote(self.kinds().1, description.render()));
        }
    }

    fn on_candidate(&mut self, json: &str) -> Result<(), SessionError> {
        if self.state == State::AwaitOffer {
            return Err(SessionError::Unexpected { found: "candidate", expected: self.doing() });
        }
        self.candidate_messages += 1;
        if self.connected || self.candidate_messages > CANDIDATE_MESSAGES_MAX {
            return Ok(());
        }
        match Trickled::from_json(json) {
            Ok(Some(candidate)) => self.consider(candidate),
            Ok(None) => {}
            Err(error) => note_refusal(&error),
        }
        Ok(())
    }

    /// Admits a candidate of the peer's, or forgets it.
    fn consider(&mut self, candidate: Trickled) {
        if self.admitted >= CANDIDATES_MAX || !self.policy.admits(&candidate.candidate) {
            log::debug!("a candidate of the peer's is not admitted: {}", kind_of(&candidate.candidate));
            return;
        }
        self.admitted += 1;
        if self.remote_set {
            self.add(candidate);
        } else {
            self.early.push(candidate);
        }
    }

    fn add(&mut self, candidate: Trickled) {
        let Some(remote) = &self.remote else { return };
        // One of another session would only make the browser complain.
        if candidate.ufrag.as_ref().is_none_or(|ufrag| *ufrag == remote.ufrag) {
            self.outbox.push_back(Output::AddCandidate(candidate, remote.mid.clone()));
        }
    }

    fn on_found(&mut self, candidate: Trickled) -> Result<(), SessionError> {
        if !self.sent {
            self.found.push(candidate);
        } else if !self.connected && self.policy.reveals(&candidate.candidate) {
            let json = candidate.to_json(&self.mid);
            self.outbox.push_back(Output::Write(Signal::new(SignalKind::Candidate, json)));
        }
        Ok(())
    }

    /// Afterwards the stream has nothing more to tell, but ICE goes on for a while: js-libp2p may close first.
    fn on_peer_finished(&mut self, now: Duration) -> Result<(), SessionError> {
        self.peer_finished = true;
        if self.remote.is_none() {
            return Err(SessionError::PeerLeft);
        }
        if self.state == State::Check {
            self.deadline = self.deadline.min(now + self.timeouts.check_alone);
        }
        Ok(())
    }

    fn on_wake(&mut self, now: Duration) -> Result<(), SessionError> {
        if now < self.deadline {
            return Ok(());
        }
        match self.state {
            State::DrainInit { .. } => {
                self.agree();
                Ok(())
            }
            _ => Err(SessionError::Timeout(self.doing())),
        }
    }

    fn check(&mut self, now: Duration) {
        let timeout = if self.peer_finished { self.timeouts.check_alone } else { self.timeouts.check };
        self.enter(now, State::Check, timeout);
        self.outbox.push_back(Output::Stage(Stage::Checking));
    }

    /// Takes every step that what we know by now allows.
    fn advance(&mut self, now: Duration) {
        if self.state == State::Check && self.connected {
            self.outbox.push_back(Output::Stage(Stage::Opening));
            match self.role {
                Role::Initiator => self.enter(now, State::DrainInit { closing: false }, self.timeouts.init),
                Role::Responder => self.agree(),
            }
        }
        if self.state == (State::DrainInit { closing: false }) && self.init_open {
            self.state = State::DrainInit { closing: true };
            self.outbox.push_back(Output::CloseInit);
        }
        if matches!(self.state, State::DrainInit { .. }) && self.init_closed {
            self.agree();
        }
    }

    fn agree(&mut self) {
        let max_frame = self.remote.as_ref().and_then(|remote| remote.max_frame);
        self.over(Ok(Agreed { max_frame }));
    }

    fn doing(&self) -> &'static str {
        match self.state {
            State::AwaitOffer => "waiting for an offer",
            State::Describe => "making our description",
            State::AwaitAnswer => "waiting for an answer",
            State::Check => "looking for a path",
            State::DrainInit { .. } => "closing the init channel",
            State::Over => "done",
        }
    }
}

fn note_refusal(error: &CandidateError) {
    log::debug!("a candidate of the peer's is malformed: {error}");
}

fn kind_of(candidate: &Candidate) -> &'static str {
    candidate.kind.name()
}

#[cfg(test)]
mod tests;
