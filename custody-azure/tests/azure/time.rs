//! Time: tokens and grants that end in mid-run, clocks that disagree, an identity that is gone.

use std::sync::Arc;
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::passing::{AilingIdentity, PassingClock, PassingTransport, SkewedClock};
use crate::support::refusal;
use crate::support::run;
use crate::support::worker::Worker;
use custody_azure::{CleanTransport, Cloud, Identity};
use custody_core::capture::CaptureOutcome;
use custody_core::custody_log::{Act, Event};
use custody_core::extent::ByteRange;
use custody_core::ids::Timestamp;
use custody_core::port::{EvidenceReader as _, GrantOptions, LogName, SourceAccess as _};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario, Timing};
use custody_testkit::fake::MemoryLog;

const HOUR: Duration = Duration::from_secs(3600);

/// A lab of small disks whose copies answer `pending` so often.
fn lab(copy_polls: u32) -> Lab {
    Lab::of(refusal::small().with_timing(Timing::default().with_copy_polls(copy_polls)))
}

fn count(events: &[Event], is: impl Fn(&Act) -> bool) -> usize {
    events.iter().filter(|event| is(&event.act)).count()
}

fn grants(events: &[Event]) -> usize {
    count(events, |act| matches!(act, Act::GrantDone { .. }))
}

fn ends_well(worker: &Worker, outcome: &CaptureOutcome) {
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(outcome);
    worker.left_nothing();
    worker.is_proven();
}

fn tokens_given(lab: &Lab) -> usize {
    let journal = lab.simulator.journal();
    let asked = journal.iter().filter(|entry| entry.path.contains("oauth2"));
    asked.filter(|entry| entry.status == 200).count()
}

fn refused_tokens(lab: &Lab) -> usize {
    lab.simulator
        .journal()
        .iter()
        .filter(|entry| entry.status == 401)
        .count()
}

#[test]
fn tokens_that_expire_while_the_service_copies_are_renewed() {
    let lab = lab(3);
    let clock = PassingClock::while_copying(&lab, 2 * HOUR);
    let worker = Worker::with_clock(&lab, &MemoryLog::new(), clock.clone());
    let (_, outcome) = run(worker.capture()).unwrap();
    assert!(clock.has_passed());
    ends_well(&worker, &outcome);
    assert!(
        refused_tokens(&lab) > 0,
        "the tokens did not expire: the test shows nothing"
    );
}

#[test]
fn tokens_that_expire_between_two_ranges_are_renewed() {
    let _guard = Lab::guard();
    let lab = lab(0);
    lab.put("plain", "object.bin", &[7; 4096]);
    let image = run(async {
        let store = lab.store("plain");
        store.open(&"object.bin".parse().unwrap()).await
    })
    .unwrap();
    run(image.read(ByteRange::at(0, 512))).unwrap();
    let (before, refused) = (tokens_given(&lab), refused_tokens(&lab));
    lab.clock.advance(2 * HOUR);
    for at in [512, 1024, 1536] {
        run(image.read(ByteRange::at(at, 512))).unwrap();
    }
    // One refusal, one token, and on.
    assert_eq!(refused_tokens(&lab), refused + 1);
    assert_eq!(tokens_given(&lab), before + 1);
}

#[test]
fn tokens_of_a_few_seconds_are_as_good() {
    let mut timing = Timing::default().with_copy_polls(3);
    timing.token_seconds = 2;
    let lab = Lab::of(refusal::small().with_timing(timing));
    let worker = Worker::new(&lab);
    let (_, outcome) = run(worker.capture()).unwrap();
    ends_well(&worker, &outcome);
}

#[test]
fn a_token_that_stays_refused_is_not_renewed_for_ever() {
    let lab = Lab::of(refusal::small().with_fault(Fault::on(
        "GET",
        "*/virtualMachines/*",
        FaultAction::status(401, "InvalidAuthenticationToken"),
    )));
    let error = run(Worker::new(&lab).plan()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not accept this identity's token"),
        "{error}"
    );
    let asked = refused_tokens(&lab);
    assert!((2..=4).contains(&asked), "asked {asked} times");
}

