use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, ImageReader, StoredObject};
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};

use crate::fake::{MemoryImage, MemoryStore};

/// How a [`FaultyReader`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReaderFault {
    /// The last object is listed twice.
    ListsTwice,
    /// Objects are listed from the last to the first.
    ListsBackwards,
    /// Deposits under way are listed.
    ListsUnfinished,
    /// What has no object name is passed over.
    PassesOverTheNameless,
    /// The listing ends at what has no object name.
    StopsAtTheNameless,
    /// Listing a folder that is not there is an error.
    AbsentFolderIsAnError,
    /// What cannot be read is listed as empty.
    CallsUnreadableEmpty,
    /// What is not there opens as an empty object.
    OpensTheAbsent,
    /// Opening an object leaves a lock beside it.
    LeavesALock,
    /// Objects are described as a byte longer than they are.
    TellsAnotherLength,
}

/// A reader with one fault.
#[derive(Debug)]
pub struct FaultyReader {
    inner: Arc<dyn EvidenceReader>,
    store: MemoryStore,
    fault: ReaderFault,
}

impl FaultyReader {
    /// This reader, which lies over this store, with this fault.
    #[must_use]
    pub fn new(inner: Arc<dyn EvidenceReader>, store: MemoryStore, fault: ReaderFault) -> Self {
        Self { inner, store, fault }
    }

    /// A listing as this reader gives it.
    fn falsified(
        &self,
        mut entries: Vec<Result<StoredObject>>,
        under: Option<ObjectName>,
    ) -> Vec<Result<StoredObject>> {
        match self.fault {
            ReaderFault::ListsTwice => {
                if let Some(Ok(last)) = entries.last() {
                    entries.push(Ok(last.clone()));
                }
            }
            ReaderFault::ListsBackwards => entries.reverse(),
            ReaderFault::ListsUnfinished => {
                let unfinished = self.store.unfinished();
                entries.extend(unfinished.into_iter().map(|name| Ok(StoredObject::new(name, 0))));
            }
            ReaderFault::PassesOverTheNameless => entries.retain(|entry| !is_malformed(entry)),
            ReaderFault::StopsAtTheNameless => {
                if let Some(first) = entries.iter().position(is_malformed) {
                    entries.truncate(first + 1);
                }
            }
            ReaderFault::AbsentFolderIsAnError if entries.is_empty() => {
                let object = under.map_or("store".to_owned(), |folder| folder.to_string());
                entries.push(Err(Error::NotFound { object }));
            }
            ReaderFault::CallsUnreadableEmpty => {
                entries.retain(|entry| entry.is_ok() || is_malformed(entry));
            }
            _ => {}
        }
        entries
    }
}

impl fmt::Display for FaultyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

fn is_malformed(entry: &Result<StoredObject>) -> bool {
    matches!(entry, Err(error) if matches!(error.meaning(), Error::Malformed { .. }))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl EvidenceReader for FaultyReader {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        let entries = async move {
            let entries = self.inner.list(under.clone()).collect().await;
            stream::iter(self.falsified(entries, under))
        };
        Box::pin(entries.flatten_stream())
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        let mut told = self.inner.describe(name).await?;
        if self.fault == ReaderFault::TellsAnotherLength {
            told.length += 1;
        }
        Ok(told)
    }

    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        match (self.fault, self.inner.open(name).await) {
            (ReaderFault::OpensTheAbsent, Err(_)) => Ok(Arc::new(MemoryImage::new(name.to_string(), []))),
            (ReaderFault::LeavesALock, Ok(image)) => {
                self.store
                    .put_foreign(&name.folder().unwrap_or_else(|| name.clone()).join(&lock()), []);
                Ok(image)
            }
            (_, opened) => opened,
        }
    }
}

fn lock() -> custody_core::ids::Segment {
    custody_core::layout::segment("lock")
}
