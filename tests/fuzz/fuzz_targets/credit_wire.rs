//! Any bytes, in any pieces: words about paying or an error, never more kept than one; what decodes encodes back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::credit::wire::{Decoder, FRAME_LEN_MAX};

fuzz_target!(|input: &[u8]| {
    let Some((&piece, stream)) = input.split_first() else { return };
    let mut decoder = Decoder::default();
    let mut again = Vec::new();
    for bytes in stream.chunks(usize::from(piece) + 1) {
        decoder.push(bytes);
        while let Ok(Some(message)) = decoder.next() {
            message.encode(&mut again);
        }
        assert!(decoder.buffered() < FRAME_LEN_MAX);
    }
    assert_eq!(again, stream[..again.len()]);
});
