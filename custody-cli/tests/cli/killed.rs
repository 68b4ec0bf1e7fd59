//! SIGKILL at moments all over a capture, each followed by `resume` or `abandon`.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::{Bench, finish};

const IMAGE_BYTES: u64 = 12 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// The line of the log after which a capture is killed, in the order in which they are written.
const LINES: [&str; 13] = [
    "acquisition.opened",
    "snapshot.intent",
    "snapshot.done",
    "grant.intent",
    "grant.done",
    "acquire.intent",
    "acquire.done",
    "read-back.done",
    "revoke.intent",
    "revoke.done",
    "seal.intent",
    "seal.done",
    "acquisition.closed",
];
/// After this line there is nothing to abandon any more.
const SEALED: &str = "\"type\":\"seal.done\"";

fn bench_with_image() -> Bench {
    let bench = Bench::new();
    bench.sparse_image("disk.raw", IMAGE_BYTES, &[0, 5 << 20, IMAGE_BYTES - 4]);
    bench
}

fn start(bench: &Bench, words: &[&str]) -> Child {
    let mut command = bench.command(words);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn start_capture(bench: &Bench) -> Child {
    let words = bench.capture_words(["disk.raw"]);
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
    start(bench, &words)
}

/// Kills it as soon as its journal has a line of this kind, or it has ended.
fn kill_at(bench: &Bench, mut child: Child, kind: &str) {
    let line = format!("\"type\":\"{kind}\"");
    let begun = Instant::now();
    while !bench.journals().concat().contains(&line) && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "no {kind} line was written");
        sleep(Duration::from_micros(100));
    }
    child.kill().unwrap();
    finish(child);
}

/// Demands one acquisition that is whole, proven, and the image; and nothing beside it.
fn expect_one_proven_acquisition(bench: &Bench, when: &str) {
    let stored = fs::read(bench.acquisition().join("disk.raw")).unwrap();
    assert!(
        stored == fs::read(bench.path("disk.raw")).unwrap(),
        "killed {when}"
    );
    let verified = bench.verify().ends_with(0);
    assert!(
        verified.out.starts_with("proven: 1 acquisitions, 1 items"),
        "killed {when}: {}",
        verified.out
    );
    bench.expect_nothing_unfinished();
}

#[test]
fn a_capture_killed_after_any_line_of_its_log_is_finished_by_resume() {
    for kind in LINES {
        let bench = bench_with_image();
        let child = start_capture(&bench);
        kill_at(&bench, child, kind);
        assert!(
            bench.journals().concat().contains(kind),
            "{kind} was never written"
        );
        bench.custody(["resume"]).ends_with(0);
        expect_one_proven_acquisition(&bench, kind);
    }
}

#[test]
fn a_capture_killed_after_any_time_is_finished_by_resume_or_was_never_begun() {
    const STEPS: u32 = 12;
    // On this machine, as busy as it is now.
    let bench = bench_with_image();
    let begun = Instant::now();
    bench.capture(["disk.raw"]).ends_with(0);
    let whole = begun.elapsed();
    for step in 0..STEPS {
        let bench = bench_with_image();
        let delay = whole * step / STEPS;
        let mut child = start_capture(&bench);
        sleep(delay);
        child.kill().unwrap();
        finish(child);
        let resumed = bench.custody(["resume"]).ends_with(0);
        if resumed.out.contains("no acquisition is open") && bench.journals().is_empty() {
            // It was killed before anything was noted: the same command does it all.
            bench.capture(["disk.raw"]).ends_with(0);
        }
        expect_one_proven_acquisition(&bench, &format!("{delay:?} after its start"));
    }
}

#[test]
fn a_capture_that_is_killed_again_and_again_is_finished_in_the_end() {
    let bench = bench_with_image();
    let child = start_capture(&bench);
    kill_at(&bench, child, "snapshot.intent");
    // Each run is killed one kind of line further on.
    for kind in &LINES[2..] {
        let child = start(&bench, &["resume"]);
        kill_at(&bench, child, kind);
    }
    bench.custody(["resume"]).ends_with(0);
    expect_one_proven_acquisition(&bench, "again and again");
    let nothing = bench.custody(["resume", "--json"]).ends_with(0).json();
    assert_eq!(nothing["open"], serde_json::json!([]));
}

#[test]
fn a_killed_capture_can_be_abandoned_until_it_is_sealed() {
    for kind in [
        "acquisition.opened",
        "snapshot.done",
        "acquire.intent",
        "acquire.done",
        "seal.intent",
        "seal.done",
    ] {
        let bench = bench_with_image();
        let child = start_capture(&bench);
        kill_at(&bench, child, kind);
        let sealed = bench.journals().concat().contains(SEALED);
        let folders = fs::read_dir(bench.path("state-home/custody/acquisitions")).unwrap();
        let id = folders.last().unwrap().unwrap().file_name();
        let id = id.to_str().unwrap();
        let abandoned = bench.custody(["abandon", id, "--reason", "a test"]);
        if sealed {
            // What is sealed stays: it is closed by resume, or was closed before.
            bench.custody(["resume"]).ends_with(0);
            expect_one_proven_acquisition(&bench, kind);
            continue;
        }
        let abandoned = abandoned.ends_with(0);
        assert!(abandoned.out.contains(": abandoned"), "{kind}: {}", abandoned.out);
        bench.expect_nothing_unfinished();
        // Nothing in it is called evidence, and nothing is called damaged.
        let verified = bench.verify().ends_with(1);
        assert!(
            verified.out.contains("ended      abandoned") && !verified.out.contains("disk.raw: proven"),
            "{kind}: {}",
            verified.out
        );
    }
}
