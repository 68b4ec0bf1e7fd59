use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceReader, EvidenceSink, ImageReader, ImportOptions, ImportState,
    LegalHold, ObjectState, Protection, ProtectionKind, ReadGrant, SinkCapabilities, StoredObject,
};
use custody_core::{Acted, Error, Result, layout};
use futures::stream::BoxStream;
use rustix::fs::FileType;

use super::deposit::DirectoryDeposit;
use super::directory_store::DirectoryStore;
use super::protection::ANY_WRITE;
use crate::disk::{Attributes, failed};

/// `cases/<case>/<acquisition>/…`: where in an object's name its acquisition stands.
const ACQUISITION_SEGMENT: usize = 2;

impl DirectoryStore {
    fn unsupported(&self, operation: &'static str) -> Error {
        Error::Unsupported {
            operation,
            provider: self.to_string(),
        }
    }

    /// Files carry no tag: a read-only file in the acquisition's own folder is its own, unless somebody else owns it.
    /// A writable one was not put there by this sink, unless the file system keeps no modes.
    fn state_blocking(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        let Some(folder) = self.reader.folder_of(name)? else {
            return Ok(ObjectState::Absent);
        };
        let file_name = name.file_name();
        let Some(stat) = folder.stat(file_name.as_str())? else {
            return Ok(ObjectState::Absent);
        };
        let us = rustix::process::geteuid().as_raw();
        let ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && (stat.st_uid == us || stat.st_uid == 0)
            && is_in_folder_of(name, acquisition);
        if !ours || (stat.st_mode & ANY_WRITE != 0 && self.observe_protection()?.kind != ProtectionKind::None)
        {
            return Ok(ObjectState::Foreign);
        }
        // Not `Absent` should it vanish now: something takes objects away, and that must not look like a fresh name.
        let file = folder
            .open_plain(file_name.as_str())?
            .ok_or_else(|| failed(folder.path_of(file_name.as_str()), "open")(rustix::io::Errno::NOENT))?;
        Ok(ObjectState::Stored(self.receipt(
            name,
            &file,
            &Attributes::of(&file),
        )?))
    }
}

fn is_in_folder_of(name: &ObjectName, acquisition: &AcquisitionId) -> bool {
    let mut segments = name.segments();
    segments.next() == Some(layout::CASES_FOLDER)
        && segments.nth(ACQUISITION_SEGMENT - 1) == Some(acquisition.as_str())
        && segments.next().is_some()
}

#[async_trait]
impl EvidenceSink for DirectoryStore {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities::deposit_only()
    }

    async fn protection(&self) -> Result<Protection> {
        let store = self.clone();
        blocking::unblock(move || store.observe_protection()).await
    }

    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        let (store, name, acquisition) = (self.clone(), name.clone(), acquisition.clone());
        blocking::unblock(move || store.state_blocking(&name, &acquisition)).await
    }

    async fn import(&self, _: &ObjectName, _: &ReadGrant, _: ImportOptions) -> Result<Acted<ImportState>> {
        Err(self.unsupported("import"))
    }

    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        if options.hold == LegalHold::Place {
            return Err(self.unsupported("legal hold"));
        }
        let (store, name) = (self.clone(), name.clone());
        let deposit = blocking::unblock(move || DirectoryDeposit::begin(store, name, options.length)).await?;
        Ok(Box::new(deposit))
    }

    async fn hold(&self, _: &ObjectName) -> Result<Acted<()>> {
        Err(self.unsupported("legal hold"))
    }
}

#[async_trait]
impl EvidenceReader for DirectoryStore {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        self.reader.list(under)
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        self.reader.describe(name).await
    }

    async fn open(&self, name: &ObjectName) -> Result<std::sync::Arc<dyn ImageReader>> {
        self.reader.open(name).await
    }
}
