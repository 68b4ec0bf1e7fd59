//! A virtual machine is captured from plan to register, against the simulated cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::refusal;
use crate::support::run;
use crate::support::worker::Worker;
use custody_core::Error;
use custody_core::capture::{Capture, Reach};
use custody_core::custody_log::ReadScope;
use custody_core::manifest::Manifest;
use custody_testkit::azure_sim::{
    Bytes, Fault, FaultAction, JournalEntry, LroStyle, RoleGrant, Scenario, Timing,
};
use custody_testkit::fake::MemoryLog;

fn captures(scenario: Scenario) -> Worker {
    let worker = Worker::new(&Lab::of(scenario));
    let (_, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(&outcome);
    worker.left_nothing();
    worker.is_proven();
    worker
}

#[test]
fn holes_are_downloaded_neither_from_the_export_nor_from_the_stored_copy() {
    const MIB: u64 = 1 << 20;
    let places = [(0, 3 * MIB), (20 * MIB, 21 * MIB + 512), (63 * MIB, 64 * MIB)];
    let data: u64 = places.iter().map(|(start, end)| end - start).sum();
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01_OsDisk_1").bytes = Bytes::sparse(64 * MIB, 11, &places);
    for disk in ["web-01-data-0", "web-01-data-1"] {
        scenario.disk_mut(disk).bytes = Bytes::sparse(64 * MIB, 12, &[]);
    }
    let worker = Worker::new(&Lab::of(scenario));
    let (_, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(&outcome);

    let drawn = |of: &dyn Fn(&JournalEntry) -> bool, lists: bool| -> u64 {
        let journal = worker.lab.simulator.journal();
        let answers = journal
            .iter()
            .filter(|call| call.method == "GET" && of(call) && call.query.contains("comp=pagelist") == lists);
        answers.map(|call| call.answer_bytes).sum()
    };
    for (side, of) in [
        (
            "export",
            &(|call: &JournalEntry| call.host.starts_with("md-")) as &dyn Fn(&JournalEntry) -> bool,
        ),
        ("stored copy", &|call: &JournalEntry| call.path.ends_with(".vhd")),
    ] {
        // Besides the data each disk has a footer of 512 bytes, which is read at most twice.
        let footers = drawn(of, false).checked_sub(data);
        assert!(
            footers.is_some_and(|bytes| bytes <= 3 * 2 * 512),
            "{side}: {footers:?}"
        );
        assert!(drawn(of, true) < 16 * 1024, "{side}");
    }
}

#[test]
fn i12_what_the_services_page_list_calls_empty_is_listed_on_its_word_and_read_where_no_word_is_taken() {
    const MIB: u64 = 1 << 20;
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01_OsDisk_1").bytes = Bytes::sparse(16 * MIB, 11, &[(0, 3 * MIB)]);
    scenario.disk_mut("web-01-data-0").bytes = Bytes::sparse(8 * MIB, 12, &[]);
    scenario.disk_mut("web-01-data-1").bytes = Bytes::full(4 * MIB, 13);
    for reads in [ReadScope::Allocated, ReadScope::Everything] {
        let worker = Worker::new(&Lab::of(scenario.clone()));
        let mut plan = run(worker.plan()).unwrap();
        plan.request.settings.reads = reads;
        let outcome = run(worker.run(plan)).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        worker.every_disk_is_stored(&outcome);
        let name = outcome.folder.join(&"manifest.json".parse().unwrap());
        let manifest: Manifest = serde_json::from_slice(&worker.stored(&name)).unwrap();
        for (item, data) in manifest.items.iter().zip([3 * MIB, 0, 4 * MIB]) {
            let (length, zeros) = (item.source.length.bytes(), &item.zeros);
            let journal = worker.lab.simulator.journal();
            let read = |of: &dyn Fn(&JournalEntry) -> bool| -> u64 {
                let answers = journal
                    .iter()
                    .filter(|call| call.method == "GET" && of(call) && !call.query.contains("comp="));
                answers.map(|call| call.answer_bytes).sum()
            };
            let stored = read(&|call| call.path.ends_with(item.file.as_str()));
            match reads {
                ReadScope::Allocated => {
                    assert_eq!(zeros.bytes.bytes(), length - 512 - data, "{}", item.file);
                    assert_eq!(zeros.list.is_some(), zeros.bytes.bytes() > 0);
                    if let Some(list) = &zeros.list {
                        let lines = worker.stored(&outcome.folder.join(&list.file));
                        let lines = String::from_utf8(lines).unwrap();
                        assert!(
                            lines.lines().all(|line| line.ends_with(" service-page-list")),
                            "on whose word: {lines}"
                        );
                    }
                }
                ReadScope::Everything => {
                    assert_eq!(zeros.bytes.bytes(), 0, "{}", item.file);
                    assert!(
                        stored >= length,
                        "{}: {stored} of {length} were read back",
                        item.file
                    );
                }
            }
        }
        if reads == ReadScope::Everything {
            let journal = worker.lab.simulator.journal();
            let lists = journal.iter().filter(|call| call.query.contains("comp=pagelist"));
            assert_eq!(lists.count(), 0, "no list was asked for");
            let exports = journal
                .iter()
                .filter(|call| call.method == "GET" && call.host.starts_with("md-"));
            let drawn: u64 = exports.map(|call| call.answer_bytes).sum();
            assert!(drawn >= 28 * MIB, "{drawn} of the sources' bytes were read");
        }
    }
}

#[test]
fn every_disk_is_stored_verified_and_sealed_and_nothing_is_left() {
    let worker = captures(Scenario::lab());
    let journal = worker.lab.simulator.journal();
    // One PUT for each disk snapshot, one copy for each disk, on the server's side.
    let puts = |part: &str| {
        journal
            .iter()
            .filter(|entry| entry.method == "PUT" && entry.path.contains(part))
            .count()
    };
    assert_eq!(puts("/snapshots/"), 3);
    let exports = journal.iter().filter(|entry| entry.host.contains("md-"));
    assert!(exports.clone().count() > 0 && exports.clone().all(|entry| !entry.authorized));
}

#[test]
fn every_way_in_which_operations_answer_is_followed() {
    for style in [
        LroStyle::Output,
        LroStyle::Location,
        LroStyle::OutputMissingOnce,
        LroStyle::Direct,
    ] {
        captures(Scenario::lab().with_timing(Timing::default().with_style(style)));
    }
}

#[test]
fn footers_that_differ_between_exports_are_no_mismatch() {
    let mut timing = Timing::default();
    timing.renew_footer = true;
    captures(Scenario::lab().with_timing(timing));
}

#[test]
fn disks_that_are_only_taken_incrementally_are_waited_for() {
    let mut scenario = Scenario::lab();
    let disk = scenario.disk_mut("web-01-data-0");
    disk.sku = "PremiumV2_LRS".into();
    captures(scenario);
}

#[test]
fn a_busy_service_is_waited_for() {
    const ASKED: Duration = Duration::from_secs(1);
    let throttled = || FaultAction::status(429, "TooManyRequests").retry_after(ASKED.as_secs());
    let busy = || FaultAction::status(503, "ServerBusy");
    let worker = captures(
        Scenario::lab()
            .with_fault(Fault::on("PUT", "*/snapshots/*", throttled()).times(2))
            .with_fault(Fault::on("POST", "*GetAccess", throttled()).times(3))
            .with_fault(Fault::on("DELETE", "*/snapshots/*", throttled()).times(2))
            .with_fault(Fault::on("DELETE", "*/snapshots/*", busy()).nth(4).times(1))
            .with_fault(Fault::on("GET", "*/virtualMachines/*", throttled()).times(1))
            .with_fault(
                Fault::on("PUT", "*", busy())
                    .at_host("socevidence*")
                    .nth(2)
                    .times(1),
            )
            .with_fault(
                Fault::on("GET", "*", FaultAction::Truncate(100))
                    .at_host("md-*")
                    .times(2),
            ),
    );
    let journal = worker.lab.simulator.journal();
    let mut refused = BTreeMap::new();
    for call in &journal {
        let what = (call.host.clone(), call.method.clone(), call.path.clone());
        if let Some(before) = refused.remove(&what) {
            let waited = call.at.duration_since(before).unwrap();
            assert!(waited >= ASKED, "{what:?} was asked again after {waited:?}");
        }
        if call.status == 429 {
            refused.insert(what, call.at);
        }
    }
    assert_eq!(refused.len(), 0, "given up: {refused:?}");
    let throttled: Vec<&str> = journal
        .iter()
        .filter(|call| call.status == 429)
        .map(|call| call.method.as_str())
        .collect();
    for (method, count) in [("PUT", 2), ("POST", 3), ("DELETE", 2), ("GET", 1)] {
        let found = throttled.iter().filter(|found| **found == method).count();
        assert_eq!(found, count, "{method}: {throttled:?}");
    }
}

#[test]
fn a_store_that_is_busy_is_asked_again_after_the_wait_that_it_asks_for_and_takes_each_write_once() {
    const ASKED: Duration = Duration::from_secs(2);
    let busy = || FaultAction::status(503, "ServerBusy").retry_after(ASKED.as_secs());
    let write = |path: &str| Fault::on("PUT", path, busy()).at_host("socevidence*").times(4);
    let scenario = refusal::small()
        // A copy; the making of the log, then its first append; the end of a deposit.
        .with_fault(write("*.vhd"))
        .with_fault(write("*/log.jsonl"))
        .with_fault(write("*/log.jsonl").with_query("comp=appendblock"))
        .with_fault(write("*.chunks.sha256").with_query("comp=blocklist"));
    let worker = Worker::new(&Lab::of(scenario)).one_by_one();
    let (_, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(&outcome);
    worker.left_nothing();
    worker.is_proven();
    let journal = worker.lab.simulator.journal();
    let mut refused = BTreeMap::new();
    let mut waits = 0;
    for call in journal.iter().filter(|call| call.method == "PUT") {
        let what = (call.host.clone(), call.path.clone());
        if let Some(before) = refused.remove(&what) {
            let waited = call.at.duration_since(before).unwrap();
            assert!(waited >= ASKED, "{what:?} was asked again after {waited:?}");
            waits += 1;
        }
        if call.status == 503 {
            refused.insert(what, call.at);
        }
    }
    assert_eq!((refused.len(), waits), (0, 16), "given up: {refused:?}");
}

#[test]
fn a_snapshot_whose_answer_was_lost_is_adopted_and_not_asked_for_again() {
    let worker = captures(
        Scenario::lab().with_fault(Fault::on("PUT", "*/snapshots/*", FaultAction::DropAfter).times(2)),
    );
    let journal = worker.lab.simulator.journal();
    let puts = journal
        .iter()
        .filter(|entry| entry.method == "PUT" && entry.path.contains("/snapshots/"));
    assert_eq!(puts.count(), 3);
}

#[test]
fn stores_whose_answers_were_lost_are_adopted() {
    captures(
        Scenario::lab().with_fault(
            Fault::on("PUT", "*", FaultAction::DropAfter)
                .at_host("socevidence*")
                .times(6),
        ),
    );
}

#[test]
fn a_wrong_byte_in_the_copy_is_found_and_the_snapshot_kept() {
    let lab = Lab::of(Scenario::lab().with_fault(
        Fault::on("PUT", "*data-0*", FaultAction::CopyCorrupts(1_100_000)).at_host("socevidence*"),
    ));
    let worker = Worker::new(&lab);
    let (_, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 4, "{outcome:?}");
    assert_eq!(lab.simulator.snapshots().len(), 1);
    assert!(lab.simulator.snapshots().first().unwrap().name.contains("data-0"));
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
}

#[test]
fn i02_a_copy_that_fails_is_never_followed_by_deletion() {
    for action in [FaultAction::CopyFails("404 gone".into()), FaultAction::CopyAborts] {
        let lab = Lab::of(
            Scenario::lab().with_fault(
                Fault::on("PUT", "*data-0*", action)
                    .at_host("socevidence*")
                    .times(1),
            ),
        );
        let worker = Worker::new(&lab);
        let (log, outcome) = run(worker.capture()).unwrap();
        assert_ne!(outcome.exit_code(), 0);
        assert!(
            lab.simulator
                .snapshots()
                .iter()
                .any(|snapshot| snapshot.name.contains("data-0"))
        );
        assert_eq!(lab.simulator.live_exports(), [""; 0]);
        // The next attempt has a name of its own, and ends well.
        let outcome = run(worker.resume(log)).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        worker.every_disk_is_stored(&outcome);
        worker.left_nothing();
    }
}

#[test]
fn a_missing_right_is_named_before_anything_is_done() {
    let mut scenario = Scenario::lab();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without("Microsoft.Compute/virtualMachines/read")];
    }
    let error = run(Worker::new(&Lab::of(scenario)).plan()).unwrap_err();
    assert!(matches!(error.meaning(), Error::PermissionDenied { .. }));
    assert!(
        error
            .to_string()
            .contains("Microsoft.Compute/virtualMachines/read"),
        "{error}"
    );
}

#[test]
fn i10_hostile_addresses_in_answers_lead_nowhere() {
    let hostile = || FaultAction::HostileAddress("https://evil.example".into());
    for fault in [
        Fault::on("PUT", "*/snapshots/*", hostile()),
        Fault::on("POST", "*/beginGetAccess", hostile()),
        Fault::on("GET", "*/DiskOperations/*", hostile()),
        Fault::on("GET", "*", hostile()),
    ] {
        let lab = Lab::of(Scenario::lab().with_fault(fault));
        let worker = Worker::new(&lab);
        // However it ends, nobody else was asked.
        drop(run(worker.capture()));
        assert_eq!(lab.simulator.refused_hosts(), [""; 0]);
    }
}

#[test]
fn a_worker_that_is_stopped_while_disks_copy_is_taken_up_by_another() {
    let lab = Lab::of(Scenario::lab().with_timing(Timing::default().with_copy_polls(40)));
    let log = MemoryLog::new();
    let first = Worker::with_log(&lab, &log);
    let name = run(async {
        let plan = first.plan().await.unwrap();
        let name = plan.log();
        let capture = Capture::new(first.ports.clone());
        // The process ends in the middle: its future is dropped where it stands.
        let running = capture.run(plan, Reach::ToTheEnd);
        let ended = tokio::time::timeout(Duration::from_millis(60), running).await;
        drop(ended);
        name
    });
    let second = Worker::with_log(&lab, &log);
    let outcome = match run(second.resume(name)) {
        Ok(outcome) => outcome,
        Err(error) => panic!("{error} {:?}", error.causes()),
    };
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    second.every_disk_is_stored(&outcome);
    second.left_nothing();
}
