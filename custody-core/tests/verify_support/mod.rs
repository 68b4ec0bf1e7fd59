//! A store that a capture made, as plain bytes that a test may spoil, and its verification.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assumption of a test is the test's failure"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its own part of this module"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, Reach};
use custody_core::custody_log::{
    AcquisitionSettings, Circumstances, How, SignerSet, Stated, Trust, VerifierKey, Who, Why,
};
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, SealSigner};
use custody_core::verify::{Finding, Outcome, Report, Verifier, VerifyOptions, Weight};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeSigner, FakeWorld, MemoryStore, SerialHasher};
use futures::executor::block_on;

pub(crate) fn circumstances() -> Circumstances {
    Circumstances::new(
        Who::new(Stated::new("A. Examiner".parse().unwrap()), BTreeMap::new()),
        BTreeMap::from([("host".to_owned(), "bench".to_owned())]),
        How::new("custody", "0.1.0"),
        Why::new("warrant 1/26".parse().unwrap()),
    )
}

pub(crate) fn request(case: &str) -> CaptureRequest {
    CaptureRequest::new(case.parse().unwrap(), "bench".parse().unwrap(), circumstances()).with_parallel(1)
}

/// A world with these disks.
pub(crate) fn world(disks: Vec<FakeDisk>) -> FakeWorld {
    FakeWorld::new(FakeMachine::new("bench", disks))
}

/// A world with two small disks.
pub(crate) fn two_disks() -> FakeWorld {
    world(vec![
        FakeDisk::patterned("os.img", 300, 1),
        FakeDisk::patterned("data.img", 200, 2),
    ])
}

pub(crate) fn capture_as(world: &FakeWorld, request: CaptureRequest) -> CaptureOutcome {
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request).await?;
        capture.run(plan, Reach::ToTheEnd).await
    });
    outcome.unwrap()
}

pub(crate) fn capture(world: &FakeWorld) -> CaptureOutcome {
    capture_as(world, request("2026-0042"))
}

pub(crate) fn settings() -> AcquisitionSettings {
    AcquisitionSettings::default()
}

/// Trust in exactly these signers.
pub(crate) fn trust(signers: &[FakeSigner]) -> Trust {
    let keys: Vec<VerifierKey> = signers
        .iter()
        .map(|signer| signer.verifier_key().clone())
        .collect();
    Trust::nobody().with(SignerSet::new(keys).unwrap())
}

/// A store as plain bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objects(pub(crate) BTreeMap<ObjectName, Vec<u8>>);

impl Objects {
    pub(crate) fn of(store: &MemoryStore) -> Self {
        let names = store.names();
        Self(
            names
                .into_iter()
                .map(|name| {
                    let bytes = store.bytes(&name).unwrap().to_vec();
                    (name, bytes)
                })
                .collect(),
        )
    }

    pub(crate) fn store(&self) -> MemoryStore {
        let store = MemoryStore::new();
        for (name, bytes) in &self.0 {
            store.put_foreign(name, bytes.clone());
        }
        store
    }

    pub(crate) fn names(&self) -> Vec<ObjectName> {
        self.0.keys().cloned().collect()
    }

    /// The only object whose name ends so.
    pub(crate) fn named(&self, suffix: &str) -> ObjectName {
        let mut names = self.0.keys().filter(|name| name.as_str().ends_with(suffix));
        let name = names.next().unwrap_or_else(|| panic!("no object {suffix}"));
        assert!(names.next().is_none(), "several objects {suffix}");
        name.clone()
    }

    pub(crate) fn bytes(&self, name: &ObjectName) -> &[u8] {
        &self.0[name]
    }

    /// The same store with this object changed.
    pub(crate) fn with(&self, name: &ObjectName, bytes: impl Into<Vec<u8>>) -> Self {
        let mut changed = self.clone();
        changed.0.insert(name.clone(), bytes.into());
        changed
    }

    pub(crate) fn without(&self, name: &ObjectName) -> Self {
        let mut changed = self.clone();
        changed.0.remove(name);
        changed
    }

    pub(crate) fn lines(&self, name: &ObjectName) -> Vec<Vec<u8>> {
        let bytes = self.bytes(name);
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }
}

pub(crate) fn verifier(reader: impl EvidenceReader, trust: Trust) -> Verifier {
    Verifier::new(Arc::new(reader), Arc::new(SerialHasher::new()), trust)
}

pub(crate) fn verify_with(objects: &Objects, trust: Trust, options: VerifyOptions) -> Report {
    block_on(verifier(objects.store(), trust).with_options(options).verify())
}

pub(crate) fn verify(objects: &Objects, trust: Trust) -> Report {
    verify_with(objects, trust, VerifyOptions::default())
}

/// A captured store, and who signed it.
pub(crate) fn captured(world: &FakeWorld) -> (Objects, Trust) {
    capture(world);
    (Objects::of(&world.store), trust(&world.signers))
}

/// What a report says that weighs something.
pub(crate) fn weighty(report: &Report) -> Vec<&Finding> {
    report
        .all_findings()
        .filter(|finding| finding.weight > Weight::Note)
        .collect()
}

pub(crate) fn text(report: &Report) -> String {
    let lines: Vec<String> = report.all_findings().map(ToString::to_string).collect();
    format!("{}\n{}", report.result, lines.join("\n"))
}

/// The finding about an object that weighs most.
pub(crate) fn about<'a>(report: &'a Report, object: &ObjectName) -> &'a Finding {
    let mut about: Vec<&Finding> = weighty(report)
        .into_iter()
        .filter(|finding| finding.object == object.as_str())
        .collect();
    about.sort_by_key(|finding| finding.weight);
    about
        .pop()
        .unwrap_or_else(|| panic!("nothing about {object}: {}", text(report)))
}

pub(crate) fn assert_proven(report: &Report) {
    assert_eq!(report.outcome, Outcome::Proven, "{}", text(report));
    assert!(weighty(report).is_empty(), "{}", text(report));
}
