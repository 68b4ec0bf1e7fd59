//! Answers made to lead us, or our tokens, somewhere else; and names made to deceive who reads them.

use std::sync::Arc;

use crate::support::lab::Lab;
use crate::support::refusal;
use crate::support::worker::Worker;
use crate::support::{CANARY, Canned, Script, all_of, arm_of, hour, run, tokens};
use custody_azure::arm::{ExportKind, ResourceId};
use custody_azure::exhibit::AzureMachineRecords;
use custody_azure::{AzureSnapshotter, AzureSourceAccess, SnapshotPlace};
use custody_core::ids::MachineRef;
use custody_core::port::{
    DiskSnapshot, EvidenceReader as _, GrantOptions, GrantReach, Machine, MachineRecords as _, NotAcquired,
    ReadGrant, SnapshotKind, Snapshotter as _, SourceAccess as _,
};
use custody_core::{Error, Result};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario};
use custody_testkit::fake::FakeClock;
use futures::StreamExt as _;
use serde_json::json;

/// Addresses that a service may answer with, each of which leads somewhere else than it should.
const HOSTILE: [&str; 17] = [
    "https://evil.example/p?sig=CANARY-7f3a",
    "https://evil.example:443/p?sig=CANARY-7f3a",
    "http://management.azure.com/p?sig=CANARY-7f3a",
    "http://md-a.z1.blob.storage.azure.net/p?sig=CANARY-7f3a",
    "https://management.azure.com@evil.example/p?sig=CANARY-7f3a",
    "https://user:CANARY-7f3a@management.azure.com/p",
    "https://user@md-a.z1.blob.storage.azure.net/p?sig=CANARY-7f3a",
    "https://management.azure.com:8443/p?sig=CANARY-7f3a",
    "https://md-a.z1.blob.storage.azure.net:8443/p?sig=CANARY-7f3a",
    "https://management.azure.com.evil.example/p?sig=CANARY-7f3a",
    "https://management.azure.com./p?sig=CANARY-7f3a",
    "https://md-a.z1.blob.storage.azure.net./p?sig=CANARY-7f3a",
    // A Cyrillic letter in it.
    "https://m\u{430}nagement.azure.com/p?sig=CANARY-7f3a",
    "https://169.254.169.254/metadata/identity/oauth2/token?sig=CANARY-7f3a",
    "https://2130706433/p?sig=CANARY-7f3a",
    "https://[::1]/p?sig=CANARY-7f3a",
    "https:\\\\evil.example\\@management.azure.com/p?sig=CANARY-7f3a",
];

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::new("s", "g", kind, name).unwrap()
}

fn snapshot() -> DiskSnapshot {
    let id = id("Microsoft.Compute/snapshots", "n");
    DiskSnapshot::new(
        "n".parse().unwrap(),
        "d".parse().unwrap(),
        SnapshotKind::Made,
        4096,
    )
    .with_attribute("resourceId", id.as_str())
}

fn machine() -> MachineRef {
    id("Microsoft.Compute/virtualMachines", "v")
        .as_str()
        .parse()
        .unwrap()
}

/// What is told of an error, or of what was recorded in its stead.
type Told = Result<String>;

/// A field of an answer that holds an address: the answers up to it, and the call that gets them.
struct Field {
    name: &'static str,
    answers: fn(&str) -> Vec<Canned>,
    call: fn(&Arc<Script>) -> Told,
}

fn begin_access(script: &Arc<Script>) -> Told {
    let snapshot = id("Microsoft.Compute/snapshots", "n");
    run(arm_of(script).begin_access(&snapshot, hour(), ExportKind::Vhd)).map(|acted| format!("{acted:?}"))
}

fn open_grant(script: &Arc<Script>) -> Told {
    let access = AzureSourceAccess::new(arm_of(script), tokens());
    let grant = run(access.grant(&snapshot(), GrantOptions::lasting(hour())))?;
    run(access.open(&snapshot(), &grant.value)).map(|image| format!("{image:?}"))
}

