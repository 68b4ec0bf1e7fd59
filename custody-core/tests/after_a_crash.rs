//! What a run after a crash may not take for granted: the store, the grants, the findings of the run before.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use custody_core::capture::Capture;
use custody_core::custody_log::{AcquisitionSettings, Act, ClosingState};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::manifest::Manifest;
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink, ImportOptions, ImportState, LogName, ObjectState, Protection,
    ProtectionKind, ReadGrant, SinkCapabilities,
};
use custody_core::{Acted, Error, Result, layout};
use custody_testkit::fake::{FakeWorld, MemoryStore};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::corrupting::CorruptingSink;
use support::odd_snapshotter::{Oddity, odd};
use support::*;

/// The number of the first changing call whose name has this in it.
fn call(world: &FakeWorld, name: &str) -> u64 {
    let names = world.gate.call_names();
    let at = names.iter().position(|call| call.contains(name)).unwrap();
    u64::try_from(at).unwrap() + 1
}

#[test]
fn i01_a_sealed_capture_deletes_nothing_while_it_cannot_be_told_which_store_this_is() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let world = one_disk().with_crash(call(&clean, "delete"), CrashMode::DieBefore);
    drop(capture(world.ports()));
    world.restart();
    assert!(kinds(&events(&world)).contains(&"seal.done".to_owned()));
    let register = layout::log(&LogName::Register);
    world.store.corrupt(&register, 0, 1).unwrap();
    let error = resume(&world).unwrap_err();
    assert!(
        matches!(error.meaning(), Error::Integrity { .. } | Error::Malformed { .. }),
        "{error}"
    );
    assert_eq!(world.machine.made_snapshots().len(), 1, "{error}");
    world.store.corrupt(&register, 0, 1).unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert!(world.machine.made_snapshots().is_empty());
}

#[test]
fn i05_a_run_that_may_not_go_on_ends_the_grants_of_the_run_before() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let locked = Protection::new(ProtectionKind::LockedRetention, "locked");
    let mut world = one_disk().with_crash(call(&clean, "grant"), CrashMode::DieAfter);
    world.store = world.store.with_protection(locked);
    let mut settings = AcquisitionSettings::default();
    settings.protection_floor = Some(ProtectionKind::LegalHold);
    drop(capture_as(world.ports(), request().with_settings(settings)));
    world.restart();
    assert_eq!(world.machine.live_grants().len(), 1);
    world.store = world
        .store
        .with_protection(Protection::new(ProtectionKind::None, "nothing"));
    let refused = resume(&world).unwrap_err();
    assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
    assert!(world.machine.live_grants().is_empty(), "{refused}");
}

#[test]
fn i09_a_read_back_that_failed_is_final_also_when_the_run_dies_before_it_closes_the_item() {
    let dying = |at| {
        let world = one_disk().with_crash(at, CrashMode::DieBefore);
        let mut ports = world.ports();
        ports.sink = Arc::new(CorruptingSink {
            store: world.store.clone(),
            suffix: ".chunks.sha256",
            at: 3,
            times: Arc::new(AtomicU32::new(1)),
        });
        drop(capture(ports));
        world.restart();
        world
    };
    let mut seen = 0;
    for at in 1..100 {
        let world = dying(at);
        if logs(&world).len() != 1
            || kinds(&events(&world)).last().map(String::as_str) != Some("read-back.failed")
        {
            continue;
        }
        seen += 1;
        // The damage goes as it came: the copy would match now.
        let list = object(&world, "os.img.chunks.sha256");
        world.store.corrupt(&list, 3, 1).unwrap();
        let outcome = resume(&world).unwrap();
        assert_eq!(
            outcome.state,
            Some(ClosingState::Failed),
            "call {at}: {outcome:?}"
        );
        assert_eq!(outcome.exit_code(), 4);
        assert_eq!(world.machine.made_snapshots(), outcome.kept, "call {at}");
        assert_eq!(outcome.kept.len(), 1, "call {at}");
    }
    assert!(seen > 0, "no run died there");
}

