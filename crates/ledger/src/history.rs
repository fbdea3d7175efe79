//! All earlier blocks as one hash: a Merkle mountain range over their ids.
//!
//! ```text
//! peak of one = B3(histleaf, id)    node = B3(histnode, left | right)
//! root        = B3(histroot, count u64 | peaks, the highest first)
//! ```
//!
//! The count says how high the mountains are: one for each of its binary digits. A tab keeps the peaks (at most 64);
//! whoever keeps all blocks can prove to it that any old header is an ancestor of the one it trusts.

use crate::hash::{BlockId, Digest, HistoryRoot, hash, tag};
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max};

/// Binary digits of a count.
const PEAKS_MAX: usize = 64;

fn leaf(id: &BlockId) -> Digest {
    hash(&tag("histleaf"), &[id.as_bytes()])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    hash(&tag("histnode"), &[&left.0, &right.0])
}

fn root_of<'a>(count: u64, peaks: impl Iterator<Item = &'a Digest>) -> HistoryRoot {
    let mut bytes = count.to_le_bytes().to_vec();
    peaks.for_each(|peak| bytes.extend_from_slice(&peak.0));
    hash(&tag("histroot"), &[&bytes]).into()
}

/// The peaks: enough to go on, and to check what goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    count: u64,
    /// The highest mountain first.
    peaks: Vec<Digest>,
}

impl History {
    /// The blocks so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What the header of block `count` must say.
    pub fn root(&self) -> HistoryRoot {
        root_of(self.count, self.peaks.iter())
    }

    /// The history that this block belongs to, too.
    #[must_use]
    pub fn with(&self, id: &BlockId) -> Self {
        let mut peaks = self.peaks.clone();
        let mut peak = leaf(id);
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = peaks.pop() {
                peak = node(&left, &peak);
            }
        }
        peaks.push(peak);
        Self { count: self.count.saturating_add(1), peaks }
    }
}

impl Wire for History {
    const LEN_MAX: usize = 8 + list_len_max::<Digest>(PEAKS_MAX);

    fn encode(&self, out: &mut Vec<u8>) {
        self.count.encode(out);
        encode_list(&self.peaks, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = u64::decode(input)?;
        let peaks = count.count_ones() as usize;
        Ok(Self { count, peaks: decode_list(input, peaks, peaks)? })
    }
}

/// Every node of the range, for whoever keeps all blocks and proves.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// Level `l` holds the full subtrees of 2^l blocks, in order.
    levels: Vec<Vec<Digest>>,
}

impl Archive {
    /// Adds the next block.
    pub fn push(&mut self, id: &BlockId) {
        let mut made = leaf(id);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(made);
            if !nodes.len().is_multiple_of(2) {
                return;
            }
            made = node(&nodes[nodes.len() - 2], &made);
        }
    }

    fn get(&self, level: u32, at: u64) -> Option<Digest> {
        self.levels.get(level as usize)?.get(usize::try_from(at).ok()?).copied()
    }

    /// How many blocks there are.
    pub fn count(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Forgets all but the first `count` blocks: a reorganisation has undone the others.
    pub fn truncate(&mut self, count: u64) {
        for (level, nodes) in self.levels.iter_mut().enumerate() {
            nodes.truncate(usize::try_from(count >> level).unwrap_or(usize::MAX));
        }
    }

    /// The peaks of the first `count` blocks.
    pub fn history(&self, count: u64) -> Option<History> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in levels(count) {
            peaks.push(self.get(level, start >> level)?);
            start += 1 << level;
        }
        Some(History { count, peaks })
    }

    /// Proves that block `height` is among the first `count`.
    pub fn prove(&self, height: u64, count: u64) -> Option<HistoryProof> {
        let place = Place::of(height, count)?;
        let mut path = Vec::new();
        for level in 0..place.level {
            path.push(self.get(level, (height >> level) ^ 1)?);
        }
        let mut others = Vec::new();
        let mut start = 0_u64;
        for level in levels(count) {
            if level != place.level {
                others.push(self.get(level, start >> level)?);
            }
            start += 1 << level;
        }
        Some(HistoryProof { path, others })
    }
}

