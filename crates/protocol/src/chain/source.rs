//! One peer that is asked about the chain, and when it is asked again.

use clock::Time;
use core::time::Duration;

/// After an answer that brought nothing new: a source that answers at once what we know must not keep us busy.
const PAUSE: Duration = Duration::from_millis(500);
/// While its chain has no block yet.
const EMPTY_PAUSE: Duration = Duration::from_secs(1);
/// After a question that found no answer.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);
/// After it was shown that it is behind.
const SHOWN_PAUSE: Duration = Duration::from_secs(5);

/// A source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// Its newest height, as it says.
    pub(super) height: u64,
    pub(super) next: Next,
}

/// When it is asked for its head again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    At(Time),
    /// It has a question and takes its time.
    Asked,
}

impl Next {
    pub(super) fn after_head(now: Time, before: u64, height: u64) -> Self {
        Self::At(if height > before { now } else { now + PAUSE })
    }

    pub(super) fn after_nothing(now: Time) -> Self {
        Self::At(now + EMPTY_PAUSE)
    }

    pub(super) fn after_failure(now: Time) -> Self {
        Self::At(now + FAILURE_PAUSE)
    }

    pub(super) fn after_show(now: Time) -> Self {
        Self::At(now + SHOWN_PAUSE)
    }
}

impl Source {
    pub(super) fn due_at(&self) -> Option<Time> {
        match self.next {
            Next::At(at) => Some(at),
            Next::Asked => None,
        }
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.due_at().is_some_and(|at| at <= now)
    }
}
