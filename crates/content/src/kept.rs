//! What is written down beside a content's bytes, so that a later visit goes on where this one stopped.
//!
//! A journal of [`Record`]s: a run of groups, and every hash pair between them and the root. A record is complete in
//! itself, so that records may be torn, doubled or out of order, and nothing but their own groups is lost. Reading a
//! journal believes nothing: [`Recovery`] proves each record and the bytes found for it through the same
//! [`Verifier`] that proves what strangers send. What comes of it is [`Kept`].
//!
//! ```text
//! record: first group u32 | groups u32 | length of the pairs u32 | pairs
//! kept:   root 32 bytes | length u64 | groups held, as a bitfield | pairs known, as a bitfield | those pairs, in pre-order
//! ```
//!
//! All integers are little-endian.

use crate::hash::PAIR_LEN;
use crate::layout::{GROUPS_PER_CHUNK, LENGTH_MAX, group_count};
use crate::path::PATH_LEN_MAX;
use crate::{Bitfield, GroupRange, Manifest, Root, Verifier, VerifyError};
use bytes::Bytes;

/// Bytes before a record's pairs.
pub(crate) const RECORD_HEAD_LEN: usize = 12;

/// Bytes of the longest record's pairs: a chunk's, in the longest content. The path down to its first group, and one
/// pair between each two groups.
const PROOF_LEN_MAX: usize = (PATH_LEN_MAX + GROUPS_PER_CHUNK) as usize * PAIR_LEN;

/// Bytes before the bitfields of [`Kept`].
const KEPT_HEAD_LEN: usize = 32 + 8;

/// Groups that are stored, with the proof that they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which groups; at most a chunk of them.
    pub range: GroupRange,
    /// As [`Verifier::proof`] gave it.
    pub proof: Bytes,
}

impl Record {
    /// The bytes that are appended to the journal.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECORD_HEAD_LEN + self.proof.len());
        let proof_len = u32::try_from(self.proof.len()).expect("a proof is a few kilobytes");
        for number in [self.range.first, self.range.count, proof_len] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.proof);
        bytes
    }

    /// The first record of a journal, and how many bytes it takes; `None` at its end, whole or torn.
    pub fn decode(journal: &Bytes) -> Option<(Self, usize)> {
        let (head, rest) = journal.split_first_chunk::<RECORD_HEAD_LEN>()?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (range, proof_len) = (GroupRange::new(number(0), number(4)), number(8) as usize);
        if range.count > GROUPS_PER_CHUNK || proof_len > PROOF_LEN_MAX || proof_len > rest.len() {
            return None;
        }
        let len = RECORD_HEAD_LEN + proof_len;
        Some((Self { range, proof: journal.slice(RECORD_HEAD_LEN..len) }, len))
    }
}

/// What an earlier visit left of a content: proved again, every byte of it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The pairs above the groups, as far as they are known.
    pub verifier: Verifier,
    /// The groups that are stored.
    pub held: Bitfield,
}

/// Why bytes are not a [`Kept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// Too few bytes, too many, or bits past the end of a bitfield.
    #[error("{found} bytes of another shape")]
    Shape {
        /// Bytes given.
        found: usize,
    },
    /// Of a content longer than [`LENGTH_MAX`].
    #[error("of {found} bytes of content, at most {LENGTH_MAX}")]
    TooLong {
        /// The length it claims.
        found: u64,
    },
    /// A pair is not what the one above it, or the root, says.
    #[error(transparent)]
    Pair(#[from] VerifyError),
}

impl Kept {
    /// Everything is here.
    pub fn is_complete(&self) -> bool {
        self.held.is_full()
    }

