//! BitLocker volumes of the test kit, in each form that Windows gives them, before libbde, `dissect.fve` and `cryptsetup`.

use std::fs;
use std::path::{Path, PathBuf};

use custody_core::hex;
use custody_core::port::ProofVerdict;
use custody_testkit::volume::{BitLockerMethod, BitLockerVolume, MadeBitLocker};
use sha2::{Digest as _, Sha256};

use crate::MIB;
use crate::programs::{python, run, succeeds};
use crate::support::{content, has_note, prove};

/// The names that a proof gives the methods.
const METHODS: [(BitLockerMethod, &str); 6] = [
    (
        BitLockerMethod::Aes128CbcDiffuser,
        "AES-128-CBC with the Elephant diffuser",
    ),
    (
        BitLockerMethod::Aes256CbcDiffuser,
        "AES-256-CBC with the Elephant diffuser",
    ),
    (BitLockerMethod::Aes128Cbc, "AES-128-CBC"),
    (BitLockerMethod::Aes256Cbc, "AES-256-CBC"),
    (BitLockerMethod::Aes128Xts, "AES-128-XTS"),
    (BitLockerMethod::Aes256Xts, "AES-256-XTS"),
];

fn volume(length: usize) -> BitLockerVolume {
    BitLockerVolume::new(1, BitLockerVolume::ntfs_content(length)).with_recovery_password()
}

/// Each form but the one that only `dissect.fve` knows, with notes that a proof must have.
fn forms() -> Vec<(MadeBitLocker, Vec<String>)> {
    let mut forms = Vec::new();
    for (method, name) in METHODS {
        let named = format!("content encrypted with {name}");
        let volume = || volume(MIB).encrypted_by(method);
        // Before and behind the place where the first sectors of the content are kept, which is at 320 KiB.
        let (early, late) = (200 << 10, 700 << 10);
        let stopped = |conversion: &str, at: usize| {
            format!("{conversion} was under way or paused: from byte {at} on the volume is not encrypted")
        };
        for (volume, notes) in [
            (volume(), vec![]),
            (
                volume().unsealed().under_encryption(early),
                vec![stopped("encryption", early)],
            ),
            (volume().under_decryption(late), vec![stopped("decryption", late)]),
        ] {
            forms.push((volume.make(), [vec![named.clone()], notes].concat()));
        }
    }
    forms
}

fn opens_and_says(made: &MadeBitLocker, notes: &[String]) {
    let proof = prove(made.image.clone(), &made.key_file);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    for note in notes {
        assert!(has_note(&proof.volumes[0].notes, note), "{note}: {proof:?}");
    }
}

#[test]
#[ignore = "needs dissect.fve, which .ci/judges installs"]
fn dissect_fve_decrypts_each_form_of_bitlocker_that_the_test_kit_makes() {
    let used_space = volume(4 * MIB)
        .with_used_space_encrypted(2 * MIB + (256 << 10)..2 * MIB + (768 << 10))
        .make();
    let on_write = vec!["encrypted on write".to_owned()];
    for (made, notes) in forms().into_iter().chain([(used_space, on_write)]) {
        opens_and_says(&made, &notes);
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), &made.image, &made.key_file, &made.protector);
        assert_eq!(
            decrypted_by_dissect(&file, &key),
            digest(&made.plaintext),
            "{notes:?}"
        );
    }
}

#[test]
#[ignore = "needs bdemount, root and fuse"]
fn libbde_decrypts_each_form_of_bitlocker_but_one_that_the_test_kit_makes() {
    // libbde 20190102, which Debian has, opens no volume of AES-256-XTS, neither these nor one that Windows made.
    let known = |notes: &[String]| !has_note(notes, "AES-256-XTS");
    for (made, notes) in forms().into_iter().filter(|(_, notes)| known(notes)) {
        opens_and_says(&made, &notes);
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), &made.image, &made.key_file, &made.protector);
        let shown = decrypted_by_libbde(&file, &key);
        // libbde shows the volume as long as its file system says that it is, a sector shorter, where it is not wholly
        // encrypted.
        assert!(shown.len() + 512 >= made.plaintext.len(), "{} bytes", shown.len());
        assert_eq!(
            digest(&shown),
            digest(&made.plaintext[..shown.len()]),
            "{notes:?}"
        );
    }
}

