//! `resume --all`: what a machine does when it starts again.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::bench::{Bench, finish};

/// Far more than a test waits for.
const ENDLESS: u64 = 2 << 40;

/// Begins an acquisition of this image, into a store of its own; its id.
fn begun(bench: &Bench, image: &str, store: &str) -> String {
    let mut words = bench.capture_words([image]);
    *words.last_mut().unwrap() = store.into();
    words.extend(["--preserve-only", "--json"].map(OsString::from));
    let document = bench.custody(words).ends_with(3).json();
    document["acquisition"].as_str().unwrap().to_owned()
}

#[test]
fn every_open_acquisition_is_gone_on_with_and_one_that_cannot_keeps_no_other_from_it() {
    let bench = Bench::new();
    fs::create_dir(bench.path("disks")).unwrap();
    for image in ["a.raw", "disks/b.raw", "c.raw", "d.raw"] {
        bench.image(image, 1000);
    }
    let whole = begun(&bench, "a.raw", "store-a");
    let gone = begun(&bench, "disks/b.raw", "store-b");
    let unmounted = begun(&bench, "c.raw", "store-c");
    let last = begun(&bench, "d.raw", "store-d");
    fs::rename(bench.path("disks"), bench.path("away")).unwrap();
    fs::rename(bench.path("store-c"), bench.path("elsewhere")).unwrap();

    let run = bench.custody(["resume", "--all"]).ends_with(3);
    for id in [&whole, &last] {
        let told = format!("acquisition {id} of case C-1: complete");
        assert!(run.out.contains(&told), "{told}: {}", run.out);
    }
    for told in [
        format!("acquisition {gone} of case C-1: open"),
        format!("acquisition {unmounted}: not gone on with"),
    ] {
        assert!(run.out.contains(&told), "{told}: {}", run.out);
    }
    for id in [&gone, &unmounted] {
        assert!(run.err.contains(&format!("because: {id}: ")), "{}", run.err);
        assert!(run.err.contains(&format!("custody resume {id}")), "{}", run.err);
    }
    for told in [
        "put it back where it was",
        "say where it lies now with --store DIR",
        "custody: error: 2 of 4 open acquisitions did not end well",
    ] {
        assert!(run.err.contains(told), "{told}: {}", run.err);
    }

    // What is settled is not asked again; what is not says for itself what it lacks.
    let document = bench.custody(["resume", "--all", "--json"]).ends_with(3).json();
    let named = |id: &str| {
        let all = document["acquisitions"].as_array().unwrap();
        assert_eq!(all.len(), 2, "{document:#}");
        let mut of_it = all.iter().filter(|one| one["acquisition"] == id);
        of_it.next().unwrap().clone()
    };
    for id in [&gone, &unmounted] {
        let one = named(id);
        assert_eq!(one["exit"], 3, "{one:#}");
        assert!(one["error"].is_string() && one["next"].is_array(), "{one:#}");
    }

    fs::rename(bench.path("away"), bench.path("disks")).unwrap();
    fs::rename(bench.path("elsewhere"), bench.path("store-c")).unwrap();
    let run = bench.custody(["resume", "--all"]).ends_with(0);
    assert!(
        run.out.contains("\n2 of 2 open acquisitions ended well\n"),
        "{}",
        run.out
    );
    for store in ["store-a", "store-b", "store-c", "store-d"] {
        bench.custody(["verify", store]).ends_with(0);
    }
    let none = bench.custody(["resume", "--all", "--json"]).ends_with(0).json();
    assert_eq!(none["acquisitions"], json!([]));
    let none = bench.custody(["resume", "--all"]).ends_with(0);
    assert_eq!(none.out, "no acquisition is open on this host\n");
}

