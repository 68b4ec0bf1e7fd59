//! A source that is written, cut, replaced or taken away while it is captured.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, Run, finish};

/// Enough for a read of it to be under way when it is halted.
const IMAGE_BYTES: usize = 48 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 20;

/// A capture that was halted after its source was opened and before all of it was read.
struct Halted {
    // Ended before its folder goes.
    process: Process,
    bench: Bench,
    image: PathBuf,
}

/// A child that does not outlive its test.
struct Process(Option<Child>);

impl Process {
    fn id(&self) -> Pid {
        Pid::from_child(self.0.as_ref().unwrap())
    }

    fn finish(mut self) -> Run {
        finish(self.0.take().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let ended = child.kill().and_then(|()| child.wait());
            assert!(ended.is_ok() || panicking());
        }
    }
}

impl Halted {
    /// Captures `images/disk.raw` and halts in the middle of it.
    fn capture() -> Self {
        for _ in 0..ATTEMPTS {
            let bench = Bench::new();
            fs::create_dir(bench.path("images")).unwrap();
            let image = bench.image("images/disk.raw", IMAGE_BYTES);
            let mut command = bench.command(bench.capture_words([&image]));
            let child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let halted = Self {
                bench,
                image,
                process: Process(Some(child)),
            };
            if halted.halt() {
                return halted;
            }
        }
        panic!("no capture of {IMAGE_BYTES} bytes was slow enough to be halted in {ATTEMPTS} attempts");
    }

    /// Waits until the copy is begun, for which the source was opened before, and halts; whether that was in time.
    fn halt(&self) -> bool {
        let begun = Instant::now();
        while self.unfinished_copy().is_none() {
            assert!(begun.elapsed() < PATIENCE, "no copy was begun");
            if self.is_acquired() {
                return false;
            }
            sleep(Duration::from_micros(200));
        }
        self.signal(Signal::STOP);
        while !self.is_halted() {
            assert!(begun.elapsed() < PATIENCE, "it was not halted");
            sleep(Duration::from_micros(200));
        }
        // The copy is as long as the image from the beginning, and has blocks for what is written.
        self.unfinished_copy()
            .and_then(|copy| fs::metadata(copy).ok())
            .is_some_and(|copy| copy.blocks() * 512 < IMAGE_BYTES as u64 / 2)
    }

    fn unfinished_copy(&self) -> Option<PathBuf> {
        let acquisitions = fs::read_dir(self.bench.store().join("cases/C-1")).ok()?;
        let copies = acquisitions.map(|folder| folder.unwrap().path().join(".partial-disk.raw"));
        copies.into_iter().find(|copy| copy.exists())
    }

    fn is_acquired(&self) -> bool {
        self.bench
            .journals()
            .concat()
            .contains("\"type\":\"acquire.done\"")
    }

    /// Whether every thread of it is stopped.
    fn is_halted(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id().as_raw_nonzero())).unwrap();
        threads
            .map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap())
            .all(|stat| stat.rsplit(") ").next().unwrap().starts_with('T'))
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process.id(), signal).unwrap();
    }

    /// Lets it go on to its end.
    fn go_on(self) -> (Bench, PathBuf, Run) {
        self.signal(Signal::CONT);
        (self.bench, self.image, self.process.finish())
    }
}

/// Demands that the run found the change, named the source and what to do, and made no evidence of it; and that a
/// capture of the source as it is now is proven.
fn expect_an_integrity_failure((bench, image, run): (Bench, PathBuf, Run), what: &str) {
    let run = run.ends_with(4);
    assert!(
        run.err.contains(image.to_str().unwrap()) && run.err.contains(what),
        "{}",
        run.err
    );
    assert!(run.err.contains("next: find out what changed"), "{}", run.err);
    assert!(run.err.contains("then capture the source anew"), "{}", run.err);
    let manifest = bench.manifest();
    assert_eq!(manifest["items"], serde_json::json!([]), "{manifest:#}");
    let not_evidence = manifest["not_evidence"].as_array().unwrap();
    assert!(!not_evidence.is_empty(), "{manifest:#}");
    let sums = fs::read_to_string(bench.acquisition().join("SHA256SUMS")).unwrap();
    assert!(!sums.contains("disk.raw"), "{sums}");
    bench.expect_nothing_unfinished();
    // It is final: nothing is left to resume, and nothing is proven.
    let resumed = bench.custody(["resume"]).ends_with(0);
    assert!(resumed.out.contains("no acquisition is open"), "{}", resumed.out);
    let verified = bench.verify().ends_with(3);
    assert!(
        verified.out.contains("acquire those items again"),
        "{}",
        verified.out
    );
    let failed = bench.acquisition_id();
    bench.capture([&image]).ends_with(0);
    let folders = fs::read_dir(bench.store().join("cases/C-1")).unwrap();
    let anew = folders
        .map(|folder| folder.unwrap().path())
        .find(|folder| !folder.ends_with(&failed))
        .unwrap();
    assert_eq!(
        fs::read(anew.join("disk.raw")).unwrap(),
        fs::read(&image).unwrap()
    );
}

