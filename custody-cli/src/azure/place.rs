use std::path::Path;
use std::sync::Arc;

use custody_azure::arm::ResourceId;
use custody_azure::{
    AzurePorts, AzurePortsOptions, BlobStore, CleanTransport, GuestState, Patience, SnapshotPlace,
    StoreLocation, TokenCredential, VaultLocation, WorkerPorts,
};
use custody_core::capture::Plan;
use custody_core::port::{Clock, Entropy, SnapshotKind};
use custody_core::{Error, visible};
use custody_local::{FileSigner, StateFolder, SystemClock, SystemEntropy};
use serde::{Deserialize, Serialize};

use super::settings_file::{
    AzureSettings, CloudChoice, ConsistencyChoice, IdentityChoice, NetworkChoice, SettingsFile, VaultPlace,
};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::guarded_process;
use crate::key_prover;
use crate::local_ports::hasher_in_flight;
use crate::printable;

/// By this name the settings of an acquisition hold the Azure side of it, so that going on finds it again.
pub(crate) const AZURE: &str = "azure";

/// What waits to be hashed of each disk: little, because a link sets the pace and memory is for all disks together.
const IN_FLIGHT_BYTES: u64 = 8 * 1024 * 1024;

/// The Azure side of a capture: which cloud, as whom, from where and into what. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AzurePlace {
    pub(crate) cloud: CloudChoice,
    pub(crate) identity: IdentityChoice,
    pub(crate) account: ResourceId,
    pub(crate) container: String,
    pub(crate) snapshot_subscription: String,
    pub(crate) snapshot_group: String,
    pub(crate) network: NetworkChoice,
    #[serde(default, skip_serializing_if = "ConsistencyChoice::is_default")]
    pub(crate) consistency: ConsistencyChoice,
    #[serde(default, skip_serializing_if = "GuestStateChoice::is_take")]
    pub(crate) guest_state: GuestStateChoice,
    /// Where keys and digests are kept; neither is taken where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vault: Option<VaultPlace>,
}

/// Whether the guest state of Trusted Launch and Confidential machines is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GuestStateChoice {
    #[default]
    Take,
    Omit,
}

impl GuestStateChoice {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_take(&self) -> bool {
        *self == Self::Take
    }

    const fn guest_state(self) -> GuestState {
        match self {
            Self::Take => GuestState::Take,
            Self::Omit => GuestState::Omit,
        }
    }
}

/// Nobody said as whom the cloud is to be asked.
pub(crate) fn no_identity() -> Failure {
    Failure::usage("it is not said as whom the cloud is to be asked")
        .with_next("give --identity, or azure.identity in the settings file (--config); it is never guessed")
}

/// The settings by which a container is read say nothing of it.
fn no_identity_in(config: Option<&Path>) -> Failure {
    let failure = Failure::usage("it is not said as whom the cloud is to be asked");
    failure.with_next(match config {
        Some(config) => format!(
            "write azure.identity into the settings file {}; it is never guessed",
            printable::path(config)
        ),
        None => "name a settings file in which azure.identity stands: --config FILE (`custody setup azure` makes one)".into(),
    })
}

/// What carries requests, which names the environment's proxy in its errors.
pub(crate) fn transport() -> CleanTransport {
    let transport = CleanTransport::new();
    match Environment::read().proxy {
        Some(proxy) => transport.with_proxy_named(&proxy),
        None => transport,
    }
}

/// Whether these words name a store in a cloud and no directory.
pub(crate) fn is_store_address(words: &str) -> bool {
    words.starts_with("https://")
}

impl AzurePlace {
    /// The container of an address, to be read as the settings file says.
    pub(crate) fn of_address(address: &str, config: Option<&Path>) -> Result<Self, Failure> {
        let settings = match config {
            Some(config) => SettingsFile::read(config)?.azure,
            None => AzureSettings::default(),
        };
        let cloud = settings.cloud.unwrap_or(CloudChoice::PUBLIC);
        let identity = settings.identity.ok_or_else(|| no_identity_in(config))?;
        let unlike = || {
            Failure::usage(format!(
                "{} is no container of the cloud",
                visible::escape(address)
            ))
            .with_next(
                "an address is https://ACCOUNT.blob.core.windows.net/CONTAINER, without what follows a `?`",
            )
        };
        let (endpoint, container) = address
            .trim_end_matches('/')
            .rsplit_once('/')
            .ok_or_else(unlike)?;
        let known = settings.store.account.as_ref().map(ResourceId::name);
        let first_label = endpoint.trim_start_matches("https://").split('.').next();
        let account = [known, first_label, endpoint.rsplit('/').next()]
            .into_iter()
            .flatten()
            .find(|account| {
                let at = cloud.cloud().and_then(|cloud| cloud.blob_endpoint(account));
                at.is_ok_and(|at| at.as_str().trim_end_matches('/') == endpoint)
            })
            .ok_or_else(unlike)?;
        // Reading asks the container alone, so it does not matter which resource the account is.
        let account = match &settings.store.account {
            Some(named) if named.name() == account => named.clone(),
            _ => ResourceId::new("any", "any", "Microsoft.Storage/storageAccounts", account)?,
        };
        Ok(Self {
            cloud,
            identity,
            snapshot_subscription: account.subscription().to_owned(),
            snapshot_group: account.group().to_owned(),
            account,
            container: container.to_owned(),
            network: NetworkChoice::default(),
            consistency: ConsistencyChoice::default(),
            guest_state: GuestStateChoice::default(),
            vault: None,
        })
    }

