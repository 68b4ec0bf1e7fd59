//! The harness of each suite over the in-memory fakes, with a place to put a fault in.
#![allow(dead_code, reason = "each test program uses its part of it")]

use std::sync::Arc;
use std::time::Duration;

use custody_core::digest::DiskData;
use custody_core::extent::{ByteRange, ReadFault, ZeroWord};
use custody_core::ids::SnapshotName;
use custody_core::port::*;
use custody_testkit::conformance::clock::ClockHarness;
use custody_testkit::conformance::digest_register::RegisterHarness;
use custody_testkit::conformance::entropy::EntropyHarness;
use custody_testkit::conformance::evidence_reader::ReaderHarness;
use custody_testkit::conformance::evidence_sink::SinkHarness;
use custody_testkit::conformance::image_hasher::HasherHarness;
use custody_testkit::conformance::image_reader::ImageHarness;
use custody_testkit::conformance::key_escrow::EscrowHarness;
use custody_testkit::conformance::key_prover::ProverHarness;
use custody_testkit::conformance::key_source::KeySourceHarness;
use custody_testkit::conformance::key_wrapper::KeyWrapperHarness;
use custody_testkit::conformance::log_anchor::AnchorHarness;
use custody_testkit::conformance::log_store::LogStoreHarness;
use custody_testkit::conformance::machine_records::RecordsHarness;
use custody_testkit::conformance::rights::RightsHarness;
use custody_testkit::conformance::seal_signer::SignerHarness;
use custody_testkit::conformance::snapshotter::SnapshotterHarness;
use custody_testkit::conformance::source_access::AccessHarness;
use custody_testkit::conformance::timestamp_authority::AuthorityHarness;
use custody_testkit::fake::*;
use custody_testkit::fault::{CallGate, Crashing};
use futures::executor::block_on;

/// A gate behind which nothing answers.
fn dead() -> CallGate {
    let gate = CallGate::new();
    gate.die();
    gate
}

pub(crate) fn image(wrap: impl Fn(MemoryImage) -> Arc<dyn ImageReader>) -> ImageHarness {
    let bad = ByteRange::at(20_480, 1024);
    let image = MemoryImage::new("image", pattern(50_000, 1))
        .with_zero(ByteRange::at(8192, 4096), ZeroWord::FileSystemHole)
        .with_zero(ByteRange::at(30_000, 1), ZeroWord::ServicePageList)
        .with_zero(ByteRange::at(49_000, 1000), ZeroWord::FileSystemHole)
        .with_unread(bad, ReadFault::new("EIO", 3));
    let mut expected = pattern(50_000, 1);
    for range in [8192..12_288, 30_000..30_001, 49_000..50_000, 20_480..21_504] {
        expected[range].fill(0);
    }
    let owner = image.clone();
    ImageHarness::new(wrap(image), expected)
        .with_bad(vec![bad])
        .replaced_by(move || owner.replace(pattern(50_000, 2)))
}

/// An image that fails at bad sectors rather than going on.
pub(crate) fn failing_image() -> ImageHarness {
    let bad = ByteRange::at(20_480, 1024);
    let mut expected = pattern(50_000, 1);
    expected[20_480..21_504].fill(0);
    let image = MemoryImage::new("image", expected.clone()).with_failing(bad);
    let owner = image.clone();
    ImageHarness::new(Arc::new(image), expected)
        .with_bad(vec![bad])
        .replaced_by(move || owner.replace(pattern(50_000, 2)))
}

fn granted(bytes: Vec<u8>) -> (FakeMachine, ReadGrant) {
    let machine = FakeMachine::new("machine", vec![FakeDisk::new("disk", bytes)]);
    let snapshot = taken(&machine, "202611212030-disk");
    let options = GrantOptions::lasting(Duration::from_secs(3600));
    let grant = block_on(machine.grant(&snapshot, options)).unwrap().value;
    (machine, grant)
}

/// Takes all disks of the machine, the first under this name, and gives its snapshot.
fn taken(machine: &FakeMachine, name: &str) -> DiskSnapshot {
    let described = block_on(machine.describe(machine.reference())).unwrap();
    let planned = PlannedSnapshot::new(
        custody_core::ids::EvidenceItemId::new(1),
        described.disks[0].disk.clone(),
        name.parse().unwrap(),
    );
    let acquisition = "20261121T203015Z-0123abcd".parse().unwrap();
    let plan = SnapshotPlan::new(acquisition, machine.reference().clone(), vec![planned]);
    let [outcome] = block_on(machine.take(&plan)).try_into().unwrap();
    outcome.result.unwrap().value
}

