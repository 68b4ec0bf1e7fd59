//! Keys of encrypted disks: from their owners' vaults into the security team's, and proven on the stored copies.

mod bad_luck;
mod canary;
mod digests;
mod judges;
mod prove;

use std::process::Command;

use base64ct::{Base64, Encoding as _};
use custody_testkit::azure_sim::{Bytes, LroStyle, Scenario, StoredSecret};
use custody_testkit::fake::pattern;
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks2Volume};
use serde_json::Value;

use crate::lab::{Lab, Run};

const OWNERS: &str = Scenario::LAB_KEY_VAULT;
const CENTER: &str = Scenario::LAB_SOC_VAULT;
const OS_DISK: &str = "web-01_OsDisk_1";
const BITLOCKER_DISK: &str = "web-01-data-0";
const LUKS_DISK: &str = "web-01-data-1";

/// A small system's disk without encryption, and operations that are answered at once: nothing waits for a look.
fn quick(scenario: &mut Scenario) {
    let system = BitLockerVolume::ntfs_content(1 << 20);
    let system = GptDisk::new(512).with_partition(system).make().image;
    scenario.disk_mut(OS_DISK).bytes = Bytes::Exactly(system);
    scenario.timing.long_running.style = LroStyle::Direct;
    scenario.timing.copy_polls = 0;
}

/// The lab with a BitLocker and a LUKS data disk, the second one's key wrapped by the owners' key.
struct KeyLab {
    lab: Lab,
    bitlocker_key: Vec<u8>,
    passphrase: Vec<u8>,
}

impl KeyLab {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, changed before it starts.
    fn with(change: impl FnOnce(&mut Scenario)) -> Self {
        let bitlocker = BitLockerVolume::new(1, vec![3; 2 << 20]).make();
        Self::of(bitlocker.image, bitlocker.key_file, change)
    }

    /// With this BitLocker volume, and this as its key.
    fn of(volume: Vec<u8>, key: Vec<u8>, change: impl FnOnce(&mut Scenario)) -> Self {
        let passphrase = pattern(32, 5);
        let luks = Luks2Volume::new(2, &passphrase, vec![9; 1 << 20]).make();
        let mut scenario = Scenario::lab_with_keys(&key, &passphrase);
        for (disk, volume) in [(BITLOCKER_DISK, volume), (LUKS_DISK, luks)] {
            let image = GptDisk::new(512).with_partition(volume).make().image;
            scenario.disk_mut(disk).bytes = Bytes::Exactly(image);
        }
        change(&mut scenario);
        Self::over(scenario, key, passphrase)
    }

    /// Over a cloud in which these are the keys of the data disks.
    fn over(scenario: Scenario, bitlocker_key: Vec<u8>, passphrase: Vec<u8>) -> Self {
        let lab = Lab::of(scenario);
        lab.azure.name_vaults_by_ports();
        Self {
            lab,
            bitlocker_key,
            passphrase,
        }
    }

    /// The security team's vault.
    fn vault(&self) -> String {
        self.lab.azure.endpoints().unwrap().tls.vault[CENTER].clone()
    }

    /// The command that captures the machine and takes its keys into that vault.
    fn capture_command(&self, options: &[&str]) -> Command {
        let vault = self.vault();
        self.lab
            .capture_command(&[&["--vault", &vault], options].concat())
    }

    fn capture(&self, options: &[&str]) -> Run {
        Run::of(&self.capture_command(options).output().unwrap())
    }

    fn keys(&self) -> [&[u8]; 2] {
        [&self.bitlocker_key, &self.passphrase]
    }

    /// The secret of this name in the security team's vault.
    fn kept(&self, name: &str) -> StoredSecret {
        let kept = self.lab.azure.secret(CENTER, name);
        kept.unwrap_or_else(|| panic!("no {name} in {:?}", self.lab.azure.secret_names(CENTER)))
    }

    /// The names of the keys that are in the security team's vault.
    fn kept_keys(&self) -> Vec<String> {
        let names = self.lab.azure.secret_names(CENTER);
        let of_keys = names
            .into_iter()
            .filter(|name| !name.contains("-hash-") && !name.ends_with("-custody-record"));
        of_keys.collect()
    }

    fn is_sealed(&self) -> bool {
        let blobs = self.lab.blobs();
        blobs.iter().any(|name| name.ends_with("manifest.dsse.json"))
    }
}

