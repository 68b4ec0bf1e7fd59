//! A lab whose disks' keys lie in a vault, and our ports over it.

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_azure::{
    AzureKeySource, VaultDigestRegister, VaultKeyEscrow, VaultKeyWrapper, VaultLocation, VaultRights,
};
use custody_core::ids::AcquisitionId;
use custody_core::port::{
    EscrowRecord, EscrowedKey, FetchedKey, KeyMaterial, KeyReference, KeyRequirement, KeySource as _,
    Snapshotter as _,
};
use custody_core::{Error, Result};
use custody_testkit::azure_sim::{Scenario, Simulator, VaultSecret};
use custody_testkit::fake::pattern;
use zeroize::Zeroizing;

use crate::support::lab::Lab;
use crate::support::run;

/// The name of a key in escrow: its disk snapshot's.
pub(crate) const NAME: &str = "202611280700-web-01-data-0";

pub(crate) fn acquisition() -> AcquisitionId {
    "20261128T070000Z-0123abcd".parse().unwrap()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// An error and its causes, as people read them.
pub(crate) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in error.causes() {
        text = format!("{text}: {cause}");
    }
    text
}

/// The lab with keys, and the bytes of these.
pub(crate) struct VaultLab {
    pub(crate) lab: Lab,
    pub(crate) plain: Vec<u8>,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) secrets: Vec<VaultSecret>,
}

impl VaultLab {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, changed before it starts.
    pub(crate) fn with(change: impl FnOnce(&mut Scenario)) -> Self {
        Self::made_by(change, Lab::of)
    }

    /// The same, reached by others too: over TLS on loopback.
    pub(crate) fn listening() -> Self {
        let start = |scenario: Scenario| {
            run(Simulator::start(scenario.clone())).map(|made| Lab::over(made, scenario))
        };
        Self::made_by(|_| {}, |scenario| start(scenario).unwrap())
    }

    fn made_by(change: impl FnOnce(&mut Scenario), lab: impl FnOnce(Scenario) -> Lab) -> Self {
        let (plain, wrapped) = (pattern(156, 1), pattern(156, 2));
        let mut scenario = Scenario::lab_with_keys(&plain, &wrapped);
        change(&mut scenario);
        let secrets = scenario.vaults[0].secrets.clone();
        Self {
            lab: lab(scenario),
            plain,
            wrapped,
            secrets,
        }
    }

    pub(crate) fn address(&self, secret: &VaultSecret) -> String {
        let version = secret.version.as_deref().unwrap();
        format!(
            "https://{}.vault.azure.net/secrets/{}/{version}",
            Scenario::LAB_KEY_VAULT,
            secret.name
        )
    }

    pub(crate) fn disable(&self, number: usize) {
        self.lab
            .simulator
            .disable_in_vault(Scenario::LAB_KEY_VAULT, &self.secrets[number].name);
    }

    /// Lets access policies decide in the owners' vault.
    pub(crate) fn policy(&self, secrets: &[&str], keys: &[&str]) {
        let object = self.lab.scenario.identities[1].object_id.clone();
        self.lab.simulator.change_vault(Scenario::LAB_KEY_VAULT, |vault| {
            *vault = vault.clone().with_access_policy(&object, secrets, keys);
        });
    }

    pub(crate) fn source(&self) -> AzureKeySource {
        AzureKeySource::new(self.lab.arm.clone(), self.lab.credential.clone())
    }

    fn soc_vault(&self) -> VaultLocation {
        let address = format!("https://{}.vault.azure.net", Scenario::LAB_SOC_VAULT);
        VaultLocation::new(self.lab.arm.cloud(), &address).unwrap()
    }

    pub(crate) fn escrow(&self) -> VaultKeyEscrow {
        VaultKeyEscrow::new(&self.lab.arm, self.soc_vault(), self.lab.credential.clone())
    }

    pub(crate) fn register(&self) -> VaultDigestRegister {
        VaultDigestRegister::new(&self.lab.arm, self.soc_vault(), self.lab.credential.clone())
    }

    pub(crate) fn wrapper(&self) -> VaultKeyWrapper {
        let credential = self.lab.credential.clone();
        let entropy = std::sync::Arc::new(custody_testkit::fake::SeededEntropy::new(1));
        VaultKeyWrapper::new(
            &self.lab.arm,
            self.soc_vault(),
            Scenario::LAB_SOC_KEY,
            credential,
            entropy,
        )
        .unwrap()
    }

    pub(crate) fn vault_id(&self, name: &str) -> String {
        let vault = self
            .lab
            .scenario
            .vaults
            .iter()
            .find(|vault| vault.name == name)
            .unwrap();
        vault.id(&self.lab.subscription())
    }

    pub(crate) fn rights(&self) -> VaultRights {
        let center = self.soc_vault();
        let center = center
            .with_resource(self.vault_id(Scenario::LAB_SOC_VAULT).parse().unwrap())
            .unwrap();
        VaultRights::new(self.lab.arm.clone()).with_vault(self.lab.arm.clone(), center)
    }

    /// The keys that a snapshot of a disk needs, or why that is not known.
    pub(crate) fn requirement(&self, disk: &str) -> (Vec<KeyReference>, String) {
        let machine = run(async { self.lab.snapshotter().describe(&self.lab.machine()).await }).unwrap();
        let described = machine
            .disks
            .iter()
            .find(|one| one.name == format!("{disk}.vhd"))
            .unwrap();
        let snapshot = self
            .lab
            .snapshot(&format!("keys-of-{}", disk.replace('_', "-")), disk);
        match run(self.source().requirement(described, &snapshot))
            .unwrap()
            .value
        {
            KeyRequirement::Keys(keys) => (keys, String::new()),
            KeyRequirement::Unknown(reason) => (Vec::new(), reason),
            KeyRequirement::None => (Vec::new(), "none".into()),
        }
    }

    /// Finds and fetches the key of a data disk.
    pub(crate) fn fetch(&self, number: usize) -> Result<(KeyReference, FetchedKey)> {
        let (mut keys, _) = self.requirement(&format!("web-01-data-{number}"));
        let key = keys.remove(0);
        let fetched = run(self.source().fetch(&key))?;
        Ok((key, fetched.value))
    }

    /// What core would have kept of it, in plain form.
    pub(crate) fn record(&self, source: KeyReference, fetched: FetchedKey) -> EscrowRecord {
        let key = KeyMaterial::new(Zeroizing::new(fetched.key.expose().to_vec()));
        EscrowRecord::new(
            acquisition(),
            "item-1".parse().unwrap(),
            source,
            EscrowedKey::Entrusted(key),
        )
        .with_original(fetched.original)
        .with_attributes(fetched.attributes)
        .with_label("case", "2026-0042")
    }

    /// That a text holds neither key, in no form.
    pub(crate) fn assert_hidden(&self, text: &str) {
        for key in [&self.plain, &self.wrapped] {
            for form in [
                base64(key),
                base64url(key),
                format!("{key:?}"),
                custody_core::hex::encode(key),
            ] {
                assert!(!text.contains(&form[..24]), "a key is in: {text}");
            }
        }
    }
}
