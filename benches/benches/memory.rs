//! Peak memory of hashing and capturing, for a full and for a large sparse image.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::fs;
use std::path::{Path, PathBuf};

use custody_benches::{Run, custody, describe_machine, random_image, sparse_image};

const FULL_BYTES: u64 = 4 << 30;
const SPARSE_BYTES: u64 = 100 << 30;
const BOUND_BYTES: u64 = 96 << 20;

fn main() {
    let custody = custody();
    println!("{}; at most {} MiB", describe_machine(), BOUND_BYTES >> 20);
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    fs::create_dir_all(place).expect("a build folder");
    let folder = tempfile::tempdir_in(place).expect("a folder on disk");
    let (full, sparse) = (folder.path().join("full"), folder.path().join("sparse"));
    random_image(&full, FULL_BYTES);
    sparse_image(&sparse, SPARSE_BYTES);
    for (name, image) in [("4 GiB", &full), ("100 GiB sparse", &sparse)] {
        report(
            &format!("hash {name}"),
            Run::of(custody.as_os_str(), [Path::new("hash"), image]),
        );
        let (store, state) = (folder.path().join("store"), folder.path().join("state"));
        let words: [PathBuf; 14] = [
            "capture".into(),
            "local".into(),
            "--image".into(),
            image.clone(),
            "--store".into(),
            store.clone(),
            "--state".into(),
            state,
            "--case".into(),
            "bench".into(),
            "--examiner".into(),
            "bench".into(),
            "--authority".into(),
            "bench".into(),
        ];
        report(&format!("capture {name}"), Run::of(custody.as_os_str(), words));
        drop(fs::remove_dir_all(&store));
    }
}

fn report(name: &str, run: Run) {
    println!(
        "{name:<24} {:>8.2} s  peak {:>3} MiB",
        run.wall.as_secs_f64(),
        run.peak_bytes >> 20
    );
}
