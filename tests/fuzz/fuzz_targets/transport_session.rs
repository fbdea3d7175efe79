//! A connection attempt that hears anything in any order: it ends once, and the policy holds.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| transport::fuzz::session(bytes));