    /// For another thread of ours: see [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.verifier.root().0);
        bytes.extend_from_slice(&self.verifier.length().to_le_bytes());
        bytes.extend_from_slice(&self.held.to_bytes());
        self.verifier.encode_pairs(&mut bytes);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, checking every pair again. Which groups are stored is the word
    /// of the writer.
    ///
    /// # Errors
    /// See [`KeptError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeptError> {
        let shape = KeptError::Shape { found: bytes.len() };
        let (head, rest) = bytes.split_first_chunk::<KEPT_HEAD_LEN>().ok_or(shape)?;
        let (root, length) = head.split_first_chunk::<32>().ok_or(shape)?;
        let length = u64::from_le_bytes(length.try_into().map_err(|_| shape)?);
        if length > LENGTH_MAX {
            return Err(KeptError::TooLong { found: length });
        }
        let groups = group_count(length);
        let (held, rest) = rest.split_at_checked(Bitfield::byte_len(groups)).ok_or(shape)?;
        let held = Bitfield::from_bytes(groups, held).map_err(|_| shape)?;
        let verifier = Verifier::decode_pairs(Root(*root), length, rest)?.ok_or(shape)?;
        Ok(Self { verifier, held })
    }
}

/// Proves a journal, record by record.
#[derive(Clone, Debug)]
pub struct Recovery(Kept);

impl Recovery {
    /// Of the content that `manifest` describes.
    pub fn new(manifest: &Manifest) -> Self {
        let verifier = Verifier::new(manifest.root, manifest.length);
        Self(Kept { verifier, held: Bitfield::empty(group_count(manifest.length)) })
    }

    /// Proves one record against the bytes found in its place. False when either is not what it should be: then its
    /// groups are missing, and nothing else is lost.
    pub fn replay(&mut self, record: &Record, bytes: &Bytes) -> bool {
        let proved = self.0.verifier.check_run(record.range, &record.proof, bytes).is_ok();
        if proved {
            for group in record.range.iter() {
                self.0.held.insert(group);
            }
        }
        proved
    }

