//! The manifest and its seal.

use super::protection_change;
use super::state::{AcquisitionState, ItemState, Stage};
use super::workflow::Workflow;
use crate::canonical;
use crate::custody_log::{Act, Failure, ItemKeys, SealedObject, VerifierKey};
use crate::error::{Error, Result};
use crate::ids::Segment;
use crate::layout;
use crate::manifest::{
    Envelope, LogPosition, MANIFEST_FORMAT, Manifest, ManifestItem, ProtectionRecord, Statement, sums,
};
use crate::port::{EvidenceReaderExt as _, NotAcquired};

/// The largest manifest or envelope that is read back.
const MAX_RECORD_BYTES: u64 = 256 * 1024 * 1024;

/// What every manifest says of itself.
const LIMITS: [&str; 4] = [
    "It shows that the stored objects are unchanged since the seal; it does not show that they were true at the seal.",
    "Whoever controlled the acquiring host before the first anchored checkpoint could have made it lie.",
    "Times are the host's own unless a time-stamp token covers them.",
    "Protection is what was seen when it was looked at; it rests on whoever runs the store.",
];

/// What was not taken: what the provider leaves out, machine records that were not to be had, keys.
pub(super) fn not_acquired(state: &AcquisitionState) -> Vec<NotAcquired> {
    let mut list = state.opened.machine.not_acquired.clone();
    list.extend(state.records.not_acquired());
    for item in state.items.values() {
        let id = &item.planned.item;
        if item.keys.not_taken.is_some() {
            list.push(NotAcquired::new(
                format!("the disk key of {id}"),
                "key not taken; see the log",
            ));
        }
        if let Some(keys) = item.keys.record(id) {
            list.extend(missing_keys(&keys));
        }
    }
    list
}

/// The keys that are not in the escrow, and the volumes that none of those that are opens.
fn missing_keys(keys: &ItemKeys) -> Vec<NotAcquired> {
    let id = &keys.item;
    let given_up = keys.given_up.as_deref().unwrap_or("not taken yet");
    let mut list = Vec::new();
    if keys.need.is_none() {
        let what = format!("the disk keys of {id}, whichever it needs");
        list.push(NotAcquired::new(what, given_up));
    }
    for missing in keys.missing() {
        let what = format!("key {} of {id}: {}", missing.key, missing.source.address);
        let reason = match keys.possible_name(missing.key) {
            Some(name) => format!("{given_up}; it may be in the escrow as {name}"),
            None => given_up.to_owned(),
        };
        list.push(NotAcquired::new(what, reason));
    }
    for volume in keys.unopened() {
        let name = volume.identifier.as_deref().unwrap_or("without a name");
        list.push(NotAcquired::new(
            format!(
                "the key of the {} volume {name} at bytes {} of {id}",
                volume.format, volume.range
            ),
            "no key that was taken is proven to open it",
        ));
    }
    list
}

