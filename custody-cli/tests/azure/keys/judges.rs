//! Microsoft's own clients read what was escrowed, and others' tools open the stored disk with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::{Base64, Encoding as _};
use custody_testkit::azure_sim::Scenario;
use custody_testkit::volume::BitLockerVolume;
use serde_json::Value;

use super::{CENTER, KeyLab, item_of};
use crate::demo_machine;

/// Runs Microsoft's clients against the security team's vault: the keys of the items come into files of this folder.
fn fetch_by_microsofts_clients(lab: &KeyLab, told: &Value, folder: &Path) {
    let services = &lab.lab.azure.endpoints().unwrap().tls;
    let items = told["items"].as_array().unwrap().iter().map(|item| {
        let snapshots = super::snapshots_of(lab, told, item);
        let mut item = item.clone();
        item["snapshot"] = snapshots[0].as_str().into();
        item
    });
    fs::write(folder.join("items.json"), Value::from_iter(items).to_string()).unwrap();
    let python = std::env::var("CUSTODY_AZURE_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azure/keys/fetch.py"))
        .current_dir(folder)
        .env(
            "REQUESTS_CA_BUNDLE",
            &lab.lab.azure.endpoints().unwrap().ca_certificate,
        )
        .env("NO_PROXY", "127.0.0.1")
        .env("SIM_LOGIN", &services.login)
        .env("SIM_VAULT", &services.vault[CENTER])
        .env("SIM_TENANT", &Scenario::lab().tenants[0])
        .env("SIM_CLIENT", Scenario::LAB_CLIENT_ID)
        .env("SIM_SECRET", Scenario::LAB_CLIENT_SECRET)
        .output()
        .unwrap();
    let (said, complaint) = (output.stdout, output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&said).trim_end(),
        "all held",
        "{}",
        String::from_utf8_lossy(&complaint)
    );
}

#[test]
#[ignore = "needs the Azure SDK for Python"]
fn microsofts_python_clients_read_the_escrow_of_a_capture_by_the_runbooks_names_and_unwrap_it() {
    for options in [
        &["--json"][..],
        &["--json", "--wrapping-key", Scenario::LAB_SOC_KEY],
    ] {
        let lab = KeyLab::new();
        let told = lab.capture(options).expect(0).json();
        let folder = tempfile::tempdir().unwrap();
        fetch_by_microsofts_clients(&lab, &told, folder.path());
        for (disk, due) in ["data-0", "data-1"].into_iter().zip(lab.keys()) {
            assert_eq!(fetched(folder.path(), disk), due, "{options:?}: {disk}");
        }
    }
}

#[test]
#[ignore = "needs the Azure SDK for Python"]
fn microsofts_python_clients_undo_the_seal_of_a_key_that_is_too_long_for_the_wrapping_key() {
    // A key file of the longest form: its description is longer.
    let volume = BitLockerVolume::new(1, vec![3; 2 << 20]).make();
    let mut long = volume.key_file.clone();
    long.resize(200, 0);
    let lab = KeyLab::of(volume.image, long.clone(), |_| {});
    let options = ["--json", "--wrapping-key", Scenario::LAB_SOC_KEY];
    // It is none that opens the volume; it is kept all the same.
    let told = lab.capture(&options).expect(3).json();
    let folder = tempfile::tempdir().unwrap();
    fetch_by_microsofts_clients(&lab, &told, folder.path());
    assert_eq!(fetched(folder.path(), "data-0"), long);
}

fn fetched(folder: &Path, disk: &str) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.to_str().unwrap().ends_with(&format!("{disk}.BEK")));
    fs::read(files.next().unwrap_or_else(|| panic!("no key of {disk}"))).unwrap()
}

/// The encrypted volume of a stored disk: the bytes at the place that its proof tells.
fn stored_volume(lab: &KeyLab, told: &Value, disk: &str) -> Vec<u8> {
    let store = lab.lab.store();
    let shown = ["keys", "show", &store, "--config", "custody.toml", "--json"];
    let shown = lab.lab.custody(&shown).expect(0).json();
    let item = item_of(told, disk);
    let mut items = shown["acquisitions"][0]["items"].as_array().unwrap().iter();
    let range = &items.find(|keys| keys["item"] == item).unwrap()["kept"][0]["proof"]["volumes"][0]["range"];
    let [start, end] = ["start", "end"].map(|end| range[end].as_str().unwrap().parse::<usize>().unwrap());
    let mut items = told["items"].as_array().unwrap().iter();
    let object = &items.find(|one| one["item"] == item).unwrap()["object"];
    let azure = &lab.lab.azure;
    let blob = azure.blob(
        Scenario::LAB_ACCOUNT,
        Scenario::LAB_CONTAINER,
        object.as_str().unwrap(),
    );
    blob.unwrap().bytes().unwrap()[start..end].to_vec()
}

/// How cryptsetup ends that tries the key in a file on a volume.
fn tried_by_cryptsetup(kind: &str, volume: &Path, key: &Path) -> Option<i32> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let output = Command::new("cryptsetup")
        .args(["open", "--test-passphrase", "--type", kind, "--key-file"])
        .args([key, volume])
        .env("PATH", path)
        .output();
    output.unwrap().status.code()
}

