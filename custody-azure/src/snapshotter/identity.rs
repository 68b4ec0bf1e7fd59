//! Whether what was taken is of the disk that was described, and not of another one under its id.

use std::collections::BTreeMap;

use custody_core::port::{DiskSnapshot, PlannedSnapshot};
use custody_core::{Error, Result, visible};

/// What the service calls one incarnation of a disk.
const UNIQUE_ID: &str = "uniqueId";

/// That the disk is the one that was described. Where either side does not tell, nothing can be said against it.
pub(super) fn must_be(planned: &PlannedSnapshot, object: &str, found: Option<&str>) -> Result<()> {
    must_be_same(planned, object, found, "identity of the disk")
}

/// That a copy is of the disk that was described.
pub(super) fn must_be_of(planned: &PlannedSnapshot, object: &str, source: Option<&str>) -> Result<()> {
    must_be_same(
        planned,
        object,
        source,
        "identity of the disk that it was taken of",
    )
}

/// Whether a description of now is of the disk that was described when the capture was planned.
pub(super) fn is_as_described(planned: &PlannedSnapshot, now: &BTreeMap<String, String>) -> bool {
    match (planned.described.get(UNIQUE_ID), now.get(UNIQUE_ID)) {
        (Some(then), Some(now)) => then == now,
        _ => true,
    }
}

/// The record of a copy, with a word where the service does not tell which disk it is of.
pub(super) fn noted(snapshot: DiskSnapshot, source: Option<&str>) -> DiskSnapshot {
    match source {
        Some(_) => snapshot,
        None => snapshot.with_attribute(
            "identity",
            "not checked: the service does not tell which incarnation of the disk it was taken of",
        ),
    }
}

fn must_be_same(planned: &PlannedSnapshot, object: &str, found: Option<&str>, place: &str) -> Result<()> {
    let (Some(expected), Some(actual)) = (planned.described.get(UNIQUE_ID), found) else {
        return Ok(());
    };
    let actual = visible::escape(actual);
    if *expected == actual {
        return Ok(());
    }
    Err(Error::Integrity {
        object: object.to_owned(),
        place: format!(
            "{place} ({UNIQUE_ID}; it was detached or replaced since it was described: plan the capture again)"
        ),
        expected: expected.clone(),
        actual,
    })
}

#[cfg(test)]
mod tests {
    use custody_core::ids::EvidenceItemId;
    use custody_core::port::SnapshotKind;

    use super::*;

    fn planned(unique: Option<&str>) -> PlannedSnapshot {
        let described = unique.map(|unique| (UNIQUE_ID.to_owned(), unique.to_owned()));
        PlannedSnapshot::new(EvidenceItemId::new(1), "d".parse().unwrap(), "n".parse().unwrap())
            .with_described(described.into_iter().collect())
    }

    #[test]
    fn another_incarnation_is_refused_with_both_and_silence_is_not_taken_for_agreement() {
        assert!(must_be_of(&planned(Some("a")), "n", Some("a")).is_ok());
        let text = must_be_of(&planned(Some("a-1")), "n", Some("b-2"))
            .unwrap_err()
            .to_string();
        assert!(text.contains("a-1") && text.contains("b-2"), "{text}");
        let snapshot = || {
            DiskSnapshot::new(
                "n".parse().unwrap(),
                "d".parse().unwrap(),
                SnapshotKind::Made,
                512,
            )
        };
        assert!(must_be_of(&planned(Some("a")), "n", None).is_ok());
        let silent = noted(snapshot(), None);
        assert!(silent.attributes.get("identity").unwrap().contains("not checked"));
        assert_eq!(noted(snapshot(), Some("a")), snapshot());
    }
}
