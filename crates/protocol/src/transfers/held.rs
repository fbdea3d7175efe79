//! The bytes behind the items: one entry per root, however many names it has.

use super::elsewhere::Elsewhere;
use super::room::LastUse;
use super::traffic::Rate;
use crate::PeerKey;
use bytes::Bytes;
use clock::Time;
use content::layout::{chunk_count, chunk_of};
use content::{Bitfield, ChangedError, Download, Flows, GroupRange, Message, Outboard};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Peers whose share in one content is remembered, each way.
const PARTNERS_MAX: usize = 64;

/// One content's bytes.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) length: u64,
    pub(crate) place: Place,
    /// Others may have it from us.
    pub(crate) offered: bool,
    /// Verified bytes per second.
    pub(crate) rate: Rate,
    pub(crate) first_byte: Option<Time>,
    /// Received for it and thrown away.
    pub(crate) wasted: u64,
    /// The group from which somebody plays it, also while the store is looking.
    pub(crate) played_from: Option<u32>,
    /// When it was last read.
    pub(crate) last_use: LastUse,
    /// Whom each chunk that is not here yet was asked of.
    pub(crate) asked: BTreeMap<u32, BTreeSet<PeerKey>>,
    pub(crate) from: Partners,
    pub(crate) to: Partners,
    /// Who was dropped while it loaded: it stays listed when all is here. At most every provider we kept in mind.
    pub(crate) dropped: BTreeSet<PeerKey>,
}

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the person's own file.
    Own(Arc<Outboard>),
    /// Nobody knows yet: the store is looking for what an earlier visit left.
    Opening,
    /// In the store, and open in another tab of this person.
    Elsewhere(Box<Elsewhere>),
    /// On their way into the store.
    Loading(Box<Download<PeerKey>>),
    /// In the store.
    Stored(Arc<Outboard>),
}

impl Content {
    pub(crate) fn new(length: u64, place: Place) -> Self {
        Self {
            length,
            place,
            offered: false,
            rate: Rate::over_seconds(5),
            first_byte: None,
            dropped: BTreeSet::new(),
            wasted: 0,
            played_from: None,
            last_use: LastUse::default(),
            asked: BTreeMap::new(),
            from: Partners::default(),
            to: Partners::default(),
        }
    }

    /// The chunks that can be served.
    pub(crate) fn held(&self) -> Bitfield {
        match &self.place {
            Place::Own(_) | Place::Stored(_) => Bitfield::full(chunk_count(self.length)),
            Place::Opening | Place::Elsewhere(_) => Bitfield::empty(chunk_count(self.length)),
            Place::Loading(download) => download.held().clone(),
        }
    }

    /// Whether anything at all can be served.
    pub(crate) fn holds_some(&self) -> bool {
        match &self.place {
            Place::Own(_) | Place::Stored(_) => true,
            Place::Opening | Place::Elsewhere(_) => false,
            Place::Loading(download) => download.held().ones() > 0,
        }
    }

    /// Groups that can be read back from `group` on, at most to the end of its chunk.
    pub(crate) fn readable(&self, group: u32) -> u32 {
        let rest = GroupRange::of_chunk(chunk_of(group), self.length).end().saturating_sub(group);
        match &self.place {
            Place::Opening | Place::Elsewhere(_) => 0,
            Place::Own(_) | Place::Stored(_) => rest,
            Place::Loading(download) if download.held().get(chunk_of(group)) => rest,
            // The run ends within the chunk, since the chunk is not whole.
            Place::Loading(download) => download.stored_from(group).min(rest),
        }
    }

