//! Storing an item: by stream, or by the sink's own copy while the source stream is hashed here.

use std::sync::atomic::AtomicBool;

use futures::FutureExt as _;

use super::chunk_list::ChunkListReader;
use super::copy::{SourceStream, StoredFooter, Streamed};
use super::granted_source::GrantedSource;
use super::item::{Snapshotted, StoredCopy};
use super::opening::expect_length;
use super::state::ItemState;
use super::workflow::Workflow;
use crate::custody_log::{AcquireMethod, Act, FOOTER_BYTES, Failure, LeftBehind, SealedObject};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Segment};
use crate::layout;
use crate::port::{
    Deposit, DepositOptions, ImageForm, ImportOptions, ImportState, ObjectState, ReadGrant, Receipt,
    Rereading,
};
use crate::service::ServiceRecord;

/// The bytes of a line in a chunk list.
pub(super) const CHUNK_LINE_BYTES: u64 = 68;

/// What a pass over a source writes.
struct Destination<'a> {
    deposit: Option<Box<dyn Deposit>>,
    list_deposit: Option<Box<dyn Deposit>>,
    list: &'a Segment,
    /// The stored copy's name.
    file: &'a Segment,
    /// Whether the copy that the sink's service makes came to nothing, so that nothing need be read any more.
    copy_failed: &'a AtomicBool,
}

/// Where the bytes of an item go.
enum Target {
    /// Into this deposit.
    Deposit(Box<dyn Deposit>),
    /// They are there already: an earlier run stored them and did not come to say so.
    Adopted,
    /// The sink's service copies them; it answered so when it was asked to.
    Import(ServiceRecord),
}

