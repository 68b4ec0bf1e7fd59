use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::ObjectName;
use custody_core::port::{EvidenceReader, ImageReader, StoredObject};
use custody_core::{Error, Result, layout};
use futures::stream::BoxStream;

use super::listing;
use super::stored_image::{Pinning, StoredImage};
use crate::disk::Folder;

/// A directory read as a store. Changes nothing in it, follows no symbolic link inside it, and does not care who
/// owns it: what is found is checked by its digests.
#[derive(Debug, Clone)]
pub struct DirectoryReader {
    root: Arc<Folder>,
}

impl DirectoryReader {
    /// Opens a directory that is there. Blocks for a moment.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] when it is not a directory.
    pub fn open(path: &Path) -> Result<Self> {
        Folder::open(path).map(Self::of)
    }

    pub(super) fn of(root: Folder) -> Self {
        Self { root: Arc::new(root) }
    }

    pub(super) fn root(&self) -> &Arc<Folder> {
        &self.root
    }

    /// The folder that an object lies in; `None` where there is none.
    pub(super) fn folder_of(&self, name: &ObjectName) -> Result<Option<Arc<Folder>>> {
        let mut folder = Arc::clone(&self.root);
        for segment in name.folder().iter().flat_map(ObjectName::segments) {
            let Some(next) = folder.enter(segment)? else {
                return Ok(None);
            };
            folder = Arc::new(next);
        }
        Ok(Some(folder))
    }

    /// The object's file, opened for reading; `None` where there is none.
    pub(super) fn find(&self, name: &ObjectName) -> Result<Option<OwnedFd>> {
        match self.folder_of(name)? {
            Some(folder) => folder.open_plain(name.file_name().as_str()),
            None => Ok(None),
        }
    }

    fn image(&self, name: &ObjectName) -> Result<StoredImage> {
        let absent = || Error::NotFound {
            object: self.root.path_of(name.as_str()),
        };
        let folder = self.folder_of(name)?.ok_or_else(absent)?;
        let file_name = name.file_name();
        let file = folder.open_plain(file_name.as_str())?.ok_or_else(absent)?;
        StoredImage::new(folder, file_name.as_str(), file, Pinning::of(name))
    }
}

impl fmt::Display for DirectoryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "directory {}", self.root.path())
    }
}

#[async_trait]
impl EvidenceReader for DirectoryReader {
    /// An unfinished deposit of a live process is not listed; one that a stop left behind is
    /// [`Error::Malformed`].
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        listing::list(self.clone(), under)
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        let image = self.open(name).await?;
        Ok(StoredObject::new(name.clone(), image.length()))
    }

    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        let (reader, name) = (self.clone(), name.clone());
        let image = blocking::unblock(move || reader.image(&name)).await?;
        Ok(Arc::new(image))
    }
}

impl Pinning {
    /// A log grows while it is read; every other object is written once.
    fn of(name: &ObjectName) -> Self {
        match name.file_name().as_str() {
            layout::LOG_FILE | layout::REGISTER_FILE => Self::MayGrow,
            _ => Self::Whole,
        }
    }
}
