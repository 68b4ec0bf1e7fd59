//! SIGKILL all over a capture, then `resume` in another process.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lab::{DISKS, Lab, side_by_side, small};

const PATIENCE: Duration = Duration::from_secs(60);
/// The line of the log after which a capture is killed, in the order in which they are written.
const LINES: [&str; 15] = [
    "acquisition.opened",
    "snapshot.intent",
    "snapshot.done",
    "machine-record.intent",
    "machine-record.done",
    "grant.intent",
    "grant.done",
    "acquire.intent",
    "acquire.done",
    "read-back.done",
    "revoke.done",
    "seal.intent",
    "seal.done",
    "delete.intent",
    "delete.done",
];

fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it as soon as its journal has a line of this kind, or it has ended.
fn kill_at(lab: &Lab, mut child: Child, kind: &str) {
    let line = format!("\"type\":\"{kind}\"");
    let begun = Instant::now();
    while !lab.journals().contains(&line) && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "no {kind} line was written");
        std::thread::sleep(Duration::from_micros(300));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lab.journals().contains(&line), "{kind} was never written");
}

fn is_whole_and_proven(lab: &Lab, when: &str) {
    lab.nothing_is_left_at_the_source(when);
    lab.each_disk_is_stored_once(when);
    let verified = lab.verify();
    assert_eq!(verified.code, 0, "{when}: {verified:?}");
    assert!(
        verified.out.starts_with("proven: 1 acquisitions, 3 items"),
        "{when}: {}",
        verified.out
    );
    // No second instant was taken: one disk snapshot was made of each disk.
    let journal = lab.azure.journal();
    let made = journal.iter().filter(|call| {
        call.method == "PUT" && call.path.contains("/snapshots/") && (200..300).contains(&call.status)
    });
    assert_eq!(made.count(), DISKS.len(), "{when}");
}

#[test]
fn a_capture_of_a_machine_that_is_killed_after_any_kind_of_line_is_finished_once() {
    side_by_side(&LINES, |kind| {
        let lab = Lab::of(small());
        let child = start(lab.capture_command(&[]));
        kill_at(&lab, child, kind);
        let resumed = lab.custody(&["resume"]);
        assert_eq!(resumed.code, 0, "killed at {kind}: {resumed:?}");
        is_whole_and_proven(&lab, kind);
    });
}

#[test]
fn a_capture_of_a_machine_that_is_killed_again_and_again_is_finished_once() {
    let lab = Lab::of(small());
    let child = start(lab.capture_command(&[]));
    kill_at(&lab, child, "snapshot.intent");
    for kind in [
        "machine-record.intent",
        "acquire.intent",
        "seal.intent",
        "delete.intent",
    ] {
        let child = start(lab.command(&["resume"]));
        kill_at(&lab, child, kind);
    }
    lab.custody(&["resume"]).expect(0);
    is_whole_and_proven(&lab, "again and again");
}
