//! The longest value that a secret of a vault takes, and one byte more.

use custody_core::Error;
use custody_core::port::{
    EscrowRecord, EscrowedKey, KeyEscrow as _, KeyMaterial, KeyReference, KeyWrapper as _, WrappedKey,
};
use custody_testkit::azure_sim::Scenario;
use custody_testkit::fake::pattern;
use futures::TryStreamExt as _;
use zeroize::Zeroizing;

use crate::support::run;
use crate::support::vault_lab::{NAME, VaultLab, acquisition, base64, told};

/// 25 KB. Source: "About Azure Key Vault secrets", read 2026-11-21.
const LONGEST: usize = 25 * 1024;
/// What comes to that in base64.
const LONGEST_PLAIN: usize = LONGEST / 4 * 3;
const RECORD_SUFFIX: &str = "-custody-record";

fn record(key: EscrowedKey) -> EscrowRecord {
    let source = KeyReference::new("https://production-keys.vault.azure.net/secrets/a/1");
    EscrowRecord::new(acquisition(), "item-1".parse().unwrap(), source, key)
}

fn plain(length: usize) -> EscrowRecord {
    record(EscrowedKey::Entrusted(material(length)))
}

fn material(length: usize) -> KeyMaterial {
    KeyMaterial::new(Zeroizing::new(pattern(length, 4)))
}

/// A wrapped key whose record is longer by so many bytes than that of one of which nothing is told.
fn wrapped(told: usize) -> EscrowRecord {
    let key = WrappedKey::new("RSA-OAEP-256 by a key", pattern(256, 3));
    record(EscrowedKey::Wrapped(key.with_attribute("told", "x".repeat(told))))
}

/// The value of a secret of the security team's vault.
fn value(lab: &VaultLab, name: &str) -> Option<String> {
    let secret = lab.lab.simulator.secret(Scenario::LAB_SOC_VAULT, name);
    secret.map(|secret| secret.value)
}

fn put(lab: &VaultLab, record: &EscrowRecord) -> Result<(), Error> {
    run(lab.escrow().deposit(&NAME.parse().unwrap(), record)).map(drop)
}

/// That it is refused by its length, with what it is and what is allowed, and in no word of it.
fn is_refused(refused: Result<(), Error>, length: usize) {
    let error = refused.unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    let due = format!("it has {length} bytes, and a secret has at most {LONGEST}");
    assert!(told(&error).contains(&due), "{}", told(&error));
}

#[test]
fn a_plain_key_whose_base64_is_as_long_as_a_secret_may_be_is_kept_and_comes_back() {
    let lab = VaultLab::new();
    put(&lab, &plain(LONGEST_PLAIN)).unwrap();
    assert_eq!(value(&lab, NAME).unwrap().len(), LONGEST);
    let kept = run(lab.escrow().withdraw(&NAME.parse().unwrap())).unwrap().value;
    let EscrowedKey::Entrusted(key) = &kept.key else {
        panic!("it is kept in plain form")
    };
    assert_eq!(key.expose(), pattern(LONGEST_PLAIN, 4));
}

#[test]
fn a_plain_key_that_is_a_byte_longer_is_refused_with_the_number_and_never_sent() {
    let lab = VaultLab::new();
    let refused = put(&lab, &plain(LONGEST_PLAIN + 1));
    is_refused(refused, LONGEST + 4);
    assert_eq!(value(&lab, NAME), None);
    assert_eq!(
        run(lab.escrow().list(&acquisition()).try_collect::<Vec<_>>()).unwrap(),
        []
    );
    // What is known of it may lie there, without it; no call took it along.
    let shown = base64(&pattern(LONGEST_PLAIN + 1, 4));
    if let Some(beside) = value(&lab, &format!("{NAME}{RECORD_SUFFIX}")) {
        assert!(!beside.contains(&shown[..24]));
    }
    for call in lab.lab.simulator.journal() {
        assert!(call.request_bytes < LONGEST as u64, "{call}");
    }
    // One that fits is taken under the same name.
    put(&lab, &plain(LONGEST_PLAIN)).unwrap();
}

#[test]
fn a_record_of_a_wrapped_key_is_kept_to_the_last_byte_that_a_secret_takes_and_not_beyond() {
    let lab = VaultLab::new();
    put(&lab, &wrapped(1)).unwrap();
    let room = LONGEST - value(&lab, NAME).unwrap().len() + 1;

    let lab = VaultLab::new();
    is_refused(put(&lab, &wrapped(room + 1)), LONGEST + 1);
    let names = lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT);
    assert_eq!(names, [""; 0], "nothing of it was put");

    let longest = wrapped(room);
    put(&lab, &longest).unwrap();
    assert_eq!(value(&lab, NAME).unwrap().len(), LONGEST);
    let kept = run(lab.escrow().withdraw(&NAME.parse().unwrap())).unwrap().value;
    let (EscrowedKey::Wrapped(kept), EscrowedKey::Wrapped(due)) = (&kept.key, &longest.key) else {
        panic!("it is kept wrapped")
    };
    assert_eq!(kept, due);
}

#[test]
fn a_key_that_fits_plain_and_not_wrapped_is_refused_with_the_number_and_nothing_of_it_is_put() {
    let lab = VaultLab::new();
    let key = run(lab.wrapper().wrap(&material(LONGEST_PLAIN), &acquisition()));
    let record = record(EscrowedKey::Wrapped(key.unwrap().value));
    let error = put(&lab, &record).unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    assert!(
        told(&error).contains(&format!("at most {LONGEST}")),
        "{}",
        told(&error)
    );
    let names = lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT);
    assert_eq!(names, [""; 0], "nothing of it was put");
}