#[test]
fn what_cannot_be_read_among_the_acquisitions_is_told_and_keeps_none_from_going_on() {
    let bench = Bench::new();
    bench.image("a.raw", 1000);
    bench.image("b.raw", 1000);
    let whole = begun(&bench, "a.raw", "store-a");
    let spoiled = begun(&bench, "b.raw", "store-b");
    let acquisitions = bench.path("state-home/custody/acquisitions");
    fs::write(
        acquisitions.join(&spoiled).join("log.jsonl"),
        "no line of a log\n",
    )
    .unwrap();
    fs::create_dir(acquisitions.join("a folder of somebody's")).unwrap();
    let run = bench.custody(["resume", "--all"]);
    assert!(run.code >= 3, "{}{}", run.out, run.err);
    let told = format!("acquisition {whole} of case C-1: complete");
    assert!(run.out.contains(&told), "{}", run.out);
    let told = format!("acquisition {spoiled}: not gone on with");
    assert!(run.out.contains(&told), "{}", run.out);
    assert!(
        run.err.contains("2 of 3 open acquisitions did not end well"),
        "{}",
        run.err
    );
    assert!(run.err.contains("a folder of somebody's"), "{}", run.err);
}

#[test]
fn a_request_to_stop_ends_the_one_at_hand_and_begins_no_other() {
    let bench = Bench::new();
    for image in ["a.raw", "b.raw"] {
        bench.sparse_image(image, ENDLESS, &[0]);
        begun(&bench, image, "store");
    }
    let words = ["resume", "--all"].map(OsString::from).into();
    let child = bench.start_until(words, "\"type\":\"acquire.intent\"");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let run = finish(child).ends_with(3);
    for told in [
        "stopped on request",
        "a stop was asked for before its turn",
        "2 of 2 open acquisitions did not end well",
    ] {
        assert!(run.err.contains(told), "{told}: {}", run.err);
    }
    let journals = bench.journals();
    let resumed = |journal: &&String| journal.contains("\"type\":\"acquisition.resumed\"");
    assert_eq!(journals.iter().filter(resumed).count(), 1);
}

#[test]
fn what_names_one_acquisition_does_not_go_with_all() {
    let bench = Bench::new();
    for more in [
        &["20260101T000000Z-00000000"][..],
        &["--store", "store"],
        &["--key-file", "1=disk.key"],
    ] {
        let run = bench.custody([&["resume", "--all"], more].concat()).ends_with(2);
        assert!(run.err.contains("cannot be used with"), "{}", run.err);
    }
}

#[test]
fn the_systemd_unit_goes_on_with_every_acquisition_of_the_folder_that_the_runbooks_use() {
    let deploy = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
        fs::read_to_string(folder.join(name)).unwrap()
    };
    let unit = deploy("custody-resume.service");
    let setting = |name: &str| {
        let mut values = unit
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        values.next().map(str::to_owned)
    };
    let user = setting("User").unwrap();
    assert!(
        user != "root" && deploy("README.md").contains(&format!("User={user}")),
        "{user}"
    );
    assert_eq!(
        setting("StateDirectory"),
        None,
        "systemd would make it that user's, whoever's it is"
    );

    let command = setting("ExecStart").unwrap();
    let (program, words) = command.split_once(' ').unwrap();
    assert!(program.ends_with("/custody"), "{program}");
    let (_, state) = words.split_once("--state ").unwrap();
    for runbook in ["hybrid-worker.ps1", "hybrid_worker.py"] {
        assert!(
            deploy(runbook).contains(state),
            "{runbook} has another state folder"
        );
    }
    let bench = Bench::new();
    for image in ["a.raw", "b.raw"] {
        bench.image(image, 1000);
        begun(&bench, image, "store");
    }
    let here = bench.path("state-home/custody");
    let words = words.replace(state, here.to_str().unwrap());
    let run = bench.custody(words.split(' ')).ends_with(0);
    assert!(
        run.out.contains("2 of 2 open acquisitions ended well"),
        "{}",
        run.out
    );
    bench.verify().ends_with(0);
}
