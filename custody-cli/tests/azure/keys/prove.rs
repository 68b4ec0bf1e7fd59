//! Keys tried on evidence at rest in a container.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use custody_testkit::azure_sim::JournalEntry;
use custody_testkit::fake::pattern;
use custody_testkit::volume::BitLockerVolume;
use serde_json::Value;

use super::{KeyLab, item_of, quick};
use crate::json_schemas::Schemas;
use crate::lab::Run;

/// The disks of the lab, one of them without a key, sealed in the container.
struct AtRest {
    lab: KeyLab,
    told: Value,
    /// Where a custodian has keys.
    stick: tempfile::TempDir,
}

impl AtRest {
    fn new() -> Self {
        let lab = KeyLab::with(quick);
        let told = lab.capture(&["--json"]).expect(0).json();
        let stick = tempfile::tempdir().unwrap();
        Self { lab, told, stick }
    }

    /// The file of a key that a custodian has.
    fn file(&self, content: &[u8]) -> String {
        let path = self.stick.path().join("key");
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, item: Option<&str>, options: &[&str]) -> Command {
        let store = self.lab.lab.store();
        let words = ["keys", "prove", &store, "--config", "custody.toml"];
        let item: Vec<&str> = item.into_iter().collect();
        self.lab.lab.command(&[&words[..], &item, options].concat())
    }

    /// Tries the key in a file on the item of a disk, in text and in JSON: both come to this, and the store is read only.
    fn tried(&self, disk: &str, key: &str, code: i32) -> (Run, Value) {
        let item = item_of(&self.told, disk);
        let (blobs, asked) = (self.lab.lab.blobs(), self.asked());
        let run = |form: &[&str]| {
            let options = [&["--key-file", key][..], form].concat();
            Run::of(&self.command(Some(&item), &options).output().unwrap()).expect(code)
        };
        let (text, json) = (run(&[]), run(&["--json"]).json());
        Schemas::load().hold("output-keys-prove", &json);
        assert_eq!(json["acquisition"], self.told["acquisition"]);
        assert_eq!(json["exit"], code);
        let [proof] = json["proofs"].as_array().unwrap().as_slice() else {
            panic!("{json}")
        };
        assert_eq!(proof["item"], item.as_str());
        assert_eq!(proof["key"], key);
        assert!(proof["object"].as_str().unwrap().contains(disk), "{proof}");
        assert_eq!(self.lab.lab.blobs(), blobs);
        for call in &self.asked()[asked.len()..] {
            let reads = ["GET", "HEAD"].contains(&&*call.method);
            assert!(reads || call.path.ends_with("/token"), "{call}");
            assert!(!call.host.contains("vault"), "{call}");
        }
        let proof = json["proofs"][0]["proof"].clone();
        (text, proof)
    }

    fn asked(&self) -> Vec<JournalEntry> {
        self.lab.lab.azure.journal()
    }
}

/// The name of a disk's key in the security team's vault.
pub(super) fn name_of(lab: &KeyLab, disk: &str) -> String {
    let mut names = lab.kept_keys().into_iter().filter(|name| name.ends_with(disk));
    names.next().unwrap_or_else(|| panic!("no key of {disk}"))
}

#[test]
fn the_key_of_a_disk_opens_its_item_in_the_container_as_a_file_and_as_the_vault_gives_it() {
    let rest = AtRest::new();
    for ((disk, format), key) in [("data-0", "bitlocker"), ("data-1", "luks2")]
        .into_iter()
        .zip(rest.lab.keys())
    {
        let (text, proof) = rest.tried(disk, &rest.file(key), 0);
        assert!(text.out.contains("opens the stored copy"), "{text:?}");
        assert_eq!(proof["verdict"]["verdict"], "opens", "{proof}");
        let [volume] = proof["volumes"].as_array().unwrap().as_slice() else {
            panic!("{proof}")
        };
        assert_eq!(volume["format"], format);
        assert_eq!(volume["range"]["start"], "1048576");

        // As `az keyvault secret show --query value -o tsv` prints it.
        let printed = format!("{}\n", rest.lab.kept(&name_of(&rest.lab, disk)).value);
        let item = item_of(&rest.told, disk);
        let command = rest.command(Some(&item), &["--key-file", "-", "--json"]);
        let entered = with_input(command, printed.as_bytes()).expect(0).json();
        assert_eq!(entered["proofs"][0]["proof"]["verdict"]["verdict"], "opens");
        assert_eq!(entered["proofs"][0]["key"], "standard input");
    }
}

#[test]
fn the_key_of_another_disk_opens_no_item_of_the_container_and_that_is_no_failure_to_look() {
    let rest = AtRest::new();
    let another = BitLockerVolume::new(7, vec![3; 2 << 20]).make().key_file;
    let [bitlocker, passphrase] = rest.lab.keys();
    for (disk, key) in [
        ("data-0", &another[..]),
        ("data-0", passphrase),
        ("data-1", &pattern(32, 6)),
        ("data-1", bitlocker),
    ] {
        let (text, proof) = rest.tried(disk, &rest.file(key), 1);
        assert!(text.out.contains("does NOT open the stored copy"), "{text:?}");
        assert!(text.err.contains("custody keys show"), "{text:?}");
        assert_eq!(proof["verdict"]["verdict"], "does-not-open", "{disk}: {proof}");
    }
    // Of a file that is no whole key nothing is said but that.
    let (text, proof) = rest.tried("data-0", &rest.file(&bitlocker[..100]), 3);
    assert!(text.out.contains("could not be tried"), "{text:?}");
    assert_eq!(proof["verdict"]["verdict"], "cannot-tell", "{proof}");
}

#[test]
fn an_item_that_has_no_key_is_said_to_be_not_encrypted_and_what_was_seen_instead() {
    let rest = AtRest::new();
    let key = rest.file(rest.lab.keys()[0]);
    let (text, proof) = rest.tried("OsDisk", &key, 1);
    assert!(text.out.contains("no encrypted volume was found"), "{text:?}");
    assert_eq!(proof["verdict"]["verdict"], "not-encrypted", "{proof}");
    assert!(proof["notes"].to_string().contains("NTFS"), "{proof}");
}

#[test]
fn which_item_a_key_is_for_must_be_said_and_a_key_in_a_vault_is_read_there() {
    let rest = AtRest::new();
    let key = rest.file(rest.lab.keys()[0]);
    let run = |item, options: &[&str]| Run::of(&rest.command(item, options).output().unwrap());
    let unnamed = run(None, &["--key-file", &key]).expect(2);
    assert!(
        unnamed.err.contains("name the item that the key is for"),
        "{unnamed:?}"
    );
    let missing = run(Some("item-9"), &["--key-file", &key, "--json"]).expect(3);
    assert!(
        missing.json()["error"].as_str().unwrap().contains("item-9"),
        "{missing:?}"
    );
    // The escrow of this capture is a vault, and an identity unwraps what a directory holds.
    let identity = rest.stick.path().join("identity");
    let made = age::x25519::Identity::generate().to_string();
    fs::write(&identity, age::secrecy::ExposeSecret::expose_secret(&made)).unwrap();
    let escrow = rest.stick.path().join("escrow");
    fs::create_dir(&escrow).unwrap();
    let options = ["--identity", text_of(&identity), "--key-escrow", text_of(&escrow)];
    let elsewhere = run(None, &options).expect(3);
    assert!(
        elsewhere.err.contains("read it there by your own right"),
        "{elsewhere:?}"
    );
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs it with this on its standard input.
fn with_input(mut command: Command, input: &[u8]) -> Run {
    use std::io::Write as _;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Run::of(&child.wait_with_output().unwrap())
}
