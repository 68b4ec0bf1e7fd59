//! The conformance suites of every port of this crate, against the simulated cloud.

use std::sync::Arc;

use crate::support::lab::Lab;
use crate::support::{hour, run, runtime};
use custody_core::extent::ByteRange;
use custody_core::port::{
    DiskSnapshot, EvidenceReader as _, GrantOptions, ImageReaderExt as _, LogAnchor as _, LogHead,
    ProtectionKind, ReadGrant, SourceAccess as _,
};
use custody_testkit::azure_sim::{Bytes, Fault, FaultAction, Scenario};

/// A grant on a disk snapshot of the lab, and the bytes behind it.
fn grant(lab: &Lab) -> (ReadGrant, Vec<u8>) {
    let snapshot = lab.snapshot("granted", "web-01-data-0");
    run(async {
        let access = lab.access();
        let grant = access
            .grant(&snapshot, GrantOptions::lasting(hour()))
            .await
            .unwrap()
            .value;
        let image = access.open(&snapshot, &grant).await.unwrap().image;
        let bytes = image.read_bytes(ByteRange::at(0, image.length())).await.unwrap();
        (grant, bytes.to_vec())
    })
}

mod sink {
    use custody_testkit::conformance::evidence_sink::SinkHarness;

    use super::*;

    fn make() -> SinkHarness {
        let guard = Lab::guard();
        let lab = Lab::new();
        let (again, foreign) = (lab.clone(), lab.clone());
        let store = Arc::new(lab.store(Scenario::LAB_CONTAINER));
        let (grant, bytes) = grant(&lab);
        let lossy = Lab::new();
        for name in ["*/lost-kept", "*/lost-again"] {
            let lost = Fault::on("PUT", name, FaultAction::DropBefore).with_query("blockid=");
            lossy.simulator.inject(lost.nth(1));
        }
        let lossy = Arc::new(lossy.store(Scenario::LAB_CONTAINER));
        SinkHarness::new(store.clone(), store)
            .with_lossy_store(lossy.clone(), lossy)
            .reopened_by(move || {
                let store = Arc::new(again.store(Scenario::LAB_CONTAINER));
                (store.clone(), store)
            })
            .with_foreign(move |name| foreign.put(Scenario::LAB_CONTAINER, name.as_str(), b"by hand"))
            .with_blind_sink(Arc::new(lab.store("absent")))
            .with_grant(grant, bytes)
            .without_links()
            .protected_by(ProtectionKind::LockedRetention)
            .keeping(guard)
    }

    custody_testkit::evidence_sink_conformance!(
        make,
        ignore {
            es_09_no_room_is_no_space_and_leaves_nothing: "a storage account has no size of its own that a test could fill"
        }
    );
}

mod reader {
    use custody_testkit::conformance::evidence_reader::ReaderHarness;

    use super::*;

    fn make() -> ReaderHarness {
        let guard = Lab::guard();
        let lab = Lab::new();
        let store = Arc::new(lab.store(Scenario::LAB_CONTAINER));
        let (nameless, seen) = (lab.clone(), lab.clone());
        ReaderHarness::filled(store.clone(), store)
            .with_nameless(move || nameless.put(Scenario::LAB_CONTAINER, "cases/a/.hidden", b""))
            .with_blind_reader(Arc::new(lab.store("absent")))
            .fingerprinted_by(move || {
                let names = seen
                    .simulator
                    .blob_names(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER);
                let of = |name: &String| {
                    seen.simulator
                        .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name)
                };
                let blobs: Vec<_> = names
                    .iter()
                    .map(|name| format!("{name} {:?}", of(name)))
                    .collect();
                blobs.join("\n")
            })
            .keeping(guard)
    }

    custody_testkit::evidence_reader_conformance!(make);
}

mod image {
    use custody_testkit::conformance::image_reader::ImageHarness;
    use custody_testkit::fake::pattern;

    use super::*;

