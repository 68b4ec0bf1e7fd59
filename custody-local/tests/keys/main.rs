//! Keys that a custodian supplies, their wrapping by age, and the directory in which they are escrowed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use custody_core::Error;
use custody_core::ids::{DiskId, Segment};
use custody_core::port::{
    DiskDescription, DiskEncryption, DiskSnapshot, EscrowRecord, EscrowedKey, KeyEscrow as _, KeyMaterial,
    KeyReference, KeyRequirement, KeySource as _, KeyWrapper as _, SnapshotKind, WrappedKey,
};
use custody_local::{AgeWrapper, DirectoryEscrow, LocalKeys};
use futures::executor::block_on;
use tempfile::TempDir;

fn identity_in(folder: &Path) -> (std::path::PathBuf, String) {
    let identity = age::x25519::Identity::generate();
    let path = folder.join("identity.txt");
    let recipient = identity.to_public().to_string();
    let text = format!(
        "# public key: {recipient}\n{}\n",
        identity.to_string().expose_secret()
    );
    fs::write(&path, text).unwrap();
    (path, recipient)
}

fn key(bytes: &[u8]) -> KeyMaterial {
    KeyMaterial::new(bytes.to_vec().into())
}

fn requirement(keys: &LocalKeys, disk: &DiskId) -> KeyRequirement {
    let description = DiskDescription::new(disk.clone(), "disk.raw", 1000);
    let name = "snapshot".parse().unwrap();
    let snapshot = DiskSnapshot::new(name, disk.clone(), SnapshotKind::InPlace, 1000);
    block_on(keys.requirement(&description, &snapshot)).unwrap().value
}

mod escrow {
    use custody_testkit::conformance::key_escrow::EscrowHarness;

    use super::*;

    fn make() -> EscrowHarness {
        let folder = TempDir::new().unwrap();
        let escrow = DirectoryEscrow::create_or_open(&folder.path().join("escrow")).unwrap();
        EscrowHarness::new(Arc::new(escrow)).keeping(folder)
    }

    custody_testkit::key_escrow_conformance!(make);
}

mod wrapper {
    use custody_testkit::conformance::key_wrapper::KeyWrapperHarness;

    use super::*;

    fn make() -> KeyWrapperHarness {
        let folder = TempDir::new().unwrap();
        let (identity, recipient) = identity_in(folder.path());
        let wrapper = AgeWrapper::to_recipients("recipients", &recipient)
            .and_then(|wrapper| wrapper.with_identity_file(&identity))
            .unwrap();
        KeyWrapperHarness::new(Arc::new(wrapper)).keeping(folder)
    }

    custody_testkit::key_wrapper_conformance!(make);
}

mod source {
    use custody_testkit::conformance::key_source::KeySourceHarness;

    use super::*;

    fn make() -> KeySourceHarness {
        let folder = TempDir::new().unwrap();
        let disk: DiskId = "/images/disk.raw".parse().unwrap();
        let mut keys = LocalKeys::new();
        let mut due = Vec::new();
        for (name, secret) in [
            ("one.key", &b"correct horse battery staple"[..]),
            ("two.BEK", &[7; 156]),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, secret).unwrap();
            keys = keys.with_file(&disk, &path).unwrap();
            due.push(secret.to_vec());
        }
        let KeyRequirement::Keys(references) = requirement(&keys, &disk) else {
            panic!("keys were named")
        };
        let due = references.into_iter().zip(due).collect();
        let open: DiskId = "/images/open.raw".parse().unwrap();
        let open = DiskDescription::new(open, "open.raw", 1000).with_encryption(DiskEncryption::None);
        KeySourceHarness::new(Arc::new(keys), due)
            .with_plain(vec![open])
            .with_other(vec![DiskDescription::new(disk, "disk.raw", 1000)])
            .keeping(folder)
    }

    custody_testkit::key_source_conformance!(make);
}

#[test]
fn a_wrapped_key_is_an_age_file_that_others_open() {
    let folder = TempDir::new().unwrap();
    let (identity, recipient) = identity_in(folder.path());
    let wrapper = AgeWrapper::to_recipients("recipients", &recipient).unwrap();
    let acquisition = "20261121T203015Z-0123abcd".parse().unwrap();
    let wrapped = block_on(wrapper.wrap(&key(b"a passphrase"), &acquisition))
        .unwrap()
        .value;
    assert!(wrapped.bytes.starts_with(b"age-encryption.org/v1\n"));
    // With the public part alone it cannot be unwrapped, and that is said as such.
    let error = block_on(wrapper.unwrap_key(&wrapped, &acquisition)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Unsupported { .. }), "{error}");
    let opener = AgeWrapper::from_identity_file(&identity).unwrap();
    let plain = block_on(opener.unwrap_key(&wrapped, &acquisition)).unwrap().value;
    assert_eq!(plain.expose(), b"a passphrase");
    let other = TempDir::new().unwrap();
    let stranger = AgeWrapper::from_identity_file(&identity_in(other.path()).0).unwrap();
    let error = block_on(stranger.unwrap_key(&wrapped, &acquisition)).unwrap_err();
    assert!(
        matches!(error.meaning(), Error::PermissionDenied { .. }),
        "{error}"
    );
}

#[test]
fn a_recipients_file_with_a_line_that_is_none_is_refused_by_its_number() {
    for (text, due) in [
        ("# nobody\n\n", "names no recipient"),
        ("# us\nage1oops\n", "line 2"),
        ("ssh-ed25519 AAAA", "line 1"),
    ] {
        let error = AgeWrapper::to_recipients("custodians.txt", text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(due) && error.contains("custodians.txt"), "{error}");
    }
}

