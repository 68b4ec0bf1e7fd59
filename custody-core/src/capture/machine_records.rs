//! What those who run the machine say of it: asked once the disk snapshots are taken, stored once, each answer as it
//! came.
//!
//! Nothing here stops a capture but the log itself and the custodian: an answer that is refused, or cannot be stored,
//! is a line in the log and an entry in the manifest's list of what was not acquired.

use bytes::Bytes;
use futures::StreamExt as _;

use super::journal::Intent;
use super::record_state::{AskAgain, RecordStage, RecordState};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure, SealedObject};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::ids::{ObjectName, RecordName};
use crate::layout;
use crate::port::{
    DepositOptions, EvidenceReaderExt as _, MAX_MACHINE_RECORD_BYTES, MachineRecord, ObjectState,
};
use crate::service::{Acted, ServiceRecord};

/// How many records a machine may have; a machine that has more is not one that anybody runs.
const MAX_RECORDS: usize = 10_000;

impl Workflow<'_> {
    /// Asks for the records that are not settled and stores them.
    ///
    /// # Errors
    /// [`Error::Stopped`]; otherwise the log's.
    pub(super) async fn record_machine(&self, again: AskAgain) -> Result<()> {
        // What a manifest may have been made of is not added to.
        if self.state().await.seal_intent.is_some() {
            return Ok(());
        }
        self.settle_records().await?;
        let state = self.state().await;
        let Some(port) = self.ports().machine_records.clone() else {
            return Ok(());
        };
        if again == AskAgain::BeforeSeal && !state.records.any_open(again) {
            return Ok(());
        }
        self.step("recording what is known of the machine");
        let mut answered = state.records.settled(again);
        let mut records = port.records(&state.opened.machine, answered.clone());
        loop {
            self.go_on("recording the machine")?;
            let Some(record) = records.next().await else {
                return Ok(());
            };
            if !answered.insert(record.name().clone()) {
                let detail = format!(
                    "{port} answered more than once for machine record {}: the first answer counts",
                    record.name()
                );
                let detail = crate::visible::escape(&detail);
                self.journal()
                    .await
                    .note(Act::Anomaly { item: None, detail })
                    .await?;
            } else if answered.len() > MAX_RECORDS {
                let error = Error::malformed(
                    "machine records",
                    format!("there are more than {MAX_RECORDS}: this one and all behind it are left out"),
                );
                let (name, what, _) = record.into_parts();
                return self.not_taken(name, what, &error).await;
            } else {
                self.record(record).await?;
            }
        }
    }

    async fn record(&self, record: MachineRecord) -> Result<()> {
        let (name, what, result) = record.into_parts();
        let Acted { value, service } = match result.and_then(|acted| within_bounds(&name, acted)) {
            Ok(acted) => acted,
            Err(error) => return self.not_taken(name, what, &error).await,
        };
        let object = SealedObject::of(layout::machine_record(&name), &value);
        let intent = self.intend_record(&object, &what, service).await?;
        let stored = self.store_record(&object, value).await;
        self.answer_record(intent, name, what, object, stored).await
    }

    async fn not_taken(&self, name: RecordName, what: String, error: &Error) -> Result<()> {
        self.step(&format!("not recorded: {name}: {error}"));
        let service = error.service().cloned().unwrap_or_default();
        let failure = Failure::from(error);
        let act = Act::MachineRecordNotTaken { name, what, failure };
        self.journal().await.note_answered(act, service).await
    }

    /// The digest of an answer is at the anchor before its bytes are anywhere.
    async fn intend_record(
        &self,
        object: &SealedObject,
        what: &str,
        service: ServiceRecord,
    ) -> Result<Intent> {
        let act = Act::MachineRecordIntent {
            object: object.clone(),
            what: what.to_owned(),
        };
        let mut journal = self.journal().await;
        let intent = journal.intend_answered(act, service).await?;
        journal.flush().await?;
        Ok(intent)
    }

    async fn answer_record(
        &self,
        intent: Intent,
        name: RecordName,
        what: String,
        object: SealedObject,
        stored: Result<ServiceRecord>,
    ) -> Result<()> {
        let (act, service) = match stored {
            Ok(service) => (Act::MachineRecordDone { object, what }, service),
            Err(error) => {
                self.step(&format!("not stored: {}: {error}", object.file));
                let failure = Failure::from(&error);
                let service = error.service().cloned().unwrap_or_default();
                (Act::MachineRecordFailed { name, what, failure }, service)
            }
        };
        self.journal().await.answer(intent, act, service).await
    }

    /// Stores an answer and reads it back. What counts is what lies there, whatever storing it answered.
    async fn store_record(&self, object: &SealedObject, bytes: Bytes) -> Result<ServiceRecord> {
        let name = self.object(&object.file);
        match self.put_record(&name, bytes).await {
            Ok(service) if self.lies_there(object).await? => Ok(service),
            Ok(service) => Err(Error::NotFound {
                object: name.to_string(),
            }
            .answered(service)),
            Err(error) => match self.lies_there(object).await {
                Ok(true) => Ok(error.service().cloned().unwrap_or_default()),
                _ => Err(error),
            },
        }
    }

    async fn put_record(&self, name: &ObjectName, bytes: Bytes) -> Result<ServiceRecord> {
        let options = DepositOptions::new(self.acquisition().await, bytes.len() as u64);
        let mut deposit = self.ports().sink.deposit(name, options).await?;
        if !bytes.is_empty()
            && let Err(error) = deposit.write(Extent::Data { at: 0, bytes }).await
        {
            // The first failure is the one that is told; the next deposit under this name discards what is left.
            drop(deposit.abort().await);
            return Err(error);
        }
        Ok(deposit.commit().await?.service)
    }

    /// Whether these bytes lie under this name, by this acquisition; `false` when nothing does.
    async fn lies_there(&self, object: &SealedObject) -> Result<bool> {
        let name = self.object(&object.file);
        match self.ports().sink.state(&name, &self.acquisition().await).await? {
            ObjectState::Absent => return Ok(false),
            ObjectState::Stored(_) => {}
            ObjectState::Importing(_) | ObjectState::Foreign => {
                return Err(Error::AlreadyExists {
                    object: name.to_string(),
                });
            }
        }
        let stored = self.ports().reader.fetch(&name, MAX_MACHINE_RECORD_BYTES).await?;
        let found = SealedObject::of(object.file.clone(), &stored);
        if found == *object {
            return Ok(true);
        }
        Err(Error::Integrity {
            object: name.to_string(),
            place: "whole object".into(),
            expected: format!("{} bytes with SHA-256 {}", object.length, object.sha256),
            actual: format!("{} bytes with SHA-256 {}", found.length, found.sha256),
        })
    }

    /// Finds out what became of records that an earlier run, or an earlier look, left open: what lies there as the log
    /// meant it is adopted, what was not finished is taken back.
    pub(super) async fn settle_records(&self) -> Result<()> {
        let state = self.state().await;
        for (name, RecordState { what, stage }) in state.records.all() {
            let (intent, object, stored) = match stage {
                RecordStage::Intended { line, object } => {
                    let stored = self.adopt_or_take_back(object).await?;
                    (Intent::of_line(*line), object, stored)
                }
                RecordStage::Failed {
                    begun: Some(object), ..
                } if matches!(self.lies_there(object).await, Ok(true)) => {
                    let intent = self.intend_record(object, what, ServiceRecord::none()).await?;
                    (intent, object, Ok(()))
                }
                RecordStage::Failed { .. } | RecordStage::Stored(_) => continue,
            };
            let stored = stored.map(|()| ServiceRecord::none());
            self.answer_record(intent, name.clone(), what.clone(), object.clone(), stored)
                .await?;
        }
        Ok(())
    }

    /// An inner error when the object of an intent that a stop left open is not there. The outer one leaves it open.
    async fn adopt_or_take_back(&self, object: &SealedObject) -> Result<Result<()>> {
        match self.lies_there(object).await {
            Ok(true) => Ok(Ok(())),
            Ok(false) => {
                let name = self.object(&object.file);
                let options = DepositOptions::new(self.acquisition().await, 0);
                self.ports().sink.deposit(&name, options).await?.abort().await?;
                Ok(Err(Error::Provider {
                    object: name.to_string(),
                    operation: "storing",
                    source: Some("the run that began it was stopped".into()),
                }))
            }
            Err(error)
                if matches!(
                    error.meaning(),
                    Error::Integrity { .. } | Error::AlreadyExists { .. }
                ) =>
            {
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }
}

fn within_bounds(name: &RecordName, acted: Acted<Bytes>) -> Result<Acted<Bytes>> {
    let length = acted.value.len() as u64;
    if length <= MAX_MACHINE_RECORD_BYTES {
        return Ok(acted);
    }
    let reason = format!("has {length} bytes, at most {MAX_MACHINE_RECORD_BYTES} are taken");
    Err(Error::malformed(format!("machine record {name}"), reason).answered(acted.service))
}
