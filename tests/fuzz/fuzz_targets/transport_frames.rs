//! Stream frames, cut anywhere: the same frames or the same error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| transport::fuzz::frames(bytes));
