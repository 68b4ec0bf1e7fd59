//! The second register of digests: what cannot be put there is said, tried again, and given up by order only.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use custody_core::capture::{Capture, CaptureOutcome, ItemStatus};
use custody_core::custody_log::{Act, ClosingState, SignerSet, Trust};
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister, DiskDescription, SealSigner as _, SnapshotKind};
use custody_core::verify::{Report, Verifier, Weight};
use custody_core::{Acted, Error, Ports, Result};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, MemoryDigestRegister};
use futures::executor::block_on;
use support::*;

/// A register that does not answer so many times. Clones share the count.
#[derive(Debug, Clone)]
struct Unreliable {
    inner: MemoryDigestRegister,
    left: Arc<AtomicU32>,
}

impl std::fmt::Display for Unreliable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unreliable register")
    }
}

#[async_trait::async_trait]
impl DigestRegister for Unreliable {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            return Err(Error::Provider {
                object: entry.name.clone(),
                operation: "put",
                source: Some("the register is away".into()),
            });
        }
        self.inner.put(entry).await
    }
    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        self.inner.find(name).await
    }
}

const FOR_GOOD: u32 = u32::MAX;

fn failing(world: &FakeWorld, times: u32) -> Ports {
    let mut ports = world.ports();
    ports.digests = Some(Arc::new(Unreliable {
        inner: world.digests.clone(),
        left: Arc::new(AtomicU32::new(times)),
    }));
    ports
}

fn resume_with(world: &FakeWorld, ports: Ports) -> Result<CaptureOutcome> {
    let [log] = logs(world).try_into().unwrap();
    block_on(Capture::new(ports).resume(log, circumstances(), 1))
}

fn give_up(world: &FakeWorld, item: &str) -> Result<CaptureOutcome> {
    let [log] = logs(world).try_into().unwrap();
    let (reason, items) = ("the vault is gone".parse().unwrap(), [item.parse().unwrap()]);
    block_on(Capture::new(world.ports()).give_up_keys(log, circumstances(), &reason, &items))
}

fn report(world: &FakeWorld) -> Report {
    let keys = world.signers.iter().map(|signer| signer.verifier_key().clone());
    let trust = Trust::nobody().with(SignerSet::new(keys).unwrap());
    let ports = world.ungated_ports();
    block_on(Verifier::new(ports.reader, ports.hasher, trust).verify())
}

/// What a verification says beside notes, and the notes about digests.
fn findings(world: &FakeWorld) -> (Vec<String>, Vec<String>) {
    let (mut faults, mut notes) = (Vec::new(), Vec::new());
    for finding in report(world).all_findings() {
        match finding.weight {
            Weight::Note if finding.found.contains("is not known to be there") => {
                notes.push(finding.found.clone());
            }
            Weight::Note => {}
            _ => faults.push(finding.found.clone()),
        }
    }
    (faults, notes)
}

fn lines_of_digests(world: &FakeWorld) -> Vec<String> {
    let mut kinds = kinds(&events(world));
    kinds.retain(|kind| kind.starts_with("digest."));
    kinds
}

#[test]
fn i08_a_digest_that_cannot_be_put_keeps_the_acquisition_open_and_is_put_by_the_next_run() {
    let world = one_disk().with_digest_register();
    let outcome = capture(failing(&world, 1)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
    let [item] = outcome.items.as_slice() else {
        panic!("{outcome:#?}")
    };
    assert_eq!(item.status, ItemStatus::Verified);
    let [missing] = item.digests_not_registered.as_slice() else {
        panic!("{item:#?}")
    };
    assert!(missing.name.ends_with("-hash-SHA256"), "{missing:?}");
    assert!(missing.failure.as_ref().unwrap().in_words().contains("is away"));
    assert!(item.stopped_by.as_ref().unwrap().in_words().contains("is away"));
    assert!(!outcome.sealed.is_empty(), "the evidence is sealed all the same");
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    // The one that can be put is put.
    assert_eq!(world.digests.all().len(), 1);
    assert_rest(&world, &outcome, "a register that was away");

    let outcome = resume(&world).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Complete), 0),
        "{outcome:#?}"
    );
    assert!(outcome.items[0].digests_not_registered.is_empty());
    assert_eq!(world.digests.all().len(), 2);
    assert!(world.machine.made_snapshots().is_empty());
    // What is there is not put again.
    assert_eq!(
        lines_of_digests(&world),
        [
            "digest.intent",
            "digest.failed",
            "digest.intent",
            "digest.done",
            "digest.intent",
            "digest.done"
        ]
    );
    assert_eq!(findings(&world), (vec![], vec![]));
    assert_rest(&world, &outcome, "put by the next run");
}

