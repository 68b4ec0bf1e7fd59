//! Keys of encrypted images on the command line: taken, shown, tried, given up; and seen nowhere.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret as _;

use crate::bench::{Bench, Run, with_input};
use crate::secret_scan::Needles;

/// The bytes of a key that must be in no output and in no file but the custodian's own.
const CANARY: &str = "canary-9e41-never-to-be-seen";

/// A bench with an image, a file that holds a key, and the custodians' age identity with its recipients file.
fn bench() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let image = bench.image("disk.raw", 100_000);
    fs::write(bench.path("disk.key"), CANARY).unwrap();
    let identity = age::x25519::Identity::generate();
    fs::write(bench.path("identity.txt"), identity.to_string().expose_secret()).unwrap();
    let recipients = format!("# the custodians\n{}\n", identity.to_public());
    fs::write(bench.path("custodians.txt"), recipients).unwrap();
    (bench, image)
}

fn taking_keys(bench: &Bench, image: &Path, more: &[&str]) -> Vec<OsString> {
    let mut words = bench.capture_words([image]);
    words.extend(["--key-recipients", "custodians.txt"].map(OsString::from));
    words.extend(more.iter().map(OsString::from));
    words
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn expect_no_key_seen(bench: &Bench, runs: &[&Run]) {
    let needles = Needles::new().with_secret("the key", CANARY.as_bytes());
    assert_eq!(
        needles.find_below(&bench.path(""), &[bench.path("disk.key")]),
        None
    );
    for run in runs {
        for printed in [&run.out, &run.err] {
            assert_eq!(needles.find(printed.as_bytes()), None);
        }
    }
}

#[test]
fn a_key_is_kept_for_the_custodians_and_seen_nowhere() {
    let (bench, image) = bench();
    // It opens nothing here, so that the copy is sealed, and the exit says that the key is not proven.
    let captured = bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=disk.key"]))
        .ends_with(3);
    assert!(captured.out.contains("in the escrow as"), "{}", captured.out);
    let id = bench.acquisition_id();
    let shown = bench.custody(["keys", "show", &id]).ends_with(0);
    assert!(
        shown.out.contains("file:") && shown.out.contains("disk.key"),
        "{}",
        shown.out
    );
    let stored = bench.custody(["keys", "show", "store"]).ends_with(0);
    assert!(stored.out.contains("age-encryption.org/v1"), "{}", stored.out);
    let manifest = bench.manifest();
    assert_eq!(manifest["keys"][0]["kept"][0]["key"], 1);
    let listed = bench.custody(["list"]).ends_with(0);
    let logged = bench.custody(["log", &id, "--json"]).ends_with(0);
    expect_no_key_seen(&bench, &[&captured, &shown, &stored, &listed, &logged]);

    // The custodians need no custody to get the key back.
    let escrow = files(&bench.path("state-home/custody/escrow"));
    let [file] = &escrow[..] else { panic!("{escrow:?}") };
    let record: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(record["acquisition"], id.as_str());
    bench.verify().ends_with(3);
}

#[test]
fn a_key_is_tried_on_stored_evidence_from_a_file_from_standard_input_and_from_the_escrow() {
    let (bench, image) = bench();
    bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=disk.key"]))
        .ends_with(3);
    let file = bench.custody(["keys", "prove", "store", "--key-file", "disk.key"]);
    let entered = bench.command(["keys", "prove", "store", "item-1", "--key-file", "-"]);
    let entered = with_input(entered, CANARY.as_bytes());
    let escrowed = bench.custody(["keys", "prove", "store", "--identity", "identity.txt", "--json"]);
    for run in [&file, &entered, &escrowed] {
        assert!(matches!(run.code, 1 | 3), "{} {}", run.out, run.err);
    }
    assert_eq!(escrowed.json()["proofs"][0]["item"], "item-1");
    let stranger = bench.path("stranger.txt");
    fs::write(
        &stranger,
        age::x25519::Identity::generate().to_string().expose_secret(),
    )
    .unwrap();
    let refused = bench
        .custody(["keys", "prove", "store", "--identity", "stranger.txt"])
        .ends_with(3);
    assert!(refused.err.contains("other identities"), "{}", refused.err);
    let missing = bench
        .custody(["keys", "prove", "store", "item-9", "--key-file", "disk.key"])
        .ends_with(3);
    bench.custody(["keys", "prove", "store"]).ends_with(2);
    expect_no_key_seen(&bench, &[&file, &entered, &escrowed, &refused, &missing]);
}

#[test]
fn a_key_that_cannot_be_had_leaves_the_capture_open_until_it_is_given_up() {
    let (bench, image) = bench();
    fs::write(bench.path("long.key"), vec![7; (8 << 20) + 1]).unwrap();
    let words = taking_keys(&bench, &image, &["--key-file", "1=long.key"]);
    let captured = bench.custody(words).ends_with(3);
    assert!(
        captured.err.contains("more than 8388608 bytes"),
        "{}",
        captured.err
    );
    assert!(captured.err.contains("custody keys give-up"), "{}", captured.err);
    assert!(
        captured.out.contains("verified"),
        "the disk is copied all the same: {}",
        captured.out
    );
    bench.custody(["resume"]).ends_with(3);
    let id = bench.acquisition_id();
    let order = [
        "keys",
        "give-up",
        &id,
        "item-1",
        "--reason",
        "the file was damaged",
    ];
    let given_up = bench.custody(order).ends_with(0);
    assert!(given_up.out.contains("custody resume"), "{}", given_up.out);
    bench.custody(["resume"]).ends_with(3);
    assert_eq!(bench.manifest()["keys"][0]["given_up"], "the file was damaged");
    let shown = bench.custody(["keys", "show", "store"]).ends_with(0);
    assert!(shown.out.contains("NOT in the escrow"), "{}", shown.out);
    bench.verify().ends_with(3);
    let late = bench.custody(order).ends_with(3);
    assert!(late.err.contains("ended already"), "{}", late.err);
}

#[test]
fn standard_input_that_gives_nothing_is_no_key() {
    let (bench, image) = bench();
    // Standard input is empty here.
    let empty = bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=-"]))
        .ends_with(3);
    assert!(empty.err.contains("is empty"), "{}", empty.err);
    assert!(bench.journals().is_empty());
}

#[test]
fn what_is_wrong_with_key_options_is_said_before_anything_is_captured() {
    let (bench, image) = bench();
    fs::write(bench.path("bad.txt"), "not a recipient\n").unwrap();
    for (more, code, due) in [
        (&["--key-file", "disk.key"][..], 2, "1=disk.BEK"),
        (&["--key-file", "2=disk.key"], 2, "names image 2"),
        (&["--key-file", "1=no-such-file"], 3, "not found"),
        (&["--key-file", "1=."], 3, "no regular file"),
    ] {
        let run = bench.custody(taking_keys(&bench, &image, more)).ends_with(code);
        assert!(run.err.contains(due), "{more:?}: {}", run.err);
        assert!(bench.journals().is_empty(), "{more:?}");
    }
    let mut words = bench.capture_words([&image]);
    words.extend(["--key-recipients", "bad.txt"].map(OsString::from));
    let run = bench.custody(words).ends_with(3);
    assert!(run.err.contains("line 1 is no age recipient"), "{}", run.err);
    let mut words = bench.capture_words([&image]);
    words.extend(["--key-file", "1=disk.key"].map(OsString::from));
    bench.custody(words).ends_with(2);
}

#[test]
fn the_key_of_a_bitlocker_image_is_taken_and_opens_what_is_stored() {
    use custody_testkit::volume::BitLockerVolume;
    let (bench, _) = bench();
    let made = BitLockerVolume::new(1, vec![3; 1 << 20]).make();
    let other = BitLockerVolume::new(2, vec![3; 1 << 20]).make();
    let image = bench.path("bitlocker.raw");
    fs::write(&image, &made.image).unwrap();
    fs::write(bench.path("right.BEK"), &made.key_file).unwrap();
    fs::write(bench.path("wrong.BEK"), &other.key_file).unwrap();

    let run = bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=right.BEK"]))
        .ends_with(0);
    assert!(run.out.contains("opens the stored copy"), "{}", run.out);
    bench.verify().ends_with(0);
    for keys in [["--key-file", "right.BEK"], ["--identity", "identity.txt"]] {
        let words = ["keys", "prove", "store"].into_iter().chain(keys);
        let proven = bench.custody(words).ends_with(0);
        assert!(proven.out.contains("bitlocker volume"), "{}", proven.out);
    }
    let refused = bench
        .custody(["keys", "prove", "store", "--key-file", "wrong.BEK"])
        .ends_with(1);
    assert!(refused.out.contains("does NOT open"), "{}", refused.out);

    // A key that is another volume's is told at once, and the evidence is sealed all the same.
    let wrong = bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=wrong.BEK"]))
        .ends_with(3);
    assert!(wrong.out.contains("does NOT open"), "{}", wrong.out);
    assert!(wrong.err.contains("custody keys prove"), "{}", wrong.err);

    // Nobody said that it is encrypted: what is found is named, and is no failure.
    let found = bench.custody(taking_keys(&bench, &image, &[])).ends_with(0);
    assert!(found.out.contains("none opens bitlocker volume"), "{}", found.out);
}

#[test]
fn an_end_needs_no_key_no_key_file_and_no_escrow() {
    for end in ["keys give-up", "abandon"] {
        let (bench, image) = bench();
        fs::write(bench.path("long.key"), vec![7; (8 << 20) + 1]).unwrap();
        fs::create_dir(bench.path("vault")).unwrap();
        let words = ["--key-file", "1=long.key", "--key-escrow", "vault/escrow"];
        bench.custody(taking_keys(&bench, &image, &words)).ends_with(3);
        fs::remove_file(bench.path("long.key")).unwrap();
        fs::remove_dir_all(bench.path("vault")).unwrap();
        // Nothing can be made where the escrow was.
        fs::write(bench.path("vault"), "").unwrap();
        let id = bench.acquisition_id();
        let mut words: Vec<&str> = end.split(' ').chain([&id[..]]).collect();
        if end == "keys give-up" {
            words.push("item-1");
        }
        words.extend(["--reason", "the stick is lost"]);
        let ended = bench.custody(words);
        assert!(ended.code == 0 || end == "abandon", "{}{}", ended.out, ended.err);
        assert!(!ended.err.contains("vault"), "{}{}", ended.out, ended.err);
        let log = bench.custody(["log", &id]).ends_with(0);
        let due = if end == "abandon" {
            "abandoned"
        } else {
            "key.given-up"
        };
        assert!(
            log.out.contains(due) || log.out.contains("given up"),
            "{}",
            log.out
        );
    }
}

#[test]
fn another_file_cannot_take_the_place_of_a_key_on_record() {
    let (bench, image) = bench();
    fs::write(bench.path("long.key"), vec![7; (8 << 20) + 1]).unwrap();
    bench
        .custody(taking_keys(&bench, &image, &["--key-file", "1=long.key"]))
        .ends_with(3);
    fs::remove_file(bench.path("long.key")).unwrap();
    let gone = bench.custody(["resume"]).ends_with(3);
    assert!(gone.err.contains("long.key"), "{}", gone.err);
    let other = bench.custody(["resume", "--key-file", "1=disk.key"]).ends_with(2);
    assert!(other.err.contains("is on record already"), "{}", other.err);
    assert!(other.err.contains("custody keys give-up"), "{}", other.err);
    assert!(
        other.err.contains("next: if that very file is there"),
        "{}",
        other.err
    );
    // As it says: what lies there again is another file, whatever it holds.
    fs::write(bench.path("long.key"), vec![7; (8 << 20) + 1]).unwrap();
    let again = bench.custody(["resume"]).ends_with(3);
    assert!(again.err.contains("found the file"), "{}", again.err);
    let beyond = bench.custody(["resume", "--key-file", "3=disk.key"]).ends_with(2);
    assert!(beyond.err.contains("names image 3"), "{}", beyond.err);
    let (plain, _) = (Bench::new(), ());
    let image = plain.image("disk.raw", 100);
    let mut words = plain.capture_words([&image]);
    words.push("--preserve-only".into());
    plain.custody(words).ends_with(3);
    let none = plain.custody(["resume", "--key-file", "1=disk.raw"]).ends_with(2);
    assert!(none.err.contains("takes no keys"), "{}", none.err);
}

#[test]
fn a_key_from_standard_input_is_entered_again_after_a_stop() {
    use custody_testkit::volume::BitLockerVolume;
    let (bench, _) = bench();
    let made = BitLockerVolume::new(1, vec![3; 1 << 20]).make();
    let image = bench.path("bitlocker.raw");
    fs::write(&image, &made.image).unwrap();
    let mut child = bench
        .command(taking_keys(&bench, &image, &["--key-file", "1=-"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&made.key_file).unwrap();
    let begun = Instant::now();
    while !bench.journals().concat().contains("snapshot.intent") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was begun");
        sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let was_kept = bench.journals().concat().contains("\"deed\":\"deposit\"");
    let without = bench.custody(["resume"]);
    if !was_kept {
        let without = without.ends_with(3);
        assert!(without.err.contains("standard input"), "{}", without.err);
        assert!(without.err.contains("--key-file N=-"), "{}", without.err);
        let again = bench.command(["resume", "--key-file", "1=-"]);
        let again = with_input(again, &made.key_file).ends_with(0);
        assert!(again.out.contains("opens the stored copy"), "{}", again.out);
    }
    assert_eq!(bench.manifest()["keys"][0]["kept"][0]["key"], 1);
    let proven = ["keys", "prove", "store", "--identity", "identity.txt"];
    bench.custody(proven).ends_with(0);
}

/// Runs `cryptsetup` with this on its standard input; how it ended.
fn cryptsetup(words: &[&str], input: &[u8]) -> Option<i32> {
    let mut command = Command::new("cryptsetup");
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    command.args(words).env("PATH", path);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait().unwrap().code()
}

/// The passphrase in the escrow, as a custodian with this identity gets it.
fn escrowed(bench: &Bench, identity: &age::x25519::Identity) -> Vec<u8> {
    use base64ct::{Base64, Encoding as _};
    let [file] = &files(&bench.path("state-home/custody/escrow"))[..] else {
        panic!("one key is in the escrow")
    };
    let record: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let wrapped = Base64::decode_vec(record["key"]["bytes"].as_str().unwrap()).unwrap();
    age::decrypt(identity, &wrapped).unwrap()
}

#[test]
#[ignore = "needs cryptsetup"]
fn cryptsetup_opens_the_stored_copy_with_the_escrowed_passphrase() {
    const PASSPHRASE: &[u8] = b"correct horse battery staple";
    let fast = "--pbkdf-force-iterations=1000";
    for (name, mib, words) in [
        ("luks1.raw", 20, &["luksFormat", "--type=luks1", fast][..]),
        (
            "luks2.raw",
            20,
            &["luksFormat", "--type=luks2", "--pbkdf=pbkdf2", fast],
        ),
        (
            "in-place.raw",
            48,
            &[
                "reencrypt",
                "--encrypt",
                "--type=luks2",
                "--pbkdf=pbkdf2",
                fast,
                "--reduce-device-size=32M",
            ],
        ),
    ] {
        let bench = Bench::new();
        let identity = age::x25519::Identity::generate();
        fs::write(bench.path("custodians.txt"), identity.to_public().to_string()).unwrap();
        let image = bench.path(name);
        fs::write(&image, &b"known text\n".repeat((mib << 20) / 11 + 1)[..mib << 20]).unwrap();
        let mut format: Vec<&str> = words.to_vec();
        format.extend(["--batch-mode", "--key-file=-", image.to_str().unwrap()]);
        assert_eq!(cryptsetup(&format, PASSPHRASE), Some(0), "{name}");
        fs::write(bench.path("passphrase"), PASSPHRASE).unwrap();
        let run = bench
            .custody(taking_keys(&bench, &image, &["--key-file", "1=passphrase"]))
            .ends_with(0);
        assert!(run.out.contains("opens the stored copy"), "{}", run.out);
        let stored = bench.acquisition().join(name);
        let open = [
            "open",
            "--test-passphrase",
            "--key-file=-",
            stored.to_str().unwrap(),
        ];
        assert_eq!(cryptsetup(&open, &escrowed(&bench, &identity)), Some(0), "{name}");
        assert_eq!(cryptsetup(&open, b"another one"), Some(2), "{name}");
        bench.verify().ends_with(0);
    }
}
