//! Others' tools: `cryptsetup` makes volumes and must agree with the proof; libbde and `dissect.fve` decrypt what the
//! test kit makes; a real BitLocker volume opens with its own key.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use custody_core::port::ProofVerdict;
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks1Volume, Luks2Volume};
use sha2::{Digest as _, Sha256};
use support::{content, prove};

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const MIB: usize = 1 << 20;

/// Runs a program with this on its standard input.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn succeeds(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let output = run(program, arguments, input);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

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

#[test]
#[ignore = "needs cryptsetup"]
fn a_volume_that_reencrypt_encrypted_in_place_opens_and_one_under_way_is_named() {
    for init_only in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("volume");
        fs::write(&file, content(48 * MIB)).unwrap();
        let mut arguments = vec![
            "reencrypt",
            "--encrypt",
            "--batch-mode",
            "--type=luks2",
            "--pbkdf=pbkdf2",
            "--pbkdf-force-iterations=1000",
            "--reduce-device-size=32M",
            "--key-file=-",
        ];
        if init_only {
            arguments.push("--init-only");
        }
        arguments.push(file.to_str().unwrap());
        succeeds("cryptsetup", &arguments, PASSPHRASE);
        let proof = prove(fs::read(&file).unwrap(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let under_way = proof.volumes[0]
            .notes
            .iter()
            .any(|note| note.contains("was under way"));
        assert_eq!(under_way, init_only, "{proof:?}");
    }
}

/// A disk as Azure Disk Encryption leaves it: a boot partition of this kind that holds the header, and the system.
fn system_disk(folder: &Path, make: &dyn Fn(&Path, &Path) -> Vec<u8>, header_options: &[&str]) -> Vec<u8> {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("luks")).unwrap();
    fs::create_dir_all(tree.join("grub")).unwrap();
    for number in 0..40 {
        fs::write(tree.join(format!("grub/module-{number}.mod")), content(3000)).unwrap();
    }
    let header = tree.join("luks/osluksheader");
    // Azure Disk Encryption makes a file of 32 MiB of zeros for it.
    fs::write(&header, vec![0; 32 * MIB]).unwrap();
    let system = folder.join("system");
    fs::write(&system, vec![0; 20 * MIB]).unwrap();
    let mut arguments = vec![
        "luksFormat",
        "--batch-mode",
        "--key-file=-",
        "--pbkdf-force-iterations=1000",
    ];
    arguments.extend(header_options);
    arguments.extend(["--header", header.to_str().unwrap(), system.to_str().unwrap()]);
    succeeds("cryptsetup", &arguments, PASSPHRASE);
    let boot = make(&tree, &folder.join("boot"));
    // The system looks random, as encrypted content does.
    let disk = GptDisk::new(512)
        .with_partition(boot)
        .with_partition(support::random(4 * MIB, 1))
        .make();
    disk.image
}

fn ext(kind: &'static str) -> impl Fn(&Path, &Path) -> Vec<u8> {
    move |tree, file| {
        let arguments = [
            "-q",
            "-t",
            kind,
            "-d",
            tree.to_str().unwrap(),
            file.to_str().unwrap(),
            "64M",
        ];
        succeeds("mke2fs", &arguments, b"");
        fs::read(file).unwrap()
    }
}

fn xfs(tree: &Path, file: &Path) -> Vec<u8> {
    let entry = |path: &str| format!("---644 0 0 {}/{path}\n", tree.display());
    let modules: String = (0..40)
        .map(|number| {
            format!(
                "module-{number}.mod {}",
                entry(&format!("grub/module-{number}.mod"))
            )
        })
        .collect();
    let prototype = format!(
        "/\n0 0\nd--755 0 0\ngrub d--755 0 0\n{modules}$\nluks d--755 0 0\nosluksheader {}$\n$\n",
        entry("luks/osluksheader")
    );
    let path = file.with_extension("prototype");
    fs::write(&path, prototype).unwrap();
    fs::write(file, vec![0; 320 * MIB]).unwrap();
    succeeds(
        "mkfs.xfs",
        &["-q", "-p", path.to_str().unwrap(), file.to_str().unwrap()],
        b"",
    );
    fs::read(file).unwrap()
}

fn the_detached_header_opens(make: &dyn Fn(&Path, &Path) -> Vec<u8>) {
    for options in [&["--type=luks1"][..], &["--type=luks2", "--pbkdf=pbkdf2"]] {
        let folder = tempfile::tempdir().unwrap();
        let image = system_disk(folder.path(), make, options);
        let proof = prove(image.clone(), PASSPHRASE);
        assert_eq!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
        let opened = proof
            .volumes
            .iter()
            .find(|volume| volume.verdict == ProofVerdict::Opens)
            .unwrap();
        assert!(
            opened
                .notes
                .iter()
                .any(|note| note.contains("/luks/osluksheader")),
            "{opened:?}"
        );
        assert!(proof.bytes_read < 4 << 20, "{} bytes", proof.bytes_read);
        let proof = prove(image, b"another one");
        assert_ne!(proof.verdict, ProofVerdict::Opens, "{proof:?}");
    }
}

#[test]
#[ignore = "needs cryptsetup and e2fsprogs"]
fn the_header_on_an_ext_boot_partition_is_found() {
    for kind in ["ext2", "ext3", "ext4"] {
        the_detached_header_opens(&ext(kind));
    }
}

