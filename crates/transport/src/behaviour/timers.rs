//! Things to be done at their time, with one timer for the earliest.

use core::task::{Context, Poll};
use futures::FutureExt as _;
use futures_timer::Delay;
use std::collections::BTreeMap;
use web_time::Instant;

#[derive(Debug)]
pub(super) struct Timers<T> {
    /// Equal times keep their order.
    due: BTreeMap<(Instant, u64), T>,
    next: u64,
    timer: Option<(Instant, Delay)>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), next: 0, timer: None }
    }
}

impl<T> Timers<T> {
    pub(super) fn add(&mut self, at: Instant, what: T) {
        self.due.insert((at, self.next), what);
        self.next += 1;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            let Some(first) = self.due.first_entry() else { return Poll::Pending };
            let (at, now) = (first.key().0, Instant::now());
            if at <= now {
                return Poll::Ready(first.remove());
            }
            let (_, timer) = match &mut self.timer {
                Some(timer) if timer.0 == at => timer,
                timer => timer.insert((at, Delay::new(at - now))),
            };
            if timer.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }
}
