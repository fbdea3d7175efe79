//! The tree against `bao-tree` and `bao`, and against bytes that change.

use super::*;
use crate::{Verifier, VerifyError};
use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::io::round_up_to_chunks;
use bao_tree::io::sync::encode_ranges_validated;
use bao_tree::{BlockSize, ByteRanges};
use proptest::prelude::*;

const GROUP: usize = GROUP_LEN as usize;
const MIB: usize = 1024 * 1024;

/// Every length where something could begin to be different.
const LENGTHS: [usize; 17] = [
    0,
    1,
    1023,
    1024,
    1025,
    GROUP - 1,
    GROUP,
    GROUP + 1,
    2 * GROUP,
    3 * GROUP - 1,
    5 * GROUP + 12_345,
    16 * GROUP,
    17 * GROUP + 1,
    MIB - 1,
    MIB,
    MIB + 1,
    1_234_567,
];

fn some_bytes(length: usize) -> Bytes {
    let mut random = crate::random::Random::new(length as u64);
    (0..length).map(|_| random.next() as u8).collect::<Vec<u8>>().into()
}

fn theirs(bytes: &[u8]) -> PreOrderMemOutboard {
    PreOrderMemOutboard::create(bytes, BlockSize::from_chunk_log(4))
}

fn slice(bytes: &Bytes, range: GroupRange) -> Bytes {
    let range = range.byte_range(bytes.len() as u64);
    bytes.slice(range.start as usize..range.end as usize)
}

/// The reference implementation has a pair above every 1 KiB; ours are those above 16 KiB, in the same order.
#[test]
fn every_pair_of_ours_is_one_of_the_reference_implementations() {
    for length in LENGTHS {
        let bytes = some_bytes(length);
        let outboard = Outboard::of(&bytes);
        let (reference, root) = bao::encode::outboard(&bytes);
        assert_eq!(outboard.root().0, *root.as_bytes(), "{length} bytes");
        let (prefix, pairs) = reference.split_at(8);
        assert_eq!(prefix, (length as u64).to_le_bytes());
        let mut pairs = pairs.chunks(PAIR_LEN);
        for ours in outboard.to_bytes()[40..].chunks(PAIR_LEN) {
            assert!(pairs.any(|pair| pair == ours), "{length} bytes: a pair that the reference does not have");
        }
    }
}

#[test]
fn roots_are_those_of_blake3_and_outboards_those_of_bao_tree() {
    for length in LENGTHS {
        let bytes = some_bytes(length);
        let outboard = Outboard::of(&bytes);
        let theirs = theirs(&bytes);
        assert_eq!(outboard.root().0, *blake3::hash(&bytes).as_bytes(), "{length} bytes");
        assert_eq!(outboard.to_bytes()[32..], theirs.into_inner_with_prefix(), "{length} bytes");
    }
}

#[test]
fn the_same_bytes_in_any_slices_make_the_same_outboard() {
    let bytes = some_bytes(MIB + 1);
    let whole = Outboard::of(&bytes);
    for piece in [1_000, 1_024, GROUP - 1, GROUP, GROUP + 1, 100_000] {
        let mut builder = OutboardBuilder::new(bytes.len() as u64);
        bytes.chunks(piece).for_each(|piece| builder.push(piece));
        assert_eq!(builder.hashed(), bytes.len() as u64);
        assert_eq!(builder.finish(), Ok(whole.clone()), "{piece} at a time");
    }
}

