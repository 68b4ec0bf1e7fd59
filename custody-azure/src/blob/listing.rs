use std::sync::Arc;

use async_trait::async_trait;
use azure_storage_blob::models::{
    BlobContainerClientListBlobsOptions, BlobItem, CopyStatus, ListBlobsIncludeItem,
};
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, ImageReader, StoredObject};
use custody_core::{Error, Result, visible};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::{BlobImage, BlobStore, action};
use crate::http::{Call, Failing};

impl BlobStore {
    /// All blobs whose names begin so, as the service lists them: in order, page by page.
    fn blobs(&self, prefix: Option<String>) -> Result<BoxStream<'_, Result<BlobItem>>> {
        let call = Call::new();
        let mut options = BlobContainerClientListBlobsOptions {
            prefix,
            include: Some(vec![ListBlobsIncludeItem::Copy]),
            ..BlobContainerClientListBlobsOptions::default()
        };
        options.method_options.context = call.context();
        let client = self.container_client()?;
        let shown = self.location.to_string();
        let pager = client.list_blobs(Some(options)).map_err(|error| {
            let failing = Failing {
                object: &shown,
                action: action::READ,
            };
            failing.because(&call, error)
        })?;
        Ok(pager
            .map_err(move |error| {
                let failing = Failing {
                    object: &shown,
                    action: action::READ,
                };
                failing.because(&call, error)
            })
            .boxed())
    }

    /// What a listing says of one blob; `None` for what is outside of the folder or still being copied.
    fn listed(&self, blob: &BlobItem, under: Option<&ObjectName>) -> Option<Result<StoredObject>> {
        let text = blob.name.as_deref().unwrap_or_default();
        if let Some(folder) = under {
            let rest = text.strip_prefix(folder.as_str())?;
            if !rest.is_empty() && !rest.starts_with('/') {
                return None;
            }
        }
        let properties = blob.properties.as_ref();
        if properties.and_then(|p| p.copy_status.as_ref()) == Some(&CopyStatus::Pending) {
            return None;
        }
        let Ok(name) = text.parse::<ObjectName>() else {
            let shown = visible::escape(text);
            return Some(Err(Error::malformed(
                format!("{} in {}", shown, self.location),
                "this is no name of an object of evidence",
            )));
        };
        Some(match properties.and_then(|p| p.content_length) {
            Some(length) => Ok(StoredObject::new(name, length)),
            None => Err(Error::Provider {
                object: self.shown(&name),
                operation: "listing",
                source: Some("the service does not tell its length".into()),
            }),
        })
    }
}

#[async_trait]
impl EvidenceReader for BlobStore {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        let blobs = match self.blobs(under.as_ref().map(ToString::to_string)) {
            Ok(blobs) => blobs,
            Err(error) => return stream::once(async move { Err(error) }).boxed(),
        };
        blobs
            .filter_map(move |blob| {
                let listed = match blob {
                    Ok(blob) => self.listed(&blob, under.as_ref()),
                    Err(error) => Some(Err(error)),
                };
                async move { listed }
            })
            .boxed()
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        let facts = self.finished(name).await?;
        Ok(StoredObject::new(name.clone(), facts.length))
    }

    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        let facts = self.finished(name).await?;
        Ok(Arc::new(BlobImage::new(self.remote(name)?, &facts)))
    }
}

impl BlobStore {
    /// What the service says of an object that is not still being copied.
    async fn finished(&self, name: &ObjectName) -> Result<super::facts::BlobFacts> {
        let found = self.remote(name)?.look().await?.ok_or_else(|| Error::NotFound {
            object: self.shown(name),
        })?;
        if found.value.is_being_copied() {
            let error = Error::Precondition {
                object: self.shown(name),
                expected: "a finished object".into(),
                actual: "one that the service is still copying".into(),
            };
            return Err(error.answered(found.service));
        }
        Ok(found.value)
    }
}
