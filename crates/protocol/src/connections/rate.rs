//! How many connection attempts may start within a minute.
//!
//! A sliding window, not a bucket that refills: the limit protects the browser's count of peer connections and
//! the people whose addresses we try, and both care about any sixty seconds.

use clock::Time;
use core::time::Duration;
use std::collections::VecDeque;

/// The window.
const MINUTE: Duration = Duration::from_secs(60);

/// The starts of the last minute, at most `per_minute` of them.
#[derive(Debug)]
pub(super) struct DialRate {
    starts: VecDeque<Time>,
    per_minute: usize,
}

impl DialRate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { starts: VecDeque::new(), per_minute: usize::try_from(per_minute).unwrap_or(usize::MAX) }
    }

    /// Counts one start, unless the minute is full.
    pub(super) fn try_start(&mut self, now: Time) -> bool {
        while self.starts.front().is_some_and(|start| *start + MINUTE <= now) {
            self.starts.pop_front();
        }
        let free = self.starts.len() < self.per_minute;
        if free {
            self.starts.push_back(now);
        }
        free
    }

    /// When the next start is possible, if the minute is full and will not stay so for ever.
    pub(super) fn full_until(&self, now: Time) -> Option<Time> {
        let counting = self.starts.iter().filter(|start| **start + MINUTE > now);
        if counting.clone().count() < self.per_minute {
            return None;
        }
        counting.min().map(|start| *start + MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_holds_at_most_the_limit() {
        let mut rate = DialRate::new(2);
        assert!(rate.try_start(at(0)));
        assert!(rate.try_start(at(50)));
        assert!(!rate.try_start(at(59)));
        assert_eq!(rate.full_until(at(59)), Some(at(60)));
        assert!(rate.try_start(at(60)));
        assert!(!rate.try_start(at(61)));
        assert_eq!(rate.full_until(at(61)), Some(at(110)));
        assert_eq!(rate.full_until(at(110)), None);
    }

    #[test]
    fn a_limit_of_zero_never_frees() {
        let mut rate = DialRate::new(0);
        assert!(!rate.try_start(at(0)));
        assert_eq!(rate.full_until(at(0)), None);
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
}
