//! How long verifying a log of 100,000 signed events takes.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use custody_benches::{Bounds, describe_machine};
use custody_core::capture::{Capture, CaptureRequest, Reach};
use custody_core::custody_log::{
    Chain, Checkpoint, Circumstances, How, SignedNote, SignerSet, Stated, Trust, Who, Why,
};
use custody_core::digest::Sha256Digest;
use custody_core::ids::Statement;
use custody_core::port::SealSigner as _;
use custody_core::verify::{SignerTrust, Verifier};
use custody_core::{canonical, layout};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, MemoryStore, SerialHasher};
use futures::executor::block_on;
use serde_json::{Value, json};

const LINES: u64 = 100_000;
const RUNS: usize = 5;
const AT_MOST_SECONDS: f64 = 2.0;

fn main() -> ExitCode {
    let world = FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("os.img", 300, 1)],
    ));
    let (store, bytes) = long_store(&world);
    let signer = world.signers.first().expect("a signer").verifier_key().clone();
    let trust = Trust::nobody().with(SignerSet::new(vec![signer]).expect("one key is a set"));
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let verifier = Verifier::new(
            Arc::new(store.clone()),
            Arc::new(SerialHasher::new()),
            trust.clone(),
        );
        let report = block_on(verifier.verify());
        seconds.push(begun.elapsed().as_secs_f64());
        let log = report
            .acquisitions
            .first()
            .and_then(|found| found.log.as_ref())
            .expect("the log was read");
        assert_eq!((log.lines, log.covered_lines), (LINES, LINES));
        assert_eq!(log.trust, SignerTrust::Established);
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(RUNS / 2).copied().unwrap_or_default();
    let mut bounds = Bounds::default();
    let verdict = bounds.hold("verify 100,000 events", median, AT_MOST_SECONDS);
    println!("{}; median of {RUNS} runs", describe_machine());
    println!(
        "verify {LINES} signed events, {} MiB: {median:.2} s ({verdict})",
        bytes >> 20
    );
    bounds.exit_code()
}

/// A store with one acquisition, whose log opens as a capture's and goes on with anomalies; a signed checkpoint is over
/// all of it.
fn long_store(world: &FakeWorld) -> (MemoryStore, usize) {
    let words = |text: &str| text.parse::<Statement>().expect("a statement");
    let circumstances = Circumstances::new(
        Who::new(Stated::new(words("A. Examiner")), BTreeMap::new()),
        BTreeMap::from([("host".to_owned(), "bench".to_owned())]),
        How::new("custody", env!("CARGO_PKG_VERSION")),
        Why::new(words("bench")),
    );
    let request = CaptureRequest::new(
        "2026-0042".parse().expect("a case"),
        "bench".parse().expect("a machine"),
        circumstances,
    );
    let capture = Capture::new(world.ports());
    let (log, captured) = block_on(async {
        let plan = capture.plan(request).await.expect("a plan");
        let log = plan.log();
        (log, capture.run(plan, Reach::SnapshotsOnly).await)
    });
    captured.expect("the snapshots are taken");
    let name = layout::log(&log);
    let taken = world.store.bytes(&name).expect("the log is stored");
    let opening = taken.split(|byte| *byte == b'\n').next().expect("a line");

    let mut chain = Chain::new();
    let mut lines = Vec::new();
    let mut line = opening.to_vec();
    let mut event: Value = serde_json::from_slice(opening).expect("a line is JSON");
    let origin = event["what"]["origin"].as_str().expect("an origin").to_owned();
    event["type"] = json!("anomaly");
    event["what"] = json!({"detail": "nothing of note"});
    for seq in 1..=LINES {
        chain.take(&line).expect("lines chain");
        event["seq"] = json!(seq);
        event["prev"] = json!(Sha256Digest::of(&line).to_string());
        lines.extend_from_slice(&line);
        lines.push(b'\n');
        line = canonical::to_bytes(&event).expect("a line has a canonical form");
    }
    let checkpoint = Checkpoint {
        origin,
        size: LINES,
        root: chain.root(),
    };
    let mut note = SignedNote::of(&checkpoint);
    for signer in &world.signers {
        let signature = block_on(signer.sign(note.body().as_bytes())).expect("a signature");
        note = note.with_signature(signer.verifier_key(), signature.value);
    }
    let store = MemoryStore::new();
    let bytes = lines.len();
    store.put_foreign(&name, lines);
    store.put_foreign(&layout::checkpoint(&log, LINES), note.to_text().into_bytes());
    (store, bytes)
}
