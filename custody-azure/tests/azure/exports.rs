//! Exports that are not a plain fixed VHD: behind a sign-in or a private endpoint, VHDX, guest state. Whole captures on
//! the simulated cloud.

use std::sync::Arc;

use crate::support::lab::Lab;
use crate::support::run;
use custody_azure::{AzurePorts, GuestState};
use custody_core::Ports;
use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, ItemStatus, Reach};
use custody_core::custody_log::{Circumstances, ClosingState, How, SignerSet, Stated, Trust, Who, Why};
use custody_core::digest::{DiskData, Sha256Digest};
use custody_core::ids::{MachineRef, ObjectName};
use custody_core::manifest::{Manifest, ManifestItem};
use custody_core::port::SealSigner as _;
use custody_core::verify::Verifier;
use custody_testkit::azure_sim::{Bytes, Fault, FaultAction, GuestStateOfSnapshots, RoleGrant, Scenario};
use custody_testkit::fake::{FakeSigner, SerialHasher};

const OS_DISK: &str = "web-01_OsDisk_1";
const DATA_DISK: &str = "web-01-data-0";

fn circumstances() -> Circumstances {
    let who = Who::new(
        Stated::new("A. Examiner".parse().unwrap()),
        [("os-user".into(), "alice".into())].into(),
    );
    let why = Why::new("warrant 123/26".parse().unwrap());
    Circumstances::new(who, [].into(), How::new("test", "1.0"), why)
}

/// A capture of the lab's machine that came to its end.
struct Captured {
    lab: Lab,
    ports: Ports,
    outcome: CaptureOutcome,
}

impl Captured {
    fn of(scenario: Scenario) -> Self {
        let lab = Lab::of(scenario);
        let machine = lab.machine();
        Self::with(lab, &machine, GuestState::Take)
    }

    fn with(lab: Lab, machine: &MachineRef, guest_state: GuestState) -> Self {
        let options = lab.options().with_guest_state(guest_state);
        let worker = lab.worker_ports();
        let (clock, entropy) = (worker.clock.clone(), worker.entropy.clone());
        let azure = AzurePorts::new(&options, &lab.credential, &lab.credential, &clock, &entropy);
        let ports = azure.unwrap().ports(worker);
        let request = CaptureRequest::new("2026-0042".parse().unwrap(), machine.clone(), circumstances());
        let capture = Capture::new(ports.clone());
        let outcome = run(async {
            let plan = capture.plan(request).await.unwrap();
            capture.run(plan, Reach::ToTheEnd).await.unwrap()
        });
        Self { lab, ports, outcome }
    }

    fn is_complete(&self) {
        assert_eq!(self.outcome.exit_code(), 0, "{:?}", self.outcome);
        assert_eq!(self.lab.simulator.live_exports(), [""; 0]);
        assert_eq!(self.lab.simulator.snapshots(), []);
        assert_eq!(self.lab.simulator.refused_hosts(), [""; 0]);
        assert_eq!(self.verified(), 0);
    }

    fn verified(&self) -> u8 {
        let signer = FakeSigner::ed25519("custodian", 1);
        let trust = Trust::nobody().with(SignerSet::new(vec![signer.verifier_key().clone()]).unwrap());
        let verifier = Verifier::new(self.ports.reader.clone(), Arc::new(SerialHasher::new()), trust);
        run(verifier.verify()).outcome.exit_code()
    }

    fn stored(&self, name: &ObjectName) -> Vec<u8> {
        let blob = self
            .lab
            .simulator
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name.as_str());
        blob.unwrap().bytes().unwrap().to_vec()
    }

    fn manifest(&self) -> Manifest {
        let name = self.outcome.folder.join(&"manifest.json".parse().unwrap());
        serde_json::from_slice(&self.stored(&name)).unwrap()
    }

    /// The item of this name, and its stored bytes.
    fn item(&self, file: &str) -> (ManifestItem, Vec<u8>) {
        let item = self
            .manifest()
            .items
            .into_iter()
            .find(|item| item.file.as_str() == file);
        let item = item.unwrap();
        let bytes = self.stored(&self.outcome.folder.join(&item.file));
        assert_eq!(item.source.stored_file, Some(Sha256Digest::of(&bytes)));
        (item, bytes)
    }
}

