//! What we measured of every neighbour: round trips, kept for a while after it left.
//!
//! A peer that comes back finds its history again, as long as there was room. Refuses to judge: what a number
//! means for a choice is decided where the choice is made.

mod outlook;

use crate::{PeerKey, RttKind};
use clock::Time;
use core::time::Duration;
use latency::{Estimator, History, Rtt, Sample};
use outlook::Outlook;
use std::collections::BTreeMap;

/// Peers whose history is kept: all connections we may have, five times over. 250 samples each: 1 MiB when full.
pub(crate) const MEASURED_MAX: usize = 128;

/// What an answer may be later than forecast before it counts: serving takes a moment, too.
const LATE_MIN: Duration = Duration::from_millis(100);

/// Round trips per peer.
#[derive(Debug, Default)]
pub(crate) struct Measurements(BTreeMap<PeerKey, Measured>);

/// One peer's round trips.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) pings: History,
    pub(crate) outlook: Outlook,
    pub(crate) estimator: Estimator,
    /// The browser's own figure, the newest.
    pub(crate) stun: Option<Rtt>,
    last: Time,
}

impl Measurements {
    pub(crate) fn on_rtt(&mut self, now: Time, peer: PeerKey, rtt: Duration, kind: RttKind, hidden: bool) {
        if !self.0.contains_key(&peer) && self.0.len() == MEASURED_MAX {
            let oldest = self.0.iter().min_by_key(|(_, measured)| measured.last).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.0.remove(&peer));
        }
        let measured = self.0.entry(peer).or_insert_with(|| Measured {
            pings: History::default(),
            outlook: Outlook::default(),
            estimator: Estimator::default(),
            stun: None,
            last: now,
        });
        measured.last = now;
        match kind {
            RttKind::Ping => {
                measured.pings.push(Sample { at: now, rtt: Rtt(rtt), hidden });
                measured.outlook.observe(Rtt(rtt), hidden);
                // A hidden tab's timers would teach the estimator the tab's sleep, not the path.
                if !hidden {
                    measured.estimator.observe(Rtt(rtt));
                }
            }
            RttKind::Stun => measured.stun = Some(Rtt(rtt)),
        }
    }

    pub(crate) fn get(&self, peer: PeerKey) -> Option<&Measured> {
        self.0.get(&peer)
    }

    /// How a peer's path should answer: what downloads go by until they know better.
    pub(crate) fn expectation(&self, peer: PeerKey) -> Option<content::Outlook> {
        let measured = self.0.get(&peer)?;
        let (answer, high) = match measured.outlook.next() {
            Some(next) => (next.rtt.0, next.high.0),
            // Too few to forecast from: half as much again is as good a bound as any.
            None => measured.pings.median().map(|rtt| (rtt.0, rtt.0 * 3 / 2))?,
        };
        Some(content::Outlook { answer, late: high.max(answer + LATE_MIN), patience: latency::patience(high) })
    }

    /// The number beside a peer, once measured.
    pub(crate) fn rtt(&self, peer: PeerKey) -> Option<Rtt> {
        self.0.get(&peer)?.pings.median()
    }

    /// A peer's place among all measured ones, nearest first, from 1, and how many there are.
    pub(crate) fn place(&self, peer: PeerKey) -> Option<(u32, u32)> {
        let mine = self.rtt(peer)?;
        let (mut nearer, mut of) = (0, 0);
        for (other, measured) in &self.0 {
            let Some(rtt) = measured.pings.median() else { continue };
            of += 1;
            nearer += u32::from((rtt, *other) < (mine, peer));
        }
        Some((nearer + 1, of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_from_the_nearest() {
        let mut measurements = Measurements::default();
        for (peer, ms) in [(1, 30), (2, 10), (3, 20)] {
            measurements.on_rtt(Time::ZERO, key(peer), Duration::from_millis(ms), RttKind::Ping, false);
        }
        assert_eq!(measurements.place(key(2)), Some((1, 3)));
        assert_eq!(measurements.place(key(1)), Some((3, 3)));
        assert_eq!(measurements.place(key(4)), None);
    }

    #[test]
    fn the_peer_not_heard_of_for_longest_makes_room() {
        let mut measurements = Measurements::default();
        for peer in 0..=MEASURED_MAX as u64 {
            let now = Time::from_micros(peer);
            measurements.on_rtt(now, wide(peer), Duration::from_millis(1), RttKind::Ping, false);
        }
        assert_eq!(measurements.0.len(), MEASURED_MAX);
        assert!(measurements.get(wide(0)).is_none());
        assert!(measurements.get(wide(1)).is_some());
    }

    #[test]
    fn hidden_samples_do_not_teach_the_estimator() {
        let mut measurements = Measurements::default();
        measurements.on_rtt(Time::ZERO, key(1), Duration::from_secs(1), RttKind::Ping, true);
        let measured = measurements.get(key(1)).expect("just measured");
        assert_eq!(measured.estimator.smoothed(), None);
        assert_eq!(measured.pings.len(), 1);
    }

    fn key(n: u8) -> PeerKey {
        PeerKey([n; 32])
    }

    fn wide(n: u64) -> PeerKey {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        PeerKey(bytes)
    }
}
