//! When a stream's channel may be closed.
//!
//! A channel that is closed too early loses what is still on its way, and one that is never closed leaks. So: when both
//! halves have ended and were acknowledged, what is buffered may leave (2 s), then the stream is finished. A peer
//! that never acknowledges, as rust-libp2p 0.5 does not, is waited for 10 s.
//!
//! A finished stream's channel is closed by whoever opened it, and only in a calm moment, because its id is used again
//! at once. If the packet that tells the acceptor "your reset is done" is lost, a new channel of that id reaches an
//! acceptor whose old one is still closing: Chromium hands the new one out, sends nothing on it, and closes it when
//! the old reset is done, while its opener waits for ever ("Forcefully closing closing channel with sid … due to new
//! reservation conflict", `pc/data_channel_controller.cc`; one stream in a thousand on a busy loopback). Ids are given
//! out lowest first, so the only defence is that nothing is opened soon after something was closed.
//!
//! Deadlines exist only for streams on their way out, and the timer only for the earliest of them.

use crate::backend::{Channel, ChannelPhase, StreamId};
use crate::config::Timeouts;
use crate::stream::state::{ReadHalf, WriteHalf};
use crate::stream::{Core, Opener};
use core::task::{Context, Poll};
use futures::FutureExt as _;
use futures_timer::Delay;
use std::collections::{BTreeMap, BTreeSet};
use web_time::Instant;

/// Finished streams of ours whose channels stay open at most. A connection that is never calm is then made to rest.
const FINISHED_MAX: usize = 1024;
/// Finished streams of the peer's whose channels it leaves open at most, as rust-libp2p 0.5 leaves all of them.
const LEFT_OPEN_MAX: usize = 2 * FINISHED_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waiting for the peer to acknowledge or to end its half.
    Lingering,
    /// Waiting for the send buffer.
    Draining,
    /// Waiting to be closed.
    Finished,
}

/// Streams on their way out.
#[derive(Debug, Default)]
pub(super) struct Closing {
    streams: BTreeMap<StreamId, (Step, Instant)>,
    deadlines: BTreeSet<(Instant, StreamId)>,
    timer: Option<(Instant, Delay)>,
    /// Finished, and opened by us or by the peer.
    ours: BTreeSet<StreamId>,
    theirs: BTreeSet<StreamId>,
    /// Finished and no longer to be kept.
    closable: BTreeSet<StreamId>,
    /// When the connection is calm if we open nothing more.
    calm: Option<Instant>,
    rest: Option<(Instant, Delay)>,
}

impl Closing {
    /// We opened a channel.
    pub(super) fn on_opened(&mut self, now: Instant, timeouts: &Timeouts) {
        self.calm = Some(now + timeouts.calm);
    }

    /// Ready when a channel may be opened.
    pub(super) fn poll_rested(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        while let Some((until, timer)) = &mut self.rest {
            if now >= *until {
                self.rest = None;
            } else if timer.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            } else {
                // It fired a little early.
                timer.reset(*until - now);
            }
        }
        Poll::Ready(())
    }

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
            Some(&(Step::Finished, _)) => return self.close(id, core),
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
            self.finish(id, core.opener(), now, timeouts);
            return self.close(id, core);
        }
        false
    }

    /// Closes the channel if it is not to be kept any longer.
    fn close<C: Channel>(&mut self, id: StreamId, core: &Core<C>) -> bool {
        let closable = self.closable.contains(&id);
        if closable {
            core.channel().close();
            self.forget(id);
        }
        closable
    }

    fn finish(&mut self, id: StreamId, opener: Opener, now: Instant, timeouts: &Timeouts) {
        self.forget(id);
        self.streams.insert(id, (Step::Finished, now));
        match opener {
            Opener::Us => {
                self.ours.insert(id);
                if self.ours.len() >= FINISHED_MAX {
                    self.closable.append(&mut self.ours);
                    self.rest = Some((now + timeouts.rest, Delay::new(timeouts.rest)));
                }
            }
            Opener::Peer => {
                self.theirs.insert(id);
                if self.theirs.len() > LEFT_OPEN_MAX {
                    self.closable.extend(self.theirs.pop_first());
                }
            }
        }
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
        for set in [&mut self.ours, &mut self.theirs, &mut self.closable] {
            set.remove(&id);
        }
    }

    /// When everything of ours that is finished may be closed.
    fn calm(&self) -> Option<Instant> {
        self.calm.filter(|_| !self.ours.is_empty())
    }

    /// Streams whose deadline has passed, and those to be closed.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<StreamId> {
        let mut due = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now) {
            self.deadlines.remove(&(deadline, id));
            due.push(id);
        }
        if self.calm().is_some_and(|calm| calm <= now) {
            self.closable.append(&mut self.ours);
        }
        due.extend(&self.closable);
        due
    }

    /// Whether a deadline passed by now; otherwise the task is woken at the earliest.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        let Some(deadline) = deadline.into_iter().chain(self.calm()).min() else {
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
