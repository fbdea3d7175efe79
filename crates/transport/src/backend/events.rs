//! Where a backend puts what happened, and where the transport finds it.
//!
//! Invariants: no waker is woken with a borrow held; what a channel received is readable after it closed; every
//! received byte is in its connection's budget until it is read or dropped.

use super::{Budget, Overload, PeerSetup};
use crate::signaling::candidate::Trickled;
use bytes::Bytes;
use core::fmt;
use core::task::{Context, Poll, Waker};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// Candidates of ours that may wait for the session to take them. Browsers find a dozen.
const FOUND_MAX: usize = 64;

/// What a waiting message counts besides its bytes, so that empty ones are not free.
const MESSAGE_COST: usize = 64;

/// A stream of one connection, in the order they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u64);

/// Streams of a connection that want to be looked at, and the connection's task.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    streams: RefCell<BTreeSet<StreamId>>,
    task: RefCell<Option<Waker>>,
}

impl Attention {
    pub(crate) fn call(&self, stream: StreamId) {
        self.streams.borrow_mut().insert(stream);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        wake(self.task.borrow_mut().take());
    }

    pub(crate) fn take(&self) -> BTreeSet<StreamId> {
        core::mem::take(&mut *self.streams.borrow_mut())
    }

    pub(crate) fn register(&self, cx: &Context<'_>) {
        register(&mut self.task.borrow_mut(), cx);
    }
}

/// How far a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPhase {
    /// Not yet open.
    Opening,
    /// Messages flow.
    Open,
    /// Closed, by either side or by the end of the connection.
    Closed,
}

/// What happened to one channel. Clones share it.
#[derive(Clone)]
pub struct ChannelEvents(Rc<RefCell<Channel>>);

struct Channel {
    phase: ChannelPhase,
    messages: VecDeque<Bytes>,
    /// Bytes counted for this channel: in `messages`, and with whoever took them.
    held: usize,
    overload: Option<Overload>,
    budget: Budget,
    reader: Option<Waker>,
    writer: Option<Waker>,
    watch: Option<(StreamId, Rc<Attention>)>,
}

impl ChannelEvents {
    /// For a channel of the connection with this budget.
    pub fn new(budget: &Budget) -> Self {
        Self(Rc::new(RefCell::new(Channel {
            phase: ChannelPhase::Opening,
            messages: VecDeque::new(),
            held: 0,
            overload: None,
            budget: budget.clone(),
            reader: None,
            writer: None,
            watch: None,
        })))
    }

    /// The channel opened.
    pub fn on_open(&self) {
        self.update(|channel| {
            if channel.phase == ChannelPhase::Opening {
                channel.phase = ChannelPhase::Open;
            }
        });
    }

    /// A message arrived.
    pub fn on_message(&self, message: Bytes) {
        self.update(|channel| {
            if channel.overload.is_some() {
                return;
            }
            let cost = message.len() + MESSAGE_COST;
            match channel.budget.reserve(channel.held, cost) {
                Ok(()) => {
                    channel.held += cost;
                    channel.messages.push_back(message);
                }
                Err(overload) => channel.overload = Some(overload),
            }
        });
    }

    /// The send buffer fell to the low-water mark.
    pub fn on_low(&self) {
        self.update(|_| {});
    }

    /// The channel closed.
    pub fn on_closed(&self) {
        self.update(|channel| channel.phase = ChannelPhase::Closed);
    }

    fn update(&self, change: impl FnOnce(&mut Channel)) {
        let (reader, writer, watch) = {
            let mut channel = self.0.borrow_mut();
            change(&mut channel);
            (channel.reader.take(), channel.writer.take(), channel.watch.clone())
        };
        wake(reader);
        wake(writer);
        if let Some((stream, attention)) = watch {
            attention.call(stream);
        }
    }

    pub(crate) fn phase(&self) -> ChannelPhase {
        self.0.borrow().phase
    }

    pub(crate) fn overload(&self) -> Option<Overload> {
        self.0.borrow().overload
    }

    /// Takes the oldest message. Its bytes stay counted until [`ChannelEvents::keep`].
    pub(crate) fn take_message(&self) -> Option<Bytes> {
        self.0.borrow_mut().messages.pop_front()
    }

    /// Says that of everything taken, only `kept` bytes are still held.
    pub(crate) fn keep(&self, kept: usize) {
        let mut channel = self.0.borrow_mut();
        let held = kept + channel.messages.iter().map(|message| message.len() + MESSAGE_COST).sum::<usize>();
        debug_assert!(held <= channel.held, "nothing is held that did not arrive");
        channel.budget.release(channel.held.saturating_sub(held));
        channel.held = held.min(channel.held);
    }

