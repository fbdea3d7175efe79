//! Verified groups wait for the rest of their chunk, so that the store writes 256 KiB at a time.
//!
//! They do not wait long: what the store does not have is lost with the tab. Bounded by the download's
//! `buffer_max`, which counts what is verified and not stored.

use super::groups::Mask;
use crate::layout::chunk_of;
use crate::{GROUPS_PER_CHUNK, GroupRange, VerifiedGroup};
use bytes::{Bytes, BytesMut};
use clock::Time;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Gather {
    chunks: BTreeMap<u32, Waiting>,
    /// When each chunk's first group came, in order. Its front waits; behind it are chunks handed on since.
    order: VecDeque<(Time, u32)>,
}

#[derive(Debug)]
struct Waiting {
    since: Time,
    groups: [Option<Bytes>; GROUPS_PER_CHUNK as usize],
    mask: Mask,
}

impl Gather {
    pub(super) fn push(&mut self, now: Time, group: VerifiedGroup) {
        let (index, chunk) = (group.group(), chunk_of(group.group()));
        let order = &mut self.order;
        let waiting = self.chunks.entry(chunk).or_insert_with(|| {
            order.push_back((now, chunk));
            Waiting { since: now, groups: Default::default(), mask: Mask::NONE }
        });
        waiting.mask = waiting.mask.or(Mask::single(index));
        waiting.groups[(index % GROUPS_PER_CHUNK) as usize] = Some(group.into_bytes());
    }

    /// What waits of `chunk`, run by run, each as one piece of memory.
    pub(super) fn take(&mut self, chunk: u32) -> Vec<(GroupRange, Bytes)> {
        let Some(mut waiting) = self.chunks.remove(&chunk) else { return Vec::new() };
        self.skip_taken();
        waiting.mask.runs(chunk).map(|run| (run, waiting.join(run))).collect()
    }

    /// A chunk that has waited for `wait` or longer.
    pub(super) fn overdue(&self, now: Time, wait: Duration) -> Option<u32> {
        self.order.front().filter(|&&(since, _)| since + wait <= now).map(|&(_, chunk)| chunk)
    }

    /// Since when the oldest waits.
    pub(super) fn since(&self) -> Option<Time> {
        self.order.front().map(|&(since, _)| since)
    }

    /// The front of the order always waits.
    fn skip_taken(&mut self) {
        while let Some(&(since, chunk)) = self.order.front()
            && self.chunks.get(&chunk).is_none_or(|waiting| waiting.since != since)
        {
            self.order.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Waiting {
    fn join(&mut self, run: GroupRange) -> Bytes {
        let mut parts = run.iter().filter_map(|group| self.groups[(group % GROUPS_PER_CHUNK) as usize].take());
        match run.count {
            1 => parts.next().unwrap_or_default(),
            _ => {
                let mut joined = BytesMut::with_capacity((run.count * crate::GROUP_LEN) as usize);
                parts.for_each(|part| joined.extend_from_slice(&part));
                joined.freeze()
            }
        }
    }
}
