//! The keys of encrypted disks: taken, escrowed, proven; and what is left when one cannot be had.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use custody_core::capture::{Capture, CaptureOutcome, ItemStatus, Reach};
use custody_core::custody_log::{Act, ClosingState};
use custody_core::extent::ByteRange;
use custody_core::manifest::Manifest;
use custody_core::port::{DiskEncryption, EscrowRecord, EscrowedKey, KeyEscrow as _, ProofVerdict};
use custody_core::port::{KeyReference, WrappedKey};
use custody_core::verify::{Outcome, Verifier};
use custody_core::{Error, Ports};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeProver, FakeWorld};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::keyed::*;
use support::*;

fn manifest(world: &FakeWorld) -> Manifest {
    serde_json::from_slice(&world.store.bytes(&object(world, "manifest.json")).unwrap()).unwrap()
}

fn resume_with(world: &FakeWorld, ports: Ports) -> CaptureOutcome {
    let [log] = logs(world).try_into().unwrap();
    block_on(Capture::new(ports).resume(log, circumstances(), 1)).unwrap()
}

fn give_up(world: &FakeWorld, item: &str) -> Result<CaptureOutcome, Error> {
    let [log] = logs(world).try_into().unwrap();
    let (reason, items) = ("purged for good".parse().unwrap(), [item.parse().unwrap()]);
    block_on(Capture::new(world.ports()).give_up_keys(log, circumstances(), &reason, &items))
}

/// The number of the first changing call whose name has this in it.
fn call(world: &FakeWorld, name: &str) -> u64 {
    let names = world.gate.call_names();
    let at = names.iter().position(|call| call.contains(name)).unwrap();
    u64::try_from(at).unwrap() + 1
}

/// What a verification by someone who trusts the world's signers says that is more than a note.
fn verified(world: &FakeWorld) -> Outcome {
    let keys = world.signers.iter().map(|signer| {
        use custody_core::port::SealSigner as _;
        signer.verifier_key().clone()
    });
    let set = custody_core::custody_log::SignerSet::new(keys).unwrap();
    let trust = custody_core::custody_log::Trust::nobody().with(set);
    let ports = world.ungated_ports();
    let verifier = Verifier::new(ports.reader, ports.hasher, trust);
    block_on(verifier.verify()).outcome
}

#[test]
fn a_key_is_escrowed_read_back_and_proven_to_open_the_stored_copy() {
    let world = keyed();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:#?}");
    assert_eq!(
        key_lines(&events(&world)),
        [
            "key.requirement",
            "key.intent fetch",
            "key.done fetch",
            "key.intent wrap",
            "key.done wrap",
            "key.intent deposit",
            "key.done deposit",
            "key.proof",
        ]
    );
    let keys = outcome.items[0].keys.as_ref().unwrap();
    assert_eq!(keys.keys[0].opens, Some(ProofVerdict::Opens));
    assert_eq!(keys.keys[0].source, ADDRESS);
    let snapshot = &manifest(&world).items[0].planned.snapshot;
    assert_eq!(world.escrow.names()[0].as_str(), snapshot.as_str());
    let [record] = manifest(&world).keys.try_into().unwrap();
    assert!(record.kept[0].opens() && record.kept[0].receipt.wrapped_digest.is_some());
    assert_eq!(world.keys.fetched(), 1);
    assert_eq!(verified(&world), Outcome::Proven);
    assert_rest(&world, &outcome, "a key");
}

#[test]
fn i03_reading_a_key_is_intended_at_the_anchor_first() {
    let clean = keyed();
    capture(clean.ports()).unwrap();
    for name in ["keys.fetch", "wrapper.wrap", "escrow.deposit"] {
        let world = keyed().with_crash(call(&clean, name), CrashMode::DieBefore);
        drop(capture(world.ports()));
        world.restart();
        assert_eq!(kinds(&anchored_events(&world)).last().unwrap(), "key.intent");
    }
}

