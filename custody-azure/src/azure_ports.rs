use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use custody_core::port::{
    Clock, DigestRegister, Entropy, ImageHasher, KeyProver, KeyWrapper, LogStore, NoProgress, SealSigner,
    StopSwitch,
};
use custody_core::{KeyPorts, Ports, Result};

use crate::arm::Arm;
use crate::cloud::{Cloud, HostKind};
use crate::exhibit::AzureMachineRecords;
use crate::http::{CleanTransport, Patience};
use crate::{
    AzureKeySource, AzureRights, AzureSnapshotter, AzureSourceAccess, BlobStore, Consistency, GuestState,
    SignedIn, SnapshotNetwork, SnapshotPlace, StoreLocation, VaultDigestRegister, VaultKeyEscrow,
    VaultKeyWrapper, VaultLocation, VaultRights,
};

/// Where Azure's side of a capture is, and as whom it is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AzurePortsOptions {
    /// The cloud.
    pub cloud: Arc<Cloud>,
    /// How requests leave.
    pub transport: CleanTransport,
    /// How patient calls are.
    pub patience: Patience,
    /// Where custody's disk snapshots are made.
    pub snapshots: SnapshotPlace,
    /// From where they can be exported.
    pub network: SnapshotNetwork,
    /// How the instants of a machine's disks lie to each other.
    pub consistency: Consistency,
    /// Whether the guest state of Trusted Launch and Confidential machines is taken.
    pub guest_state: GuestState,
    /// Where evidence is stored.
    pub store: StoreLocation,
    /// Where log lines are anchored; beside the evidence when `None`. A container whose policy does not let append
    /// blobs grow needs another one here.
    pub anchor: Option<StoreLocation>,
    /// The vault in which keys and digests are kept; none where neither is.
    pub vault: Option<VaultLocation>,
    /// The key of that vault which wraps what is kept there; none where keys are kept in plain form, as Microsoft's
    /// runbook does.
    pub wrapping_key: Option<String>,
}

impl AzurePortsOptions {
    /// Disk snapshots in this place and evidence in this container of a cloud.
    #[must_use]
    pub fn new(cloud: Arc<Cloud>, snapshots: SnapshotPlace, store: StoreLocation) -> Self {
        Self {
            cloud,
            transport: CleanTransport::new(),
            patience: Patience::default(),
            snapshots,
            network: SnapshotNetwork::AsTheDisk,
            consistency: Consistency::DiskSnapshots,
            guest_state: GuestState::Take,
            store,
            anchor: None,
            vault: None,
            wrapping_key: None,
        }
    }

    /// Sets how requests leave.
    #[must_use]
    pub fn with_transport(mut self, transport: CleanTransport) -> Self {
        self.transport = transport;
        self
    }

    /// Sets how patient calls are.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Sets from where disk snapshots can be exported.
    #[must_use]
    pub fn with_network(mut self, network: SnapshotNetwork) -> Self {
        self.network = network;
        self
    }

    /// Sets how the instants of a machine's disks lie to each other.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// Sets whether guest state is taken.
    #[must_use]
    pub const fn with_guest_state(mut self, choice: GuestState) -> Self {
        self.guest_state = choice;
        self
    }

    /// Keeps keys and digests in this vault.
    #[must_use]
    pub fn with_vault(mut self, vault: VaultLocation) -> Self {
        self.vault = Some(vault);
        self
    }

    /// Wraps keys with this RSA key of that vault before they are kept: then they are not in the form of Microsoft's
    /// runbook.
    #[must_use]
    pub fn with_wrapping_key(mut self, name: impl Into<String>) -> Self {
        self.wrapping_key = Some(name.into());
        self
    }

    /// Sets where log lines are anchored.
    #[must_use]
    pub fn with_anchor(mut self, anchor: StoreLocation) -> Self {
        self.anchor = Some(anchor);
        self
    }
}

