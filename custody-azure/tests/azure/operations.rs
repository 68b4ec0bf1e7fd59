//! The Resource Manager's long-running operations, as the service may answer them.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{CANARY, Canned, Script, all_of, arm_of, arm_with, hour, run};
use custody_azure::ServiceRefusal;
use custody_azure::arm::{AccessGrant, ExportKind, ResourceId};
use custody_core::{Acted, Error, Result};
use custody_testkit::fake::FakeClock;
use serde_json::json;

const ARM: &str = "https://management.azure.com";
const SAS: &str =
    "https://md-abc.z1.blob.storage.azure.net/token/abcd?sv=1&se=2026-11-21T21%3A30%3A15Z&sig=CANARY-7f3a";

fn snapshot() -> ResourceId {
    ResourceId::new("s", "g", "Microsoft.Compute/snapshots", "n").unwrap()
}

fn begin(answers: Vec<Canned>) -> (Result<Acted<AccessGrant>>, Arc<Script>) {
    let script = Script::of(answers);
    let outcome = run(arm_of(&script).begin_access(&snapshot(), hour(), ExportKind::Vhd));
    (outcome, script)
}

fn running() -> Canned {
    Canned::json(200, &json!({ "status": "InProgress" }))
}

fn operation() -> String {
    // The service's addresses have a token of about 5 kB in them.
    format!("{ARM}/subscriptions/s/op?t={}&c=x&h={CANARY}", "A".repeat(5000))
}

fn accepted() -> Canned {
    Canned::new(202, "")
        .with("azure-asyncoperation", operation())
        .with("location", format!("{ARM}/loc?monitor=true&h={CANARY}"))
}

#[test]
fn access_that_is_given_at_once_is_taken() {
    let (outcome, script) = begin(vec![Canned::json(200, &json!({ "accessSAS": SAS }))]);
    let grant = outcome.unwrap().value;
    assert_eq!(
        grant.address(),
        "https://md-abc.z1.blob.storage.azure.net/token/abcd"
    );
    assert!(grant.expose_query().ends_with("sig=CANARY-7f3a"));
    assert_eq!(script.count("POST"), 1);
    assert!(
        script
            .seen()
            .first()
            .unwrap()
            .body
            .contains("\"durationInSeconds\":3600")
    );
}

#[test]
fn access_in_the_status_of_an_operation_is_taken() {
    let done = json!({ "status": "SUCCEEDED", "properties": { "output": { "accessSAS": SAS } } });
    let (outcome, script) = begin(vec![accepted(), running(), running(), Canned::json(200, &done)]);
    assert!(outcome.unwrap().value.expose_query().contains("sig="));
    assert_eq!((script.count("POST"), script.count("GET")), (1, 3));
    assert!(
        script.seen().iter().any(|seen| seen.url == operation()),
        "the address was not used as it is"
    );
}

#[test]
fn access_at_a_location_is_taken() {
    let accepted = Canned::new(202, "").with("location", format!("{ARM}/loc?monitor=true"));
    let done = Canned::json(200, &json!({ "accessSAS": SAS }));
    let (outcome, script) = begin(vec![accepted, Canned::new(202, ""), done]);
    assert!(outcome.unwrap().value.expose_query().contains("sig="));
    assert_eq!((script.count("POST"), script.count("GET")), (1, 2));
}

#[test]
fn access_that_is_left_out_of_a_success_is_asked_for_again() {
    let done = Canned::json(200, &json!({ "status": "Succeeded" }));
    let direct = Canned::json(200, &json!({ "accessSAS": SAS }));
    let (outcome, script) = begin(vec![accepted(), done, direct]);
    assert!(outcome.unwrap().value.expose_query().contains("sig="));
    assert_eq!(script.count("POST"), 2);
}

