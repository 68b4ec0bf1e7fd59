use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64ct::{Base64, Encoding as _};

use crate::bench::{Bench, Run};
use crate::secret_scan::Needles;
use crate::secret_scan::process::watched;

#[test]
fn a_key_is_made_once_listed_and_shown() {
    let bench = Bench::new();
    assert_eq!(
        bench.custody(["key", "list", "--json"]).ends_with(0).json()["keys"],
        serde_json::json!([])
    );
    bench.custody(["key", "show"]).ends_with(3);
    let made = bench.custody(["key", "new", "--json"]).ends_with(0).json();
    let again = bench.custody(["key", "new"]).ends_with(3);
    assert!(again.err.contains("already exists"), "{}", again.err);
    let shown = bench.custody(["key", "show", "--json"]).ends_with(0).json();
    assert_eq!(
        (&made["key"], &made["fingerprint"], &made["pem"]),
        (&shown["key"], &shown["fingerprint"], &shown["pem"])
    );
    assert!(
        shown["pem"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN PUBLIC KEY-----\n")
    );
    let listed = bench.custody(["key", "list"]).ends_with(0).out;
    assert!(listed.contains(made["fingerprint"].as_str().unwrap()), "{listed}");
}

/// The private key in a PEM file: the 32 bytes that PKCS #8 has of one for Ed25519. Source: RFC 8410, section 7.
fn private_bytes(pem: &str) -> Vec<u8> {
    const BEFORE: [u8; 4] = [0x04, 0x22, 0x04, 0x20];
    let body = pem.lines().filter(|line| !line.starts_with("-----"));
    let der = Base64::decode_vec(&body.collect::<String>()).unwrap();
    let at = der.windows(4).position(|window| window == BEFORE).unwrap() + 4;
    der[at..at + 32].to_vec()
}

#[test]
fn a_private_key_is_in_no_output_and_in_no_file_but_its_own() {
    let bench = Bench::new();
    let mut runs = vec![bench.custody(["key", "new"]).ends_with(0)];
    let folder = bench.path("state-home/custody/keys");
    let private = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let private: Vec<_> = private
        .filter(|path| path.extension().is_some_and(|end| end == "pem"))
        .collect();
    assert_eq!(private.len(), 1);
    assert_eq!(
        fs::metadata(&private[0]).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let secret = private_bytes(&fs::read_to_string(&private[0]).unwrap());
    let needles = Needles::new().with_secret("the private key", &secret);
    assert!(needles.find_below(&bench.path(""), &[]).is_some());

    let image = bench.image("disk.raw", 100_000);
    let mut seen = |words: &[&str], code| {
        let command = bench.command(words);
        let run = watched(command, b"", &needles, || false).unwrap().output;
        runs.push(Run::of(&run).ends_with(code));
    };
    seen(&["key", "show"], 0);
    seen(&["key", "list", "--json"], 0);
    seen(&["key", "new", "--json"], 3);
    let words = bench.capture_words([&image]);
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
    seen(&words, 0);
    seen(&["log", "store", "--json"], 0);
    bench.flip(&bench.acquisition().join("disk.raw"), 5);
    seen(&["verify", "store", "--json"], 4);
    // A key that is damaged signs nothing, and what is left of it is not shown.
    let whole = fs::read_to_string(&private[0]).unwrap();
    fs::write(&private[0], whole.replacen("-----END", "====-----END", 1)).unwrap();
    seen(&words, 3);
    for run in &runs {
        for printed in [&run.out, &run.err] {
            assert_eq!(needles.find(printed.as_bytes()), None);
        }
    }
    assert_eq!(needles.find_below(&bench.path(""), &private), None);
}

#[test]
fn a_key_that_is_not_there_signs_nothing_and_is_not_made() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    let mut words = bench.capture_words([&image]);
    words.extend(["--key", "another"].map(Into::into));
    let run = bench.custody(words).ends_with(3);
    assert!(
        run.err.contains("another") && run.err.contains("custody key new"),
        "{}",
        run.err
    );
    assert!(!bench.store().exists());
}

#[test]
fn a_state_folder_that_others_can_read_is_refused() {
    let bench = Bench::new();
    bench.custody(["key", "new"]).ends_with(0);
    let folder = bench.path("state-home/custody");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let run = bench.custody(["key", "show"]).ends_with(3);
    assert!(run.err.contains("chmod 700"), "{}", run.err);
}

#[test]
fn a_state_folder_in_memory_is_refused() {
    let folder = tempfile::Builder::new()
        .prefix("custody-cli-")
        .tempdir_in("/dev/shm")
        .unwrap();
    let output = std::process::Command::new(crate::bench::PROGRAM)
        .args(["key", "new", "--state"])
        .arg(folder.path().join("state"))
        .output();
    let run = crate::bench::Run::of(&output.unwrap()).ends_with(3);
    assert!(
        run.err.contains("tmpfs") && run.err.contains("choose a folder on a disk that stays"),
        "{}",
        run.err
    );
}

#[test]
fn a_state_folder_inside_the_store_is_refused() {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 10);
    let mut words = bench.capture_words([&image]);
    words.extend(["--state", "store/state"].map(Into::into));
    let run = bench.custody(words).ends_with(3);
    assert!(run.err.contains("must lie apart"), "{}", run.err);
}

#[test]
fn looking_makes_no_state_folder() {
    let bench = Bench::new();
    bench.custody(["resume"]).ends_with(0);
    bench.custody(["list"]).ends_with(0);
    bench.custody(["key", "list"]).ends_with(0);
    bench
        .custody(["abandon", "20260101T000000Z-00000000", "--reason", "x"])
        .ends_with(3);
    bench.custody(["log", "20260101T000000Z-00000000"]).ends_with(3);
    assert!(!bench.path("state-home").exists());
}