#[test]
fn keys_are_taken_before_the_first_disk_is_copied() {
    let world = several_keys();
    capture(world.ports()).unwrap();
    let names = world.gate.call_names();
    let last_fetch = names.iter().rposition(|name| *name == "keys.fetch").unwrap();
    let first_grant = names.iter().position(|name| name.contains("grant")).unwrap();
    assert!(last_fetch < first_grant, "{names:?}");
}

#[test]
fn preserving_only_takes_the_keys_too() {
    let world = keyed();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    assert_eq!(outcome.items[0].status, ItemStatus::Snapshotted);
    world.keys.purge(ADDRESS);
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:#?}");
    // What this run did not fetch it took from the escrow.
    assert!(key_lines(&events(&world)).contains(&"key.done unwrap".to_owned()));
}

#[test]
fn i05_a_key_that_does_not_open_its_disk_keeps_the_disk_snapshot() {
    let world = keyed_by(b"the key that it was really made with");
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    assert_eq!(outcome.items[0].status, ItemStatus::Verified);
    let keys = outcome.items[0].keys.as_ref().unwrap();
    assert_eq!(keys.keys[0].opens, Some(ProofVerdict::DoesNotOpen));
    assert_eq!(keys.unopened.len(), 1);
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    assert_eq!(outcome.kept.len(), 1);
    let named = |left_out: &&custody_core::port::NotAcquired| left_out.what.contains("fake volume");
    assert_eq!(manifest(&world).not_acquired.iter().filter(named).count(), 1);
    assert_eq!(verified(&world), Outcome::CouldNotCheck);
    assert_rest(&world, &outcome, "a wrong key");
}

#[test]
fn i08_a_vault_that_does_not_answer_leaves_the_acquisition_open_and_nothing_is_deleted() {
    let world = keyed();
    world.keys.unreachable(Some("no route"));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3));
    assert_eq!(
        outcome.items[0].status,
        ItemStatus::Verified,
        "the disk is copied all the same"
    );
    assert!(outcome.items[0].keys.as_ref().unwrap().is_open());
    assert!(outcome.items[0].stopped_by.is_some());
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert_rest(&world, &outcome, "unreachable");
    world.keys.unreachable(None);
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:#?}");
    assert_eq!(verified(&world), Outcome::Proven);
}

#[test]
fn a_key_that_is_gone_is_given_up_by_order_only_and_the_evidence_is_sealed() {
    let world = keyed();
    world.keys.purge(ADDRESS);
    for _ in 0..2 {
        let outcome = match logs(&world).is_empty() {
            true => capture(world.ports()).unwrap(),
            false => resume(&world).unwrap(),
        };
        assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
        assert_eq!(world.machine.made_snapshots().len(), 1);
    }
    let error = give_up(&world, "item-7").unwrap_err();
    assert!(matches!(error.meaning(), Error::NotFound { .. }), "{error}");
    give_up(&world, "item-1").unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    let manifest = manifest(&world);
    assert_eq!(manifest.keys[0].given_up.as_deref(), Some("purged for good"));
    let missing = format!("key 1 of item-1: {ADDRESS}");
    assert!(
        manifest
            .not_acquired
            .iter()
            .any(|left_out| left_out.what == missing)
    );
    assert_eq!(verified(&world), Outcome::CouldNotCheck);
    let error = give_up(&world, "item-1").unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    assert_rest(&world, &outcome, "given up");
}

#[test]
fn i04_a_key_that_is_in_the_escrow_is_not_read_from_its_source_again() {
    let clean = keyed();
    capture(clean.ports()).unwrap();
    let deposit = call(&clean, "escrow.deposit");
    for mode in [CrashMode::LoseReply, CrashMode::DieAfter] {
        let world = keyed().with_crash(deposit, mode);
        drop(capture(world.ports()));
        world.restart();
        world.keys.purge(ADDRESS);
        let outcome = resume(&world).unwrap();
        assert_eq!(
            outcome.state,
            Some(ClosingState::Complete),
            "{mode:?}: {outcome:#?}"
        );
        assert_eq!(
            (world.keys.fetched(), world.escrow.names().len()),
            (1, 1),
            "{mode:?}"
        );
        assert_eq!(verified(&world), Outcome::Proven, "{mode:?}");
    }
}