fn with_sign_in() -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.disk_mut(DATA_DISK).network.data_access_auth_mode = "AzureActiveDirectory".into();
    scenario
}

#[test]
fn a_disk_behind_a_sign_in_is_streamed_and_the_others_are_copied() {
    let captured = Captured::of(with_sign_in());
    captured.is_complete();
    let (item, bytes) = captured.item("web-01-data-0.vhd");
    let disk = captured.lab.simulator.disk_bytes(DATA_DISK).unwrap();
    assert!(bytes.len() == disk.len() + 512 && bytes.starts_with(&disk));
    assert!(item.streamed.unwrap().contains("demands a sign-in"));
    assert_eq!(item.source.disk_data, Some(Sha256Digest::of(&disk)));
    assert_eq!(captured.item("web-01-data-1.vhd").0.streamed, None);
    // The token went to the exports of that disk and of no other, and no copy was asked for it.
    let journal = captured.lab.simulator.journal();
    let exports: Vec<_> = journal
        .iter()
        .filter(|entry| entry.host.contains("md-"))
        .collect();
    assert!(exports.iter().any(|entry| entry.authorized) && exports.iter().any(|entry| !entry.authorized));
    let mut hosts: Vec<&str> = exports
        .iter()
        .filter(|entry| entry.authorized)
        .map(|entry| entry.host.as_str())
        .collect();
    hosts.dedup();
    assert_eq!(hosts.len(), 1, "{hosts:?}");
    let refused = journal.iter().filter(|entry| entry.status == 403);
    assert_eq!(refused.count(), 0);
}

#[test]
fn a_missing_right_to_download_is_named_and_the_snapshot_kept() {
    let mut scenario = with_sign_in();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without("Microsoft.Compute/snapshots/download/action")];
    }
    // Told beforehand it would be a refusal of the plan; here nobody can tell.
    let untold = FaultAction::status(403, "AuthorizationFailed");
    let scenario = scenario.with_fault(Fault::on("GET", "*/permissions", untold));
    let captured = Captured::of(scenario);
    assert_eq!(captured.outcome.exit_code(), 3);
    let stopped = captured.outcome.items[1].stopped_by.as_ref().unwrap();
    assert!(
        stopped
            .error
            .contains("Microsoft.Compute/snapshots/download/action"),
        "{stopped:?}"
    );
    assert_eq!(captured.lab.simulator.live_exports(), [""; 0]);
    assert!(
        captured
            .lab
            .simulator
            .snapshots()
            .iter()
            .any(|snapshot| snapshot.name.contains("data-0"))
    );
}

fn private(reached: bool) -> Scenario {
    let access = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/production/providers/Microsoft.Compute/diskAccesses/vault";
    let mut scenario = Scenario::lab();
    let network = &mut scenario.disk_mut(DATA_DISK).network;
    network.network_access_policy = "AllowPrivate".into();
    network.disk_access_id = Some(access.into());
    if reached {
        scenario.private_endpoints = vec![access.to_uppercase()];
    }
    scenario
}

#[test]
fn a_source_that_the_storage_service_cannot_reach_is_streamed_from_where_it_can_be_read() {
    let captured = Captured::of(private(true));
    captured.is_complete();
    let (item, bytes) = captured.item("web-01-data-0.vhd");
    let disk = captured.lab.simulator.disk_bytes(DATA_DISK).unwrap();
    assert!(bytes.len() == disk.len() + 512 && bytes.starts_with(&disk));
    assert_eq!(item.attempt, 1);
    let why = item.streamed.unwrap();
    assert!(
        why.contains("cannot read") && why.contains("CannotVerifyCopySource"),
        "{why}"
    );
}

