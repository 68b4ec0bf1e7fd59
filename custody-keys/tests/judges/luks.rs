//! LUKS volumes that `cryptsetup` made, and those of the test kit.

use std::fs;
use std::path::{Path, PathBuf};

use custody_core::hex;
use custody_core::port::ProofVerdict;
use custody_testkit::volume::{Luks1Volume, Luks2Volume};
use sha2::{Digest as _, Sha256};

use crate::programs::{python, run, succeeds};
use crate::support::{content, prove, random};
use crate::{MIB, PASSPHRASE};

/// A file of so many MiB that `cryptsetup luksFormat` with these options has written to.
fn formatted(folder: &Path, mib: usize, options: &[&str]) -> PathBuf {
    let file = folder.join("volume");
    fs::write(&file, vec![0; mib * MIB]).unwrap();
    let mut arguments = vec![
        "luksFormat",
        "--batch-mode",
        "--key-file=-",
        "--pbkdf-force-iterations=1000",
    ];
    if options.iter().any(|option| option.contains("argon2")) {
        arguments.retain(|argument| !argument.contains("force"));
        arguments.extend([
            "--pbkdf-force-iterations=4",
            "--pbkdf-memory=65536",
            "--pbkdf-parallel=2",
        ]);
    }
    arguments.extend(options);
    arguments.push(file.to_str().unwrap());
    succeeds("cryptsetup", &arguments, PASSPHRASE);
    file
}

fn opens_with_cryptsetup(file: &Path, passphrase: &[u8]) -> bool {
    let arguments = [
        "open",
        "--test-passphrase",
        "--key-file=-",
        file.to_str().unwrap(),
    ];
    match run("cryptsetup", &arguments, passphrase).status.code() {
        Some(0) => true,
        Some(2) => false,
        other => panic!("cryptsetup ended with {other:?}"),
    }
}