/// What a capture needs beside Azure: the worker's own disk, clocks and keys.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever composes a bundle decides on each of them"
)]
pub struct WorkerPorts {
    /// Digests.
    pub hasher: Arc<dyn ImageHasher>,
    /// The journal.
    pub log: Arc<dyn LogStore>,
    /// Who signs.
    pub signers: Vec<Arc<dyn SealSigner>>,
    /// The host's clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The Azure side of a capture, put together: disk snapshots, export, a container as store and anchor.
#[derive(Debug, Clone)]
pub struct AzurePorts {
    arm: Arm,
    snapshotter: AzureSnapshotter,
    source: AzureSourceAccess,
    store: BlobStore,
    anchor: BlobStore,
    keys: AzureKeySource,
    center: Option<CenterVault>,
    cloud: Arc<Cloud>,
    credential: Arc<dyn TokenCredential>,
}

/// What lies in the center's vault.
#[derive(Debug, Clone)]
struct CenterVault {
    escrow: VaultKeyEscrow,
    register: VaultDigestRegister,
    wrapper: Option<VaultKeyWrapper>,
    location: VaultLocation,
    arm: Arm,
}

impl CenterVault {
    fn new(
        arm: &Arm,
        vault: VaultLocation,
        options: &AzurePortsOptions,
        store: &Arc<dyn TokenCredential>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self> {
        let wrapper =
            |key: &String| VaultKeyWrapper::new(arm, vault.clone(), key, store.clone(), entropy.clone());
        Ok(Self {
            wrapper: options.wrapping_key.as_ref().map(wrapper).transpose()?,
            escrow: VaultKeyEscrow::new(arm, vault.clone(), store.clone()),
            register: VaultDigestRegister::new(arm, vault.clone(), store.clone()),
            location: vault,
            arm: arm.clone(),
        })
    }
}

impl AzurePorts {
    /// Puts the parts together. Sends nothing yet.
    ///
    /// The source and the store may need different identities: the machine's owner grants the first, the keeper of
    /// evidence the second.
    ///
    /// # Errors
    /// As [`BlobStore::new`]; [`custody_core::Error::Malformed`] for a wrapping key's name that no key has.
    pub fn new(
        options: &AzurePortsOptions,
        source: &Arc<dyn TokenCredential>,
        store: &Arc<dyn TokenCredential>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self> {
        let arm = |credential| {
            Arm::new(
                options.cloud.clone(),
                options.transport.clone(),
                credential,
                options.patience,
                clock.clone(),
            )
        };
        let open = |place: StoreLocation| BlobStore::new(arm(store), place, store.clone(), entropy.clone());
        let evidence = open(options.store.clone())?;
        let (evidence, anchor) = match options.anchor.clone() {
            Some(place) => (evidence.with_logs_elsewhere(), open(place)?),
            None => (evidence.clone(), evidence),
        };
        let center = options
            .vault
            .clone()
            .map(|vault| CenterVault::new(&arm(store), vault, options, store, entropy));
        let center = center.transpose()?;
        let arm = arm(source);
        Ok(Self {
            snapshotter: AzureSnapshotter::new(arm.clone(), options.snapshots.clone())
                .with_network(options.network.clone())
                .with_consistency(options.consistency)
                .with_guest_state(options.guest_state),
            source: AzureSourceAccess::new(arm.clone(), source.clone()),
            keys: AzureKeySource::new(arm.clone(), source.clone()),
            center,
            store: evidence,
            anchor,
            arm,
            cloud: options.cloud.clone(),
            credential: source.clone(),
        })
    }

    /// Who asks the source's Resource Manager, as the token says: for the record's *who*.
    ///
    /// # Errors
    /// As [`SignedIn::ask`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn signed_in(&self) -> Result<SignedIn> {
        SignedIn::ask(&self.credential, &self.cloud, HostKind::ResourceManager).await
    }

    /// The Resource Manager, as the source's identity sees it.
    #[must_use]
    pub const fn arm(&self) -> &Arm {
        &self.arm
    }

    /// The store of evidence.
    #[must_use]
    pub const fn store(&self) -> &BlobStore {
        &self.store
    }

    /// The center's vault as a place for digests; none where no vault is named.
    #[must_use]
    pub fn digest_register(&self) -> Option<Arc<dyn DigestRegister>> {
        let register = self.center.as_ref()?.register.clone();
        Some(Arc::new(register))
    }

    /// The owners' keys and the center's vault, with what proves that keys open an image; none where no vault is named.
    #[must_use]
    pub fn key_ports(&self, prover: Arc<dyn KeyProver>) -> Option<KeyPorts> {
        let center = self.center.as_ref()?;
        let wrapper = center.wrapper.clone();
        Some(KeyPorts {
            source: Arc::new(self.keys.clone()),
            wrapper: wrapper.map(|wrapper| -> Arc<dyn KeyWrapper> { Arc::new(wrapper) }),
            escrow: Arc::new(center.escrow.clone()),
            prover,
        })
    }

    /// The rights that the plan asks for: in vaults too, where one is named to keep keys in.
    fn rights(&self) -> AzureRights {
        let rights = AzureRights::new(self.arm.clone(), self.snapshotter.place().clone(), &self.store)
            .with_consistency(self.snapshotter.consistency());
        let Some(center) = &self.center else {
            return rights;
        };
        let vaults =
            VaultRights::new(self.arm.clone()).with_vault(center.arm.clone(), center.location.clone());
        rights.with_vaults(match center.wrapper {
            Some(_) => vaults.with_wrapping(),
            None => vaults,
        })
    }

    /// Everything that a capture needs; observed by nobody and stopped by nobody until those fields are changed.
    #[must_use]
    pub fn ports(&self, worker: WorkerPorts) -> Ports {
        Ports {
            snapshotter: Arc::new(self.snapshotter.clone()),
            source: Arc::new(self.source.clone()),
            sink: Arc::new(self.store.clone()),
            reader: Arc::new(self.store.clone()),
            hasher: worker.hasher,
            log: worker.log,
            anchor: Arc::new(self.anchor.clone()),
            signers: worker.signers,
            timestamps: None,
            digests: self.digest_register(),
            keys: None,
            machine_records: Some(Arc::new(AzureMachineRecords::new(
                self.arm.clone(),
                worker.clock.clone(),
            ))),
            rights: Some(Arc::new(self.rights())),
            clock: worker.clock,
            entropy: worker.entropy,
            progress: Arc::new(NoProgress::default()),
            stop: Arc::new(StopSwitch::default()),
        }
    }
}

/// The Azure side and the worker's own in one call, one identity for both source and store.
///
/// # Errors
/// As [`AzurePorts::new`].
pub fn ports(
    options: &AzurePortsOptions,
    credential: &Arc<dyn TokenCredential>,
    worker: WorkerPorts,
) -> Result<Ports> {
    let azure = AzurePorts::new(options, credential, credential, &worker.clock, &worker.entropy)?;
    Ok(azure.ports(worker))
}
