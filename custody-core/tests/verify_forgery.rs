//! Stores that hold together and are not what they were: signed by strangers, rolled back, told otherwise.

mod verify_support;

use custody_core::custody_log::Trust;
use custody_core::ids::ObjectName;
use custody_core::verify::{KnownLog, KnownPlace, Outcome, Report, VerifyOptions};
use custody_testkit::fake::{FakeSigner, FakeWorld};
use verify_support::*;

/// What a host remembers of a store it verified.
fn remembered(report: &Report, place: KnownPlace) -> VerifyOptions {
    report
        .sound_logs()
        .fold(VerifyOptions::default(), |options, log| {
            options.with_known(KnownLog::new(log.origin.clone(), log.lines, log.root).with_place(place))
        })
}

fn signed_by(seed: u64) -> FakeWorld {
    let mut world = two_disks();
    world.signers = vec![FakeSigner::ed25519("custodian", seed)];
    world
}

#[test]
fn i13_a_store_signed_anew_by_a_stranger_is_consistent_and_not_proven() {
    let world = signed_by(1);
    let (objects, trusted) = captured(&world);
    let (forged, _) = captured(&signed_by(2));
    assert_eq!(
        objects.names(),
        forged.names(),
        "the forger names everything as it was"
    );

    let report = verify(&forged, trusted.clone());
    assert_eq!(report.outcome.exit_code(), 1, "{}", text(&report));
    let stranger = FakeSigner::ed25519("custodian", 2);
    let fingerprint = custody_core::port::SealSigner::verifier_key(&stranger).fingerprint();
    assert!(text(&report).contains(&fingerprint), "{}", text(&report));

    let options = remembered(&verify(&objects, trusted.clone()), KnownPlace::AnyStore);
    let report = verify_with(&forged, trusted.clone(), options.clone());
    assert_eq!(report.outcome.exit_code(), 4, "{}", text(&report));
    assert!(text(&report).contains("rewritten"), "{}", text(&report));
    assert_proven(&verify_with(&objects, trusted, options));
}

#[test]
fn a_register_that_was_rolled_back_is_noticed() {
    let world = two_disks();
    capture_as(&world, request("2026-0001"));
    let before = Objects::of(&world.store);
    capture_as(&world, request("2026-0002"));
    let now = Objects::of(&world.store);
    let trust = trust(&world.signers);
    let options = remembered(&verify(&now, trust.clone()), KnownPlace::ThisStore);

    // Everything as it was once: consistent in itself, and only a host that remembers can tell.
    assert_proven(&verify(&before, trust.clone()));
    let report = verify_with(&before, trust.clone(), options);
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
    let register: ObjectName = "register.jsonl".parse().unwrap();
    assert!(
        about(&report, &register).found.contains("are missing"),
        "{}",
        text(&report)
    );
    assert!(
        text(&report).contains("it was removed, or the store was replaced"),
        "{}",
        text(&report)
    );

    // The register alone: the case that it no longer names is still there.
    let mut cut = now.clone();
    cut.0.retain(|name, _| !name.as_str().starts_with("register"));
    cut.0.extend(
        before
            .0
            .into_iter()
            .filter(|(name, _)| name.as_str().starts_with("register")),
    );
    let report = verify(&cut, trust);
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
    assert!(
        text(&report).contains("the register was cut"),
        "{}",
        text(&report)
    );
}

#[test]
fn a_store_that_was_replaced_is_noticed_by_a_host_that_remembers() {
    let (objects, trusted) = captured(&two_disks());
    let other = two_disks();
    other.clock.advance(std::time::Duration::from_secs(86_400));
    let mut noise = [0; 32];
    custody_core::port::Entropy::fill(&other.entropy, &mut noise).unwrap();
    let (others, _) = captured(&other);
    let report = verify(&objects, trusted.clone());
    let here = remembered(&report, KnownPlace::ThisStore);
    let anywhere = remembered(&report, KnownPlace::AnyStore);
    assert_proven(&verify_with(&others, trusted.clone(), anywhere));
    let report = verify_with(&others, trusted, here);
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
}

#[test]
fn a_second_custodian_must_be_trusted_too() {
    let world = two_disks();
    capture_as(&world, request("2026-0001"));
    let mut second = world.clone();
    second.signers = vec![FakeSigner::ed25519("second", 7)];
    capture_as(&second, request("2026-0002"));
    let objects = Objects::of(&world.store);
    let (first, both) = (
        trust(&world.signers),
        trust(&world.signers).and(trust(&second.signers)),
    );
    assert_proven(&verify(&objects, both));
    let report = verify(&objects, first);
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
    assert_eq!(report.acquisitions[0].outcome, Outcome::Proven);
    assert_eq!(report.acquisitions[1].outcome, Outcome::NotProven);
    let report = verify(&objects, Trust::nobody());
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
}

#[test]
fn a_folder_that_was_copied_to_another_case_is_not_of_that_case() {
    let (objects, trust) = captured(&two_disks());
    let mut copied = objects.clone();
    for (name, bytes) in &objects.0 {
        if let Some(rest) = name.as_str().strip_prefix("cases/2026-0042/") {
            copied
                .0
                .insert(format!("cases/2026-0043/{rest}").parse().unwrap(), bytes.clone());
        }
    }
    let report = verify(&copied, trust);
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
    assert!(text(&report).contains("cases/2026-0043/"), "{}", text(&report));
}

#[test]
fn an_acquisition_of_another_store_is_not_of_this_one() {
    let (objects, trusted) = captured(&two_disks());
    let other = two_disks();
    let mut noise = [0; 32];
    custody_core::port::Entropy::fill(&other.entropy, &mut noise).unwrap();
    capture_as(&other, request("2026-0099"));
    let mut mixed = objects.clone();
    let others = Objects::of(&other.store);
    mixed.0.extend(
        others
            .0
            .into_iter()
            .filter(|(name, _)| name.as_str().starts_with("cases/")),
    );
    let report = verify(&mixed, trusted);
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
    assert!(text(&report).contains("line 1: store"), "{}", text(&report));
}
