use std::fs;

use crate::bench::Bench;

#[test]
fn exit_0_a_proven_store() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    let document = bench.custody(["verify", "store", "--json"]).ends_with(0).json();
    assert_eq!(
        (&document["outcome"], &document["command"]),
        (&"proven".into(), &"verify".into())
    );
    assert!(document.get("error").is_none());
}

#[test]
fn exit_1_a_signer_that_nobody_here_knows() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    fs::rename(bench.path("state-home"), bench.path("state-of-another-host")).unwrap();
    let document = bench.custody(["verify", "store", "--json"]).ends_with(1).json();
    assert_eq!(
        (&document["outcome"], &document["exit"]),
        (&"not-proven".into(), &1.into())
    );
    assert_eq!(document["remedy"], "fix-request");
    assert!(
        document["next"][0].as_str().unwrap().contains("--trust"),
        "{document}"
    );
}

#[test]
fn exit_2_a_command_that_is_not_understood() {
    let bench = Bench::new();
    for words in [
        &["capture", "local", "--image", "x"][..],
        &["verify"],
        &["no-such-verb"],
        &["abandon", "not-an-acquisition", "--reason", "x"],
        &[
            "capture",
            "local",
            "--image",
            "x",
            "--case",
            "",
            "--examiner",
            "x",
            "--authority",
            "x",
            "--store",
            "x",
        ],
        &[],
    ] {
        let run = bench.custody(words).ends_with(2);
        assert!(
            run.out.is_empty() && run.err.starts_with("custody: error: "),
            "{}{}",
            run.out,
            run.err
        );
        let document = bench.custody([words, &["--json"]].concat()).ends_with(2).json();
        assert_eq!(
            (&document["exit"], &document["remedy"]),
            (&2.into(), &"fix-request".into()),
            "{document}"
        );
        assert!(!document["error"].as_str().unwrap().is_empty());
    }
}

#[test]
fn exit_2_resume_with_several_open_lists_them() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    bench.custody(&words).ends_with(3);
    bench.custody(&words).ends_with(3);
    let run = bench.custody(["resume"]).ends_with(2);
    assert_eq!(run.err.matches("because: 2").count(), 2, "{}", run.err);
    let listed = bench.custody(["list"]).ends_with(0);
    assert_eq!(listed.out.matches("  open  ").count(), 2, "{}", listed.out);
}

#[test]
fn exit_3_what_cannot_be_done() {
    let bench = Bench::new();
    let run = bench.capture(["no-such-image"]).ends_with(3);
    assert!(
        run.err.starts_with("custody: error: no-such-image: not found\n"),
        "{}",
        run.err
    );
    assert!(!bench.store().exists(), "a missing source makes no store");
    let run = bench.custody(["verify", "no-such-store"]).ends_with(3);
    assert!(
        run.err.contains("no-such-store") && run.err.contains("not found"),
        "{}",
        run.err
    );
    let run = bench
        .custody(["resume", "20260101T000000Z-00000000"])
        .ends_with(3);
    assert!(run.err.contains("custody list"), "{}", run.err);
    let document = bench
        .custody(["log", "20260101T000000Z-00000000", "--json"])
        .ends_with(3)
        .json();
    assert!(
        document["error"].as_str().unwrap().contains("not found"),
        "{document}"
    );
}

#[test]
fn exit_3_an_acquisition_that_is_not_finished() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    words.push("--preserve-only".into());
    bench.custody(&words).ends_with(3);
    bench.verify().ends_with(3);
}

#[test]
fn exit_4_a_flipped_bit_in_each_kind_of_file_is_named_by_place() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 5_000_000);
    bench.capture([&image]).ends_with(0);
    let acquisition = bench.acquisition();
    let checkpoint = fs::read_dir(acquisition.join("checkpoints"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for (file, offset) in [
        (acquisition.join("disk.raw"), 4_500_000),
        (acquisition.join("disk.raw.chunks.sha256"), 70),
        (acquisition.join("log.jsonl"), 300),
        (acquisition.join("manifest.json"), 100),
        (acquisition.join("manifest.dsse.json"), 100),
        (acquisition.join("SHA256SUMS"), 3),
        (checkpoint, 10),
        (bench.store().join("register.jsonl"), 50),
    ] {
        bench.flip(&file, offset);
        let run = bench.verify().ends_with(4);
        let name = file.strip_prefix(bench.store()).unwrap().to_str().unwrap();
        assert!(run.out.contains(name), "{name}:\n{}", run.out);
        assert!(run.err.contains("next: stop, change nothing"), "{}", run.err);
        bench.flip(&file, offset);
    }
    bench.verify().ends_with(0);
}

#[test]
fn exit_4_names_the_range_of_a_changed_byte() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 9_000_000);
    bench.capture([&image]).ends_with(0);
    bench.flip(&bench.acquisition().join("disk.raw"), 5_000_000);
    let document = bench.custody(["verify", "store", "--json"]).ends_with(4).json();
    assert_eq!(document["remedy"], "escalate");
    let ranges = &document["acquisitions"][0]["items"][0]["findings"][0]["ranges"];
    assert_eq!(
        *ranges,
        serde_json::json!([{"start": "4194304", "end": "8388608"}]),
        "{document:#}"
    );
}

#[test]
fn exit_4_a_store_that_was_rolled_back() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    let copied = std::process::Command::new("cp")
        .args(["-a", "store", "before"])
        .current_dir(bench.path(""))
        .status();
    assert!(copied.unwrap().success());
    bench.capture([&image]).ends_with(0);
    bench.verify().ends_with(0);
    let run = bench.custody(["verify", "before"]).ends_with(4);
    assert!(run.out.contains("register.jsonl"), "{}", run.out);
}
