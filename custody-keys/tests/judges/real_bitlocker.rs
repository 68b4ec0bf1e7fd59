//! BitLocker volumes that Windows made.

use std::fs;
use std::path::Path;

use custody_core::port::ProofVerdict;
use custody_testkit::volume::{BitLockerVolume, GptDisk};

use crate::MIB;
use crate::bitlocker::{decrypted_by_libbde, digest, write};
use crate::programs::{run, succeeds};
use crate::support::{content, has_note, prove, reason};

/// A real volume with its key, and the digest of its content that those who made it published.
fn real_volume(folder: &Path) -> (Vec<u8>, Vec<u8>, &'static str) {
    let fixtures = std::env::var("CUSTODY_FIXTURES")
        .unwrap_or_else(|_| format!("{}/../../shared/fixtures", env!("CARGO_MANIFEST_DIR")));
    let archive = format!("{fixtures}/bitlocker/bitlk-aes-xts-128-startup-key.tar.xz");
    succeeds("tar", &["xJSf", &archive, "-C", folder.to_str().unwrap()], b"");
    let find = |suffix: &str| {
        let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut found = found.filter(|path| path.to_str().unwrap().ends_with(suffix));
        fs::read(found.next().unwrap_or_else(|| panic!("no {suffix} in {archive}"))).unwrap()
    };
    let published = "bbb68369d8f7badb2c2330349d9d0cf12e68f54eece25e718d2bb13feba23f7a";
    (find(".img"), find(".BEK"), published)
}

#[test]
#[ignore = "needs the project's shared fixtures"]
fn a_real_bitlocker_volume_opens_with_its_own_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (image, key, _) = real_volume(folder.path());
    let disk = GptDisk::new(512).with_partition(image.clone()).make();
    for image in [image, disk.image] {
        let proof = prove(image.clone(), &key);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let volume = &proof.volumes[0];
        assert_eq!(
            volume.identifier.as_deref(),
            Some("5a95db04-6ebc-4ba9-99a3-15a87a3d07b2")
        );
        for expected in [
            "protector 4381f759-c4f8-4de0-bb61-fc33a831bda5: external key",
            "protector 294bc732-f82f-404c-a2ce-d1094ed59506: recovery password",
            "opened by protector 4381f759-c4f8-4de0-bb61-fc33a831bda5",
            "content encrypted with AES-128-XTS",
            "the master key vouches for the metadata",
            "all three copies of the metadata are whole and agree",
        ] {
            assert!(
                volume.notes.iter().any(|note| note == expected),
                "{expected}: {volume:?}"
            );
        }
        assert!(proof.bytes_read < 2 << 20, "{} bytes", proof.bytes_read);
        let other = BitLockerVolume::new(1, content(MIB)).make();
        assert_eq!(
            prove(image.clone(), &other.key_file).verdict,
            ProofVerdict::DoesNotOpen
        );
        let mut forged = key.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(prove(image, &forged).verdict, ProofVerdict::DoesNotOpen);
    }
}

#[test]
#[ignore = "needs the project's shared fixtures, bdemount, root and fuse"]
fn the_real_volume_is_decrypted_to_the_published_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (image, key, published) = real_volume(folder.path());
    let (file, key) = write(folder.path(), &image, &key, "key");
    assert_eq!(digest(&decrypted_by_libbde(&file, &key)), published);
}

/// The start of a volume that dissect.fve's own tests use, with its metadata; some are cut, and one has 2.7 GiB.
fn sample(name: &str) -> Vec<u8> {
    let command = format!(
        "gzip -dc '{}' | head -c {}",
        samples(&format!("{name}.bin.gz")),
        64 * MIB
    );
    run("sh", &["-c", &command], b"").stdout
}

fn samples(name: &str) -> String {
    let folder = std::env::var("CUSTODY_KEYS_SAMPLES")
        .unwrap_or_else(|_| panic!("CUSTODY_KEYS_SAMPLES is what .ci/judges prints"));
    format!("{folder}/{name}")
}

#[test]
#[ignore = "needs the sample volumes of dissect.fve, which .ci/judges fetches"]
fn volumes_that_windows_made_of_each_method_and_state_are_told_apart() {
    let other = BitLockerVolume::new(1, content(MIB)).make();
    for (name, note) in [
        (
            "aes_128_diffuser",
            "content encrypted with AES-128-CBC with the Elephant diffuser",
        ),
        (
            "aes_256_diffuser",
            "content encrypted with AES-256-CBC with the Elephant diffuser",
        ),
        ("aes_128", "content encrypted with AES-128-CBC"),
        ("aes_256", "content encrypted with AES-256-CBC"),
        ("aes-xts_128", "content encrypted with AES-128-XTS"),
        ("aes-xts_256", "content encrypted with AES-256-XTS"),
        ("eow_partial", "encrypted on write"),
        ("win7_partial", "decryption was under way or paused"),
        ("suspended", "protection is suspended"),
        ("decrypted", "the metadata say that the volume is decrypted"),
    ] {
        let proof = prove(sample(name), &other.key_file);
        assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{name}: {proof:?}");
        let notes = &proof.volumes[0].notes;
        let is_said = notes.iter().any(|said| said == note) || !note.contains("AES") && has_note(notes, note);
        assert!(is_said, "{name}: {notes:?}");
    }
    let proof = prove(sample("vista"), &other.key_file);
    assert!(reason(&proof.verdict).contains("Windows Vista"), "{proof:?}");
}

#[test]
#[ignore = "needs the sample volumes of dissect.fve, which .ci/judges fetches"]
fn volumes_that_windows_made_open_with_their_own_key_files_alone() {
    for (name, other) in [("startup_key", "recovery_key"), ("recovery_key", "startup_key")] {
        let key = |name: &str| fs::read(samples(&format!("{name}.bek"))).unwrap();
        let proof = prove(sample(name), &key(name));
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{name}: {proof:?}");
        let notes = &proof.volumes[0].notes;
        for note in [
            "content encrypted with AES-128-XTS",
            "the master key vouches for the metadata",
        ] {
            assert!(has_note(notes, note), "{note}: {notes:?}");
        }
        assert!(
            !has_note(notes, "which is not what the metadata name"),
            "{notes:?}"
        );
        assert_eq!(
            prove(sample(name), &key(other)).verdict,
            ProofVerdict::DoesNotOpen,
            "{name}"
        );
    }
}
