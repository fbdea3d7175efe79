//! Everybody we have heard of: where we stand with them, and who could introduce us.
//!
//! Bounded: names cost nothing to make up, so each source of names has a share of the book, and when the book is
//! full the entry not heard of for longest makes room. Those we are connected to, or connecting to, stay.

use crate::{Candidate, Failure, Introducer, Path, PeerKey, Stage};
use clock::Time;
use core::time::Duration;
use std::collections::BTreeMap;

/// Entries in the book: forty times what we may be connected to, about 100 KiB.
pub(crate) const KNOWN_MAX: usize = 512;

/// Entries that only one relay vouches for.
const NAMED_BY_RELAY_MAX: usize = 256;

/// Entries that only one neighbour vouches for: it has no more neighbours than this.
const NAMED_BY_NEIGHBOUR_MAX: usize = 32;

/// Ways to reach one peer that we remember.
const INTRODUCERS_MAX: usize = 4;

/// A peer that nobody has named for this long, and that we are not connected to, is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(10 * 60);

/// How long a lost peer keeps its place on the screen.
pub(crate) const GONE_SHOWN: Duration = Duration::from_secs(60);

/// Peers whose wrong bytes we remember. Tab keys are free, so a longer list would punish only the honest.
const BANNED_MAX: usize = 1_024;

/// One peer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: State,
    /// When `state`, or the stage within it, began.
    pub(super) since: Time,
    /// Who can introduce us, with the failures in a row through each.
    pub(super) introducers: BTreeMap<Introducer, u32>,
    /// When it was last named or connected.
    pub(super) heard: Time,
    /// Failed attempts in a row.
    pub(super) attempts: u32,
    pub(super) failure: Option<Failure>,
    /// When the last connection or attempt ended.
    pub(super) ended: Option<Time>,
    /// The person said: not this one.
    pub(super) unwanted: bool,
    /// The person said: now.
    pub(super) insisted: bool,
}

/// Where we stand with one peer.
#[derive(Debug)]
pub(super) enum State {
    /// Not connected; not dialled before `retry_at`.
    Idle { retry_at: Time },
    /// We are dialling it.
    Dialling(Dialling),
    /// It is dialling us.
    Approaching { stage: Stage, deadline: Time },
    /// There is a connection.
    Connected(Connected),
}

/// An attempt of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialling {
    pub(super) by: Introducer,
    pub(super) stage: Stage,
    pub(super) deadline: Time,
}

/// A live connection.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) path: Path,
    pub(super) dialled_by_us: bool,
    /// Who introduced us, if we dialled.
    pub(super) met: Option<Introducer>,
    pub(super) candidates: Option<(Candidate, Candidate)>,
    /// Liveness checks since it was last heard.
    pub(super) misses: u8,
    /// When we last asked it whom it knows.
    pub(super) asked: Option<Time>,
    /// When the connection, on whatever path, began.
    pub(super) began: Time,
    /// Our attempt, still under way: what it is to make direct is only relayed so far.
    pub(super) attempt: Option<Dialling>,
}

impl Entry {
    fn new(now: Time) -> Self {
        Self {
            state: State::Idle { retry_at: now },
            since: now,
            introducers: BTreeMap::new(),
            heard: now,
            attempts: 0,
            failure: None,
            ended: None,
            unwanted: false,
            insisted: false,
        }
    }

    pub(super) fn enter(&mut self, now: Time, state: State) {
        self.state = state;
        self.since = now;
    }

    pub(super) fn connected(&self) -> Option<&Connected> {
        match &self.state {
            State::Connected(connected) => Some(connected),
            State::Idle { .. } | State::Dialling(_) | State::Approaching { .. } => None,
        }
    }

    pub(super) fn connected_mut(&mut self) -> Option<&mut Connected> {
        match &mut self.state {
            State::Connected(connected) => Some(connected),
            State::Idle { .. } | State::Dialling(_) | State::Approaching { .. } => None,
        }
    }

    /// Our attempt to reach it, if one is under way.
    pub(super) fn attempt(&self) -> Option<&Dialling> {
        match &self.state {
            State::Dialling(dialling) => Some(dialling),
            State::Connected(connected) => connected.attempt.as_ref(),
            State::Idle { .. } | State::Approaching { .. } => None,
        }
    }

    /// Whether one of the places that we fill ourselves is taken by it.
    pub(super) fn takes_our_place(&self) -> bool {
        self.attempt().is_some() || self.connected().is_some_and(|connected| connected.dialled_by_us)
    }

