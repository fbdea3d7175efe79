//! Token buckets for strangers, in bounded memory.
//!
//! A bucket that is full again says nothing, so it is forgotten; the table only holds those who came lately.
//! When it is full of those, whoever is not in it waits: under such a flood, to be known is to be served.

use clock::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Keys kept at once: 64 Ki prefixes are about 4 MiB, and a flood that needs more comes from a botnet.
const KEYS_MAX: usize = 65_536;

/// How fast, and how much at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Tokens in a full bucket.
    pub(crate) burst: u32,
    /// The time in which one token grows back.
    pub(crate) interval: Duration,
}

/// One bucket for each key.
#[derive(Debug)]
pub(crate) struct Rates<K> {
    allowance: Allowance,
    /// When each bucket will be full again (the "virtual scheduling" form of a leaky bucket, ITU-T I.371).
    full_at: BTreeMap<K, Time>,
    keys_max: usize,
}

impl<K: Ord + Copy> Rates<K> {
    pub(crate) fn new(allowance: Allowance) -> Self {
        Self { allowance, full_at: BTreeMap::new(), keys_max: KEYS_MAX }
    }

    /// Takes a token of `key`'s bucket, if there is one.
    pub(crate) fn take(&mut self, now: Time, key: K) -> bool {
        if self.full_at.len() >= self.keys_max && !self.full_at.contains_key(&key) {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= self.keys_max {
                return false;
            }
        }
        let full_at = self.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + self.allowance.interval;
        let emptied = next - now > self.allowance.interval * self.allowance.burst;
        if !emptied {
            *full_at = next;
        }
        !emptied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance { burst: 3, interval: Duration::from_secs(1) };

    #[test]
    fn a_burst_passes_then_one_each_interval() {
        let mut rates = Rates::new(ALLOWANCE);
        let taken = |rates: &mut Rates<u32>, second| {
            (0..10).filter(|_| rates.take(Time::ZERO + Duration::from_secs(second), 1)).count()
        };
        assert_eq!(taken(&mut rates, 10), 3);
        assert_eq!(taken(&mut rates, 10), 0);
        assert_eq!(taken(&mut rates, 11), 1);
        assert_eq!(taken(&mut rates, 13), 2);
        assert_eq!(taken(&mut rates, 99), 3);
    }

    #[test]
    fn keys_do_not_share_a_bucket() {
        let mut rates = Rates::new(ALLOWANCE);
        while rates.take(Time::ZERO, 1) {}
        assert!(rates.take(Time::ZERO, 2));
    }

    #[test]
    fn a_flood_of_keys_is_forgotten_as_soon_as_it_is_over() {
        let mut rates = Rates { keys_max: 4, ..Rates::new(ALLOWANCE) };
        assert_eq!((0..10).filter(|key| rates.take(Time::ZERO, *key)).count(), 4);
        assert!(rates.take(Time::ZERO, 0), "a known key goes on");
        let later = Time::ZERO + Duration::from_secs(2);
        assert!(rates.take(later, 9));
        assert_eq!(rates.full_at.len(), 1);
    }
}
