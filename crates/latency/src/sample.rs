//! What one exchange taught us.

use clock::Time;
use core::time::Duration;

/// A round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtt(pub Duration);

impl Rtt {
    /// Whole microseconds, saturating.
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }

    /// A round trip of this many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(Duration::from_micros(micros))
    }
}

/// One measured round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was known.
    pub at: Time,
    pub rtt: Rtt,
    /// Measured while the tab was in the background, where timers are throttled: it says little.
    pub hidden: bool,
}
