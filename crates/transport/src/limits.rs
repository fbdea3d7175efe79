//! How many connection attempts may be under way, and how many may begin.
//!
//! An attempt holds a [`Permit`] and gives it back by dropping it, so a cancelled one cannot leak its place.

use crate::config::Limits;
use crate::error::Error;
use core::time::Duration;
use libp2p_core::PeerId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use web_time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts attempts; clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Attempts(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    limits: Limits,
    outbound: usize,
    /// When the attempts of the last minute began.
    begun: VecDeque<Instant>,
    inbound: BTreeMap<PeerId, usize>,
}

/// A place among the attempts.
#[derive(Debug)]
pub(crate) struct Permit {
    attempts: Attempts,
    /// Whose attempt, or nobody's when it is ours.
    inbound: Option<PeerId>,
}

impl Attempts {
    pub(crate) fn new(limits: Limits) -> Self {
        let counts = Counts { limits, outbound: 0, begun: VecDeque::new(), inbound: BTreeMap::new() };
        Self(Arc::new(Mutex::new(counts)))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for an attempt of ours.
    pub(crate) fn outbound(&self, now: Instant) -> Result<Permit, Error> {
        let mut counts = self.counts();
        while counts.begun.front().is_some_and(|begun| now.saturating_duration_since(*begun) >= MINUTE) {
            counts.begun.pop_front();
        }
        if counts.outbound >= counts.limits.outbound {
            return Err(Error::TooManyAttempts(counts.outbound));
        }
        if counts.begun.len() >= counts.limits.outbound_per_minute {
            return Err(Error::TooManyPerMinute(counts.begun.len()));
        }
        counts.outbound += 1;
        counts.begun.push_back(now);
        Ok(Permit { attempts: self.clone(), inbound: None })
    }

    /// A place for an attempt of `peer`.
    pub(crate) fn inbound(&self, peer: PeerId) -> Result<Permit, Error> {
        let mut counts = self.counts();
        let total: usize = counts.inbound.values().sum();
        let of_peer = counts.inbound.get(&peer).copied().unwrap_or(0);
        if total >= counts.limits.inbound {
            return Err(Error::TooManyAttempts(total));
        }
        if of_peer >= counts.limits.inbound_per_peer {
            return Err(Error::TooManyAttempts(of_peer));
        }
        counts.inbound.insert(peer, of_peer + 1);
        Ok(Permit { attempts: self.clone(), inbound: Some(peer) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.attempts.counts();
        let Some(peer) = self.inbound else {
            counts.outbound -= 1;
            return;
        };
        match counts.inbound.get_mut(&peer) {
            Some(of_peer) if *of_peer > 1 => *of_peer -= 1,
            _ => drop(counts.inbound.remove(&peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::tests::numbered;

    fn attempts() -> Attempts {
        Attempts::new(Limits { outbound: 2, inbound: 2, inbound_per_peer: 1, outbound_per_minute: 3 })
    }

    #[test]
    fn a_dropped_permit_is_a_free_place() {
        let (attempts, now) = (attempts(), Instant::now());
        let first = attempts.outbound(now).expect("free");
        let _second = attempts.outbound(now).expect("free");
        assert!(matches!(attempts.outbound(now), Err(Error::TooManyAttempts(2))));
        drop(first);
        assert!(attempts.outbound(now).is_ok());
    }

    #[test]
    fn attempts_of_the_last_minute_count_even_when_over() {
        let (attempts, now) = (attempts(), Instant::now());
        for _ in 0..3 {
            drop(attempts.outbound(now).expect("free"));
        }
        assert!(matches!(attempts.outbound(now), Err(Error::TooManyPerMinute(3))));
        assert!(attempts.outbound(now + MINUTE).is_ok());
    }

    #[test]
    fn one_peer_cannot_take_the_places_of_others() {
        let attempts = attempts();
        let (a, b, c) = (numbered(0), numbered(1), numbered(2));
        let _a = attempts.inbound(a).expect("free");
        assert!(attempts.inbound(a).is_err());
        let b = attempts.inbound(b).expect("free");
        assert!(attempts.inbound(c).is_err());
        drop(b);
        assert!(attempts.inbound(c).is_ok());
    }
}