fn write_at(image: &Path, offset: u64) {
    let file = File::options().write(true).open(image).unwrap();
    file.write_all_at(b"written while it was captured", offset)
        .unwrap();
}

#[test]
fn a_source_that_is_appended_to_is_an_integrity_failure() {
    let halted = Halted::capture();
    let mut file = File::options().append(true).open(&halted.image).unwrap();
    file.write_all(b"more").unwrap();
    expect_an_integrity_failure(halted.go_on(), "it was written while it was read");
}

#[test]
fn a_source_that_is_cut_is_an_integrity_failure() {
    let halted = Halted::capture();
    let file = File::options().write(true).open(&halted.image).unwrap();
    file.set_len(1 << 20).unwrap();
    expect_an_integrity_failure(halted.go_on(), "it was written while it was read");
}

#[test]
fn a_source_that_is_overwritten_in_place_is_an_integrity_failure() {
    let halted = Halted::capture();
    write_at(&halted.image, 0);
    expect_an_integrity_failure(halted.go_on(), "it was written while it was read");
}

#[test]
fn a_source_whose_writer_puts_its_times_back_is_an_integrity_failure() {
    let halted = Halted::capture();
    let before = fs::metadata(&halted.image).unwrap();
    write_at(&halted.image, 0);
    let times = FileTimes::new()
        .set_accessed(before.accessed().unwrap())
        .set_modified(before.modified().unwrap());
    let file = File::options().write(true).open(&halted.image).unwrap();
    file.set_times(times).unwrap();
    assert_eq!(
        fs::metadata(&halted.image).unwrap().modified().unwrap(),
        before.modified().unwrap()
    );
    expect_an_integrity_failure(halted.go_on(), "the source changed while it was read: changed");
}

/// Demands that the run says that the source is away, and both ways to go on.
fn expect_away((bench, image, run): (Bench, PathBuf, Run), what: &str) -> (Bench, PathBuf) {
    let run = run.ends_with(3);
    let id = bench.acquisition_id();
    let image_name = image.to_str().unwrap();
    assert!(
        run.err.contains(&format!("custody: error: {image_name}: {what}")),
        "{}",
        run.err
    );
    assert!(
        run.err.contains(&format!(
            "  next: put it back where it was, unchanged, then: custody resume {id}"
        )),
        "{}",
        run.err
    );
    assert!(
        run.err.contains(&format!(
            "  next: or, if it is gone for good: custody abandon {id} --reason TEXT"
        )),
        "{}",
        run.err
    );
    assert!(!bench.acquisition().join("manifest.json").exists());
    (bench, image)
}

#[test]
fn a_source_that_is_deleted_is_no_evidence_and_can_be_abandoned() {
    let halted = Halted::capture();
    fs::remove_file(&halted.image).unwrap();
    let (bench, image) = expect_away(halted.go_on(), "not found");
    let resumed = bench.custody(["resume"]);
    let (bench, image) = expect_away((bench, image, resumed), "not found");
    // The same bytes in another file are not the source.
    bench.image("images/disk.raw", IMAGE_BYTES);
    let resumed = bench.custody(["resume"]);
    let (bench, _) = expect_away((bench, image, resumed), "expected inode ");
    let id = bench.acquisition_id();
    bench
        .custody(["abandon", &id, "--reason", "the image was deleted"])
        .ends_with(0);
    bench.expect_nothing_unfinished();
    let listed = bench.custody(["list"]).ends_with(0);
    assert!(listed.out.contains("abandoned"), "{}", listed.out);
}

#[test]
fn a_source_that_comes_back_unchanged_is_captured_by_resume() {
    let halted = Halted::capture();
    let (folder, away) = (halted.bench.path("images"), halted.bench.path("away"));
    fs::rename(&folder, &away).unwrap();
    let (bench, image) = expect_away(halted.go_on(), "not found");
    fs::rename(&away, &folder).unwrap();
    let resumed = bench.custody(["resume"]).ends_with(0);
    assert!(resumed.out.contains(": complete"), "{}", resumed.out);
    assert_eq!(
        fs::read(bench.acquisition().join("disk.raw")).unwrap(),
        fs::read(&image).unwrap()
    );
    bench.verify().ends_with(0);
    bench.expect_nothing_unfinished();
}

#[test]
fn a_source_that_was_renamed_and_renamed_back_counts_as_changed() {
    let halted = Halted::capture();
    let elsewhere = halted.bench.path("images/elsewhere.raw");
    fs::rename(&halted.image, &elsewhere).unwrap();
    fs::rename(&elsewhere, &halted.image).unwrap();
    expect_an_integrity_failure(halted.go_on(), "the source changed while it was read: changed");
}