    /// All that is proved.
    pub fn finish(self) -> Kept {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::GROUP_LEN;
    use crate::{Message, Outboard};
    use proptest::prelude::*;

    struct File {
        manifest: Manifest,
        outboard: Outboard,
        bytes: Bytes,
    }

    fn file(len: usize) -> File {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 249) as u8).collect();
        let outboard = Outboard::of(&bytes);
        File { manifest: Manifest::of_file(&outboard, "", "a"), outboard, bytes: bytes.into() }
    }

    impl File {
        fn slice(&self, range: GroupRange) -> Bytes {
            let place = range.byte_range(self.manifest.length);
            self.bytes.slice(place.start as usize..place.end as usize)
        }

        /// A verifier that was sent these runs, and the records it wrote.
        fn fetched(&self, runs: &[GroupRange]) -> Vec<Record> {
            let mut verifier = Verifier::new(self.manifest.root, self.manifest.length);
            runs.iter()
                .map(|&range| {
                    for message in self.outboard.encode(range, 0, &self.slice(range)).unwrap() {
                        let Message::Group { group, parents, bytes, .. } = message else { unreachable!() };
                        verifier.check(group, &parents, bytes).unwrap();
                    }
                    Record { range, proof: verifier.proof(range).unwrap() }
                })
                .collect()
        }

        fn recovered(&self, records: &[Record]) -> Kept {
            let mut recovery = Recovery::new(&self.manifest);
            for record in records {
                assert!(recovery.replay(record, &self.slice(record.range)));
            }
            recovery.finish()
        }
    }

    #[test]
    fn a_journal_gives_back_what_was_written_in_any_order() {
        let file = file(40 * GROUP_LEN as usize + 5);
        let runs = [GroupRange::new(32, 9), GroupRange::new(0, 16), GroupRange::new(16, 3)];
        let mut records = file.fetched(&runs);
        records.rotate_left(1);
        let kept = file.recovered(&records);
        assert_eq!(kept.held.iter().collect::<Vec<_>>(), (0..19).chain(32..41).collect::<Vec<_>>());
        assert!(kept.verifier.proof(GroupRange::new(33, 2)).is_some(), "what is held can be served");
        assert!(!kept.is_complete());
    }

    #[test]
    fn a_complete_journal_gives_the_outboard() {
        for len in [0, 1, GROUP_LEN as usize, 5 * GROUP_LEN as usize + 1] {
            let file = file(len);
            let runs: Vec<GroupRange> = (0..group_count(len as u64)).map(GroupRange::single).collect();
            let kept = file.recovered(&file.fetched(&runs));
            assert!(kept.is_complete(), "{len}");
            assert_eq!(kept.verifier.outboard(), Some(file.outboard), "{len}");
        }
    }

    #[test]
    fn bytes_that_changed_on_disk_cost_their_own_record_only() {
        let file = file(32 * GROUP_LEN as usize);
        let records = file.fetched(&[GroupRange::new(0, 16), GroupRange::new(16, 16)]);
        let mut recovery = Recovery::new(&file.manifest);
        let mut spoilt = file.slice(records[0].range).to_vec();
        spoilt[70_000] ^= 1;
        assert!(!recovery.replay(&records[0], &spoilt.into()));
        assert!(recovery.replay(&records[1], &file.slice(records[1].range)));
        assert_eq!(recovery.finish().held.iter().collect::<Vec<_>>(), (16..32).collect::<Vec<_>>());
    }

    #[test]
    fn a_torn_journal_ends_where_it_was_torn() {
        let file = file(20 * GROUP_LEN as usize);
        let records = file.fetched(&[GroupRange::new(0, 16), GroupRange::new(16, 4)]);
        let journal: Bytes = records.iter().flat_map(Record::encode).collect();
        for end in 0..journal.len() {
            let mut rest = journal.slice(..end);
            let mut read = Vec::new();
            while let Some((record, len)) = Record::decode(&rest) {
                read.push(record);
                rest = rest.slice(len..);
            }
            assert_eq!(read, records[..read.len()], "cut at {end}");
            assert!(read.len() < 2, "cut at {end}");
        }
    }

    #[test]
    fn another_contents_record_proves_nothing() {
        let (ours, other) = (file(3 * GROUP_LEN as usize), file(4 * GROUP_LEN as usize));
        let record = &other.fetched(&[GroupRange::new(0, 2)])[0];
        let mut recovery = Recovery::new(&ours.manifest);
        assert!(!recovery.replay(record, &ours.slice(record.range)));
        assert_eq!(recovery.finish().held.ones(), 0);
    }

    #[test]
    fn kept_reads_back_and_a_changed_pair_is_refused() {
        let file = file(9 * GROUP_LEN as usize);
        let kept = file.recovered(&file.fetched(&[GroupRange::new(4, 2)]));
        let bytes = kept.to_bytes();
        let read = Kept::from_bytes(&bytes).unwrap();
        assert_eq!((read.held, read.verifier.known_above(5)), (kept.held, kept.verifier.known_above(5)));
        let pairs_at = KEPT_HEAD_LEN + 2 * Bitfield::byte_len(9);
        for at in pairs_at..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            assert!(matches!(Kept::from_bytes(&spoilt), Err(KeptError::Pair(_))), "byte {at}");
        }
    }

    proptest! {
    #![proptest_config(crate::cases(256))]

        #[test]
        fn prop_any_bytes_are_kept_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400), length in 0u64..100_000) {
            let mut bytes = bytes;
            if let Some(place) = bytes.get_mut(32..40) {
                place.copy_from_slice(&length.to_le_bytes());
            }
            if let Ok(kept) = Kept::from_bytes(&bytes) {
                prop_assert_eq!(kept.to_bytes(), bytes);
            }
        }

        #[test]
        fn prop_any_bytes_are_a_journal_that_proves_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let file = file(3 * GROUP_LEN as usize);
            let mut rest = Bytes::from(bytes);
            let mut recovery = Recovery::new(&file.manifest);
            while let Some((record, len)) = Record::decode(&rest) {
                let inside = record.range.is_within(file.manifest.length);
                let found = if inside { file.slice(record.range) } else { Bytes::new() };
                prop_assert!(!recovery.replay(&record, &found));
                rest = rest.slice(len..);
            }
        }
    }
}