#[test]
fn i05_giving_up_ends_all_grants_although_the_disk_snapshots_cannot_be_listed() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let world = one_disk().with_crash(call(&clean, "grant"), CrashMode::DieAfter);
    drop(capture(world.ports()));
    world.restart();
    assert_eq!(world.machine.live_grants().len(), 1);
    let abandon = |ports| {
        let [log] = logs(&world).try_into().unwrap();
        let reason = "no longer needed".parse().unwrap();
        block_on(Capture::new(ports).abandon(log, circumstances(), &reason, &[]))
    };
    let error = abandon(odd(world.ports(), Oddity::ListsNothing)).unwrap_err();
    assert!(error.to_string().contains("list failed"), "{error}");
    assert!(world.machine.live_grants().is_empty());
    let outcome = abandon(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Abandoned));
    assert_eq!(outcome.kept, world.machine.made_snapshots());
}

#[test]
fn a_lost_snapshot_is_adopted_as_one_of_the_planned_disk_however_its_name_is_spelt() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let world = one_disk().with_crash(call(&clean, "take"), CrashMode::DieAfter);
    drop(capture(world.ports()));
    world.restart();
    let [log] = logs(&world).try_into().unwrap();
    let reason = "no longer needed".parse().unwrap();
    let capture = Capture::new(odd(world.ports(), Oddity::ListsInCapitals));
    let outcome = block_on(capture.abandon(log, circumstances(), &reason, &[])).unwrap();
    assert_eq!(outcome.kept, world.machine.made_snapshots());
    assert_eq!(outcome.kept.len(), 1);
    let events = events(&world);
    let adopted: Vec<&str> = (events.iter())
        .filter_map(|event| match &event.act {
            Act::SnapshotDone { snapshot, .. } => Some(snapshot.disk.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(adopted, ["os.img"]);
}

/// Refuses to import and to take a stream until it is told otherwise.
#[derive(Debug)]
struct LaterSink {
    store: MemoryStore,
    imports: AtomicBool,
}

impl fmt::Display for LaterSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "later({})", self.store)
    }
}

#[async_trait]
impl EvidenceSink for LaterSink {
    fn capabilities(&self) -> SinkCapabilities {
        self.store.capabilities()
    }
    async fn protection(&self) -> Result<Protection> {
        self.store.protection().await
    }
    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        self.store.state(name, acquisition).await
    }
    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        if self.imports.load(Ordering::SeqCst) {
            return self.store.import(name, from, options).await;
        }
        Err(Error::Unsupported {
            operation: "importing what it cannot reach",
            provider: self.to_string(),
        })
    }
    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        if self.imports.load(Ordering::SeqCst) || !name.as_str().ends_with(".img") {
            return self.store.deposit(name, options).await;
        }
        Err(Error::Provider {
            object: name.to_string(),
            operation: "deposit",
            source: Some("the line is down".into()),
        })
    }
    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>> {
        self.store.hold(name).await
    }
}

#[test]
fn what_the_service_copied_in_the_end_is_not_called_streamed() {
    let world = one_disk().with_import();
    let sink = Arc::new(LaterSink {
        store: world.store.clone(),
        imports: AtomicBool::new(false),
    });
    let ports = || {
        let mut ports = world.ports();
        ports.sink = sink.clone();
        ports
    };
    let first = capture(ports()).unwrap();
    assert_eq!(first.state, None, "{first:?}");
    assert!(kinds(&events(&world)).contains(&"acquire.streamed".to_owned()));
    sink.imports.store(true, Ordering::SeqCst);
    let [log] = logs(&world).try_into().unwrap();
    let outcome = block_on(Capture::new(ports()).resume(log, circumstances(), 1)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    let manifest: Manifest =
        serde_json::from_slice(&world.store.bytes(&object(&world, "manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest.items[0].streamed, None);
}
