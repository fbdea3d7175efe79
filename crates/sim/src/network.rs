//! How far apart everybody is, and who can reach whom.
//!
//! Places lie on a square; the delay between two is a base plus their distance, so that near peers exist and
//! triangles hold. Jitter and loss come on top, message by message. Streams are reliable: a lost datagram is a
//! later message, and everything behind it on the same stream waits.

use crate::dice::Dice;
use crate::scenario::NetworkPlan;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Peer(usize),
    Relay(usize),
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    plan: NetworkPlan,
    /// Coordinates in microseconds of one-way delay.
    places: BTreeMap<Place, (i64, i64)>,
    /// Those cut off from everybody else, but not from each other.
    island: BTreeSet<Place>,
    dice: Dice,
    /// Decides which pairs have no direct path; a function of the pair, not of the order of asking.
    walls: u64,
}

impl Network {
    pub(crate) fn new(plan: NetworkPlan, peers: usize, relays: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let side = u64::from(plan.delay_ms[1].saturating_sub(plan.delay_ms[0])) * 1_000;
        let everybody = (0..peers).map(Place::Peer).chain((0..relays).map(Place::Relay));
        let places =
            everybody.map(|place| (place, (dice.below(side + 1) as i64, dice.below(side + 1) as i64))).collect();
        let walls = dice.next();
        Self { plan, places, island: BTreeSet::new(), dice, walls }
    }

    /// One-way delay without jitter.
    pub(crate) fn delay(&self, a: Place, b: Place) -> Duration {
        let ((ax, ay), (bx, by)) = (self.places[&a], self.places[&b]);
        // The diagonal of the square is the longest way: scale it to the plan's longest delay.
        let squared = ((ax - bx).pow(2) + (ay - by).pow(2)) as u64 / 2;
        Duration::from_millis(u64::from(self.plan.delay_ms[0])) + Duration::from_micros(squared.isqrt())
    }

    /// How long one message takes, once sent.
    pub(crate) fn travel(&mut self, a: Place, b: Place) -> Duration {
        let delay = self.delay(a, b);
        let mut travel = delay + self.dice.up_to(Duration::from_millis(u64::from(self.plan.jitter_ms)));
        // Each loss is found out after a round trip, at least the 200 ms of a retransmission timer.
        let mut losses = 0;
        while losses < 5 && self.dice.percent(self.plan.loss_percent) {
            travel += (delay * 2).max(Duration::from_millis(200));
            losses += 1;
        }
        travel
    }

    /// How long `bytes` occupy a sender's uplink.
    pub(crate) fn uplink(&self, bytes: usize) -> Duration {
        time_at(self.plan.uplink_kib.max(1), bytes)
    }

    /// How long `bytes` occupy a receiver's downlink.
    pub(crate) fn downlink(&self, bytes: usize) -> Duration {
        time_at(self.plan.downlink_kib, bytes)
    }

    /// How long `bytes` occupy one direction of a connection.
    pub(crate) fn connection(&self, bytes: usize) -> Duration {
        time_at(self.plan.connection_kib, bytes)
    }

    pub(crate) fn can_reach(&self, a: Place, b: Place) -> bool {
        self.island.contains(&a) == self.island.contains(&b)
    }

    /// Whether the two could ever connect directly, whatever the partition says now.
    pub(crate) fn has_direct_path(&self, a: usize, b: usize) -> bool {
        let pair = (a.min(b) as u64) << 32 | a.max(b) as u64;
        Dice::new(self.walls, pair).below(100) >= u64::from(self.plan.no_direct_percent)
    }

    pub(crate) fn cut_off(&mut self, island: impl IntoIterator<Item = Place>) {
        self.island = island.into_iter().collect();
    }
}

/// How long `bytes` take; no time at all where there is no limit.
fn time_at(kib_per_second: u32, bytes: usize) -> Duration {
    match u64::from(kib_per_second) * 1024 {
        0 => Duration::ZERO,
        rate => Duration::from_micros(bytes as u64 * 1_000_000 / rate),
    }
}
