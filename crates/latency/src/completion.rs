//! How long this chunk takes from this peer now: people wait for work, not for pings.
//!
//! Time = queue + round trip to the first byte + bytes / goodput. The round trip comes as a distribution
//! ([`crate::Spread`]); the rest is what this module adds to it ([`crate::Source::work_ms`]). Goodput is learned
//! from whole answers. A peer we never fetched from is assumed as good as the median of those we did.

use core::time::Duration;

/// Assumed before anything was fetched from anybody: a slow home connection's upload.
pub const GOODPUT_FIRST: u64 = 1_250_000;

/// Answers shorter than this measure the round trip, not the goodput.
pub const ANSWER_MIN: u64 = 16 * 1024;

/// A new answer counts a quarter: goodput changes with every other download of its sender.
const WEIGHT: f64 = 0.25;

/// Bounds of what is believed, bytes per second: a modem, and 8 Gbit/s.
const SLOWEST: f64 = 1_000.0;
const FASTEST: f64 = 1e9;

/// Useful bytes per second from one peer, as seconds per byte: times add up, rates do not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Goodput {
    seconds_per_byte: f64,
    answers: u32,
}

impl Goodput {
    /// An answer of `bytes` came whole; `from_first_byte` is the time since its first byte.
    ///
    /// Short answers and those that took no time are ignored.
    pub fn observe(&mut self, bytes: u64, from_first_byte: Duration) {
        if bytes < ANSWER_MIN || from_first_byte.is_zero() {
            return;
        }
        let rate = (bytes as f64 / from_first_byte.as_secs_f64()).clamp(SLOWEST, FASTEST);
        let weight = if self.answers == 0 { 1.0 } else { WEIGHT };
        self.answers = self.answers.saturating_add(1);
        self.seconds_per_byte += weight * (1.0 / rate - self.seconds_per_byte);
    }

    /// Bytes per second, once an answer came.
    pub fn bytes_per_s(&self) -> Option<u64> {
        (self.answers > 0).then(|| (1.0 / self.seconds_per_byte).round() as u64)
    }
}

/// What a peer has to do for us before the last byte of this chunk leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The chunk.
    pub bytes: u64,
    /// What we asked it for already and did not get yet.
    pub queued: u64,
    /// What it said it owes others that come first.
    pub promised: u64,
}

impl Work {
    /// How long that takes at `bytes_per_s`, milliseconds; `None` stands for an unknown peer.
    pub fn ms(&self, bytes_per_s: Option<u64>, typical_bytes_per_s: u64) -> f64 {
        let rate = bytes_per_s.unwrap_or(typical_bytes_per_s).max(SLOWEST as u64);
        let bytes = self.bytes.saturating_add(self.queued).saturating_add(self.promised);
        1e3 * bytes as f64 / rate as f64
    }
}

/// Whether a source in mid-transfer is to be left: nothing came for longer than this.
///
/// Twice the time the next group should take, within 300 ms (a busy page hears nothing for so long) and 700 ms: with
/// the time it takes to notice, and to ask somebody else, a second.
pub fn patience(expected_gap: Duration) -> Duration {
    (2 * expected_gap).clamp(Duration::from_millis(300), Duration::from_millis(700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodput_is_the_harmonic_mean_of_late() {
        let mut goodput = Goodput::default();
        assert_eq!(goodput.bytes_per_s(), None);
        goodput.observe(1_000_000, Duration::from_secs(1));
        assert_eq!(goodput.bytes_per_s(), Some(1_000_000));
        goodput.observe(1_000_000, Duration::from_secs(5));
        // 3/4 of 1 us plus 1/4 of 5 us per byte.
        assert_eq!(goodput.bytes_per_s(), Some(500_000));
    }

    #[test]
    fn pings_and_answers_out_of_time_teach_nothing() {
        let mut goodput = Goodput::default();
        goodput.observe(100, Duration::from_millis(1));
        goodput.observe(1 << 20, Duration::ZERO);
        assert_eq!(goodput, Goodput::default());
    }

    #[test]
    fn a_queue_counts_like_the_chunk() {
        let work = Work { bytes: 250_000, queued: 500_000, promised: 250_000 };
        assert_eq!(work.ms(Some(1_000_000), 1), 1_000.0);
        assert_eq!(work.ms(None, 2_000_000), 500.0);
        assert!(work.ms(Some(0), 1).is_finite());
    }

    #[test]
    fn a_slow_source_is_left_within_a_second() {
        assert_eq!(patience(Duration::from_millis(10)), Duration::from_millis(300));
        assert_eq!(patience(Duration::from_secs(9)), Duration::from_millis(700));
    }
}
