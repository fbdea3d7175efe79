//! The two times, and nothing else: no clock lives here.
//!
//! [`Time`] is monotonic and says how long; timers and round trips use it. [`Timestamp`] is of the world and
//! says when; what leaves this peer uses it. Whoever owns a real clock (crate `node`, or the simulator) makes
//! the values and passes them down, so that every decision can be replayed.

#![forbid(unsafe_code)]

use core::ops::{Add, Sub};
use core::time::Duration;

/// Microseconds since this node started. Monotonic; meaningless to other peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The moment the node started.
    pub const ZERO: Self = Self(0);

    /// The time `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// `self - earlier`, or zero if `earlier` is later: a clock that stood still is not an error.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at the end of time, so that "never" can be written as a very long timeout.
    fn add(self, rhs: Duration) -> Self {
        let micros = u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// As [`Time::saturating_since`].
    fn sub(self, rhs: Self) -> Duration {
        self.saturating_since(rhs)
    }
}

/// Milliseconds since the Unix epoch, as a peer claims it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_below_zero_or_past_the_end() {
        let early = Time::from_micros(5);
        let late = Time::from_micros(9);
        assert_eq!(late - early, Duration::from_micros(4));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!((late + Duration::MAX).as_micros(), u64::MAX);
    }
}
