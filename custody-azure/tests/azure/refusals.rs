//! Everything that Azure may refuse or get wrong: what the custodian reads, what is kept, and that going on ends well.
//!
//! `snapshots/azure__refusals__messages.snap` is what a custodian reads, case by case: read it as one, at three in the morning.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::refusal::{self, Case, Kept};
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario};

const EXPORTS: &str = "md-*";
const STORE: &str = "socevidence*";

fn status(status: u16, code: &str) -> FaultAction {
    FaultAction::status(status, code)
}

/// An answer with the service's own words in it.
fn saying(status: u16, code: &str, message: &str) -> FaultAction {
    let mut action = FaultAction::status(status, code);
    if let FaultAction::Status { message: words, .. } = &mut action {
        *words = message.into();
    }
    action
}

fn on_export(action: FaultAction) -> Fault {
    Fault::on("GET", "*/abcd", action).at_host(EXPORTS)
}

fn on_copy(action: FaultAction) -> Fault {
    Fault::on("PUT", "*.vhd", action).at_host(STORE)
}

/// Nobody may do this.
fn nobody_may(action: &str) -> Scenario {
    let mut scenario = refusal::small();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(action)];
    }
    scenario
}

/// Refusals before anything is done: the plan is the error.
fn before_anything() -> Vec<Case> {
    vec![
        Case::new("401: the token is not accepted").with(Fault::on(
            "GET",
            "*/virtualMachines/*",
            status(401, "InvalidAuthenticationToken"),
        )),
        Case::of(
            "403: the machine may not be read",
            nobody_may("Microsoft.Compute/virtualMachines/read"),
        ),
        Case::new("404: there is no such machine").with(Fault::on(
            "GET",
            "*/virtualMachines/*",
            status(404, "ResourceNotFound"),
        )),
        Case::new("404: its resource group is gone").with(Fault::on(
            "GET",
            "*/virtualMachines/*",
            saying(
                404,
                "ResourceGroupNotFound",
                "Resource group 'production' could not be found.",
            ),
        )),
        Case::new("500: the Resource Manager is out of order").with(Fault::on(
            "GET",
            "*/virtualMachines/*",
            status(500, "InternalServerError"),
        )),
        Case::new("a machine in half a document").with(Fault::on(
            "GET",
            "*/virtualMachines/*",
            FaultAction::Malformed,
        )),
    ]
}

/// Refusals of a disk snapshot: nothing is there to keep.
fn of_the_snapshot() -> Vec<Case> {
    let put = |action| Fault::on("PUT", "*/snapshots/*", action);
    vec![
        Case::of(
            "403: snapshots may not be made",
            nobody_may("Microsoft.Compute/snapshots/write"),
        ),
        Case::new("403: a policy forbids it").with(put(saying(
            403,
            "RequestDisallowedByPolicy",
            "Resource was disallowed by policy.",
        ))),
        Case::new("404: no resource group for snapshots").with(put(saying(
            404,
            "ResourceGroupNotFound",
            "Resource group 'production' could not be found.",
        ))),
        Case::new("409: not now").with(put(saying(
            409,
            "OperationNotAllowed",
            "The disk is being changed.",
        ))),
        Case::new("429 at every look").with(put(status(429, "TooManyRequests").retry_after(7))),
        Case::new("500 at every look").with(put(status(500, "InternalServerError"))),
        Case::new("the operation fails")
            .with(put(FaultAction::OperationFails(
                "DiskServiceInternalError".into(),
            )))
            .keeping(Kept::Disowned),
    ]
}

/// With a disk of which only incremental snapshots can be taken.
fn incremental() -> Scenario {
    let mut scenario = refusal::small();
    scenario.disk_mut("web-01-data-0").sku = "PremiumV2_LRS".into();
    scenario
}

