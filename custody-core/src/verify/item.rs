use std::sync::Arc;

use super::Verifier;
use super::chunk_comparison::{ChunkComparison, Compared};
use super::chunk_list::{ChunkList, LINE_BYTES};
use super::finding::{Finding, Findings};
use super::options::Depth;
use super::rehash::Rehash;
use super::report::ItemReport;
use super::rescue_map;
use super::zero_ranges::ZeroRanges;
use crate::custody_log::SealedObject;
use crate::digest::{CHUNK_BYTES, ImageDigests};
use crate::ids::ObjectName;
use crate::layout;
use crate::manifest::ManifestItem;
use crate::port::ImageReader;

impl Verifier {
    /// Checks one evidence item: its bytes against its digests and its chunk list, and the lists beside it.
    pub(super) async fn check_item(&self, folder: &ObjectName, item: &ManifestItem) -> ItemReport {
        let object = folder.join(&item.file);
        self.options.progress.step(&format!("verifying {object}"));
        let mut report = ItemReport {
            item: item.planned.item.clone(),
            exhibit: item.planned.exhibit.clone(),
            file: item.file.clone(),
            length: item.source.length,
            outcome: super::Outcome::Proven,
            digests: None,
            read_bytes: 0.into(),
            zero_bytes: 0.into(),
            unread_sectors: item.unread.sectors,
            findings: Vec::new(),
        };
        let mut findings = Findings::default();
        findings.extend(inconsistencies(&object, item));
        findings.extend(unread_sectors(&object, item));
        self.check_map(folder, item, &mut findings).await;
        match self.options.depth {
            Depth::Full => {
                self.rehash(folder, &object, item, &mut report, &mut findings)
                    .await
            }
            Depth::RecordOnly => self.look_at_item(folder, &object, item, &mut findings).await,
        }
        report.outcome = findings.outcome();
        (report.findings, _) = findings.into_parts();
        report
    }

    async fn check_map(&self, folder: &ObjectName, item: &ManifestItem, findings: &mut Findings) {
        let Some(map) = &item.unread.map else { return };
        let object = folder.join(&map.file);
        match self.read_record(&object, Some(map)).await {
            Ok((text, None)) => {
                findings.extend(rescue_map::check(
                    &object,
                    &text,
                    item.source.length.bytes(),
                    &item.unread,
                ));
            }
            Ok((_, Some(finding))) | Err(finding) => findings.push(finding),
        }
    }

    /// The item is there, and has its length; the lists beside it are what was sealed.
    async fn look_at_item(
        &self,
        folder: &ObjectName,
        object: &ObjectName,
        item: &ManifestItem,
        findings: &mut Findings,
    ) {
        match self.reader.describe(object).await {
            Ok(stored) => findings.extend(other_length(object, item, stored.length)),
            Err(error) => findings.push(Finding::of_error(object, &error)),
        }
        for list in [Some(&item.chunk_list), item.zeros.list.as_ref()]
            .into_iter()
            .flatten()
        {
            findings.extend(self.check_object(&folder.join(&list.file), list).await);
        }
        findings.push(Finding::not_proven(
            object,
            "whole object",
            "every byte digested",
            "its length only, as was asked for",
            "verify without restricting it to the record",
        ));
    }

