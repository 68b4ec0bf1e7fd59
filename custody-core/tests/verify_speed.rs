//! How long a long log takes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod verify_support;

use std::time::{Duration, Instant};

use custody_core::canonical;
use custody_core::custody_log::Trust;
use custody_core::digest::Sha256Digest;
use custody_core::verify::VerifyOptions;
use serde_json::{Value, json};
use verify_support::*;

/// A log of `lines` lines that chain: the opening of an acquisition, and then anomalies.
fn long_log(opening: &[u8], lines: u64) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(opening).unwrap();
    let mut log = [opening, b"\n"].concat();
    let mut prev = Sha256Digest::of(opening);
    event["type"] = json!("anomaly");
    event["what"] = json!({"detail": "nothing of note"});
    for seq in 1..lines {
        event["seq"] = json!(seq);
        event["prev"] = json!(prev.to_string());
        let line = canonical::to_bytes(&event).unwrap();
        prev = Sha256Digest::of(&line);
        log.extend_from_slice(&line);
        log.push(b'\n');
    }
    log
}

#[test]
#[ignore = "needs a release build: cargo test --release -- --ignored"]
fn a_log_of_100_000_events_verifies_within_two_seconds() {
    let (objects, _) = captured(&two_disks());
    let name = objects.named("/log.jsonl");
    let opening = objects.lines(&name)[0].strip_suffix(b"\n").unwrap().to_vec();
    let mut stretched = objects.clone();
    stretched.0.retain(|object, _| *object == name);
    let log = long_log(&opening, 100_000);
    let bytes = log.len();
    let stretched = stretched.with(&name, log);
    let store = stretched.store();
    let begun = Instant::now();
    let verifier = verifier(store, Trust::nobody()).with_options(VerifyOptions::default());
    let report = futures::executor::block_on(verifier.verify());
    let took = begun.elapsed();
    let lines = report.acquisitions[0].log.as_ref().map(|log| log.lines);
    assert_eq!(lines, Some(100_000), "{}", text(&report));
    assert!(took <= Duration::from_secs(2), "{bytes} bytes took {took:?}");
    // The figure is what this test is run for.
    let shown = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("100,000 events, {bytes} bytes: {took:?}\n").as_bytes(),
    );
    assert!(shown.is_ok());
}