#[test]
fn a_digest_that_can_never_be_put_is_given_up_by_order_only_and_is_named_for_good() {
    let world = one_disk().with_digest_register();
    drop(capture(failing(&world, FOR_GOOD)).unwrap());
    for _ in 0..2 {
        let outcome = resume_with(&world, failing(&world, FOR_GOOD)).unwrap();
        assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
        assert_eq!(world.machine.made_snapshots().len(), 1);
    }
    // Nor does a run without the register pass over it.
    let mut ports = world.ports();
    ports.digests = None;
    let outcome = resume_with(&world, ports).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
    let stopped = outcome.items[0].stopped_by.as_ref().unwrap().in_words();
    assert!(stopped.contains("none is named here"), "{stopped}");

    let error = give_up(&world, "item-7").unwrap_err();
    assert!(matches!(error.meaning(), Error::NotFound { .. }), "{error}");
    give_up(&world, "item-1").unwrap();
    let outcome = resume_with(&world, failing(&world, FOR_GOOD)).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Complete), 3),
        "{outcome:#?}"
    );
    let missing = &outcome.items[0].digests_not_registered;
    assert_eq!(missing.len(), 2);
    assert!(
        missing
            .iter()
            .all(|digest| digest.given_up.as_deref() == Some("the vault is gone"))
    );
    let (faults, notes) = findings(&world);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(
        notes.iter().filter(|note| note.contains("gave it up")).count(),
        2,
        "{notes:?}"
    );
    assert_rest(&world, &outcome, "given up");
    let error = give_up(&world, "item-1").unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
}

#[test]
fn nothing_of_a_sealed_item_whose_digests_are_there_can_be_given_up() {
    let world = two_disks().with_digest_register();
    // The digests of the first item are put, and the first one of the second is not.
    let ports = failing(&world, 1);
    drop(capture(ports).unwrap());
    let error = give_up(&world, "item-2").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no digest of it is known to be missing"),
        "{error}"
    );
    assert!(!lines_of_digests(&world).contains(&"digest.given-up".to_owned()));
}

#[test]
fn another_digest_under_the_name_is_no_digest_that_is_there() {
    let world = one_disk().with_digest_register();
    let plan = block_on(Capture::new(world.ports()).plan(request())).unwrap();
    let name = format!("{}-hash-SHA256", plan.items[0].snapshot);
    let theirs = DigestEntry::new(
        &name,
        Sha256Digest::of(b"theirs"),
        "20200101T000000Z-00000000".parse().unwrap(),
    );
    block_on(world.digests.put(&theirs)).unwrap();
    let outcome =
        block_on(Capture::new(world.ports()).run(plan, custody_core::capture::Reach::ToTheEnd)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
    assert_eq!(outcome.items[0].digests_not_registered[0].name, name);
    assert_eq!(world.digests.all()[&name], Sha256Digest::of(b"theirs"));
}

/// Keeps what it was told, labels and all.
#[derive(Debug, Clone, Default)]
struct Telling(Arc<std::sync::Mutex<Vec<DigestEntry>>>);

impl std::fmt::Display for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("telling register")
    }
}

#[async_trait::async_trait]
impl DigestRegister for Telling {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        self.0.lock().unwrap().push(entry.clone());
        Ok(Acted::local(()))
    }
    async fn find(&self, _: &str) -> Result<Option<Sha256Digest>> {
        Ok(None)
    }
}

#[test]
fn a_digest_is_put_with_the_whole_name_of_its_object_and_what_identifies_the_disk() {
    let disk = FakeDisk::patterned("os.img", 3000, 1)
        .with_kind(SnapshotKind::InPlace)
        .with_attribute(DiskDescription::UNIQUE_ID, "disk-0815")
        .with_attribute(DiskDescription::LUN, "0");
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let register = Telling::default();
    let mut ports = world.ports();
    ports.digests = Some(Arc::new(register.clone()));
    let outcome = capture(ports).unwrap();
    let told = register.0.lock().unwrap();
    assert_eq!(told.len(), 2);
    for entry in told.iter() {
        let label = |name: &str| entry.labels[name].clone();
        assert_eq!(
            label("object"),
            outcome.items[0].object.as_ref().unwrap().to_string()
        );
        assert_eq!(
            (label("disk unique id"), label("lun")),
            ("disk-0815".into(), "0".into())
        );
        assert_eq!(label("case"), "2026-0042");
    }
    let there = |act: &Act| matches!(act, Act::DigestDone { .. });
    assert_eq!(events(&world).iter().filter(|event| there(&event.act)).count(), 2);
}
