//! Which groups to ask whom for, next.
//!
//! One [`Download`] per content: hears what the network and the store said, says what to do, never sends or
//! waits.
//! Invariant: a group is unwanted, missing, in flight, or verified, and exactly one of them.
//!
//! A source is asked for runs of groups, one chunk at a time, as soon as a little of its flow window is free,
//! so that several requests are always under way. It goes on with the chunk it began; then come chunks that
//! another source left unfinished, then the rarest, and at last a share of what others work on. When nothing
//! is missing, the slow are relieved of what they have not begun, and those that are late by their own history
//! are raced. What fails, for whatever reason, is missing again group by group.
//!
//! All groups are wanted unless somebody says otherwise ([`Download::set_wanted`]): then the rest is never asked for,
//! and the download has enough before it is done.
//!
//! Rarest first and endgame follow BEP 3 and "Rarest First and Choke Algorithms Are Enough" (2006). No event
//! costs more for a longer content, except the coming and going of a source that holds part of it.

mod ask;
mod endgame;
mod events;
mod flows;
mod gather;
mod groups;
mod leave;
mod playhead;
mod rarest_first;
mod source;
mod take_back;
mod wanted;

pub use events::{DownloadConfig, DownloadInput, DownloadOutput, DropReason, Progress, SourceView};
pub use flows::{FlowConfig, Flows, Outlook};
pub use playhead::PLAYHEAD_GROUPS_MAX;

use crate::layout::{chunk_count, chunk_of, group_count, group_len};
use crate::random::Random;
use crate::{
    Bitfield, ChangedError, GROUP_LEN, GROUPS_PER_CHUNK, GroupRange, Manifest, Message, Outboard, Refusal, Root,
    Verifier, VerifyError,
};
use bytes::Bytes;
use clock::Time;
use core::fmt::Debug;
use gather::Gather;
use groups::{Groups, Mask};
use playhead::Playhead;
use rarest_first::Rarity;
use source::{Lapse, Source};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Sources known at once: more than a tab has connections (security-and-faults.md C1). More are ignored.
pub const SOURCES_MAX: usize = 32;

/// Peers remembered as dropped. The lowest is forgotten when more are: it costs that peer a connection to
/// come back, and us one group to find out again.
const BANNED_MAX: usize = 1024;

/// Longest wait before a source that does not say what it holds is asked again.
const FOLLOW_WAIT_MAX: core::time::Duration = core::time::Duration::from_secs(60);

/// One content's fetch.
#[derive(Debug)]
pub struct Download<P> {
    manifest: Manifest,
    config: DownloadConfig,
    random: Random,
    verifier: Verifier,
    groups: Groups,
    /// Chunks stored whole.
    held: Bitfield,
    rarity: Rarity,
    /// Open chunks of which something is in flight or verified.
    begun: BTreeSet<u32>,
    /// Chunks that are some source's current one.
    claimed: Bitfield,
    sources: BTreeMap<P, Source>,
    /// What the sources can take: lent by [`handle`](Self::handle) for as long as it runs, empty otherwise.
    flows: Flows<P>,
    banned: BTreeSet<P>,
    gather: Gather,
    /// What a player needs before all else.
    playhead: Option<Playhead>,
    /// Sources that are asked for the same at once, as long as none of them has begun to answer.
    racers: BTreeSet<P>,
    wasted: u64,
    paused: bool,
    /// All that is wanted is stored, and it was said.
    enough: bool,
    done: bool,
    /// When to look again whether a source that has nothing to do could help another.
    help_at: Option<Time>,
    outbox: VecDeque<DownloadOutput<P>>,
}

impl<P: Copy + Ord + Debug> Download<P> {
    /// Starts with nothing. `seed` breaks ties between equally rare chunks, so that two consumers that start
    /// together do not ask for the same.
    ///
    /// Content of no bytes is done at once.
    pub fn new(manifest: Manifest, config: DownloadConfig, seed: u64) -> Self {
        let verifier = Verifier::new(manifest.root, manifest.length);
        let held = Bitfield::empty(group_count(manifest.length));
        Self::with_held(manifest, config, seed, verifier, &held)
    }