#[test]
#[ignore = "needs cryptsetup"]
fn volumes_that_cryptsetup_made_open_with_their_passphrase_alone() {
    for options in [
        &["--type=luks1"][..],
        &["--type=luks1", "--hash=sha1"],
        &["--type=luks1", "--hash=sha512", "--key-size=256"],
        &["--type=luks1", "--cipher=aes-cbc-essiv:sha256", "--key-size=256"],
        &["--type=luks1", "--cipher=aes-cbc-plain64", "--key-size=128"],
        &["--type=luks2", "--pbkdf=pbkdf2", "--hash=sha1"],
        &["--type=luks2", "--pbkdf=pbkdf2", "--hash=sha224"],
        &["--type=luks2", "--pbkdf=pbkdf2", "--hash=sha256"],
        &["--type=luks2", "--pbkdf=pbkdf2", "--hash=sha384"],
        &[
            "--type=luks2",
            "--pbkdf=pbkdf2",
            "--hash=sha512",
            "--sector-size=4096",
        ],
        &["--type=luks2", "--pbkdf=argon2i"],
        &["--type=luks2", "--pbkdf=argon2id", "--luks2-metadata-size=128k"],
        &[
            "--type=luks2",
            "--pbkdf=argon2id",
            "--key-size=256",
            "--label=evidence",
        ],
        &[
            "--type=luks2",
            "--pbkdf=argon2id",
            "--cipher=aes-cbc-essiv:sha256",
            "--key-size=256",
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = formatted(folder.path(), 20, options);
        let image = fs::read(&file).unwrap();
        let proof = prove(image.clone(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{options:?}: {proof:?}");
        let uuid = succeeds("cryptsetup", &["luksUUID", file.to_str().unwrap()], b"");
        assert_eq!(proof.volumes[0].identifier.as_deref(), Some(uuid.trim()));
        let proof = prove(image, b"another one");
        assert_eq!(proof.verdict, ProofVerdict::DoesNotOpen, "{options:?}: {proof:?}");
    }
}

#[test]
#[ignore = "needs cryptsetup"]
fn all_32_key_slots_that_cryptsetup_gives_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = formatted(folder.path(), 20, &["--type=luks2", "--pbkdf=pbkdf2"]);
    let old = folder.path().join("old");
    fs::write(&old, PASSPHRASE).unwrap();
    for number in 1..32 {
        let passphrase = format!("passphrase {number}");
        let arguments = [
            "luksAddKey",
            "--batch-mode",
            "--pbkdf=pbkdf2",
            "--pbkdf-force-iterations=1000",
            "--key-file",
            old.to_str().unwrap(),
            file.to_str().unwrap(),
            "-",
        ];
        succeeds("cryptsetup", &arguments, passphrase.as_bytes());
    }
    let proof = prove(fs::read(&file).unwrap(), b"passphrase 31");
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    let notes = &proof.volumes[0].notes;
    assert!(
        notes.iter().any(|note| note.contains("32 key slots in use")),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.contains("key slot 31")), "{notes:?}");
}

/// What an encryption in place takes from the end of a volume.
const REDUCED_BY: usize = 32 * MIB;

/// A file with this content that `cryptsetup reencrypt` encrypted in place.
fn encrypted_in_place(folder: &Path, content: &[u8], options: &[&str]) -> PathBuf {
    let file = folder.join("volume");
    fs::write(&file, content).unwrap();
    let reduced_by = format!("--reduce-device-size={}M", REDUCED_BY / MIB);
    let mut arguments = vec![
        "reencrypt",
        "--encrypt",
        "--batch-mode",
        "--type=luks2",
        "--pbkdf=pbkdf2",
        "--pbkdf-force-iterations=1000",
        &reduced_by,
        "--key-file=-",
    ];
    arguments.extend(options);
    arguments.push(file.to_str().unwrap());
    succeeds("cryptsetup", &arguments, PASSPHRASE);
    file
}

#[test]
#[ignore = "needs cryptsetup"]
fn a_volume_that_reencrypt_encrypted_in_place_opens_and_one_under_way_is_named() {
    for (options, init_only) in [(&[][..], false), (&["--init-only"], true)] {
        let folder = tempfile::tempdir().unwrap();
        let file = encrypted_in_place(folder.path(), &content(48 * MIB), options);
        let proof = prove(fs::read(&file).unwrap(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let under_way = proof.volumes[0]
            .notes
            .iter()
            .any(|note| note.contains("was under way"));
        assert_eq!(under_way, init_only, "{proof:?}");
    }
}

#[test]
#[ignore = "needs cryptsetup"]
fn cryptsetup_opens_what_the_test_kit_makes() {
    for image in [
        Luks1Volume::new(1, PASSPHRASE, content(64 << 10)).make(),
        Luks2Volume::new(1, PASSPHRASE, content(64 << 10)).make(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("volume");
        fs::write(&file, image).unwrap();
        assert!(opens_with_cryptsetup(&file, PASSPHRASE));
        assert!(!opens_with_cryptsetup(&file, b"another one"));
        let dump = succeeds("cryptsetup", &["luksDump", file.to_str().unwrap()], b"");
        assert!(dump.contains("5eed0001-0000-4000-8000-"), "{dump}");
    }
}

#[test]
#[ignore = "needs dissect.fve, which .ci/judges installs"]
fn dissect_fve_decrypts_the_luks_volumes_that_the_test_kit_makes() {
    let plaintext = content(64 << 10);
    for image in [
        Luks1Volume::new(1, PASSPHRASE, plaintext.clone()).make(),
        Luks2Volume::new(1, PASSPHRASE, plaintext.clone()).make(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("volume");
        fs::write(&file, image).unwrap();
        assert_eq!(decrypted_start(&file, plaintext.len()), digest(&plaintext));
    }
}

#[test]
#[ignore = "needs cryptsetup and dissect.fve, which .ci/judges installs"]
fn a_volume_that_reencrypt_encrypted_in_place_opens_and_is_decrypted_to_what_it_held() {
    // Bytes of which no two runs are alike: what is shifted by a sector would be seen.
    let plaintext = random(40 * MIB, 7);
    let folder = tempfile::tempdir().unwrap();
    let file = encrypted_in_place(folder.path(), &plaintext, &[]);
    let proof = prove(fs::read(&file).unwrap(), PASSPHRASE);
    assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    // What the volume was reduced by is gone from its end.
    let kept = plaintext.len() - REDUCED_BY;
    assert_eq!(decrypted_start(&file, kept), digest(&plaintext[..kept]));
}

/// The digest of so many bytes of the volume's content, as `dissect.fve` decrypts it.
fn decrypted_start(file: &Path, length: usize) -> String {
    let script = "import hashlib, sys\n\
                  from dissect.fve.luks import LUKS\n\
                  volume = LUKS(open(sys.argv[1], 'rb'))\n\
                  volume.unlock_with_passphrase(sys.argv[2])\n\
                  print(hashlib.sha256(volume.open().read(int(sys.argv[3]))).hexdigest())\n";
    let passphrase = std::str::from_utf8(PASSPHRASE).unwrap();
    let (file, length) = (file.to_str().unwrap(), length.to_string());
    let said = succeeds(&python(), &["-c", script, file, passphrase, &length], b"");
    said.trim().to_owned()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