#[test]
fn a_source_that_nobody_can_reach_is_told_with_what_to_do_and_its_snapshot_kept() {
    let captured = Captured::of(private(false));
    assert_eq!(captured.outcome.exit_code(), 3);
    let stopped = captured.outcome.items[1].stopped_by.as_ref().unwrap();
    let words = stopped.in_words();
    assert!(
        words.contains("private endpoints of") && words.contains("diskAccesses/vault"),
        "{words}"
    );
    assert!(
        words.contains("run custody where those endpoints lead"),
        "{words}"
    );
    assert_eq!(captured.lab.simulator.live_exports(), [""; 0]);
    assert!(
        captured
            .lab
            .simulator
            .snapshots()
            .iter()
            .any(|snapshot| snapshot.name.contains("data-0"))
    );
}

#[test]
fn a_source_that_is_refused_for_a_moment_is_copied() {
    let refused = FaultAction::status(403, "CannotVerifyCopySource");
    let fault = Fault::on("PUT", "*data-0.vhd", refused)
        .at_host("socevidence*")
        .times(1);
    let captured = Captured::of(Scenario::lab().with_fault(fault));
    captured.is_complete();
    assert_eq!(captured.item("web-01-data-0.vhd").0.streamed, None);
}

/// A file that begins as a VHDX does, of a length that nothing but itself tells.
fn vhdx() -> Vec<u8> {
    let mut bytes = b"vhdxfile".to_vec();
    bytes.extend((0_u32..(3 << 20) / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()));
    bytes.truncate(3 << 20);
    bytes
}

fn with_large_sectors(vhdx: Option<Vec<u8>>) -> Scenario {
    let mut scenario = Scenario::lab();
    let disk = scenario.disk_mut(DATA_DISK);
    disk.logical_sector_size = 4096;
    disk.vhdx = vhdx.map(Bytes::Exactly);
    scenario
}

#[test]
fn a_disk_of_large_sectors_is_stored_as_the_vhdx_that_its_export_is() {
    let captured = Captured::of(with_large_sectors(Some(vhdx())));
    captured.is_complete();
    let (item, bytes) = captured.item("web-01-data-0.vhdx");
    assert_eq!(bytes, vhdx());
    assert_eq!(item.format.as_deref(), Some("vhdx"));
    assert!(
        matches!(item.data, DiskData::NotComputed { .. }),
        "{:?}",
        item.data
    );
    assert_eq!((item.source.disk_data, item.snapshot.length), (None, None));
    assert_eq!((item.sector_bytes, item.streamed), (4096, None));
}

#[test]
fn a_fixed_vhd_in_the_place_of_a_vhdx_is_recorded_as_what_it_is() {
    let captured = Captured::of(with_large_sectors(None));
    captured.is_complete();
    let (item, bytes) = captured.item("web-01-data-0.vhdx");
    let disk = captured.lab.simulator.disk_bytes(DATA_DISK).unwrap();
    assert!(bytes.len() == disk.len() + 512 && bytes.starts_with(&disk));
    assert_eq!(item.format.as_deref(), Some("vhd-fixed"));
    assert_eq!(item.source.disk_data, Some(Sha256Digest::of(&disk)));
}

#[test]
fn an_export_that_is_neither_is_refused_and_its_snapshot_kept() {
    let captured = Captured::of(with_large_sectors(Some(vec![7; 8192])));
    assert_eq!(
        (captured.outcome.state, captured.outcome.exit_code()),
        (Some(ClosingState::Failed), 4)
    );
    let told = format!("{:?}", captured.outcome.items[1].not_evidence);
    assert!(
        told.contains("8192 bytes that begin with 0707070707070707"),
        "{told}"
    );
    assert_eq!(captured.outcome.kept.len(), 1);
    assert_eq!(captured.lab.simulator.live_exports(), [""; 0]);
}

const GUEST_STATE: [u8; 4096] = [0x5a; 4096];

fn trusted_launch(answer: GuestStateOfSnapshots) -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.machines[0].security_type = "TrustedLaunch".into();
    let disk = scenario.disk_mut(OS_DISK);
    disk.security_type = "TrustedLaunch".into();
    disk.guest_state = Some(Bytes::Exactly(GUEST_STATE.to_vec()));
    disk.guest_state_of_snapshots = answer;
    scenario
}

