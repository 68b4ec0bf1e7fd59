//! A simulated cloud with a machine and a store, and our ports over it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Method, Request, RequestContent, Transport, Url};
use azure_storage_blob::{BlockBlobClient, BlockBlobClientOptions};
use custody_azure::arm::{Arm, ResourceId};
use custody_azure::{
    AzurePortsOptions, AzureSnapshotter, AzureSourceAccess, BlobStore, CleanTransport, Cloud, Consistency,
    Identity, ManagedIdentity, Patience, SnapshotPlace, StoreLocation, WorkerPorts,
};
use custody_core::ids::{EvidenceItemId, MachineRef, Timestamp};
use custody_core::port::{Clock, DiskSnapshot, PlannedSnapshot, SnapshotPlan, Snapshotter as _};
use custody_testkit::azure_sim::{Scenario, Simulator};
use custody_testkit::fake::{FakeSigner, MemoryLog, SeededEntropy, SerialHasher};

/// The clock of the simulated cloud: to sleep is to put the cloud ahead.
#[derive(Clone)]
pub(crate) struct LabClock {
    simulator: Arc<Simulator>,
    ahead_millis: Arc<AtomicU64>,
}

impl LabClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.simulator.advance(by);
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl fmt::Debug for LabClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabClock")
    }
}

impl fmt::Display for LabClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lab's clock")
    }
}