    /// Forgets all unread messages.
    pub(crate) fn discard(&self) {
        self.0.borrow_mut().messages.clear();
        self.keep(0);
    }

    pub(crate) fn register_reader(&self, cx: &Context<'_>) {
        register(&mut self.0.borrow_mut().reader, cx);
    }

    pub(crate) fn register_writer(&self, cx: &Context<'_>) {
        register(&mut self.0.borrow_mut().writer, cx);
    }

    /// From now on the connection's task looks at `stream` whenever something happens here.
    pub(crate) fn watch(&self, stream: StreamId, attention: &Rc<Attention>) {
        self.0.borrow_mut().watch = Some((stream, Rc::clone(attention)));
        attention.call(stream);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.budget.release(self.held);
    }
}

impl fmt::Debug for ChannelEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = self.0.borrow();
        f.debug_struct("ChannelEvents")
            .field("phase", &channel.phase)
            .field("held", &channel.held)
            .finish_non_exhaustive()
    }
}

/// How far a peer connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerPhase {
    /// Not connected yet.
    New,
    /// Connected. An interruption the browser may still recover from is also this.
    Connected,
    /// No path was found, or the path was lost for good.
    Failed,
    /// The peer closed the connection.
    Closed,
}

/// What happened to one peer connection. Clones share it.
pub struct PeerEvents<C>(Rc<RefCell<PeerState<C>>>);

struct PeerState<C> {
    phase: PeerPhase,
    found: VecDeque<Trickled>,
    channels: VecDeque<C>,
    channels_max: usize,
    session: Option<Waker>,
    task: Option<Waker>,
}

impl<C> Clone for PeerEvents<C> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<C> PeerEvents<C> {
    /// For a new peer connection.
    pub fn new(setup: &PeerSetup) -> Self {
        Self(Rc::new(RefCell::new(PeerState {
            phase: PeerPhase::New,
            found: VecDeque::new(),
            channels: VecDeque::new(),
            channels_max: setup.inbound_max,
            session: None,
            task: None,
        })))
    }

    /// A candidate of ours was found: its line and the session's user name fragment.
    pub fn on_candidate(&self, line: &str, ufrag: Option<String>) {
        let Ok(candidate) = crate::signaling::candidate::Candidate::parse(line) else {
            return;
        };
        self.update(|peer| {
            if peer.found.len() < FOUND_MAX {
                peer.found.push_back(Trickled { candidate, ufrag });
            }
        });
    }

    /// The connection reached another phase. It never comes back from an end.
    pub fn on_phase(&self, phase: PeerPhase) {
        self.update(|peer| {
            if matches!(peer.phase, PeerPhase::New | PeerPhase::Connected) && phase != PeerPhase::New {
                peer.phase = phase;
            }
        });
    }

    /// The peer opened a channel, its handlers already attached. Hands it back when too many wait.
    pub fn on_channel(&self, channel: C) -> Option<C> {
        let mut channel = Some(channel);
        self.update(|peer| {
            if peer.channels.len() < peer.channels_max {
                peer.channels.extend(channel.take());
            }
        });
        channel
    }

    fn update(&self, change: impl FnOnce(&mut PeerState<C>)) {
        let (session, task) = {
            let mut peer = self.0.borrow_mut();
            change(&mut peer);
            (peer.session.take(), peer.task.take())
        };
        wake(session);
        wake(task);
    }

    pub(crate) fn phase(&self) -> PeerPhase {
        self.0.borrow().phase
    }

    pub(crate) fn take_candidate(&self) -> Option<Trickled> {
        self.0.borrow_mut().found.pop_front()
    }

    pub(crate) fn poll_channel(&self, cx: &Context<'_>) -> Poll<C> {
        let mut peer = self.0.borrow_mut();
        match peer.channels.pop_front() {
            Some(channel) => Poll::Ready(channel),
            None => {
                register(&mut peer.task, cx);
                Poll::Pending
            }
        }
    }

    /// Takes the channels out without their being asked for, so that they can be dropped with no borrow held.
    pub(crate) fn take_channels(&self) -> VecDeque<C> {
        core::mem::take(&mut self.0.borrow_mut().channels)
    }

    pub(crate) fn register_session(&self, cx: &Context<'_>) {
        register(&mut self.0.borrow_mut().session, cx);
    }

    pub(crate) fn register_task(&self, cx: &Context<'_>) {
        register(&mut self.0.borrow_mut().task, cx);
    }
}

impl<C> fmt::Debug for PeerEvents<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerEvents").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