fn records(script: &Arc<Script>) -> Told {
    let records = AzureMachineRecords::new(arm_of(script), Arc::new(FakeClock::new()));
    let machine = Machine::new(machine(), "azure", Vec::new(), vec![NotAcquired::new("x", "y")]);
    let found: Vec<_> = run(records.records(&machine, [].into()).collect());
    let mut told = String::new();
    for record in found {
        match record.into_parts().2 {
            Ok(acted) => told.push_str(&format!("{:?}\n", acted.service)),
            Err(error) => told.push_str(&format!("{}\n", all_of(&error))),
        }
    }
    Ok(told)
}

fn fields() -> [Field; 7] {
    [
        Field {
            name: "Azure-AsyncOperation",
            answers: |hostile| vec![Canned::new(202, "").with("azure-asyncoperation", hostile)],
            call: begin_access,
        },
        Field {
            name: "Location",
            answers: |hostile| vec![Canned::new(202, "").with("location", hostile)],
            call: begin_access,
        },
        Field {
            name: "accessSAS",
            answers: |hostile| vec![Canned::json(200, &json!({ "accessSAS": hostile }))],
            call: begin_access,
        },
        Field {
            name: "accessSAS in an operation's status",
            answers: |hostile| {
                let output =
                    json!({ "status": "Succeeded", "properties": { "output": { "accessSAS": hostile } } });
                vec![
                    Canned::new(202, "").with("azure-asyncoperation", "https://management.azure.com/op"),
                    Canned::json(200, &output),
                ]
            },
            call: begin_access,
        },
        Field {
            name: "securityDataAccessSAS",
            answers: |hostile| {
                let disk = "https://md-a.z1.blob.storage.azure.net/t/abcd?sig=x";
                let both = json!({ "accessSAS": disk, "securityDataAccessSAS": hostile });
                vec![Canned::json(200, &both)]
            },
            call: |script| {
                let snapshot = id("Microsoft.Compute/snapshots", "n");
                let granted = run(arm_of(script).begin_access(&snapshot, hour(), ExportKind::GuestState));
                granted.map(|acted| format!("{acted:?}"))
            },
        },
        Field {
            name: "nextLink",
            answers: |hostile| vec![Canned::json(200, &json!({ "value": [], "nextLink": hostile }))],
            call: |script| {
                let id = id("Microsoft.Compute/snapshots", "n");
                run(arm_of(script).missing_actions(&id, &[])).map(|missing| format!("{missing:?}"))
            },
        },
        Field {
            name: "accessSAS that is opened",
            answers: |hostile| {
                let body = json!({"location": "l", "properties": {"provisioningState": "Succeeded", "diskSizeBytes": 3584}});
                vec![
                    Canned::json(200, &body),
                    Canned::json(200, &json!({ "accessSAS": hostile })),
                ]
            },
            call: open_grant,
        },
    ]
}

/// That nothing was asked of another host, and no token seen but at the Resource Manager.
fn stayed(script: &Script, what: &str) {
    for seen in script.seen() {
        assert!(
            seen.url.starts_with("https://management.azure.com/"),
            "{what}: {} was asked",
            seen.url
        );
    }
}

#[test]
fn i10_no_field_of_an_answer_leads_out_of_the_cloud() {
    for field in fields() {
        for hostile in HOSTILE {
            let what = format!("{}: {hostile}", field.name);
            let script = Script::of((field.answers)(hostile));
            let error = (field.call)(&script).unwrap_err();
            assert!(error.to_string().contains(": refused: "), "{what}: {error}");
            assert!(!all_of(&error).contains(CANARY), "{what}: {}", all_of(&error));
            assert!(
                script.is_used_up(),
                "{what}: it ended before the address was read"
            );
            stayed(&script, &what);
        }
    }
}