#[test]
fn access_that_ends_while_the_service_copies_fails_the_attempt_and_the_next_has_its_own() {
    let lab = lab(3);
    let log = MemoryLog::new();
    let clock = PassingClock::while_copying(&lab, 5 * HOUR);
    let worker = Worker::with_clock(&lab, &log, clock).one_by_one();
    let (name, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 3, "{outcome:?}");
    assert_eq!(lab.simulator.snapshots().len(), 3, "I2");
    assert_eq!(outcome.kept.len(), 3);
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
    let stopped = outcome
        .items
        .iter()
        .find_map(|item| item.stopped_by.clone())
        .unwrap();
    assert!(stopped.error.ends_with("server-side copy failed"), "{stopped:?}");
    assert_eq!(stopped.remedy, "retry");

    let second = Worker::with_log(&lab, &log);
    let outcome = run(second.resume(name.clone())).unwrap();
    ends_well(&second, &outcome);
    let events = second.events(&name);
    let failed = count(&events, |act| matches!(act, Act::AcquireFailed { .. }));
    assert_eq!(failed, 1);
    // None is asked for to read on for a copy that failed.
    assert_eq!(grants(&events), 4, "each attempt has a grant of its own");
    let names = outcome.items.iter().filter_map(|item| item.object.as_ref());
    assert_eq!(
        names.filter(|name| name.as_str().contains("attempt-2")).count(),
        failed
    );
}

#[test]
fn access_that_ends_while_we_read_is_granted_anew_and_reading_goes_on() {
    let lab = Lab::of(many_ranges().with_timing(Timing::default().with_copy_polls(0)));
    let log = MemoryLog::new();
    let transport = PassingTransport::before_range(&lab, 3, 5 * HOUR);
    let clock = Arc::new(lab.clock.clone());
    let worker = Worker::with_parts(&lab, &log, clock, transport.clone(), &lab.credential).one_by_one();
    let (name, outcome) = run(worker.capture()).unwrap();
    assert!(transport.has_passed());
    ends_well(&worker, &outcome);
    let events = worker.events(&name);
    assert_eq!(grants(&events), 4, "one grant was renewed, once");
    assert_eq!(count(&events, |act| matches!(act, Act::AcquireFailed { .. })), 0);
    // What exposes is said first, also the second time.
    assert_eq!(
        grants(&events),
        count(&events, |act| matches!(act, Act::GrantIntent { .. }))
    );
}

/// The lab's machine, its first disk long enough for several reads.
fn many_ranges() -> Scenario {
    let mut scenario = refusal::small();
    scenario.disk_mut("web-01_OsDisk_1").bytes = custody_testkit::azure_sim::Bytes::full(9 << 20, 5);
    scenario
}

fn millis(at: Timestamp) -> i64 {
    at.unix_millis()
}

#[test]
fn a_host_whose_clock_is_wrong_captures_and_the_log_shows_by_how_much() {
    for (skew_hours, told) in [(-3_i64, "slow"), (3, "fast"), (-24 * 400, "years behind")] {
        let lab = lab(1);
        let clock = Arc::new(SkewedClock::new(&lab, skew_hours * 3_600_000));
        let worker = Worker::with_clock(&lab, &MemoryLog::new(), clock);
        let (name, outcome) = run(worker.capture()).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{told}: {outcome:?}");
        ends_well(&worker, &outcome);
        let events = worker.events(&name);
        for event in &events {
            // How long a grant lives is reckoned by the service's clock, and told by the host's.
            if let Act::GrantDone { expires, .. } = &event.act {
                let lives = millis(expires.unwrap().time()) - millis(event.when.utc);
                let asked = 4 * 3_600_000;
                assert!(
                    (asked - 60_000..=asked).contains(&lives),
                    "{told}: it lives {lives} ms"
                );
            }
        }
        let offsets = events.iter().filter_map(|event| {
            let date = event.service.as_ref()?.date.as_deref()?;
            let date = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(date)
                .unwrap();
            Some(millis(event.when.utc) - date.as_millisecond())
        });
        let offsets: Vec<i64> = offsets.collect();
        assert!(!offsets.is_empty(), "{told}: no line has the service's date");
        for offset in offsets {
            assert!(
                (offset - skew_hours * 3_600_000).abs() < 60_000,
                "{told}: {offset}"
            );
        }
    }
}

