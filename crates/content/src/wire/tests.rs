use super::*;
use proptest::prelude::*;

#[test]
fn a_follow_frame_is_a_length_a_kind_and_a_root() {
    let mut out = BytesMut::new();
    Message::Follow { root: Root([5; 32]) }.encode(&mut out);
    assert_eq!(&out[..5], &[33, 0, 0, 0, 3]);
    assert_eq!(&out[5..], &[5; 32]);
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn prop_any_bytes_are_messages_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::new();
        decoder.push(bytes.into());
        while let Ok(Some(_)) = decoder.next() {}
    }
}