    fn make() -> ImageHarness {
        let guard = Lab::guard();
        let lab = Lab::new();
        let bytes = pattern(700_001, 1);
        lab.put("plain", "object", &bytes);
        let store = lab.store("plain");
        let image = run(store.open(&"object".parse().unwrap())).unwrap();
        ImageHarness::new(image, bytes)
            .replaced_by(move || lab.put("plain", "object", &pattern(700_001, 2)))
            .keeping(guard)
    }

    custody_testkit::image_reader_conformance!(
        make,
        ignore {
            ir_06_a_bad_sector_is_never_given_as_data: "a blob has no bad sectors; what fails otherwise is in ranges.rs"
        }
    );
}

mod anchor {
    use custody_testkit::conformance::log_anchor::AnchorHarness;

    use super::*;

    /// Interrupted after the service took the lines and before its answer came: an append is whole or not at all.
    fn make() -> AnchorHarness {
        let guard = Lab::guard();
        let lab = Lab::new();
        let store = Arc::new(lab.store(Scenario::LAB_CONTAINER));
        let (again, torn) = (lab.clone(), lab);
        AnchorHarness::new(store.clone(), store)
            .reopened_by(move || Arc::new(again.store(Scenario::LAB_CONTAINER)))
            .interrupted_by(move |log, lines| {
                let store = torn.store(Scenario::LAB_CONTAINER);
                run(async {
                    let head: LogHead = store.head(log).await.unwrap();
                    store.append(log, &head, lines).await.unwrap();
                });
            })
            .keeping(guard)
    }

    custody_testkit::log_anchor_conformance!(make);
}

mod snapshotter {
    use custody_core::ids::{EvidenceItemId, MachineRef};
    use custody_core::port::{PlannedSnapshot, SnapshotPlan, Snapshotter as _};
    use custody_testkit::azure_sim::ExistingSnapshot;
    use custody_testkit::conformance::snapshotter::SnapshotterHarness;

    use super::*;

    fn harness(lab: &Lab, machine: MachineRef) -> SnapshotterHarness {
        let (foreign, seen) = (lab.clone(), lab.clone());
        SnapshotterHarness::new(Arc::new(lab.snapshotter()), Arc::new(lab.access()), machine)
            .with_foreign(move |name, disk| {
                let planned = PlannedSnapshot::new(EvidenceItemId::new(1), disk.clone(), name.clone());
                let others = "20261121T203015Z-eeeeeeee".parse().unwrap();
                let plan = SnapshotPlan::new(others, foreign.machine(), vec![planned]);
                let outcomes = run(async { foreign.snapshotter().take(&plan).await });
                let made = outcomes.into_iter().next().unwrap().result.unwrap().value;
                let lab = foreign.clone();
                Box::new(move || {
                    let of = plan.acquisition.clone();
                    let left = runtime().block_on(async { lab.snapshotter().list(&of).await });
                    left.unwrap() == [made.clone()]
                })
            })
            .fingerprinted_by(move || {
                format!(
                    "{:?} {:?}",
                    seen.simulator.snapshots(),
                    seen.simulator.live_exports()
                )
            })
    }

    mod machine {
        use super::*;

        fn make() -> SnapshotterHarness {
            let guard = Lab::guard();
            let lab = Lab::new();
            let machine = lab.machine();
            harness(&lab, machine).keeping(guard)
        }

        custody_testkit::snapshotter_conformance!(
            make,
            ignore {
                sn_07_only_what_was_made_is_deleted: "of a machine, every disk is taken anew; the clause runs on parts",
                sn_09_what_goes_together_goes_on_one_warrant: "disk snapshots go one by one; the clause runs on a restore point"
            }
        );
    }

    mod restore_point {
        use azure_core::http::Method;
        use serde_json::{Value, json};

        use super::*;

