//! No key in plain form, and nothing else that opens anything, is told, kept or passed on, however a run ends.
//!
//! Looked at are what is printed, the worker's folder with its settings, its state and what is temporary, every blob, what
//! vaults keep beside the keys themselves, the addresses that were asked, and arguments and environment. Memory is not.

use std::cell::Cell;
use std::fs;
use std::process::Command;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario};
use custody_testkit::fake::pattern;
use custody_testkit::volume::BitLockerVolume;
use serde_json::Value;

use super::{CENTER, KeyLab, OWNERS, quick};
use crate::lab::{Run, side_by_side};
use crate::secret_scan::Needles;
use crate::secret_scan::process::{sees_hidden_processes, watched};

/// The secret bytes of a key file are its last.
const KEY_BYTES: usize = 32;
/// What a secret of a key in plain form says of its content, as the runbook has it.
const PLAIN: &str = "BEK";

/// A lab whose runs are looked at.
struct Scene {
    lab: KeyLab,
    needles: Needles,
    /// How often a process of a run was seen.
    looks: Cell<usize>,
}

impl Scene {
    fn of(lab: KeyLab) -> Self {
        let [bitlocker, passphrase] = lab.keys();
        let needles = Needles::new()
            .with_secret("the key file", bitlocker)
            .with_secret("the key in it", &bitlocker[bitlocker.len() - KEY_BYTES..])
            .with_secret("the passphrase", passphrase)
            .with_secret("the client's secret", Scenario::LAB_CLIENT_SECRET.as_bytes());
        fs::create_dir(lab.lab.path("temporary")).unwrap();
        Self {
            lab,
            needles,
            looks: Cell::new(0),
        }
    }

    /// Runs it with this on its standard input, to its end or until its log says this and it is killed; demands that
    /// neither its process nor what it prints shows a secret.
    fn run(&self, mut command: Command, input: &[u8], until: Option<&str>) -> Run {
        let shown = format!("{command:?}");
        command
            .env("RUST_LOG", "trace")
            .env("AZURE_LOG_LEVEL", "debug")
            .env("TMPDIR", self.lab.lab.path("temporary"));
        let enough = || until.is_some_and(|line| self.lab.lab.journals().contains(line));
        let seen = watched(command, input, &self.needles, enough);
        let seen = seen.unwrap_or_else(|found| panic!("{shown}: {found}"));
        self.looks.set(self.looks.get() + seen.looks);
        for printed in [&seen.output.stdout, &seen.output.stderr] {
            assert_eq!(self.needles.find(printed), None, "{shown}");
        }
        Run::of(&seen.output)
    }

    /// Captures the machine, and looks at what is kept then.
    fn capture(&self, options: &[&str], until: Option<&str>) -> Run {
        let run = self.run(self.lab.capture_command(options), b"", until);
        self.nothing_is_kept(&format!("after a capture {options:?} {until:?}"));
        run
    }

    /// The same of these words.
    fn custody(&self, words: &[&str], input: &[u8]) -> Run {
        self.run(self.lab.lab.command(words), input, None)
    }

    /// Goes on with the acquisition, and has all told of it that can be, in text and in JSON.
    fn goes_on_and_tells(&self) -> Run {
        let resumed = self.custody(&["resume"], b"");
        let store = self.lab.lab.store();
        let id = self.acquisition();
        for words in [
            &["keys", "show", &id][..],
            &["keys", "show", &store, "--config", "custody.toml"],
            &["verify", &store, "--config", "custody.toml"],
            &["log", &id],
        ] {
            for form in [&[][..], &["--json"]] {
                let run = self.custody(&[words, form].concat(), b"");
                assert_ne!(run.code, 2, "{words:?}: {run:?}");
            }
        }
        self.nothing_is_kept("in the end");
        resumed
    }

    /// The id of the one acquisition.
    fn acquisition(&self) -> String {
        let folder = self.lab.lab.path("state/acquisitions");
        let mut all = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let only = all.next().unwrap().into_string().unwrap();
        assert_eq!(all.next(), None);
        only
    }

