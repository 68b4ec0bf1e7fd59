//! Nothing that opens anything is printed, logged, stored or passed on, however a run ends.

use custody_testkit::azure_sim::{Fault, FaultAction, LroStyle, RoleGrant, Scenario};

use crate::lab::{Lab, Run, side_by_side, small};
use crate::secret_scan::Needles;
use crate::secret_scan::process::watched;

/// What none of it may hold: the client's secret, tokens, signatures, and the addresses of long-running operations, which
/// carry signed tokens.
fn needles() -> Needles {
    Needles::new()
        .with_secret("the client's secret", Scenario::LAB_CLIENT_SECRET.as_bytes())
        .with_mark("DiskOperations")
        .with_mark("monitor=true")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done,
    Stopped,
    /// Whatever it is: only what is told of it counts.
    Any,
}

type Class = (&'static str, fn() -> Scenario, Ending);

fn with(fault: Fault) -> Scenario {
    // Operations that are looked at, so that their addresses are used.
    let mut scenario = small();
    scenario.timing.long_running.style = LroStyle::Output;
    scenario.with_fault(fault)
}

fn on_export(action: FaultAction) -> Scenario {
    with(Fault::on("GET", "*/abcd", action).at_host("md-*"))
}

fn on_copy(action: FaultAction) -> Scenario {
    with(Fault::on("PUT", "*.vhd", action).at_host("socevidence*"))
}

fn on_begin(action: FaultAction) -> Scenario {
    with(Fault::on("POST", "*/beginGetAccess", action))
}

/// The service repeats in its words what it was shown.
fn echoing() -> FaultAction {
    let mut action = FaultAction::status(403, "AuthenticationFailed");
    if let FaultAction::Status { message, .. } = &mut action {
        *message =
            "Signature did not match: https://md-1.z1.blob.storage.azure.net/t/abcd?sv=1&sig=abc%2Fd&se=2 \
                    (sig=abc%2Fd; source https%3A%2F%2Fmd-1.z1.blob.storage.azure.net%2Fabcd%3Fsv%3D1%26sig%3Dabc), Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln"
                .into();
    }
    action
}

fn without(right: &str) -> Scenario {
    let mut scenario = with(Fault::on("GET", "/nothing", FaultAction::DropBefore));
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(right)];
    }
    scenario
}

const CLASSES: [Class; 20] = [
    (
        "nothing",
        || with(Fault::on("GET", "/nothing", FaultAction::DropBefore)),
        Ending::Done,
    ),
    (
        "401",
        || {
            with(Fault::on(
                "GET",
                "*/virtualMachines/*",
                FaultAction::status(401, "InvalidAuthenticationToken"),
            ))
        },
        Ending::Stopped,
    ),
    (
        "403 of a snapshot",
        || without("Microsoft.Compute/snapshots/write"),
        Ending::Stopped,
    ),
    (
        "403 of access",
        || without("Microsoft.Compute/snapshots/beginGetAccess/action"),
        Ending::Stopped,
    ),
    (
        "404",
        || {
            with(Fault::on(
                "GET",
                "*/virtualMachines/*",
                FaultAction::status(404, "ResourceNotFound"),
            ))
        },
        Ending::Stopped,
    ),
    (
        "409",
        || on_begin(FaultAction::status(409, "OperationNotAllowed")),
        Ending::Stopped,
    ),
    (
        "409 of the store",
        || on_copy(FaultAction::status(409, "BlobImmutableDueToPolicy")),
        Ending::Stopped,
    ),
    (
        "412",
        || on_export(FaultAction::status(412, "ConditionNotMet")),
        Ending::Stopped,
    ),
    (
        "429",
        || on_begin(FaultAction::status(429, "TooManyRequests").retry_after(3600)),
        Ending::Stopped,
    ),
    (
        "503 that passes",
        || {
            with(
                Fault::on("GET", "*/abcd", FaultAction::status(503, "ServerBusy"))
                    .at_host("md-*")
                    .times(2),
            )
        },
        Ending::Done,
    ),
    (
        "words that repeat secrets",
        || on_export(echoing()),
        Ending::Stopped,
    ),
    (
        "words of the Resource Manager that repeat secrets",
        || on_begin(echoing()),
        Ending::Stopped,
    ),
    (
        "an export that breaks off",
        || {
            with(
                Fault::on("GET", "*/abcd", FaultAction::Truncate(10))
                    .at_host("md-*")
                    .times(2),
            )
        },
        Ending::Done,
    ),
    (
        "a lost answer",
        || with(Fault::on("PUT", "*/snapshots/*", FaultAction::DropAfter).times(1)),
        Ending::Done,
    ),
    (
        "an operation that fails",
        || on_begin(FaultAction::OperationFails("InternalError".into())),
        Ending::Stopped,
    ),
    (
        "a copy that fails",
        || {
            on_copy(FaultAction::CopyFails(
                "403 for https://md-1.z1.blob.storage.azure.net/t/abcd?sig=abc".into(),
            ))
        },
        Ending::Stopped,
    ),
    (
        "a copy that is aborted",
        || on_copy(FaultAction::CopyAborts),
        Ending::Stopped,
    ),
    (
        "half a document",
        || on_begin(FaultAction::Malformed),
        Ending::Any,
    ),
    (
        "hostile addresses",
        || {
            with(
                Fault::on(
                    "*",
                    "*",
                    FaultAction::HostileAddress("https://evil.example".into()),
                )
                .at_host("management*"),
            )
        },
        Ending::Any,
    ),
    (
        "the store's rights",
        || without("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"),
        Ending::Stopped,
    ),
];

#[test]
fn i07_no_secret_is_told_or_kept_whatever_fails() {
    side_by_side(&CLASSES, |(name, scenario, ending)| {
        let lab = Lab::of(scenario())
            .with("RUST_LOG", "trace")
            .with("AZURE_LOG_LEVEL", "debug");
        // As a document and as text, in turn.
        let options: &[&str] = if name.len() % 2 == 0 { &["--json"] } else { &[] };
        let needles = needles();
        let seen = watched(lab.capture_command(options), b"", &needles, || false);
        let seen = seen.unwrap_or_else(|found| panic!("{name}: {found}"));
        assert!(seen.looks > 0, "{name}: its process was never seen");
        for printed in [&seen.output.stdout, &seen.output.stderr] {
            assert_eq!(needles.find(printed), None, "{name}");
        }
        let run = Run::of(&seen.output);
        match ending {
            Ending::Done => assert_eq!(run.code, 0, "{name}: {run:?}"),
            Ending::Stopped => assert_eq!(run.code, 3, "{name}: {run:?}"),
            Ending::Any => assert!((0..=4).contains(&run.code), "{name}: {run:?}"),
        }
        nothing_holds_a_secret(name, &lab, &needles);
    });
}

/// Neither the worker's folder nor the store: names, metadata, bytes.
fn nothing_holds_a_secret(name: &str, lab: &Lab, needles: &Needles) {
    let own = [lab.path("client-secret")];
    assert_eq!(needles.find_below(&lab.path(""), &own), None, "{name}");
    for blob_name in lab.blobs() {
        let found = lab
            .azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, &blob_name);
        let blob = found.unwrap();
        let metadata = format!("{blob_name} {:?}", blob.metadata);
        assert_eq!(needles.find(metadata.as_bytes()), None, "{name}: {blob_name}");
        if !blob_name.ends_with(".vhd") {
            assert_eq!(needles.find(&blob.bytes().unwrap()), None, "{name}: {blob_name}");
        }
    }
}
