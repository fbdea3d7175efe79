//! Every message survives the wire, and no bytes do harm.

use super::*;
use proptest::prelude::*;

fn frame(message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    message.encode(&mut out);
    assert_eq!(out.len(), message.encoded_len());
    out.to_vec()
}

fn decode(bytes: &[u8]) -> Result<Vec<Message>, WireError> {
    let mut decoder = Decoder::new();
    decoder.push(Bytes::copy_from_slice(bytes));
    let mut messages = Vec::new();
    while let Some(message) = decoder.next()? {
        messages.push(message);
    }
    Ok(messages)
}

fn raw(kind: u8, fields: &[u8]) -> Vec<u8> {
    let len = (1 + fields.len() as u32).to_le_bytes();
    [&len[..], &[kind], fields].concat()
}

fn ranged(kind: u8, first: u32, count: u32, rest: &[u8]) -> Vec<u8> {
    raw(kind, &[&[5; 32][..], &first.to_le_bytes(), &count.to_le_bytes(), rest].concat())
}

fn any_message() -> impl Strategy<Value = Message> {
    let id = any::<[u8; 32]>().prop_map(ContentId);
    let root = || any::<[u8; 32]>().prop_map(Root);
    let range = |count| (0u32..1 << 30, 1u32..count).prop_map(|(first, count)| GroupRange { first, count });
    let bytes = |len| prop::collection::vec(any::<u8>(), len).prop_map(Bytes::from);
    let reason = prop::sample::select(&[Refusal::Busy, Refusal::NotHeld, Refusal::Withdrawn, Refusal::Unreadable][..]);
    let bits = prop::collection::vec(any::<bool>(), 0..200).prop_map(|bits| {
        let mut field = Bitfield::empty(bits.len() as u32);
        (0..).zip(bits).filter(|(_, bit)| *bit).for_each(|(at, _)| assert!(field.insert(at)));
        field
    });
    let parents = (0usize..23).prop_map(|pairs| Bytes::from(vec![3; pairs * PAIR_LEN]));
    prop_oneof![
        id.clone().prop_map(|id| Message::GetManifest { id }),
        (id.clone(), bytes(0..MANIFEST_LEN_MAX)).prop_map(|(id, bytes)| Message::Manifest { id, bytes }),
        id.prop_map(|id| Message::NoContent { id }),
        root().prop_map(|root| Message::Follow { root }),
        root().prop_map(|root| Message::Unfollow { root }),
        (root(), bits).prop_map(|(root, bits)| Message::Holds { root, bits }),
        (root(), range(1 << 20)).prop_map(|(root, range)| Message::Have { root, range }),
        (root(), range(17), any::<u8>()).prop_map(|(root, range, known)| Message::Want { root, range, known }),
        (root(), range(1 << 20)).prop_map(|(root, range)| Message::Cancel { root, range }),
        (root(), any::<u32>(), parents, bytes(1..GROUP_LEN as usize + 1))
            .prop_map(|(root, group, parents, bytes)| Message::Group { root, group, parents, bytes }),
        (root(), range(1 << 20), reason).prop_map(|(root, range, reason)| Message::Refuse { root, range, reason }),
    ]
}

#[test]
fn a_follow_frame_is_a_length_a_kind_and_a_root() {
    let frame = frame(&Message::Follow { root: Root([5; 32]) });
    assert_eq!(frame[..5], [33, 0, 0, 0, 3]);
    assert_eq!(frame[5..], [5; 32]);
}

#[test]
fn the_longest_frame_is_the_longest_bitfield() {
    let longest = frame(&Message::Holds { root: Root([5; 32]), bits: Bitfield::full(CHUNKS_MAX) });
    assert_eq!(longest.len(), FRAME_LEN_MAX);
    assert_eq!(decode(&longest).map(|messages| messages.len()), Ok(1));
}