impl Workflow<'_> {
    /// Writes manifest, envelope and sums, each once, and logs what is sealed.
    pub(super) async fn seal(&self) -> Result<()> {
        self.step("sealing: manifest, signatures, sums");
        let manifest_file = layout::segment(layout::MANIFEST_FILE);
        let (manifest, bytes) = match self.manifest_of_earlier_run(&manifest_file).await? {
            Some(found) => found,
            None => self.new_manifest().await?,
        };
        let intent = Act::SealIntent {
            manifest: SealedObject::of(manifest_file.clone(), &bytes),
        };
        let intent = self.journal().await.intend_anchored(intent).await?;
        let (act, result) = match self.put_seal(&manifest, &manifest_file, bytes).await {
            Ok(objects) => (Act::SealDone { objects }, Ok(())),
            Err(error) => (
                Act::SealFailed {
                    failure: Failure::from(&error),
                },
                Err(error),
            ),
        };
        self.journal()
            .await
            .answer(intent, act, crate::ServiceRecord::none())
            .await?;
        result
    }

    /// A manifest that lies in the store because an earlier run was stopped while sealing. It is adopted when it is
    /// the one that the log meant to seal; anything else under this name is a fault.
    async fn manifest_of_earlier_run(&self, file: &Segment) -> Result<Option<(Manifest, Vec<u8>)>> {
        let name = self.object(file);
        let Some(bytes) = self
            .ports()
            .reader
            .fetch_if_present(&name, MAX_RECORD_BYTES)
            .await?
        else {
            return Ok(None);
        };
        let meant = self.state().await.seal_intent;
        let found = SealedObject::of(file.clone(), &bytes);
        if meant.as_ref() != Some(&found) {
            return Err(Error::Integrity {
                object: name.to_string(),
                place: "whole object".into(),
                expected: meant.map_or_else(|| "nothing yet".into(), |meant| meant.sha256.to_string()),
                actual: found.sha256.to_string(),
            });
        }
        let manifest = serde_json::from_slice(&bytes)
            .map_err(|error| Error::malformed(name.to_string(), format!("no manifest: {error}")))?;
        Ok(Some((manifest, bytes.into())))
    }

    async fn new_manifest(&self) -> Result<(Manifest, Vec<u8>)> {
        let protection = self.ports().sink.protection().await?;
        let mut journal = self.journal().await;
        let changed = protection_change::changes(&journal.state().bound()?.protection, &protection);
        if !changed.is_empty() {
            let detail = crate::visible::escape(&format!(
                "what protects the store is not as it was: {}",
                changed.join("; ")
            ));
            self.step(&detail);
            journal.note(Act::Anomaly { item: None, detail }).await?;
        }
        let (state, position) = (journal.state().clone(), journal.position()?);
        let (opened, bound) = (&state.opened, state.bound()?);
        let manifest = Manifest {
            format: MANIFEST_FORMAT.into(),
            store: bound.store.clone(),
            case: opened.case.clone(),
            acquisition: opened.acquisition.clone(),
            state: state.closing_state(),
            circumstances: journal.circumstances().clone(),
            machine: opened.machine.clone(),
            items: state.items.values().filter_map(manifest_item).collect(),
            machine_records: state.records.stored(),
            keys: (state.items.iter())
                .filter_map(|(id, item)| item.keys.record(id))
                .collect(),
            not_evidence: state
                .items
                .values()
                .flat_map(|item| item.failures.clone())
                .collect(),
            not_acquired: not_acquired(&state),
            protection: ProtectionRecord::new(bound.protection.clone(), protection),
            log: LogPosition::new(position.origin, position.size, position.root),
            signers: opened.signers.clone(),
            limits: LIMITS.map(Into::into).to_vec(),
        };
        let bytes = canonical::to_bytes(&manifest)?;
        Ok((manifest, bytes))
    }

    /// The sealed objects, in the order of `SHA256SUMS`, then the sums themselves.
    async fn put_seal(
        &self,
        manifest: &Manifest,
        file: &Segment,
        bytes: Vec<u8>,
    ) -> Result<Vec<SealedObject>> {
        let mut objects = manifest.objects();
        objects.push(self.put_once(file, bytes).await?);
        let envelope_file = layout::segment(layout::ENVELOPE_FILE);
        let statement = Statement::new(
            manifest.case.clone(),
            manifest.acquisition.clone(),
            file.clone(),
            &objects,
        );
        let envelope = self.put_envelope(&envelope_file, &statement).await?;
        objects.push(envelope);
        let sums_file = layout::segment(layout::SUMS_FILE);
        let sums = self.put_once(&sums_file, sums(&objects).into_bytes()).await?;
        objects.push(sums);
        Ok(objects)
    }

    /// Signs the statement, or adopts the envelope that an earlier run left: a signature need not come out twice the
    /// same.
    async fn put_envelope(&self, file: &Segment, statement: &Statement) -> Result<SealedObject> {
        let name = self.object(file);
        let keys: Vec<VerifierKey> = self
            .ports()
            .signers
            .iter()
            .map(|signer| signer.verifier_key().clone())
            .collect();
        if let Some(bytes) = self
            .ports()
            .reader
            .fetch_if_present(&name, MAX_RECORD_BYTES)
            .await?
        {
            let envelope: Envelope = serde_json::from_slice(&bytes)
                .map_err(|error| Error::malformed(name.to_string(), format!("no envelope: {error}")))?;
            if envelope.verify(name.as_str(), &keys)? == *statement {
                return Ok(SealedObject::of(file.clone(), &bytes));
            }
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        let mut envelope = Envelope::of(statement)?;
        let message = envelope.signed_bytes(name.as_str())?;
        for signer in &self.ports().signers {
            let signature = signer.sign(&message).await?.value;
            envelope = envelope.with_signature(signer.verifier_key(), &signature);
        }
        envelope.verify(name.as_str(), &keys)?;
        self.put_once(file, canonical::to_bytes(&envelope)?).await
    }
}

fn manifest_item(item: &ItemState) -> Option<ManifestItem> {
    let Stage::Verified(verified) = &item.stage else {
        return None;
    };
    let (copy, snapshotted) = (verified.acquired().copy(), verified.acquired().snapshotted());
    Some(ManifestItem {
        planned: item.planned.clone(),
        file: copy.file.clone(),
        attempt: copy.attempt,
        format: copy.form.as_ref().map(|form| form.format.clone()),
        data: snapshotted.data(copy.form.as_ref()).clone(),
        streamed: copy.streamed.clone(),
        sector_bytes: snapshotted.description.sector_bytes,
        source: copy.source.clone(),
        footers: copy.footers.clone(),
        read_back: verified.verdict().clone(),
        chunk_list: copy.chunk_list.clone(),
        zeros: copy.zeros.clone(),
        unread: copy.unread.clone(),
        snapshot: snapshotted.snapshot.clone(),
        state_before: snapshotted.state.clone(),
        state_after: copy.state_after.clone(),
        receipt: copy.receipt.clone(),
    })
}
