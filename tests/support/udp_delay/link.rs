//! What a packet suffers between two gates: half a round trip, a share of the bandwidth, and sometimes bad luck.
//!
//! A [`Link`] is the wish, a [`Lane`] is one direction of it with what that direction remembers. Given the same packets at
//! the same times, a lane says the same: luck comes from a seed. Invariant: packets leave in the order they came, except
//! those that are held back on purpose.

use clock::Time;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::time::Duration;

/// What luck is counted in.
const MILLION: u32 = 1_000_000;

/// The round trip that a link adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoundTrip {
    /// Always the same.
    Fixed(Duration),
    /// From each time on (since the gates were opened, ascending) another one; before the first, the first.
    Trace(Vec<(Time, Duration)>),
}

impl RoundTrip {
    fn at(&self, now: Time) -> Duration {
        match self {
            Self::Fixed(round_trip) => *round_trip,
            Self::Trace(steps) => {
                let passed = steps.partition_point(|(from, _)| *from <= now);
                steps.get(passed.saturating_sub(1)).map_or(Duration::ZERO, |(_, round_trip)| *round_trip)
            }
        }
    }
}

/// A wish for both directions between two gates. The default adds nothing and loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Added to what the machine takes by itself; half of it in each direction.
    pub round_trip: RoundTrip,
    /// In each direction; `None` is as fast as the machine.
    pub bytes_per_second: Option<u64>,
    /// How many bytes may wait for bandwidth; a packet that finds no room is lost, as in a router.
    pub queue_bytes: u64,
    /// Packets lost, of a million.
    pub lost_per_million: u32,
    /// Packets held back, of a million.
    pub late_per_million: u32,
    /// For how long those are held back; the ones behind overtake.
    pub late_by: Duration,
    /// Where luck comes from.
    pub seed: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            round_trip: RoundTrip::Fixed(Duration::ZERO),
            bytes_per_second: None,
            queue_bytes: 256 * 1024,
            lost_per_million: 0,
            late_per_million: 0,
            late_by: Duration::ZERO,
            seed: 0,
        }
    }
}

impl Link {
    /// One that only adds a round trip.
    pub fn with_round_trip(round_trip: Duration) -> Self {
        Self { round_trip: RoundTrip::Fixed(round_trip), ..Self::default() }
    }
}

/// What went one way, in UDP payload: what a browser's own `bytesSent` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that came in at the gate.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the packets, those lost by bad luck.
    pub lost: u64,
    /// Of the packets, those that found no room in the queue.
    pub crowded_out: u64,
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Lane {
    link: Link,
    luck: ChaCha8Rng,
    /// When the last bit of everything accepted so far has left the narrow place.
    free_at: Time,
    /// When the last packet in order is due.
    last_due: Time,
    traffic: Traffic,
}