    /// Goes on with `held` groups that are stored, and what an earlier verifier of this content proved. Its
    /// hashes above the held groups are what lets us serve them meanwhile.
    pub fn with_held(
        manifest: Manifest,
        config: DownloadConfig,
        seed: u64,
        verifier: Verifier,
        held: &Bitfield,
    ) -> Self {
        let chunks = chunk_count(manifest.length);
        let mut download = Self {
            config,
            random: Random::new(seed),
            verifier,
            groups: Groups::new(manifest.length),
            held: Bitfield::empty(chunks),
            rarity: Rarity::new(chunks),
            begun: BTreeSet::new(),
            claimed: Bitfield::empty(chunks),
            sources: BTreeMap::new(),
            flows: Flows::new(FlowConfig::default()),
            banned: BTreeSet::new(),
            gather: Gather::default(),
            playhead: None,
            racers: BTreeSet::new(),
            wasted: 0,
            paused: false,
            enough: false,
            done: false,
            help_at: None,
            outbox: VecDeque::new(),
            manifest,
        };
        let groups = group_count(download.length());
        for group in held.iter().take_while(|&group| group < groups) {
            download.groups.verify(group);
            download.groups.store(chunk_of(group), Mask::single(group));
        }
        for chunk in 0..chunks {
            download.note_held(chunk);
            download.refresh(chunk);
        }
        download.finish_if_stored();
        download
    }

    /// The manifest it was started with.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The hash of the content.
    pub fn root(&self) -> Root {
        self.manifest.root
    }

    fn length(&self) -> u64 {
        self.manifest.length
    }

    /// Hears one thing. Once it is done, nothing matters any more. `flows` are those of all downloads.
    pub fn handle(&mut self, now: Time, flows: &mut Flows<P>, input: DownloadInput<P>) {
        if self.done {
            return;
        }
        core::mem::swap(&mut self.flows, flows);
        self.hear(now, input);
        core::mem::swap(&mut self.flows, flows);
    }

    fn hear(&mut self, now: Time, input: DownloadInput<P>) {
        match input {
            DownloadInput::SourceFound { peer } => self.on_source_found(now, peer),
            DownloadInput::SourceGone { peer } => self.on_source_gone(now, peer),
            DownloadInput::Message { peer, message } => self.on_message(now, peer, message),
            DownloadInput::Stored { range } => self.on_stored(now, range),
            DownloadInput::StoreFailed => self.on_store_failed(),
            DownloadInput::HandOver => self.hand_over(now, core::time::Duration::ZERO),
            DownloadInput::Pause => self.on_pause(),
            DownloadInput::Resume => self.on_resume(now),
            DownloadInput::Room { peer } => self.ask(now, peer),
            DownloadInput::Wake => self.on_wake(now),
        }
    }

    /// The next wish, in order; call until there is none.
    pub fn poll_output(&mut self) -> Option<DownloadOutput<P>> {
        self.outbox.pop_front()
    }