#[test]
fn i10_boot_diagnostics_are_fetched_from_no_other_host_and_with_no_token() {
    let empty = || Canned::json(200, &json!({}));
    for hostile in HOSTILE {
        let addresses = json!({ "consoleScreenshotBlobUri": hostile, "serialConsoleLogBlobUri": hostile });
        // Machine, instance view, role assignments; then the addresses; then the Activity Log.
        let script = Script::of([empty(), empty(), empty(), Canned::json(200, &addresses), empty()]);
        let told = records(&script).unwrap();
        assert_eq!(told.matches(": refused: ").count(), 2, "{hostile}: {told}");
        assert!(!told.contains(CANARY), "{hostile}: {told}");
        stayed(&script, hostile);
    }
    // Where the address is one of the cloud's: it is asked without a token.
    let good = "https://bootdiag.blob.core.windows.net/c/serial.log?sig=CANARY-7f3a";
    let addresses = json!({ "serialConsoleLogBlobUri": good });
    let head = Canned::new(200, "")
        .with("content-length", "0")
        .with("etag", "\"e\"");
    let script = Script::of([
        empty(),
        empty(),
        empty(),
        Canned::json(200, &addresses),
        head,
        empty(),
    ]);
    records(&script).unwrap();
    let asked = script
        .seen()
        .into_iter()
        .find(|seen| seen.url.contains("bootdiag"))
        .unwrap();
    assert_eq!(asked.authorization, None);
}

#[test]
fn i10_no_next_page_of_a_recorded_list_leads_out_of_the_cloud() {
    let empty = || Canned::json(200, &json!({}));
    for hostile in HOSTILE {
        let page = || Canned::json(200, &json!({ "value": [], "nextLink": hostile }));
        // Machine, instance view, role assignments; boot diagnostics; the Activity Log.
        let script = Script::of([empty(), empty(), page(), empty(), page()]);
        let told = records(&script).unwrap();
        assert_eq!(told.matches(": refused: ").count(), 2, "{hostile}: {told}");
        assert!(!told.contains(CANARY), "{hostile}: {told}");
        assert!(script.is_used_up(), "{hostile}");
        stayed(&script, hostile);
    }
}

#[test]
fn i10_a_redirect_is_not_followed_and_no_token_goes_with_it() {
    for status in [301, 302, 303, 307, 308] {
        let away = || Canned::new(status, "").with("location", "https://evil.example/p");
        let script = Script::of([away()]);
        let error = run(arm_of(&script).begin_access(
            &id("Microsoft.Compute/snapshots", "n"),
            hour(),
            ExportKind::Vhd,
        ))
        .unwrap_err();
        assert!(
            all_of(&error).contains(&format!("answered {status}")),
            "{}",
            all_of(&error)
        );
        stayed(&script, "a redirected request");
        let script = Script::of([away()]);
        run(arm_of(&script).missing_actions(&id("Microsoft.Compute/snapshots", "n"), &[])).unwrap_err();
        stayed(&script, "a redirected look");
        // A look at an export that is refused is followed by one at its disk snapshot.
        let there = json!({ "properties": { "provisioningState": "Succeeded" } });
        let script = Script::of([away(), Canned::json(200, &there)]);
        let access = AzureSourceAccess::new(arm_of(&script), tokens());
        let export = "https://md-a.z1.blob.storage.azure.net/t/abcd";
        let grant = ReadGrant::new(export, format!("sig={CANARY}"), None);
        let error = run(access.open(&snapshot(), &grant)).unwrap_err();
        assert!(!all_of(&error).contains(CANARY), "{}", all_of(&error));
        assert!(
            script.seen().iter().all(|seen| !seen.url.contains("evil")),
            "{status}"
        );
    }
}