#[async_trait]
impl Clock for LabClock {
    fn now(&self) -> Timestamp {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let ahead = Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        Timestamp::from_unix_millis(i64::try_from((host + ahead).as_millis()).unwrap()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().unix_millis()).unwrap())
    }

    fn boot_id(&self) -> String {
        "lab".into()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// The lab.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) scenario: Scenario,
    pub(crate) clock: LabClock,
    pub(crate) credential: Arc<dyn TokenCredential>,
    pub(crate) arm: Arm,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(Scenario::lab())
    }

    pub(crate) fn of(scenario: Scenario) -> Self {
        Self::over(Simulator::new(scenario.clone()).unwrap(), scenario)
    }

    /// Over a simulator of this scenario that was made already: one that listens.
    pub(crate) fn over(simulator: Simulator, scenario: Scenario) -> Self {
        let simulator = Arc::new(simulator);
        let clock = LabClock {
            simulator: simulator.clone(),
            ahead_millis: Arc::default(),
        };
        let cloud = Arc::new(Cloud::public().unwrap());
        let transport = CleanTransport::over(simulator.transport());
        let credential = Identity::ManagedIdentity(ManagedIdentity::System)
            .credential(&cloud, &transport)
            .unwrap();
        let arm = Arm::new(
            cloud,
            transport,
            &credential,
            Patience::short(),
            Arc::new(clock.clone()),
        );
        Self {
            simulator,
            scenario,
            clock,
            credential,
            arm,
        }
    }

    /// What keeps tokio's timer at hand for the rest of a test.
    pub(crate) fn guard() -> impl Any {
        crate::support::runtime().enter()
    }

    pub(crate) fn machine(&self) -> MachineRef {
        self.scenario.machine_id(Scenario::LAB_MACHINE).parse().unwrap()
    }

    pub(crate) fn subscription(&self) -> String {
        let id: ResourceId = self.machine().as_str().parse().unwrap();
        id.subscription().to_owned()
    }

    pub(crate) fn place(&self) -> SnapshotPlace {
        SnapshotPlace::new(&self.subscription(), "production").unwrap()
    }

    pub(crate) fn snapshotter(&self) -> AzureSnapshotter {
        AzureSnapshotter::new(self.arm.clone(), self.place())
    }

    /// Takes all disks by one restore point.
    pub(crate) fn point_snapshotter(&self) -> AzureSnapshotter {
        self.snapshotter().with_consistency(Consistency::RestorePoint)
    }

    /// What the Resource Manager answers to somebody else with all rights: status and body.
    pub(crate) fn others(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let url = Url::parse(&format!(
            "https://management.azure.com{path}?api-version=2024-03-01"
        ))
        .unwrap();
        let mut request = Request::new(url, method);
        request.insert_header("content-type", "application/json");
        if !body.is_null() {
            request.set_json(body).unwrap();
        }
        let (status, _, body) = crate::support::run(async {
            let scope = ["https://management.azure.com/.default"];
            let token = self.credential.get_token(&scope, None).await.unwrap();
            request.insert_header("authorization", format!("Bearer {}", token.token.secret()));
            let answer = self
                .simulator
                .transport()
                .execute_request(&request)
                .await
                .unwrap();
            answer.try_into_raw_response().await.unwrap().deconstruct()
        });
        let body: azure_core::Bytes = body.into();
        (status.into(), serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) fn access(&self) -> AzureSourceAccess {
        AzureSourceAccess::new(self.arm.clone(), self.credential.clone())
    }

    /// What ports over this cloud are put together with: the lab's container, short patience.
    pub(crate) fn options(&self) -> AzurePortsOptions {
        let cloud = Arc::new(Cloud::public().unwrap());
        AzurePortsOptions::new(cloud, self.place(), self.location(Scenario::LAB_CONTAINER))
            .with_transport(CleanTransport::over(self.simulator.transport()))
            .with_patience(Patience::short())
    }

    /// A worker's own side: the custodian's key, an empty log, the lab's clock.
    pub(crate) fn worker_ports(&self) -> WorkerPorts {
        WorkerPorts {
            hasher: Arc::new(SerialHasher::new()),
            log: Arc::new(MemoryLog::new()),
            signers: vec![Arc::new(FakeSigner::ed25519("custodian", 1))],
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(7)),
        }
    }

    pub(crate) fn location(&self, container: &str) -> StoreLocation {
        let account = self.scenario.storage_accounts.first().unwrap();
        let group = account.resource_group.as_str();
        let id = ResourceId::new(
            &self.subscription(),
            group,
            "Microsoft.Storage/storageAccounts",
            &account.name,
        );
        StoreLocation::new(id.unwrap(), container).unwrap()
    }

    pub(crate) fn store(&self, container: &str) -> BlobStore {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let entropy = SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed));
        let location = self.location(container);
        BlobStore::new(
            self.arm.clone(),
            location,
            self.credential.clone(),
            Arc::new(entropy),
        )
        .unwrap()
    }

    /// Puts a blob by hand, over whatever is there.
    pub(crate) fn put(&self, container: &str, name: &str, bytes: &[u8]) {
        let mut url = Url::parse(&format!(
            "https://{}.blob.core.windows.net/{container}",
            Scenario::LAB_ACCOUNT
        ))
        .unwrap();
        url.path_segments_mut().unwrap().extend(name.split('/'));
        let options = BlockBlobClientOptions {
            client_options: ClientOptions {
                transport: Some(Transport::new(self.simulator.transport())),
                ..ClientOptions::default()
            },
            ..BlockBlobClientOptions::default()
        };
        let client = BlockBlobClient::new(url, Some(self.credential.clone()), Some(options)).unwrap();
        let content = RequestContent::from(bytes.to_vec());
        crate::support::run(async { client.upload(content, None).await }).unwrap();
    }

    /// Takes a disk snapshot of one disk.
    pub(crate) fn snapshot(&self, name: &str, disk: &str) -> DiskSnapshot {
        let group = if disk == "web-01-data-1" {
            "shared-disks"
        } else {
            "production"
        };
        let subscription = self.subscription();
        let id = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{disk}"
        );
        let planned =
            PlannedSnapshot::new(EvidenceItemId::new(1), id.parse().unwrap(), name.parse().unwrap());
        let plan = SnapshotPlan::new(
            "20261121T203015Z-0123abcd".parse().unwrap(),
            self.machine(),
            vec![planned],
        );
        let mut outcomes = crate::support::run(async { self.snapshotter().take(&plan).await });
        outcomes.remove(0).result.unwrap().value
    }
}
