//! Any bytes as sealed groups and manifests, any text as a key.

#![no_main]

use content::{Cipher, LinkKey, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    let (group, bytes) = input;
    let cipher = Cipher::new(&LinkKey::new([7; 32]));
    assert!(cipher.open(group, bytes).is_err() || bytes.is_empty(), "nobody forges a group");
    if let Ok(manifest) = Manifest::decode(bytes) {
        assert!(cipher.details(&manifest).is_err(), "nobody forges a manifest");
    }
    if let Ok(key) = core::str::from_utf8(bytes).unwrap_or_default().parse::<LinkKey>() {
        assert_eq!(key.to_string().as_bytes(), bytes);
    }
});