    /// Some of it may be missing.
    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.place, Place::Opening | Place::Elsewhere(_) | Place::Loading(_))
    }

    /// Bytes proved.
    pub(crate) fn verified(&self) -> u64 {
        match &self.place {
            Place::Own(_) | Place::Stored(_) => self.length,
            Place::Opening => 0,
            Place::Elsewhere(elsewhere) => elsewhere.report.verified.min(self.length),
            Place::Loading(download) => download.progress().verified,
        }
    }

    /// Bytes that are wanted or proved.
    pub(crate) fn wanted(&self) -> u64 {
        match &self.place {
            Place::Own(_) | Place::Stored(_) | Place::Opening | Place::Elsewhere(_) => self.length,
            Place::Loading(download) => download.progress().wanted,
        }
    }

    /// Something of this chunk is wanted, and all of that is here.
    pub(crate) fn has_enough_of(&self, chunk: u32) -> bool {
        match &self.place {
            Place::Own(_) | Place::Stored(_) => true,
            Place::Opening | Place::Elsewhere(_) => false,
            Place::Loading(download) => download.has_enough_of(chunk),
        }
    }

    /// Whom it is fetched from.
    pub(crate) fn sources(&self, flows: &Flows<PeerKey>) -> Vec<PeerKey> {
        match &self.place {
            Place::Loading(download) => download.sources(flows).map(|source| source.peer).collect(),
            Place::Opening | Place::Elsewhere(_) | Place::Own(_) | Place::Stored(_) => Vec::new(),
        }
    }

    /// Sources that are left alone for a while.
    pub(crate) fn resting(&self, flows: &Flows<PeerKey>) -> BTreeSet<PeerKey> {
        match &self.place {
            Place::Loading(download) => {
                download.sources(flows).filter(|source| source.resting).map(|source| source.peer).collect()
            }
            Place::Opening | Place::Elsewhere(_) | Place::Own(_) | Place::Stored(_) => BTreeSet::new(),
        }
    }

    pub(crate) fn download_mut(&mut self) -> Option<&mut Download<PeerKey>> {
        match &mut self.place {
            Place::Loading(download) => Some(download),
            Place::Opening | Place::Elsewhere(_) | Place::Own(_) | Place::Stored(_) => None,
        }
    }

    /// The messages that answer a want, from bytes just read.
    pub(crate) fn encode(&self, range: GroupRange, known: u8, bytes: &Bytes) -> Result<Vec<Message>, ChangedError> {
        match &self.place {
            Place::Own(outboard) | Place::Stored(outboard) => outboard.encode(range, known, bytes),
            Place::Opening | Place::Elsewhere(_) => Err(ChangedError::Unverified { group: range.first }),
            Place::Loading(download) => download.encode(range, known, bytes),
        }
    }

    /// What we asked and were told about asking, for the map on the screen.
    pub(crate) fn note_sent(&mut self, peer: PeerKey, message: &Message) {
        match message {
            Message::Want { range, .. } => {
                for chunk in chunks_of(*range) {
                    self.asked.entry(chunk).or_default().insert(peer);
                }
            }
            Message::Cancel { range, .. } => self.forget_asked(peer, *range),
            _ => {}
        }
    }

    /// These groups will not come from this peer.
    pub(crate) fn forget_asked(&mut self, peer: PeerKey, range: GroupRange) {
        for chunk in chunks_of(range) {
            if let Some(peers) = self.asked.get_mut(&chunk) {
                peers.remove(&peer);
                if peers.is_empty() {
                    self.asked.remove(&chunk);
                }
            }
        }
    }

    /// Nothing will come from this peer.
    pub(crate) fn forget_peer(&mut self, peer: PeerKey) {
        self.asked.retain(|_, peers| {
            peers.remove(&peer);
            !peers.is_empty()
        });
    }
}

fn chunks_of(range: GroupRange) -> core::ops::Range<u32> {
    range.first / content::GROUPS_PER_CHUNK..range.end().div_ceil(content::GROUPS_PER_CHUNK)
}

/// Bytes of one content that went to, or came from, each peer.
#[derive(Debug, Default)]
pub(crate) struct Partners(BTreeMap<PeerKey, Partner>);

/// One peer's part in one content.
#[derive(Debug)]
pub(crate) struct Partner {
    pub(crate) bytes: u64,
    pub(crate) rate: Rate,
    last: Time,
}

impl Partners {
    pub(crate) fn add(&mut self, now: Time, peer: PeerKey, bytes: u64) {
        if !self.0.contains_key(&peer) && self.0.len() == PARTNERS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, partner)| partner.last).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.0.remove(&peer));
        }
        let partner =
            self.0.entry(peer).or_insert_with(|| Partner { bytes: 0, rate: Rate::over_seconds(5), last: now });
        partner.bytes += bytes;
        partner.last = now;
        partner.rate.add(now, bytes);
    }

    pub(crate) fn get(&self, peer: PeerKey) -> Option<&Partner> {
        self.0.get(&peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerKey, &Partner)> {
        self.0.iter().map(|(peer, partner)| (*peer, partner))
    }
}