        /// A collection of somebody else's has the name that the acquisition's would have.
        fn make() -> SnapshotterHarness {
            let guard = Lab::guard();
            let lab = Lab::new();
            let (foreign, seen) = (lab.clone(), lab.clone());
            let machine = lab.machine();
            SnapshotterHarness::new(
                Arc::new(lab.point_snapshotter()),
                Arc::new(lab.access()),
                machine.clone(),
            )
            .with_foreign(move |_, _| {
                let path = format!(
                    "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute/restorePointCollections/custody-20261121T203015Z-0123abcd",
                    foreign.subscription()
                );
                let body = json!({
                    "location": "westeurope", "tags": {"owner": "somebody"},
                    "properties": {"source": {"id": machine.as_str()}}
                });
                assert_eq!(foreign.others(Method::Put, &path, &body).0, 201);
                let before = foreign.others(Method::Get, &path, &Value::Null);
                let lab = foreign.clone();
                Box::new(move || lab.others(Method::Get, &path, &Value::Null) == before)
            })
            .fingerprinted_by(move || {
                format!(
                    "{:?} {:?}",
                    seen.simulator.restore_points(),
                    seen.simulator.live_exports()
                )
            })
            .keeping(guard)
        }

        custody_testkit::snapshotter_conformance!(
            make,
            ignore {
                sn_07_only_what_was_made_is_deleted: "of a machine, every disk is taken anew; the clause runs on parts"
            }
        );
    }

    mod parts {
        use super::*;

        fn make() -> SnapshotterHarness {
            let guard = Lab::guard();
            let mut scenario = Scenario::lab();
            scenario
                .snapshots
                .push(ExistingSnapshot::new("before-us", "web-01-data-0"));
            let lab = Lab::of(scenario);
            let existing = lab.simulator.snapshots().into_iter().next().unwrap().id;
            let group = format!(
                "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute",
                lab.subscription()
            );
            let machine = format!("{group}/disks/web-01_OsDisk_1,{group}/disks/web-01-data-0,{existing}");
            harness(&lab, machine.parse().unwrap()).keeping(guard)
        }

        custody_testkit::snapshotter_conformance!(
            make,
            ignore {
                sn_09_what_goes_together_goes_on_one_warrant: "disk snapshots go one by one; the clause runs on a restore point"
            }
        );
    }

    /// A disk of 4096-byte sectors, and guest state beside the disk that the machine starts from.
    mod lengths_told_at_opening {
        use super::*;

        fn make() -> SnapshotterHarness {
            let guard = Lab::guard();
            let lab = Lab::of(lengths_told_at_opening());
            let machine = lab.machine();
            harness(&lab, machine).keeping(guard)
        }

        custody_testkit::snapshotter_conformance!(
            make,
            ignore {
                sn_07_only_what_was_made_is_deleted: "of a machine, every disk is taken anew; the clause runs on parts",
                sn_09_what_goes_together_goes_on_one_warrant: "disk snapshots go one by one; the clause runs on a restore point"
            }
        );
    }
}

const GUEST_STATE: [u8; 4096] = [0x5a; 4096];

fn vhdx() -> Vec<u8> {
    let mut bytes = b"vhdxfile".to_vec();
    bytes.resize(20_000, 0x33);
    bytes
}

/// The lab with a disk of 4096-byte sectors, and guest state beside the disk that the machine starts from.
fn lengths_told_at_opening() -> Scenario {
    let mut scenario = Scenario::lab();
    let disk = scenario.disk_mut("web-01-data-0");
    disk.logical_sector_size = 4096;
    disk.vhdx = Some(Bytes::Exactly(vhdx()));
    let disk = scenario.disk_mut("web-01_OsDisk_1");
    disk.security_type = "TrustedLaunch".into();
    disk.guest_state = Some(Bytes::Exactly(GUEST_STATE.to_vec()));
    scenario
}

mod access {
    use custody_core::capture::{DeletionWarrant, DiscardOrder};
    use custody_core::port::Snapshotter as _;
    use custody_testkit::conformance::source_access::AccessHarness;

    use super::*;