impl Lane {
    /// `direction` keeps the two ways of a link from sharing their luck.
    pub(crate) fn new(link: Link, direction: u64) -> Self {
        let luck = ChaCha8Rng::seed_from_u64(link.seed.wrapping_mul(2).wrapping_add(direction));
        Self { link, luck, free_at: Time::ZERO, last_due: Time::ZERO, traffic: Traffic::default() }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Other properties from now on; what is counted stays.
    pub(crate) fn change(&mut self, link: Link, direction: u64) {
        *self = Self { traffic: self.traffic, last_due: self.last_due, ..Self::new(link, direction) };
    }

    /// When a packet that comes in now goes out; `None` if it is lost.
    pub(crate) fn pass(&mut self, now: Time, length: u64) -> Option<Time> {
        self.traffic.packets += 1;
        self.traffic.bytes += length;
        let Some(through) = self.through_the_narrow_place(now, length) else {
            self.traffic.crowded_out += 1;
            return None;
        };
        if self.happens(self.link.lost_per_million) {
            self.traffic.lost += 1;
            return None;
        }
        let due = through + self.link.round_trip.at(now) / 2;
        if self.happens(self.link.late_per_million) {
            return Some(due + self.link.late_by);
        }
        // A round trip that falls does not let packets overtake each other.
        self.last_due = self.last_due.max(due);
        Some(self.last_due)
    }

    fn through_the_narrow_place(&mut self, now: Time, length: u64) -> Option<Time> {
        let Some(rate) = self.link.bytes_per_second else { return Some(now) };
        let time_for = |bytes: u64| Duration::from_micros(bytes.saturating_mul(1_000_000) / rate.max(1));
        let waits = self.free_at.saturating_since(now);
        if waits + time_for(length) > time_for(self.link.queue_bytes) {
            return None;
        }
        self.free_at = self.free_at.max(now) + time_for(length);
        Some(self.free_at)
    }

    /// Draws only where there is luck, so that a link without loss costs nothing.
    fn happens(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.luck.next_u32() % MILLION < per_million
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(link: Link) -> Lane {
        Lane::new(link, 0)
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    #[test]
    fn packet_takes_half_the_round_trip() {
        let mut lane = lane(Link::with_round_trip(Duration::from_millis(50)));
        assert_eq!(lane.pass(at(7), 1_200), Some(at(32)));
    }

    #[test]
    fn trace_gives_the_round_trip_of_its_moment() {
        let steps = vec![(at(100), Duration::from_millis(20)), (at(200), Duration::from_millis(80))];
        let mut lane = lane(Link { round_trip: RoundTrip::Trace(steps), ..Link::default() });
        let due = [50, 100, 199, 200].map(|now| lane.pass(at(now), 100));
        assert_eq!(due, [60, 110, 209, 240].map(|due| Some(at(due))));
    }

    #[test]
    fn falling_round_trip_keeps_the_order() {
        let steps = vec![(at(0), Duration::from_millis(100)), (at(10), Duration::from_millis(20))];
        let mut lane = lane(Link { round_trip: RoundTrip::Trace(steps), ..Link::default() });
        assert_eq!(lane.pass(at(5), 100), Some(at(55)));
        assert_eq!(lane.pass(at(11), 100), Some(at(55)), "it may not overtake");
        assert_eq!(lane.pass(at(60), 100), Some(at(70)));
    }

    #[test]
    fn bandwidth_spaces_packets_and_a_full_queue_loses_them() {
        // A byte a microsecond, room for three packets.
        let link = Link { bytes_per_second: Some(1_000_000), queue_bytes: 3_000, ..Link::default() };
        let mut lane = lane(link);
        let due: Vec<_> = (0..5).map(|_| lane.pass(at(0), 1_000)).collect();
        assert_eq!(due, [Some(at(1)), Some(at(2)), Some(at(3)), None, None]);
        assert_eq!(lane.pass(at(1), 1_000), Some(at(4)), "one has left");
        let traffic = lane.traffic();
        assert_eq!((traffic.packets, traffic.bytes, traffic.crowded_out, traffic.lost), (6, 6_000, 2, 0));
    }

    #[test]
    fn luck_is_as_asked_and_the_same_for_the_same_seed() {
        let fates = |seed: u64| {
            let mut lane = lane(Link { lost_per_million: 50_000, seed, ..Link::default() });
            (0..10_000).map(|now| lane.pass(at(now), 100).is_some()).collect::<Vec<_>>()
        };
        let lost = fates(1).iter().filter(|arrives| !**arrives).count();
        assert!((400..600).contains(&lost), "5 % of 10,000 were to be lost, not {lost}");
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }

    #[test]
    fn late_packets_are_overtaken() {
        let late_by = Duration::from_millis(5);
        let mut lane = lane(Link { late_per_million: 100_000, late_by, ..Link::default() });
        let due: Vec<_> = (0..1_000).map(|now| lane.pass(at(now), 100).expect("nothing is lost")).collect();
        let overtaken = due.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((50..150).contains(&overtaken), "about a tenth is late, not {overtaken}");
    }

    #[test]
    fn changed_link_keeps_its_count_and_its_order() {
        let mut lane = lane(Link::with_round_trip(Duration::from_millis(100)));
        assert_eq!(lane.pass(at(0), 10), Some(at(50)));
        lane.change(Link::default(), 0);
        assert_eq!(lane.pass(at(1), 10), Some(at(50)));
        assert_eq!(lane.traffic().bytes, 20);
    }
}
