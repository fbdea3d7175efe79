//! Any bytes as a manifest, any text as an id: each has one spelling.

#![no_main]

use content::{ContentId, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(manifest) = Manifest::decode(input) {
        assert_eq!(manifest.encode(), input);
    }
    if let Ok(text) = core::str::from_utf8(input) {
        if let Ok(id) = text.parse::<ContentId>() {
            assert_eq!(id.to_string(), text);
        }
        let named = content::manifest::file_name(text);
        assert_eq!(content::manifest::file_name(&named), named);
    }
});
