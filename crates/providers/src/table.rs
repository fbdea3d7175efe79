//! Who announced what, for how long.
//!
//! A peer's announcements live and die together: one list, one expiry, replaced as a whole. Expiry happens on
//! the way of a request, so a table needs no timer of its own.
//!
//! Invariants: `holders` and `announced` tell the same pairs from both sides; no peer has more than
//! `limits.per_peer` of them, all together no more than `limits.total`.
//!
//! When the table is full, whoever announced most gives way, one id at a time, to a peer that announced less
//! (max-min fairness): a few peers with long lists cannot keep the others out.

use crate::wire::{FOUND_MAX, IDS_MAX, Id, IdSet, Request, Response};
use clock::Time;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// How long an announcement counts. Peers renew at half of it, so one lost renewal costs nothing, and a tab
/// that died without a word is forgotten soon after its chunk deadlines have given up on it.
pub const TTL: Duration = Duration::from_secs(90);

/// How much a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pairs of peer and content, all peers together.
    pub total: usize,
    /// Contents of one peer, at most [`IDS_MAX`].
    pub per_peer: usize,
}

impl Limits {
    /// 4,096 reservations with 64 contents each: about 50 MiB when full.
    pub const RELAY: Self = Self { total: 262_144, per_peer: IDS_MAX };

    /// The 24 neighbours a tab may have, each with a full list.
    pub const TAB: Self = Self { total: 24 * IDS_MAX, per_peer: IDS_MAX };
}

/// The table. `P` is whatever names a peer.
#[derive(Clone, Debug)]
pub struct Table<P> {
    limits: Limits,
    announced: BTreeMap<P, Announced>,
    holders: BTreeMap<Id, Holders<P>>,
    /// The same peers as `announced`, by when they expire.
    expiries: BTreeSet<(Time, P)>,
    /// The same peers as `announced`, by how many ids they hold.
    sizes: BTreeSet<(usize, P)>,
    /// Pairs in `holders`.
    total: usize,
}

/// One peer's list.
#[derive(Clone, Debug)]
struct Announced {
    expires: Time,
    ids: BTreeSet<Id>,
}

/// Those who announced one content.
#[derive(Clone, Debug)]
struct Holders<P> {
    peers: BTreeSet<P>,
    /// The last one named in an answer; the next answer goes on after it, so that all get their share of the
    /// asking and no choice of keys puts a peer first for ever.
    named_last: Option<P>,
}

