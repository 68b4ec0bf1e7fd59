//! `--immutable`, where the system allows it and where it does not.

use std::ffi::OsString;
use std::fs;

use rustix::fs::IFlags;

use crate::bench::Bench;
use crate::equipment::{Mount, NoAttributesLeft, attributes};

fn words(bench: &Bench) -> Vec<OsString> {
    let image = bench.image("disk.raw", 100_000);
    let mut words = bench.capture_words([&image]);
    words.push("--immutable".into());
    words
}

#[test]
#[ignore = "needs root and a file system with attributes"]
fn an_immutable_store_keeps_its_objects_from_root_and_still_takes_the_next_capture() {
    let bench = Bench::new();
    let _cleared = NoAttributesLeft(bench.store());
    let words = words(&bench);
    bench.custody(&words).ends_with(0);
    let acquisition = bench.acquisition();
    for object in [
        "disk.raw",
        "disk.raw.chunks.sha256",
        "manifest.json",
        "manifest.dsse.json",
        "SHA256SUMS",
    ] {
        let path = acquisition.join(object);
        assert!(attributes(&path).contains(IFlags::IMMUTABLE), "{object}");
        assert!(
            fs::remove_file(&path).is_err() && fs::write(&path, "other").is_err(),
            "{object}"
        );
    }
    for log in [
        acquisition.join("log.jsonl"),
        bench.store().join("register.jsonl"),
    ] {
        assert!(attributes(&log).contains(IFlags::APPEND), "{}", log.display());
    }
    let protection = &bench.manifest()["items"][0]["receipt"]["protection"];
    assert_eq!(protection["kind"], "immutable-attribute", "{protection:#}");
    assert_eq!(protection["observed"]["attributes"], "immutable");
    bench.verify().ends_with(0);
    bench.custody(&words).ends_with(0);
    let verified = bench.verify().ends_with(0);
    assert!(
        verified.out.starts_with("proven: 2 acquisitions"),
        "{}",
        verified.out
    );
}

#[test]
#[ignore = "needs root and a file system with attributes"]
fn an_immutable_capture_that_was_stopped_is_resumed_as_immutable() {
    let bench = Bench::new();
    let _cleared = NoAttributesLeft(bench.store());
    let mut words = words(&bench);
    words.push("--preserve-only".into());
    bench.custody(words).ends_with(3);
    bench.custody(["resume"]).ends_with(0);
    assert!(attributes(&bench.acquisition().join("disk.raw")).contains(IFlags::IMMUTABLE));
    bench.verify().ends_with(0);
}

#[test]
#[ignore = "needs root: mounts a ramfs, which keeps no attributes"]
fn where_the_system_refuses_the_attribute_the_record_claims_the_file_mode_alone() {
    let bench = Bench::new();
    let words = words(&bench);
    let mounted = Mount::at(&bench.store(), &["-t", "ramfs", "-o", "mode=0700", "none"]);
    let captured = bench.custody(words);
    let protection = bench.manifest()["items"][0]["receipt"]["protection"].clone();
    let verified = bench.verify();
    drop(mounted);
    captured.ends_with(0);
    verified.ends_with(0);
    assert_eq!(protection["kind"], "read-only-mode", "{protection:#}");
    let statement = protection["statement"].as_str().unwrap();
    assert!(
        statement.contains("was asked for and the system refused it"),
        "{statement}"
    );
}
