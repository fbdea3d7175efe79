//! When a stream's channel may be closed.
//!
//! A channel that is closed too early loses what is still on its way, and one that is never closed leaks. So: when both
//! halves have ended and were acknowledged, what is buffered may leave (2 s), then the channel is closed. A peer
//! that never acknowledges, as rust-libp2p 0.5 does not, is waited for 10 s.
//!
//! Deadlines exist only for streams on their way out, and the timer only for the earliest of them.

use crate::backend::{Channel, ChannelPhase, StreamId};
use crate::config::Timeouts;
use crate::stream::Core;
use crate::stream::state::{ReadHalf, WriteHalf};
use core::task::Context;
use futures::FutureExt as _;
use futures_timer::Delay;
use std::collections::{BTreeMap, BTreeSet};
use web_time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waiting for the peer to acknowledge or to end its half.
    Lingering,
    /// Waiting for the send buffer.
    Draining,
}

#[derive(Debug, Default)]
pub(super) struct Closing {
    streams: BTreeMap<StreamId, (Step, Instant)>,
    deadlines: BTreeSet<(Instant, StreamId)>,
    timer: Option<(Instant, Delay)>,
}

impl Closing {
    /// Moves a stream along; `true` when its channel is closed and the connection may forget it.
    pub(super) fn step<C: Channel>(
        &mut self,
        id: StreamId,
        core: &mut Core<C>,
        now: Instant,
        timeouts: &Timeouts,
    ) -> bool {
        let state = core.state();
        let owned = core.is_owned();
        let channel_closed = core.channel().events().phase() == ChannelPhase::Closed;
        if channel_closed {
            self.forget(id);
            return true;
        }
        let (step, deadline) = match self.streams.get(&id) {
            Some(&(Step::Lingering, deadline)) if !state.is_over() && now >= deadline => {
                core.reset();
                self.enter(id, Step::Draining, now + timeouts.drain)
            }
            Some(&(Step::Draining, deadline)) => (Step::Draining, deadline),
            _ if state.is_over() => self.enter(id, Step::Draining, now + timeouts.drain),
            Some(&lingering) => lingering,
            None if state.write == WriteHalf::FinSent && (!owned || state.read == ReadHalf::Finished)
                || !owned && state.write == WriteHalf::FinAcked =>
            {
                self.enter(id, Step::Lingering, now + timeouts.stream_linger)
            }
            None => return false,
        };
        if step == Step::Draining && (drain(core) == 0 || now >= deadline) {
            core.channel().close();
            self.forget(id);
            return true;
        }
        false
    }

    fn enter(&mut self, id: StreamId, step: Step, deadline: Instant) -> (Step, Instant) {
        self.forget(id);
        self.streams.insert(id, (step, deadline));
        self.deadlines.insert((deadline, id));
        (step, deadline)
    }

    fn forget(&mut self, id: StreamId) {
        if let Some((_, deadline)) = self.streams.remove(&id) {
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// Streams whose deadline has passed.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<StreamId> {
        let mut due = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now) {
            self.deadlines.remove(&(deadline, id));
            due.push(id);
        }
        due
    }

    /// Whether a deadline passed by now; otherwise the task is woken at the earliest.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(&(deadline, _)) = self.deadlines.first() else {
            self.timer = None;
            return false;
        };
        let wait = deadline.saturating_duration_since(now);
        let (_, timer) = match &mut self.timer {
            Some(timer) if timer.0 == deadline => timer,
            timer => timer.insert((deadline, Delay::new(wait))),
        };
        if timer.poll_unpin(cx).is_pending() {
            return false;
        }
        // A timer may fire a little early; set it again for the rest.
        self.timer = None;
        true
    }
}

/// Unsent bytes of a stream; makes sure there is an event when they are none.
pub(super) fn drain<C: Channel>(core: &mut Core<C>) -> usize {
    core.channel().set_low(0);
    core.refresh_buffered()
}
