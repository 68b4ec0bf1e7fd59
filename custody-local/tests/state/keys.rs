use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use custody_core::Error;
use custody_core::custody_log::SignerSet;
use custody_core::port::SealSigner as _;
use custody_local::{FileSigner, KeyOrigin, StateFolder, SystemEntropy};

use crate::open;
use crate::support::{Scratch, names, wait};

fn signer_or_new(state: &StateFolder, name: &str) -> (FileSigner, KeyOrigin) {
    state.signer_or_new(name, &SystemEntropy::new()).unwrap()
}

fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_is_made_once_private_and_trusted_by_this_host() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    assert!(matches!(state.signer("host"), Err(Error::NotFound { .. })));
    assert!(state.own_trust().unwrap().sets().is_empty());
    let (made, origin) = signer_or_new(&state, "host");
    assert_eq!(origin, KeyOrigin::MadeNow);
    let (again, origin) = signer_or_new(&open(scratch.path()), "host");
    assert_eq!(origin, KeyOrigin::Existing);
    assert_eq!(made.verifier_key(), again.verifier_key());
    assert_eq!(names(&scratch.join("keys")), ["host.pem", "host.pub"]);
    let mode = std::fs::metadata(scratch.join("keys/host.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let line = std::fs::read_to_string(scratch.join("keys/host.pub")).unwrap();
    assert_eq!(line, format!("{}\n", made.verifier_key()));
    let (second, _) = signer_or_new(&state, "second");
    let trust = state.own_trust().unwrap();
    for own in [&made, &second] {
        assert!(trust.accepts(&SignerSet::new([own.verifier_key().clone()]).unwrap()));
    }
    let both = [made.verifier_key().clone(), second.verifier_key().clone()];
    assert!(!trust.accepts(&SignerSet::new(both).unwrap()));
}

#[test]
fn a_private_key_that_others_may_read_is_refused() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    signer_or_new(&state, "host");
    for loose in [0o640, 0o604, 0o660] {
        set_mode(&scratch.join("keys/host.pem"), loose);
        let refused = state.signer("host").unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
        assert!(
            state.signer_or_new("host", &SystemEntropy::new()).is_err(),
            "a new key took its place"
        );
    }
}

#[test]
fn a_lost_public_half_is_made_again_and_a_wrong_one_is_noticed() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    let (made, _) = signer_or_new(&state, "host");
    let public = scratch.join("keys/host.pub");
    std::fs::remove_file(&public).unwrap();
    state.signer("host").unwrap();
    assert_eq!(
        std::fs::read_to_string(&public).unwrap(),
        format!("{}\n", made.verifier_key())
    );
    let (other, _) = signer_or_new(&state, "other");
    std::fs::write(&public, format!("{}\n", other.verifier_key())).unwrap();
    let fault = state.signer("host").unwrap_err();
    assert!(matches!(fault, Error::Integrity { .. }), "{fault}");
}

#[test]
fn a_damaged_key_is_named_and_never_replaced() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    signer_or_new(&state, "host");
    let path = scratch.join("keys/host.pem");
    let whole = std::fs::read_to_string(&path).unwrap();
    for damaged in [
        "",
        &whole[..60],
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        std::fs::write(&path, damaged).unwrap();
        let error = state.signer_or_new("host", &SystemEntropy::new()).unwrap_err();
        assert!(
            matches!(error, Error::Malformed { .. }) && error.to_string().contains("host.pem"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[test]
fn a_public_key_that_others_may_write_is_not_trusted() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    signer_or_new(&state, "host");
    set_mode(&scratch.join("keys/host.pub"), 0o666);
    assert!(matches!(state.own_trust(), Err(Error::Refused { .. })));
    set_mode(&scratch.join("keys/host.pub"), 0o644);
    std::fs::write(scratch.join("keys/host.pub"), "no key\n").unwrap();
    assert!(matches!(state.own_trust(), Err(Error::Malformed { .. })));
}

#[test]
#[ignore = "needs openssl"]
fn openssl_reads_the_private_key_and_verifies_a_signature() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    let (signer, _) = signer_or_new(&state, "host");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(scratch.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    };
    let public = openssl(&["pkey", "-in", "keys/host.pem", "-pubout"]);
    assert_eq!(String::from_utf8(public).unwrap(), signer.verifier_key().pem());
    std::fs::write(scratch.join("message"), "sealed").unwrap();
    std::fs::write(
        scratch.join("signature"),
        wait(signer.sign(b"sealed")).unwrap().value,
    )
    .unwrap();
    std::fs::write(scratch.join("public.pem"), signer.verifier_key().pem()).unwrap();
    openssl(&[
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "public.pem",
        "-rawin",
        "-in",
        "message",
        "-sigfile",
        "signature",
    ]);
}