/// A store that does everything.
pub(crate) fn sink(
    wrap: impl Fn(Arc<dyn EvidenceSink>, MemoryStore) -> Arc<dyn EvidenceSink> + 'static,
) -> SinkHarness {
    let bytes = pattern(30_000, 9);
    let (machine, grant) = granted(bytes.clone());
    sink_over(MemoryStore::new().importing_from(machine), wrap).with_grant(grant, bytes)
}

/// A store that takes streams and nothing else.
pub(crate) fn plain_sink(
    wrap: impl Fn(Arc<dyn EvidenceSink>, MemoryStore) -> Arc<dyn EvidenceSink> + 'static,
) -> SinkHarness {
    let store = MemoryStore::new().with_capabilities(SinkCapabilities::deposit_only());
    sink_over(store, wrap)
}

fn sink_over(
    store: MemoryStore,
    wrap: impl Fn(Arc<dyn EvidenceSink>, MemoryStore) -> Arc<dyn EvidenceSink> + 'static,
) -> SinkHarness {
    let silent: Arc<dyn EvidenceSink> = Arc::new(MemoryStore::new());
    let blind = wrap(Arc::new(Crashing::new(silent, dead())), MemoryStore::new());
    let wrap = Arc::new(move |store: MemoryStore| wrap(Arc::new(store.clone()), store));
    let full = MemoryStore::new();
    full.set_capacity(5000);
    let lossy = MemoryStore::new().losing(16 * 1024, [30_000, 30_001, 50_000, 60_002]);
    let (again, foreign) = (store.clone(), store.clone());
    let reopen = Arc::clone(&wrap);
    SinkHarness::new(wrap(store.clone()), Arc::new(store))
        .reopened_by(move || (reopen(again.clone()), Arc::new(again.clone())))
        .with_foreign(move |name| foreign.put_foreign(name, b"somebody else's".as_slice()))
        .with_blind_sink(blind)
        .with_full_store(wrap(full.clone()), Arc::new(full), 5000)
        .with_lossy_store(wrap(lossy.clone()), Arc::new(lossy))
        .without_links()
}

pub(crate) fn reader(
    wrap: impl Fn(Arc<dyn EvidenceReader>, MemoryStore) -> Arc<dyn EvidenceReader>,
) -> ReaderHarness {
    let store = MemoryStore::new();
    let owner = store.clone();
    let silent: Arc<dyn EvidenceReader> = Arc::new(MemoryStore::new());
    let blind = wrap(Arc::new(Crashing::new(silent, dead())), MemoryStore::new());
    ReaderHarness::filled(Arc::new(store.clone()), wrap(Arc::new(store.clone()), store))
        .with_nameless(move || {
            owner.put_nameless("cases/a/.hidden");
            owner.put_nameless("cases/a/with\nline feed");
        })
        .with_blind_reader(blind)
}

pub(crate) fn log_store(wrap: impl Fn(MemoryLog) -> Arc<dyn LogStore> + 'static) -> LogStoreHarness {
    let log = MemoryLog::new();
    let (again, torn, aside) = (log.clone(), log.clone(), log.clone());
    LogStoreHarness::new(wrap(log))
        .reopened_by(move || wrap(again.clone()))
        .torn_by(move |name, tail| torn.tear(name, tail))
        .aside_read_by(move |name| aside.set_aside(name).iter().map(|tail| tail.to_vec()).collect())
}

pub(crate) fn log_anchor(wrap: impl Fn(MemoryStore) -> Arc<dyn LogAnchor> + 'static) -> AnchorHarness {
    let store = MemoryStore::new();
    let (again, interrupted) = (store.clone(), store.clone());
    AnchorHarness::new(wrap(store.clone()), Arc::new(store))
        .reopened_by(move || wrap(again.clone()))
        .interrupted_by(move |log, lines| interrupted.interrupt_append(log, lines))
}

pub(crate) fn hasher(wrap: impl Fn(Arc<dyn ImageHasher>) -> Arc<dyn ImageHasher>) -> HasherHarness {
    HasherHarness::new(wrap(Arc::new(SerialHasher::new()))).holding_at_most(8 * 1024 * 1024)
}

pub(crate) fn signer(signer: FakeSigner, wrap: impl Fn(FakeSigner) -> Arc<dyn SealSigner>) -> SignerHarness {
    let private = signer.private_bytes();
    let failing: Arc<dyn SealSigner> = Arc::new(Crashing::new(wrap(signer.clone()), dead()));
    SignerHarness::new(wrap(signer))
        .with_private(private)
        .with_failing(failing)
}

