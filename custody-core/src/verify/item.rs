use std::sync::Arc;

use super::Verifier;
use super::chunk_comparison::ChunkComparison;
use super::chunk_list::ChunkList;
use super::finding::{Finding, Findings};
use super::item_judgement::{inconsistencies, judge, other_length, unread_sectors, wrong_digests};
use super::options::Depth;
use super::rehash::Rehash;
use super::report::ItemReport;
use super::rescue_map;
use super::zero_ranges::ZeroRanges;
use crate::custody_log::SealedObject;
use crate::ids::ObjectName;
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
                    .await;
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
            judge(object, wrong_length, &wrong, compared, findings);
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
            judge(object, None, &[], compared, findings);
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
