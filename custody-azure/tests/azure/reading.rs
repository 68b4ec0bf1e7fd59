//! What is only read: the machine and its exhibit, protection, rights; and as whom.

use crate::support::lab::Lab;
use crate::support::run;
use custody_azure::arm::{ActivityWindow, ResourceId, RoleAction};
use custody_azure::exhibit::MachineExhibit;
use custody_azure::{BlobStore, StoreLocation};
use custody_core::Error;
use custody_core::ids::Timestamp;
use custody_core::port::{Clock as _, DiskDescription, EvidenceSink as _, ProtectionKind, Snapshotter as _};
use custody_testkit::azure_sim::{AttachedDisk, Container, ImmutabilityPolicy, Machine, RoleGrant, Scenario};
use serde_json::json;

#[test]
fn all_disks_are_described_wherever_their_group_is() {
    let lab = Lab::new();
    let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
    let names: Vec<&str> = machine.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(
        names,
        ["web-01_OsDisk_1.vhd", "web-01-data-0.vhd", "web-01-data-1.vhd"]
    );
    assert!(
        machine
            .disks
            .last()
            .unwrap()
            .disk
            .as_str()
            .contains("/resourceGroups/shared-disks/")
    );
    assert_eq!(
        machine.attributes.get("powerState").unwrap(),
        "PowerState/running"
    );
    let left_out: Vec<&str> = machine
        .not_acquired
        .iter()
        .map(|left| left.what.as_str())
        .collect();
    assert_eq!(left_out, ["memory", "temporary disk", "local NVMe disks"]);
}

#[test]
fn disks_that_cannot_be_taken_are_named_with_what_to_do() {
    let machine = Machine::new(
        "odd-01",
        AttachedDisk::ephemeral("odd-os"),
        vec![
            AttachedDisk::unmanaged("odd-blob", "https://old.blob.core.windows.net/vhds/odd.vhd"),
            AttachedDisk::managed("web-01-data-0"),
        ],
    );
    let lab = Lab::of(Scenario::lab().with_machine(machine));
    let id = lab.scenario.machine_id("odd-01").parse().unwrap();
    let described = run(async { lab.snapshotter().describe(&id).await }).unwrap();
    assert_eq!(described.disks.len(), 1);
    let told: String = described
        .not_acquired
        .iter()
        .map(|left| format!("{}: {}\n", left.what, left.reason))
        .collect();
    assert!(
        told.contains("odd-os") && told.contains("it is ephemeral"),
        "{told}"
    );
    assert!(
        told.contains("odd-blob") && told.contains("it is unmanaged"),
        "{told}"
    );
}

#[test]
fn a_disk_that_vanished_is_named_and_the_others_are_described() {
    let lab = Lab::new();
    lab.simulator.remove_disk("web-01-data-0");
    let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
    assert_eq!(machine.disks.len(), 2);
    assert!(
        machine
            .not_acquired
            .iter()
            .any(|left| left.what.contains("web-01-data-0"))
    );
}

fn window(lab: &Lab) -> ActivityWindow {
    let until = lab.clock.now();
    let from = Timestamp::from_unix_millis(until.unix_millis() - 86_400_000).unwrap();
    ActivityWindow::new(from, until).unwrap()
}

#[test]
fn the_exhibit_is_what_the_service_says_byte_for_byte() {
    let lab = Lab::new();
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let parts = run(MachineExhibit::read(&lab.arm, &id, &window(&lab)));
    let of = |file: &str| {
        let found = parts.iter().find(|part| part.name().as_str() == file);
        found
            .unwrap_or_else(|| unreachable!("{file} is not in {parts:?}"))
            .result()
    };
    for file in [
        "virtual-machine.json",
        "instance-view.json",
        "disk-1.json",
        "disk-3.json",
        "network-interface-1.json",
        "network-security-group-1.json",
        "subnet-1.json",
        "network-security-group-2.json",
        "role-assignments-1.json",
        "activity-log-1.json",
        "serial-console.log",
        "console-screen.bmp",
    ] {
        let content = of(file);
        assert!(
            content.is_ok_and(|answer| !answer.value.is_empty()),
            "{file}: {content:?}"
        );
    }
    let group = of("network-security-group-2.json").unwrap();
    let text = String::from_utf8_lossy(&group.value);
    assert!(text.contains("web-subnet-nsg"), "the subnet's own group: {text}");
    let mut files: Vec<&str> = parts.iter().map(|part| part.name().as_str()).collect();
    files.sort_unstable();
    files.dedup();
    assert_eq!(files.len(), parts.len(), "a name is there twice");
}