    pub(super) fn is_direct(&self) -> bool {
        self.connected().is_some_and(|connected| connected.path == Path::Direct)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    /// Remembers one more way to reach it; the one that failed most makes room.
    fn add_introducer(&mut self, by: Introducer) {
        if !self.introducers.contains_key(&by) && self.introducers.len() == INTRODUCERS_MAX {
            let worst = self.introducers.iter().max_by_key(|(_, failures)| **failures).map(|(by, _)| *by);
            worst.and_then(|by| self.introducers.remove(&by));
        }
        self.introducers.entry(by).or_insert(0);
    }
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Known {
    peers: BTreeMap<PeerKey, Entry>,
    /// Since when.
    banned: BTreeMap<PeerKey, Time>,
}

impl Known {
    pub(super) fn get(&self, peer: PeerKey) -> Option<&Entry> {
        self.peers.get(&peer)
    }

    pub(super) fn get_mut(&mut self, peer: PeerKey) -> Option<&mut Entry> {
        self.peers.get_mut(&peer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerKey, &Entry)> {
        self.peers.iter().map(|(peer, entry)| (*peer, entry))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerKey, &mut Entry)> {
        self.peers.iter_mut().map(|(peer, entry)| (*peer, entry))
    }

    /// Somebody vouches for a peer. Returns whether we had not known it; nothing happens if there is no room.
    pub(super) fn name(&mut self, now: Time, peer: PeerKey, by: Introducer) -> bool {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.heard = now;
            entry.add_introducer(by);
            return false;
        }
        let share = match by {
            Introducer::Relay(_) => NAMED_BY_RELAY_MAX,
            Introducer::Neighbour(_) => NAMED_BY_NEIGHBOUR_MAX,
        };
        let only_by = |entry: &&Entry| entry.introducers.len() == 1 && entry.introducers.contains_key(&by);
        if self.peers.values().filter(only_by).count() >= share || !self.make_room() {
            return false;
        }
        self.peers.entry(peer).or_insert_with(|| Entry::new(now)).add_introducer(by);
        true
    }

    /// The entry of a peer that proved to be there, made if need be; `None` only if all places are in use.
    pub(super) fn met(&mut self, now: Time, peer: PeerKey) -> Option<&mut Entry> {
        if !self.peers.contains_key(&peer) && !self.make_room() {
            return None;
        }
        let entry = self.peers.entry(peer).or_insert_with(|| Entry::new(now));
        entry.heard = now;
        Some(entry)
    }

    fn make_room(&mut self) -> bool {
        if self.peers.len() < KNOWN_MAX {
            return true;
        }
        let idle = self.peers.iter().filter(|(_, entry)| entry.is_idle() && !entry.unwanted);
        let oldest = idle.min_by_key(|(_, entry)| entry.heard).map(|(peer, _)| *peer);
        oldest.and_then(|peer| self.peers.remove(&peer)).is_some()
    }

    /// Forgets idle peers that nobody vouches for any more and that the screen no longer shows.
    pub(super) fn forget_old(&mut self, now: Time) {
        self.peers.retain(|_, entry| {
            let shown = entry.ended.is_some_and(|ended| now - ended < GONE_SHOWN);
            let reachable = !entry.introducers.is_empty() && now - entry.heard < FORGET_AFTER;
            !entry.is_idle() || entry.unwanted || shown || reachable
        });
    }

    pub(super) fn ban(&mut self, now: Time, peer: PeerKey) {
        if self.banned.len() == BANNED_MAX && !self.banned.contains_key(&peer) {
            let oldest = self.banned.iter().min_by_key(|(_, since)| **since).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.banned.remove(&peer));
        }
        self.banned.insert(peer, now);
    }

    pub(super) fn is_banned(&self, peer: PeerKey) -> bool {
        self.banned.contains_key(&peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RelayIndex;

    const RELAY: Introducer = Introducer::Relay(RelayIndex(0));

    #[test]
    fn one_neighbour_cannot_fill_the_book() {
        let mut known = Known::default();
        for n in 0..100 {
            known.name(at(0), key(n), Introducer::Neighbour(key(9_999)));
        }
        assert_eq!(known.peers.len(), NAMED_BY_NEIGHBOUR_MAX);
        assert!(known.name(at(1), key(500), RELAY));
    }

    #[test]
    fn the_full_book_forgets_whom_it_heard_of_longest_ago_and_keeps_connections() {
        let mut known = Known::default();
        known.met(at(0), key(0)).expect("room").state =
            State::Approaching { stage: Stage::Signalling, deadline: at(99) };
        for n in 1..=KNOWN_MAX as u64 {
            known.met(at(n), key(n)).expect("room");
        }
        assert_eq!(known.peers.len(), KNOWN_MAX);
        assert!(known.get(key(0)).is_some());
        assert!(known.get(key(1)).is_none());
    }

    #[test]
    fn an_introducer_that_failed_most_makes_room() {
        let mut known = Known::default();
        for n in 0..4 {
            known.name(at(0), key(1), Introducer::Neighbour(key(100 + n)));
        }
        *known.get_mut(key(1)).unwrap().introducers.get_mut(&Introducer::Neighbour(key(102))).unwrap() = 3;
        known.name(at(1), key(1), RELAY);
        let introducers = &known.get(key(1)).unwrap().introducers;
        assert_eq!(introducers.len(), INTRODUCERS_MAX);
        assert!(introducers.contains_key(&RELAY));
        assert!(!introducers.contains_key(&Introducer::Neighbour(key(102))));
    }

    #[test]
    fn old_names_are_forgotten() {
        let mut known = Known::default();
        known.name(at(0), key(1), RELAY);
        known.forget_old(at(599));
        assert!(known.get(key(1)).is_some());
        known.forget_old(at(600));
        assert!(known.get(key(1)).is_none());
    }

    #[test]
    fn bans_are_bounded_oldest_first() {
        let mut known = Known::default();
        for n in 0..=BANNED_MAX as u64 {
            known.ban(at(n), key(n));
        }
        assert!(!known.is_banned(key(0)));
        assert!(known.is_banned(key(1)));
        assert_eq!(known.banned.len(), BANNED_MAX);
    }

    fn key(n: u64) -> PeerKey {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        PeerKey(bytes)
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
}
