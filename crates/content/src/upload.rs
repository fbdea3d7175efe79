//! Who is served next.
//!
//! One [`Uploads`] for everything we provide: it answers [`Message::Follow`], [`Message::Want`] and
//! [`Message::Cancel`], says when to read what, and hands out groups in turns, one read each. It never holds
//! bytes: what was read goes out at once, and a read begins only when there is room for it.
//!
//! Everything a stranger can fill is bounded. A want that does not fit is refused at once, so the oldest
//! promise wins; a peer that does not read its answers is hung up on.

mod consumer;
mod events;

pub use events::{DismissReason, ReadId, UploadConfig, UploadInput, UploadOutput};

use crate::layout::{chunk_count, chunk_of, group_count};
use crate::path::{path, shared_with_previous};
use crate::{Bitfield, GroupRange, Message, Refusal, Root};
use bytes::{Bytes, BytesMut};
use clock::Time;
use consumer::{Consumer, Reading, Wanted};
use core::fmt::Debug;
use core::ops::Bound;
use std::collections::{BTreeMap, VecDeque};

/// Peers served at once: more than a tab has connections (security-and-faults.md C1). More are ignored.
pub const CONSUMERS_MAX: usize = 32;

/// Bytes of a hash pair.
const PAIR_LEN: usize = crate::hash::PAIR_LEN;

#[derive(Debug)]
struct Offer {
    length: u64,
    held: Bitfield,
    /// Chunks that those who follow have not been told of.
    news: Bitfield,
    given: u64,
}

/// Everything we serve.
#[derive(Debug)]
pub struct Uploads<P> {
    config: UploadConfig,
    offers: BTreeMap<Root, Offer>,
    consumers: BTreeMap<P, Consumer>,
    /// Reads under way, and for whom; those of peers that left are waited for, too.
    reads: BTreeMap<ReadId, P>,
    next_read: u64,
    /// Who was served last: the next in order comes next.
    last: Option<P>,
    tell_at: Option<Time>,
    outbox: VecDeque<UploadOutput<P>>,
}

impl<P: Copy + Ord + Debug> Uploads<P> {
    /// Serves nothing yet.
    pub fn new(config: UploadConfig) -> Self {
        Self {
            config,
            offers: BTreeMap::new(),
            consumers: BTreeMap::new(),
            reads: BTreeMap::new(),
            next_read: 0,
            last: None,
            tell_at: None,
            outbox: VecDeque::new(),
        }
    }

    /// Hears one thing.
    pub fn handle(&mut self, now: Time, input: UploadInput<P>) {
        match input {
            UploadInput::Offer { root, length, held } => self.on_offer(root, length, held),
            UploadInput::Held { root, range } => self.on_held(now, root, range),
            UploadInput::Withdraw { root } => self.on_withdraw(root),
            UploadInput::Message { peer, message } => self.on_message(peer, message),
            UploadInput::PeerGone { peer } => self.on_peer_gone(peer),
            UploadInput::Flushed { peer, bytes } => self.on_flushed(peer, bytes),
            UploadInput::AlsoSent { peer, bytes } => self.on_also_sent(peer, bytes),
            UploadInput::ReadDone { read, messages } => self.on_read_done(read, messages),
            UploadInput::ReadFailed { read, reason } => self.on_read_failed(read, reason),
            UploadInput::Wake => self.on_wake(now),
        }
        self.read_more();
    }

    /// The next wish, in order; call until there is none.
    pub fn poll_output(&mut self) -> Option<UploadOutput<P>> {
        self.outbox.pop_front()
    }