#[test]
fn an_operation_that_fails_tells_the_services_code_and_words() {
    let done = json!({ "status": "Failed", "error": { "code": "OperationNotAllowed", "message": "Snapshot n is not ready." } });
    let (outcome, _) = begin(vec![accepted(), Canned::json(200, &done)]);
    let error = outcome.unwrap_err();
    let text = all_of(&error);
    assert!(
        text.contains("OperationNotAllowed") && text.contains("Snapshot n is not ready."),
        "{text}"
    );
    assert!(!text.contains(CANARY), "{text}");
    assert!(error.service().unwrap().ids.contains_key("x-ms-request-id"));
}

#[test]
fn i10_a_hostile_operation_address_gets_no_request_and_no_token() {
    for header in ["azure-asyncoperation", "location"] {
        for hostile in [
            "https://evil.example/op?x=1",
            "https://management.azure.com.evil.example/op",
            "http://management.azure.com/op",
            "https://management.azure.com@evil.example/op",
            "https://169.254.169.254/metadata/identity",
        ] {
            let (outcome, script) = begin(vec![Canned::new(202, "").with(header, hostile)]);
            let error = outcome.unwrap_err();
            assert!(
                matches!(error.meaning(), Error::Refused { .. }),
                "{header} {hostile}: {error}"
            );
            assert_eq!(script.seen().len(), 1, "{header} {hostile} was followed");
        }
    }
}

#[test]
fn i10_access_that_leads_out_of_the_cloud_is_refused() {
    for hostile in [
        "https://evil.example/x?sig=CANARY-7f3a",
        "http://md-a.blob.storage.azure.net/x?sig=CANARY-7f3a",
    ] {
        let (outcome, _) = begin(vec![Canned::json(200, &json!({ "accessSAS": hostile }))]);
        let error = outcome.unwrap_err();
        assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
        assert!(!all_of(&error).contains(CANARY));
    }
}

#[test]
fn i10_a_hostile_next_page_is_refused() {
    let page = json!({ "value": [], "nextLink": "https://evil.example/next" });
    let script = Script::of([Canned::json(200, &page)]);
    let outcome = run(arm_of(&script).missing_actions(&snapshot(), &[]));
    assert!(matches!(outcome.unwrap_err().meaning(), Error::Refused { .. }));
    assert_eq!(script.seen().len(), 1);
}

#[test]
fn a_wait_that_the_service_asks_for_is_kept() {
    let clock = FakeClock::new();
    let done = json!({ "status": "Succeeded", "properties": { "output": { "accessSAS": SAS } } });
    let script = Script::of([
        accepted().with("retry-after", "17"),
        running().with("retry-after", "5"),
        Canned::json(200, &done),
    ]);
    let arm = arm_with(&script, Arc::new(clock.clone()));
    run(arm.begin_access(&snapshot(), hour(), ExportKind::Vhd)).unwrap();
    assert_eq!(clock.slept(), Duration::from_secs(22));
}

#[test]
fn the_address_of_what_was_asked_for_is_taken_and_no_other() {
    let guest = SAS.replace("/abcd?", "/abcd_vmgs?");
    let both = json!({ "accessSAS": SAS, "securityDataAccessSAS": guest });
    let asked = |kind, answer: &serde_json::Value| {
        let script = Script::of([Canned::json(200, answer)]);
        let outcome = run(arm_of(&script).begin_access(&snapshot(), hour(), kind));
        let body = script.seen().first().unwrap().body.clone();
        (outcome.map(|acted| acted.value.address().to_owned()), body)
    };
    let (disk, body) = asked(ExportKind::Vhd, &both);
    assert!(disk.unwrap().ends_with("/abcd") && !body.contains("fileFormat") && !body.contains("GuestState"));
    let (disk, body) = asked(ExportKind::Vhdx, &both);
    assert!(disk.unwrap().ends_with("/abcd") && body.contains("\"fileFormat\":\"VHDX\""));
    let (state, body) = asked(ExportKind::GuestState, &both);
    assert!(state.unwrap().ends_with("/abcd_vmgs") && body.contains("\"getSecureVMGuestStateSAS\":true"));
    // The disk's address is not handed out for the guest state's.
    let (state, _) = asked(ExportKind::GuestState, &json!({ "accessSAS": SAS }));
    let error = state.unwrap_err();
    assert!(matches!(error.meaning(), Error::Unsupported { .. }));
    let words = all_of(&error);
    assert!(
        words.contains("getSecureVMGuestStateSAS") && words.contains("export it from the disk itself"),
        "{words}"
    );
    assert!(!words.contains(CANARY), "{words}");
}