#[test]
fn a_grant_for_longer_than_asked_is_given_back_whatever_the_clocks_say() {
    let _guard = Lab::guard();
    let lab = lab(0);
    let snapshot = lab.snapshot("long", "web-01-data-0");
    // The service signs an end two days away from its own date.
    let end = "2099-01-01T00%3A00%3A00Z";
    lab.simulator.inject(Fault::on(
        "GET",
        "*/DiskOperations/*",
        FaultAction::Body(format!(
            "{{\"status\":\"Succeeded\",\"properties\":{{\"output\":{{\"accessSAS\":\"https://md-a.z1.blob.storage.azure.net/t/abcd?sv=1&se={end}&sig=CANARY-7f3a\"}}}}}}"
        )),
    ).nth(1));
    let access = lab.access();
    let error = run(access.grant(&snapshot, GrantOptions::lasting(HOUR))).unwrap_err();
    let text = crate::support::all_of(&error);
    assert!(
        text.contains("3600 s were asked for; it was given back"),
        "{text}"
    );
    assert!(!text.contains(crate::support::CANARY), "{text}");
    assert_eq!(lab.simulator.live_exports(), [""; 0], "it was not given back");
}

#[test]
fn an_identity_that_stops_answering_leaves_everything_to_resume() {
    let lab = lab(3);
    let log = MemoryLog::new();
    let clock = PassingClock::while_copying(&lab, 2 * HOUR);
    let identity = AilingIdentity::once(clock.clone(), &lab);
    let transport = lab.simulator.transport();
    let worker = Worker::with_parts(&lab, &log, clock, transport, &identity);
    let plan = run(worker.plan()).unwrap();
    let name: LogName = plan.log();
    let told = match run(worker.run(plan)) {
        Ok(outcome) => {
            assert_eq!(outcome.exit_code(), 3, "{outcome:?}");
            let stopped = outcome.items.iter().find_map(|item| item.stopped_by.clone());
            stopped.unwrap().in_words()
        }
        Err(error) => format!("{error}: {}", error.causes().join(": ")),
    };
    assert!(
        told.contains("obtaining a token failed") && told.contains("no answer"),
        "{told}"
    );
    assert_eq!(lab.simulator.snapshots().len(), 3, "I2");

    let second = Worker::with_log(&lab, &log);
    let outcome = run(second.resume(name)).unwrap();
    ends_well(&second, &outcome);
}

#[test]
fn an_identity_that_is_out_for_a_moment_is_waited_for_once_it_gave_a_token() {
    let _guard = Lab::guard();
    let lab = lab(0);
    // What cannot be used is not asked for again by the library itself.
    let out = || Fault::on("GET", "*/oauth2/token", FaultAction::Malformed).times(3);
    lab.simulator.inject(out());
    let error = run(Worker::new(&lab).plan()).unwrap_err();
    assert!(
        error.to_string().ends_with("obtaining a token failed"),
        "nobody waits long for the first token: {error}"
    );
    lab.simulator.clear_faults();
    lab.put("plain", "object.bin", &[7; 4096]);
    let image = run(async {
        let store = lab.store("plain");
        store.open(&"object.bin".parse().unwrap()).await
    })
    .unwrap();
    lab.clock.advance(2 * HOUR);
    lab.simulator.inject(out());
    run(image.read(ByteRange::at(0, 512))).unwrap();
}

#[test]
fn a_secret_that_is_no_longer_accepted_is_a_matter_of_rights_and_not_of_patience() {
    let lab = lab(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "another-secret").unwrap();
    let identity = Identity::ClientSecret {
        tenant: lab.scenario.tenants.first().unwrap().clone(),
        client: Scenario::LAB_CLIENT_ID.into(),
        secret_file: file,
    };
    let transport = CleanTransport::over(lab.simulator.transport());
    let credential = identity
        .credential(&Cloud::public().unwrap(), &transport)
        .unwrap();
    let clock = Arc::new(lab.clock.clone());
    let worker = Worker::with_parts(
        &lab,
        &MemoryLog::new(),
        clock,
        lab.simulator.transport(),
        &credential,
    );
    let error = run(worker.plan()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("permission denied for obtaining a token"),
        "{error}"
    );
    assert_eq!(error.remedy().as_str(), "fix-permission");
    assert!(!crate::support::all_of(&error).contains("another-secret"));
}
