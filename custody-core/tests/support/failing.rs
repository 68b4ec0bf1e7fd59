//! A reader for which one object cannot be read.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, ImageReader, StoredObject};
use custody_core::{Error, Result};
use custody_testkit::fake::MemoryStore;
use futures::stream::BoxStream;

/// Fails to open `name`; reads everything else.
#[derive(Debug)]
pub(crate) struct FailingReader {
    pub(crate) store: MemoryStore,
    pub(crate) name: ObjectName,
}

impl fmt::Display for FailingReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failing({})", self.store)
    }
}

#[async_trait]
impl EvidenceReader for FailingReader {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        self.store.list(under)
    }
    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        self.store.describe(name).await
    }
    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        if *name == self.name {
            let source = Some("the medium does not answer".into());
            return Err(Error::Provider {
                object: name.to_string(),
                operation: "open",
                source,
            });
        }
        self.store.open(name).await
    }
}