    async fn rehash(
        &self,
        folder: &ObjectName,
        object: &ObjectName,
        item: &ManifestItem,
        report: &mut ItemReport,
        findings: &mut Findings,
    ) {
        let chunks = self.chunk_comparison(folder, item, findings).await;
        let zeros = self.zero_ranges(folder, item, findings).await;
        let reader = match self.reader.open(object).await {
            Ok(reader) => reader,
            Err(error) => {
                findings.push(Finding::of_error(object, &error));
                // The lists beside it are objects of their own.
                for list in [Some(&item.chunk_list), item.zeros.list.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    findings.extend(self.check_object(&folder.join(&list.file), list).await);
                }
                return;
            }
        };
        let length = reader.length();
        let wrong_length = other_length(object, item, length);
        let mut pass = Rehash::new(object, item, reader, chunks, zeros);
        let result = pass.run(self).await;
        report.read_bytes = pass.read_bytes.into();
        report.zero_bytes = pass.zero_bytes.into();
        let Rehash {
            chunks,
            zeros,
            unreadable,
            findings: of_pass,
            ..
        } = pass;
        findings.extend(of_pass);
        let digests = match result {
            Ok(digests) => digests,
            Err(error) => {
                findings.extend(wrong_length);
                findings.push(Finding::of_error(object, &error));
                return;
            }
        };
        if let Some(zeros) = zeros {
            let name = item
                .zeros
                .list
                .as_ref()
                .map_or_else(|| object.clone(), |list| folder.join(&list.file));
            match zeros.finish(&item.zeros).await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(Finding::of_error(&name, &error)),
            }
        }
        let compared = match chunks {
            Some(chunks) => match chunks.finish().await {
                Ok(compared) => Some(compared),
                Err(error) => {
                    findings.push(Finding::of_error(&folder.join(&item.chunk_list.file), &error));
                    None
                }
            },
            None => None,
        };
        if unreadable.is_empty() {
            let wrong = wrong_digests(&item.source, &digests);
            judge(object, wrong_length, wrong, compared, findings);
            report.digests = Some(digests);
        } else {
            findings.extend(wrong_length);
            let found = format!(
                "{} ranges that could not be read, {} bytes in all",
                unreadable.len(),
                unreadable.iter().map(|range| range.length()).sum::<u64>()
            );
            let place = unreadable
                .first()
                .map_or_else(String::new, |range| format!("bytes {range} and on"));
            let named = unreadable.into_iter().take(1000).collect();
            findings
                .push(Finding::could_not_check(object, place, "readable bytes", found).with_ranges(named));
            judge(object, None, Vec::new(), compared, findings);
        }
    }

    async fn chunk_comparison(
        &self,
        folder: &ObjectName,
        item: &ManifestItem,
        findings: &mut Findings,
    ) -> Option<ChunkComparison> {
        let list = self.open_list(folder, &item.chunk_list, findings).await?;
        let object = folder.join(&item.chunk_list.file);
        let bytes = item.source.length.bytes();
        Some(ChunkComparison::new(
            object,
            item.chunk_list.clone(),
            ChunkList::new(list),
            bytes,
        ))
    }

    async fn zero_ranges(
        &self,
        folder: &ObjectName,
        item: &ManifestItem,
        findings: &mut Findings,
    ) -> Option<ZeroRanges> {
        let sealed = item.zeros.list.as_ref()?;
        let list = self.open_list(folder, sealed, findings).await?;
        let bytes = item.source.length.bytes();
        Some(ZeroRanges::new(
            folder.join(&sealed.file),
            sealed.clone(),
            list,
            bytes,
        ))
    }

    async fn open_list(
        &self,
        folder: &ObjectName,
        list: &SealedObject,
        findings: &mut Findings,
    ) -> Option<Arc<dyn ImageReader>> {
        let object = folder.join(&list.file);
        match self.reader.open(&object).await {
            Ok(reader) => Some(reader),
            Err(error) => {
                findings.push(Finding::of_error(&object, &error));
                None
            }
        }
    }
}

/// What the record of an item says that cannot be true.
fn inconsistencies(object: &ObjectName, item: &ManifestItem) -> Vec<Finding> {
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
fn unread_sectors(object: &ObjectName, item: &ManifestItem) -> Option<Finding> {
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

fn other_length(object: &ObjectName, item: &ManifestItem, length: u64) -> Option<Finding> {
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
fn wrong_digests(recorded: &ImageDigests, found: &ImageDigests) -> Vec<(String, String, String)> {
    let text = |digest: Option<crate::digest::Sha256Digest>| digest.map(|digest| digest.to_string());
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
fn judge(
    object: &ObjectName,
    wrong_length: Option<Finding>,
    wrong: Vec<(String, String, String)>,
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
