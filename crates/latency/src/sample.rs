//! What one exchange taught us.

use clock::Time;
use core::time::Duration;

/// Longer is no round trip but a machine that slept.
const RTT_MAX_MS: f64 = 3_600_000.0;

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

    /// A round trip from a browser's or a trace's milliseconds; `None` for what is none: NaN, zero, less, or an
    /// hour and more.
    pub fn from_millis_f64(millis: f64) -> Option<Self> {
        (millis > 0.0 && millis < RTT_MAX_MS).then(|| Self::from_micros(((millis * 1e3) as u64).max(1)))
    }

    /// Milliseconds, with their fraction.
    pub fn as_millis_f64(self) -> f64 {
        self.as_micros() as f64 / 1e3
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