#[test]
fn a_disk_encryption_set_is_kept_once_however_many_disks_name_it() {
    let set = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/production/providers/\
               Microsoft.Compute/diskEncryptionSets/customer-key";
    let key = "https://owners.vault.azure.net/keys/at-rest/0123456789abcdef0123456789abcdef";
    let mut scenario = Scenario::lab().with_resource(json!({
        "id": set, "name": "customer-key", "type": "Microsoft.Compute/diskEncryptionSets", "location": "westeurope",
        "properties": {"encryptionType": "EncryptionAtRestWithCustomerKey", "activeKey": {"keyUrl": key}},
    }));
    for name in ["web-01_OsDisk_1", "web-01-data-0"] {
        let disk = scenario.disk_mut(name);
        disk.encryption = "EncryptionAtRestWithCustomerKey".into();
        disk.disk_encryption_set = Some(set.into());
    }
    let lab = Lab::of(scenario);
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let parts = run(MachineExhibit::read(&lab.arm, &id, &window(&lab)));
    let sets = parts
        .iter()
        .filter(|part| part.name().as_str().starts_with("disk-encryption-set-"));
    let [kept] = sets.collect::<Vec<_>>()[..] else {
        unreachable!("{parts:?}")
    };
    let text = String::from_utf8_lossy(&kept.result().unwrap().value).into_owned();
    assert!(text.contains(key), "{text}");

    let described = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
    let os = described
        .disks
        .iter()
        .find(|disk| disk.name.starts_with("web-01_OsDisk_1"))
        .unwrap();
    let said = &os.attributes[DiskDescription::KEY_TO_READ];
    assert!(
        said.starts_with("none for what Azure encrypts itself") && said.contains("customer-key"),
        "{said}"
    );
}

#[test]
fn what_may_not_be_read_is_told_so_and_not_as_nothing() {
    let mut scenario = Scenario::lab();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without("Microsoft.Network/networkInterfaces/read")];
    }
    let lab = Lab::of(scenario);
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let parts = run(MachineExhibit::read(&lab.arm, &id, &window(&lab)));
    let told = parts
        .iter()
        .find(|part| part.name().as_str().starts_with("network-interface-1"))
        .unwrap();
    let error = told.result().unwrap_err();
    assert!(
        matches!(error.meaning(), Error::PermissionDenied { .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("Microsoft.Network/networkInterfaces/read"),
        "{error}"
    );
    assert!(parts.iter().any(|part| part.result().is_ok()));
}

#[test]
fn i08_a_subnet_that_may_not_be_read_is_not_taken_for_one_without_a_security_group() {
    let mut scenario = Scenario::lab();
    let right = "Microsoft.Network/virtualNetworks/subnets/read";
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(right)];
    }
    let lab = Lab::of(scenario);
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let parts = run(MachineExhibit::read(&lab.arm, &id, &window(&lab)));
    let subnet = parts.iter().find(|part| part.name().as_str() == "subnet-1.json");
    let error = subnet.unwrap().result().unwrap_err();
    assert!(
        matches!(error.meaning(), Error::PermissionDenied { .. }) && error.to_string().contains(right),
        "{error}"
    );
    assert!(subnet.unwrap().what().contains("names the security group"));
}

#[test]
fn i08_an_address_of_a_security_group_that_is_none_is_recorded() {
    let mut scenario = Scenario::lab();
    let subnet = scenario.resources.iter_mut().find(|one| one["name"] == "web");
    subnet.unwrap()["properties"]["networkSecurityGroup"]["id"] = "/not/an/id".into();
    let lab = Lab::of(scenario);
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let parts = run(MachineExhibit::read(&lab.arm, &id, &window(&lab)));
    let group = parts
        .iter()
        .find(|part| part.name().as_str() == "network-security-group-2.json");
    let error = group.unwrap().result().unwrap_err();
    assert!(matches!(error.meaning(), Error::Malformed { .. }), "{error}");
}

