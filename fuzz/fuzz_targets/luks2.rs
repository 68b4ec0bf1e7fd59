#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| custody_keys::fuzz("luks2", bytes));