#[test]
fn i10_a_challenge_does_not_say_where_to_sign_in() {
    let challenge = "Bearer authorization=\"https://evil.example/t\", authorization_uri=\"https://evil.example/t\", resource=\"https://evil.example\"";
    for pattern in ["*/virtualMachines/*", "*/immutable*"] {
        let lab = Lab::of(
            refusal::small()
                .with_fault(Fault::on(
                    "*",
                    pattern,
                    FaultAction::status(401, "InvalidAuthenticationInfo"),
                ))
                .with_fault(Fault::on(
                    "*",
                    pattern,
                    FaultAction::Header("www-authenticate".into(), challenge.into()),
                )),
        );
        // However it ends, nobody else was asked.
        drop(run(Worker::new(&lab).plan()));
        assert!(
            lab.simulator.journal().iter().any(|call| call.status == 401),
            "{pattern}"
        );
        assert_eq!(lab.simulator.refused_hosts(), [""; 0], "{pattern}");
    }
}

#[test]
fn i10_each_kind_of_host_is_shown_a_token_for_itself_alone() {
    let head = || {
        Canned::new(200, "")
            .with("content-length", "4096")
            .with("etag", "\"e\"")
    };
    let script = Script::of([head()]);
    let access = AzureSourceAccess::new(arm_of(&script), tokens());
    let grant = ReadGrant::new("https://md-a.z1.blob.storage.azure.net/t/abcd", "sig=x", None)
        .with_reach(GrantReach::SignedInHolder);
    run(access.open(&snapshot(), &grant)).unwrap();
    let shown = script.seen().first().unwrap().authorization.clone().unwrap();
    assert!(shown.ends_with("for https://disk.azure.com/.default"), "{shown}");

    let script = Script::of([Canned::json(200, &json!({ "value": [] }))]);
    run(arm_of(&script).missing_actions(&id("Microsoft.Compute/snapshots", "n"), &[])).unwrap();
    let shown = script.seen().first().unwrap().authorization.clone().unwrap();
    assert!(
        shown.ends_with("for https://management.azure.com/.default"),
        "{shown}"
    );
}

#[test]
fn i10_a_token_for_disks_goes_to_no_address_that_a_storage_account_can_have() {
    for hostile in [
        "https://evilaccount.blob.core.windows.net/t/abcd",
        "https://evilaccount.z1.blob.storage.azure.net/t/abcd",
        "https://evilaccount-secondary.blob.core.windows.net/t/abcd",
        "https://evil.md-a.z1.blob.storage.azure.net/t/abcd",
        "https://md-.blob.core.windows.net/t/abcd",
        "https://md-a.blob.core.windows.net.evil.example/t/abcd",
    ] {
        let head = Canned::new(200, "")
            .with("content-length", "4096")
            .with("etag", "\"e\"");
        let script = Script::of([head]);
        let access = AzureSourceAccess::new(arm_of(&script), tokens());
        let grant =
            ReadGrant::new(hostile, format!("sig={CANARY}"), None).with_reach(GrantReach::SignedInHolder);
        let error = run(access.open(&snapshot(), &grant)).unwrap_err();
        assert!(
            matches!(error.meaning(), Error::Refused { .. }),
            "{hostile}: {error}"
        );
        assert!(!all_of(&error).contains(CANARY), "{hostile}");
        assert_eq!(script.seen().len(), 0, "{hostile} was asked");
    }
}

#[test]
fn an_answer_that_does_not_end_is_cut_off() {
    let lab = Lab::of(refusal::small().with_fault(Fault::on(
        "GET",
        "*/virtualMachines/*",
        FaultAction::Lengthen(80 << 20),
    )));
    let error = run(Worker::new(&lab).plan()).unwrap_err();
    let text = all_of(&error);
    assert!(text.contains("the answer has more than 67108864 bytes"), "{text}");
    let asked = lab.simulator.journal();
    let asked = asked.iter().filter(|call| call.path.contains("virtualMachines"));
    assert_eq!(asked.count(), 1, "it was asked for again");
}

/// Text that would move a cursor, turn letters around, end a document, or be too long to read.
fn hostile_texts() -> Vec<String> {
    vec![
        "\u{1b}[2J\u{1b}]0;owned\u{7}".into(),
        "invoice\u{202e}fdp.exe\u{2066}".into(),
        "a\r\nb\tc\u{0}d\u{85}e\u{2028}f".into(),
        "</Message></Error><Code>Success</Code>".into(),
        "\"}],\"acts\":[{\"type\":\"seal.done\"".into(),
        "<script>alert(1)</script>&amp;&#10;".into(),
        "../../../etc/passwd".into(),
        "n".repeat(255),
        "\u{e9}".repeat(127) + "x",
    ]
}

