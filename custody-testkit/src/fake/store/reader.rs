use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, ImageReader, StoredObject};
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};

use super::MemoryStore;
use crate::fake::image::MemoryImage;

#[async_trait]
impl EvidenceReader for MemoryStore {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        let state = self.state.lock();
        let prefix = under.as_ref().map(|folder| format!("{folder}/"));
        let objects = state
            .objects
            .iter()
            .filter(|(name, _)| under.as_ref().is_none_or(|folder| name.is_under(folder)))
            .map(|(name, object)| Ok(StoredObject::new(name.clone(), object.content.lock().length())));
        let nameless = state
            .nameless
            .iter()
            .filter(|path| prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix)))
            .map(|path| {
                Err(Error::malformed(
                    custody_core::visible::escape(path),
                    "is no object name",
                ))
            });
        let all: Vec<_> = nameless.chain(objects).collect();
        Box::pin(stream::iter(all))
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        let state = self.state.lock();
        let length = state.object(name)?.content.lock().length();
        Ok(StoredObject::new(name.clone(), length))
    }

    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        let state = self.state.lock();
        let content = state.object(name)?.content.clone();
        Ok(Arc::new(MemoryImage::over(name.to_string(), content)))
    }
}
