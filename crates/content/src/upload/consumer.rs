//! One consumer: what it asked for, what is being read for it, what has not left our queue.
//!
//! Bounds: groups that it may wait for, and bytes that may be on their way to it. What is on its way counts
//! from the moment the read begins.

use super::{ReadId, UploadConfig};
use crate::layout::GROUPS_PER_CHUNK;
use crate::{GroupRange, Root};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Contents that one consumer may follow: more than a person fetches at once.
pub(super) const FOLLOWS_MAX: usize = 256;

/// Bytes of answers other than groups that may wait unread before the consumer counts as flooding: over a
/// thousand refusals.
const ANSWERS_MAX: u32 = 64 * 1024;

/// Groups asked for and not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) root: Root,
    pub(super) range: GroupRange,
    pub(super) known: u8,
}

/// A read under way.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) root: Root,
    pub(super) range: GroupRange,
    bytes: u32,
    /// What was cancelled meanwhile.
    pub(super) cancelled: BTreeSet<u32>,
}

impl Reading {
    /// What is still wanted of it, run by run.
    pub(super) fn uncancelled(&self) -> Vec<GroupRange> {
        let mut runs: Vec<GroupRange> = Vec::new();
        for group in self.range.iter().filter(|group| !self.cancelled.contains(group)) {
            match runs.last_mut() {
                Some(run) if run.end() == group => run.count += 1,
                Some(_) | None => runs.push(GroupRange::single(group)),
            }
        }
        runs
    }
}

#[derive(Debug, Default)]
pub(super) struct Consumer {
    queue: VecDeque<Wanted>,
    queued: u32,
    pub(super) reading: BTreeMap<ReadId, Reading>,
    reading_bytes: u32,
    unflushed: u32,
    follows: BTreeSet<Root>,
    /// Followed contents of which it missed news, because its answers were not read.
    behind: BTreeSet<Root>,
    /// Bytes of groups sent to it.
    pub(super) given: u64,
}

impl Consumer {
    /// Puts a want at the end of the queue. False if the queue has no room for it.
    pub(super) fn enqueue(&mut self, wanted: Wanted, config: &UploadConfig) -> bool {
        let fits = wanted.range.count <= config.queue_groups_max.saturating_sub(self.queued);
        if fits {
            self.queued += wanted.range.count;
            self.queue.push_back(wanted);
        }
        fits
    }

    /// What to read next, if that may begin now: the oldest want, joined with those that go on where it ends.
    pub(super) fn next_read(&self, config: &UploadConfig) -> Option<Wanted> {
        let free = (self.reading.len() as u32) < config.reads_per_peer_max;
        let mut read = self.queue.front().copied().filter(|_| free)?;
        for more in self.queue.iter().skip(1) {
            let follows = more.root == read.root && more.range.first == read.range.end();
            if !follows || read.range.count + more.range.count > GROUPS_PER_CHUNK {
                break;
            }
            read.range.count += more.range.count;
        }
        Some(read)
    }

    /// Whether so many more bytes may be on their way: within the bound, or when half of it is free, since one read
    /// can be as large as the bound and the next must not wait until the last byte has left.
    pub(super) fn has_room(&self, bytes: u32, config: &UploadConfig) -> bool {
        let on_way = self.unflushed.saturating_add(self.reading_bytes);
        on_way <= config.unflushed_max / 2 || on_way.saturating_add(bytes) <= config.unflushed_max
    }

    /// The read that [`next_read`](Self::next_read) named begins.
    pub(super) fn begin(&mut self, read: ReadId, wanted: Wanted, bytes: u32) {
        let mut left = wanted.range.count;
        while let Some(first) = self.queue.front().filter(|_| left > 0) {
            left = left.saturating_sub(first.range.count);
            self.queue.pop_front();
        }
        self.queued -= wanted.range.count;
        self.reading_bytes += bytes;
        let (root, range) = (wanted.root, wanted.range);
        self.reading.insert(read, Reading { root, range, bytes, cancelled: BTreeSet::new() });
    }

    /// A read is over, well or not.
    pub(super) fn end(&mut self, read: ReadId) -> Option<Reading> {
        let reading = self.reading.remove(&read)?;
        self.reading_bytes -= reading.bytes;
        Some(reading)
    }

    /// Forgets these groups, wherever they wait.
    pub(super) fn cancel(&mut self, root: Root, range: GroupRange) {
        let queue = core::mem::take(&mut self.queue);
        for wanted in queue {
            if wanted.root != root {
                self.queue.push_back(wanted);
                continue;
            }
            self.queue.extend(without(wanted, range));
        }
        self.queued = self.queue.iter().map(|wanted| wanted.range.count).sum();
        for reading in self.reading.values_mut().filter(|reading| reading.root == root) {
            reading.cancelled.extend(reading.range.intersection(range).iter());
        }
    }

