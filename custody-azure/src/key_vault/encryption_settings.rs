use std::collections::BTreeMap;

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
/// Of a key's reference: why the settings, as they can be read, do not say where it lies.
pub(super) const UNREADABLE: &str = "unreadable";
/// The longest settings that a description carries, in bytes.
const MAX_TOLD_BYTES: usize = 16 * 1024;
/// How many addresses a statement lists.
const MAX_LISTED: usize = 32;

/// What a description tells of settings.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing: there are none.
    Nothing,
    Settings(EncryptionSettings),
    /// That there are some, and why they are not told.
    Not(String),
}

/// The keys that settings name, one for each volume.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedKeys {
    pub(super) keys: Vec<KeyReference>,
    /// The volumes whose element names none that can be read.
    unreadable: Vec<usize>,
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

/// The settings as a description's attribute has them; of what is absurdly long only that.
pub(crate) fn told(settings: &impl serde::Serialize) -> Option<String> {
    let text = serde_json::to_string(settings).ok()?;
    if text.len() > MAX_TOLD_BYTES {
        return Some(format!(
            "not told here: they have {} bytes, and at most {MAX_TOLD_BYTES} are carried along",
            text.len()
        ));
    }
    Some(visible::escape(&text))
}

/// What [`told`] told under the name of an attribute.
pub(super) fn read(described: &BTreeMap<String, String>, name: &str) -> Told {
    let Some(told) = described.get(name) else {
        return Told::Nothing;
    };
    let settings = visible::unescape(told).and_then(|bytes| match name {
        MACHINE_SETTINGS => of_machine(&bytes),
        _ => serde_json::from_slice(&bytes).ok(),
    });
    match settings {
        Some(settings) => Told::Settings(settings),
        None if told.starts_with('{') => Told::Not(format!("{name}: not of the form that is known")),
        None => Told::Not(format!("{name}: {told}")),
    }
}

/// A machine's own settings, as if they were a disk's.
fn of_machine(bytes: &[u8]) -> Option<EncryptionSettings> {
    let settings: MachineEncryption = serde_json::from_slice(bytes).ok()?;
    let element = serde_json::json!({
        "diskEncryptionKey": settings.disk_encryption_key, "keyEncryptionKey": settings.key_encryption_key,
    });
    Some(EncryptionSettings {
        enabled: settings.enabled.unwrap_or_default(),
        encryption_settings_version: None,
        encryption_settings: vec![element],
    })
}

/// The keys that the settings name, one for each volume, and what is wrong with the others.
///
/// Source: `EncryptionSettingsElement` in Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21.
pub(super) fn keys(settings: &EncryptionSettings, read_from: &str) -> NamedKeys {
    let mut named = NamedKeys::default();
    let version = settings
        .encryption_settings_version
        .as_deref()
        .unwrap_or("not told");
    for (number, element) in settings.encryption_settings.iter().enumerate() {
        let Some((address, vault)) = secret_of(element) else {
            named.unreadable.push(number);
            continue;
        };
        let mut reference = KeyReference::new(visible::escape(&address))
            .with_attribute("encryptionSettingsVersion", visible::escape(version))
            .with_attribute(VOLUME, number.to_string())
            .with_attribute("read from", read_from);
        if let Some(id) = vault {
            reference = reference.with_attribute("diskEncryptionKey sourceVault", visible::escape(&id));
        }
        named.keys.push(with_kek(reference, element));
    }
    named
}

/// The attribute of a key's reference that tells by which element of the settings it is named.
pub(super) const VOLUME: &str = "volume";

/// The address of an element's secret, and its vault's id.
fn secret_of(element: &Value) -> Option<(String, Option<String>)> {
    let secret = SecretOfVault::deserialize(element.get("diskEncryptionKey")?).ok()?;
    let address = secret.secret_url.filter(|address| !address.is_empty())?;
    Some((address, secret.source_vault.id))
}

/// Adds the key that wraps it. One that cannot be read is said to be so: the secret's own tag tells it as well.
fn with_kek(mut reference: KeyReference, element: &Value) -> KeyReference {
    let Some(kek) = element.get("keyEncryptionKey").filter(|kek| !kek.is_null()) else {
        return reference;
    };
    let Ok(kek) = KeyOfVault::deserialize(kek) else {
        return reference.with_attribute("keyEncryptionKey", "not of the form that is known");
    };
    if let Some(address) = kek.key_url.filter(|address| !address.is_empty()) {
        reference = reference.with_attribute(KEK, visible::escape(&address));
    }
    if let Some(id) = kek.source_vault.id {
        reference = reference.with_attribute("keyEncryptionKey sourceVault", visible::escape(&id));
    }
    reference
}

