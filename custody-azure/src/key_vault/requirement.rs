use std::collections::BTreeMap;

use custody_core::port::{KeyReference, KeyRequirement};
use custody_core::visible;

use super::encryption_settings::{MACHINE_SETTINGS, SETTINGS, Told, VOLUME, keys, read};
use crate::arm::{DiskResource, EncryptionSettings};

const OF_THE_SNAPSHOT: &str = "the disk snapshot";
const OF_THE_DISK: &str =
    "the disk, when the capture was planned: what was taken of it carries no such settings";
const OF_THE_MACHINE: &str =
    "the machine's own model, when the capture was planned: the disk carries no such settings";
/// The attribute of a key that a snapshot speaks against.
const CONTRADICTED: &str = "contradicted by";
const OFF: &str = "the disk snapshot's own settings, which say that the encryption is off: whoever may write disks can say \
                   so, and it decrypts nothing";

/// Which keys a disk snapshot needs, by what it and the description of its disk say.
///
/// The snapshot's own settings count: a key that was changed after the plan is another one than the content's. A
/// restore point has none (source: "Virtual machine restore points", frequently asked questions, read 2026-11-21).
/// A snapshot that says "off" overrules nobody who names keys: it is one switch, and a key too many does no harm.
pub(super) fn decide(found: &DiskResource, described: &BTreeMap<String, String>) -> KeyRequirement {
    let own = found.properties.encryption_settings_collection.as_ref();
    if let Some(settings) = own.filter(|settings| settings.enabled) {
        return of(settings, OF_THE_SNAPSHOT, described);
    }
    for (name, read_from) in [(SETTINGS, OF_THE_DISK), (MACHINE_SETTINGS, OF_THE_MACHINE)] {
        match read(described, name) {
            Told::Settings(settings) if settings.enabled => {
                let named = of(&settings, read_from, described);
                return if own.is_some() { contradicted(named) } else { named };
            }
            Told::Settings(_) | Told::Nothing => {}
            Told::Not(why) => {
                return KeyRequirement::Unknown(format!(
                    "there are settings of Azure Disk Encryption that name its keys, and they could not be read: {why}"
                ));
            }
        }
    }
    match own {
        Some(_) => KeyRequirement::None,
        None => KeyRequirement::Unknown(why_unknown(found)),
    }
}

/// The same, with the snapshot's word against it.
fn contradicted(named: KeyRequirement) -> KeyRequirement {
    match named {
        KeyRequirement::Keys(keys) => {
            let keys = keys.into_iter().map(|key| key.with_attribute(CONTRADICTED, OFF));
            KeyRequirement::Keys(keys.collect())
        }
        KeyRequirement::Unknown(why) => KeyRequirement::Unknown(format!("{why}; against it stand {OFF}")),
        KeyRequirement::None => KeyRequirement::None,
    }
}

fn of(
    settings: &EncryptionSettings,
    read_from: &str,
    described: &BTreeMap<String, String>,
) -> KeyRequirement {
    let named = keys(settings, read_from);
    if named.keys.is_empty() {
        return KeyRequirement::Unknown(named.reasons().join("; "));
    }
    let planned = match read(described, SETTINGS) {
        Told::Settings(settings) => keys(&settings, "").keys,
        Told::Nothing | Told::Not(_) => Vec::new(),
    };
    let volume = |key: &KeyReference| key.attributes.get(VOLUME).cloned();
    let with_change = named.with_unreadable().into_iter().map(|key| {
        let mut before = planned.iter();
        match before.find(|before| volume(before) == volume(&key)) {
            Some(before) if before.address != key.address => {
                let note = format!(
                    "{}; it was changed since: this one is the snapshot's",
                    before.address
                );
                key.with_attribute("planned", note)
            }
            _ => key,
        }
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

    #[test]
    fn a_snapshot_that_says_off_overrules_nobody_who_names_keys() {
        let off = json!({"enabled": false, "encryptionSettings": [{"diskEncryptionKey": {"secretUrl": "https://v/9"}}]});
        let found = resource(&json!({"encryptionSettingsCollection": off}));
        let machine = json!({"enabled": true, "diskEncryptionKey": {"secretUrl": "https://v/3"}});
        for (described, address) in [
            (described(SETTINGS, &collection("https://v/1")), "https://v/1"),
            (described(MACHINE_SETTINGS, &machine), "https://v/3"),
        ] {
            let KeyRequirement::Keys(keys) = decide(&found, &described) else {
                panic!("keys are needed")
            };
            assert_eq!(keys[0].address, address);
            assert!(keys[0].attributes[CONTRADICTED].contains("off"), "{keys:?}");
        }
        let nameless = json!({"enabled": true, "encryptionSettings": []});
        for (name, told) in [
            (SETTINGS, nameless.to_string()),
            (SETTINGS, "not told here".into()),
        ] {
            let described = [(name.to_owned(), visible::escape(&told))].into();
            let decided = decide(&found, &described);
            assert!(matches!(decided, KeyRequirement::Unknown(_)), "{decided:?}");
        }
        // Where nobody says otherwise, it is what there is.
        assert_eq!(decide(&found, &described(SETTINGS, &off)), KeyRequirement::None);
    }

    #[test]
    fn one_element_that_cannot_be_read_keeps_no_other_key_from_being_taken() {
        let found = resource(
            &json!({"encryptionSettingsCollection": {"enabled": true, "encryptionSettings": [
                {"diskEncryptionKey": "odd"}, {"diskEncryptionKey": {"secretUrl": "https://v/2"}},
            ]}}),
        );
        // By its place among the volumes, and not among those that can be read.
        let before = json!({"enabled": true, "encryptionSettings": [
            {"diskEncryptionKey": {"secretUrl": "https://v/1"}}, {"diskEncryptionKey": {"secretUrl": "https://v/2"}},
        ]});
        let KeyRequirement::Keys(keys) = decide(&found, &described(SETTINGS, &before)) else {
            panic!("keys are needed")
        };
        assert_eq!(keys[0].address, "https://v/2");
        assert!(!keys[0].attributes.contains_key("planned"));
        assert_eq!(keys[1].address, "no address: volume 0");
    }

    #[test]
    fn settings_that_were_not_carried_along_are_no_absence_of_settings() {
        let long = [(
            SETTINGS.to_owned(),
            "not told here: they have 20000 bytes".to_owned(),
        )]
        .into();
        match decide(&resource(&json!({})), &long) {
            KeyRequirement::Unknown(reason) => {
                assert!(
                    reason.contains("could not be read") && reason.contains("20000 bytes"),
                    "{reason}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
