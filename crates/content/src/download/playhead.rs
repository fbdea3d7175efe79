//! Playing while it loads: the groups at the playhead come first.
//!
//! A [`Playhead`] is a run of groups that a player needs now, in order. While one is set, every source that holds
//! some of it is asked for its first missing groups before anything else; what is behind it stays rarest first.
//! A jump takes back what was asked for elsewhere and has not begun to come, so that the player does not wait
//! behind it; what arrives all the same is as good as ever. Promises are tighter here, a slow source is passed
//! over when a quick one holds the same, and whoever is late is raced at once, not only at the end. Groups of the
//! playhead go to the store one by one: the player reads them from there.

use super::groups::Mask;
use super::{Download, Flows};
use crate::layout::{chunk_of, group_count};
use crate::{GROUP_LEN, GroupRange};
use clock::Time;
use core::fmt::Debug;
use core::time::Duration;

/// Groups that a playhead may cover: 16 MiB, as much as may be in flight and unstored.
pub const PLAYHEAD_GROUPS_MAX: u32 = 1024;

/// A source is passed over when another brings a group in less than a part of its time ...
const QUICKER: u32 = 2;
/// ... and this much sooner.
const QUICKER_BY: Duration = Duration::from_millis(50);

/// What a player needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Playhead(GroupRange);

impl Playhead {
    pub(super) fn contains(self, group: u32) -> bool {
        self.0.contains(group)
    }
}

impl<P: Copy + Ord + Debug> Download<P> {
    /// A player needs `window` groups from `group` on, in order and before all others; `None` when it stopped.
    /// To be said again as it plays. At most [`PLAYHEAD_GROUPS_MAX`] groups, cut off at the content's end.
    pub fn set_playhead(&mut self, now: Time, flows: &mut Flows<P>, group: Option<u32>, window: u32) {
        let groups = GroupRange::whole(self.length());
        let wanted = group.map(|group| GroupRange::new(group, window.min(PLAYHEAD_GROUPS_MAX)).intersection(groups));
        let before = self.playhead.take();
        self.playhead = wanted.filter(|range| !range.is_empty()).map(Playhead);
        let Some(playhead) = self.playhead.filter(|_| !self.done && !self.paused) else { return };
        core::mem::swap(&mut self.flows, flows);
        if before.is_none_or(|before| !before.contains(playhead.0.first)) {
            self.make_way(playhead);
        }
        for chunk in self.playhead_chunks(playhead) {
            // What waits for its chunk to be whole is what the player waits for.
            self.hand_to_store(chunk);
        }
        self.ask_all(now);
        core::mem::swap(&mut self.flows, flows);
    }

    /// Groups stored from `group` on, without a gap: what a player can read now.
    pub fn stored_from(&self, group: u32) -> u32 {
        (group..group_count(self.length())).take_while(|&group| self.groups.is_stored(group)).count() as u32
    }

    fn playhead_chunks(&self, playhead: Playhead) -> core::ops::RangeInclusive<u32> {
        chunk_of(playhead.0.first)..=chunk_of(playhead.0.end() - 1)
    }

    /// Takes back what no answer has begun for and the player does not need, from everyone who could help it.
    fn make_way(&mut self, playhead: Playhead) {
        let needed = |source: &super::Source| {
            self.playhead_chunks(playhead)
                .any(|chunk| source.holds(chunk) && !self.urgent_of(playhead, chunk).is_empty())
        };
        let helpers: Vec<P> = self.sources.iter().filter(|(_, source)| needed(source)).map(|(&peer, _)| peer).collect();
        for peer in helpers {
            let idle: Vec<GroupRange> = self
                .sources
                .get(&peer)
                .into_iter()
                .flat_map(|source| source.requests().filter(|request| !request.begun))
                .flat_map(|request| request.left.runs(request.chunk))
                .filter(|range| range.intersection(playhead.0).is_empty())
                .collect();
            for range in idle {
                self.take_back_range(peer, range);
                self.send(peer, crate::Message::Cancel { root: self.root(), range });
            }
            self.release_current(peer);
        }
    }

    /// The missing groups of a chunk that the player needs.
    fn urgent_of(&self, playhead: Playhead, chunk: u32) -> Mask {
        self.groups.missing(chunk).and(Mask::of_chunk(chunk, playhead.0))
    }

    /// The first groups that the player needs, nobody was asked for, and `peer` should bring.
    pub(super) fn urgent(&self, peer: P, limit: u32) -> Option<GroupRange> {
        let playhead = self.playhead?;
        let source = self.sources.get(&peer)?;
        self.playhead_chunks(playhead).filter(|&chunk| source.holds(chunk)).find_map(|chunk| {
            let range = self.urgent_of(playhead, chunk).first_run(chunk, limit)?;
            (!self.is_outrun(peer, chunk)).then_some(range)
        })
    }

    /// Groups that the player needs and whose source is late: somebody else is asked, too.
    pub(super) fn urgent_overdue(&self, now: Time, peer: P, limit: u32) -> Option<GroupRange> {
        let playhead = self.playhead?;
        let racer = self.sources.get(&peer)?;
        let late = self.sources.iter().filter(|(other, owner)| {
            **other != peer && self.flows.get(**other).is_some_and(|flow| owner.is_late(now, flow, self.flows.config()))
        });
        let requests = late.flat_map(|(_, owner)| owner.requests()).filter(|request| racer.holds(request.chunk));
        let raceable = requests.filter_map(|request| {
            let free = request.left.and(self.groups.unraced(request.chunk));
            free.and(Mask::of_chunk(request.chunk, playhead.0)).first_run(request.chunk, limit)
        });
        raceable.min_by_key(|range| range.first)
    }

    /// Something that the player needs is on its way: to be looked at again soon.
    pub(super) fn urgent_in_flight(&self) -> bool {
        let Some(playhead) = self.playhead else { return false };
        self.playhead_chunks(playhead)
            .any(|chunk| !self.groups.in_flight(chunk).and(Mask::of_chunk(chunk, playhead.0)).is_empty())
    }

    /// Another source that holds the chunk would bring a group of it much sooner.
    fn is_outrun(&self, peer: P, chunk: u32) -> bool {
        let time = |peer: P| {
            let flow = self.flows.get(peer)?;
            flow.time_for(flow.outstanding() + GROUP_LEN)
        };
        let Some(ours) = time(peer) else { return false };
        self.sources
            .iter()
            .filter(|(other, source)| **other != peer && source.is_ready() && source.holds(chunk))
            .filter_map(|(&other, _)| time(other))
            .any(|theirs| theirs * QUICKER + QUICKER_BY < ours)
    }
}
