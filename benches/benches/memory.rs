//! Peak memory of hashing and capturing, for a full and for a large sparse image.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use custody_benches::{Bounds, Run, custody, describe_machine, folder_on_disk, random_image, sparse_image};

const FULL_BYTES: u64 = 4 << 30;
const SPARSE_BYTES: u64 = 100 << 30;
const AT_MOST_MIB: f64 = 96.0;

fn main() -> ExitCode {
    let custody = custody();
    println!("{}; peak resident set", describe_machine());
    let folder = folder_on_disk();
    let mut bounds = Bounds::default();
    let image = folder.path().join("image");
    for (size, bytes, make) in [
        ("4 GiB", FULL_BYTES, random_image as fn(&Path, u64)),
        ("100 GiB sparse", SPARSE_BYTES, sparse_image),
    ] {
        make(&image, bytes);
        let hash = Run::of(custody.as_os_str(), [OsStr::new("hash"), image.as_os_str()]);
        report(&mut bounds, &format!("hash {size}"), hash);
        let (store, state) = (folder.path().join("store"), folder.path().join("state"));
        let capture = Run::capture(&custody, &image, &store, &state);
        report(&mut bounds, &format!("capture {size}"), capture);
        drop(fs::remove_dir_all(&store));
    }
    bounds.exit_code()
}

fn report(bounds: &mut Bounds, name: &str, run: Run) {
    let peak_mib = u32::try_from(run.peak_bytes >> 20).map_or(f64::INFINITY, f64::from);
    let verdict = bounds.hold(name, peak_mib, AT_MOST_MIB);
    println!(
        "{name:<24} {:>8.2} s  peak {peak_mib:>3} MiB ({verdict})",
        run.wall.as_secs_f64()
    );
}