impl NamedKeys {
    /// What is wrong with the settings, each thing in a sentence.
    pub(super) fn reasons(&self) -> Vec<String> {
        if self.keys.is_empty() && self.unreadable.is_empty() {
            return vec!["its settings of Azure Disk Encryption name no key".into()];
        }
        self.unreadable.iter().copied().map(names_no_key).collect()
    }

    /// The keys, and behind them one for each volume whose key cannot be read: it cannot be had, and is missed by name.
    pub(super) fn with_unreadable(self) -> Vec<KeyReference> {
        let unreadable = self.unreadable.into_iter().map(|volume| {
            KeyReference::new(format!("no address: volume {volume}"))
                .with_attribute(UNREADABLE, names_no_key(volume))
        });
        self.keys.into_iter().chain(unreadable).collect()
    }
}

fn names_no_key(volume: usize) -> String {
    format!("volume {volume} of its settings of Azure Disk Encryption names no key that can be read")
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
    let named = keys(settings, "");
    let reasons = named.reasons();
    let more = named.keys.len().saturating_sub(MAX_LISTED);
    let mut addresses: Vec<String> = named
        .keys
        .into_iter()
        .take(MAX_LISTED)
        .map(|key| key.address)
        .collect();
    if more > 0 {
        addresses.push(format!("{more} more"));
    }
    if !addresses.is_empty() {
        text = format!("{text}; to read it are needed {}", addresses.join(", "));
    }
    for reason in reasons.iter().take(MAX_LISTED) {
        text = format!("{text}; {reason}");
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
        let found = keys(&both, "here");
        assert_eq!((found.keys.len(), found.unreadable.len()), (2, 0));
        assert_eq!(
            (found.keys[0].address.as_str(), found.keys[0].attributes.get(KEK)),
            ("https://a/1", None)
        );
        assert_eq!(
            found.keys[1].attributes.get(KEK).map(String::as_str),
            Some("https://k/1")
        );
        assert!(statement(&both).contains("https://a/2"));
        let described = [(SETTINGS.to_owned(), told(&both).unwrap())].into();
        let Told::Settings(read) = read(&described, SETTINGS) else {
            panic!("what was told is read")
        };
        assert_eq!(keys(&read, "here"), found);
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
            let named = keys(&settings(elements), "here");
            assert_eq!(named.keys, []);
            assert!(named.reasons()[0].contains("no key"), "{named:?}");
        }
    }

    #[test]
    fn an_element_that_cannot_be_read_leaves_the_others_and_is_named() {
        let mixed = settings(vec![
            json!({"diskEncryptionKey": {"secretUrl": 7}}),
            json!({"diskEncryptionKey": {"secretUrl": "https://a/2"}, "keyEncryptionKey": "odd"}),
        ]);
        let references = keys(&mixed, "here").with_unreadable();
        assert_eq!(references[0].address, "https://a/2");
        assert_eq!(references[0].attributes[VOLUME], "1");
        assert!(references[0].attributes["keyEncryptionKey"].contains("not of the form"));
        assert_eq!(references[1].address, "no address: volume 0");
        assert!(references[1].attributes[UNREADABLE].contains("volume 0"));
        assert!(statement(&mixed).contains("volume 0"), "{}", statement(&mixed));
    }

    #[test]
    fn settings_that_are_too_long_to_be_carried_are_named_with_their_length() {
        let element = json!({"diskEncryptionKey": {"secretUrl": format!("https://a/{}", "x".repeat(500))}});
        let long = settings(vec![element; 40]);
        let told = told(&long).unwrap();
        assert!(told.contains("at most 16384"), "{told}");
        let described = [(SETTINGS.to_owned(), told)].into();
        assert!(matches!(read(&described, SETTINGS), Told::Not(reason) if reason.contains("bytes")));
        assert!(statement(&long).contains("8 more"));
        assert!(matches!(read(&BTreeMap::new(), SETTINGS), Told::Nothing));
    }
}