#[test]
fn a_request_that_changes_something_is_sent_once_whatever_happens() {
    for status in [408, 500, 502, 503, 504] {
        let (outcome, script) = begin(vec![Canned::new(status, "").with("retry-after", "3")]);
        outcome.unwrap_err();
        assert_eq!(script.seen().len(), 1, "{status} was answered by sending again");
    }
}

#[test]
fn what_a_busy_service_did_not_take_is_sent_again_after_the_wait_that_it_asks_for() {
    let busy = |seconds: &str| Canned::new(429, "").with("retry-after", seconds);
    let clock = FakeClock::new();
    let script = Script::of([
        busy("3"),
        busy("2"),
        Canned::json(200, &json!({ "accessSAS": SAS })),
    ]);
    let arm = arm_with(&script, Arc::new(clock.clone()));
    run(arm.begin_access(&snapshot(), hour(), ExportKind::Vhd)).unwrap();
    assert!(script.is_used_up());
    assert_eq!(clock.slept(), Duration::from_secs(5));

    // Nobody waits for longer than for any other call, and what is asked for is told.
    let clock = FakeClock::new();
    let script = Script::of([busy("4"), busy("7")]);
    let arm = arm_with(&script, Arc::new(clock.clone()));
    let error = run(arm.begin_access(&snapshot(), hour(), ExportKind::Vhd)).unwrap_err();
    assert_eq!(clock.slept(), Duration::from_secs(4));
    let Error::Throttled { retry_after, .. } = error.meaning() else {
        panic!("429 became {error}");
    };
    assert_eq!(*retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn a_request_that_only_reads_is_repeated() {
    let script = Script::of([
        Canned::new(500, ""),
        Canned::new(429, ""),
        Canned::json(200, &json!({ "value": [] })),
    ]);
    run(arm_of(&script).missing_actions(&snapshot(), &[])).unwrap();
    assert!(script.is_used_up());
}

#[test]
fn a_missing_right_is_named_with_the_services_words_and_ids() {
    let body = json!({ "error": { "code": "AuthorizationFailed", "message": "The client 'x' does not have authorization." } });
    let (outcome, _) = begin(vec![
        Canned::json(403, &body).with("x-ms-correlation-request-id", "corr-1"),
    ]);
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/n: permission denied for Microsoft.Compute/snapshots/beginGetAccess/action"
    );
    let cause = std::error::Error::source(error.meaning())
        .unwrap()
        .downcast_ref::<ServiceRefusal>()
        .unwrap();
    assert_eq!((cause.status, cause.code.as_str()), (403, "AuthorizationFailed"));
    let service = error.service().unwrap();
    assert_eq!(service.ids.get("x-ms-correlation-request-id").unwrap(), "corr-1");
    assert_eq!((service.status.as_deref(), service.attempts), (Some("403"), 1));
    assert!(service.ids.contains_key("x-ms-client-request-id"));
}

#[test]
fn ending_access_where_there_is_nothing_succeeds() {
    let body = json!({ "error": { "code": "ResourceNotFound", "message": "gone" } });
    let script = Script::of([Canned::json(404, &body)]);
    run(arm_of(&script).end_access(&snapshot())).unwrap();
}

#[test]
fn a_grant_never_shows_what_makes_it_one() {
    let (outcome, _) = begin(vec![Canned::json(200, &json!({ "accessSAS": SAS }))]);
    let acted = outcome.unwrap();
    assert!(!format!("{acted:?}").contains(CANARY));
}

#[test]
fn an_answer_that_is_no_json_is_told_without_its_text() {
    let (outcome, _) = begin(vec![Canned::new(200, format!("<html>{CANARY}</html>"))]);
    assert!(!all_of(&outcome.unwrap_err()).contains(CANARY));
}
