//! Rights in key vaults, and what is asked of them.

use custody_azure::{VAULT_RIGHTS, VaultPlace, VaultPurpose};
use custody_testkit::azure_sim::{Bytes, RoleGrant, Scenario};
use custody_testkit::fake::pattern;
use custody_testkit::volume::{BitLockerVolume, GptDisk, Luks2Volume};

use super::roles::{grants_of, printed_roles};
use super::{check, commands, not_set_up};
use crate::json_schemas::Schemas;
use crate::lab::Lab;

/// The lab with a BitLocker and a LUKS disk whose keys lie in a vault; its application may do this and nothing else.
fn keyed(roles: Vec<RoleGrant>) -> Lab {
    let bitlocker = BitLockerVolume::new(1, vec![3; 2 << 20]).make();
    let passphrase = pattern(32, 5);
    let luks = Luks2Volume::new(2, &passphrase, vec![9; 1 << 20]).make();
    let mut scenario = Scenario::lab_with_keys(&bitlocker.key_file, &passphrase);
    for (disk, volume) in [("web-01-data-0", bitlocker.image), ("web-01-data-1", luks)] {
        let image = GptDisk::new(512).with_partition(volume).make().image;
        scenario.disk_mut(disk).bytes = Bytes::Exactly(image);
    }
    scenario.identities[0].roles = roles;
    let lab = not_set_up(scenario);
    lab.azure.name_vaults_by_ports();
    lab
}

/// What setting up says of vaults.
fn vault_flags(lab: &Lab) -> Vec<String> {
    let address = lab.azure.endpoints().unwrap().tls.vault[Scenario::LAB_SOC_VAULT].clone();
    [
        "--vault",
        &address,
        "--vault-id",
        &vault_id(lab, Scenario::LAB_SOC_VAULT),
    ]
    .into_iter()
    .chain(["--wrapping-key", Scenario::LAB_SOC_KEY, "--owner-vault"])
    .chain([vault_id(lab, Scenario::LAB_KEY_VAULT).as_str()])
    .map(str::to_owned)
    .collect()
}

fn vault_id(lab: &Lab, name: &str) -> String {
    let vault = lab
        .scenario
        .vaults
        .iter()
        .find(|vault| vault.name == name)
        .unwrap();
    vault.id(&lab.scenario.subscriptions[0])
}

#[test]
fn the_printed_roles_are_enough_for_keys_and_each_right_in_vaults_is_checked() {
    let lab = keyed(vec![RoleGrant::everything()]);
    let flags = vault_flags(&lab);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let printed = printed_roles(&lab, &flags);
    let exact = keyed(grants_of(&printed, "none of them"));
    let flags = vault_flags(&exact);
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--json"]).collect();
    let checked = exact.set_up(Scenario::LAB_CONTAINER, &flags).expect(0).json();
    Schemas::load().hold("output-setup", &checked);
    assert_eq!(check(&checked, "vault of the security team")["state"], "ok");
    assert!(exact.settings().contains("[azure.vault]"), "{}", exact.settings());
    let plan = exact.capture(&["--dry-run", "--json"]).expect(0).json();
    assert!(!plan.to_string().contains("is missing at"), "{plan}");
    let captured = exact.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert!(captured.to_string().contains("RSA-OAEP-256"), "{captured}");

    for (place, name) in [
        (VaultPlace::Owners, Scenario::LAB_KEY_VAULT),
        (VaultPlace::Center, Scenario::LAB_SOC_VAULT),
    ] {
        for right in VAULT_RIGHTS.iter().filter(|right| right.place() == place) {
            let without = keyed(grants_of(&printed, right.action()));
            let flags = vault_flags(&without);
            let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--json"]).collect();
            let found = without.set_up(Scenario::LAB_CONTAINER, &flags).expect(3).json();
            let id = vault_id(&without, name);
            let named = check(&found, &format!("right {} at {id}", right.action()));
            if right.purpose() == VaultPurpose::Checking {
                assert_eq!(named["state"], "could-not-check", "{right:?}: {named}");
                continue;
            }
            assert_eq!(named["state"], "missing", "{right:?}: {named}");
            let assign = format!("--scope {id}");
            let commands = commands(&found);
            assert!(
                commands.iter().any(|command| command.ends_with(&assign)),
                "{commands:#?}"
            );
        }
    }
}

#[test]
fn what_is_not_told_of_vaults_is_asked_for_or_said() {
    let lab = keyed(vec![RoleGrant::everything()]);
    let refused = lab
        .set_up(Scenario::LAB_CONTAINER, &["--wrapping-key", "escrow"])
        .expect(2);
    assert!(refused.err.contains("--vault URL"), "{refused:?}");
    let refused = lab
        .set_up(Scenario::LAB_CONTAINER, &["--owner-vault", &lab.account()])
        .expect(2);
    assert!(refused.err.contains("is no key vault"), "{refused:?}");
    let address = lab.azure.endpoints().unwrap().tls.vault[Scenario::LAB_SOC_VAULT].clone();
    let found = lab
        .set_up(Scenario::LAB_CONTAINER, &["--vault", &address, "--json"])
        .expect(3)
        .json();
    let unknown = check(&found, "rights in the key vault");
    assert_eq!(unknown["state"], "could-not-check", "{unknown}");
    assert!(unknown["next"].to_string().contains("--vault-id"), "{unknown}");
    assert_eq!(
        check(&found, "vaults of the machines' owners")["state"],
        "left-out"
    );

    // A person is asked for each, and Enter keeps what stands.
    let ids = [Scenario::LAB_SOC_VAULT, Scenario::LAB_KEY_VAULT].map(|name| vault_id(&lab, name));
    let groups = format!("{} {}", lab.group("production"), lab.group("shared-disks"));
    let answers = format!(
        "{}\n{}\n{}\n{}\n{groups}\nyes\n",
        "\n".repeat(7),
        "escrow",
        ids[0],
        ids[1]
    );
    let run = lab.answering(
        &["setup", "azure", "--container", Scenario::LAB_CONTAINER, "--ask"],
        &answers,
    );
    let run = run.expect(0);
    assert!(run.err.contains("wrapping key"), "{run:?}");
    for line in [format!("id = {:?}", ids[0]), "wrapping-key = \"escrow\"".into()] {
        assert!(lab.settings().contains(&line), "{line}: {}", lab.settings());
    }
}

#[test]
fn a_vault_in_which_access_policies_decide_is_not_called_fine() {
    let lab = keyed(vec![RoleGrant::everything()]);
    let object = lab.scenario.identities[0].object_id.clone();
    lab.azure.change_vault(Scenario::LAB_SOC_VAULT, |vault| {
        *vault = vault
            .clone()
            .with_access_policy(&object, &["get", "set", "list"], &["get", "wrapKey"]);
    });
    let flags = vault_flags(&lab);
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--json"]).collect();
    let found = lab.set_up(Scenario::LAB_CONTAINER, &flags).expect(3).json();
    let id = vault_id(&lab, Scenario::LAB_SOC_VAULT);
    let set = check(&found, &format!("secrets/setSecret/action at {id}"));
    assert_eq!(set["state"], "could-not-check", "{set}");
    assert!(set["next"].to_string().contains("accessPolicies"), "{set}");
    assert_eq!(check(&found, "vault of the security team")["state"], "ok");
}