    fn nothing_is_kept(&self, when: &str) {
        let (lab, azure) = (&self.lab.lab, &self.lab.lab.azure);
        let holds_none = |place: &str, bytes: &[u8]| {
            assert_eq!(self.needles.find(bytes), None, "{when}: {place}");
        };
        let own = [lab.path("client-secret")];
        assert_eq!(self.needles.find_below(&lab.path(""), &own), None, "{when}");
        for account in &lab.scenario.storage_accounts {
            for container in &account.containers {
                for name in azure.blob_names(&account.name, &container.name) {
                    let blob = azure.blob(&account.name, &container.name, &name).unwrap();
                    holds_none(
                        "a blob's name and metadata",
                        format!("{name} {:?}", blob.metadata).as_bytes(),
                    );
                    holds_none(&name, &blob.bytes().unwrap());
                }
            }
        }
        for vault in [OWNERS, CENTER] {
            for name in azure.secret_names(vault) {
                let secret = azure.secret(vault, &name).unwrap();
                holds_none(
                    "what a secret says of itself",
                    format!("{name} {secret:?}").as_bytes(),
                );
                let is_a_key = vault == OWNERS || secret.content_type.as_deref() == Some(PLAIN);
                if !is_a_key {
                    holds_none(&name, secret.value.as_bytes());
                }
            }
        }
        for call in azure.journal() {
            holds_none("an address that was asked", format!("{call:?}").as_bytes());
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A scan that saw nothing has found nothing.
        let looks = self.looks.get();
        assert!(
            looks > 20 || !sees_hidden_processes() || std::thread::panicking(),
            "processes were seen {looks} times"
        );
    }
}

/// Both keys in the forms in which vaults have them, for refusals that repeat what they were shown.
fn repeated(lab: &KeyLab) -> String {
    let forms = lab.keys().map(|key| {
        let hex = custody_core::hex::encode(key);
        format!(
            "{} {} {hex}",
            Base64::encode_string(key),
            Base64UrlUnpadded::encode_string(key)
        )
    });
    forms.join(" ")
}

/// Every such call to this vault is refused, in words that repeat the keys.
fn refuse(lab: &KeyLab, vault: &str, method: &str, path: &str, status: u16, code: &str) {
    let action = FaultAction::Status {
        status,
        code: code.into(),
        message: format!("The request with value {} is refused.", repeated(lab)),
        retry_after: None,
    };
    let fault = Fault::on(method, path, action).at_host(&format!("{vault}*"));
    lab.lab.azure.inject(fault);
}

fn of_another_volume() -> KeyLab {
    let volume = BitLockerVolume::new(1, vec![3; 2 << 20]).make();
    let another = BitLockerVolume::new(7, vec![3; 2 << 20]).make();
    KeyLab::of(volume.image, another.key_file, quick)
}

/// How a capture ends: what the lab is, what stands in the way, with which options, the exit, and what it says.
type Ending = (
    &'static str,
    fn() -> KeyLab,
    fn(&KeyLab),
    &'static [&'static str],
    i32,
    &'static str,
);

const ENDINGS: [Ending; 9] = [
    (
        "all goes well",
        || KeyLab::with(quick),
        |_| {},
        &[],
        0,
        "opens the stored copy",
    ),
    (
        "all goes well, in JSON, the keys wrapped",
        || KeyLab::with(quick),
        |_| {},
        &["--json", "--wrapping-key", Scenario::LAB_SOC_KEY],
        0,
        "RSA-OAEP-256",
    ),
    (
        "a key of another volume",
        of_another_volume,
        |_| {},
        &[],
        3,
        "does NOT open the stored copy",
    ),
    (
        "the owners' vault refuses",
        || KeyLab::with(quick),
        // It was shown no key that it could repeat.
        |lab| {
            let refused = FaultAction::status(403, "Forbidden/ForbiddenByRbac");
            let fault = Fault::on("GET", "/secrets/*", refused);
            lab.lab.azure.inject(fault.at_host(&format!("{OWNERS}*")));
        },
        &["--json"],
        3,
        "getSecret",
    ),
    (
        "the center's vault refuses a key",
        || KeyLab::with(quick),
        |lab| refuse(lab, CENTER, "PUT", "/secrets/*", 403, "Forbidden/ForbiddenByRbac"),
        &[],
        3,
        "setSecret",
    ),
    (
        "the center's vault finds fault with a key",
        || KeyLab::with(quick),
        |lab| refuse(lab, CENTER, "PUT", "/secrets/*", 400, "BadParameter/InnerCode"),
        &["--json"],
        3,
        "InnerCode",
    ),
    (
        "a key-encryption key that may not be used",
        || KeyLab::with(quick),
        |lab| lab.lab.azure.disable_in_vault(OWNERS, Scenario::LAB_KEK),
        &[],
        3,
        "it is disabled",
    ),
    (
        "a key that cannot be unwrapped",
        || {
            KeyLab::with(|scenario| {
                quick(scenario);
                let garbage = Base64UrlUnpadded::encode_string(&pattern(256, 6));
                scenario.vaults[0].secrets[1].value = garbage;
            })
        },
        |_| {},
        &["--json"],
        4,
        "unwrap",
    ),
    (
        "the center's own key refuses",
        || KeyLab::with(quick),
        |lab| refuse(lab, CENTER, "POST", "/keys/*", 403, "Forbidden/ForbiddenByRbac"),
        &["--wrapping-key", Scenario::LAB_SOC_KEY],
        3,
        "wrap",
    ),
];