    /// When to send [`UploadInput::Wake`], if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.tell_at
    }

    /// Bytes of groups sent to a peer, over all contents, while it was connected.
    pub fn given_to(&self, peer: P) -> u64 {
        self.consumers.get(&peer).map_or(0, |consumer| consumer.given)
    }

    /// Bytes of groups sent of a content, to everybody, since it was offered.
    pub fn given_of(&self, root: Root) -> u64 {
        self.offers.get(&root).map_or(0, |offer| offer.given)
    }

    // What we hold.

    fn on_offer(&mut self, root: Root, length: u64, held: Bitfield) {
        let chunks = chunk_count(length);
        debug_assert_eq!(held.len(), chunks, "one bit per chunk");
        let given = self.given_of(root);
        self.offers.insert(root, Offer { length, held, news: Bitfield::empty(chunks), given });
        for peer in self.followers(root) {
            self.tell_all(peer, root);
        }
    }

    fn on_held(&mut self, now: Time, root: Root, range: GroupRange) {
        let Some(offer) = self.offers.get_mut(&root) else { return };
        for chunk in range.whole_chunks(offer.length) {
            if offer.held.insert(chunk) {
                offer.news.insert(chunk);
                self.tell_at = self.tell_at.or(Some(now + self.config.have_every));
            }
        }
    }

    fn on_withdraw(&mut self, root: Root) {
        let Some(offer) = self.offers.remove(&root) else { return };
        let range = GroupRange::whole(offer.length);
        for (peer, consumer) in &mut self.consumers {
            let queued = !consumer.take_queued(root).is_empty();
            for reading in consumer.reading.values_mut().filter(|reading| reading.root == root) {
                reading.cancelled.extend(reading.range.iter());
            }
            if (queued || consumer.is_following(root)) && !range.is_empty() {
                let message = Message::Refuse { root, range, reason: Refusal::Withdrawn };
                consumer.on_sent(wire_len(&message));
                self.outbox.push_back(UploadOutput::Send { peer: *peer, message });
            }
        }
    }

    fn on_wake(&mut self, now: Time) {
        if self.tell_at.is_none_or(|at| at > now) {
            return;
        }
        self.tell_at = None;
        let fresh: Vec<Root> = self.offers.iter().filter(|(_, offer)| offer.news.ones() > 0).map(|(r, _)| *r).collect();
        for root in fresh {
            self.tell_news(root);
        }
    }

    /// Tells everyone who follows which chunks came since the last time, run by run.
    fn tell_news(&mut self, root: Root) {
        let Some(offer) = self.offers.get_mut(&root) else { return };
        let length = offer.length;
        let news = core::mem::replace(&mut offer.news, Bitfield::empty(chunk_count(length)));
        let ranges: Vec<GroupRange> = news.runs().map(|run| groups_of(run, length)).collect();
        for peer in self.followers(root) {
            let Some(consumer) = self.consumers.get_mut(&peer) else { continue };
            if consumer.is_behind(root) || !consumer.has_room(0, &self.config) {
                consumer.fall_behind(root);
                continue;
            }
            for &range in &ranges {
                self.send(peer, Message::Have { root, range });
            }
        }
    }

    fn tell_all(&mut self, peer: P, root: Root) {
        let message = match self.offers.get(&root) {
            Some(offer) => Message::Holds { root, bits: offer.held.clone() },
            // Nothing of it now. Whoever asked is remembered, and told when that changes.
            None => Message::Refuse { root, range: GroupRange::single(0), reason: Refusal::Withdrawn },
        };
        self.send(peer, message);
    }

    fn followers(&self, root: Root) -> Vec<P> {
        self.consumers.iter().filter(|(_, consumer)| consumer.is_following(root)).map(|(&peer, _)| peer).collect()
    }

    // What consumers say.

    fn on_message(&mut self, peer: P, message: Message) {
        match message {
            Message::Follow { root } => self.on_follow(peer, root),
            Message::Unfollow { root } => self.on_unfollow(peer, root),
            Message::Want { root, range, known } => self.on_want(peer, Wanted { root, range, known }),
            Message::Cancel { root, range } => self.on_cancel(peer, root, range),
            Message::GetManifest { .. }
            | Message::Manifest { .. }
            | Message::NoContent { .. }
            | Message::Holds { .. }
            | Message::Have { .. }
            | Message::Group { .. }
            | Message::Refuse { .. } => {}
        }
    }

    /// The consumer that a peer becomes by its first word, unless there are too many.
    fn consumer(&mut self, peer: P) -> Option<&mut Consumer> {
        if self.consumers.len() >= CONSUMERS_MAX && !self.consumers.contains_key(&peer) {
            return None;
        }
        Some(self.consumers.entry(peer).or_default())
    }

    fn on_follow(&mut self, peer: P, root: Root) {
        if self.consumer(peer).is_some_and(|consumer| consumer.follow(root)) {
            self.tell_all(peer, root);
        }
        self.dismiss_if_flooding(peer);
    }

    fn on_unfollow(&mut self, peer: P, root: Root) {
        if let Some(consumer) = self.consumers.get_mut(&peer) {
            consumer.unfollow(root);
        }
        self.on_cancel(peer, root, GroupRange::new(0, u32::MAX));
    }

    fn on_want(&mut self, peer: P, wanted: Wanted) {
        match self.judge(wanted) {
            Err(Some(reason)) => self.refuse(peer, wanted.root, wanted.range, reason),
            Err(None) => return self.dismiss(peer, DismissReason::OutOfBounds),
            Ok(()) => {
                let config = self.config;
                if !self.consumer(peer).is_some_and(|consumer| consumer.enqueue(wanted, &config)) {
                    self.refuse(peer, wanted.root, wanted.range, Refusal::Busy);
                }
            }
        }
        self.dismiss_if_flooding(peer);
    }

    /// Whether we can serve a want; if not, what to answer, or nothing when no honest peer would ask.
    fn judge(&self, wanted: Wanted) -> Result<(), Option<Refusal>> {
        let offer = self.offers.get(&wanted.root).ok_or(Some(Refusal::Withdrawn))?;
        if !wanted.range.is_within(offer.length) {
            return Err(None);
        }
        let mut chunks = chunk_of(wanted.range.first)..=chunk_of(wanted.range.end() - 1);
        if chunks.all(|chunk| offer.held.get(chunk)) { Ok(()) } else { Err(Some(Refusal::NotHeld)) }
    }

    fn on_cancel(&mut self, peer: P, root: Root, range: GroupRange) {
        if let Some(consumer) = self.consumers.get_mut(&peer) {
            consumer.cancel(root, range);
        }
    }

    fn on_peer_gone(&mut self, peer: P) {
        self.consumers.remove(&peer);
    }

    fn on_flushed(&mut self, peer: P, bytes: u32) {
        let Some(consumer) = self.consumers.get_mut(&peer) else { return };
        consumer.on_flushed(bytes);
        if let Some(root) = consumer.catch_up(&self.config) {
            self.tell_all(peer, root);
        }
    }

    fn on_also_sent(&mut self, peer: P, bytes: u32) {
        if let Some(consumer) = self.consumers.get_mut(&peer) {
            consumer.on_sent(bytes);
        }
    }

    // Reading.

    /// Begins reads, one for each consumer in turn, as far as the bounds allow.
    fn read_more(&mut self) {
        while (self.reads.len() as u32) < self.config.reads_max {
            let Some((peer, wanted, bytes)) = self.next_turn() else { return };
            let read = ReadId(self.next_read);
            self.next_read += 1;
            self.reads.insert(read, peer);
            self.last = Some(peer);
            if let Some(consumer) = self.consumers.get_mut(&peer) {
                consumer.begin(read, wanted, bytes);
            }
            let Wanted { root, range, known } = wanted;
            self.outbox.push_back(UploadOutput::Read { read, peer, root, range, known });
        }
    }

    /// The next consumer after the last one served that has something to read and room for it.
    fn next_turn(&self) -> Option<(P, Wanted, u32)> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let until = self.last.map_or(Bound::Unbounded, Bound::Included);
        let later = self.consumers.range((after, Bound::Unbounded));
        let around = self.last.map(|_| self.consumers.range((Bound::Unbounded, until)));
        later.chain(around.into_iter().flatten()).find_map(|(&peer, consumer)| {
            let wanted = consumer.next_read(&self.config)?;
            let bytes = wanted.range.byte_len(self.offers.get(&wanted.root)?.length);
            consumer.has_room(bytes, &self.config).then_some((peer, wanted, bytes))
        })
    }

    fn end_read(&mut self, read: ReadId) -> Option<(P, Reading)> {
        let peer = self.reads.remove(&read)?;
        // None if the peer has left meanwhile, even when it has come back since.
        let reading = self.consumers.get_mut(&peer)?.end(read)?;
        Some((peer, reading))
    }

    fn on_read_done(&mut self, read: ReadId, messages: Vec<Message>) {
        let Some((peer, reading)) = self.end_read(read) else { return };
        let Some(offer) = self.offers.get_mut(&reading.root) else { return };
        let messages = drop_cancelled(messages, &reading, group_count(offer.length));
        for message in messages {
            if let Message::Group { bytes, .. } = &message {
                offer.given += bytes.len() as u64;
                if let Some(consumer) = self.consumers.get_mut(&peer) {
                    consumer.given += bytes.len() as u64;
                    consumer.on_sent(wire_len(&message));
                }
            }
            self.outbox.push_back(UploadOutput::Send { peer, message });
        }
    }

    fn on_read_failed(&mut self, read: ReadId, reason: Refusal) {
        let Some((peer, reading)) = self.end_read(read) else { return };
        for range in reading.uncancelled() {
            self.refuse(peer, reading.root, range, reason);
        }
    }

    // Answering.

    fn refuse(&mut self, peer: P, root: Root, range: GroupRange, reason: Refusal) {
        self.send(peer, Message::Refuse { root, range, reason });
    }

    fn send(&mut self, peer: P, message: Message) {
        // Whoever has no place gets no answers either: they would be counted nowhere.
        if let Some(consumer) = self.consumer(peer) {
            consumer.on_sent(wire_len(&message));
            self.outbox.push_back(UploadOutput::Send { peer, message });
        }
    }

    fn dismiss_if_flooding(&mut self, peer: P) {
        if self.consumers.get(&peer).is_some_and(|consumer| consumer.is_flooding(&self.config)) {
            self.dismiss(peer, DismissReason::Flood);
        }
    }

    fn dismiss(&mut self, peer: P, why: DismissReason) {
        self.consumers.remove(&peer);
        self.outbox.push_back(UploadOutput::Dismiss { peer, why });
    }
}