fn assert_visible(text: &str, what: &str) {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    assert!(!text.contains(moves), "{what}: {text:?}");
}

#[test]
fn names_and_tags_of_a_machine_are_written_out_whatever_they_hold() {
    for hostile in hostile_texts() {
        let body = json!({
            "id": hostile, "name": hostile, "location": hostile, "tags": { "owner": hostile, hostile.as_str(): "x" },
            "properties": {
                "vmId": hostile,
                "hardwareProfile": { "vmSize": hostile },
                "storageProfile": { "osDisk": { "name": hostile, "managedDisk": { "id": hostile } }, "dataDisks": [] },
            },
        });
        let script = Script::of([Canned::json(200, &body)]);
        let snapshotter = AzureSnapshotter::new(arm_of(&script), SnapshotPlace::new("s", "g").unwrap());
        let described = run(snapshotter.describe(&machine())).unwrap();
        for (name, value) in &described.attributes {
            assert_visible(name, "an attribute's name");
            assert_visible(value, name);
        }
        let left_out = described
            .not_acquired
            .iter()
            .find(|left| left.what.contains("operating system"));
        assert_visible(&left_out.unwrap().what, "what is left out");
        assert_eq!(
            custody_core::visible::unescape(described.attributes.get("vmId").unwrap()).unwrap(),
            hostile.as_bytes()
        );
    }
}

#[test]
fn the_words_of_a_refusal_are_one_visible_line_whatever_they_hold() {
    for hostile in hostile_texts() {
        let body = json!({ "error": { "code": hostile, "message": hostile } });
        let operation = json!({ "status": "Failed", "error": { "code": hostile, "message": hostile } });
        let accepted = Canned::new(202, "").with("azure-asyncoperation", "https://management.azure.com/op");
        for answers in [
            vec![Canned::json(409, &body)],
            vec![accepted, Canned::json(200, &operation)],
        ] {
            let script = Script::of(answers);
            let error = run(arm_of(&script).begin_access(
                &id("Microsoft.Compute/snapshots", "n"),
                hour(),
                ExportKind::Vhd,
            ))
            .unwrap_err();
            assert_visible(&error.to_string(), "the error");
            for cause in error.causes() {
                assert_visible(&cause, "its cause");
                assert!(cause.chars().count() < 800, "{cause}");
            }
        }
    }
}

#[test]
fn a_listing_with_a_name_that_is_none_of_ours_says_so_and_shows_it_written_out() {
    let _guard = Lab::guard();
    for hostile in ["cases/\u{202e}gpj.exe", "cases/a\u{1b}[2J", "cases//x"] {
        let lab = Lab::new();
        lab.put("plain", hostile, b"x");
        let store = lab.store("plain");
        let listed: Vec<_> = run(store.list(None).collect());
        let error = listed.into_iter().find_map(Result::err);
        let Some(error) = error else {
            panic!("{hostile:?} was taken for a name of ours");
        };
        assert_visible(&error.to_string(), hostile);
        assert!(
            error
                .to_string()
                .contains("this is no name of an object of evidence"),
            "{error}"
        );
    }
}

#[test]
fn a_machine_with_hostile_tags_is_captured_and_proven() {
    let mut scenario: Scenario = refusal::small();
    for (number, hostile) in hostile_texts().into_iter().enumerate() {
        let machine = scenario.machines.first_mut().unwrap();
        machine.tags.insert(format!("t{number}"), hostile.clone());
        machine.tags.insert(hostile, "x".into());
    }
    let worker = Worker::new(&Lab::of(scenario));
    let (_, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(&outcome);
    worker.left_nothing();
    worker.is_proven();
}
