//! A directory as a store: objects written once, logs that only grow.

mod anchor;
mod deposit;
mod directory_reader;
mod directory_store;
mod listing;
mod pending_append;
mod protection;
mod sink;
mod stored_image;

pub use directory_reader::DirectoryReader;
pub use directory_store::{AttributeUse, DirectoryStore, StoreOptions};
