//! The key of an image is told and kept nowhere and passed on to nobody, however a run ends.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use base64ct::{Base64, Encoding as _};
use custody_testkit::volume::{BitLockerVolume, Luks2Volume};

use crate::bench::{Bench, Run};
use crate::secret_scan::Needles;
use crate::secret_scan::process::{sees_hidden_processes, watched};

const PASSPHRASE: &[u8] = b"canary-7c20-which-nobody-may-see";
const ANOTHER: &[u8] = b"canary-55f1-of-another-volume-..";

/// A bench with an image that the passphrase opens, and what a custodian brings along: keys, and an age identity.
struct Scene {
    bench: Bench,
    needles: Needles,
    /// What holds keys, as a custodian's stick does.
    brought: Vec<PathBuf>,
    /// How often a process of a run was seen.
    looks: Cell<usize>,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::new();
        let volume = Luks2Volume::new(2, PASSPHRASE, vec![9; 8 << 20]).make();
        fs::write(bench.path("disk.raw"), volume).unwrap();
        let other = BitLockerVolume::new(1, vec![3; 1 << 20]).make().key_file;
        let identity = age::x25519::Identity::generate();
        let identity_text = identity.to_string();
        let brought = [
            ("right", PASSPHRASE),
            ("wrong", ANOTHER),
            ("other.BEK", &other[..]),
            ("cut.BEK", &other[..100]),
            ("identity", identity_text.expose_secret().as_bytes()),
        ];
        fs::write(bench.path("custodians"), identity.to_public().to_string()).unwrap();
        let brought = brought.map(|(name, content)| {
            let path = bench.path(name);
            fs::write(&path, content).unwrap();
            path
        });
        fs::create_dir(bench.path("temporary")).unwrap();
        let needles = Needles::new()
            .with_secret("the passphrase", PASSPHRASE)
            .with_secret("another passphrase", ANOTHER)
            .with_secret("the key file", &other)
            .with_secret("the key in it", &other[other.len() - 32..])
            .with_secret("the identity", identity_text.expose_secret().as_bytes());
        Self {
            bench,
            needles,
            brought: brought.into(),
            looks: Cell::new(0),
        }
    }

    /// A capture of the image with the key in this file.
    fn capture(&self, key: &str) -> Command {
        let mut words = self.bench.capture_words(["disk.raw"]);
        let more = ["--key-recipients", "custodians", "--key-file"];
        words.extend(more.map(OsString::from));
        words.push(format!("1={key}").into());
        self.bench.command(words)
    }

    /// Runs it with this on its standard input, to its end or until its log says this and it is killed; demands that
    /// nothing shows a secret, then or afterwards.
    fn run(&self, mut command: Command, input: &[u8], until: Option<&str>) -> Run {
        let shown = format!("{command:?}");
        command
            .env("RUST_LOG", "trace")
            .env("TMPDIR", self.bench.path("temporary"));
        let enough = || until.is_some_and(|line| self.bench.journals().concat().contains(line));
        let seen = watched(command, input, &self.needles, enough);
        let seen = seen.unwrap_or_else(|found| panic!("{shown}: {found}"));
        self.looks.set(self.looks.get() + seen.looks);
        for printed in [&seen.output.stdout, &seen.output.stderr] {
            assert_eq!(self.needles.find(printed), None, "{shown}");
        }
        let kept = self.needles.find_below(&self.bench.path(""), &self.brought);
        assert_eq!(kept, None, "{shown}");
        Run::of(&seen.output)
    }

    /// The same of these words.
    fn custody(&self, words: &[&str], input: &[u8]) -> Run {
        self.run(self.bench.command(words), input, None)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A scan that saw nothing has found nothing.
        let looks = self.looks.get();
        assert!(
            looks > 5 || !sees_hidden_processes() || std::thread::panicking(),
            "processes were seen {looks} times"
        );
    }
}

#[test]
fn no_key_of_an_image_is_told_or_kept_by_a_capture_that_is_killed_nor_by_the_one_that_goes_on() {
    for line in [
        "\"type\":\"key.intent\"",
        "\"deed\":\"deposit\"",
        "\"type\":\"key.proof\"",
    ] {
        let scene = Scene::new();
        scene.run(scene.capture("right"), b"", Some(line));
        assert!(scene.bench.journals().concat().contains(line), "{line}");
        // What an earlier run wrapped is not unwrapped here: then it is the custodian who tries it.
        let resumed = scene.custody(&["resume"], b"");
        assert!(
            matches!(resumed.code, 0 | 3),
            "{line}: {}{}",
            resumed.out,
            resumed.err
        );
        let proven = scene
            .custody(&["keys", "prove", "store", "--identity", "identity"], b"")
            .ends_with(0);
        assert!(
            proven.out.contains("opens the stored copy"),
            "{line}: {}",
            proven.out
        );
        scene
            .custody(&["keys", "show", "store", "--json"], b"")
            .ends_with(0);
        scene.custody(&["verify", "store"], b"");
    }
}

#[test]
fn no_key_of_an_image_is_told_or_kept_where_it_is_wrong_damaged_or_refused() {
    for (key, input) in [("wrong", &b""[..]), ("cut.BEK", b""), ("-", ANOTHER)] {
        let scene = Scene::new();
        let captured = scene.run(scene.capture(key), input, None).ends_with(3);
        assert!(
            captured.err.contains("custody keys prove"),
            "{key}: {}",
            captured.err
        );
        scene.custody(&["log", "store", "--json"], b"").ends_with(0);
    }
    let scene = Scene::new();
    // Nothing can be made where the escrow is to be.
    fs::write(scene.bench.path("vault"), "").unwrap();
    let mut capture = scene.capture("right");
    capture.args(["--key-escrow", "vault/escrow"]);
    scene.run(capture, b"", None).ends_with(3);
    scene.custody(&["list", "--json"], b"").ends_with(0);
}

#[test]
fn no_key_of_an_image_is_told_or_kept_where_one_is_tried_on_what_is_stored() {
    let scene = Scene::new();
    scene.run(scene.capture("right"), b"", None).ends_with(0);
    let as_text = format!("{}\n", Base64::encode_string(PASSPHRASE));
    for (source, input, code) in [
        (["--key-file", "right"], &b""[..], 0),
        (["--key-file", "-"], PASSPHRASE, 0),
        (["--key-file", "-"], as_text.as_bytes(), 0),
        (["--identity", "identity"], b"", 0),
        (["--key-file", "wrong"], b"", 1),
        (["--key-file", "other.BEK"], b"", 1),
        (["--key-file", "-"], ANOTHER, 1),
        // Not a key, and tried as a passphrase all the same.
        (["--key-file", "cut.BEK"], b"", 1),
    ] {
        for form in [&[][..], &["--json"]] {
            let words = [&["keys", "prove", "store"][..], &source, form].concat();
            let run = scene.custody(&words, input);
            assert_eq!(run.code, code, "{words:?}: {}{}", run.out, run.err);
        }
    }
    scene
        .custody(&["keys", "show", &scene.bench.acquisition_id()], b"")
        .ends_with(0);
}
