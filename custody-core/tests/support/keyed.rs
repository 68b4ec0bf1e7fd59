//! Worlds whose disks need keys.

use std::sync::Arc;

use custody_core::custody_log::Event;
use custody_core::ids::DiskId;
use custody_core::port::{DiskEncryption, KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Error, Ports, Result};
use custody_testkit::fake::{FakeDisk, FakeKeyWrapper, FakeMachine, FakeProver, FakeWorld};

/// Bytes of a key that must be nowhere but in memory and, wrapped, in the escrow.
pub(crate) const CANARY: &[u8] = b"canary-0f3a-this-key-must-not-be-seen";
pub(crate) const ADDRESS: &str = "https://vault.example/secrets/key/1";

pub(crate) fn disk_id() -> DiskId {
    "os.img".parse().unwrap()
}

fn encrypted(name: &str, key: &[u8]) -> FakeDisk {
    FakeDisk::new(name, FakeProver::image(key, 3000)).with_encryption(DiskEncryption::Encrypted {
        statement: "encrypted with a key of the vault".into(),
    })
}

/// One disk that the key opens.
pub(crate) fn keyed() -> FakeWorld {
    keyed_by(CANARY)
}

/// One disk, and a vault that names the canary as its key: it opens the disk only if the disk was made with it.
pub(crate) fn keyed_by(made_with: &[u8]) -> FakeWorld {
    let machine = FakeMachine::new("bench", vec![encrypted("os.img", made_with)]);
    let world = FakeWorld::new(machine).with_keys();
    world.keys.put(&disk_id(), ADDRESS, CANARY);
    world
}

/// One disk that the key opens, and an escrow that guards keys itself.
pub(crate) fn entrusted() -> FakeWorld {
    keyed().with_entrusted_keys()
}

/// Two disks, the second of which needs two keys; only one of those opens it.
pub(crate) fn several_keys() -> FakeWorld {
    let disks = vec![encrypted("os.img", CANARY), encrypted("data.img", b"data key")];
    let world = FakeWorld::new(FakeMachine::new("bench", disks)).with_keys();
    world.keys.put(&disk_id(), ADDRESS, CANARY);
    let data: DiskId = "data.img".parse().unwrap();
    for (address, key) in [("vault/data/1", &b"data key"[..]), ("vault/data/2", b"another")] {
        world.keys.put(&data, address, key);
    }
    world
}

/// A wrapper that was given only the public part of its key.
#[derive(Debug)]
pub(crate) struct OnlyWraps(pub(crate) FakeKeyWrapper);

impl std::fmt::Display for OnlyWraps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("recipients of the custodians")
    }
}

#[async_trait::async_trait]
impl KeyWrapper for OnlyWraps {
    async fn wrap(
        &self,
        key: &KeyMaterial,
        acquisition: &custody_core::ids::AcquisitionId,
    ) -> Result<Acted<WrappedKey>> {
        self.0.wrap(key, acquisition).await
    }
    async fn unwrap_key(
        &self,
        _: &WrappedKey,
        _: &custody_core::ids::AcquisitionId,
    ) -> Result<Acted<KeyMaterial>> {
        Err(Error::Unsupported {
            operation: "unwrapping a key",
            provider: self.to_string(),
        })
    }
}

/// The ports of a process that cannot unwrap.
pub(crate) fn only_wrapping(world: &FakeWorld) -> Ports {
    let mut ports = world.ports();
    if let Some(keys) = &mut ports.keys {
        keys.wrapper = Some(Arc::new(OnlyWraps(world.wrapper.clone())));
    }
    ports
}

/// The lines about keys: the kind, and of an intent or an answer the deed.
pub(crate) fn key_lines(events: &[Event]) -> Vec<String> {
    let words = |event: &Event| {
        let line = serde_json::to_value(&event.act).unwrap();
        let kind = line["type"].as_str().unwrap().to_owned();
        let what = &line["what"];
        let deed = what["deed"].as_str().or_else(|| what["told"]["deed"].as_str());
        let is_about_keys = kind.starts_with("key.");
        is_about_keys.then(|| match deed {
            Some(deed) => format!("{kind} {deed}"),
            None => kind,
        })
    };
    events.iter().filter_map(words).collect()
}