    /// When to send [`DownloadInput::Wake`], if nothing else happens before.
    pub fn next_deadline(&self, flows: &Flows<P>) -> Option<Time> {
        if self.done {
            return None;
        }
        let config = flows.config();
        let deadline = |(peer, source): (&P, &Source)| source.next_deadline(flows.get(*peer), config);
        let sources = self.sources.iter().filter_map(deadline);
        let slow = self.sources.keys().filter_map(|&peer| self.slow_at(peer, flows));
        let gathered = self.gather.since().map(|since| since + self.config.gather_max);
        sources.chain(slow).chain(gathered).chain(self.help_at).min()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            length: self.length(),
            wanted: self.groups.wanted_bytes(),
            verified: self.groups.verified_bytes(),
            stored: self.groups.stored_bytes(),
            wasted: self.wasted,
            in_flight: u64::from(self.groups.in_flight_count()) * u64::from(GROUP_LEN),
            paused: self.paused,
            done: self.done,
        }
    }

    /// Whom it knows, in order.
    pub fn sources<'a>(&'a self, flows: &'a Flows<P>) -> impl Iterator<Item = SourceView<P>> + 'a {
        self.sources.iter().map(|(&peer, source)| source.view(peer, flows.get(peer)))
    }

    /// The chunks that are stored whole: what we may offer ([`UploadInput::Offer`](crate::UploadInput::Offer)).
    pub fn held(&self) -> &Bitfield {
        &self.held
    }

    /// What [`DownloadOutput::Store`] named, as it is to be written down ([`Record`](crate::Record)).
    pub fn proof(&self, range: GroupRange) -> Option<Bytes> {
        self.verifier.proof(range)
    }

    /// The messages for a want of `range` that [`Uploads`](crate::Uploads) passed on, from a copy that is
    /// still partial. As [`Outboard::encode`].
    pub fn encode(&self, range: GroupRange, known: u8, bytes: &Bytes) -> Result<Vec<Message>, ChangedError> {
        self.verifier.encode(range, known, bytes)
    }

    /// The whole outboard, once every group is verified: for serving when the download is gone.
    pub fn outboard(&self) -> Option<Outboard> {
        self.verifier.outboard()
    }

    // What is heard.

    fn on_source_found(&mut self, now: Time, peer: P) {
        if self.banned.contains(&peer) || self.sources.contains_key(&peer) || self.sources.len() >= SOURCES_MAX {
            return;
        }
        self.sources.insert(peer, Source::new(now, chunk_count(self.length()), &self.config));
        self.flows.entry(now, peer);
        self.send(peer, Message::Follow { root: self.root() });
    }

    fn on_source_gone(&mut self, now: Time, peer: P) {
        if self.forget(peer) {
            self.ask_all(now);
        }
    }

    fn on_message(&mut self, now: Time, peer: P, message: Message) {
        if message.root() != Some(self.root()) || !self.sources.contains_key(&peer) {
            return;
        }
        match message {
            Message::Holds { bits, .. } => self.on_holds(now, peer, &bits),
            Message::Have { range, .. } => self.on_have(now, peer, range),
            Message::Group { group, parents, bytes, .. } => self.on_group(now, peer, group, &parents, bytes),
            Message::Refuse { range, reason, .. } => self.on_refuse(now, peer, range, reason),
            Message::GetManifest { .. }
            | Message::Manifest { .. }
            | Message::NoContent { .. }
            | Message::Follow { .. }
            | Message::Unfollow { .. }
            | Message::Want { .. }
            | Message::Cancel { .. } => {}
        }
    }

    fn on_holds(&mut self, now: Time, peer: P, bits: &Bitfield) {
        let expected = chunk_count(self.length());
        if bits.len() != expected {
            return self.drop_source(now, peer, DropReason::WrongShape { expected, found: bits.len() });
        }
        if let Some(source) = self.sources.get_mut(&peer) {
            source.on_answered();
        }
        for run in bits.runs() {
            self.add_held(peer, run);
        }
        self.ask(now, peer);
    }

    fn on_have(&mut self, now: Time, peer: P, range: GroupRange) {
        if !range.is_within(self.length()) {
            return self.drop_source(now, peer, DropReason::OutOfBounds);
        }
        self.add_held(peer, range.whole_chunks(self.length()));
        self.ask(now, peer);
    }

    fn on_group(&mut self, now: Time, peer: P, group: u32, parents: &[u8], bytes: Bytes) {
        let length = self.length();
        let groups = group_count(length);
        if group >= groups {
            return self.drop_source(now, peer, DropReason::OutOfBounds);
        }
        let Some(source) = self.sources.get_mut(&peer) else { return };
        let config = *self.flows.config();
        let asked = source.on_group(now, group, length, self.flows.entry(now, peer), &config);
        if asked.is_some() {
            self.settle(peer, group_len(group, length));
        }
        let wire_len = bytes.len() as u64;
        if self.groups.is_verified(group) || !self.groups.is_wanted(group) {
            self.wasted += wire_len;
            return self.on_useless(now, peer);
        }
        match self.verifier.check(group, parents, bytes) {
            Ok(verified) => {
                self.on_verified(now, peer, group, asked.unwrap_or(Mask::single(group)));
                self.gather.push(now, verified);
                if self.groups.is_whole(chunk_of(group)) || self.playhead.is_some_and(|head| head.contains(group)) {
                    self.hand_to_store(chunk_of(group));
                }
                self.ask(now, peer);
            }
            Err(error) => {
                self.wasted += wire_len;
                if asked.is_some() {
                    self.missing_again(chunk_of(group), Mask::single(group));
                }
                match error {
                    // The pairs above came with a group that was lost on the way: nobody lied.
                    VerifyError::Unconnected { .. } => self.on_unconnected(now, peer),
                    VerifyError::OutOfBounds { .. }
                    | VerifyError::Length { .. }
                    | VerifyError::Parents { .. }
                    | VerifyError::ParentHash { .. }
                    | VerifyError::GroupHash { .. } => self.drop_source(now, peer, DropReason::BadBytes(error)),
                }
            }
        }
    }

    /// `group` is proved, the first to come of what was left of a request.
    fn on_verified(&mut self, now: Time, peer: P, group: u32, left: Mask) {
        let chunk = chunk_of(group);
        let won = left.and(self.groups.raced(chunk)).or(Mask::single(group));
        let losers = self.relieve_others(peer, chunk, won);
        self.groups.verify(group);
        self.refresh(chunk);
        if let Some(source) = self.sources.get_mut(&peer) {
            source.on_useful(group_len(group, self.manifest.length), &self.config);
            self.flows.entry(now, peer).on_useful();
        }
        losers.into_iter().for_each(|loser| self.ask(now, loser));
    }

    /// Whoever else was asked for these groups need not send them.
    fn relieve_others(&mut self, peer: P, chunk: u32, won: Mask) -> Vec<P> {
        if !won.runs(chunk).flat_map(GroupRange::iter).any(|group| self.groups.is_in_flight(group)) {
            return Vec::new();
        }
        let mut losers = Vec::new();
        for other in self.peers().into_iter().filter(|other| *other != peer) {
            for range in won.runs(chunk) {
                if self.take_back_range(other, range) {
                    self.send(other, Message::Cancel { root: self.root(), range });
                    losers.push(other);
                }
            }
        }
        losers.dedup();
        losers
    }

    fn on_unconnected(&mut self, now: Time, peer: P) {
        if let Some(source) = self.sources.get_mut(&peer) {
            source.on_useless();
        }
        self.on_useless(now, peer);
    }

    fn on_useless(&mut self, now: Time, peer: P) {
        match self.sources.get(&peer) {
            Some(source) if source.is_flooding() => self.drop_source(now, peer, DropReason::Unasked),
            Some(_) => self.ask_all(now),
            None => {}
        }
    }

    fn on_refuse(&mut self, now: Time, peer: P, range: GroupRange, reason: Refusal) {
        let length = self.length();
        let range = range.intersection(GroupRange::whole(length));
        if !self.sources.contains_key(&peer) {
            return;
        }
        self.take_back_range(peer, range);
        match reason {
            Refusal::Busy => self.rest(now, peer),
            Refusal::NotHeld | Refusal::Unreadable => {
                let first = chunk_of(range.first);
                let end = range.end().div_ceil(GROUPS_PER_CHUNK);
                self.remove_held(now, peer, first..end);
            }
            Refusal::Withdrawn => self.remove_held(now, peer, 0..chunk_count(length)),
        }
        self.ask_all(now);
    }

    fn on_stored(&mut self, now: Time, range: GroupRange) {
        let range = range.intersection(GroupRange::whole(self.length()));
        if range.is_empty() {
            return;
        }
        for chunk in chunk_of(range.first)..=chunk_of(range.end() - 1) {
            self.groups.store(chunk, Mask::of_chunk(chunk, range));
            if self.note_held(chunk) {
                let range = GroupRange::of_chunk(chunk, self.length());
                self.outbox.push_back(DownloadOutput::Held { range });
            }
        }
        self.finish_if_stored();
        self.ask_all(now);
    }

    fn on_store_failed(&mut self) {
        self.on_pause();
        self.gather.clear();
        for chunk in 0..chunk_count(self.length()) {
            self.groups.forget_unstored(chunk);
            self.refresh(chunk);
        }
        // What was lost may have been wanted no more.
        self.finish_if_stored();
    }

    fn on_pause(&mut self) {
        self.paused = true;
        self.help_at = None;
        for peer in self.peers() {
            self.take_back_all(peer);
            self.flows.leave(peer, self.manifest.root);
        }
    }

    fn on_resume(&mut self, now: Time) {
        self.paused = false;
        self.ask_all(now);
    }

    fn on_wake(&mut self, now: Time) {
        self.help_at = self.help_at.filter(|&at| at > now);
        for peer in self.peers() {
            self.check_follow(now, peer);
            self.check_requests(now, peer);
            self.leave_if_slow(now, peer);
        }
        if self.gather.overdue(now, self.config.gather_max).is_some() {
            // Those half as old go along, so that many chunks in progress do not mean many alarms.
            self.hand_over(now, self.config.gather_max / 2);
        }
        self.ask_all(now);
    }

    fn check_follow(&mut self, now: Time, peer: P) {
        let Some(source) = self.sources.get_mut(&peer) else { return };
        source.wake(now);
        if source.is_unanswered(now) {
            source.follow_wait = (source.follow_wait * 2).min(FOLLOW_WAIT_MAX);
            source.follow_at = now + source.follow_wait;
            self.send(peer, Message::Follow { root: self.root() });
        }
    }

    fn check_requests(&mut self, now: Time, peer: P) {
        while let Some(source) = self.sources.get_mut(&peer)
            && let Some((due, lapse)) = source.due(self.flows.get(peer), self.flows.config())
            && due <= now
        {
            match lapse {
                Lapse::Skipped => {
                    self.take_back_first(peer);
                }
                Lapse::Silent => self.rest(now, peer),
            }
        }
    }

    // What sources hold.

    /// A source holds these chunks, too. Costs one step per chunk that is new, and one per 64 that are not.
    fn add_held(&mut self, peer: P, chunks: core::ops::Range<u32>) {
        let Some(source) = self.sources.get_mut(&peer) else { return };
        let held = source.held_mut();
        if held.is_full() {
            return;
        }
        let fresh: Vec<u32> = held.absent(chunks).collect();
        if held.ones() + fresh.len() as u32 == held.len() {
            // It holds everything now: sources that do are not counted.
            held.iter().for_each(|chunk| self.rarity.fewer(chunk));
            *held = Bitfield::full(held.len());
            return;
        }
        for chunk in fresh {
            held.insert(chunk);
            self.rarity.more(chunk);
        }
    }

    /// A source does not hold these chunks (any more), whatever it said.
    fn remove_held(&mut self, now: Time, peer: P, chunks: core::ops::Range<u32>) {
        self.release_current(peer);
        let Some(source) = self.sources.get_mut(&peer) else { return };
        let held = source.held_mut();
        if held.is_full() {
            held.iter().for_each(|chunk| self.rarity.more(chunk));
        }
        for chunk in chunks {
            if held.remove(chunk) {
                self.rarity.fewer(chunk);
            }
        }
        if source.on_refused() {
            self.drop_source(now, peer, DropReason::BrokenPromise);
        }
    }

    /// Puts a chunk where its state says it belongs, after any change of it.
    fn refresh(&mut self, chunk: u32) {
        let open = !self.claimed.get(chunk) && !self.groups.missing(chunk).is_empty();
        self.rarity.set_open(chunk, open);
        let _changed =
            if open && self.groups.is_begun(chunk) { self.begun.insert(chunk) } else { self.begun.remove(&chunk) };
    }

    // Keeping.

    /// Hands over what has waited this long.
    fn hand_over(&mut self, now: Time, wait: core::time::Duration) {
        while let Some(chunk) = self.gather.overdue(now, wait) {
            self.hand_to_store(chunk);
        }
    }

    fn hand_to_store(&mut self, chunk: u32) {
        for (range, bytes) in self.gather.take(chunk) {
            self.outbox.push_back(DownloadOutput::Store { range, bytes });
        }
    }

    /// Notes a chunk that is stored whole. True if it was not before.
    fn note_held(&mut self, chunk: u32) -> bool {
        self.groups.is_held(chunk) && self.held.insert(chunk)
    }

    fn finish_if_stored(&mut self) {
        if self.done || self.groups.stored_bytes() < self.length() {
            return self.tell_enough();
        }
        self.done = true;
        for peer in self.peers() {
            self.take_back_all(peer);
            self.flows.leave(peer, self.manifest.root);
            self.send(peer, Message::Unfollow { root: self.root() });
        }
        self.outbox.push_back(DownloadOutput::Done);
    }

    fn peers(&self) -> Vec<P> {
        self.sources.keys().copied().collect()
    }

    fn send(&mut self, peer: P, message: Message) {
        self.outbox.push_back(DownloadOutput::Send { peer, message });
    }
}

#[cfg(test)]
mod tests;