#[test]
#[ignore = "needs cryptsetup and xfsprogs"]
fn the_header_on_an_xfs_boot_partition_is_found() {
    the_detached_header_opens(&xfs);
}

#[test]
#[ignore = "needs cryptsetup, e2fsprogs and xfsprogs"]
fn damaged_boot_partitions_are_looked_into_and_neither_panic_nor_run_away() {
    let options = &["--type=luks2", "--pbkdf=pbkdf2"][..];
    for (make, rounds) in [
        (&ext("ext4") as &dyn Fn(&Path, &Path) -> Vec<u8>, 60_usize),
        (&xfs, 12),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut image = system_disk(folder.path(), make, options);
        // The boot partition begins at 1 MiB: its superblock, its first inodes and directories lie near its start.
        for round in 0..rounds {
            let changed: Vec<(usize, u8)> = (0..40)
                .map(|number| MIB + (round * 7919 + number * 104_729) % (256 << 10))
                .map(|at| (at, image[at]))
                .collect();
            for (at, byte) in &changed {
                image[*at] = byte.wrapping_add(1 + u8::try_from(round % 254).unwrap());
            }
            let proof = prove(image.clone(), PASSPHRASE);
            assert!(proof.bytes_read <= 64 << 20, "{proof:?}");
            for (at, byte) in changed.into_iter().rev() {
                image[at] = byte;
            }
        }
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
fn dissect_fve_decrypts_what_the_test_kit_makes() {
    let plaintext = content(64 << 10);
    for image in [
        Luks1Volume::new(1, PASSPHRASE, plaintext.clone()).make(),
        Luks2Volume::new(1, PASSPHRASE, plaintext.clone()).make(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("volume");
        fs::write(&file, image).unwrap();
        let script = "import hashlib, sys\n\
                      from dissect.fve.luks import LUKS\n\
                      volume = LUKS(open(sys.argv[1], 'rb'))\n\
                      volume.unlock_with_passphrase(sys.argv[2])\n\
                      print(hashlib.sha256(volume.open().read(int(sys.argv[3]))).hexdigest())\n";
        let passphrase = std::str::from_utf8(PASSPHRASE).unwrap();
        let length = plaintext.len().to_string();
        let said = succeeds(
            &python(),
            &["-c", script, file.to_str().unwrap(), passphrase, &length],
            b"",
        );
        assert_eq!(
            said.trim(),
            custody_core::hex::encode(&Sha256::digest(&plaintext))
        );
    }
    let made = BitLockerVolume::new(1, content(2 * MIB))
        .with_recovery_password()
        .make();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = write_bitlocker(folder.path(), &made.image, &made.key_file, &made.protector);
    let decrypted = decrypted_by_dissect(&file, &key);
    assert_eq!(
        decrypted,
        custody_core::hex::encode(&Sha256::digest(&made.plaintext))
    );
}

/// The Python that has the judges.
fn python() -> String {
    std::env::var("CUSTODY_KEYS_PYTHON")
        .unwrap_or_else(|_| panic!("CUSTODY_KEYS_PYTHON is what .ci/judges prints"))
}

fn write_bitlocker(folder: &Path, image: &[u8], key: &[u8], protector: &str) -> (PathBuf, PathBuf) {
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

/// The digest of the whole volume as libbde shows it.
fn decrypted_by_libbde(file: &Path, key: &Path) -> String {
    let mounted = tempfile::tempdir().unwrap();
    let folder = mounted.path().to_str().unwrap();
    let arguments = ["-s", key.to_str().unwrap(), file.to_str().unwrap(), folder];
    succeeds("bdemount", &arguments, b"");
    let decrypted = fs::read(mounted.path().join("bde1"));
    succeeds("fusermount3", &["-u", folder], b"");
    custody_core::hex::encode(&Sha256::digest(decrypted.unwrap()))
}

#[test]
#[ignore = "needs bdemount, root and fuse"]
fn libbde_decrypts_what_the_test_kit_makes() {
    let made = BitLockerVolume::new(1, BitLockerVolume::ntfs_content(2 * MIB))
        .with_recovery_password()
        .make();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = write_bitlocker(folder.path(), &made.image, &made.key_file, &made.protector);
    // libbde shows the volume as long as its file system says that it is, a sector shorter.
    let shown = &made.plaintext[..];
    let digest = custody_core::hex::encode(&Sha256::digest(shown));
    assert_eq!(decrypted_by_libbde(&file, &key), digest);
}

#[test]
#[ignore = "needs cryptsetup"]
fn cryptsetup_opens_the_bitlocker_volume_that_the_test_kit_makes() {
    let made = BitLockerVolume::new(1, content(2 * MIB)).make();
    let other = BitLockerVolume::new(2, content(2 * MIB)).make();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = write_bitlocker(folder.path(), &made.image, &made.key_file, &made.protector);
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
    assert!(opens(&key));
    let wrong = folder.path().join("wrong.BEK");
    fs::write(&wrong, other.key_file).unwrap();
    assert!(!opens(&wrong));
}

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
    let (file, key) = write_bitlocker(folder.path(), &image, &key, "key");
    assert_eq!(decrypted_by_libbde(&file, &key), published);
}
