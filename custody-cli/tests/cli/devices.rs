//! Media that fail and devices that are in use, through the program.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::bench::{Bench, Run};
use crate::equipment::{FailingFile, LoopDevice, Mount, run};

/// Sectors 5000 and 5001 of 16384.
const BAD: [u64; 2] = [5000, 5001];

/// A device of 8 MiB with two bad sectors, and what it would hold without them. The exporting daemon gives its file a
/// new modification time every second, so that the file itself is no source that stays as it is; a device has none.
struct WornDevice {
    content: Vec<u8>,
    // Detached first.
    device: LoopDevice,
    _medium: FailingFile,
}

impl WornDevice {
    fn on(bench: &Bench) -> Self {
        let image = bench.image("disk.raw", 8 << 20);
        let medium = FailingFile::export(&bench.path("worn"), &image, &BAD);
        Self {
            content: fs::read(&image).unwrap(),
            device: LoopDevice::read_only(&medium.path),
            _medium: medium,
        }
    }

    fn path(&self) -> &Path {
        &self.device.path
    }
}

/// Captures a source, with more options.
fn capture(bench: &Bench, source: &Path, more: &[&str]) -> Run {
    let mut words = bench.capture_words([source]);
    words.extend(more.iter().map(OsString::from));
    bench.custody(words)
}

#[test]
#[ignore = "needs root, loop devices, qemu-storage-daemon and fuse"]
fn a_read_error_ends_the_capture_when_that_was_asked_for() {
    let bench = Bench::new();
    let worn = WornDevice::on(&bench);
    let stop = ["--on-read-error", "stop", "--retries", "0"];
    let run = capture(&bench, worn.path(), &stop).ends_with(3);
    let name = worn.path().to_str().unwrap();
    assert!(
        run.err.contains(&format!(
            "custody: error: {name}: bytes 2560000..2560512 could not be read"
        )),
        "{}",
        run.err
    );
    assert!(run.err.contains("next: custody resume 2"), "{}", run.err);
    let items = fs::read_dir(bench.acquisition()).unwrap();
    let items: Vec<_> = items.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        items
            .iter()
            .all(|name| name == "log.jsonl" || name == "checkpoints"),
        "{items:?}"
    );
    // What was asked for holds for what goes on with it.
    bench.custody(["resume"]).ends_with(3);
    let id = bench.acquisition_id();
    bench
        .custody(["abandon", &id, "--reason", "a bad sector"])
        .ends_with(0);
    bench.expect_nothing_unfinished();
}

#[test]
#[ignore = "needs root, loop devices, qemu-storage-daemon and fuse"]
fn a_read_error_is_filled_listed_and_told_unless_the_end_was_asked_for() {
    let bench = Bench::new();
    let worn = WornDevice::on(&bench);
    let run = capture(&bench, worn.path(), &["--retries", "0"]).ends_with(3);
    assert!(run.err.contains("2 sectors could not be read"), "{}", run.err);
    let item = bench.manifest()["items"][0].clone();
    let mut expected = worn.content.clone();
    expected[5000 * 512..5002 * 512].fill(0);
    let stored = bench.acquisition().join(item["file"].as_str().unwrap());
    assert!(fs::read(&stored).unwrap() == expected);
    assert_eq!(item["unread"]["sectors"], 2, "{item:#}");
    let map = format!("{}.ddrescue.map", stored.to_str().unwrap());
    let map = fs::read_to_string(map).unwrap();
    assert!(map.contains("0x00271000  0x00000400  -"), "{map}");
    let verified = bench.verify().ends_with(3);
    assert!(verified.out.contains("could not check"), "{}", verified.out);
}

#[test]
#[ignore = "needs root, loop devices and mkfs.ext4"]
fn a_mounted_device_is_refused_and_captured_only_when_that_was_allowed() {
    let bench = Bench::new();
    let image = bench.path("disk.raw");
    fs::write(&image, vec![0; 8 << 20]).unwrap();
    run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
    let device = LoopDevice::read_only(&image);
    let point = bench.path("mounted here");
    let mount = Mount::at(&point, &["-o", "ro", device.path.to_str().unwrap()]);

    let refused = capture(&bench, &device.path, &[]).ends_with(3);
    for word in [device.path.to_str().unwrap(), "mounted here", "--allow-mounted"] {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
    assert!(!bench.store().exists(), "a refused capture makes no store");

    capture(&bench, &device.path, &["--allow-mounted"]).ends_with(0);
    let manifest = bench.manifest();
    let disk = &manifest["machine"]["disks"][0]["attributes"];
    assert!(
        disk["in-use"].as_str().unwrap().contains("mounted here"),
        "{disk:#}"
    );
    let file = manifest["items"][0]["file"].as_str().unwrap();
    assert!(fs::read(bench.acquisition().join(file)).unwrap() == fs::read(&image).unwrap());
    bench.verify().ends_with(0);
    drop(mount);
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_device_has_the_digests_of_what_is_on_it() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 9 << 20);
    let device = LoopDevice::read_only(&image);
    let name = device.path.to_str().unwrap();
    let run = bench.custody(["hash", name]).ends_with(0);
    assert_eq!(run.out, self::run("sha256sum", &[name]) + "\n");
    let of_file = bench.custody(["hash", "disk.raw"]).ends_with(0);
    assert_eq!(run.out[..64], of_file.out[..64]);
    let root = |file: &str| {
        let tree = bench
            .custody(["hash", "--tree", "--json", file])
            .ends_with(0)
            .json();
        let tree = &tree["files"][0];
        (
            tree["root"].clone(),
            tree["bytes"].clone(),
            tree["chunks"].clone(),
        )
    };
    assert_eq!(root(name), root("disk.raw"));
    fs::write(bench.path("sums"), run.out).unwrap();
    bench.custody(["hash", "--check", "sums"]).ends_with(0);
    let chunks = bench.custody(["hash", "--chunks", "disk.raw"]).ends_with(0).out;
    fs::write(bench.path("chunks"), chunks).unwrap();
    bench.custody(["hash", "--against", "chunks", name]).ends_with(0);
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_device_is_no_destination() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let content = vec![7; 1 << 20];
    fs::write(bench.path("destination"), &content).unwrap();
    let device = LoopDevice::writable(&bench.path("destination"));
    let mut words = bench.capture_words([&image]);
    let store = words.iter().position(|word| word == "store").unwrap();
    words[store] = device.path.clone().into();
    let run = bench.custody(words).ends_with(3);
    assert!(run.err.contains(device.path.to_str().unwrap()), "{}", run.err);
    assert!(fs::read(&device.path).unwrap() == content);
    drop(device);
    assert!(fs::read(bench.path("destination")).unwrap() == content);
}
