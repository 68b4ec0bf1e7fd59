//! A worker that captures the lab's machine, and what must hold afterwards.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::HttpClient;
use custody_azure::{AzurePorts, CleanTransport, WorkerPorts};
use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, ItemStatus, Plan, Reach};
use custody_core::custody_log::{
    AcquisitionSettings, Circumstances, Event, How, SignerSet, Stated, Trust, Who, Why, read_chain,
};
use custody_core::ids::ObjectName;
use custody_core::port::{Clock, LogName, SealSigner as _};
use custody_core::verify::Verifier;
use custody_core::{Ports, Result};
use custody_testkit::azure_sim::Scenario;
use custody_testkit::fake::{FakeSigner, MemoryLog, SerialHasher};

use crate::support::lab::Lab;
use crate::support::run;

pub(crate) fn circumstances() -> Circumstances {
    let who = Who::new(
        Stated::new("A. Examiner".parse().unwrap()),
        [("os-user".into(), "alice".into())].into(),
    );
    let why = Why::new("warrant 123/26".parse().unwrap());
    Circumstances::new(who, [].into(), How::new("test", "1.0"), why)
}

/// A worker that captures the lab's machine.
pub(crate) struct Worker {
    pub(crate) lab: Lab,
    pub(crate) ports: Ports,
    parallel: usize,
}

impl Worker {
    pub(crate) fn new(lab: &Lab) -> Self {
        Self::with_log(lab, &MemoryLog::new())
    }

    /// A process on a worker whose disk holds this log.
    pub(crate) fn with_log(lab: &Lab, log: &MemoryLog) -> Self {
        Self::with_clock(lab, log, Arc::new(lab.clock.clone()))
    }

    /// The same, on a host with this clock.
    pub(crate) fn with_clock(lab: &Lab, log: &MemoryLog, clock: Arc<dyn Clock>) -> Self {
        Self::with_parts(lab, log, clock, lab.simulator.transport(), &lab.credential)
    }

    /// The same, with requests that leave this way, as this identity.
    pub(crate) fn with_parts(
        lab: &Lab,
        log: &MemoryLog,
        clock: Arc<dyn Clock>,
        transport: Arc<dyn HttpClient>,
        credential: &Arc<dyn TokenCredential>,
    ) -> Self {
        let options = lab.options().with_transport(CleanTransport::over(transport));
        let worker = WorkerPorts {
            log: Arc::new(log.clone()),
            clock,
            ..lab.worker_ports()
        };
        let azure = AzurePorts::new(&options, credential, credential, &worker.clock, &worker.entropy);
        Self {
            lab: lab.clone(),
            ports: azure.unwrap().ports(worker),
            parallel: 3,
        }
    }

    /// The same, one disk after the other.
    pub(crate) fn one_by_one(mut self) -> Self {
        self.parallel = 1;
        self
    }

    pub(crate) async fn plan(&self) -> Result<Plan> {
        self.plan_with(AcquisitionSettings::default()).await
    }

    pub(crate) async fn plan_with(&self, settings: AcquisitionSettings) -> Result<Plan> {
        let request = CaptureRequest::new("2026-0042".parse().unwrap(), self.lab.machine(), circumstances())
            .with_settings(settings)
            .with_parallel(self.parallel);
        Capture::new(self.ports.clone()).plan(request).await
    }

    pub(crate) async fn capture(&self) -> Result<(LogName, CaptureOutcome)> {
        let plan = self.plan().await?;
        let log = plan.log();
        Ok((log, self.run(plan).await?))
    }

    pub(crate) async fn run(&self, plan: Plan) -> Result<CaptureOutcome> {
        Capture::new(self.ports.clone()).run(plan, Reach::ToTheEnd).await
    }

    pub(crate) async fn resume(&self, log: LogName) -> Result<CaptureOutcome> {
        Capture::new(self.ports.clone())
            .resume(log, circumstances(), self.parallel)
            .await
    }

    pub(crate) fn stored(&self, name: &ObjectName) -> Vec<u8> {
        let blob = self
            .lab
            .simulator
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name.as_str());
        blob.unwrap().bytes().unwrap().to_vec()
    }

    /// That nothing of ours is left in the source's cloud.
    pub(crate) fn left_nothing(&self) {
        assert_eq!(self.lab.simulator.live_exports(), [""; 0]);
        assert_eq!(self.lab.simulator.snapshots(), []);
        assert_eq!(self.lab.simulator.refused_hosts(), [""; 0]);
    }

    pub(crate) fn every_disk_is_stored(&self, outcome: &CaptureOutcome) {
        let disks = ["web-01_OsDisk_1", "web-01-data-0", "web-01-data-1"];
        assert_eq!(outcome.items.len(), disks.len());
        for (item, disk) in outcome.items.iter().zip(disks) {
            assert_eq!(item.status, ItemStatus::Verified, "{item:?}");
            let stored = self.stored(item.object.as_ref().unwrap());
            let bytes = self.lab.simulator.disk_bytes(disk).unwrap();
            assert_eq!(stored.len(), bytes.len() + 512);
            assert!(stored.starts_with(&bytes), "{disk} is not stored as it is");
        }
    }

    /// The acquisition's log, as this worker's disk has it.
    pub(crate) fn events(&self, log: &LogName) -> Vec<Event> {
        run(read_chain("log", self.ports.log.lines(log, 0))).unwrap().1
    }

    /// Whoever holds the store and the key alone comes to the same.
    pub(crate) fn is_proven(&self) {
        let signer = FakeSigner::ed25519("custodian", 1);
        let trust = Trust::nobody().with(SignerSet::new(vec![signer.verifier_key().clone()]).unwrap());
        let verifier = Verifier::new(self.ports.reader.clone(), Arc::new(SerialHasher::new()), trust);
        let report = run(verifier.verify());
        assert_eq!(report.outcome.exit_code(), 0, "{}", report.result);
    }
}
