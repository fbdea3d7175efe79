//! Signalling messages: what decodes survives encoding.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| transport::fuzz::signal(bytes));