#[test]
fn guest_state_is_an_item_of_its_own_with_a_disk_snapshot_of_its_own() {
    let captured = Captured::of(trusted_launch(GuestStateOfSnapshots::Given));
    captured.is_complete();
    assert_eq!(captured.outcome.items.len(), 4);
    let (item, bytes) = captured.item("web-01_OsDisk_1.vmgs");
    assert_eq!(bytes, GUEST_STATE);
    assert!(matches!(item.data, DiskData::NotComputed { .. }));
    assert_eq!(item.source.length, (GUEST_STATE.len() as u64).into());
    let (disk, _) = captured.item("web-01_OsDisk_1.vhd");
    assert_ne!(
        item.snapshot.attributes["resourceId"],
        disk.snapshot.attributes["resourceId"]
    );
    assert_eq!(
        item.snapshot.attributes["sourceResourceId"],
        disk.snapshot.attributes["sourceResourceId"]
    );
    let described = captured.manifest().machine.disks;
    assert_eq!(
        (described[1].format.as_str(), described[1].length),
        ("vmgs", None)
    );
}

#[test]
fn guest_state_that_is_not_given_ends_its_item_alone() {
    for answer in [GuestStateOfSnapshots::LeftOut, GuestStateOfSnapshots::Refused] {
        let captured = Captured::of(trusted_launch(answer));
        let outcome = &captured.outcome;
        assert_eq!(
            (outcome.state, outcome.exit_code()),
            (Some(ClosingState::Failed), 3),
            "{answer:?} {outcome:?}"
        );
        let status: Vec<ItemStatus> = outcome.items.iter().map(|item| item.status).collect();
        assert_eq!(
            status
                .iter()
                .filter(|status| **status == ItemStatus::Verified)
                .count(),
            3
        );
        assert_eq!(status[1], ItemStatus::Failed);
        let told = format!("{:?}", outcome.items[1].not_evidence);
        assert!(
            told.contains("getSecureVMGuestStateSAS") && told.contains("leave it out"),
            "{told}"
        );
        assert_eq!(outcome.kept.len(), 1);
        assert_eq!(captured.lab.simulator.live_exports(), [""; 0]);
        assert_eq!(captured.lab.simulator.snapshots().len(), 1);
        assert_eq!(captured.verified(), 3);
    }
}

#[test]
fn guest_state_that_is_left_out_is_named_as_not_acquired() {
    let lab = Lab::of(trusted_launch(GuestStateOfSnapshots::LeftOut));
    let machine = lab.machine();
    let captured = Captured::with(lab, &machine, GuestState::Omit);
    captured.is_complete();
    assert_eq!(captured.outcome.items.len(), 3);
    let named = captured.manifest().not_acquired;
    assert!(
        named.iter().any(|not| not.what.contains("guest state (VMGS)")),
        "{named:?}"
    );
}

#[test]
fn guest_state_of_a_confidential_machine_is_marked_as_perhaps_not_readable() {
    let mut scenario = trusted_launch(GuestStateOfSnapshots::Given);
    scenario.disk_mut(OS_DISK).security_type = "ConfidentialVM_DiskEncryptedWithPlatformKey".into();
    let captured = Captured::of(scenario);
    // The keys of the disk itself are sealed to the machine's virtual TPM and were not taken.
    assert_eq!(captured.outcome.exit_code(), 3);
    assert_eq!(captured.item("web-01_OsDisk_1.vmgs").1, GUEST_STATE);
    let described = captured.manifest().machine.disks;
    assert!(described[1].attributes["note"].contains("may not be readable outside Azure"));
}

#[test]
fn guest_state_beside_a_snapshot_that_was_there_before_is_named_as_not_acquired() {
    let mut scenario = trusted_launch(GuestStateOfSnapshots::Given);
    scenario
        .snapshots
        .push(custody_testkit::azure_sim::ExistingSnapshot::new(
            "before", OS_DISK,
        ));
    let lab = Lab::of(scenario);
    let id = format!(
        "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute/snapshots/before",
        lab.subscription()
    );
    let captured = Captured::with(lab, &id.parse().unwrap(), GuestState::Take);
    assert_eq!(captured.outcome.exit_code(), 0, "{:?}", captured.outcome);
    let named = captured.manifest().not_acquired;
    assert!(
        named.iter().any(|not| not.what.contains("guest state (VMGS)")),
        "{named:?}"
    );
}