/// Refusals after the disk snapshots: they are kept.
fn after_the_snapshot() -> Vec<Case> {
    let begin = |action| Fault::on("POST", "*/beginGetAccess", action);
    let kept = |name| Case::new(name).keeping(Kept::Snapshots);
    vec![
        Case::of(
            "403: access may not be granted",
            nobody_may("Microsoft.Compute/snapshots/beginGetAccess/action"),
        )
        .keeping(Kept::Snapshots),
        kept("429: access, with Retry-After").with(begin(status(429, "TooManyRequests").retry_after(7))),
        kept("409: access is refused").with(begin(saying(
            409,
            "OperationNotAllowed",
            "The snapshot is not ready.",
        ))),
        Case::of("409: a sixth access to one family", incremental())
            .with(Fault::on(
                "POST",
                "*-data-0/beginGetAccess",
                saying(
                    409,
                    "OperationNotAllowed",
                    "More than 5 snapshots of the family have active access.",
                ),
            ))
            .keeping(Kept::Snapshots),
        kept("403: the export refuses its signature").with(on_export(status(403, "AuthenticationFailed"))),
        kept("404: the export is gone")
            .with(Fault::on("*", "*/abcd", status(404, "BlobNotFound")).at_host(EXPORTS)),
        kept("412: the export changed").with(on_export(status(412, "ConditionNotMet"))),
        kept("503: the export is out of order").with(on_export(status(503, "ServerBusy").retry_after(0))),
        kept("500: the export fails").with(on_export(status(500, "InternalError"))),
        kept("a range that breaks off").with(on_export(FaultAction::Truncate(100))),
        kept("a range with bytes behind it").with(on_export(FaultAction::Lengthen(100))),
        kept("a short range").with(on_export(FaultAction::ShortRange(512))),
        kept("a range that says it is another").with(on_export(FaultAction::ContentRange(
            "bytes 512-1023/99999".into(),
        ))),
        kept("a range without its ETag").with(on_export(FaultAction::Etag("\"0xANOTHER\"".into()))),
        kept("the connection closes").with(on_export(FaultAction::DropAfter)),
        kept("409: the name is immutable").with(on_copy(status(409, "BlobImmutableDueToPolicy"))),
        kept("409: a legal hold").with(on_copy(status(409, "BlobImmutableDueToLegalHold"))),
        kept("409: another copy runs").with(on_copy(status(409, "PendingCopyOperation"))),
        kept("404: the source of the copy").with(on_copy(status(404, "CannotVerifyCopySource"))),
        kept("403: the copy is not authorized, and no setting says why").with(on_copy(saying(
            403,
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ))),
        kept("503: the store is busy").with(on_copy(status(503, "ServerBusy").retry_after(3))),
        kept("the copy fails").with(on_copy(FaultAction::CopyFails(
            "403 AuthenticationFailed, the source's access ended".into(),
        ))),
        kept("the copy is aborted").with(on_copy(FaultAction::CopyAborts)),
    ]
}

/// A store that cannot take the evidence: the disk snapshots do not wait for it.
fn of_the_store() -> Vec<Case> {
    let store = |action| Fault::on("*", "*", action).at_host(STORE);
    let account = |action| Fault::on("GET", "*/storageAccounts/*", action);
    let kept = |name| Case::new(name).keeping(Kept::Snapshots);
    let write = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
    let untold = Fault::on("GET", "*/permissions", status(403, "AuthorizationFailed"));
    vec![
        kept("404: no such container")
            .with(store(status(404, "ContainerNotFound")))
            .with(account(status(404, "ResourceNotFound"))),
        kept("404: no such storage account, and no host of its name")
            .with(account(status(404, "ResourceNotFound")))
            .with(store(FaultAction::DropBefore)),
        kept("403: the account's firewall").with(store(saying(
            403,
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ))),
        Case::of(
            "403: evidence may not be written, as the plan says",
            nobody_may(write),
        )
        .keeping(Kept::Snapshots),
        Case::of(
            "403: evidence may not be written, and nobody could tell before",
            nobody_may(write),
        )
        .with(untold)
        .keeping(Kept::Snapshots),
    ]
}

/// Disk snapshots that may not be deleted: the evidence is sealed, and they are named.
fn of_the_deletion() -> Vec<Case> {
    let delete = |action| Fault::on("DELETE", "*/snapshots/*", action);
    let sealed = |name| Case::new(name).keeping(Kept::SealedAndNamed);
    vec![
        Case::of("403: snapshots may not be deleted", nobody_may("Microsoft.Compute/snapshots/delete")).keeping(Kept::SealedAndNamed),
        sealed("409: somebody else has access").with(delete(saying(409, "OperationNotAllowed", "There is an active shared access signature outstanding for snapshot X. Call EndGetAccess before attaching or deleting the disk."))),
        sealed("429 for an hour").with(delete(status(429, "TooManyRequests").retry_after(3600))),
        sealed("503 at every look").with(delete(status(503, "ServerBusy"))),
        sealed("409: a lock").with(delete(saying(409, "ScopeLocked", "The scope is locked."))),
    ]
}

/// What is told of each; a case that does not hold what it must does not hide the others.
fn told(cases: Vec<Case>) -> String {
    let mut text = String::new();
    for case in cases {
        let ran = catch_unwind(AssertUnwindSafe(|| case.run()));
        match ran {
            Ok(told) => writeln!(text, "{told}").unwrap(),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().cloned();
                writeln!(text, "DOES NOT HOLD: {}\n", words.unwrap_or_default()).unwrap();
            }
        }
    }
    text
}

#[test]
fn each_refusal_tells_what_happened_to_what_and_what_to_do_next() {
    let groups = [
        ("before anything is done", before_anything as fn() -> Vec<Case>),
        ("of a disk snapshot", of_the_snapshot),
        ("after the disk snapshots, which are kept", after_the_snapshot),
        ("of the store, before anything goes there", of_the_store),
        ("of a deletion, after the seal", of_the_deletion),
    ];
    // Cases share nothing, so that they run side by side.
    let texts: Vec<String> = std::thread::scope(|scope| {
        let threads =
            groups.map(|(title, cases)| scope.spawn(move || format!("== {title}\n\n{}", told(cases()))));
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let text = texts.join("\n");
    assert!(!text.contains("DOES NOT HOLD"), "{text}");
    insta::assert_snapshot!("messages", text);
}
