//! `custody capture local`, read-back included, beside `cp` and `openssl dgst -sha256` of source and copy.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::fs;
use std::path::{Path, PathBuf};

use custody_benches::{Pair, Run, custody, describe_machine, random_image, shell};

const IMAGE_BYTES: u64 = 4 << 30;
const PAIRS: usize = 3;

fn main() {
    let custody = custody();
    println!(
        "{}; {} GiB, medians of {PAIRS} pairs",
        describe_machine(),
        IMAGE_BYTES >> 30
    );
    measure(
        &custody,
        "capture : cp + openssl x 2, in memory",
        Path::new("/dev/shm"),
        "",
        0.85,
    );
    // On a disk both sides write through, and the copy is read from the medium: reported, not held to a bound.
    let drop_cache = "sync; echo 1 > /proc/sys/vm/drop_caches;";
    measure(
        &custody,
        "capture : cp + sync + openssl x 2, on disk",
        &std::env::temp_dir(),
        drop_cache,
        f64::INFINITY,
    );
}

fn measure(custody: &Path, name: &str, place: &Path, before_read_back: &str, bound: f64) {
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let image = folder.path().join("image");
    random_image(&image, IMAGE_BYTES);
    let (store, state, copy) = (
        folder.path().join("store"),
        state_folder(),
        folder.path().join("copy"),
    );
    let line = format!(
        "cp '{image}' '{copy}'; {before_read_back} openssl dgst -sha256 '{image}'; openssl dgst -sha256 '{copy}'",
        image = image.display(),
        copy = copy.display(),
    );
    let _ratio = Pair::new(name, PAIRS).measure(
        || {
            drop(fs::remove_dir_all(&store));
            capture(custody, &image, &store, state.path())
        },
        || {
            drop(fs::remove_file(&copy));
            shell(&line)
        },
        bound,
    );
}

fn capture(custody: &Path, image: &Path, store: &Path, state: &Path) -> Run {
    let words: [PathBuf; 14] = [
        "capture".into(),
        "local".into(),
        "--image".into(),
        image.into(),
        "--store".into(),
        store.into(),
        "--state".into(),
        state.into(),
        "--case".into(),
        "bench".into(),
        "--examiner".into(),
        "bench".into(),
        "--authority".into(),
        "bench".into(),
    ];
    Run::of(custody.as_os_str(), words)
}

/// The state folder may not lie in memory, so it lies under the build folder.
fn state_folder() -> tempfile::TempDir {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    fs::create_dir_all(place).expect("a build folder");
    tempfile::tempdir_in(place).expect("a folder on disk")
}
