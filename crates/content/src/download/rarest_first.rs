//! The chunk that the fewest sources hold, among those that a given source holds.
//!
//! Rarest first (BEP 3; "Rarest First and Choke Algorithms Are Enough", 2006): a chunk that only one source
//! holds is fetched before that source can leave, and consumers end up with different chunks to exchange.
//!
//! Sources that hold everything change no order, so they are not counted, and their coming and going is free.
//! Chunks are kept in one bit set per count of the other sources; a pick meets those sets with the source's
//! own bits, 64 chunks a step (256 steps for 4 GiB).

use crate::Bitfield;
use crate::random::Random;

#[derive(Clone, Debug)]
pub(super) struct Rarity {
    /// Sources that hold a chunk, without those that hold all.
    counts: Vec<u16>,
    /// Open chunks, those that may be picked, by count.
    open: Vec<Bitfield>,
}

impl Rarity {
    /// No source, no open chunk.
    pub(super) fn new(chunks: u32) -> Self {
        Self { counts: vec![0; chunks as usize], open: vec![Bitfield::empty(chunks)] }
    }

    /// A chunk may be picked, or no longer.
    pub(super) fn set_open(&mut self, chunk: u32, open: bool) {
        let bucket = &mut self.open[usize::from(self.counts[chunk as usize])];
        let _changed = if open { bucket.insert(chunk) } else { bucket.remove(chunk) };
    }

    /// One more of the partial sources holds it.
    pub(super) fn more(&mut self, chunk: u32) {
        self.shift(chunk, |count| count + 1);
    }

    /// One less does.
    pub(super) fn fewer(&mut self, chunk: u32) {
        self.shift(chunk, |count| count.saturating_sub(1));
    }

    fn shift(&mut self, chunk: u32, change: impl Fn(u16) -> u16) {
        let count = &mut self.counts[chunk as usize];
        let before = usize::from(*count);
        *count = change(*count);
        let after = usize::from(*count);
        if after == self.open.len() {
            self.open.push(Bitfield::empty(self.counts.len() as u32));
        }
        if self.open[before].remove(chunk) {
            self.open[after].insert(chunk);
        }
    }

    /// An open chunk in `held` that is as rare as any, by chance among equals.
    pub(super) fn rarest(&self, held: &Bitfield, random: &mut Random) -> Option<u32> {
        self.open.iter().filter(|open| open.ones() > 0).find_map(|open| any_of_both(open, held, random))
    }
}

/// A member of both sets: the first at or after a random place, then around.
fn any_of_both(a: &Bitfield, b: &Bitfield, random: &mut Random) -> Option<u32> {
    let (a, b) = (a.words(), b.words());
    let draw = random.next();
    let start = (draw >> 32) as usize % a.len();
    let turn = draw as u32 % 64;
    let at = (start..a.len()).chain(0..start).find(|&at| a[at] & b[at] != 0)?;
    let bit = ((a[at] & b[at]).rotate_right(turn).trailing_zeros() + turn) % 64;
    Some(at as u32 * 64 + bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(len: u32, members: &[u32]) -> Bitfield {
        let mut bits = Bitfield::empty(len);
        for &member in members {
            bits.insert(member);
        }
        bits
    }

    #[test]
    fn the_chunk_that_only_one_source_holds_comes_first() {
        let mut rarity = Rarity::new(300);
        for chunk in 0..300 {
            rarity.set_open(chunk, true);
            rarity.more(chunk);
            rarity.more(chunk);
        }
        rarity.fewer(217);
        let mut random = Random::new(1);
        assert_eq!(rarity.rarest(&Bitfield::full(300), &mut random), Some(217));
        rarity.set_open(217, false);
        assert_ne!(rarity.rarest(&Bitfield::full(300), &mut random), Some(217));
    }

    #[test]
    fn equals_are_chosen_by_the_seed() {
        let mut rarity = Rarity::new(500);
        for chunk in 0..500 {
            rarity.set_open(chunk, true);
        }
        let picks = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| rarity.rarest(&Bitfield::full(500), &mut random).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(picks(3), picks(3));
        assert_ne!(picks(3), picks(4));
    }

    proptest! {
    #![proptest_config(crate::cases(256))]

        #[test]
        fn prop_a_pick_is_open_held_and_of_the_lowest_count(
            holders in prop::collection::vec(prop::collection::vec(0u32..130, 0..130), 1..5),
            open in prop::collection::vec(0u32..130, 0..40),
            asker in 0usize..5,
            seed: u64,
        ) {
            let mut rarity = Rarity::new(130);
            let sources: Vec<Bitfield> = holders.iter().map(|held| bits(130, held)).collect();
            for held in &sources {
                held.iter().for_each(|chunk| rarity.more(chunk));
            }
            open.iter().for_each(|&chunk| rarity.set_open(chunk, true));

            let held = &sources[asker % sources.len()];
            let count = |chunk: u32| sources.iter().filter(|held| held.get(chunk)).count();
            let model = open.iter().filter(|&&chunk| held.get(chunk)).map(|&chunk| count(chunk)).min();
            let pick = rarity.rarest(held, &mut Random::new(seed));
            prop_assert_eq!(pick.map(count), model);
            prop_assert!(pick.is_none_or(|chunk| open.contains(&chunk) && held.get(chunk)));
        }
    }
}
