//! Room in a store: how much a content takes, and what makes way for it.
//!
//! What makes way is whole, was not pinned by the person, is used by nobody, and can be fetched again; of those, what was
//! not used for longest. Either all that is needed makes way, or nothing does.

use crate::Root;
use crate::hash::PAIR_LEN;
use crate::kept::RECORD_HEAD_LEN;
use crate::layout::{GROUPS_PER_CHUNK, chunk_count};

/// Bytes that a store takes for a content of `length`: its bytes, and records of all of its chunks with the longest proofs
/// they can have. A chunk that is written in parts takes a little more.
pub fn room_for(length: u64) -> u64 {
    let chunks = chunk_count(length);
    // Between a chunk and the root is a level for each doubling; within it, a pair between each two groups.
    let above = u32::BITS - chunks.saturating_sub(1).leading_zeros();
    let record = RECORD_HEAD_LEN as u64 + u64::from(above + GROUPS_PER_CHUNK) * PAIR_LEN as u64;
    length.saturating_add(u64::from(chunks) * record)
}

/// A content in the store, as far as it matters for making room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupant {
    pub root: Root,
    /// All its bytes, as its manifest says.
    pub length: u64,
    /// The person said that it stays.
    pub pinned: bool,
    /// It is fetched, served, played or read, or was a moment ago.
    pub in_use: bool,
    /// Everything of it is here and it came from others: it can be had again.
    pub whole: bool,
    /// Grows with every use of any content; which of two was used later is all that it says.
    pub last_used: u64,
}

/// What makes way so that `short` more bytes fit: as few as possible of those not used for longest. `None` if all that
/// may go would not be enough.
pub fn make_room(short: u64, occupants: &[Occupant]) -> Option<Vec<Root>> {
    let may_go = |occupant: &&Occupant| occupant.whole && !occupant.pinned && !occupant.in_use && occupant.length > 0;
    let mut candidates: Vec<&Occupant> = occupants.iter().filter(may_go).collect();
    candidates.sort_by_key(|occupant| (occupant.last_used, occupant.root));
    let mut freed = 0_u64;
    let mut going = Vec::new();
    for occupant in candidates {
        if freed >= short {
            break;
        }
        freed = freed.saturating_add(room_for(occupant.length));
        going.push(occupant);
    }
    if freed < short {
        return None;
    }
    // The last one may have made enough room by itself for some that went before it.
    going.retain(|occupant| {
        let room = room_for(occupant.length);
        let spare = freed - room >= short;
        freed -= if spare { room } else { 0 };
        !spare
    });
    Some(going.into_iter().map(|occupant| occupant.root).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1024 * 1024;

    fn occupant(n: u8, length: u64, last_used: u64) -> Occupant {
        Occupant { root: Root([n; 32]), length, pinned: false, in_use: false, whole: true, last_used }
    }

    #[test]
    fn records_take_less_than_a_hundredth() {
        for length in [0, 1, 16_384, MIB, 1 << 30, 1 << 40] {
            let more = room_for(length) - length;
            assert!(more <= length / 100 + 4_096, "{length}: {more}");
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_only_as_much_as_is_needed() {
        let kept = [occupant(1, MIB, 30), occupant(2, MIB, 10), occupant(3, MIB, 20)];
        assert_eq!(make_room(1, &kept), Some(vec![Root([2; 32])]));
        assert_eq!(make_room(MIB + MIB / 2, &kept), Some(vec![Root([2; 32]), Root([3; 32])]));
        assert_eq!(make_room(0, &kept), Some(vec![]));
        assert_eq!(make_room(4 * MIB, &kept), None);
    }

    #[test]
    fn small_ones_stay_when_a_large_one_has_to_go_anyway() {
        let kept = [occupant(1, MIB, 10), occupant(2, 100 * MIB, 20)];
        assert_eq!(make_room(50 * MIB, &kept), Some(vec![Root([2; 32])]));
    }

    fn occupants() -> impl Strategy<Value = Vec<Occupant>> {
        let flags = any::<[bool; 3]>();
        let one = (0..8 * MIB, flags, 0..20_u64).prop_map(|(length, [pinned, in_use, whole], last_used)| Occupant {
            pinned,
            in_use,
            whole,
            ..occupant(0, length, last_used)
        });
        prop::collection::vec(one, 0..12).prop_map(|mut all| {
            for (n, occupant) in (0..).zip(&mut all) {
                occupant.root = Root([n; 32]);
            }
            all
        })
    }

    proptest! {
        #![proptest_config(crate::cases(256))]

        #[test]
        fn nothing_goes_that_must_stay_and_what_goes_is_enough(kept in occupants(), short in 0..40 * MIB) {
            let may_go: Vec<&Occupant> = kept.iter().filter(|o| o.whole && !o.pinned && !o.in_use && o.length > 0).collect();
            let most: u64 = may_go.iter().map(|o| room_for(o.length)).sum();
            match make_room(short, &kept) {
                None => prop_assert!(most < short),
                Some(going) => {
                    let gone: Vec<&&Occupant> = may_go.iter().filter(|o| going.contains(&o.root)).collect();
                    prop_assert_eq!(gone.len(), going.len(), "something went that must stay");
                    let freed: u64 = gone.iter().map(|o| room_for(o.length)).sum();
                    prop_assert!(freed >= short);
                    for one in gone {
                        prop_assert!(freed - room_for(one.length) < short, "one went for nothing");
                    }
                }
            }
        }
    }
}