/// Leaves out the groups that were cancelled while they were read. The pairs that came with one of those and
/// that the next one needs move on to it.
fn drop_cancelled(messages: Vec<Message>, reading: &Reading, groups: u32) -> Vec<Message> {
    if reading.cancelled.is_empty() {
        return messages;
    }
    let mut carried: Vec<u8> = Vec::new();
    let mut kept = Vec::with_capacity(messages.len());
    for message in messages {
        let Message::Group { root, group, parents, bytes } = message else { continue };
        if !carried.is_empty() || reading.cancelled.contains(&group) {
            carried = carry(&carried, group, &parents, reading.range.first, groups);
        }
        if reading.cancelled.contains(&group) {
            continue;
        }
        let parents = if carried.is_empty() { parents } else { Bytes::from(core::mem::take(&mut carried)) };
        kept.push(Message::Group { root, group, parents, bytes });
    }
    kept
}

/// The lowest pairs above `group` that were not sent: those of the groups left out before it that are above
/// it, too, and its own.
fn carry(carried: &[u8], group: u32, parents: &[u8], first: u32, groups: u32) -> Vec<u8> {
    let shared = if group == first { 0 } else { shared_with_previous(group, groups) as usize };
    // `carried` ends at the lowest node above the previous group; what is above both is all but its tail.
    let below = path(group.saturating_sub(1), groups).count().saturating_sub(shared) * PAIR_LEN;
    let above = &carried[..carried.len().saturating_sub(below)];
    let mut all = BytesMut::with_capacity(above.len() + parents.len());
    all.extend_from_slice(above);
    all.extend_from_slice(parents);
    all.into()
}

fn groups_of(chunks: core::ops::Range<u32>, length: u64) -> GroupRange {
    let first = GroupRange::of_chunk(chunks.start, length).first;
    let end = GroupRange::of_chunk(chunks.end - 1, length).end();
    GroupRange::new(first, end - first)
}

fn wire_len(message: &Message) -> u32 {
    u32::try_from(message.encoded_len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
