//! A container of blobs as a store of evidence, and exported disks as images.

mod anchor;
mod block_body;
mod block_checksum;
mod block_list;
mod copy_scope;
mod deposit;
mod facts;
mod image;
mod import;
mod listing;
mod own_task;
mod page_spans;
mod probe;
mod protection;
mod remote;
mod sink;
mod store;
mod streamed_block;

pub(crate) use image::BlobImage;
pub use probe::Probe;
pub(crate) use remote::RemoteBlob;
pub use store::{BlobStore, StoreLocation};

/// The version of the blob service's interface that our own requests speak.
///
/// Requests through Microsoft's client speak the version that the client was made for.
const BLOB_VERSION: &str = "2024-08-04";

/// The rights on blobs, by their names in role definitions.
pub(crate) mod action {
    pub(crate) const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
    pub(crate) const WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
    pub(crate) const ADD: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action";
}
