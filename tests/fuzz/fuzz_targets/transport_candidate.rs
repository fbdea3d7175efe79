//! ICE candidates and the JSON around them: what is accepted is a fixed point.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| transport::fuzz::candidate(bytes));
