//! Content bytes: who got how many, and how fast.

use crate::PeerKey;
use clock::Time;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

/// A rate is summed over slots of this length: short enough to move on the screen, long enough to be few.
const SLOT: Duration = Duration::from_millis(250);

/// Peers whose bytes we remember: all connections we may have, five times over.
const PEERS_MAX: usize = 128;

/// Bytes per second over a window that slides.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    window: Duration,
    /// Number and bytes of the slots within the window, oldest first; at most `window / SLOT` of them.
    slots: VecDeque<(u64, u64)>,
    /// When the present run of bytes began: a rate is not diluted by the time before it.
    began: Time,
}

impl Rate {
    pub(crate) fn over_seconds(seconds: u64) -> Self {
        Self { window: Duration::from_secs(seconds), slots: VecDeque::new(), began: Time::ZERO }
    }

    pub(crate) fn add(&mut self, now: Time, bytes: u64) {
        self.forget_old(now);
        if self.slots.is_empty() {
            self.began = now;
        }
        let slot = slot_of(now);
        match self.slots.back_mut() {
            Some((last, sum)) if *last == slot => *sum += bytes,
            Some(_) | None => self.slots.push_back((slot, bytes)),
        }
    }

    fn forget_old(&mut self, now: Time) {
        while self.slots.front().is_some_and(|(slot, _)| !self.counts(*slot, now)) {
            self.slots.pop_front();
        }
    }

    fn counts(&self, slot: u64, now: Time) -> bool {
        let slots_max = (self.window.as_micros() / SLOT.as_micros()) as u64;
        slot + slots_max > slot_of(now)
    }

    /// For the screen only: no decision rests on it. A run shorter than a second counts as one.
    pub(crate) fn per_second(&self, now: Time) -> f64 {
        let bytes: u64 = self.slots.iter().filter(|(slot, _)| self.counts(*slot, now)).map(|(_, bytes)| bytes).sum();
        let span = (now - self.began).clamp(Duration::from_secs(1), self.window);
        bytes as f64 / span.as_secs_f64()
    }

    /// Whether anything moved within the window.
    pub(crate) fn is_moving(&self, now: Time) -> bool {
        self.slots.back().is_some_and(|(slot, _)| self.counts(*slot, now))
    }
}

fn slot_of(now: Time) -> u64 {
    now.as_micros() / SLOT.as_micros() as u64
}

/// Bytes to and from one peer.
#[derive(Clone, Debug)]
pub(crate) struct PeerBytes {
    pub(crate) given: u64,
    pub(crate) taken: u64,
    pub(crate) give: Rate,
    pub(crate) take: Rate,
    /// Bytes of messages handed to the node and not reported as sent.
    pub(crate) unflushed: u64,
    /// Bytes of groups of contents that we do not fetch.
    pub(crate) strays: u64,
    last: Time,
}

/// The bytes of all peers.
#[derive(Debug, Default)]
pub(crate) struct Books(BTreeMap<PeerKey, PeerBytes>);

impl Books {
    pub(crate) fn get(&self, peer: PeerKey) -> Option<&PeerBytes> {
        self.0.get(&peer)
    }

    /// The page of one peer; the one unused for longest makes room.
    pub(crate) fn page(&mut self, now: Time, peer: PeerKey) -> &mut PeerBytes {
        if !self.0.contains_key(&peer) && self.0.len() == PEERS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, page)| page.last).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.0.remove(&peer));
        }
        let page = self.0.entry(peer).or_insert_with(|| PeerBytes {
            given: 0,
            taken: 0,
            give: Rate::over_seconds(10),
            take: Rate::over_seconds(10),
            unflushed: 0,
            strays: 0,
            last: now,
        });
        page.last = now;
        page
    }

    /// The content stream to a peer is gone, and what was queued on it.
    pub(crate) fn on_closed(&mut self, peer: PeerKey) {
        if let Some(page) = self.0.get_mut(&peer) {
            page.unflushed = 0;
            page.strays = 0;
        }
    }

    /// Peers that content moved to or from lately.
    pub(crate) fn moving(&self, now: Time) -> impl Iterator<Item = PeerKey> + '_ {
        let moving = move |page: &PeerBytes| page.give.is_moving(now) || page.take.is_moving(now);
        self.0.iter().filter(move |(_, page)| moving(page)).map(|(peer, _)| *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_shows_its_speed_from_the_first_second() {
        let mut rate = Rate::over_seconds(5);
        for tenth in 0..200 {
            rate.add(ms(tenth * 100), 1_000);
            if tenth >= 10 {
                let shown = rate.per_second(ms(tenth * 100));
                assert!((8_500.0..=11_500.0).contains(&shown), "{shown} at {tenth}");
            }
        }
    }

    #[test]
    fn a_stream_that_ended_shows_nothing_after_the_window() {
        let mut rate = Rate::over_seconds(5);
        rate.add(ms(0), 1_000);
        assert!(rate.is_moving(ms(4_000)));
        assert_eq!(rate.per_second(ms(5_250)), 0.0);
        assert!(!rate.is_moving(ms(5_250)));
    }

    #[test]
    fn slots_are_bounded() {
        let mut rate = Rate::over_seconds(5);
        for at in 0..10_000 {
            rate.add(ms(at * 50), 1);
        }
        assert!(rate.slots.len() <= 20, "{}", rate.slots.len());
    }

    fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }
}
