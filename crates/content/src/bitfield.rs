//! A set of chunks (or of groups) as bits: who holds what.
//!
//! On the wire and in storage: bit `i` is bit `i % 8`, counted from the low end, of byte `i / 8`; bits past the
//! end are zero. A bitfield knows its length, so that one of another content is noticed.

use crate::GroupRange;
use core::fmt;
use core::ops::Range;

const WORD: u32 = 64;

/// A set of numbers below [`len`](Bitfield::len).
#[derive(Clone, PartialEq, Eq)]
pub struct Bitfield {
    len: u32,
    ones: u32,
    words: Vec<u64>,
}

/// Why bytes are not a bitfield of the given length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitfieldError {
    /// The wrong number of bytes.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Bytes that the length asks for.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A bit past the end is set.
    #[error("a bit past the end is set")]
    Padding,
}

impl Bitfield {
    /// No member yet, of `len` possible ones.
    pub fn empty(len: u32) -> Self {
        Self { len, ones: 0, words: vec![0; len.div_ceil(WORD) as usize] }
    }

    /// Every one of `len`.
    pub fn full(len: u32) -> Self {
        let mut bits = Self { len, ones: len, words: vec![u64::MAX; len.div_ceil(WORD) as usize] };
        if let (Some(last), tail @ 1..) = (bits.words.last_mut(), len % WORD) {
            *last = (1 << tail) - 1;
        }
        bits
    }

    /// How many numbers could be members.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// There is nothing it could hold.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many members it has. Constant time.
    pub fn ones(&self) -> u32 {
        self.ones
    }

    /// All are members.
    pub fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// `index` is a member; false beyond the end.
    pub fn get(&self, index: u32) -> bool {
        index < self.len && self.words[(index / WORD) as usize] >> (index % WORD) & 1 == 1
    }

    /// Makes `index` a member. True if it was not one before; false, and nothing happens, beyond the end.
    pub fn insert(&mut self, index: u32) -> bool {
        let fresh = index < self.len && !self.get(index);
        if fresh {
            self.words[(index / WORD) as usize] |= 1 << (index % WORD);
            self.ones += 1;
        }
        fresh
    }

    /// Takes `index` out. True if it was a member.
    pub fn remove(&mut self, index: u32) -> bool {
        let was = self.get(index);
        if was {
            self.words[(index / WORD) as usize] &= !(1 << (index % WORD));
            self.ones -= 1;
        }
        was
    }

    /// The members, ascending. Costs one step per 64 numbers and one per member.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, at)| ones_of(word).map(move |bit| at * WORD + bit))
    }

    /// The numbers of `range` that are not members, ascending. Costs one step per 64 numbers and one each.
    pub fn absent(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let (start, end) = (range.start.min(self.len), range.end.min(self.len));
        (start / WORD..end.div_ceil(WORD)).flat_map(move |at| {
            let below =
                |number: u32| 1u64.checked_shl(number.saturating_sub(at * WORD)).map_or(u64::MAX, |bit| bit - 1);
            ones_of(!self.words[at as usize] & below(end) & !below(start)).map(move |bit| at * WORD + bit)
        })
    }

    /// The members as runs, ascending, not touching each other.
    pub fn runs(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        let mut members = self.iter().peekable();
        core::iter::from_fn(move || {
            let start = members.next()?;
            let mut end = start + 1;
            while members.next_if_eq(&end).is_some() {
                end += 1;
            }
            Some(start..end)
        })
    }

    /// The bits in words of 64, low end first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bytes of a bitfield of `len` on the wire.
    pub const fn byte_len(len: u32) -> usize {
        len.div_ceil(8) as usize
    }

    /// The bits as on the wire, without their length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(Self::byte_len(self.len));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Allocates about as many bytes as it is given.
    pub fn from_bytes(len: u32, bytes: &[u8]) -> Result<Self, BitfieldError> {
        let expected = Self::byte_len(len);
        if bytes.len() != expected {
            return Err(BitfieldError::Length { expected, found: bytes.len() });
        }
        let words: Vec<u64> = bytes.chunks(8).map(word_of).collect();
        let past_end = match len % WORD {
            0 => 0,
            tail => words.last().map_or(0, |last| last >> tail),
        };
        if past_end != 0 {
            return Err(BitfieldError::Padding);
        }
        Ok(Self { len, ones: words.iter().map(|word| word.count_ones()).sum(), words })
    }

    /// Makes every chunk that lies whole in `range` a member, for a bitfield of a content's chunks.
    pub fn insert_chunks(&mut self, range: GroupRange, length: u64) {
        for chunk in range.whole_chunks(length) {
            self.insert(chunk);
        }
    }
}

impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitfield({} of {})", self.ones, self.len)
    }
}

/// The positions of the set bits, ascending.
pub(crate) fn ones_of(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros();
            word &= word - 1;
            bit
        })
    })
}

fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_full_bitfield_has_no_bit_past_its_end() {
        for len in [0, 1, 7, 8, 63, 64, 65, 129] {
            let full = Bitfield::full(len);
            assert!(full.is_full());
            assert_eq!(full.iter().count() as u32, len);
            assert_eq!(Bitfield::from_bytes(len, &full.to_bytes()), Ok(full));
        }
    }

    #[test]
    fn a_bit_past_the_end_is_refused() {
        assert_eq!(Bitfield::from_bytes(3, &[0b1000]), Err(BitfieldError::Padding));
        assert_eq!(Bitfield::from_bytes(3, &[0, 0]), Err(BitfieldError::Length { expected: 1, found: 2 }));
    }

    proptest! {
    #![proptest_config(crate::cases(256))]

        #[test]
        fn prop_it_is_a_set(len in 0u32..300, changes in prop::collection::vec((0u32..310, any::<bool>()), 0..200)) {
            let mut bits = Bitfield::empty(len);
            let mut model = BTreeSet::new();
            for (index, add) in changes {
                let changed = if add { bits.insert(index) } else { bits.remove(index) };
                let expected = if add { index < len && model.insert(index) } else { model.remove(&index) };
                prop_assert_eq!(changed, expected);
                prop_assert_eq!(bits.ones() as usize, model.len());
            }
            prop_assert!(bits.iter().eq(model.iter().copied()));
            let (from, to) = (len / 3, len / 3 * 2);
            prop_assert!(bits.absent(from..to).eq((from..to).filter(|index| !model.contains(index))));
            prop_assert!(bits.runs().flatten().eq(model.iter().copied()));
            prop_assert_eq!(Bitfield::from_bytes(len, &bits.to_bytes()), Ok(bits));
        }
    }
}