#[test]
fn i07_no_key_is_told_kept_or_passed_on_by_a_capture_however_it_ends() {
    side_by_side(&ENDINGS, |(name, lab, obstruct, options, code, says)| {
        let scene = Scene::of(lab());
        obstruct(&scene.lab);
        let run = scene.capture(options, None);
        assert_eq!(run.code, code, "{name}: {run:?}");
        let said = format!("{}{}", run.out, run.err);
        assert!(said.contains(says), "{name}: {says:?} is not in {run:?}");
        // What stands in the way stands there still.
        scene.goes_on_and_tells();
        if name == "all goes well" {
            // The scan sees the keys where they belong.
            for kept in scene.lab.kept_keys() {
                let value = scene.lab.kept(&kept).value;
                assert!(scene.needles.find(value.as_bytes()).is_some(), "{kept}");
            }
        }
    });
}

#[test]
fn i07_no_key_is_told_or_kept_by_a_capture_that_is_killed_nor_by_the_one_that_goes_on() {
    for line in [
        "\"type\":\"key.intent\"",
        "\"deed\":\"deposit\"",
        "\"type\":\"key.proof\"",
    ] {
        let scene = Scene::of(KeyLab::with(quick));
        scene.capture(&[], Some(line));
        assert!(scene.lab.lab.journals().contains(line), "{line}");
        scene.goes_on_and_tells().expect(0);
        assert_eq!(scene.lab.kept_keys().len(), 2, "{line}");
        scene.lab.lab.nothing_is_left_at_the_source(line);
    }
}

#[test]
fn i07_no_key_is_told_or_kept_where_one_is_tried_on_stored_evidence() {
    let another = BitLockerVolume::new(7, vec![3; 2 << 20]).make().key_file;
    let mut scene = Scene::of(KeyLab::with(quick));
    scene.needles = std::mem::replace(&mut scene.needles, Needles::new())
        .with_secret("another key file", &another)
        .with_secret("the key in another file", &another[another.len() - KEY_BYTES..]);
    let told: Value = scene.capture(&["--json"], None).expect(0).json();
    // The custodian's own stick is not looked at.
    let stick = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = stick.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [bitlocker, passphrase] = scene.lab.keys();
    let files = [
        file("right.BEK", bitlocker),
        file("right", passphrase),
        file("another.BEK", &another),
        file("cut.BEK", &bitlocker[..100]),
    ];
    let store = scene.lab.lab.store();
    for disk in ["data-0", "data-1"] {
        let item = super::item_of(&told, disk);
        let name = super::prove::name_of(&scene.lab, disk);
        let from_vault = format!("{}\n", scene.lab.kept(&name).value);
        let words = [
            "keys",
            "prove",
            &store,
            &item,
            "--config",
            "custody.toml",
            "--key-file",
        ];
        for form in [&[][..], &["--json"]] {
            let entered = [&words[..], &["-"], form].concat();
            scene.custody(&entered, from_vault.as_bytes()).expect(0);
            for key in &files {
                let run = scene.custody(&[&words[..], &[key], form].concat(), b"");
                assert_ne!(run.code, 2, "{disk} {key}: {run:?}");
            }
        }
    }
    scene.nothing_is_kept("in the end");
}

#[test]
#[ignore = "needs root"]
fn i07_the_environment_of_a_process_that_hides_its_memory_is_seen_and_holds_no_key() {
    assert!(sees_hidden_processes(), "this test has no right to look");
    let scene = Scene::of(KeyLab::with(quick));
    scene.capture(&[], None).expect(0);
    // Every look counts in which all of a process was seen; one at which a part is hidden is an error here.
    assert!(scene.looks.get() > 20, "{} looks", scene.looks.get());
}
