//! Finishing: when nothing is missing, a source with nothing to do races the one that takes longest.
//!
//! A group is raced by two sources at most, in small requests from the far end of what the slower one still
//! owes, so that the two meet in the middle; the loser is cancelled as each group arrives. What arrives twice
//! is counted as wasted.

use super::Download;
use super::groups::Mask;
use crate::GroupRange;
use clock::Time;
use core::fmt::Debug;
use core::time::Duration;

/// Groups in one racing request.
const RACE_GROUPS_MAX: u32 = 4;

/// Racing pays when the owner needs this many times as long as we would, ...
const RACE_FACTOR: u32 = 2;
/// ... and this much longer: less is noise.
const RACE_MARGIN: Duration = Duration::from_millis(100);

/// How often a source with nothing to do is looked at again.
const RACE_EVERY: Duration = Duration::from_millis(100);

impl<P: Copy + Ord + Debug> Download<P> {
    /// Asks `peer` for groups that somebody else was asked for, too, if it is likely to be much faster.
    /// At most `room` groups, as for any request.
    pub(super) fn race(&mut self, now: Time, peer: P, room: u32) -> bool {
        let Some(range) = self.slowest_for(now, peer, room.min(RACE_GROUPS_MAX)) else {
            if self.groups.in_flight_count() > 0 {
                self.race_at = self.race_at.or(Some(now + RACE_EVERY));
            }
            return false;
        };
        self.groups.race(crate::layout::chunk_of(range.first), Mask::of(range));
        self.request(now, peer, range);
        true
    }

    /// The groups that would come last and that `peer` could bring first.
    fn slowest_for(&self, now: Time, peer: P, limit: u32) -> Option<GroupRange> {
        let racer = self.sources.get(&peer)?;
        let ours = racer.time_for(now, racer.outstanding() + limit * crate::GROUP_LEN);
        let worth = ours * RACE_FACTOR + RACE_MARGIN;
        let mut slowest: Option<(Duration, GroupRange)> = None;
        for owner in self.sources.iter().filter(|(other, _)| **other != peer).map(|(_, owner)| owner) {
            let mut ahead = 0;
            for request in owner.requests() {
                ahead += request.bytes_left;
                let theirs = owner.time_for(now, ahead);
                let free = request.left.and(self.groups.unraced(request.chunk));
                let better = theirs > slowest.map_or(worth, |(time, _)| time);
                if better
                    && racer.holds(request.chunk)
                    && let Some(range) = free.last_run(request.chunk, limit)
                {
                    slowest = Some((theirs, range));
                }
            }
        }
        slowest.map(|(_, range)| range)
    }
}