#[test]
fn a_file_that_grew_or_shrank_while_it_was_read_is_noticed() {
    for (announced, pushed) in [(0, 1), (1, 0), (GROUP, GROUP + 1), (GROUP + 1, GROUP), (5 * GROUP, 9 * GROUP)] {
        let mut builder = OutboardBuilder::new(announced as u64);
        some_bytes(pushed).chunks(10_000).for_each(|piece| builder.push(piece));
        let error = LengthError { expected: announced as u64, found: pushed as u64 };
        assert_eq!(builder.finish(), Err(error));
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_without_memory_for_it() {
    let mut builder = OutboardBuilder::new(u64::MAX);
    builder.push(&[0; 100_000]);
    assert_eq!(builder.finish(), Err(LengthError { expected: LENGTH_MAX, found: 100_000 }));
}

#[test]
fn messages_of_the_whole_are_bao_trees_encoding() {
    for length in LENGTHS.into_iter().filter(|&length| length > 0) {
        let bytes = some_bytes(length);
        let range = GroupRange::whole(length as u64);
        let ours = on_the_wire(&Outboard::of(&bytes).encode(range, 0, &bytes).unwrap());
        assert!(ours == their_encoding(&bytes, 0..length as u64), "{length} bytes");
    }
}

#[test]
fn messages_of_a_part_are_bao_trees_encoding() {
    let bytes = some_bytes(1_234_567);
    let outboard = Outboard::of(&bytes);
    for range in [(0, 1), (1, 1), (3, 5), (15, 2), (16, 16), (60, 16), (75, 1)] {
        let range = GroupRange::new(range.0, range.1);
        let ours = on_the_wire(&outboard.encode(range, 0, &slice(&bytes, range)).unwrap());
        assert!(ours == their_encoding(&bytes, range.byte_range(bytes.len() as u64)), "{range:?}");
    }
}

fn on_the_wire(messages: &[Message]) -> Vec<u8> {
    let mut all = Vec::new();
    for message in messages {
        let Message::Group { parents, bytes, .. } = message else { panic!("only groups") };
        all.extend_from_slice(parents);
        all.extend_from_slice(bytes);
    }
    all
}

fn their_encoding(bytes: &[u8], range: core::ops::Range<u64>) -> Vec<u8> {
    let mut encoded = Vec::new();
    let ranges = round_up_to_chunks(&ByteRanges::from(range));
    encode_ranges_validated(bytes, theirs(bytes), &ranges, &mut encoded).unwrap();
    encoded
}

#[test]
fn an_outboard_survives_the_way_between_threads_and_nothing_else_does() {
    for length in LENGTHS {
        let outboard = Outboard::of(&some_bytes(length));
        let bytes = outboard.to_bytes();
        assert_eq!(Outboard::from_bytes(&bytes), Ok(outboard));
        assert!(Outboard::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Outboard::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_bit_changed_anywhere_in_an_outboard_is_found() {
    let bytes = Outboard::of(&some_bytes(5 * GROUP + 12_345)).to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // The lengths of one last group are the only change that the hashes above cannot show: their bytes
        // are not here. Each group is hashed with its true length when it is served.
        let last_group = at == 32 || at == 33;
        assert_eq!(Outboard::from_bytes(&changed).is_ok(), last_group, "byte {at}");
    }
}

#[test]
fn an_outboard_that_lies_about_its_length_is_refused_before_memory_is_taken() {
    let mut bytes = vec![7; 32];
    bytes.extend_from_slice(&LENGTH_MAX.to_le_bytes());
    let expected = serialized_len(LENGTH_MAX);
    assert_eq!(Outboard::from_bytes(&bytes), Err(OutboardError::Length { expected, found: 40 }));
    bytes[32..].fill(0xff);
    assert_eq!(Outboard::from_bytes(&bytes), Err(OutboardError::TooLong { found: u64::MAX }));
    bytes[32..].fill(0);
    assert_eq!(Outboard::from_bytes(&bytes), Err(OutboardError::EmptyRoot));
}

#[test]
fn a_file_that_changed_on_disk_is_not_served() {
    let bytes = some_bytes(5 * GROUP + 5);
    let outboard = Outboard::of(&bytes);
    let range = GroupRange::new(2, 4);
    let mut changed = slice(&bytes, range).to_vec();
    changed[GROUP] ^= 1;
    assert_eq!(outboard.encode(range, 0, &changed.into()), Err(ChangedError::Group { group: 3 }));
    let short = slice(&bytes, GroupRange::new(2, 3));
    let expected = 3 * GROUP_LEN + 5;
    assert_eq!(outboard.encode(range, 0, &short), Err(ChangedError::Length { expected, found: 3 * GROUP }));
    let outside = GroupRange::new(5, 2);
    assert_eq!(outboard.encode(outside, 0, &short), Err(ChangedError::OutOfBounds { range: outside }));
}

#[test]
fn a_partial_copy_serves_what_it_proved_and_nothing_else() {
    let bytes = some_bytes(40 * GROUP);
    let outboard = Outboard::of(&bytes);
    let mut verifier = Verifier::new(outboard.root(), outboard.length());
    let range = GroupRange::new(16, 8);
    take_in(&mut verifier, &outboard.encode(range, 0, &slice(&bytes, range)).unwrap());
    let part = GroupRange::new(18, 3);
    assert_eq!(verifier.encode(part, 2, &slice(&bytes, part)), outboard.encode(part, 2, &slice(&bytes, part)));
    let other = GroupRange::new(0, 1);
    assert_eq!(verifier.encode(other, 0, &slice(&bytes, other)), Err(ChangedError::Unverified { group: 0 }));
    assert_eq!(verifier.outboard(), None);
}

fn take_in(verifier: &mut Verifier, messages: &[Message]) {
    for message in messages {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        let verified = verifier.check(*group, parents, bytes.clone()).unwrap();
        assert_eq!((verified.group(), verified.bytes()), (*group, bytes));
    }
}

#[test]
fn what_the_consumer_knows_is_not_sent_again() {
    let bytes = some_bytes(64 * GROUP);
    let outboard = Outboard::of(&bytes);
    let mut verifier = Verifier::new(outboard.root(), outboard.length());
    let pairs = |messages: &[Message]| -> usize {
        messages.iter().map(|m| if let Message::Group { parents, .. } = m { parents.len() / 64 } else { 0 }).sum()
    };
    let mut sent = 0;
    for first in (0..64).step_by(4) {
        let range = GroupRange::new(first, 4);
        let known = verifier.known_above(first);
        let messages = outboard.encode(range, known, &slice(&bytes, range)).unwrap();
        take_in(&mut verifier, &messages);
        sent += pairs(&messages);
    }
    assert_eq!(sent, 63, "every pair once");
    assert_eq!(verifier.outboard(), Some(outboard));
}

#[test]
fn a_group_whose_hashes_were_lost_is_told_from_a_lie() {
    let bytes = some_bytes(40 * GROUP);
    let outboard = Outboard::of(&bytes);
    let range = GroupRange::new(4, 4);
    let messages = outboard.encode(range, 0, &slice(&bytes, range)).unwrap();
    let Message::Group { group, parents, bytes, .. } = messages[1].clone() else { panic!("only groups") };
    let mut verifier = Verifier::new(outboard.root(), outboard.length());
    assert_eq!(verifier.check(group, &parents, bytes.clone()), Err(VerifyError::Unconnected { group }));
    take_in(&mut verifier, &messages[..1]);
    assert!(verifier.check(group, &parents, bytes).is_ok());
}

#[test]
fn a_tree_of_another_content_proves_nothing() {
    let (ours, other) = (some_bytes(20 * GROUP), some_bytes(20 * GROUP + 1));
    let mut verifier = Verifier::new(Outboard::of(&ours).root(), ours.len() as u64);
    let range = GroupRange::new(0, 1);
    for message in Outboard::of(&other).encode(range, 0, &slice(&other, range)).unwrap() {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        assert_eq!(verifier.check(group, &parents, bytes), Err(VerifyError::ParentHash { group }));
    }
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn prop_any_change_of_a_message_is_found(at: u32, bit in 0u8..8, length in GROUP + 1..9 * GROUP, group: u32) {
        let content = some_bytes(length);
        let outboard = Outboard::of(&content);
        let group = group % group_count(length as u64);
        let range = GroupRange::single(group);
        let message = outboard.encode(range, 0, &slice(&content, range)).unwrap().remove(0);
        let Message::Group { parents, bytes, .. } = message else { panic!("only groups") };
        let mut all = [&parents[..], &bytes[..]].concat();
        let at = at as usize % all.len();
        all[at] ^= 1 << bit;
        let (parents, bytes) = all.split_at(parents.len());
        let mut verifier = Verifier::new(outboard.root(), outboard.length());
        prop_assert!(verifier.check(group, parents, Bytes::copy_from_slice(bytes)).is_err());
    }

    #[test]
    fn prop_any_order_of_wants_proves_the_whole(length in 1usize..30 * GROUP, order: u64) {
        let content = some_bytes(length);
        let outboard = Outboard::of(&content);
        let mut verifier = Verifier::new(outboard.root(), outboard.length());
        let mut left: Vec<u32> = (0..group_count(length as u64)).collect();
        let mut random = crate::random::Random::new(order);
        while !left.is_empty() {
            let first = left.remove(random.next() as usize % left.len());
            let known = verifier.known_above(first);
            let range = GroupRange::single(first);
            take_in(&mut verifier, &outboard.encode(range, known, &slice(&content, range)).unwrap());
        }
        prop_assert_eq!(verifier.outboard(), Some(outboard));
    }
}
