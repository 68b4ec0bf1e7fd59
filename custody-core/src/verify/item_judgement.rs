use super::chunk_comparison::Compared;
use super::chunk_list::LINE_BYTES;
use super::finding::{Finding, Findings};
use crate::digest::{CHUNK_BYTES, ImageDigests, Sha256Digest};
use crate::ids::ObjectName;
use crate::layout;
use crate::manifest::ManifestItem;

/// What the record of an item says that cannot be true.
pub(super) fn inconsistencies(object: &ObjectName, item: &ManifestItem) -> Vec<Finding> {
    let length = item.source.length.bytes();
    let chunks = length.div_ceil(CHUNK_BYTES);
    let mut findings = Vec::new();
    let mut demand = |place: &str, expected: String, found: String| {
        if expected != found {
            findings.push(Finding::integrity(
                object,
                format!("record: {place}"),
                expected,
                found,
            ));
        }
    };
    demand("chunks", chunks.to_string(), item.source.chunks.to_string());
    let list_bytes = chunks.saturating_mul(LINE_BYTES as u64);
    demand(
        "length of the chunk list",
        list_bytes.to_string(),
        item.chunk_list.length.to_string(),
    );
    let named = |suffix: &str| item.file.with_suffix(suffix).to_string();
    demand(
        "name of the chunk list",
        named(layout::CHUNK_LIST_SUFFIX),
        item.chunk_list.file.to_string(),
    );
    if let Some(list) = &item.zeros.list {
        demand(
            "name of the list of zeros",
            named(layout::ZERO_RANGES_SUFFIX),
            list.file.to_string(),
        );
    }
    if let Some(map) = &item.unread.map {
        demand("name of the map", named(layout::MAP_SUFFIX), map.file.to_string());
    }
    let listed = |count: u64, there: bool| (count > 0) == there;
    demand(
        "list of zeros",
        "a list exactly when there are zeros that were not read".into(),
        if listed(item.zeros.ranges, item.zeros.list.is_some()) {
            "a list exactly when there are zeros that were not read".into()
        } else {
            "otherwise".into()
        },
    );
    demand(
        "map",
        "a map exactly when sectors could not be read".into(),
        if listed(item.unread.sectors, item.unread.map.is_some()) {
            "a map exactly when sectors could not be read".into()
        } else {
            "otherwise".into()
        },
    );
    findings
}

/// That part of the source is not in the copy because it could not be read.
pub(super) fn unread_sectors(object: &ObjectName, item: &ManifestItem) -> Option<Finding> {
    let unread = &item.unread;
    (unread.sectors > 0 || unread.bytes.bytes() > 0).then(|| {
        let map = unread
            .map
            .as_ref()
            .map_or_else(|| "the log".into(), |map| map.file.to_string());
        Finding::could_not_check(
            object,
            "sectors that could not be read when it was acquired",
            "every sector of the source",
            format!(
                "stored = what was read; {} sectors unread ({} bytes), zeros in their place",
                unread.sectors, unread.bytes
            ),
        )
        .with_next(format!(
            "see {map}; acquire the source again if it can be read elsewhere"
        ))
        .with_ranges(unread.ranges.iter().map(|unread| unread.range).collect())
    })
}

pub(super) fn other_length(object: &ObjectName, item: &ManifestItem, length: u64) -> Option<Finding> {
    let recorded = item.source.length.bytes();
    (length != recorded).then(|| {
        Finding::integrity(
            object,
            format!("length; bytes from {} on", length.min(recorded)),
            format!("{recorded} bytes"),
            format!("{length} bytes"),
        )
    })
}

/// The digests that are not as recorded: which, what was recorded, what was derived.
pub(super) fn wrong_digests(recorded: &ImageDigests, found: &ImageDigests) -> Vec<(String, String, String)> {
    let text = |digest: Option<Sha256Digest>| digest.map(|digest| digest.to_string());
    let mut pairs = vec![
        (
            "SHA-256 of the stored file".to_owned(),
            text(recorded.stored_file),
            text(found.stored_file),
        ),
        (
            "SHA-256 of the disk data".to_owned(),
            text(recorded.disk_data),
            text(found.disk_data),
        ),
        (
            "chunk root".to_owned(),
            text(Some(recorded.root)),
            text(Some(found.root)),
        ),
    ];
    for (name, digest) in &recorded.side {
        // One that could not be computed was named when the pass began.
        if let Some(derived) = found.side.get(name) {
            pairs.push((name.clone(), Some(digest.clone()), Some(derived.clone())));
        }
    }
    pairs
        .into_iter()
        .filter_map(|(name, recorded, found)| match recorded {
            Some(recorded) if Some(&recorded) != found.as_ref() => {
                Some((name, recorded, found.unwrap_or_else(|| "none".into())))
            }
            _ => None,
        })
        .collect()
}

/// Says which of item and chunk list is not what it was, and where.
pub(super) fn judge(
    object: &ObjectName,
    wrong_length: Option<Finding>,
    wrong: &[(String, String, String)],
    compared: Option<Compared>,
    findings: &mut Findings,
) {
    let item_differs = wrong_length.is_some() || !wrong.is_empty();
    findings.extend(wrong_length);
    let words = |pick: fn(&(String, String, String)) -> (&String, &String)| {
        let parts: Vec<String> = wrong
            .iter()
            .map(|digest| {
                let (name, value) = pick(digest);
                format!("{name} {value}")
            })
            .collect();
        parts.join(", ")
    };
    let (expected, found) = (
        words(|(name, due, _)| (name, due)),
        words(|(name, _, found)| (name, found)),
    );
    let Some(compared) = compared else {
        if !wrong.is_empty() {
            findings.push(Finding::integrity(object, "whole object", expected, found));
        }
        return;
    };
    let list_differs = compared.list_fault.is_some();
    if list_differs && !item_differs {
        findings.extend(compared.wrong_line().or_else(|| compared.list_fault.clone()));
        return;
    }
    findings.extend(compared.list_fault.clone());
    if compared.differing > 0 {
        let (expected, found) = if expected.is_empty() {
            (
                "the chunk digests of its chunk list".to_owned(),
                "others".to_owned(),
            )
        } else {
            (expected, found)
        };
        let finding = Finding::integrity(object, compared.place(), expected, found);
        findings.push(finding.with_ranges(compared.ranges));
    } else if !wrong.is_empty() {
        findings.push(Finding::integrity(object, "whole object", expected, found));
    }
}