impl Workflow<'_> {
    /// One attempt at storing an item.
    pub(super) async fn acquire(&self, item: &ItemState, snapshotted: Snapshotted) -> Result<()> {
        let id = &item.planned.item;
        let file = item.planned.file_of_attempt(item.attempt);
        self.step(&format!("{id}: acquiring {} as {file}", item.planned.disk));
        let grant = self.grant(item).await?;
        let act = Act::AcquireIntent {
            item: id.clone(),
            attempt: item.attempt,
            file: file.clone(),
        };
        let intent = self.journal().await.intend_anchored(act).await?;
        let result = self.store(item, &snapshotted, &file, &grant).await;
        let (act, service, result) = match result {
            Ok((copy, service)) => (done(item, copy), service, Ok(())),
            Err(error) => {
                let service = error.service().cloned().unwrap_or_default();
                // A name of which some object has other bytes is used up; the next attempt gets a name of its own.
                let left = if matches!(error.meaning(), Error::AlreadyExists { .. }) {
                    LeftBehind::Object
                } else {
                    self.left_behind(&file).await
                };
                let failure = Failure::from(&error);
                let act = Act::AcquireFailed {
                    item: id.clone(),
                    attempt: item.attempt,
                    file,
                    failure,
                    left,
                };
                (act, service, Err(error))
            }
        };
        self.journal().await.answer(intent, act, service).await?;
        result
    }

    async fn store(
        &self,
        item: &ItemState,
        snapshotted: &Snapshotted,
        file: &Segment,
        grant: &ReadGrant,
    ) -> Result<(StoredCopy, ServiceRecord)> {
        let id = &item.planned.item;
        let access = &self.ports().source;
        let state_before = access.state(&snapshotted.snapshot).await?;
        let opened = access.open(&snapshotted.snapshot, grant).await?;
        expect_length(&snapshotted.snapshot, opened.image.as_ref())?;
        self.note_opening(item, &snapshotted.snapshot, &opened).await?;
        let (image, form) = (opened.image, opened.form);
        let length = image.length();
        let source = GrantedSource::new(self, item, &snapshotted.snapshot, image, grant);
        let target = self.target(item, file, grant, length).await?;
        let list = file.with_suffix(layout::CHUNK_LIST_SUFFIX);
        let list_deposit = self
            .deposit_unless_stored(&list, image_chunks(length) * CHUNK_LINE_BYTES)
            .await?;
        let list_adopted = list_deposit.is_none();
        let copied_there = matches!(target, Target::Import(_));
        let (deposit, asked) = match target {
            Target::Deposit(deposit) => (Some(deposit), ServiceRecord::none()),
            Target::Adopted => (None, ServiceRecord::none()),
            Target::Import(service) => (None, service),
        };
        let copy_failed = AtomicBool::new(false);
        let into = Destination {
            deposit,
            list_deposit,
            list: &list,
            file,
            copy_failed: &copy_failed,
        };
        let answered = |error: Error| match error.service() {
            Some(_) => error,
            None => error.answered(asked.clone()),
        };
        let source = if copied_there {
            source.feeding(file.clone())
        } else {
            source
        };
        let pass = self.stream(item, snapshotted, (source, form.as_ref()), into);
        let streamed = if copied_there {
            self.beside_import(id, file, &copy_failed, pass).await
        } else {
            pass.await
        };
        let streamed = streamed.map_err(answered)?;
        let (receipt, service) = match streamed.receipt {
            Some(acted) => (acted.value, acted.service),
            None => (
                self.await_import(&item.planned.item, file)
                    .await
                    .map_err(answered)?,
                asked.clone(),
            ),
        };
        let state_after = access.state(&snapshotted.snapshot).await?;
        if list_adopted {
            self.expect_stored_list(&streamed.chunk_list).await?;
        }
        expect_stored_length(&receipt, length)?;
        let (zeros, unread) = self.put_extent_lists(file, &streamed.lists, length).await?;
        let copy = StoredCopy {
            attempt: item.attempt,
            file: file.clone(),
            receipt,
            source: streamed.digests,
            footers: streamed.footers,
            chunk_list: streamed.chunk_list,
            zeros,
            unread,
            state_before,
            state_after,
            form,
            streamed: self.item(&item.planned.item).await?.streamed,
        };
        Ok((copy, service))
    }

    /// Where the bytes go, after a look at what an earlier run may have left under the name.
    async fn target(
        &self,
        item: &ItemState,
        file: &Segment,
        grant: &ReadGrant,
        length: u64,
    ) -> Result<Target> {
        let name = self.object(file);
        let acquisition = self.acquisition().await;
        let method = self.state().await.opened.method;
        match self.ports().sink.state(&name, &acquisition).await? {
            ObjectState::Foreign => Err(Error::AlreadyExists {
                object: name.to_string(),
            }),
            ObjectState::Stored(_) => {
                // What an earlier run streamed stays so when it is adopted.
                if let Some(reason) = item.streamed.clone() {
                    let (item, attempt) = (item.planned.item.clone(), item.attempt);
                    let act = Act::AcquireStreamed {
                        item,
                        attempt,
                        reason,
                    };
                    self.journal().await.note(act).await?;
                }
                Ok(Target::Adopted)
            }
            ObjectState::Importing(_) => Ok(Target::Import(ServiceRecord::none())),
            ObjectState::Absent => match method {
                AcquireMethod::Deposit => {
                    let options =
                        DepositOptions::new(acquisition, length).with_rereading(Rereading::OnDemand);
                    Ok(Target::Deposit(self.ports().sink.deposit(&name, options).await?))
                }
                AcquireMethod::Import => {
                    let options = ImportOptions::new(acquisition.clone(), length);
                    match self.ports().sink.import(&name, grant, options).await {
                        Ok(asked) => Ok(Target::Import(asked.service)),
                        // What the service cannot copy by itself goes by stream: a disk that is too large for it,
                        // one that it cannot read.
                        Err(error)
                            if matches!(error.meaning(), Error::Unsupported { .. })
                                && self.ports().sink.capabilities().deposit =>
                        {
                            self.note_streaming(item, &error).await?;
                            let options =
                                DepositOptions::new(acquisition, length).with_rereading(Rereading::OnDemand);
                            Ok(Target::Deposit(self.ports().sink.deposit(&name, options).await?))
                        }
                        Err(error) => Err(error),
                    }
                }
            },
        }
    }

    async fn deposit_unless_stored(&self, file: &Segment, length: u64) -> Result<Option<Box<dyn Deposit>>> {
        let name = self.object(file);
        let acquisition = self.acquisition().await;
        match self.ports().sink.state(&name, &acquisition).await? {
            ObjectState::Absent => self
                .ports()
                .sink
                .deposit(&name, DepositOptions::new(acquisition, length))
                .await
                .map(Some),
            ObjectState::Stored(_) => Ok(None),
            ObjectState::Foreign | ObjectState::Importing(_) => Err(Error::AlreadyExists {
                object: name.to_string(),
            }),
        }
    }

    /// A list that an earlier run stored must be of the bytes of this pass. One that is not belongs to a copy that
    /// nothing will be compared with any more, so its name, and the copy's, are used up.
    async fn expect_stored_list(&self, made: &SealedObject) -> Result<()> {
        let name = self.object(&made.file);
        let stored = self.ports().reader.open(&name).await?;
        let mut list = ChunkListReader::new(name.to_string(), stored.as_ref());
        loop {
            match list.next().await {
                Ok(Some(_)) => {}
                Ok(None) if list.digest() == made.sha256 => return Ok(()),
                Err(error) if !matches!(error.meaning(), Error::Integrity { .. }) => return Err(error),
                Ok(None) | Err(_) => {
                    return Err(Error::AlreadyExists {
                        object: name.to_string(),
                    });
                }
            }
        }
    }

    async fn stream(
        &self,
        item: &ItemState,
        snapshotted: &Snapshotted,
        (source, form): (GrantedSource<'_>, Option<&ImageForm>),
        into: Destination<'_>,
    ) -> Result<Streamed> {
        let opened = self.state().await.opened;
        let settings = opened.settings;
        let length = source.image().length();
        let data = snapshotted.data(form);
        let data_length = data.length(length);
        let footer_at = data_length.filter(|data| data + FOOTER_BYTES as u64 == length);
        // What is streamed from here ends with the footer that was read; a service may write one of its own.
        let copied_there = into.deposit.is_none() && opened.method == AcquireMethod::Import;
        let stored_footer = footer_at.filter(|_| copied_there).map(|at| StoredFooter {
            at,
            bytes: self.stored_footer(&item.planned.item, into.file, at).boxed(),
        });
        let stream = SourceStream {
            item: item.planned.item.clone(),
            name: item.planned.file.to_string(),
            source,
            data,
            sector_bytes: snapshotted.description.sector_bytes,
            settings: &settings,
            ports: self.ports(),
            copy_failed: into.copy_failed,
        };
        let streamed = stream
            .run(into.deposit, into.list_deposit, into.list, stored_footer)
            .await?;
        for detail in &streamed.anomalies {
            let act = Act::Anomaly {
                item: Some(item.planned.item.clone()),
                detail: crate::visible::escape(detail),
            };
            self.journal().await.note(act).await?;
        }
        Ok(streamed)
    }

    /// The footer of the stored copy, once the service has it.
    async fn stored_footer(
        &self,
        item: &EvidenceItemId,
        file: &Segment,
        at: u64,
    ) -> Result<[u8; FOOTER_BYTES]> {
        self.await_import(item, file).await?;
        let stored = self.ports().reader.open(&self.object(file)).await?;
        super::footer::read(stored.as_ref(), at).await
    }

    /// What a failed attempt left under its name: what cannot be told is not called nothing.
    async fn left_behind(&self, file: &Segment) -> LeftBehind {
        match self
            .ports()
            .sink
            .state(&self.object(file), &self.acquisition().await)
            .await
        {
            Ok(ObjectState::Absent) => LeftBehind::Nothing,
            Ok(
                ObjectState::Importing(ImportState::Pending { .. } | ImportState::Done(_))
                | ObjectState::Stored(_),
            ) => LeftBehind::Adoptable,
            Ok(_) => LeftBehind::Object,
            Err(_) => LeftBehind::Unknown,
        }
    }
}

fn done(item: &ItemState, copy: StoredCopy) -> Act {
    Act::AcquireDone {
        item: item.planned.item.clone(),
        attempt: copy.attempt,
        receipt: copy.receipt,
        source: copy.source,
        footers: copy.footers,
        chunk_list: copy.chunk_list,
        zeros: copy.zeros,
        unread: copy.unread,
        state_before: copy.state_before,
        state_after: copy.state_after,
    }
}

/// How many chunks an image of this length has.
pub(super) const fn image_chunks(length: u64) -> u64 {
    length.div_ceil(crate::digest::CHUNK_BYTES)
}

fn expect_stored_length(receipt: &Receipt, length: u64) -> Result<()> {
    if receipt.length.bytes() == length {
        return Ok(());
    }
    Err(Error::Integrity {
        object: receipt.object.to_string(),
        place: "length".into(),
        expected: format!("{length} bytes"),
        actual: format!("{} bytes", receipt.length),
    })
}
