//! What a vault refuses, or cannot do, and what is said of it.

use crate::support::run;
use crate::support::vault_lab::{NAME, VaultLab, acquisition, base64, base64url, told};
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister as _, EscrowedKey, KeyEscrow as _, KeyWrapper as _};
use custody_core::{Error, Remedy};
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario, VaultSecret};

/// What stands in the way of a key, and what its error says.
type Obstacle = (
    &'static str,
    fn(&VaultLab),
    usize,
    Remedy,
    &'static [&'static str],
);

const OBSTACLES: [Obstacle; 9] = [
    (
        "disabled",
        |lab| lab.disable(0),
        0,
        Remedy::FixRequest,
        &["it is disabled", "--enabled true"],
    ),
    (
        "deleted",
        |lab| {
            lab.lab
                .simulator
                .delete_secret(Scenario::LAB_KEY_VAULT, &lab.secrets[0].name);
        },
        0,
        Remedy::FixRequest,
        &["not found", "can still be recovered"],
    ),
    (
        "purged",
        |lab| {
            lab.lab
                .simulator
                .purge_from_vault(Scenario::LAB_KEY_VAULT, &lab.secrets[0].name);
        },
        0,
        Remedy::FixRequest,
        &["not found", "it was purged, or never there"],
    ),
    (
        "firewalled",
        |lab| {
            lab.lab
                .simulator
                .change_vault(Scenario::LAB_KEY_VAULT, |vault| vault.network_default_deny = true);
        },
        0,
        Remedy::FixPermission,
        &["its firewall lets only", "ForbiddenByFirewall"],
    ),
    (
        "private only",
        |lab| {
            lab.lab.simulator.change_vault(Scenario::LAB_KEY_VAULT, |vault| {
                vault.public_network_access = false;
            });
        },
        0,
        Remedy::FixPermission,
        &["its firewall lets only", "private endpoints"],
    ),
    (
        "a policy without get",
        |lab| lab.policy(&["list"], &[]),
        0,
        Remedy::FixPermission,
        &[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "secrets get",
            "AccessDenied",
        ],
    ),
    (
        "a policy without unwrapKey",
        |lab| lab.policy(&["get"], &["get"]),
        1,
        Remedy::FixPermission,
        &[
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
            "keys unwrapKey",
            "disk-kek",
        ],
    ),
    (
        "a disabled wrapping key",
        |lab| {
            lab.lab
                .simulator
                .disable_in_vault(Scenario::LAB_KEY_VAULT, Scenario::LAB_KEK);
        },
        1,
        Remedy::FixRequest,
        &["disk-kek", "it is disabled", "az keyvault key"],
    ),
    (
        "a purged wrapping key",
        |lab| {
            lab.lab
                .simulator
                .purge_from_vault(Scenario::LAB_KEY_VAULT, Scenario::LAB_KEK);
        },
        1,
        Remedy::FixRequest,
        &["disk-kek", "not found"],
    ),
];

#[test]
fn what_stands_in_the_way_of_a_key_is_said_each_in_its_own_words() {
    for (what, obstruct, number, remedy, words) in OBSTACLES {
        let lab = VaultLab::new();
        obstruct(&lab);
        let error = lab.fetch(number).unwrap_err();
        let text = told(&error);
        for word in words {
            assert!(text.contains(word), "{what}: {word:?} is not in {text}");
        }
        assert_eq!(error.remedy(), remedy, "{what}: {text}");
        assert!(error.service().is_some(), "{what}: {text}");
        lab.assert_hidden(&text);
    }
}

#[test]
fn a_missing_role_action_is_named() {
    for (action, number) in [
        ("Microsoft.KeyVault/vaults/secrets/getSecret/action", 0),
        ("Microsoft.KeyVault/vaults/keys/unwrap/action", 1),
    ] {
        let lab = VaultLab::with(|scenario| {
            scenario.identities[1].roles = vec![RoleGrant::everything().without(action)];
        });
        let error = lab.fetch(number).unwrap_err();
        assert!(
            matches!(error.meaning(), Error::PermissionDenied { .. }),
            "{error}"
        );
        assert!(told(&error).contains(action), "{}", told(&error));
    }
    // It identifies the wrapping key only.
    let lab = VaultLab::with(|scenario| {
        let role = RoleGrant::everything().without("Microsoft.KeyVault/vaults/keys/read");
        scenario.identities[1].roles = vec![role];
    });
    let (_, fetched) = lab.fetch(1).unwrap();
    assert_eq!(fetched.key.expose(), lab.wrapped);
    assert!(fetched.original.unwrap().attributes["public part"].contains("keys/read"));
}

