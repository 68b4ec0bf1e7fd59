//! Others' tools: `cryptsetup` makes volumes and must agree with the proof; libbde and `dissect.fve` decrypt what the
//! test kit makes; real BitLocker volumes open with their own keys.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod bitlocker;
mod luks;
mod programs;
mod real_bitlocker;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;
mod system_disks;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const MIB: usize = 1 << 20;