#[test]
fn a_length_that_lies_is_refused_from_the_first_five_bytes() {
    for (kind, claim) in [(3, 34), (9, 1 << 20), (5, u32::MAX), (1, 10_000), (7, 41)] {
        let bytes = [&u32::to_le_bytes(claim)[..], &[kind]].concat();
        let mut decoder = Decoder::new();
        decoder.push(bytes.into());
        assert!(matches!(decoder.next(), Err(WireError::FrameLen { found, .. }) if found == claim as usize));
    }
    assert_eq!(decode(&[0, 0, 0, 0]), Err(WireError::Empty));
    assert_eq!(decode(&[1, 0, 0, 0, 11]), Err(WireError::Kind { found: 11 }));
}

#[test]
fn fields_that_no_honest_peer_sends_are_refused() {
    let cases = [
        (ranged(7, 0, 17, &[0]), WireError::WantLen { count: 17 }),
        (ranged(7, 0, 0, &[0]), WireError::Range { first: 0, count: 0 }),
        (ranged(6, u32::MAX, 1, &[]), WireError::Range { first: u32::MAX, count: 1 }),
        (ranged(10, 0, 1, &[4]), WireError::Reason { found: 4 }),
        (raw(5, &[&[5; 32][..], &[9, 0, 0, 0], &[255, 2]].concat()), WireError::Bits),
        (raw(5, &[&[5; 32][..], &[9, 0, 0, 0], &[255]].concat()), WireError::Bits),
        (raw(5, &[&[5; 32][..], &u32::MAX.to_le_bytes()].concat()), WireError::Bits),
        (raw(9, &[&[5; 32][..], &[0; 4], &[0]].concat()), WireError::Fields),
        (raw(9, &[&[5; 32][..], &[0; 4], &[1], &[0; 63]].concat()), WireError::Fields),
        (raw(9, &[&[5; 32][..], &[0; 4], &[23], &[0; 23 * 64 + 1]].concat()), WireError::Fields),
        (raw(9, &[&[5; 32][..], &[0; 4], &[0], &[0; 16_385]].concat()), WireError::Fields),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(&bytes), Err(error), "{:?}", &bytes[..5]);
    }
}

#[test]
fn a_decoder_that_failed_stays_failed() {
    let mut decoder = Decoder::new();
    decoder.push(Bytes::from_static(&[0, 0, 0, 0]));
    assert_eq!(decoder.next(), Err(WireError::Empty));
    decoder.push(frame(&Message::Follow { root: Root([5; 32]) }).into());
    assert_eq!(decoder.next(), Err(WireError::Empty));
}

#[test]
fn a_group_that_arrives_whole_is_not_copied() {
    let message =
        Message::Group { root: Root([5; 32]), group: 1, parents: Bytes::new(), bytes: Bytes::from(vec![1; 16_384]) };
    let arrived = Bytes::from(frame(&message));
    let mut decoder = Decoder::new();
    decoder.push(arrived.clone());
    let Ok(Some(Message::Group { bytes, .. })) = decoder.next() else { panic!("a group") };
    assert_eq!(bytes.as_ptr(), arrived[arrived.len() - 16_384..].as_ptr());
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn prop_messages_survive_any_cut_of_the_stream(
        messages in prop::collection::vec(any_message(), 1..6),
        piece in prop_oneof![1usize..8, 8usize..40_000],
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(frame).collect();
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        for bytes in stream.chunks(piece) {
            decoder.push(Bytes::copy_from_slice(bytes));
            while let Some(message) = decoder.next().unwrap() {
                decoded.push(message);
            }
            prop_assert!(decoder.buffered() < FRAME_LEN_MAX);
        }
        prop_assert_eq!(decoded, messages);
        prop_assert_eq!(decoder.buffered(), 0);
    }

    #[test]
    fn prop_any_bytes_are_messages_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn prop_frames_have_one_spelling(kind in 0u8..12, fields in prop::collection::vec(any::<u8>(), 0..120)) {
        // Short counts make valid frames likely.
        let mut bytes = raw(kind, &fields);
        for at in [37, 38, 39, 42, 43, 44, 45] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte &= 3;
            }
        }
        if let Ok(messages) = decode(&bytes) {
            prop_assert_eq!(messages.iter().flat_map(frame).collect::<Vec<u8>>(), bytes);
        }
    }
}
