//! Which direction a peer has on the picture: 48 places of 7.5 degrees, kept for as long as the peer is shown.

use std::collections::BTreeMap;

/// Places around the circle.
pub const SLOTS: u8 = 48;
/// The first place after the ruler: 47, 0 and 1 belong to it.
const FIRST: u8 = 2;
/// Places a peer may have.
const OPEN: u8 = 45;
/// Two peers at a similar distance keep this many places apart, so that their wings do not mix.
const APART: u8 = 3;
/// "Similar" is within this factor in round trip.
const SIMILAR: f64 = 2.0;

/// Degrees clockwise from 12 o'clock.
pub fn angle(slot: u8) -> f64 {
    f64::from(slot) * 360.0 / f64::from(SLOTS)
}

/// The place a peer has when nobody is in the way.
pub fn own_slot(id: &str) -> u8 {
    let hash = blake3::hash(id.as_bytes());
    let first = u32::from_le_bytes(hash.as_bytes()[..4].try_into().expect("a hash has 32 bytes"));
    (first % u32::from(OPEN)) as u8 + FIRST
}

/// Who has which place. Peers keep theirs through relayed, direct and reconnects, until they are no longer shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slots {
    taken: BTreeMap<String, u8>,
}

impl Slots {
    /// Gives every peer of `shown` (id, round trip if measured) a place, and takes back those of everybody else.
    pub fn settle(&mut self, shown: &[(&str, Option<f64>)]) {
        self.taken.retain(|id, _| shown.iter().any(|(shown, _)| shown == id));
        for (id, ms) in shown {
            if !self.taken.contains_key(*id) {
                let slot = self.free_slot(id, *ms, shown);
                self.taken.insert((*id).to_owned(), slot);
            }
        }
    }

    /// The place of a settled peer.
    pub fn of(&self, id: &str) -> u8 {
        self.taken.get(id).copied().unwrap_or_else(|| own_slot(id))
    }

    /// The free place nearest to its own, clockwise first; the rule about similar distances gives way before the rule
    /// that no two share a place, and that one only when all are taken.
    fn free_slot(&self, id: &str, ms: Option<f64>, shown: &[(&str, Option<f64>)]) -> u8 {
        let own = own_slot(id);
        let nearest_first =
            || (0..=OPEN).flat_map(move |step| [i16::from(own) + i16::from(step), i16::from(own) - i16::from(step)]);
        for apart in (1..=APART).rev() {
            let fits = |slot: u8| {
                self.taken.iter().all(|(other, taken)| {
                    let theirs = shown.iter().find(|(shown, _)| shown == other).and_then(|(_, ms)| *ms);
                    let wanted = if similar(ms, theirs) { apart } else { 1 };
                    slot.abs_diff(*taken) >= wanted
                })
            };
            let open = i16::from(FIRST)..i16::from(FIRST + OPEN);
            if let Some(slot) = nearest_first().filter(|s| open.contains(s)).map(|s| s as u8).find(|s| fits(*s)) {
                return slot;
            }
        }
        own
    }
}

/// Not measured counts as similar: it could turn out to be anywhere.
fn similar(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.max(b) <= SIMILAR * a.min(b),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("peer {i}")).collect()
    }

    #[test]
    fn nobody_stands_under_the_ruler() {
        for id in ids(500) {
            assert!((2..47).contains(&own_slot(&id)));
        }
    }

    #[test]
    fn similar_peers_keep_three_places_apart() {
        let ids = ids(10);
        let shown: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(30.0))).collect();
        let mut slots = Slots::default();
        slots.settle(&shown);
        for (n, a) in ids.iter().enumerate() {
            for b in &ids[n + 1..] {
                assert!(slots.of(a).abs_diff(slots.of(b)) >= 3);
            }
        }
    }

    #[test]
    fn a_peer_keeps_its_place_until_it_is_gone() {
        let ids = ids(6);
        let mut slots = Slots::default();
        slots.settle(&[(&ids[0], None)]);
        let first = slots.of(&ids[0]);
        let shown: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(30.0))).collect();
        slots.settle(&shown);
        assert_eq!(slots.of(&ids[0]), first);
        slots.settle(&shown[1..]);
        assert_eq!(slots.taken.len(), 5);
    }

    #[test]
    fn a_crowd_still_gets_places() {
        let ids = ids(60);
        let shown: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(30.0))).collect();
        let mut slots = Slots::default();
        slots.settle(&shown);
        assert!(ids.iter().all(|id| (2..47).contains(&slots.of(id))));
        let distinct: std::collections::BTreeSet<u8> = ids.iter().map(|id| slots.of(id)).collect();
        assert_eq!(distinct.len(), 45);
    }
}
