//! `custody hash` beside `openssl dgst -sha256` on a file in page cache.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::ffi::OsStr;
use std::process::ExitCode;

use custody_benches::{Bounds, Pair, Run, custody, describe_machine, random_image};

const IMAGE_BYTES: u64 = 4 << 30;
const PAIRS: usize = 5;

fn main() -> ExitCode {
    let custody = custody();
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let image = folder.path().join("image");
    random_image(&image, IMAGE_BYTES);
    let mut bounds = Bounds::default();
    println!(
        "{}; {} GiB in memory, medians of {PAIRS} pairs",
        describe_machine(),
        IMAGE_BYTES >> 30
    );
    // Throughput of at least 0.95 of the peer's is a wall time of at most 1 / 0.95 of its.
    Pair::new("hash, whole + chunks + root : openssl dgst", PAIRS).measure(
        &mut bounds,
        Some(1.0 / 0.95),
        || Run::of(custody.as_os_str(), [OsStr::new("hash"), image.as_os_str()]),
        || Run::shell(&format!("openssl dgst -sha256 '{}'", image.display())),
    );
    bounds.exit_code()
}
