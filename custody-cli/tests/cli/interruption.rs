use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, finish};

/// Zeros that are not read, but are digested: seconds of work, no space on the disk.
const LONG: u64 = 2 << 30;
/// Far more than any of these tests waits for.
const ENDLESS: u64 = 2 << 40;

fn begun(bench: &Bench, bytes: u64) -> (Child, Vec<OsString>) {
    let image: PathBuf = bench.sparse_image("disk.raw", bytes, &[0, bytes / 2]);
    let words = bench.capture_words([&image]);
    (
        bench.start_until(words.clone(), "\"type\":\"acquire.intent\""),
        words,
    )
}

fn signal(child: &Child, signals: &[Signal]) {
    let pid = Pid::from_child(child);
    for signal in signals {
        kill_process(pid, *signal).unwrap();
    }
}

#[test]
fn sigint_and_sigterm_stop_after_the_act_in_hand_and_abandon_settles_it() {
    for asked in [Signal::INT, Signal::TERM] {
        let bench = Bench::new();
        let (child, _) = begun(&bench, ENDLESS);
        signal(&child, &[asked]);
        let run = finish(child).ends_with(3);
        assert!(run.err.contains("stopped on request"), "{}", run.err);
        assert!(run.err.contains("next: custody resume 2"), "{}", run.err);
        let journal = bench.journals().concat();
        assert!(
            journal.contains("\"type\":\"acquire.failed\"") && journal.contains("\"type\":\"revoke.done\""),
            "{journal}"
        );
        let id = bench.acquisition_id();
        bench.custody(["abandon", &id, "--reason", "a test"]).ends_with(0);
        assert!(!bench.acquisition().join("disk.raw").exists());
        let listed = bench.custody(["list"]).ends_with(0);
        assert!(listed.out.contains("abandoned"), "{}", listed.out);
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let bench = Bench::new();
    let (child, _) = begun(&bench, ENDLESS);
    // While it is halted both become pending, so that both arrive before anything is finished.
    signal(&child, &[Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT]);
    let code = finish(child).code;
    assert!([128 + 2, 128 + 15].contains(&code), "{code}");
    bench
        .custody(["abandon", &bench.acquisition_id(), "--reason", "a test"])
        .ends_with(0);
}

#[test]
fn after_sigkill_resume_finishes_the_capture() {
    let bench = Bench::new();
    let (child, _) = begun(&bench, LONG);
    signal(&child, &[Signal::KILL]);
    assert_eq!(finish(child).code, -1);
    assert!(
        !bench.journals().concat().contains("acquisition.closed"),
        "it was faster than the signal"
    );
    let listed = bench.custody(["list"]).ends_with(0);
    assert!(listed.out.contains("  open  "), "{}", listed.out);
    let resumed = bench.custody(["resume"]).ends_with(0);
    assert!(resumed.out.contains(": complete"), "{}", resumed.out);
    bench.verify().ends_with(0);
}

#[test]
fn a_running_capture_cannot_be_resumed_or_abandoned_by_another_program() {
    let bench = Bench::new();
    let (child, _) = begun(&bench, ENDLESS);
    let id = std::fs::read_dir(bench.path("state-home/custody/acquisitions"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    let id = id.to_str().unwrap();
    let abandoned = bench.custody(["abandon", id, "--reason", "a test"]);
    signal(&child, &[Signal::KILL]);
    finish(child);
    let abandoned = abandoned.ends_with(3);
    assert!(abandoned.err.contains("works on it"), "{}", abandoned.err);
    bench.custody(["abandon", id, "--reason", "a test"]).ends_with(0);
}

#[test]
fn a_torn_last_line_of_the_journal_is_set_aside_by_resume() {
    use std::io::Write as _;
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    bench.custody(words).ends_with(3);
    let journal = bench
        .path("state-home/custody/acquisitions")
        .join(bench.acquisition_id())
        .join("log.jsonl");
    std::fs::OpenOptions::new()
        .append(true)
        .open(journal)
        .unwrap()
        .write_all(b"{\"torn")
        .unwrap();
    bench.custody(["resume"]).ends_with(0);
    bench.verify().ends_with(0);
    let log = bench
        .custody(["log", "store", &bench.acquisition_id()])
        .ends_with(0);
    assert!(log.out.contains("log.tail-set-aside"), "{}", log.out);
}

#[test]
fn an_abandoned_acquisition_cannot_be_resumed_into_evidence() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    bench.custody(words).ends_with(3);
    let id = bench.acquisition_id();
    bench
        .custody(["abandon", &id, "--reason", "wrong disk"])
        .ends_with(0);
    let resumed = bench.custody(["resume", &id]).ends_with(0);
    assert!(resumed.out.contains(": abandoned"), "{}", resumed.out);
    assert!(!bench.acquisition().join("disk.raw").exists());
}

#[test]
fn a_store_that_is_gone_is_not_made_anew_by_resume() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    bench.custody(words).ends_with(3);
    std::fs::rename(bench.store(), bench.path("moved")).unwrap();
    let run = bench.custody(["resume"]).ends_with(3);
    assert!(run.err.contains("--store DIR"), "{}", run.err);
    assert!(!bench.store().exists());
    bench.custody(["resume", "--store", "moved"]).ends_with(0);
    bench.custody(["verify", "moved"]).ends_with(0);
}