/// The heights of the mountains, the highest first.
fn levels(count: u64) -> impl Iterator<Item = u32> {
    (0..64).rev().filter(move |level| count >> level & 1 == 1)
}

/// Where a block stands in a range: in which mountain, and where in it.
struct Place {
    level: u32,
    /// How many mountains come before.
    before: usize,
    within: u64,
}

impl Place {
    fn of(height: u64, count: u64) -> Option<Self> {
        let mut start = 0;
        for (before, level) in levels(count).enumerate() {
            if height - start < 1 << level {
                return Some(Self { level, before, within: height - start });
            }
            start += 1 << level;
        }
        None
    }
}

/// That a block is among all earlier ones of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryProof {
    /// Neighbours inside its mountain, from the block up.
    path: Vec<Digest>,
    /// The peaks of the other mountains, the highest first.
    others: Vec<Digest>,
}

impl HistoryProof {
    /// Whether it proves that block `height` of the chain whose header at `count` says `root` is `id`. How long a proof
    /// is follows from the two numbers; any other length proves nothing.
    pub fn verify(&self, height: u64, id: &BlockId, count: u64, root: &HistoryRoot) -> bool {
        let Some(place) = Place::of(height, count) else { return false };
        if self.path.len() != place.level as usize || self.others.len() + 1 != count.count_ones() as usize {
            return false;
        }
        let peak = self.path.iter().enumerate().fold(leaf(id), |below, (level, sibling)| {
            if place.within >> level & 1 == 1 { node(sibling, &below) } else { node(&below, sibling) }
        });
        let (before, after) = self.others.split_at(place.before);
        root_of(count, before.iter().chain([&peak]).chain(after)) == *root
    }
}

impl Wire for HistoryProof {
    const LEN_MAX: usize = 2 * list_len_max::<Digest>(PEAKS_MAX);

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.path, out);
        encode_list(&self.others, out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { path: decode_list(input, 0, PEAKS_MAX)?, others: decode_list(input, 0, PEAKS_MAX)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(at: u64) -> BlockId {
        hash(&tag("test"), &[&at.to_le_bytes()]).into()
    }

    #[test]
    fn every_ancestor_is_proved_to_every_later_block_and_no_stranger() {
        let mut archive = Archive::default();
        let mut history = History::default();
        for count in 0..40 {
            for height in 0..count {
                let proof = archive.prove(height, count).unwrap();
                assert!(proof.verify(height, &id(height), count, &history.root()), "{height} of {count}");
                assert!(!proof.verify(height, &id(99), count, &history.root()));
                assert!(!proof.verify(height + 1, &id(height), count, &history.root()));
                assert_eq!(HistoryProof::from_bytes(&proof.to_bytes()), Ok(proof));
            }
            assert_eq!(archive.history(count), Some(history.clone()));
            assert_eq!((archive.count(), archive.history(count + 1)), (count, None));
            assert_eq!(archive.prove(count, count), None, "a block is not its own ancestor");
            assert_eq!(History::from_bytes(&history.to_bytes()), Ok(history.clone()));
            archive.push(&id(count));
            history = history.with(&id(count));
        }
    }

    #[test]
    fn archive_that_was_cut_goes_on_as_if_nothing_had_come_after() {
        let (mut cut, mut straight) = (Archive::default(), Archive::default());
        (0..13).for_each(|at| cut.push(&id(at)));
        cut.truncate(6);
        (6..11).for_each(|at| cut.push(&id(at + 100)));
        (0..6).chain(106..111).for_each(|at| straight.push(&id(at)));
        assert_eq!((cut.count(), cut.history(11)), (11, straight.history(11)));
        assert_eq!(cut.prove(3, 11), straight.prove(3, 11));
    }

    #[test]
    fn empty_proofs_and_impossible_places_prove_nothing() {
        let history = (0..5).fold(History::default(), |history, at| history.with(&id(at)));
        let empty = HistoryProof { path: Vec::new(), others: Vec::new() };
        for (height, count) in [(0, 0), (0, 1), (0, 5), (4, 5), (5, 5), (u64::MAX, 5), (0, u64::MAX)] {
            assert!(!empty.verify(height, &id(0), count, &history.root()), "{height} of {count}");
        }
    }
}