#[test]
fn i08_a_key_that_cannot_be_unwrapped_here_is_said_to_be_untried() {
    let clean = keyed();
    capture(only_wrapping(&clean)).unwrap();
    let outcome = capture(only_wrapping(&keyed())).unwrap();
    assert_eq!(
        outcome.state,
        Some(ClosingState::Complete),
        "the run that fetched it can try it"
    );
    let world = keyed().with_crash(call(&clean, "grant"), CrashMode::DieBefore);
    drop(capture(only_wrapping(&world)));
    world.restart();
    let outcome = resume_with(&world, only_wrapping(&world));
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    let opens = outcome.items[0].keys.as_ref().unwrap().keys[0].opens.clone();
    let Some(ProofVerdict::CannotTell { reason }) = opens else {
        panic!("{opens:?}")
    };
    assert!(reason.contains("wrapped in an earlier run"), "{reason}");
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "cannot unwrap");
}

#[test]
fn every_key_of_a_disk_is_taken_under_a_name_of_its_own() {
    let world = several_keys();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Incomplete), "{outcome:#?}");
    let data = outcome.items[1].keys.as_ref().unwrap();
    let verdicts: Vec<_> = data.keys.iter().map(|key| key.opens.clone().unwrap()).collect();
    assert_eq!(verdicts, [ProofVerdict::Opens, ProofVerdict::DoesNotOpen]);
    assert!(data.unopened.is_empty(), "the other key opens the volume");
    let planned = &manifest(&world).items[1].planned.snapshot;
    let names: Vec<String> = world.escrow.names().iter().map(ToString::to_string).collect();
    assert!(
        names.contains(&planned.to_string()) && names.contains(&format!("{planned}-key-2")),
        "{names:?}"
    );
    assert_eq!(names.len(), 3);
    // The disk whose key opens it goes; the one with a key that is for nothing stays.
    assert_eq!(outcome.kept, std::slice::from_ref(planned));
}

#[test]
fn i06_the_key_of_another_acquisition_under_the_name_stays_and_ours_gets_a_name_of_its_own() {
    let world = keyed();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        let name = plan.items[0].snapshot.as_str().parse()?;
        let theirs = EscrowRecord::new(
            "20200101T000000Z-00000000".parse()?,
            plan.items[0].item.clone(),
            KeyReference::new(ADDRESS),
            EscrowedKey::Wrapped(WrappedKey::new("theirs", vec![1, 2, 3])),
        );
        world.escrow.deposit(&name, &theirs).await?;
        capture.run(plan, Reach::ToTheEnd).await
    })
    .unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:#?}");
    let name = &outcome.items[0].keys.as_ref().unwrap().keys[0].name;
    assert_eq!(world.escrow.names().len(), 2);
    let theirs = manifest(&world).items[0].planned.snapshot.to_string();
    assert!(
        name.as_str().starts_with(&theirs) && name.as_str() != theirs,
        "{name}"
    );
    assert_eq!(verified(&world), Outcome::Proven);
}

#[test]
fn an_encrypted_disk_of_which_no_key_is_known_is_sealed_incomplete_and_its_snapshot_kept() {
    let disk =
        FakeDisk::new("os.img", FakeProver::image(CANARY, 3000)).with_encryption(DiskEncryption::Encrypted {
            statement: "BitLocker".into(),
        });
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_keys();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    assert_eq!(outcome.kept.len(), 1);
    let lines = key_lines(&events(&world));
    assert_eq!(lines, ["key.requirement", "key.not-taken", "key.proof"]);
    assert_eq!(verified(&world), Outcome::CouldNotCheck);
}

