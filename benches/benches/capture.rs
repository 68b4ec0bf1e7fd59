//! `custody capture local`, read-back included, beside `cp` and `openssl dgst -sha256` of source and copy.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use custody_benches::{Bounds, Pair, Run, custody, describe_machine, folder_on_disk, random_image};
use tempfile::TempDir;

const IMAGE_BYTES: u64 = 4 << 30;
const PAIRS: usize = 3;

fn main() -> ExitCode {
    let custody = custody();
    let mut bounds = Bounds::default();
    println!(
        "{}; {} GiB, medians of {PAIRS} pairs",
        describe_machine(),
        IMAGE_BYTES >> 30
    );
    let in_memory = Medium {
        name: "capture : cp + openssl x 2, in memory",
        folder: tempfile::tempdir_in("/dev/shm").expect("a folder in memory"),
        write_through: "",
        at_most: Some(0.85),
    };
    in_memory.measure(&mut bounds, &custody);
    // Both sides write through and let the copy's pages go, so that it is read back from the medium:
    // custody by posix_fadvise, its peer by `dd`, which does the same.
    let on_disk = Medium {
        name: "capture : cp + sync + openssl x 2, on disk",
        folder: folder_on_disk(),
        write_through: "sync \"$copy\"; dd if=\"$copy\" iflag=nocache count=0 2>&1;",
        at_most: None,
    };
    on_disk.measure(&mut bounds, &custody);
    bounds.exit_code()
}

struct Medium {
    name: &'static str,
    folder: TempDir,
    write_through: &'static str,
    at_most: Option<f64>,
}

impl Medium {
    fn measure(self, bounds: &mut Bounds, custody: &Path) {
        let [image, store, copy] = ["image", "store", "copy"].map(|name| self.folder.path().join(name));
        let state_parent = folder_on_disk();
        let state = state_parent.path().join("state");
        random_image(&image, IMAGE_BYTES);
        let line = format!(
            "image='{}' copy='{}'; cp \"$image\" \"$copy\"; {} openssl dgst -sha256 \"$image\" \"$copy\"",
            image.display(),
            copy.display(),
            self.write_through,
        );
        Pair::new(self.name, PAIRS).measure(
            bounds,
            self.at_most,
            || {
                drop(fs::remove_file(&copy));
                drop(fs::remove_dir_all(&store));
                Run::capture(custody, &image, &store, &state)
            },
            || {
                drop(fs::remove_dir_all(&store));
                Run::shell(&line)
            },
        );
    }
}
