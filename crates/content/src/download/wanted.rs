//! Wanting some of a content: the groups of the files that a person chose, and not the others.
//!
//! What is not wanted is not missing, so nothing below knows of it: it is not picked, not played, not raced. What was
//! asked for before and is not wanted any more is taken back; what arrives all the same is thrown away like anything that
//! nobody asked for, so that no source decides what this tab holds.

use super::groups::Mask;
use super::{Download, DownloadOutput, Flows};
use crate::layout::chunk_count;
use crate::{GROUPS_PER_CHUNK, GroupRange, Message};
use clock::Time;
use core::fmt::Debug;

impl<P: Copy + Ord + Debug> Download<P> {
    /// From now on these groups are wanted, with what is here already; `None` for all. Ranges may overlap and come in
    /// any order; what lies outside of the content is ignored. Says [`DownloadOutput::Enough`] when that is here.
    pub fn set_wanted(&mut self, now: Time, flows: &mut Flows<P>, wanted: Option<&[GroupRange]>) {
        if self.done {
            return;
        }
        let chunks = chunk_count(self.length());
        let mut masks = vec![if wanted.is_none() { Mask::ALL } else { Mask::NONE }; chunks as usize];
        let inside = |range: &GroupRange| range.intersection(GroupRange::whole(self.length()));
        for range in wanted.unwrap_or_default().iter().map(inside).filter(|range| !range.is_empty()) {
            for chunk in range.first / GROUPS_PER_CHUNK..range.end().div_ceil(GROUPS_PER_CHUNK) {
                let mask = &mut masks[chunk as usize];
                *mask = mask.or(Mask::of_chunk(chunk, range));
            }
        }
        core::mem::swap(&mut self.flows, flows);
        for (chunk, mask) in (0..chunks).zip(masks) {
            self.take_back_unwanted(chunk, self.groups.in_flight(chunk).without(mask));
            self.groups.set_wanted(chunk, mask);
            self.refresh(chunk);
        }
        self.enough = false;
        self.finish_if_stored();
        self.ask_all(now);
        core::mem::swap(&mut self.flows, flows);
    }

    /// Something of `chunk` is wanted, and all of that is stored.
    pub fn has_enough_of(&self, chunk: u32) -> bool {
        chunk < chunk_count(self.length()) && self.groups.has_enough_of(chunk)
    }

    /// Whoever was asked for these groups of `chunk` need not send them.
    fn take_back_unwanted(&mut self, chunk: u32, unwanted: Mask) {
        if unwanted.is_empty() {
            return;
        }
        let root = self.root();
        for peer in self.peers() {
            for range in unwanted.runs(chunk) {
                if self.take_back_range(peer, range) {
                    self.send(peer, Message::Cancel { root, range });
                }
            }
        }
    }

    /// Says once that all that is wanted is here.
    pub(super) fn tell_enough(&mut self) {
        if !self.done && !self.enough && self.groups.stored_bytes() == self.groups.wanted_bytes() {
            self.enough = true;
            self.outbox.push_back(DownloadOutput::Enough);
        }
    }
}