/// A key source that says of every disk that it needs no key.
#[derive(Debug)]
struct SaysNone;

impl std::fmt::Display for SaysNone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("key source that needs none")
    }
}

#[async_trait::async_trait]
impl custody_core::port::KeySource for SaysNone {
    async fn requirement(
        &self,
        _: &custody_core::port::DiskDescription,
        _: &custody_core::port::DiskSnapshot,
    ) -> custody_core::Result<custody_core::Acted<custody_core::port::KeyRequirement>> {
        Ok(custody_core::Acted::local(
            custody_core::port::KeyRequirement::None,
        ))
    }
    async fn fetch(
        &self,
        key: &KeyReference,
    ) -> custody_core::Result<custody_core::Acted<custody_core::port::FetchedKey>> {
        Err(Error::misuse(format!("{} was never named", key.address)))
    }
}

#[test]
fn i01_no_key_needed_against_the_description_is_no_answer_and_the_disk_snapshot_stays() {
    let world = keyed();
    let mut ports = world.ports();
    ports.keys.as_mut().unwrap().source = std::sync::Arc::new(SaysNone);
    let outcome = capture(ports).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3),
        "{outcome:#?}"
    );
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    assert_eq!(outcome.kept.len(), 1);
    let keys = outcome.items[0].keys.as_ref().unwrap();
    assert!(keys.unknown.as_ref().unwrap().contains("needs none"), "{keys:?}");
    assert!(
        keys.not_taken.as_ref().unwrap().contains("secure the key"),
        "{keys:?}"
    );
    assert_eq!(
        key_lines(&events(&world)),
        ["key.requirement", "key.not-taken", "key.proof"]
    );
    assert_eq!(verified(&world), Outcome::CouldNotCheck);
    assert_rest(&world, &outcome, "no key against the description");
}

#[test]
fn an_encrypted_volume_of_which_nobody_spoke_is_recorded_and_is_no_failure() {
    let disk = FakeDisk::new("os.img", FakeProver::image(CANARY, 3000));
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_keys();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:#?}");
    let [record] = manifest(&world).keys.try_into().unwrap();
    let found = record.found.unwrap();
    assert_eq!(found.volumes[0].range, ByteRange::at(0, 3000));
    assert!(
        matches!(found.verdict, ProofVerdict::CannotTell { .. }),
        "{found:?}"
    );
    assert!(
        outcome
            .not_acquired
            .iter()
            .any(|left_out| left_out.what.contains("fake volume"))
    );
    assert_eq!(verified(&world), Outcome::Proven);
}

#[test]
fn i08_a_copy_that_cannot_be_looked_into_leaves_the_acquisition_open() {
    let world = keyed();
    let capture = Capture::new(world.ports());
    block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    let mut ports = world.ports();
    ports.keys.as_mut().unwrap().prover = std::sync::Arc::new(Blind);
    let outcome = resume_with(&world, ports);
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert!(kinds(&events(&world)).contains(&"key.proof-failed".to_owned()));
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
    assert_eq!(world.keys.fetched(), 1);
}

/// A prover whose reader fails.
#[derive(Debug)]
struct Blind;

impl std::fmt::Display for Blind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("blind prover")
    }
}

#[async_trait::async_trait]
impl custody_core::port::KeyProver for Blind {
    async fn prove(
        &self,
        image: std::sync::Arc<dyn custody_core::port::ImageReader>,
        _: &custody_core::port::KeyMaterial,
    ) -> custody_core::Result<custody_core::port::KeyProof> {
        Err(Error::Provider {
            object: image.to_string(),
            operation: "read",
            source: None,
        })
    }
}