    fn make() -> AccessHarness {
        let guard = Lab::guard();
        // The bytes are told once and opened by another grant: the footer must be the same both times.
        let mut scenario = Scenario::lab();
        scenario.timing.renew_footer = false;
        let lab = Lab::of(scenario);
        let snapshot = lab.snapshot("granted", "web-01-data-0");
        let mut bytes = lab.simulator.disk_bytes("web-01-data-0").unwrap().to_vec();
        let (_, exported) = grant(&lab);
        bytes.extend_from_slice(exported.get(bytes.len()..).unwrap());
        run(async { lab.access().revoke(&snapshot).await }).unwrap();
        harness(&lab, "web-01-data-0", snapshot, bytes).keeping(guard)
    }

    fn harness(lab: &Lab, disk: &'static str, snapshot: DiskSnapshot, bytes: Vec<u8>) -> AccessHarness {
        let (written, gone) = (lab.clone(), lab.clone());
        let (replaced, vanished) = (snapshot.clone(), snapshot.clone());
        let remove = |lab: &Lab, snapshot: &DiskSnapshot| {
            let order = DiscardOrder::unlogged_for_conformance_tests(snapshot.name.clone());
            run(async {
                lab.access().revoke(snapshot).await.unwrap();
                lab.snapshotter()
                    .delete(snapshot, DeletionWarrant::for_discard(&order))
                    .await
            })
            .unwrap();
        };
        AccessHarness::new(
            Arc::new(lab.access()),
            snapshot,
            bytes,
            Arc::new(lab.clock.clone()),
        )
        .advanced_by({
            let clock = lab.clock.clone();
            move |by| clock.advance(by)
        })
        // A disk snapshot cannot be written: somebody takes another in its place.
        .written_by(move || {
            remove(&written, &replaced);
            written.snapshot("granted", disk);
        })
        .vanishing_by(move || remove(&gone, &vanished))
    }

    custody_testkit::source_access_conformance!(make);

    mod vhdx_export {
        use super::*;

        fn make() -> AccessHarness {
            let guard = Lab::guard();
            let lab = Lab::of(lengths_told_at_opening());
            let snapshot = lab.snapshot("granted", "web-01-data-0");
            harness(&lab, "web-01-data-0", snapshot, vhdx()).keeping(guard)
        }

        custody_testkit::source_access_conformance!(make);
    }

    mod guest_state {
        use super::*;

        fn make() -> AccessHarness {
            let guard = Lab::guard();
            let lab = Lab::of(lengths_told_at_opening());
            let disk = "web-01_OsDisk_1#guest-state";
            let snapshot = lab.snapshot("granted", disk);
            harness(&lab, disk, snapshot, GUEST_STATE.to_vec()).keeping(guard)
        }

        custody_testkit::source_access_conformance!(make);
    }
}

mod rights {
    use custody_azure::AzureRights;
    use custody_core::port::Snapshotter as _;
    use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant};
    use custody_testkit::conformance::rights::RightsHarness;

    use super::*;

    fn make() -> RightsHarness {
        let guard = Lab::guard();
        let right = "Microsoft.Compute/snapshots/write";
        let mut scenario = Scenario::lab();
        for identity in &mut scenario.identities {
            identity.roles = vec![RoleGrant::everything().without(right)];
        }
        let refused = FaultAction::status(403, "AuthorizationFailed");
        let lab = Lab::of(scenario.with_fault(Fault::on("GET", "*/containers/*/permissions", refused)));
        let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
        let store = lab.store(Scenario::LAB_CONTAINER);
        let rights = AzureRights::new(lab.arm.clone(), lab.place(), &store);
        let missing = vec![("/resourceGroups/production".to_owned(), right.to_owned())];
        let watched = lab.clone();
        RightsHarness::new(Arc::new(rights), machine, missing)
            .with_blind(vec!["/containers/".into()])
            .fingerprinted_by(move || {
                let simulator = &watched.simulator;
                let blobs = simulator.blob_names(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER);
                format!(
                    "{:?} {:?} {blobs:?}",
                    simulator.snapshots(),
                    simulator.live_exports()
                )
            })
            .keeping(guard)
    }

    custody_testkit::rights_conformance!(super::rights::make);
}
