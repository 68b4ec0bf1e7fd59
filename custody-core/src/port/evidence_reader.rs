use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{ImageReader, ImageReaderExt, Port};
use crate::error::{Error, Result};
use crate::ids::ObjectName;

/// What a store says of an object it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Its name.
    pub name: ObjectName,
    /// Its length in bytes.
    pub length: u64,
}

impl StoredObject {
    /// An object of this name and length.
    #[must_use]
    pub const fn new(name: ObjectName, length: u64) -> Self {
        Self { name, length }
    }
}

/// A store, read: all that verification, proofs, fetch and restore ever receive.
///
/// # Clauses
/// * `ER-01` [`list`](Self::list) yields every object at or below the folder, each once, in ascending order of its
///   name; nothing that is still being written.
/// * `ER-02` something there that has no [`ObjectName`] (a foreign or hidden file, a link) is yielded as
///   [`Error::Malformed`] and the listing goes on: it is neither followed nor passed over in silence.
/// * `ER-03` a folder that is not there lists as empty; one that cannot be read is an error.
/// * `ER-04` [`open`](Self::open) and [`describe`](Self::describe) of what is not there are [`Error::NotFound`].
/// * `ER-05` nothing that this port does changes the store.
/// * `ER-06` [`open`](Self::open) gives a reader that meets the clauses of [`ImageReader`], of the length that
///   [`describe`](Self::describe) told.
#[async_trait]
pub trait EvidenceReader: Port {
    /// The objects at or below `under`; of the whole store when `under` is `None`.
    ///
    /// # Errors
    /// The stream yields [`Error::Malformed`] for what has no object name and goes on; any other error ends it.
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>>;

    /// What the store says of one object.
    ///
    /// # Errors
    /// [`Error::NotFound`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn describe(&self, name: &ObjectName) -> Result<StoredObject>;

    /// Opens one object.
    ///
    /// # Errors
    /// [`Error::NotFound`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>>;
}

/// Conveniences over [`EvidenceReader`].
#[async_trait]
pub trait EvidenceReaderExt: EvidenceReader {
    /// The bytes of a small object, at most `limit`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Malformed`] over the limit; otherwise the provider's.
    async fn fetch(&self, name: &ObjectName, limit: u64) -> Result<Bytes> {
        self.open(name).await?.read_whole(limit).await
    }

    /// As [`fetch`](Self::fetch), `None` when it is not there.
    ///
    /// # Errors
    /// [`Error::Malformed`] over the limit; otherwise the provider's.
    async fn fetch_if_present(&self, name: &ObjectName, limit: u64) -> Result<Option<Bytes>> {
        match self.fetch(name, limit).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<T: EvidenceReader + ?Sized> EvidenceReaderExt for T {}