#[test]
fn i07_no_byte_of_a_key_is_in_a_line_an_object_an_outcome_or_what_is_told() {
    let clean = keyed();
    capture(clean.ports()).unwrap();
    let mut seen = 0;
    for at in 1..=clean.calls() {
        let world = keyed().with_crash(at, CrashMode::FailBefore);
        let ports = world.ports();
        let mut everything = vec![format!("{ports:?}").into_bytes()];
        match capture(ports) {
            Ok(outcome) => everything.push(serde_json::to_vec(&outcome).unwrap()),
            Err(error) => everything.push(format!("{error:?} {error} {:?}", error.causes()).into_bytes()),
        }
        for name in world.store.names() {
            everything.push(world.store.bytes(&name).unwrap().to_vec());
        }
        if !logs(&world).is_empty() {
            everything.extend(
                events(&world)
                    .iter()
                    .map(|event| serde_json::to_vec(event).unwrap()),
            );
        }
        everything.extend(world.progress.steps().into_iter().map(String::into_bytes));
        everything.push(format!("{world:?}").into_bytes());
        let is_canary = |bytes: &[u8]| bytes.windows(11).any(|window| CANARY.starts_with(window));
        assert!(!everything.iter().any(|bytes| is_canary(bytes)), "call {at}");
        seen += everything.len();
        assert!(world.keys.fetched() > 0 || at < call(&clean, "keys.fetch") + 1);
    }
    assert!(seen > 100);
}

#[test]
fn only_a_disk_that_needs_keys_has_lines_about_more_than_the_need() {
    let disk = FakeDisk::patterned("os.img", 3000, 1).with_encryption(DiskEncryption::None);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_keys();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(key_lines(&events(&world)), ["key.requirement", "key.proof"]);
    let proofs = events(&world).into_iter().filter_map(|event| match event.act {
        Act::KeyProof { proof, .. } => Some(proof.verdict),
        _ => None,
    });
    assert_eq!(proofs.collect::<Vec<_>>(), [ProofVerdict::NotEncrypted]);
}

/// An escrow that acknowledges what it is given and does not show it yet.
#[derive(Debug)]
struct Slow(custody_testkit::fake::MemoryEscrow);

impl std::fmt::Display for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("slow escrow")
    }
}

#[async_trait::async_trait]
impl custody_core::port::KeyEscrow for Slow {
    async fn deposit(
        &self,
        name: &custody_core::ids::Segment,
        record: &EscrowRecord,
    ) -> custody_core::Result<custody_core::Acted<custody_core::port::EscrowReceipt>> {
        self.0.deposit(name, record).await
    }

    async fn withdraw(
        &self,
        name: &custody_core::ids::Segment,
    ) -> custody_core::Result<custody_core::Acted<EscrowRecord>> {
        Err(Error::NotFound {
            object: name.to_string(),
        })
    }

    fn list(
        &self,
        of: &custody_core::ids::AcquisitionId,
    ) -> futures::stream::BoxStream<'_, custody_core::Result<custody_core::port::EscrowReceipt>> {
        self.0.list(of)
    }
}

#[test]
fn i08_a_key_that_an_escrow_took_and_does_not_show_is_named_as_possibly_kept() {
    let world = keyed();
    let slow = || {
        let mut ports = world.ports();
        ports.keys.as_mut().unwrap().escrow = std::sync::Arc::new(Slow(world.escrow.clone()));
        ports
    };
    let outcome = capture(slow()).unwrap();
    assert_eq!(outcome.state, None, "{outcome:#?}");
    world.keys.purge(ADDRESS);
    // Looking again and finding nothing does not make it "nothing there".
    let outcome = resume_with(&world, slow());
    let key = &outcome.items[0].keys.as_ref().unwrap().keys[0];
    assert!(key.form.is_none() && key.possibly_kept.is_some(), "{key:?}");
    give_up(&world, "item-1").unwrap();
    let outcome = resume_with(&world, slow());
    assert_eq!(outcome.state, Some(ClosingState::Incomplete), "{outcome:#?}");
    let manifest = manifest(&world);
    let name = world.escrow.names()[0].clone();
    let possible: Vec<_> = manifest.keys[0].possibly_kept.iter().collect();
    assert_eq!((possible[0].key, &possible[0].name), (1, &name));
    let due = format!("purged for good; it may be in the escrow as {name}");
    assert!(
        manifest
            .not_acquired
            .iter()
            .any(|left_out| left_out.reason == due),
        "{:?}",
        manifest.not_acquired
    );
    assert_eq!(verified(&world), Outcome::CouldNotCheck);
}