/// A machine with a disk of each kind.
fn machine() -> FakeMachine {
    FakeMachine::new(
        "machine",
        vec![
            FakeDisk::patterned("made", 10_000, 1),
            FakeDisk::patterned("in-place", 5000, 2).with_kind(SnapshotKind::InPlace),
            FakeDisk::patterned("existing", 7000, 3).with_kind(SnapshotKind::Existing),
            FakeDisk::patterned("vhd", 8704, 4)
                .with_format("vhd-fixed", DiskData::Prefix { length: 8192.into() }),
        ],
    )
}

pub(crate) fn snapshotter(wrap: impl Fn(FakeMachine) -> Arc<dyn Snapshotter>) -> SnapshotterHarness {
    snapshotter_of(machine(), wrap)
}

/// What is made goes together.
pub(crate) fn snapshotter_of_sets(wrap: impl Fn(FakeMachine) -> Arc<dyn Snapshotter>) -> SnapshotterHarness {
    snapshotter_of(machine().taking_sets(), wrap)
}

fn snapshotter_of(
    machine: FakeMachine,
    wrap: impl Fn(FakeMachine) -> Arc<dyn Snapshotter>,
) -> SnapshotterHarness {
    let (foreign, watched) = (machine.clone(), machine.clone());
    let reference = machine.reference().clone();
    SnapshotterHarness::new(wrap(machine.clone()), Arc::new(machine), reference)
        .with_foreign(move |name, disk| {
            foreign.put_foreign_snapshot(name, disk, pattern(100, 9));
            let find = |machine: &FakeMachine, name: &SnapshotName| {
                machine
                    .snapshots()
                    .into_iter()
                    .find(|snapshot| snapshot.name == *name)
            };
            let (before, machine, name) = (find(&foreign, name), foreign.clone(), name.clone());
            Box::new(move || find(&machine, &name) == before)
        })
        .fingerprinted_by(move || format!("{:?} {:?}", watched.snapshots(), watched.live_grants()))
}

/// What the records of the harness must not hold.
pub(crate) const RECORDS_SECRET: &str = "sig=Zm9yIHRoZSBjb25zb2xl";

pub(crate) fn machine_records(
    wrap: impl Fn(FakeMachineRecords) -> Arc<dyn MachineRecords>,
) -> RecordsHarness {
    let machine = machine();
    let described = block_on(machine.describe(machine.reference())).unwrap();
    let records = FakeMachineRecords::new();
    let readable = [
        ("disk-1.json", " {\"b\":1, \"a\":2}\r\n"),
        ("machine.json", "\u{feff}{}"),
    ];
    for (name, bytes) in readable {
        records.put(name, bytes);
    }
    let too_long = usize::try_from(MAX_MACHINE_RECORD_BYTES).unwrap() + 1;
    records.put("screen.bmp", vec![0; too_long]);
    records.refuse("roles.json");
    records.refuse("who-may.json");
    let watched = records.clone();
    let readable = readable.map(|(name, bytes)| (name.parse().unwrap(), bytes.as_bytes().to_vec()));
    RecordsHarness::new(wrap(records), described, readable.into())
        .with_refused(vec![
            "roles.json".parse().unwrap(),
            "who-may.json".parse().unwrap(),
        ])
        .with_too_long("screen.bmp".parse().unwrap())
        .with_secret(RECORDS_SECRET.into())
        .fingerprinted_by(move || watched.fingerprint())
}

/// Rights of which one is missing in each of two places, and a third place that tells nothing.
pub(crate) fn rights(wrap: impl Fn(FakeRights) -> Arc<dyn Rights>) -> RightsHarness {
    let machine = machine();
    let described = block_on(machine.describe(machine.reference())).unwrap();
    let rights = FakeRights::new();
    rights.take("the store", "store/write", RightNeed::ToCapture);
    rights.take("the machine", "snapshot/delete", RightNeed::ToCleanUp);
    rights.hide("the vault", "its keeper does not answer");
    let missing = [("the store", "store/write"), ("the machine", "snapshot/delete")];
    let missing = missing.map(|(place, right)| (place.into(), right.into())).into();
    let watched = rights.clone();
    RightsHarness::new(wrap(rights), described, missing)
        .with_blind(vec!["the vault".into()])
        .fingerprinted_by(move || watched.fingerprint())
}

