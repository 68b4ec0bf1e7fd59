//! How a disk is encrypted, by what, and whether that is in the way of reading what is exported of it.

use custody_core::port::{DiskDescription, DiskEncryption};
use custody_core::visible;

use crate::arm::DiskResource;
use crate::key_vault;

/// How the exported bytes are encrypted. Encryption at rest on the service's side is not: exports are plain.
pub(super) fn of_export(found: &DiskResource) -> DiskEncryption {
    let properties = &found.properties;
    if let Some(settings) = properties
        .encryption_settings_collection
        .as_ref()
        .filter(|settings| settings.enabled)
    {
        return DiskEncryption::Encrypted {
            statement: key_vault::statement(settings),
        };
    }
    let security = properties
        .security_profile
        .as_ref()
        .and_then(|profile| profile.security_type.as_deref());
    if let Some(kind) = security.filter(|kind| kind.starts_with("ConfidentialVM_DiskEncrypted")) {
        return DiskEncryption::Encrypted {
            statement: format!(
                "{}: keys are sealed to the machine's virtual TPM and may not be obtainable; the content may not be readable outside Azure",
                visible::escape(kind)
            ),
        };
    }
    DiskEncryption::NotStated
}

/// The same description, with words on what reading the export takes. `at_host` is the machine's own setting, where there
/// is a machine.
///
/// Source: Microsoft's "Server-side encryption of Azure Disk Storage" and "Encryption at host": what the service encrypts at
/// rest, with its own key or a customer's, it decrypts for whoever may export. Read 2026-11-28.
pub(super) fn with_key_to_read(
    description: DiskDescription,
    found: &DiskResource,
    at_host: Option<bool>,
) -> DiskDescription {
    let words = match description.encryption {
        DiskEncryption::Encrypted { .. } => "needed: it is encrypted inside what is exported".to_owned(),
        DiskEncryption::NotStated | DiskEncryption::None => format!(
            "none for what Azure encrypts itself ({}): it takes that off whatever is exported. A volume that somebody \
             encrypted inside the machine is known only from the image",
            by_the_service(found, at_host)
        ),
    };
    description.with_attribute(DiskDescription::KEY_TO_READ, words)
}

/// What the service encrypts, and by what.
fn by_the_service(found: &DiskResource, at_host: Option<bool>) -> String {
    let encryption = &found.properties.encryption;
    let mut words = match &encryption.kind {
        Some(kind) => visible::escape(kind),
        None => "at rest in a way that is not told".to_owned(),
    };
    if let Some(set) = &encryption.disk_encryption_set_id {
        words.push_str(&format!(" by {}", visible::escape(set)));
    }
    words.push_str(match at_host {
        Some(true) => "; encryption at host is on",
        Some(false) => "; encryption at host is off",
        None => "",
    });
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(properties: &serde_json::Value, at_host: Option<bool>) -> String {
        let found: DiskResource = serde_json::from_value(json!({"properties": properties})).unwrap();
        let disk =
            DiskDescription::new("/disk".parse().unwrap(), "disk", 0).with_encryption(of_export(&found));
        with_key_to_read(disk, &found, at_host)
            .attributes
            .remove(DiskDescription::KEY_TO_READ)
            .unwrap()
    }

    #[test]
    fn each_disk_says_what_the_service_encrypts_and_that_no_key_is_needed_for_that() {
        let platform = json!({"encryption": {"type": "EncryptionAtRestWithPlatformKey"}});
        let said = words(&platform, Some(true));
        assert!(said.starts_with("none for what Azure encrypts itself (EncryptionAtRestWithPlatformKey; encryption at host is on)"), "{said}");
        assert!(!words(&platform, None).contains("at host"));
        let customer = json!({"encryption": {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": "/des/1"}});
        let said = words(&customer, Some(false));
        assert!(
            said.contains("EncryptionAtRestWithCustomerKey by /des/1; encryption at host is off"),
            "{said}"
        );
        assert!(words(&json!({}), None).contains("not told"));
    }

    #[test]
    fn a_disk_that_is_encrypted_inside_says_that_a_key_is_needed() {
        let settings = json!({"encryptionSettingsCollection": {"enabled": true, "encryptionSettings": []}});
        let sealed =
            json!({"securityProfile": {"securityType": "ConfidentialVM_DiskEncryptedWithPlatformKey"}});
        for properties in [settings, sealed] {
            assert!(words(&properties, Some(true)).starts_with("needed"));
        }
    }
}