#[test]
fn i08_no_encryption_found_settles_nothing_where_the_disk_is_said_to_be_encrypted() {
    let disk = || {
        FakeDisk::patterned("os.img", 3000, 1).with_encryption(DiskEncryption::Encrypted {
            statement: "encrypted with a key of the vault".into(),
        })
    };
    let with_key = FakeWorld::new(FakeMachine::new("bench", vec![disk()])).with_keys();
    with_key.keys.put(&disk_id(), ADDRESS, CANARY);
    let without = FakeWorld::new(FakeMachine::new("bench", vec![disk()])).with_keys();
    for (world, has_key) in [(with_key, true), (without, false)] {
        let outcome = capture(world.ports()).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Incomplete), "{outcome:#?}");
        assert_eq!(outcome.kept.len(), 1);
        let [record] = manifest(&world).keys.try_into().unwrap();
        let proof = match has_key {
            true => record.kept[0].proof.clone().unwrap(),
            false => record.found.clone().unwrap(),
        };
        let ProofVerdict::CannotTell { reason } = &proof.verdict else {
            panic!("{proof:?}")
        };
        assert!(
            reason.contains("encrypted with a key of the vault") && reason.contains("may have been wiped"),
            "{reason}"
        );
        assert_eq!(proof.notes, ["it does not begin as fake volumes do"]);
    }
    // A key that somebody named says so as well.
    let named = FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("os.img", 3000, 1)],
    ))
    .with_keys();
    named.keys.put(&disk_id(), ADDRESS, CANARY);
    let outcome = capture(named.ports()).unwrap();
    let opens = outcome.items[0].keys.as_ref().unwrap().keys[0].opens.clone();
    assert!(
        matches!(&opens, Some(ProofVerdict::CannotTell { reason }) if reason.contains("a key is said to be needed")),
        "{opens:?}"
    );
}

#[test]
fn what_was_seen_of_a_disk_without_encryption_is_in_the_record() {
    let disk = FakeDisk::patterned("os.img", 3000, 1).with_encryption(DiskEncryption::None);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_keys();
    capture(world.ports()).unwrap();
    let [record] = manifest(&world).keys.try_into().unwrap();
    let found = record.found.unwrap();
    assert_eq!(found.verdict, ProofVerdict::NotEncrypted);
    assert_eq!(found.notes, ["it does not begin as fake volumes do"]);
}

/// A prover during whose work a stop is asked for, and that reads on.
#[derive(Debug)]
struct Interrupted(custody_testkit::fake::ScriptedStop);

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted prover")
    }
}

#[async_trait::async_trait]
impl custody_core::port::KeyProver for Interrupted {
    async fn prove(
        &self,
        image: std::sync::Arc<dyn custody_core::port::ImageReader>,
        key: &custody_core::port::KeyMaterial,
    ) -> custody_core::Result<custody_core::port::KeyProof> {
        image.read(ByteRange::at(0, 16)).await?;
        self.0.stop();
        FakeProver::new().prove(image, key).await
    }
}

#[test]
fn a_stop_ends_a_proof_between_two_reads_and_leaves_it_to_the_next_run() {
    let world = keyed();
    let mut ports = world.ports();
    ports.keys.as_mut().unwrap().prover = std::sync::Arc::new(Interrupted(world.stop.clone()));
    let outcome = capture(ports).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:#?}");
    let kinds = kinds(&events(&world));
    assert!(
        !kinds.iter().any(|kind| kind.starts_with("key.proof")),
        "{kinds:?}"
    );
    world.stop.reset();
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
}
