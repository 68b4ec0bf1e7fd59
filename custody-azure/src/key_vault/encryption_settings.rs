use custody_core::port::KeyReference;
use custody_core::visible;
use serde::Deserialize;
use serde_json::Value;

use crate::arm::{EncryptionSettings, MachineEncryption};

/// The attribute in which a disk's description carries the settings that it had when it was described.
pub(crate) const SETTINGS: &str = "encryptionSettingsCollection";
/// The same of a machine's own model: the older scheme.
pub(crate) const MACHINE_SETTINGS: &str = "machine encryptionSettings";
/// Of a key's reference: the address of the key that wraps it, as the settings name it.
pub(super) const KEK: &str = "keyEncryptionKey keyUrl";
/// The longest settings that a description carries, in bytes.
const MAX_TOLD_BYTES: usize = 16 * 1024;

/// One volume's keys.
///
/// Source: `EncryptionSettingsElement` in Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Element {
    disk_encryption_key: Option<SecretOfVault>,
    key_encryption_key: Option<KeyOfVault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretOfVault {
    secret_url: Option<String>,
    source_vault: SourceVault,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KeyOfVault {
    key_url: Option<String>,
    source_vault: SourceVault,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourceVault {
    id: Option<String>,
}

/// The settings as a description's attribute has them; none where there are none, or they are absurdly long.
pub(crate) fn told(settings: &impl serde::Serialize) -> Option<String> {
    let text = serde_json::to_string(settings).ok()?;
    (text.len() <= MAX_TOLD_BYTES).then(|| visible::escape(&text))
}

/// What [`told`] told.
pub(super) fn read(told: &str) -> Option<EncryptionSettings> {
    serde_json::from_slice(&visible::unescape(told)?).ok()
}

/// What [`told`] told of a machine's own settings, as if it were a disk's.
pub(super) fn read_machine(told: &str) -> Option<EncryptionSettings> {
    let settings: MachineEncryption = serde_json::from_slice(&visible::unescape(told)?).ok()?;
    let element = serde_json::json!({
        "diskEncryptionKey": settings.disk_encryption_key, "keyEncryptionKey": settings.key_encryption_key,
    });
    Some(EncryptionSettings {
        enabled: settings.enabled.unwrap_or_default(),
        encryption_settings_version: None,
        encryption_settings: vec![element],
    })
}

/// The keys that the settings name, one for each volume; or what is wrong with them.
pub(super) fn keys(settings: &EncryptionSettings, read_from: &str) -> Result<Vec<KeyReference>, String> {
    if settings.encryption_settings.is_empty() {
        return Err("its settings of Azure Disk Encryption name no key".into());
    }
    let version = settings
        .encryption_settings_version
        .as_deref()
        .unwrap_or("not told");
    let each = settings.encryption_settings.iter().enumerate();
    each.map(|(number, element)| {
        let nothing = || format!("volume {number} of its settings of Azure Disk Encryption names no key");
        let element = Element::deserialize(element).map_err(|_unread| nothing())?;
        let secret = element.disk_encryption_key.unwrap_or_default();
        let address = secret
            .secret_url
            .filter(|address| !address.is_empty())
            .ok_or_else(nothing)?;
        let mut reference = KeyReference::new(visible::escape(&address))
            .with_attribute("encryptionSettingsVersion", visible::escape(version))
            .with_attribute("volume", number.to_string())
            .with_attribute("read from", read_from);
        if let Some(id) = secret.source_vault.id {
            reference = reference.with_attribute("diskEncryptionKey sourceVault", visible::escape(&id));
        }
        if let Some(kek) = element.key_encryption_key {
            if let Some(address) = kek.key_url.filter(|address| !address.is_empty()) {
                reference = reference.with_attribute(KEK, visible::escape(&address));
            }
            if let Some(id) = kek.source_vault.id {
                reference = reference.with_attribute("keyEncryptionKey sourceVault", visible::escape(&id));
            }
        }
        Ok(reference)
    })
    .collect()
}

/// How a disk is encrypted and by what, in one sentence.
pub(crate) fn statement(settings: &EncryptionSettings) -> String {
    let version = settings
        .encryption_settings_version
        .as_deref()
        .unwrap_or("not told");
    let elements = &settings.encryption_settings;
    let is_wrapped = |element: &&Value| {
        element
            .pointer("/keyEncryptionKey/keyUrl")
            .is_some_and(Value::is_string)
    };
    let wrapped = elements.iter().filter(is_wrapped).count();
    let mut text = format!(
        "Azure Disk Encryption version {}, {} volume keys, {wrapped} of them wrapped",
        visible::escape(version),
        elements.len()
    );
    if let Ok(keys) = keys(settings, "") {
        let addresses: Vec<String> = keys.into_iter().map(|key| key.address).collect();
        text = format!("{text}; to read it are needed {}", addresses.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(elements: Vec<Value>) -> EncryptionSettings {
        EncryptionSettings {
            enabled: true,
            encryption_settings_version: Some("1.1".into()),
            encryption_settings: elements,
        }
    }

    #[test]
    fn every_volume_has_its_key_and_what_wraps_it() {
        let both = settings(vec![
            json!({"diskEncryptionKey": {"secretUrl": "https://a/1", "sourceVault": {"id": "/v"}}}),
            json!({"diskEncryptionKey": {"secretUrl": "https://a/2"}, "keyEncryptionKey": {"keyUrl": "https://k/1"}}),
        ]);
        let found = keys(&both, "here").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].address.as_str(), found[0].attributes.get(KEK)),
            ("https://a/1", None)
        );
        assert_eq!(
            found[1].attributes.get(KEK).map(String::as_str),
            Some("https://k/1")
        );
        assert!(statement(&both).contains("https://a/2"));
        assert_eq!(
            keys(&read(&told(&both).unwrap()).unwrap(), "here").unwrap(),
            found
        );
    }

    #[test]
    fn settings_that_name_no_key_say_so() {
        for elements in [
            vec![],
            vec![json!({})],
            vec![json!({"diskEncryptionKey": null})],
            vec![json!({"diskEncryptionKey": {"secretUrl": ""}})],
            vec![json!([1])],
        ] {
            assert!(keys(&settings(elements), "here").unwrap_err().contains("no key"));
        }
    }
}
