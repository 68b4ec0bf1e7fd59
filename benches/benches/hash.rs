//! `custody hash` beside `openssl dgst -sha256` on a file in page cache.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::path::Path;

use custody_benches::{Pair, Run, custody, describe_machine, random_image, shell};

const IMAGE_BYTES: u64 = 4 << 30;
const PAIRS: usize = 5;

fn main() {
    let custody = custody();
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let image = folder.path().join("image");
    random_image(&image, IMAGE_BYTES);
    println!(
        "{}; {} GiB in memory, medians of {PAIRS} pairs",
        describe_machine(),
        IMAGE_BYTES >> 30
    );
    let path: &Path = &image;
    // Throughput of at least 0.95 of the peer's is a wall time of at most 1 / 0.95 of its.
    let _ratio = Pair::new("custody hash (whole + chunks + root) : openssl dgst", PAIRS).measure(
        || {
            Run::of(
                custody.as_os_str(),
                [std::ffi::OsStr::new("hash"), path.as_os_str()],
            )
        },
        || shell(&format!("openssl dgst -sha256 '{}'", path.display())),
        1.0 / 0.95,
    );
}
