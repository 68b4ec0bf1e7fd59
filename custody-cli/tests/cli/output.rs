use std::fs;

use crate::bench::Bench;

/// Hides what differs from run to run: times, ids, digests, the host.
fn settings(bench: &Bench) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    let folder = bench.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let host = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    for (pattern, shown) in [
        (folder, "[folder]"),
        (r"\d{8}T\d{6}Z-[0-9a-f]{8}".into(), "[acquisition]"),
        (r"\d{8}T\d{6}Z".into(), "[time]"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z".into(), "[time]"),
        (r"\b[0-9a-f]{64}\b".into(), "[digest]"),
        (r"\b[0-9a-f]{32}\b".into(), "[id]"),
        (r"([0-9a-f]{4} ){15}[0-9a-f]{4}".into(), "[fingerprint]"),
        (format!("custody-{host}"), "custody-[host]"),
        (format!(r"local:{host}\b"), "local:[host]"),
        (r"user \S+ on \S+\)".into(), "user [user] on [host])"),
        (r"owner \(user \d+\)".into(), "owner (user [user])"),
    ] {
        settings.add_filter(&pattern, shown);
    }
    settings
}

macro_rules! snapshot {
    ($bench:expr, $name:literal, $text:expr) => {
        settings(&$bench).bind(|| insta::assert_snapshot!($name, $text))
    };
}

#[test]
fn help_can_be_followed() {
    let bench = Bench::new();
    for (name, words) in [
        ("help", &["--help"][..]),
        ("help-capture-local", &["capture", "local", "--help"]),
        ("help-capture-azure", &["capture", "azure", "--help"]),
        ("help-verify", &["verify", "--help"]),
        ("help-resume", &["resume", "--help"]),
        ("help-abandon", &["abandon", "--help"]),
        ("help-list", &["list", "--help"]),
        ("help-log", &["log", "--help"]),
        ("help-key", &["key", "--help"]),
        ("help-keys", &["keys", "--help"]),
        ("help-keys-prove", &["keys", "prove", "--help"]),
        ("help-keys-give-up", &["keys", "give-up", "--help"]),
        ("help-hash", &["hash", "--help"]),
    ] {
        let mut command = bench.command(words);
        let run = crate::bench::Run::of(&command.env("COLUMNS", "100").output().unwrap()).ends_with(0);
        settings(&bench).bind(|| insta::assert_snapshot!(name, run.out));
    }
}

#[test]
fn a_capture_ends_with_a_summary() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 100_000);
    let mut words = bench.capture_words([&image]);
    words.extend(["--exhibit", "MX-1", "--also", "md5"].map(Into::into));
    let run = bench.custody(words).ends_with(0);
    snapshot!(bench, "summary", run.out);
    snapshot!(bench, "progress", run.err);
    snapshot!(bench, "verified", bench.verify().ends_with(0).out);
    snapshot!(
        bench,
        "log",
        bench
            .custody(["log", "store", &bench.acquisition_id()])
            .ends_with(0)
            .out
    );
    snapshot!(
        bench,
        "list",
        bench.custody(["list", "--store", "store"]).ends_with(0).out
    );
    bench.flip(&bench.acquisition().join("disk.raw"), 50_000);
    let run = bench.verify().ends_with(4);
    snapshot!(
        bench,
        "tampered",
        format!("{}\n--- standard error\n{}", run.out, run.err)
    );
}

#[test]
fn errors_say_what_why_and_what_next() {
    let bench = Bench::new();
    fs::create_dir(bench.path("folder")).unwrap();
    let mut errors = String::new();
    let errs = [
        bench.capture(["no-such-image"]),
        bench.capture(["folder"]),
        bench.custody(["verify", "no-such-store"]),
        bench.custody(["verify", "folder"]),
        bench.custody(["resume", "20260101T000000Z-00000000"]),
        bench.custody(["list", "--state", "no-such-state"]),
        bench.custody(["key", "show"]),
        bench.custody(["hash", "folder"]),
        bench.custody(["verify", "folder", "--trust", "no-such-file"]),
    ];
    for run in errs {
        errors.push_str(&format!("exit {}\n{}\n", run.code, run.err));
    }
    snapshot!(bench, "errors", errors);
}

#[test]
fn a_selftest_passes_and_says_what_it_tested() {
    let bench = Bench::new();
    let document = bench.custody(["selftest", "--json"]).ends_with(0).json();
    let tests = document["tests"].as_array().unwrap();
    assert!(
        tests.len() >= 6 && tests.iter().all(|test| test["passed"] == true),
        "{document:#}"
    );
    assert!(document["hash_backend"].is_string());
}

#[test]
fn completions_and_manual_pages_are_made_for_every_verb() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            bench
                .custody(["completions", shell])
                .ends_with(0)
                .out
                .contains("selftest"),
            "{shell}"
        );
    }
    assert!(bench.custody(["man"]).ends_with(0).out.contains(".TH custody 1"));
    fs::create_dir(bench.path("man1")).unwrap();
    bench.custody(["man", "--dir", "man1"]).ends_with(0);
    for page in [
        "custody",
        "custody-verify",
        "custody-capture-local",
        "custody-key-show",
        "custody-keys-prove",
    ] {
        assert!(bench.path(format!("man1/{page}.1")).exists(), "{page}");
    }
    bench.custody(["man", "--dir", "no-such-folder"]).ends_with(3);
}

#[test]
fn help_and_version_answer_in_json_too() {
    let bench = Bench::new();
    assert!(bench.custody(["verify", "--help", "--json"]).ends_with(0).json()["help"].is_string());
    let version = bench.custody(["--version", "--json"]).ends_with(0).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        bench
            .custody(["--version"])
            .ends_with(0)
            .out
            .starts_with("custody 0.")
    );
}
