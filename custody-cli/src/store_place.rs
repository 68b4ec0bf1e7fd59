use std::path::{Path, PathBuf};
use std::sync::Arc;

use custody_core::ids::ObjectName;
use custody_core::port::EvidenceReader;
use custody_local::DirectoryReader;

use crate::azure::{AzurePlace, is_store_address};
use crate::failure::Failure;
use crate::printable;

/// Where a store is: a directory of this host, or a container of a cloud.
#[derive(Debug, Clone)]
pub(crate) enum StorePlace {
    /// A directory, by its absolute path.
    Directory(PathBuf),
    /// A container.
    Container {
        /// Its address, as people name it.
        address: String,
        place: Box<AzurePlace>,
    },
}

impl StorePlace {
    /// The store that somebody named: a directory; or the address of a container, to be opened by these settings.
    pub(crate) fn named(words: &Path, config: Option<&Path>) -> Result<Self, Failure> {
        match words.to_str().filter(|words| is_store_address(words)) {
            Some(address) => Self::container(AzurePlace::of_address(address, config)?),
            None => Ok(Self::Directory(words.to_owned())),
        }
    }

    pub(crate) fn container(place: AzurePlace) -> Result<Self, Failure> {
        Ok(Self::Container {
            address: place.store_address()?,
            place: Box::new(place),
        })
    }

    /// As a record or a message names it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Directory(path) => printable::path(path),
            Self::Container { address, .. } => address.clone(),
        }
    }

    /// As words of a command to be run later: a container with where it is said as whom it is read.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Directory(path) => printable::word(path),
            Self::Container { address, .. } => format!("{address} --config FILE"),
        }
    }

    /// Where a folder of it is.
    pub(crate) fn folder(&self, folder: &ObjectName) -> String {
        match self {
            Self::Directory(path) => printable::path(&path.join(folder.as_str())),
            Self::Container { address, .. } => format!("{address}/{folder}"),
        }
    }

    /// Opens it for reading.
    pub(crate) fn reader(&self) -> Result<Arc<dyn EvidenceReader>, Failure> {
        match self {
            Self::Directory(path) => Ok(Arc::new(DirectoryReader::open(path)?)),
            Self::Container { place, .. } => Ok(Arc::new(place.store()?)),
        }
    }
}
