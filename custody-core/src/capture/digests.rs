//! The digests of what is sealed, in a second register: other hands than those that keep the evidence.

use super::item::Verified;
use super::outcome::CaptureOutcome;
use super::state::{AcquisitionState, ItemState, Stage};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Statement};
use crate::port::{DigestEntry, DigestRegister, DiskDescription};

/// What of a disk's description is told with its digests, by the label's name and the attribute's.
const TOLD: [(&str, &str); 2] = [
    ("disk unique id", DiskDescription::UNIQUE_ID),
    ("lun", DiskDescription::LUN),
];

impl Workflow<'_> {
    /// Puts the digests of verified items that are not there yet. Gives, for each item, why one of them is not there.
    ///
    /// One that cannot be put keeps nobody from putting the others; and no acquisition is closed before all of them are
    /// there or given up, because a closed one is never gone on with.
    pub(super) async fn register_digests(&self) -> Result<Vec<(EvidenceItemId, Error)>> {
        let mut open = Vec::new();
        for item in self.items().await {
            let Stage::Verified(verified) = &item.stage else {
                continue;
            };
            if item.digests.given_up.is_some() {
                continue;
            }
            let error = match self.ports().digests.clone() {
                Some(register) => self.register_item(&item, verified, register.as_ref()).await?,
                None => item.digests.missing().first().map(|digest| Error::Refused {
                    object: format!("digest {}", digest.name),
                    reason: "it was begun to be put into a second register, and none is named here: name the one of \
                             the capture, or give the digest up"
                        .into(),
                }),
            };
            open.extend(error.map(|error| (item.planned.item.clone(), error)));
        }
        Ok(open)
    }

    /// The first error, where not all of them are there.
    async fn register_item(
        &self,
        item: &ItemState,
        verified: &Verified,
        register: &dyn DigestRegister,
    ) -> Result<Option<Error>> {
        let snapshot = &item.planned.snapshot;
        let digests = &verified.acquired().copy().source;
        let named = [
            (format!("{snapshot}-hash-SHA256"), digests.stored_file),
            (format!("{snapshot}-hash-SHA256-data"), digests.disk_data),
        ];
        let mut first = None;
        for (name, digest) in named {
            let Some(sha256) = digest.filter(|_| !item.digests.has(&name)) else {
                continue;
            };
            let entry = DigestEntry::new(name, sha256, self.acquisition().await);
            let entry = self.labelled(entry, item, verified).await;
            let put = self.put_digest(&item.planned.item, &entry, register).await?;
            first = first.or(put.err());
        }
        Ok(first)
    }

    async fn labelled(&self, entry: DigestEntry, item: &ItemState, verified: &Verified) -> DigestEntry {
        let acquired = verified.acquired();
        let entry = entry
            .with_label("case", self.case().await.to_string())
            .with_label("disk", item.planned.disk.to_string())
            .with_label("object", self.object(&acquired.copy().file).to_string());
        let attributes = &acquired.snapshotted().description.attributes;
        TOLD.iter().fold(entry, |entry, (label, attribute)| {
            match attributes.get(*attribute) {
                Some(value) => entry.with_label(*label, value),
                None => entry,
            }
        })
    }

    /// Intent, act, answer. The outer error is that the log cannot go on.
    async fn put_digest(
        &self,
        item: &EvidenceItemId,
        entry: &DigestEntry,
        register: &dyn DigestRegister,
    ) -> Result<Result<()>> {
        let (item, name) = (item.clone(), entry.name.clone());
        let act = Act::DigestIntent {
            item: item.clone(),
            name: name.clone(),
            sha256: entry.digest,
        };
        let intent = self.journal().await.intend(act).await?;
        let (act, service, put) = match register.put(entry).await {
            Ok(acted) => (Act::DigestDone { item, name }, acted.service, Ok(())),
            Err(error) => {
                self.step(&format!(
                    "{item}: digest {name} is not in {register}: {}",
                    Failure::from(&error).in_words()
                ));
                let service = error.service().cloned().unwrap_or_default();
                let failure = Failure::from(&error);
                (Act::DigestFailed { item, name, failure }, service, Err(error))
            }
        };
        self.journal().await.answer(intent, act, service).await?;
        Ok(put)
    }

    /// A custodian's order to close without the digests that could not be put.
    pub(super) async fn give_up_digests(
        &self,
        state: &AcquisitionState,
        reason: &Statement,
        items: &[EvidenceItemId],
    ) -> Result<CaptureOutcome> {
        for id in items {
            let item = state.items.get(id).ok_or_else(|| Error::NotFound {
                object: format!("{id} of acquisition {}", state.opened.acquisition),
            })?;
            if item.digests.given_up.is_some() {
                continue;
            }
            if item.digests.missing().is_empty() {
                return Err(Error::Refused {
                    object: id.to_string(),
                    reason:
                        "it is sealed, and no digest of it is known to be missing: resume the acquisition"
                            .into(),
                });
            }
            let act = Act::DigestGivenUp {
                item: id.clone(),
                reason: reason.to_string(),
            };
            self.journal().await.note(act).await?;
            self.step(&format!("{id}: what is missing of its digests is given up"));
        }
        self.journal().await.flush().await?;
        Ok(CaptureOutcome::of(&self.state().await, Vec::new()))
    }
}
