//! Finishing: when nothing is missing, a source with nothing to do helps the one that takes longest.
//!
//! It *steals* what the slower one has not begun to send: the slower is told to forget the groups before the
//! faster is asked, so nothing comes twice. What has left the slower one's storage cannot be called back and is
//! left to it, as long as it comes when its own history says it should. When it does not, the helper *races*
//! it for the rest, in small requests from the far end, so that the two meet in the middle; whoever brings the
//! first group of a raced request keeps that request, and the other is told to forget it. What arrives twice is
//! counted as wasted, and only a race can make it.
//!
//! A race may also be wished from the start ([`Download::race`]): for something small, whose time is the round trip
//! of whoever is asked, two that may each be quick are quicker than one.

use super::groups::Mask;
use super::{Download, Flows};
use crate::layout::chunk_of;
use crate::{GROUP_LEN, GROUPS_PER_CHUNK, GroupRange, Message};
use clock::Time;
use core::fmt::Debug;
use core::time::Duration;

/// Sources that race from the start: as many as may be chosen at once.
const RACERS_MAX: usize = 4;

/// Groups in one racing request.
pub(super) const RACE_GROUPS_MAX: u32 = 4;

/// Stealing pays when it brings a group sooner by this, ...
const GAIN_MIN: Duration = Duration::from_millis(100);
/// ... or by this part of the time that the slower one needs, whichever is more: less is noise.
const GAIN_PART: u32 = 4;

/// Bytes that a provider may have on their way and cannot call back: the bound of its unflushed bytes
/// ([`UploadConfig`](crate::UploadConfig)). What the path holds comes on top.
const COMMITTED: u32 = 256 * 1024;

/// How often a source with nothing to do is looked at again.
pub(super) const HELP_EVERY: Duration = Duration::from_millis(100);

impl<P: Copy + Ord + Debug> Download<P> {
    /// Asks these sources for the same at once, from now on and as long as none of them has begun to answer. Two of
    /// them race for a group at most; whoever sends the first byte keeps the request.
    pub fn race(&mut self, now: Time, flows: &mut Flows<P>, racers: impl IntoIterator<Item = P>) {
        self.racers = racers.into_iter().take(RACERS_MAX).collect();
        if self.done || self.paused {
            return;
        }
        core::mem::swap(&mut self.flows, flows);
        self.ask_all(now);
        core::mem::swap(&mut self.flows, flows);
    }

    /// Gives `peer`, which has nothing to do, a part of what another was asked for.
    /// At most `room` groups, as for any request.
    pub(super) fn help(&mut self, now: Time, peer: P, room: u32) -> bool {
        if let Some(range) = self.unbegun(peer, room) {
            self.groups.race(chunk_of(range.first), Mask::of(range));
            self.request(now, peer, range);
            return true;
        }
        if let Some((owner, range)) = self.stealable(peer, room) {
            self.steal(now, owner, peer, range);
            return true;
        }
        if let Some(range) = self.overdue(now, peer, room.min(RACE_GROUPS_MAX)) {
            self.groups.race(chunk_of(range.first), Mask::of(range));
            self.request(now, peer, range);
            return true;
        }
        if self.groups.in_flight_count() > 0 {
            self.help_at = self.help_at.or(Some(now + HELP_EVERY));
        }
        false
    }

    /// The groups that would come last, if `peer` would bring them sooner and their owner can still be told.
    fn stealable(&self, peer: P, room: u32) -> Option<(P, GroupRange)> {
        let thief = self.sources.get(&peer)?;
        let flow = self.flows.get(peer)?;
        let mut slowest: Option<(Duration, P, GroupRange)> = None;
        for (&other, owner) in self.sources.iter().filter(|(other, _)| **other != peer) {
            let Some(theirs) = self.flows.get(other) else { continue };
            let Some(rate) = theirs.rate() else { continue };
            let committed = COMMITTED as u64 + super::flows::bytes_in(rate, theirs.answer_time());
            let mut ahead = theirs.outstanding();
            for request in owner.requests().rev() {
                if u64::from(ahead) <= committed {
                    break;
                }
                let free = request.left.and(self.groups.unraced(request.chunk));
                let safe = ((u64::from(ahead) - committed) / u64::from(GROUP_LEN)).min(GROUPS_PER_CHUNK.into()) as u32;
                let wait = theirs.time_for(ahead).unwrap_or_default();
                let gain = GAIN_MIN.max(wait / GAIN_PART);
                // As many as both finish together, from what both can do.
                let worth = (1..=safe.min(room))
                    .take_while(|&count| {
                        let ours = flow.time_for(flow.outstanding() + count * GROUP_LEN);
                        let left = theirs.time_for(ahead - (count - 1) * GROUP_LEN).unwrap_or_default();
                        ours.is_some_and(|ours| ours + gain < left)
                    })
                    .count() as u32;
                if thief.holds(request.chunk)
                    && worth > 0
                    && slowest.as_ref().is_none_or(|(longest, ..)| wait > *longest)
                    && let Some(range) = free.last_run(request.chunk, worth)
                {
                    slowest = Some((wait, other, range));
                }
                ahead -= request.bytes_left.min(ahead);
            }
        }
        slowest.map(|(_, owner, range)| (owner, range))
    }

    /// What another racer was asked for and has not begun to send.
    fn unbegun(&self, peer: P, limit: u32) -> Option<GroupRange> {
        let racer = self.sources.get(&peer).filter(|_| self.racers.contains(&peer))?;
        let others = self.sources.iter().filter(|(other, _)| **other != peer && self.racers.contains(other));
        let requests = others.flat_map(|(_, owner)| owner.requests());
        let waits = requests.filter(|request| !request.begun && racer.holds(request.chunk));
        waits
            .into_iter()
            .find_map(|request| request.left.and(self.groups.unraced(request.chunk)).first_run(request.chunk, limit))
    }

    fn steal(&mut self, now: Time, owner: P, thief: P, range: GroupRange) {
        self.take_back_range(owner, range);
        self.send(owner, Message::Cancel { root: self.root(), range });
        self.groups.ask(chunk_of(range.first), Mask::of(range));
        self.request(now, thief, range);
    }

    /// The last groups of a source that broke the promise of its own history.
    fn overdue(&self, now: Time, peer: P, limit: u32) -> Option<GroupRange> {
        let racer = self.sources.get(&peer)?;
        let late = self.sources.iter().filter(|(other, owner)| {
            **other != peer && self.flows.get(**other).is_some_and(|flow| owner.is_late(now, flow, self.flows.config()))
        });
        late.flat_map(|(_, owner)| owner.requests().rev()).filter(|request| racer.holds(request.chunk)).find_map(
            |request| {
                let free = request.left.and(self.groups.unraced(request.chunk));
                free.last_run(request.chunk, limit)
            },
        )
    }
}
