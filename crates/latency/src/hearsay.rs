//! What others say they measured.
//!
//! A digest is the few nearest peers of its author, with round trips. It only ever proposes: whom to probe
//! ([`crate::whom_to_probe`]), which middle to try for a route. Kept per author, so a liar crowds out nobody
//! but itself, and bounded on both sides.

use crate::Rtt;
use std::collections::BTreeMap;

/// Peers named by one digest.
pub const DIGEST_LEN_MAX: usize = 16;

/// Authors kept: neighbours and those met lately.
pub const AUTHORS_MAX: usize = 128;

/// Nearest peers and their round trips, nearest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest<P>(Vec<(P, Rtt)>);

impl<P: Copy + Ord> Digest<P> {
    /// The nearest [`DIGEST_LEN_MAX`] of what was measured. A peer named twice counts once, with its first number;
    /// zero is no measurement.
    pub fn new(measured: impl IntoIterator<Item = (P, Rtt)>) -> Self {
        let mut first = BTreeMap::new();
        for (peer, rtt) in measured.into_iter().filter(|(_, rtt)| rtt.as_micros() > 0) {
            first.entry(peer).or_insert(rtt);
        }
        let mut nearest: Vec<(P, Rtt)> = first.into_iter().collect();
        nearest.sort_unstable_by_key(|(peer, rtt)| (*rtt, *peer));
        nearest.truncate(DIGEST_LEN_MAX);
        Self(nearest)
    }

    /// Nearest first.
    pub fn entries(&self) -> &[(P, Rtt)] {
        &self.0
    }
}

/// The digests of those we know.
#[derive(Clone, Debug)]
pub struct Hearsay<P> {
    digests: BTreeMap<P, (u64, Digest<P>)>,
    heard: u64,
}

impl<P> Default for Hearsay<P> {
    fn default() -> Self {
        Self { digests: BTreeMap::new(), heard: 0 }
    }
}

impl<P: Copy + Ord> Hearsay<P> {
    /// Replaces what `author` said before; at [`AUTHORS_MAX`], the author heard of longest ago makes room.
    pub fn on_digest(&mut self, author: P, digest: Digest<P>) {
        self.heard += 1;
        if !self.digests.contains_key(&author) && self.digests.len() == AUTHORS_MAX {
            let oldest = self.digests.iter().min_by_key(|(_, (heard, _))| *heard).map(|(author, _)| *author);
            oldest.and_then(|author| self.digests.remove(&author));
        }
        self.digests.insert(author, (self.heard, digest));
    }

    /// Forgets an author.
    pub fn forget(&mut self, author: P) {
        self.digests.remove(&author);
    }

    /// What `author` says of `peer`.
    pub fn reported(&self, author: P, peer: P) -> Option<Rtt> {
        let (_, digest) = self.digests.get(&author)?;
        digest.0.iter().find(|(named, _)| *named == peer).map(|(_, rtt)| *rtt)
    }

    /// The shortest way to everybody named, through an author to whom `measured` knows the round trip.
    pub fn bridges(&self, measured: impl Fn(P) -> Option<Rtt>) -> BTreeMap<P, Rtt> {
        let mut bridges: BTreeMap<P, Rtt> = BTreeMap::new();
        for (author, (_, digest)) in &self.digests {
            let Some(near) = measured(*author) else { continue };
            for (peer, far) in &digest.0 {
                let way = Rtt(near.0.saturating_add(far.0));
                bridges.entry(*peer).and_modify(|best| *best = way.min(*best)).or_insert(way);
            }
        }
        bridges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_bridge_wins_and_strangers_build_none() {
        let mut hearsay = Hearsay::default();
        hearsay.on_digest(1, digest([(9, 10), (1, 0)]));
        hearsay.on_digest(2, digest([(9, 30), (8, 5)]));
        hearsay.on_digest(3, digest([(9, 1)]));
        let bridges = hearsay.bridges(|author| (author != 3).then(|| ms(20)));
        assert_eq!(bridges, BTreeMap::from([(8, ms(25)), (9, ms(30))]));
        assert_eq!(hearsay.reported(2, 8), Some(ms(5)));
        assert_eq!(hearsay.reported(1, 1), None);
    }

    #[test]
    fn a_digest_names_each_of_the_nearest_once() {
        let digest = digest((0..100).map(|peer| (peer % 50, 100 - peer)));
        assert_eq!(digest.entries().len(), DIGEST_LEN_MAX);
        assert_eq!(digest.entries()[0], (49, ms(51)));
    }

    #[test]
    fn authors_are_bounded_and_the_oldest_makes_room() {
        let mut hearsay = Hearsay::default();
        for author in 0..=AUTHORS_MAX as u64 {
            hearsay.on_digest(author, digest([(1_000, 7)]));
        }
        assert_eq!(hearsay.reported(0, 1_000), None);
        assert_eq!(hearsay.reported(1, 1_000), Some(ms(7)));
        assert_eq!(hearsay.digests.len(), AUTHORS_MAX);
    }

    fn digest(entries: impl IntoIterator<Item = (u64, u64)>) -> Digest<u64> {
        Digest::new(entries.into_iter().map(|(peer, rtt)| (peer, ms(rtt))))
    }

    fn ms(ms: u64) -> Rtt {
        Rtt::from_micros(ms * 1_000)
    }
}
