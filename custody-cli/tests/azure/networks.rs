//! From where disk snapshots can be read, by flag.

use crate::lab::{Lab, small};

#[test]
fn a_disk_that_denies_all_export_is_captured_with_open_snapshots_alone() {
    let denying = || {
        let mut scenario = small();
        let network = &mut scenario.disk_mut("web-01-data-0").network;
        network.network_access_policy = "DenyAll".into();
        Lab::of(scenario)
    };
    let lab = denying();
    let kept = lab.capture(&["--json"]).expect(3);
    assert!(kept.out.contains("networkAccessPolicy is DenyAll"), "{kept:?}");
    let kept = kept.json();
    assert_eq!(kept["items"][1]["status"], "snapshotted", "{kept}");
    assert_eq!(lab.azure.live_exports(), [""; 0]);
    let left = lab.azure.snapshots();
    assert!(left.iter().any(|snapshot| snapshot.name.contains("data-0")));

    let lab = denying();
    let captured = lab.capture(&["--json", "--open-snapshots"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    lab.nothing_is_left_at_the_source("afterwards");
}