/// Access to a snapshot that was made.
pub(crate) fn access(wrap: impl Fn(FakeMachine) -> Arc<dyn SourceAccess>) -> AccessHarness {
    let machine = machine();
    let snapshot = taken(&machine, "taken");
    let bytes = pattern(10_000, 1);
    let (writing, gone, name) = (machine.clone(), machine.clone(), snapshot.name.clone());
    let written = snapshot.name.clone();
    let clock = machine.clock().clone();
    let advanced = clock.clone();
    AccessHarness::new(wrap(machine), snapshot, bytes, Arc::new(clock))
        .advanced_by(move |by| advanced.advance(by))
        .written_by(move || writing.write_snapshot(&written, 100, b"changed").unwrap())
        .vanishing_by(move || gone.lose_snapshot(&name))
}

/// Access to a disk that is read in place.
pub(crate) fn access_in_place(wrap: impl Fn(FakeMachine) -> Arc<dyn SourceAccess>) -> AccessHarness {
    let bytes = pattern(5000, 2);
    let disk = FakeDisk::new("in-place", bytes.clone()).with_kind(SnapshotKind::InPlace);
    let machine = FakeMachine::new("machine", vec![disk]);
    let snapshot = taken(&machine, "taken");
    let (writing, gone, disk) = (machine.clone(), machine.clone(), snapshot.disk.clone());
    let written = disk.clone();
    let clock = Arc::new(machine.clock().clone());
    AccessHarness::new(wrap(machine), snapshot, bytes, clock)
        .written_by(move || writing.write(&written, 100, b"changed").unwrap())
        .vanishing_by(move || gone.remove(&disk))
}

pub(crate) fn clock(wrap: impl Fn(FakeClock) -> Arc<dyn Clock>) -> ClockHarness {
    ClockHarness::new(wrap(FakeClock::new()))
}

pub(crate) fn entropy(wrap: impl Fn(SeededEntropy) -> Arc<dyn Entropy>) -> EntropyHarness {
    EntropyHarness::new(wrap(SeededEntropy::new(1)))
}

pub(crate) fn register(wrap: impl Fn(Arc<dyn DigestRegister>) -> Arc<dyn DigestRegister>) -> RegisterHarness {
    let silent: Arc<dyn DigestRegister> = Arc::new(MemoryDigestRegister::new());
    let blind = wrap(Arc::new(Crashing::new(silent, dead())));
    RegisterHarness::new(wrap(Arc::new(MemoryDigestRegister::new()))).with_blind(blind)
}

pub(crate) fn authority(wrap: impl Fn(FakeTimestamps) -> Arc<dyn TimestampAuthority>) -> AuthorityHarness {
    let unwilling = FakeTimestamps::new(FakeClock::new());
    unwilling.refuse("out of service");
    AuthorityHarness::new(wrap(FakeTimestamps::new(FakeClock::new()))).with_unwilling(wrap(unwilling))
}

pub(crate) fn key_source(wrap: impl Fn(FakeKeySource) -> Arc<dyn KeySource>) -> KeySourceHarness {
    let vault = FakeKeySource::new();
    let disk = |name: &str, encryption: DiskEncryption| {
        DiskDescription::new(name.parse().unwrap(), name, 1000).with_encryption(encryption)
    };
    let encrypted = |statement: &str| DiskEncryption::Encrypted {
        statement: statement.into(),
    };
    let keys = vec![
        (KeyReference::new("fake-vault/key/1"), pattern(32, 1)),
        (KeyReference::new("fake-vault/key/2"), pattern(32, 2)),
    ];
    for (reference, key) in &keys {
        vault.put(&"encrypted".parse().unwrap(), &reference.address, key);
    }
    KeySourceHarness::new(wrap(vault), keys)
        .with_plain(vec![disk("plain", DiskEncryption::None)])
        .with_other(vec![
            disk("encrypted", encrypted("BitLocker")),
            disk("unknown", encrypted("BitLocker, key not known")),
            disk("unstated", DiskEncryption::NotStated),
        ])
}

pub(crate) fn key_wrapper(wrap: impl Fn(FakeKeyWrapper) -> Arc<dyn KeyWrapper>) -> KeyWrapperHarness {
    KeyWrapperHarness::new(wrap(FakeKeyWrapper::new(1)))
}

pub(crate) fn escrow(wrap: impl Fn(MemoryEscrow) -> Arc<dyn KeyEscrow>) -> EscrowHarness {
    EscrowHarness::new(wrap(MemoryEscrow::new().unguarded()))
}

pub(crate) fn guarding_escrow() -> EscrowHarness {
    EscrowHarness::new(Arc::new(MemoryEscrow::new()))
}

pub(crate) fn prover(wrap: impl Fn(FakeProver) -> Arc<dyn KeyProver>) -> ProverHarness {
    let key = pattern(32, 1);
    let image = FakeProver::image(&key, 100_000);
    ProverHarness::new(wrap(FakeProver::new()), image, key, vec![ByteRange::at(0, 48)])
}