    /// What is made and deleted at the source beside what the plan itself tells.
    pub(crate) fn acts(&self, plan: &Plan) -> Vec<String> {
        let made = plan
            .machine
            .disks
            .iter()
            .filter(|disk| disk.snapshot == Some(SnapshotKind::Made))
            .count();
        if made == 0 || self.consistency == ConsistencyChoice::DiskSnapshots {
            return Vec::new();
        }
        vec![
            format!(
                "makes a restore point collection in resource group {} of subscription {}, and in it one crash-consistent restore point of {made} disks: the disk snapshots are its parts",
                self.snapshot_group, self.snapshot_subscription
            ),
            "deletes both once the copies of all disks are stored, read back, matched and sealed; keeps the whole restore point otherwise".into(),
        ]
    }

    /// The text that an acquisition's settings hold.
    pub(crate) fn to_setting(&self) -> Result<String, Error> {
        let text = serde_json::to_string(self).map_err(|error| Error::Provider {
            object: "settings of this acquisition".into(),
            operation: "write",
            source: Some(error.into()),
        })?;
        Ok(visible::escape(&text))
    }

    /// Reads what [`to_setting`](Self::to_setting) wrote.
    pub(crate) fn from_setting(text: &str) -> Result<Self, Error> {
        let malformed = |reason: String| Error::malformed("settings of this acquisition", reason);
        let bytes = visible::unescape(text).ok_or_else(|| malformed("they are not escaped text".into()))?;
        serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))
    }

    /// The store's address.
    pub(crate) fn store_address(&self) -> Result<String, Error> {
        let endpoint = self.cloud.cloud()?.blob_endpoint(self.account.name())?;
        let endpoint = endpoint.as_str().trim_end_matches('/').to_owned();
        Ok(format!("{endpoint}/{}", self.container))
    }

    /// Puts Azure's side together as whoever has signed in; what is only checked is not asked for long.
    pub(crate) fn to_check(
        &self,
        credential: &Arc<dyn TokenCredential>,
        transport: CleanTransport,
        patience: Patience,
    ) -> Result<AzurePorts, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new()?);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let options = self.options()?.with_transport(transport).with_patience(patience);
        AzurePorts::new(&options, credential, credential, &clock, &entropy)
    }

    fn options(&self) -> Result<AzurePortsOptions, Error> {
        let snapshots = SnapshotPlace::new(&self.snapshot_subscription, &self.snapshot_group)?;
        let store = StoreLocation::new(self.account.clone(), self.container.clone())?;
        let cloud = self.cloud.cloud()?;
        let mut options = AzurePortsOptions::new(cloud.clone(), snapshots, store)
            .with_network(self.network.network())
            .with_consistency(self.consistency.consistency())
            .with_guest_state(self.guest_state.guest_state());
        if let Some(vault) = &self.vault {
            let mut location = VaultLocation::new(&cloud, &vault.address)?;
            if let Some(id) = &vault.id {
                location = location.with_resource(id.clone())?;
            }
            options = options.with_vault(location);
            if let Some(key) = &vault.wrapping_key {
                options = options.with_wrapping_key(key.clone());
            }
        }
        Ok(options)
    }

    fn azure_ports(&self, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<AzurePorts, Error> {
        let cloud = self.cloud.cloud()?;
        let transport = transport();
        let credential = self.identity.identity().credential(&cloud, &transport)?;
        let options = self.options()?.with_transport(transport);
        AzurePorts::new(&options, &credential, &credential, clock, entropy)
    }

    /// The store alone, to be read.
    pub(crate) fn store(&self) -> Result<BlobStore, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new()?);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        Ok(self.azure_ports(&clock, &entropy)?.store().clone())
    }

    /// Everything that a capture needs, with the journal and the key of this host.
    pub(crate) fn ports(
        &self,
        state: &StateFolder,
        signer: FileSigner,
    ) -> Result<(custody_core::Ports, AzurePorts), Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new()?);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let azure = self.azure_ports(&clock, &entropy)?;
        let mut ports = azure.ports(WorkerPorts {
            hasher: hasher_in_flight(IN_FLIGHT_BYTES)?,
            log: Arc::new(state.journal()),
            signers: vec![Arc::new(signer)],
            clock,
            entropy,
        });
        ports.keys = azure.key_ports(key_prover::prover());
        if ports.keys.is_some() {
            guarded_process::guard()?;
        }
        Ok((ports, azure))
    }
}
