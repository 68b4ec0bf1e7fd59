#![no_main]

mod guarded;

libfuzzer_sys::fuzz_target!(init: guarded::begin(), |bytes: &[u8]| custody_keys::fuzz("ext", bytes));