#[test]
fn what_lies_in_an_escrow_is_written_once_and_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let escrow = DirectoryEscrow::create_or_open(folder.path()).unwrap();
    let name: Segment = "202611212030-disk".parse().unwrap();
    let record = EscrowRecord::new(
        "20261121T203015Z-0123abcd".parse().unwrap(),
        "item-1".parse().unwrap(),
        KeyReference::new("file:/k"),
        EscrowedKey::Wrapped(WrappedKey::new("age", b"wrapped".to_vec())),
    );
    block_on(escrow.deposit(&name, &record)).unwrap();
    let path = folder.path().join("202611212030-disk.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
    let before = fs::read(&path).unwrap();
    block_on(escrow.deposit(&name, &record)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    let plain = EscrowRecord::new(
        record.acquisition.clone(),
        record.item.clone(),
        record.source.clone(),
        EscrowedKey::Entrusted(key(b"plain and secret")),
    );
    let error = block_on(escrow.deposit(&"other".parse().unwrap(), &plain)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Unsupported { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_in_the_escrow_that_was_spoilt_is_refused_and_not_taken_for_none() {
    let folder = TempDir::new().unwrap();
    let escrow = DirectoryEscrow::create_or_open(folder.path()).unwrap();
    let name: Segment = "a".parse().unwrap();
    for text in ["", "{}", "{\"format\":\"custody-escrow/2\"}"] {
        fs::write(folder.path().join("a.json"), text).unwrap();
        let error = block_on(escrow.withdraw(&name)).unwrap_err();
        assert!(matches!(error.meaning(), Error::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_key_file_that_was_changed_since_it_was_named_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("disk.key");
    fs::write(&path, "first").unwrap();
    let disk: DiskId = "/images/disk.raw".parse().unwrap();
    let keys = LocalKeys::new().with_file(&disk, &path).unwrap();
    let KeyRequirement::Keys(references) = requirement(&keys, &disk) else {
        panic!("a key was named")
    };
    // A later process knows the reference alone.
    let [reference] = references.try_into().unwrap();
    let fetched = block_on(LocalKeys::new().fetch(&reference)).unwrap().value;
    assert_eq!(fetched.key.expose(), b"first");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another").unwrap();
    let error = block_on(keys.fetch(&reference)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Precondition { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("another"));
}

#[test]
fn a_key_that_is_entered_is_known_to_this_run_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    fs::write(&path, "typed").unwrap();
    let disk: DiskId = "/images/disk.raw".parse().unwrap();
    let entered = fs::File::open(&path).unwrap();
    let keys = LocalKeys::new()
        .with_entered(&disk, &entered, "standard input")
        .unwrap();
    let KeyRequirement::Keys(references) = requirement(&keys, &disk) else {
        panic!("a key was entered")
    };
    let [reference] = references.try_into().unwrap();
    let fetched = block_on(keys.fetch(&reference)).unwrap().value;
    assert_eq!(fetched.key.expose(), b"typed");
    let error = block_on(LocalKeys::new().fetch(&reference)).unwrap_err();
    assert!(matches!(error.meaning(), Error::NotFound { .. }), "{error}");
    assert!(!format!("{keys:?}").contains("typed"), "{keys:?}");
    let empty = fs::File::open("/dev/null").unwrap();
    let error = LocalKeys::new()
        .with_entered(&disk, &empty, "standard input")
        .unwrap_err();
    assert!(error.to_string().contains("empty"), "{error}");
}

#[test]
#[ignore = "needs age"]
fn the_age_program_opens_what_was_wrapped() {
    let folder = TempDir::new().unwrap();
    let (identity, recipient) = identity_in(folder.path());
    let wrapper = AgeWrapper::to_recipients("recipients", &recipient).unwrap();
    let acquisition = "20261121T203015Z-0123abcd".parse().unwrap();
    let wrapped = block_on(wrapper.wrap(&key(b"a passphrase"), &acquisition))
        .unwrap()
        .value;
    let path = folder.path().join("key.age");
    fs::write(&path, &wrapped.bytes).unwrap();
    let output = std::process::Command::new("age")
        .arg("-d")
        .arg("-i")
        .args([&identity, &path])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"a passphrase");
}

#[test]
fn a_disk_whose_key_is_lacking_is_an_error_and_no_disk_without_keys() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("disk.key");
    fs::write(&path, "a passphrase").unwrap();
    let disks: [DiskId; 2] = ["one.img", "two.img"].map(|disk| disk.parse().unwrap());
    let keys = LocalKeys::new()
        .with_file(&disks[0], &path)
        .unwrap()
        .without(&disks[1], "its file is on a stick that is not here");
    assert!(matches!(requirement(&keys, &disks[0]), KeyRequirement::Keys(_)));
    assert_eq!(keys.references(&disks[0]).len(), 1);
    let description =
        DiskDescription::new(disks[1].clone(), "two.img", 1000).with_encryption(DiskEncryption::None);
    let name = "snapshot".parse().unwrap();
    let snapshot = DiskSnapshot::new(name, disks[1].clone(), SnapshotKind::InPlace, 1000);
    let error = block_on(keys.requirement(&description, &snapshot)).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(
        error.to_string().contains("two.img: its file is on a stick"),
        "{error}"
    );
}
