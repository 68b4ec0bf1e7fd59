use std::fs;

use serde_json::Value;

use crate::bench::Bench;

fn captured() -> Bench {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    bench.capture([&image]).ends_with(0);
    bench
}

#[test]
fn log_in_json_prints_the_lines_as_stored() {
    let bench = captured();
    let id = bench.acquisition_id();
    let stored = fs::read_to_string(bench.acquisition().join("log.jsonl")).unwrap();
    assert_eq!(
        bench.custody(["log", "store", &id, "--json"]).ends_with(0).out,
        stored
    );
    assert_eq!(
        bench.custody(["log", &id, "--json"]).ends_with(0).out,
        stored,
        "the journal is the same log"
    );
    let register = fs::read_to_string(bench.store().join("register.jsonl")).unwrap();
    assert_eq!(
        bench.custody(["log", "store", "--json"]).ends_with(0).out,
        register
    );
}

#[test]
fn a_log_whose_chain_is_broken_is_shown_up_to_the_break() {
    let bench = captured();
    let log = bench.acquisition().join("log.jsonl");
    let second = fs::read_to_string(&log).unwrap().find('\n').unwrap() as u64 + 40;
    bench.flip(&log, second);
    let run = bench
        .custody(["log", "store", &bench.acquisition_id()])
        .ends_with(4);
    assert!(
        run.out.contains("acquisition.opened") && !run.out.contains("acquire.done"),
        "{}",
        run.out
    );
    assert!(
        run.err.contains("line 2") || run.err.contains("line 3"),
        "{}",
        run.err
    );
}

#[test]
fn the_log_says_who_where_how_and_why() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 1000);
    let mut words = bench.capture_words([&image]);
    let more = [
        "--requester",
        "R",
        "--witness",
        "W",
        "--description",
        "D",
        "--retries",
        "5",
        "--write-blocker",
        "T35u",
    ];
    words.extend(more.map(Into::into));
    let mut command = bench.command(words);
    assert!(
        command
            .env("SUDO_USER", "max\u{1b}")
            .output()
            .unwrap()
            .status
            .success()
    );
    let lines = bench
        .custody(["log", &bench.acquisition_id(), "--json"])
        .ends_with(0)
        .out;
    let opened: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        opened["who"]["stated"],
        serde_json::json!({"examiner": "M. Example", "requester": "R", "witness": "W"})
    );
    assert_eq!(
        opened["who"]["authenticated"]["sudo-user-as-the-environment-says"],
        "max\\u{1b}"
    );
    assert!(opened["who"]["authenticated"]["os-uid"].is_string());
    assert_eq!(
        opened["why"],
        serde_json::json!({"authority": "Warrant 1", "description": "D"})
    );
    assert_eq!(opened["how"]["tool"], "custody");
    assert_eq!(opened["how"]["settings"]["retries"], "5");
    assert_eq!(opened["how"]["settings"]["write-blocker"], "T35u");
    assert!(opened["where"]["host"].is_string());
    let version = bench.custody(["--version", "--json"]).ends_with(0).json();
    assert_eq!(opened["how"]["executable"], version["executable_sha256"]);
}

#[test]
fn the_executable_s_digest_is_that_of_the_program() {
    let bench = Bench::new();
    let version = bench.custody(["--version", "--json"]).ends_with(0).json();
    let sum = bench.custody(["hash", crate::bench::PROGRAM]).ends_with(0).out;
    assert_eq!(version["executable_sha256"].as_str(), sum.split(' ').next());
    let commit = version["commit"].as_str();
    assert!(commit.is_none_or(|commit| commit.len() >= 40), "{commit:?}");
}

#[test]
fn a_recorded_verification_stands_in_the_register() {
    let bench = captured();
    bench
        .custody(["verify", "store", "--record", "--examiner", "V. Example"])
        .ends_with(0);
    let lines = bench.custody(["log", "store", "--json"]).ends_with(0).out;
    let last: Value = serde_json::from_str(lines.lines().next_back().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["what"]["outcome"]),
        (&"store.verified".into(), &0.into())
    );
    assert_eq!(last["who"]["stated"]["examiner"], "V. Example");
    bench.verify().ends_with(0);
}

#[test]
fn nothing_is_recorded_by_a_host_without_a_key() {
    let bench = captured();
    let before = fs::read(bench.store().join("register.jsonl")).unwrap();
    fs::rename(bench.path("state-home"), bench.path("state-of-another-host")).unwrap();
    let run = bench.custody(["verify", "store", "--record"]).ends_with(3);
    assert!(run.err.contains("custody key new"), "{}", run.err);
    assert_eq!(fs::read(bench.store().join("register.jsonl")).unwrap(), before);
    assert!(!bench.path("state-home").exists());
}

#[test]
fn list_names_what_is_registered_in_a_store() {
    let bench = captured();
    let document = bench
        .custody(["list", "--store", "store", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(document["registered"][0]["acquisition"], bench.acquisition_id());
    assert_eq!(document["acquisitions"][0]["settled"], true);
    assert_eq!(
        document["acquisitions"][0]["kept_snapshots"],
        serde_json::json!([])
    );
}

#[test]
fn one_case_or_one_acquisition_can_be_verified_alone() {
    let bench = captured();
    let image = bench.image("other.raw", 10);
    let mut words = bench.capture_words([&image]);
    let case = words.iter().position(|word| word == "C-1").unwrap();
    words[case] = "C-2".into();
    bench.custody(words).ends_with(0);
    bench.flip(&bench.acquisition().join("disk.raw"), 5);
    bench.verify().ends_with(4);
    bench.custody(["verify", "store", "--case", "C-1"]).ends_with(4);
    bench.custody(["verify", "store", "--case", "C-2"]).ends_with(0);
    bench
        .custody(["verify", "store", "--acquisition", &bench.acquisition_id()])
        .ends_with(4);
}
