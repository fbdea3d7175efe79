//! Any bytes as an outboard, and as the hashes and bytes of a group.

#![no_main]

use bytes::Bytes;
use content::{Outboard, Root, Verifier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(outboard) = Outboard::from_bytes(input) {
        assert_eq!(outboard.to_bytes(), input);
    }
    let Some((head, rest)) = input.split_first_chunk::<8>() else { return };
    // Root and length of the fuzzer's choosing, so that a single short group can even be true.
    let length = u64::from(u32::from_le_bytes([head[0], head[1], head[2], 0]));
    let group = u32::from(head[3]);
    let (parents, bytes) = rest.split_at(rest.len().min(usize::from(head[4]) * 8));
    let root = if head[5] & 1 == 0 { Outboard::of(bytes).root() } else { Root([head[6]; 32]) };
    let mut verifier = Verifier::new(root, length);
    if let Ok(verified) = verifier.check(group, parents, Bytes::copy_from_slice(bytes)) {
        assert_eq!(verified.bytes(), bytes);
        assert!(length <= 16 * 1024, "only a whole content can be true by chance");
    }
});