    /// Takes out everything that waits of one content.
    pub(super) fn take_queued(&mut self, root: Root) -> Vec<GroupRange> {
        let (gone, kept): (Vec<Wanted>, Vec<Wanted>) = self.queue.drain(..).partition(|wanted| wanted.root == root);
        self.queue = kept.into();
        self.queued = self.queue.iter().map(|wanted| wanted.range.count).sum();
        gone.into_iter().map(|wanted| wanted.range).collect()
    }

    pub(super) fn on_sent(&mut self, bytes: u32) {
        self.unflushed = self.unflushed.saturating_add(bytes);
    }

    pub(super) fn on_flushed(&mut self, bytes: u32) {
        self.unflushed = self.unflushed.saturating_sub(bytes);
    }

    /// It asks and asks, and does not read what we answer.
    pub(super) fn is_flooding(&self, config: &UploadConfig) -> bool {
        self.unflushed > config.unflushed_max.saturating_mul(2).saturating_add(ANSWERS_MAX)
    }

    /// Remembers that it wants news of a content. False if it follows too many.
    pub(super) fn follow(&mut self, root: Root) -> bool {
        let fits = self.follows.len() < FOLLOWS_MAX || self.follows.contains(&root);
        if fits {
            self.follows.insert(root);
        }
        fits
    }

    pub(super) fn unfollow(&mut self, root: Root) {
        self.follows.remove(&root);
        self.behind.remove(&root);
    }

    pub(super) fn is_following(&self, root: Root) -> bool {
        self.follows.contains(&root)
    }

    /// It missed news of a content.
    pub(super) fn fall_behind(&mut self, root: Root) {
        self.behind.insert(root);
    }

    pub(super) fn is_behind(&self, root: Root) -> bool {
        self.behind.contains(&root)
    }

    /// A content of which it missed news, once there is room to tell.
    pub(super) fn catch_up(&mut self, config: &UploadConfig) -> Option<Root> {
        if self.unflushed >= config.unflushed_max { None } else { self.behind.pop_first() }
    }
}

/// What is left of a want without `range`: nothing, it, one end of it, or both.
fn without(wanted: Wanted, range: GroupRange) -> impl Iterator<Item = Wanted> {
    let both = wanted.range.intersection(range);
    let (before, after) = match both.is_empty() {
        true => (wanted.range, GroupRange::new(wanted.range.end(), 0)),
        false => (
            GroupRange::new(wanted.range.first, both.first - wanted.range.first),
            GroupRange::new(both.end(), wanted.range.end() - both.end()),
        ),
    };
    // What was known above the first group is known above later ones only as far as they share it, and
    // nobody said how far: the end starts afresh.
    let before = Wanted { range: before, ..wanted };
    let after = Wanted { range: after, known: 0, ..wanted };
    [before, after].into_iter().filter(|part| !part.range.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Root = Root([1; 32]);

    fn wanted(first: u32, count: u32) -> Wanted {
        Wanted { root: ROOT, range: GroupRange::new(first, count), known: 3 }
    }

    #[test]
    fn a_want_loses_its_middle() {
        let parts: Vec<_> = without(wanted(4, 8), GroupRange::new(6, 2)).collect();
        assert_eq!(parts, [wanted(4, 2), Wanted { known: 0, ..wanted(8, 4) }]);
        assert!(without(wanted(4, 8), GroupRange::new(0, 99)).next().is_none());
        assert_eq!(without(wanted(4, 8), GroupRange::new(12, 4)).collect::<Vec<_>>(), [wanted(4, 8)]);
    }

    #[test]
    fn wants_that_go_on_from_each_other_are_read_together() {
        let config = UploadConfig::default();
        let mut consumer = Consumer::default();
        for want in [wanted(0, 4), wanted(4, 4), wanted(8, 9), wanted(20, 1)] {
            assert!(consumer.enqueue(want, &config));
        }
        assert_eq!(consumer.next_read(&config), Some(wanted(0, 8)));
        consumer.begin(ReadId(0), wanted(0, 8), 8);
        assert_eq!(consumer.next_read(&config), Some(wanted(8, 9)));
        consumer.begin(ReadId(1), wanted(8, 9), 9);
        assert_eq!(consumer.next_read(&config), None, "two reads are under way");
        assert_eq!(consumer.queued, 1);
    }

    #[test]
    fn a_cancelled_group_is_not_read_and_one_being_read_is_not_sent() {
        let config = UploadConfig::default();
        let mut consumer = Consumer::default();
        consumer.enqueue(wanted(0, 4), &config);
        consumer.begin(ReadId(0), wanted(0, 4), 4);
        consumer.enqueue(wanted(4, 4), &config);
        consumer.cancel(ROOT, GroupRange::new(3, 2));
        assert_eq!(consumer.queued, 3);
        let reading = consumer.end(ReadId(0)).unwrap();
        assert!(reading.cancelled.iter().eq(&[3]));
    }
}