#[test]
#[ignore = "needs the Azure SDK for Python, cryptsetup, bdemount, root and fuse"]
fn the_demonstrations_encrypted_disks_are_opened_by_cryptsetup_and_libbde_with_their_escrowed_keys() {
    for options in [
        &["--json"][..],
        &["--json", "--wrapping-key", Scenario::LAB_SOC_KEY],
    ] {
        let made = demo_machine::bitlocker();
        let lab = KeyLab::over(
            demo_machine::scenario(),
            made.key_file,
            demo_machine::passphrase(),
        );
        let told = lab.capture(options).expect(0).json();
        let folder = tempfile::tempdir().unwrap();
        fetch_by_microsofts_clients(&lab, &told, folder.path());
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let bitlocker = file("bitlocker", &stored_volume(&lab, &told, "data-0"));
        let luks = file("luks", &stored_volume(&lab, &told, "data-1"));
        let (key, passphrase) = (fetched(folder.path(), "data-0"), fetched(folder.path(), "data-1"));
        let (key, passphrase) = (file("key.BEK", &key), file("passphrase", &passphrase));
        assert_eq!(tried_by_cryptsetup("luks", &luks, &passphrase), Some(0));
        assert_eq!(tried_by_cryptsetup("luks", &luks, &key), Some(2), "another key");
        assert_eq!(tried_by_cryptsetup("bitlk", &bitlocker, &key), Some(0));
        assert_ne!(tried_by_cryptsetup("bitlk", &bitlocker, &passphrase), Some(0));
        let due = custody_core::digest::Sha256Digest::of(&made.plaintext).to_string();
        assert_eq!(decrypted_by_libbde(&bitlocker, &key), due);
    }
}

/// A real volume with its key, and the digest of its content that those who made it published.
fn real_volume(folder: &Path) -> (Vec<u8>, Vec<u8>, &'static str) {
    let fixtures = std::env::var("CUSTODY_FIXTURES")
        .unwrap_or_else(|_| format!("{}/../../shared/fixtures", env!("CARGO_MANIFEST_DIR")));
    let archive = format!("{fixtures}/bitlocker/bitlk-aes-xts-128-startup-key.tar.xz");
    let unpacked = Command::new("tar")
        .args(["xJSf", &archive, "-C"])
        .arg(folder)
        .status();
    assert!(unpacked.unwrap().success(), "{archive}");
    let find = |suffix: &str| {
        let mut found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let found = found.find(|path| path.to_str().unwrap().ends_with(suffix));
        fs::read(found.unwrap_or_else(|| panic!("no {suffix} in {archive}"))).unwrap()
    };
    let published = "bbb68369d8f7badb2c2330349d9d0cf12e68f54eece25e718d2bb13feba23f7a";
    (find(".img"), find(".BEK"), published)
}

/// The digest of a volume as libbde shows it.
fn decrypted_by_libbde(volume: &Path, key: &Path) -> String {
    let mounted = tempfile::tempdir().unwrap();
    let shown = Command::new("bdemount")
        .arg("-s")
        .args([key, volume, mounted.path()])
        .output()
        .unwrap();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    let decrypted = fs::read(mounted.path().join("bde1"));
    let unmounted = Command::new("fusermount3")
        .arg("-u")
        .arg(mounted.path())
        .status()
        .unwrap();
    assert!(unmounted.success());
    custody_core::digest::Sha256Digest::of(&decrypted.unwrap()).to_string()
}

#[test]
#[ignore = "needs the project's shared fixtures, the Azure SDK for Python, bdemount, root and fuse"]
fn a_real_bitlocker_disk_is_captured_with_its_key_and_the_stored_copy_opens_to_the_published_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (volume, key, published) = real_volume(folder.path());
    let length = volume.len();
    let lab = KeyLab::of(volume, key.clone(), |_| {});
    let told = lab.capture(&["--json"]).expect(0).json();
    let shown = lab
        .lab
        .custody(&["keys", "show", told["acquisition"].as_str().unwrap()])
        .expect(0);
    assert_eq!(shown.out.matches("opens the stored copy").count(), 2, "{shown:?}");

    fetch_by_microsofts_clients(&lab, &told, folder.path());
    let kept = super::prove::name_of(&lab, "data-0");
    assert_eq!(lab.kept(&kept).value, Base64::encode_string(&key));
    // The partition is filled up to whole MiB.
    let mut volume = stored_volume(&lab, &told, "data-0");
    volume.truncate(length);
    let file: PathBuf = folder.path().join("stored-volume");
    fs::write(&file, volume).unwrap();
    let fetched = folder.path().join("fetched.BEK");
    fs::write(&fetched, self::fetched(folder.path(), "data-0")).unwrap();
    assert_eq!(decrypted_by_libbde(&file, &fetched), published);
}

#[test]
#[ignore = "needs the project's shared fixtures"]
fn a_key_of_another_volume_is_refused_for_a_real_one_and_its_disk_snapshot_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (volume, mut key, _) = real_volume(folder.path());
    *key.last_mut().unwrap() ^= 1;
    let lab = KeyLab::of(volume, key, |_| {});
    let run = lab.capture(&[]).expect(3);
    assert!(run.out.contains("does NOT open the stored copy"), "{run:?}");
    assert_eq!(lab.lab.azure.snapshots().len(), 1);
}
