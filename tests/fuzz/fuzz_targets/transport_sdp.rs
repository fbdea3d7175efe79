//! Session descriptions: what is accepted renders to what is accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| transport::fuzz::sdp(bytes));
