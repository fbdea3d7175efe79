//! Any bytes, in any pieces: messages or an error, never more kept than one frame; what decodes encodes back.

#![no_main]

use bytes::{Bytes, BytesMut};
use content::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&piece, stream)) = input.split_first() else { return };
    let mut decoder = Decoder::new();
    let mut again = BytesMut::new();
    for bytes in stream.chunks(usize::from(piece) + 1) {
        decoder.push(Bytes::copy_from_slice(bytes));
        while let Ok(Some(message)) = decoder.next() {
            message.encode(&mut again);
        }
        assert!(decoder.buffered() < content::wire::FRAME_LEN_MAX + bytes.len());
    }
    assert_eq!(again, stream[..again.len()]);
});