#[test]
fn the_keys_of_encrypted_disks_are_kept_in_the_centers_vault_and_open_the_stored_copies() {
    let lab = KeyLab::new();
    let captured = lab.capture(&["--json"]).expect(0);
    let told = captured.json();
    assert_eq!(told["state"], "complete", "{told}");
    lab.lab.nothing_is_left_at_the_source("with keys");
    let mut opened = 0;
    for item in told["items"].as_array().unwrap() {
        let events = snapshots_of(&lab, &told, item);
        let [snapshot] = events.as_slice() else {
            panic!("{events:?}")
        };
        let stored = item["digests"]["stored_file"].as_str().unwrap();
        let digest = lab.kept(&format!("{snapshot}-hash-SHA256"));
        assert!(digest.value.eq_ignore_ascii_case(stored), "{item}");
        assert_eq!(digest.content_type.as_deref(), Some("text/plain"));
        assert_eq!(digest.tags["case"], "C-1");
        assert_eq!(digest.tags["object"], item["object"].as_str().unwrap());
        assert!(!digest.tags["disk unique id"].is_empty(), "{digest:?}");
        let lun = ["data-0", "data-1"]
            .iter()
            .position(|name| snapshot.ends_with(name));
        let lun = lun.map(|lun| lun.to_string());
        assert_eq!(digest.tags.get("lun"), lun.as_ref(), "{snapshot}");
        lab.kept(&format!("{snapshot}-hash-SHA256-data"));
        if lab.kept_keys().contains(snapshot) {
            let keys = lab.keys().map(Base64::encode_string);
            let kept = lab.kept(snapshot);
            assert!(
                keys.contains(&kept.value),
                "the runbook's users find the key in its form"
            );
            assert_eq!(kept.content_type.as_deref(), Some("BEK"));
            assert_eq!(kept.tags["MachineName"], "WEB-01");
            opened += 1;
        }
    }
    assert_eq!(opened, 2, "{:?}", lab.lab.azure.secret_names(CENTER));
    let shown = lab
        .lab
        .custody(&["keys", "show", told["acquisition"].as_str().unwrap()]);
    assert_eq!(shown.expect(0).out.matches("opens the stored copy").count(), 2);
    lab.lab.verify().expect(0);
    let store = lab.lab.store();
    let settings = ["--config", "custody.toml"];
    let shown = lab
        .lab
        .custody(&[&["keys", "show", &store][..], &settings].concat())
        .expect(0);
    for name in lab.kept_keys() {
        assert!(shown.out.contains(&name), "{name}: {}", shown.out);
    }
}

/// The item of the disk that has this in its name.
fn item_of(told: &Value, disk: &str) -> String {
    let mut items = told["items"].as_array().unwrap().iter();
    let item = items.find(|item| item["object"].as_str().unwrap().contains(disk));
    item.unwrap()["item"].as_str().unwrap().to_owned()
}

/// The names that an item's disk snapshot had in Azure, as its log tells.
fn snapshots_of(lab: &KeyLab, told: &Value, item: &Value) -> Vec<String> {
    let log = lab
        .lab
        .custody(&["log", told["acquisition"].as_str().unwrap(), "--json"])
        .expect(0);
    let lines = log
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let done = lines.filter(|line| line["type"] == "snapshot.done" && line["what"]["item"] == item["item"]);
    let ids = done.map(|line| line["what"]["snapshot"]["attributes"]["resourceId"].clone());
    ids.map(|id| id.as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect()
}

#[test]
fn without_a_vault_to_keep_them_in_the_disks_are_taken_and_the_keys_are_not() {
    let lab = KeyLab::new();
    let without = lab.lab.capture(&["--json"]).expect(3).json();
    let error = without["error"].as_str().unwrap();
    assert!(error.contains("key was not taken"), "{without}");
    assert_eq!(lab.kept_keys(), [""; 0]);
    assert_eq!(
        lab.lab.azure.snapshots().len(),
        2,
        "what cannot be read without its key is kept"
    );
}

#[test]
fn with_a_wrapping_key_nothing_in_the_centers_vault_opens_a_disk_without_it() {
    let lab = KeyLab::new();
    let captured = lab
        .capture(&["--wrapping-key", Scenario::LAB_SOC_KEY, "--json"])
        .expect(0);
    let told = captured.json();
    let keys = told["items"].as_array().unwrap().iter();
    let opened = keys.filter(|item| item["keys"].to_string().contains("RSA-OAEP-256"));
    assert_eq!(opened.count(), 2, "{told}");
    assert_eq!(lab.kept_keys().len(), 2);
    for name in lab.lab.azure.secret_names(CENTER) {
        let value = lab.kept(&name).value;
        for key in lab.keys() {
            assert!(!value.contains(&Base64::encode_string(key)), "{name} holds a key");
        }
    }
}

#[test]
fn a_key_that_does_not_open_its_disk_is_said_and_the_disk_snapshot_kept() {
    let volume = BitLockerVolume::new(1, vec![3; 2 << 20]).make();
    let another = BitLockerVolume::new(7, vec![3; 2 << 20]).make();
    let lab = KeyLab::of(volume.image, another.key_file, |_| {});
    let run = lab.capture(&[]).expect(3);
    assert!(run.out.contains("does NOT open the stored copy"), "{run:?}");
    assert!(run.err.contains("custody keys prove"), "{run:?}");
    assert!(lab.is_sealed());
    let [kept] = &lab.lab.azure.snapshots()[..] else {
        panic!("{:?}", lab.lab.azure.snapshots())
    };
    assert!(kept.name.contains("data-0"), "{kept:?}");
}