#[test]
fn protection_is_what_is_seen_and_an_unlocked_policy_is_told_as_no_protection() {
    let mut scenario = Scenario::lab();
    let account = scenario.storage_accounts.first_mut().unwrap();
    account.allowed_copy_scope = Some("AAD".into());
    let containers = &mut account.containers;
    containers.push(Container::new("unlocked").with_policy(ImmutabilityPolicy::unlocked(7)));
    containers.push(Container::new("held").with_legal_hold("case42"));
    let lab = Lab::of(scenario);
    for (container, kind, words) in [
        (
            Scenario::LAB_CONTAINER,
            ProtectionKind::LockedRetention,
            "365 days",
        ),
        (
            "unlocked",
            ProtectionKind::UnlockedRetention,
            "count it as no protection",
        ),
        ("held", ProtectionKind::LegalHold, "may clear it"),
        ("plain", ProtectionKind::None, "neither"),
    ] {
        let protection = run(async { lab.store(container).protection().await }).unwrap();
        assert_eq!(protection.kind, kind, "{container}");
        assert!(
            protection.statement.contains(words),
            "{container}: {}",
            protection.statement
        );
        assert_eq!(protection.region.as_ref().unwrap().as_str(), "westeurope");
        for name in [
            "account location",
            "account supportsHttpsTrafficOnly",
            "account minimumTlsVersion",
            "account allowSharedKeyAccess",
            "account publicNetworkAccess",
            "account defaultAction",
            "account bypass",
            "account ipRules",
            "account virtualNetworkRules",
            "account isHnsEnabled",
            "account allowedCopyScope",
            "blob service deleteRetentionPolicy",
            "blob service containerDeleteRetentionPolicy",
            "blob service isVersioningEnabled",
            "immutabilityPolicy",
            "legalHold tags",
            "immutableStorageWithVersioning",
            "appends allowed",
        ] {
            assert!(
                protection.observed.contains_key(name),
                "{container}: {name}: {protection:?}"
            );
        }
    }
    let held = run(async { lab.store("held").protection().await }).unwrap();
    assert_eq!(held.observed["legalHold tags"], "case42");
}

#[test]
fn settings_that_may_not_be_read_are_said_to_be_so_and_the_rest_is_told() {
    let mut scenario = Scenario::lab();
    let right = "Microsoft.Storage/storageAccounts/blobServices/read";
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(right)];
    }
    let lab = Lab::of(scenario);
    let protection = run(async { lab.store(Scenario::LAB_CONTAINER).protection().await }).unwrap();
    assert_eq!(protection.kind, ProtectionKind::LockedRetention);
    let told = &protection.observed["blob service"];
    assert!(
        told.starts_with("could not be read") && told.contains(right),
        "{told}"
    );
}

#[test]
fn an_account_or_a_policy_that_cannot_take_disks_and_logs_says_what_to_do() {
    let mut scenario = Scenario::lab();
    let account = scenario.storage_accounts.first_mut().unwrap();
    account
        .containers
        .push(Container::new("frozen").with_policy(ImmutabilityPolicy::locked(7)));
    let lab = Lab::of(scenario.clone());
    let obstacles = |store: &BlobStore| run(async { store.protection().await }).unwrap().obstacles;
    assert_eq!(obstacles(&lab.store(Scenario::LAB_CONTAINER)), [""; 0]);
    let frozen = lab.store("frozen");
    let [told] = obstacles(&frozen).try_into().unwrap();
    assert!(
        told.contains("frozen") && told.contains("--allow-protected-append-writes"),
        "{told}"
    );
    assert_eq!(
        obstacles(&frozen.with_logs_elsewhere()),
        [""; 0],
        "logs lie elsewhere"
    );

    scenario
        .storage_accounts
        .first_mut()
        .unwrap()
        .hierarchical_namespace = true;
    let lab = Lab::of(scenario);
    let [told] = obstacles(&lab.store(Scenario::LAB_CONTAINER)).try_into().unwrap();
    assert!(
        told.contains("hierarchical namespace") && told.contains("--snapshot"),
        "{told}"
    );
}

#[test]
fn protection_that_may_not_be_read_claims_nothing_and_says_why() {
    let mut scenario = Scenario::lab();
    let right = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(right)];
    }
    let lab = Lab::of(scenario);
    let protection = run(async { lab.store(Scenario::LAB_CONTAINER).protection().await }).unwrap();
    assert_eq!(protection.kind, ProtectionKind::None);
    assert!(protection.statement.contains(right), "{}", protection.statement);
}

#[test]
fn rights_that_are_missing_are_named() {
    let mut scenario = Scenario::lab();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without("Microsoft.Compute/snapshots/delete")];
    }
    let lab = Lab::of(scenario);
    let needed = [
        "Microsoft.Compute/snapshots/write",
        "Microsoft.Compute/snapshots/delete",
    ]
    .map(|name| RoleAction::Control(name.into()));
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    let missing = run(lab.arm.missing_actions(&id, &needed)).unwrap().missing;
    assert_eq!(
        missing,
        [RoleAction::Control("Microsoft.Compute/snapshots/delete".into())]
    );
}

#[test]
fn a_place_that_is_no_container_is_refused() {
    let account: ResourceId =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a123"
            .parse()
            .unwrap();
    for wrong in [
        "",
        "ab",
        "Upper",
        "a--b",
        "-ab",
        "ab-",
        "a/b",
        "a?b",
        &"a".repeat(64),
    ] {
        assert!(
            StoreLocation::new(account.clone(), wrong).is_err(),
            "{wrong:?} was taken"
        );
    }
    let disk: ResourceId = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
        .parse()
        .unwrap();
    assert!(StoreLocation::new(disk, "evidence").is_err());
}
