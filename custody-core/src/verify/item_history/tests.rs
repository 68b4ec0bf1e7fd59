use super::*;
use crate::custody_log::{Event, Failure};

fn opened(length: u64, format: &str) -> Act {
    Act::SourceOpened {
        item: "item-1".parse().unwrap(),
        attempt: 1,
        length: length.into(),
        form: Some(ImageForm::new(format, DiskData::WholeFile)),
        attributes: BTreeMap::new(),
    }
}

#[test]
fn a_source_that_was_opened_with_two_lengths_or_forms_is_a_fault() {
    let planned = PlannedItem::new(
        "item-1".parse().unwrap(),
        "disk".parse().unwrap(),
        "snapshot".parse().unwrap(),
        "disk.vhdx".parse().unwrap(),
    );
    let folder = "cases/a/b".parse().unwrap();
    let mut history = ItemHistory::new(planned);
    let mut faults = |act| history.take(act, &folder, false);
    assert_eq!(faults(opened(100, "vhdx")), []);
    assert_eq!(faults(opened(100, "vhdx")), []);
    for other in [opened(101, "vhdx"), opened(100, "raw")] {
        let [(due, found)] = faults(other).try_into().unwrap();
        assert!(due.contains("100 bytes of vhdx"), "{due}");
        assert!(found.contains("101") || found.contains("raw"), "{found}");
    }
}

/// The lines about the first item of a capture that ended well.
fn example() -> (ItemHistory, ObjectName, Vec<Act>) {
    let log = include_str!(
        "../../../../docs/example-store/cases/Case%207%2F26/20261121T221308Z-2385323d/log.jsonl"
    );
    let acts = log
        .lines()
        .map(|line| serde_json::from_str::<Event>(line).unwrap().act);
    let mut acts: Vec<Act> = acts.collect();
    let Act::AcquisitionOpened { items, .. } = acts.remove(0) else {
        panic!("another first line")
    };
    let history = ItemHistory::new(items[0].clone());
    acts.retain(|act| act.item() == Some(&items[0].item));
    (
        history,
        "cases/Case%207%2F26/20261121T221308Z-2385323d".parse().unwrap(),
        acts,
    )
}

#[test]
fn i09_a_match_after_a_read_back_that_failed_is_a_fault() {
    for damage in [None, Some("escalate"), Some("retry")] {
        let (mut history, folder, mut acts) = example();
        let done = acts
            .iter()
            .position(|act| matches!(act, Act::ReadBackDone { .. }))
            .unwrap();
        if let Some(remedy) = damage {
            let failed = Act::ReadBackFailed {
                item: history.planned.item.clone(),
                attempt: 1,
                failure: Failure {
                    error: "it is not what was stored".into(),
                    causes: Vec::new(),
                    remedy: remedy.into(),
                },
            };
            acts.insert(done, failed);
        }
        let faults: Vec<Fault> = acts
            .into_iter()
            .flat_map(|act| history.take(act, &folder, true))
            .collect();
        if damage == Some("escalate") {
            let [(due, found)] = faults.try_into().unwrap();
            assert!(
                due.contains("read-back failed") && found.contains("matched"),
                "{due}: {found}"
            );
        } else {
            assert_eq!(faults, [], "{damage:?}");
        }
    }
}
