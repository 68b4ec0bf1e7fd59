use std::collections::BTreeMap;

use custody_core::port::KeyRequirement;
use custody_core::visible;

use super::encryption_settings::{MACHINE_SETTINGS, SETTINGS, keys, read, read_machine};
use crate::arm::{DiskResource, EncryptionSettings};

const OF_THE_SNAPSHOT: &str = "the disk snapshot";
const OF_THE_DISK: &str = "the disk, when the capture was planned: a restore point carries no settings";
const OF_THE_MACHINE: &str =
    "the machine's own model, when the capture was planned: the disk carries no settings";

/// Which keys a disk snapshot needs, by what it and the description of its disk say.
///
/// The snapshot's own settings count: a key that was changed after the plan is another one than the content's. A
/// restore point has none (source: "Virtual machine restore points", frequently asked questions, read 2026-11-21).
pub(super) fn decide(found: &DiskResource, described: &BTreeMap<String, String>) -> KeyRequirement {
    let own = found.properties.encryption_settings_collection.as_ref();
    if let Some(settings) = own {
        return if settings.enabled {
            of(settings, OF_THE_SNAPSHOT, described)
        } else {
            KeyRequirement::None
        };
    }
    let planned = described.get(SETTINGS).and_then(|told| read(told));
    if let Some(settings) = planned.filter(|settings| settings.enabled) {
        return of(&settings, OF_THE_DISK, described);
    }
    let of_machine = described
        .get(MACHINE_SETTINGS)
        .and_then(|told| read_machine(told));
    if let Some(settings) = of_machine.filter(|settings| settings.enabled) {
        return of(&settings, OF_THE_MACHINE, described);
    }
    KeyRequirement::Unknown(why_unknown(found))
}

fn of(
    settings: &EncryptionSettings,
    read_from: &str,
    described: &BTreeMap<String, String>,
) -> KeyRequirement {
    let keys = match keys(settings, read_from) {
        Ok(keys) => keys,
        Err(reason) => return KeyRequirement::Unknown(reason),
    };
    let planned = described
        .get(SETTINGS)
        .and_then(|told| read(told))
        .and_then(|settings| super::encryption_settings::keys(&settings, "").ok())
        .unwrap_or_default();
    let with_change = keys
        .into_iter()
        .enumerate()
        .map(|(number, key)| match planned.get(number) {
            Some(before) if before.address != key.address => {
                let note = format!(
                    "{}; it was changed since: this one is the snapshot's",
                    before.address
                );
                key.with_attribute("planned", note)
            }
            _ => key,
        });
    KeyRequirement::Keys(with_change.collect())
}

fn why_unknown(found: &DiskResource) -> String {
    let properties = &found.properties;
    let security = properties
        .security_profile
        .as_ref()
        .and_then(|profile| profile.security_type.as_deref());
    if let Some(kind) = security.filter(|kind| kind.starts_with("ConfidentialVM_DiskEncrypted")) {
        return format!(
            "{}: the key is sealed to the machine's virtual TPM, and Azure gives it to nobody",
            visible::escape(kind)
        );
    }
    let at_rest = match (
        &properties.encryption.kind,
        &properties.encryption.disk_encryption_set_id,
    ) {
        (Some(kind), Some(set)) => {
            format!("{} by {}", visible::escape(kind), visible::escape(set))
        }
        (Some(kind), None) => visible::escape(kind),
        (None, _) => "in a way that is not told".into(),
    };
    format!(
        "Azure keeps no key for it: there are no settings of Azure Disk Encryption. At rest it is encrypted {at_rest}, \
         which the service takes off whatever is exported, as it does with encryption at host: for that no key is \
         needed. A volume that somebody encrypted inside the machine is known only from the image"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(properties: &serde_json::Value) -> DiskResource {
        serde_json::from_value(json!({"properties": properties})).unwrap()
    }

    fn collection(address: &str) -> serde_json::Value {
        json!({"enabled": true, "encryptionSettings": [{"diskEncryptionKey": {"secretUrl": address}}]})
    }

    fn described(name: &str, value: &serde_json::Value) -> BTreeMap<String, String> {
        [(name.to_owned(), visible::escape(&value.to_string()))].into()
    }

    fn addresses(requirement: KeyRequirement) -> Vec<String> {
        match requirement {
            KeyRequirement::Keys(keys) => keys.into_iter().map(|key| key.address).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn the_snapshots_key_counts_and_a_change_since_the_plan_is_told() {
        let found = resource(&json!({"encryptionSettingsCollection": collection("https://v/2")}));
        let described = described(SETTINGS, &collection("https://v/1"));
        let KeyRequirement::Keys(keys) = decide(&found, &described) else {
            panic!("keys are needed")
        };
        assert_eq!(keys[0].address, "https://v/2");
        assert!(keys[0].attributes["planned"].starts_with("https://v/1"));
        assert_eq!(keys[0].attributes["read from"], OF_THE_SNAPSHOT);
    }

    #[test]
    fn what_carries_no_settings_is_told_by_the_disk_or_the_machine() {
        let found = resource(&json!({}));
        assert_eq!(
            addresses(decide(&found, &described(SETTINGS, &collection("https://v/1")))),
            ["https://v/1"]
        );
        let machine = json!({"enabled": true, "diskEncryptionKey": {"secretUrl": "https://v/3"}});
        assert_eq!(
            addresses(decide(&found, &described(MACHINE_SETTINGS, &machine))),
            ["https://v/3"]
        );
        let off = json!({"enabled": false, "diskEncryptionKey": {"secretUrl": "https://v/3"}});
        let told = decide(&found, &described(MACHINE_SETTINGS, &off));
        assert!(matches!(told, KeyRequirement::Unknown(_)), "{told:?}");
    }

    #[test]
    fn only_settings_that_say_so_make_a_disk_need_no_key() {
        let off = resource(&json!({"encryptionSettingsCollection": {"enabled": false}}));
        assert_eq!(decide(&off, &BTreeMap::new()), KeyRequirement::None);
        for (properties, words) in [
            (
                json!({"encryption": {"type": "EncryptionAtRestWithPlatformKey"}}),
                "no key is needed",
            ),
            (
                json!({"encryption": {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": "/des/1"}}),
                "/des/1",
            ),
            (
                json!({"securityProfile": {"securityType": "ConfidentialVM_DiskEncryptedWithPlatformKey"}}),
                "virtual TPM",
            ),
            (
                json!({"encryptionSettingsCollection": {"enabled": true}}),
                "name no key",
            ),
        ] {
            match decide(&resource(&properties), &BTreeMap::new()) {
                KeyRequirement::Unknown(reason) => assert!(reason.contains(words), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