impl<P: Copy + Ord> Table<P> {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits { total: limits.total, per_peer: limits.per_peer.min(IDS_MAX) },
            announced: BTreeMap::new(),
            holders: BTreeMap::new(),
            expiries: BTreeSet::new(),
            sizes: BTreeSet::new(),
            total: 0,
        }
    }

    /// Does what `from` asks and answers. `from` must be who the connection proved it to be.
    pub fn handle(&mut self, now: Time, from: P, request: Request) -> Response<P> {
        self.expire(now);
        match request {
            Request::Announce(ids) => Response::Announced(self.on_announce(now, from, &ids)),
            Request::Find(id) => Response::Found(self.on_find(from, id)),
        }
    }

    /// Everybody known to hold `id`, without moving on the turn of who is named next. For our own use.
    pub fn providers(&self, id: Id) -> impl Iterator<Item = P> + '_ {
        self.holders.get(&id).into_iter().flat_map(|holders| holders.peers.iter().copied())
    }

    /// Forgets what `peer` announced: it has left, or was banned.
    pub fn forget(&mut self, peer: P) {
        let Some(Announced { expires, ids }) = self.announced.remove(&peer) else {
            return;
        };
        self.expiries.remove(&(expires, peer));
        self.sizes.remove(&(ids.len(), peer));
        for id in ids {
            self.remove_holder(id, peer);
        }
    }

    /// Forgets what was not renewed in time.
    pub fn expire(&mut self, now: Time) {
        while let Some(&(expires, peer)) = self.expiries.first() {
            if expires > now {
                break;
            }
            self.forget(peer);
        }
    }

    /// Pairs of peer and content in the table.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether nothing is announced.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Peers with at least one announced content.
    pub fn peers_len(&self) -> usize {
        self.announced.len()
    }

    fn on_announce(&mut self, now: Time, from: P, ids: &IdSet) -> u16 {
        self.forget(from);
        let mut kept = BTreeSet::new();
        for id in ids.iter().take(self.limits.per_peer) {
            if self.total == self.limits.total && !self.make_room(kept.len() + 1) {
                break;
            }
            self.holders
                .entry(id)
                .or_insert_with(|| Holders { peers: BTreeSet::new(), named_last: None })
                .peers
                .insert(from);
            self.total += 1;
            kept.insert(id);
        }
        let count = u16::try_from(kept.len()).expect("per_peer is at most IDS_MAX");
        if !kept.is_empty() {
            let expires = now + TTL;
            self.expiries.insert((expires, from));
            self.sizes.insert((kept.len(), from));
            self.announced.insert(from, Announced { expires, ids: kept });
        }
        count
    }

    /// Takes one id from whoever announced most, if that is more than `newcomer` would hold.
    fn make_room(&mut self, newcomer: usize) -> bool {
        let Some(&(most, peer)) = self.sizes.last() else {
            return false;
        };
        if most <= newcomer {
            return false;
        }
        let announced = self.announced.get_mut(&peer).expect("sizes and announced name the same peers");
        let id = announced.ids.pop_last().expect("its size is above the newcomer's");
        self.sizes.remove(&(most, peer));
        self.sizes.insert((most - 1, peer));
        self.remove_holder(id, peer);
        true
    }

    fn on_find(&mut self, from: P, id: Id) -> Vec<P> {
        use core::ops::Bound::{Excluded, Included, Unbounded};
        let Some(holders) = self.holders.get_mut(&id) else {
            return Vec::new();
        };
        let found: Vec<P> = match holders.named_last {
            None => holders.peers.iter().copied().filter(|peer| *peer != from).take(FOUND_MAX).collect(),
            Some(last) => {
                let after = holders.peers.range((Excluded(last), Unbounded));
                let wrapped = holders.peers.range((Unbounded, Included(last)));
                after.chain(wrapped).copied().filter(|peer| *peer != from).take(FOUND_MAX).collect()
            }
        };
        holders.named_last = found.last().copied().or(holders.named_last);
        found
    }

    fn remove_holder(&mut self, id: Id, peer: P) {
        let holders = self.holders.get_mut(&id).expect("holders and announced tell the same pairs");
        if holders.peers.remove(&peer) {
            self.total -= 1;
        }
        if holders.peers.is_empty() {
            self.holders.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Limits = Limits { total: 8, per_peer: 6 };

    #[test]
    fn a_new_list_replaces_the_old_one() {
        let mut table = Table::new(SMALL);
        assert_eq!(announce(&mut table, 0, 1, [1, 2]), Response::Announced(2));
        assert_eq!(announce(&mut table, 1, 1, [2, 3]), Response::Announced(2));
        assert_eq!(find(&mut table, 1, 9, 1), []);
        assert_eq!(find(&mut table, 1, 9, 3), [1]);
        assert_eq!(announce(&mut table, 2, 1, []), Response::Announced(0));
        assert!(table.is_empty());
        assert_eq!(table.peers_len(), 0);
    }

    #[test]
    fn what_is_not_renewed_expires() {
        let mut table = Table::new(SMALL);
        announce(&mut table, 0, 1, [1]);
        announce(&mut table, 50, 2, [1]);
        assert_eq!(find(&mut table, 89, 9, 1), [1, 2]);
        assert_eq!(find(&mut table, 90, 9, 1), [2]);
        assert_eq!(find(&mut table, 140, 9, 1), []);
        assert!(table.is_empty());
    }

    #[test]
    fn nobody_is_told_of_themselves() {
        let mut table = Table::new(SMALL);
        announce(&mut table, 0, 1, [1]);
        announce(&mut table, 0, 2, [1]);
        assert_eq!(find(&mut table, 0, 1, 1), [2]);
    }

    #[test]
    fn answers_take_turns_over_all_providers() {
        let mut table = Table::new(Limits::RELAY);
        for peer in 0..50 {
            announce(&mut table, 0, peer, [1]);
        }
        let mut named: Vec<u32> = Vec::new();
        for _ in 0..3 {
            let found = find(&mut table, 0, 1_000, 1);
            assert_eq!(found.len(), FOUND_MAX);
            named.extend(found);
        }
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), 50);
    }

    #[test]
    fn a_full_table_takes_from_whoever_announced_most() {
        let mut table = Table::new(SMALL);
        assert_eq!(announce(&mut table, 0, 1, [1, 2, 3, 4, 5, 6, 7]), Response::Announced(6));
        announce(&mut table, 0, 2, [11, 12]);
        assert_eq!(announce(&mut table, 0, 3, [21, 22, 23, 24]), Response::Announced(3));
        assert_eq!(table.len(), 8);
        assert_eq!(find(&mut table, 0, 9, 12), [2]);
        assert_eq!(find(&mut table, 0, 9, 3), [1]);
        assert_eq!(find(&mut table, 0, 9, 4), []);
    }

    #[test]
    fn a_peer_that_leaves_is_forgotten() {
        let mut table = Table::new(SMALL);
        announce(&mut table, 0, 1, [1, 2]);
        announce(&mut table, 0, 2, [2]);
        table.forget(1);
        table.forget(1);
        assert_eq!(table.len(), 1);
        assert_eq!(table.providers(Id([2; 32])).collect::<Vec<_>>(), [2]);
    }

    proptest! {
        /// Beside the obvious model: a list of (peer, id, expiry).
        #[test]
        fn prop_table_agrees_with_a_list(steps in proptest::collection::vec(
            (0u64..40, 0u32..6, proptest::collection::btree_set(0u8..12, 0..8), 0u8..12), 1..60,
        )) {
            let mut table = Table::new(Limits { total: 1_000, per_peer: 256 });
            let mut model: Vec<(u32, u8, u64)> = Vec::new();
            let mut now = 0;
            for (pause, peer, ids, asked) in steps {
                now += pause;
                announce(&mut table, now, peer, ids.iter().copied());
                model.retain(|(owner, _, expires)| *owner != peer && *expires > now);
                model.extend(ids.iter().map(|id| (peer, *id, now + 90)));
                let mut found = find(&mut table, now, 99, asked);
                found.sort_unstable();
                let mut expected: Vec<u32> = model.iter().filter(|(_, id, _)| *id == asked).map(|(p, ..)| *p).collect();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
                prop_assert_eq!(table.len(), model.len());
            }
        }

        #[test]
        fn prop_bounds_hold_and_both_sides_agree(steps in proptest::collection::vec(
            (0u64..40, 0u32..6, proptest::collection::btree_set(0u8..12, 0..10)), 1..60,
        )) {
            let mut table = Table::new(SMALL);
            let mut now = 0;
            for (pause, peer, ids) in steps {
                now += pause;
                announce(&mut table, now, peer, ids);
                prop_assert!(table.total <= SMALL.total);
                prop_assert!(table.announced.values().all(|list| list.ids.len() <= SMALL.per_peer));
                prop_assert_eq!(table.announced.values().map(|list| list.ids.len()).sum::<usize>(), table.total);
                prop_assert_eq!(table.holders.values().map(|h| h.peers.len()).sum::<usize>(), table.total);
                prop_assert_eq!(table.sizes.len(), table.announced.len());
                prop_assert_eq!(table.expiries.len(), table.announced.len());
            }
        }
    }

    fn announce(table: &mut Table<u32>, at_s: u64, peer: u32, ids: impl IntoIterator<Item = u8>) -> Response<u32> {
        let ids = IdSet::from_first(ids.into_iter().map(|id| Id([id; 32])));
        table.handle(Time::from_micros(at_s * 1_000_000), peer, Request::Announce(ids))
    }

    fn find(table: &mut Table<u32>, at_s: u64, asker: u32, id: u8) -> Vec<u32> {
        match table.handle(Time::from_micros(at_s * 1_000_000), asker, Request::Find(Id([id; 32]))) {
            Response::Found(peers) => peers,
            Response::Announced(_) => panic!("a Find is answered by Found"),
        }
    }
}
