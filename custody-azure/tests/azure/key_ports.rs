//! The conformance suites of the ports of keys and digests, against simulated key vaults.

use std::sync::Arc;

use crate::support::lab::Lab;
use crate::support::run;
use custody_azure::{AzureKeySource, VaultDigestRegister, VaultKeyEscrow, VaultKeyWrapper, VaultLocation};
use custody_core::port::{DiskDescription, KeyReference, Snapshotter as _};
use custody_testkit::azure_sim::{Scenario, VaultSecret};
use custody_testkit::conformance::digest_register::RegisterHarness;
use custody_testkit::conformance::key_escrow::EscrowHarness;
use custody_testkit::conformance::key_source::KeySourceHarness;
use custody_testkit::conformance::key_wrapper::KeyWrapperHarness;
use custody_testkit::fake::pattern;
use serde_json::json;

fn soc_vault(lab: &Lab, name: &str) -> VaultLocation {
    VaultLocation::new(lab.arm.cloud(), &format!("https://{name}.vault.azure.net")).unwrap()
}

mod source {
    use super::*;

    fn make() -> KeySourceHarness {
        let guard = Lab::guard();
        let (first, wrapped, second) = (pattern(156, 1), pattern(156, 2), pattern(180, 3));
        let mut scenario = Scenario::lab_with_keys(&first, &wrapped);
        let off = json!({"enabled": false, "encryptionSettings": []});
        scenario.disk_mut("web-01_OsDisk_1").encryption_settings = Some(off);
        let secrets = scenario.vaults[0].secrets.clone();
        let address = |secret: &VaultSecret, version: &str| {
            let vault = Scenario::LAB_KEY_VAULT;
            KeyReference::new(format!(
                "https://{vault}.vault.azure.net/secrets/{}/{version}",
                secret.name
            ))
        };
        let lab = Lab::of(scenario);
        let text = {
            use base64ct::{Base64, Encoding as _};
            Base64::encode_string(&second)
        };
        let newer =
            VaultSecret::new(&secrets[0].name, &text).with_version("fedcba9876543210fedcba9876543210");
        lab.simulator.put_secret(Scenario::LAB_KEY_VAULT, &newer);
        let keys = vec![
            (
                address(&secrets[0], secrets[0].version.as_deref().unwrap()),
                first,
            ),
            (address(&secrets[0], newer.version.as_deref().unwrap()), second),
            (
                address(&secrets[1], secrets[1].version.as_deref().unwrap()),
                wrapped,
            ),
        ];
        let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
        let is_off = |disk: &&DiskDescription| disk.name.contains("OsDisk");
        let (plain, other): (Vec<_>, Vec<_>) = machine.disks.iter().partition(is_off);
        let snapshots = machine.disks.iter().map(|disk| {
            let name = disk.name.trim_end_matches(".vhd");
            lab.snapshot(&format!("of-{}", name.replace('_', "-")), name)
        });
        let snapshots = snapshots.collect();
        let source = Arc::new(AzureKeySource::new(lab.arm.clone(), lab.credential.clone()));
        KeySourceHarness::new(source, keys)
            .with_plain(plain.into_iter().cloned().collect())
            .with_other(other.into_iter().cloned().collect())
            .with_snapshots(snapshots)
            .keeping(guard)
    }

    custody_testkit::key_source_conformance!(make);
}

mod wrapper {
    use super::*;

    fn make() -> KeyWrapperHarness {
        let guard = Lab::guard();
        let lab = Lab::of(Scenario::lab_with_keys(b"plain", b"wrapped"));
        let vault = soc_vault(&lab, Scenario::LAB_SOC_VAULT);
        let entropy = Arc::new(custody_testkit::fake::SeededEntropy::new(1));
        let wrapper = VaultKeyWrapper::new(
            &lab.arm,
            vault,
            Scenario::LAB_SOC_KEY,
            lab.credential.clone(),
            entropy,
        );
        KeyWrapperHarness::new(Arc::new(wrapper.unwrap())).keeping(guard)
    }

    custody_testkit::key_wrapper_conformance!(make);
}

mod escrow {
    use super::*;

    fn make() -> EscrowHarness {
        let guard = Lab::guard();
        let lab = Lab::of(Scenario::lab_with_keys(b"plain", b"wrapped"));
        let vault = soc_vault(&lab, Scenario::LAB_SOC_VAULT);
        EscrowHarness::new(Arc::new(VaultKeyEscrow::new(
            &lab.arm,
            vault,
            lab.credential.clone(),
        )))
        .keeping(guard)
    }

    custody_testkit::key_escrow_conformance!(make);
}

mod register {
    use super::*;

    fn make() -> RegisterHarness {
        let guard = Lab::guard();
        let lab = Lab::of(Scenario::lab_with_keys(b"plain", b"wrapped"));
        let of = |name: &str| {
            let vault = soc_vault(&lab, name);
            Arc::new(VaultDigestRegister::new(&lab.arm, vault, lab.credential.clone()))
        };
        RegisterHarness::new(of(Scenario::LAB_SOC_VAULT))
            .with_blind(of("absent"))
            .keeping(guard)
    }

    custody_testkit::digest_register_conformance!(make);
}