#[test]
fn a_wrapping_key_that_may_not_be_used_so_is_refused_in_words_and_with_the_vaults_code() {
    for (code, words) in [
        ("KeyNotYetValid", "may not be used at this time"),
        ("KeyExpired", "may not be used at this time"),
        ("KeyOperationForbidden", "do not include this one"),
        ("KeyDisabled", "it is disabled"),
    ] {
        let lab = VaultLab::new();
        let (_, fetched) = lab.fetch(0).unwrap();
        let refusal = FaultAction::status(403, &format!("Forbidden/{code}"));
        lab.lab
            .simulator
            .inject(Fault::on("POST", "/keys/*/wrapkey", refusal));
        let error = run(lab.wrapper().wrap(&fetched.key, &acquisition())).unwrap_err();
        let text = told(&error);
        assert!(text.contains(words) && text.contains("escrow"), "{code}: {text}");
        assert!(matches!(error.meaning(), Error::Refused { .. }), "{code}: {text}");
        assert_eq!(error.remedy(), Remedy::FixRequest, "{code}: {text}");
        lab.assert_hidden(&text);
    }
}

#[test]
fn a_vault_that_is_busy_is_asked_again() {
    let lab = VaultLab::new();
    lab.lab.simulator.inject(
        Fault::on(
            "GET",
            "/secrets/*",
            FaultAction::status(429, "Throttled").retry_after(0),
        )
        .times(2),
    );
    assert_eq!(lab.fetch(0).unwrap().1.key.expose(), lab.plain);
}

#[test]
fn a_vault_whose_connection_ends_is_asked_again() {
    for action in [
        FaultAction::DropBefore,
        FaultAction::DropAfter,
        FaultAction::Truncate(20),
    ] {
        let lab = VaultLab::new();
        let simulator = &lab.lab.simulator;
        for (method, path) in [("GET", "/secrets/*"), ("POST", "/keys/*")] {
            simulator.inject(Fault::on(method, path, action.clone()).times(1));
        }
        // The second one is wrapped, and so is read and unwrapped.
        let fetched = lab.fetch(1).unwrap_or_else(|error| panic!("{action:?}: {error}"));
        assert_eq!(fetched.1.key.expose(), lab.wrapped, "{action:?}");
    }
}

#[test]
fn a_name_that_is_being_deleted_is_waited_for_by_whoever_resumes() {
    let lab = VaultLab::new();
    let (reference, fetched) = lab.fetch(0).unwrap();
    let mut record = lab.record(reference, fetched);
    let EscrowedKey::Entrusted(key) = &record.key else {
        panic!("it is in plain form")
    };
    let wrapped = run(lab.wrapper().wrap(key, &acquisition())).unwrap().value;
    record.key = EscrowedKey::Wrapped(wrapped);
    let refusal = FaultAction::status(409, "Conflict/ObjectIsBeingDeleted");
    lab.lab
        .simulator
        .inject(Fault::on("PUT", "/secrets/*", refusal).times(1));
    let error = run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Precondition { .. }), "{error}");
    assert!(
        told(&error).contains("is being deleted: wait a minute"),
        "{}",
        told(&error)
    );
    run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap();
}

#[test]
fn a_deleted_name_and_somebody_elses_secret_are_refused_with_what_to_do() {
    let lab = VaultLab::new();
    let (reference, fetched) = lab.fetch(0).unwrap();
    let record = lab.record(reference, fetched);
    let simulator = &lab.lab.simulator;
    simulator.put_secret(Scenario::LAB_SOC_VAULT, &VaultSecret::new(NAME, "Zm9yZWlnbg=="));
    let error = run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap_err();
    assert!(matches!(error.meaning(), Error::AlreadyExists { .. }), "{error}");
    simulator.delete_secret(Scenario::LAB_SOC_VAULT, NAME);
    let error = run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Precondition { .. }), "{error}");
    assert!(
        told(&error).contains("az keyvault secret recover"),
        "{}",
        told(&error)
    );
    let entry = DigestEntry::new(NAME, Sha256Digest::of(b"disk"), acquisition());
    let error = run(lab.register().put(&entry)).unwrap_err();
    assert!(
        told(&error).contains("can still be recovered"),
        "{}",
        told(&error)
    );
}

/// A refusal whose words have all of this.
fn echoing(method: &str, path: &str, words: &str) -> Fault {
    let action = FaultAction::Status {
        status: 400,
        code: "BadParameter/InnerCode".into(),
        message: format!("The request with value {words} is malformed."),
        retry_after: None,
    };
    Fault::on(method, path, action)
}

#[test]
fn a_vault_that_repeats_a_key_in_its_refusal_has_it_in_no_error() {
    let lab = VaultLab::new();
    let (reference, fetched) = lab.fetch(0).unwrap();
    let record = lab.record(reference, fetched);
    let (_, fetched) = lab.fetch(0).unwrap();
    let keys = [&lab.plain, &lab.wrapped].map(|key| format!("{} {}", base64(key), base64url(key)));
    for (method, path) in [("PUT", "/secrets/*"), ("POST", "/keys/*")] {
        lab.lab.simulator.inject(echoing(method, path, &keys.join(" ")));
    }
    let errors = [
        run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).map(drop),
        run(lab.wrapper().wrap(&fetched.key, &acquisition())).map(drop),
        lab.fetch(1).map(drop),
    ];
    for error in errors.map(Result::unwrap_err) {
        let text = format!("{error:?} {}", told(&error));
        lab.assert_hidden(&text);
        assert!(!text.contains("The request with value"), "{text}");
        assert!(text.contains("400") && text.contains("BadParameter"), "{text}");
        assert!(text.contains("InnerCode"), "{text}");
    }
}