#[test]
#[ignore = "needs cryptsetup"]
fn cryptsetup_opens_the_bitlocker_volumes_that_the_test_kit_makes_and_names_their_methods() {
    let other = BitLockerVolume::new(2, content(MIB)).make();
    for (method, _) in METHODS {
        let made = volume(MIB).encrypted_by(method).make();
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), &made.image, &made.key_file, &made.protector);
        let opens = |key: &Path| {
            let arguments = [
                "bitlkOpen",
                "--test-passphrase",
                "--key-file",
                key.to_str().unwrap(),
                file.to_str().unwrap(),
            ];
            run("cryptsetup", &arguments, b"").status.success()
        };
        assert!(opens(&key), "{method:?}");
        let wrong = folder.path().join("wrong.BEK");
        fs::write(&wrong, &other.key_file).unwrap();
        assert!(!opens(&wrong), "{method:?}");
        let (mode, bits) = match method {
            BitLockerMethod::Aes128CbcDiffuser => ("cbc-elephant", 256),
            BitLockerMethod::Aes256CbcDiffuser => ("cbc-elephant", 512),
            BitLockerMethod::Aes128Cbc => ("cbc-eboiv", 128),
            BitLockerMethod::Aes256Cbc => ("cbc-eboiv", 256),
            BitLockerMethod::Aes128Xts => ("xts-plain64", 256),
            BitLockerMethod::Aes256Xts => ("xts-plain64", 512),
        };
        let dump = succeeds("cryptsetup", &["bitlkDump", file.to_str().unwrap()], b"");
        let says = |name: &str, value: &str| {
            dump.lines()
                .filter_map(|line| line.split_once(':'))
                .any(|(found, told)| found == name && told.trim() == value)
        };
        assert!(says("Cipher mode", mode), "{method:?}: {dump}");
        assert!(says("Cipher key", &format!("{bits} bits")), "{method:?}: {dump}");
    }
}

/// Writes a volume and its key file, which has the protector's name.
pub(crate) fn write(folder: &Path, image: &[u8], key: &[u8], protector: &str) -> (PathBuf, PathBuf) {
    let (file, key_file) = (
        folder.join("volume"),
        folder.join(format!("{}.BEK", protector.to_uppercase())),
    );
    fs::write(&file, image).unwrap();
    fs::write(&key_file, key).unwrap();
    (file, key_file)
}

fn decrypted_by_dissect(file: &Path, key: &Path) -> String {
    let script = "import hashlib, sys\n\
                  from dissect.fve.bde import BDE\n\
                  volume = BDE(open(sys.argv[1], 'rb'))\n\
                  assert volume.information.is_valid()\n\
                  volume.unlock_with_bek(open(sys.argv[2], 'rb'))\n\
                  stream, digest = volume.open(), hashlib.sha256()\n\
                  while block := stream.read(1 << 20): digest.update(block)\n\
                  print(digest.hexdigest())\n";
    let arguments = ["-c", script, file.to_str().unwrap(), key.to_str().unwrap()];
    succeeds(&python(), &arguments, b"").trim().to_owned()
}

/// The whole volume as libbde shows it.
pub(crate) fn decrypted_by_libbde(file: &Path, key: &Path) -> Vec<u8> {
    let mounted = tempfile::tempdir().unwrap();
    let folder = mounted.path().to_str().unwrap();
    let arguments = ["-s", key.to_str().unwrap(), file.to_str().unwrap(), folder];
    succeeds("bdemount", &arguments, b"");
    let decrypted = fs::read(mounted.path().join("bde1"));
    succeeds("fusermount3", &["-u", folder], b"");
    decrypted.unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
