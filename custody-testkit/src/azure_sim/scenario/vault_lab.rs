use serde_json::json;

use super::{Scenario, Vault, VaultKey, VaultSecret};
use crate::azure_sim::keyed;
use crate::azure_sim::vault::KeyMaterial;

/// The version of the lab's key-encryption key.
const KEK_VERSION: &str = "0123456789abcdef0123456789abcdef";

impl Vault {
    /// Wraps bytes with the latest key of that name, as whoever encrypted a disk did.
    ///
    /// # Panics
    /// When the vault has no such key, or it does not wrap these bytes: the test is wrong.
    #[must_use]
    pub fn wrap(&self, key: &str, algorithm: &str, plain: &[u8]) -> Vec<u8> {
        let found = self.keys.iter().enumerate().rfind(|(_, own)| own.name == key);
        let (number, settings) = found.expect("a key of that name is in the vault");
        KeyMaterial::of_scenario(&self.name, number, settings)
            .encrypt(algorithm, plain)
            .expect("the key wraps these bytes")
    }
}

impl Scenario {
    /// The vault of the lab's machine's owners.
    pub const LAB_KEY_VAULT: &'static str = "production-keys";
    /// The vault of the security operations center.
    pub const LAB_SOC_VAULT: &'static str = "soc-vault";
    /// The key in it that wraps what it keeps.
    pub const LAB_SOC_KEY: &'static str = "escrow";
    /// The key-encryption key of the lab's owners.
    pub const LAB_KEK: &'static str = "disk-kek";

    /// The lab, with its two data disks encrypted: the first one by a plain key, the second one by a key that is wrapped
    /// with RSA-OAEP. Both keys lie in the owners' vault; the security operations center's is empty but for a key.
    ///
    /// `plain` and `wrapped` are the keys' bytes, as the disks' volumes need them.
    #[must_use]
    pub fn lab_with_keys(plain: &[u8], wrapped: &[u8]) -> Self {
        let mut lab = Self::lab();
        let kek = VaultKey::rsa(Self::LAB_KEK).with_version(KEK_VERSION);
        let vault = Vault::new(Self::LAB_KEY_VAULT)
            .in_resource_group("production")
            .with_key(kek);
        let kek_address = lab.vault_address(&format!("keys/{}/{KEK_VERSION}", Self::LAB_KEK));
        let ciphertext = vault.wrap(Self::LAB_KEK, "RSA-OAEP", wrapped);
        let named = |name: &str, value: &str| {
            let version = keyed::guid(name).replace('-', "");
            let file = format!("{}.BEK", name.to_uppercase());
            VaultSecret::new(name, value)
                .with_version(&version)
                .with_tag("DiskEncryptionKeyFileName", &file)
                .with_tag("MachineName", "WEB-01")
        };
        let first = named("5ca1ab1e-0001-4000-8000-000000000001", &keyed::base64(plain))
            .with_content_type("BEK")
            .with_tag("VolumeLetter", "F:\\");
        let second = named(
            "5ca1ab1e-0002-4000-8000-000000000002",
            &keyed::base64url(&ciphertext),
        )
        .with_content_type("Wrapped BEK")
        .with_tag("DiskEncryptionKeyEncryptionAlgorithm", "RSA-OAEP")
        .with_tag("DiskEncryptionKeyEncryptionKeyURL", &kek_address)
        .with_tag("VolumeLetter", "G:\\");
        let source = json!({"id": vault.id(lab.subscription(None))});
        let settings = |secret: &VaultSecret, kek: Option<&str>| {
            let version = secret.version.as_deref().unwrap_or_default();
            let address = lab.vault_address(&format!("secrets/{}/{version}", secret.name));
            let mut element = json!({"diskEncryptionKey": {"secretUrl": address, "sourceVault": source}});
            if let Some(kek) = kek {
                element["keyEncryptionKey"] = json!({"keyUrl": kek, "sourceVault": source});
            }
            json!({"enabled": true, "encryptionSettingsVersion": "1.1", "encryptionSettings": [element]})
        };
        let (one, other) = (settings(&first, None), settings(&second, Some(&kek_address)));
        lab.disk_mut("web-01-data-0").encryption_settings = Some(one);
        lab.disk_mut("web-01-data-1").encryption_settings = Some(other);
        lab.with_vault(vault.with_secret(first).with_secret(second))
            .with_vault(Vault::new(Self::LAB_SOC_VAULT).with_key(VaultKey::rsa(Self::LAB_SOC_KEY)))
    }

    /// The production address of something in the owners' vault.
    fn vault_address(&self, path: &str) -> String {
        format!(
            "https://{}.{}/{path}",
            Self::LAB_KEY_VAULT,
            self.cloud.vault_suffix
        )
    }
}
