//! The state folder: what a host keeps apart from any store.
//!
//! ```text
//! acquisitions/<acquisition>/log.jsonl           the journal: the acquisition log as this host wrote it
//! acquisitions/<acquisition>/torn-<lines>-<n>    bytes that a stop left behind the journal's last line
//! acquisitions/<acquisition>/lock                held while a program works on the acquisition
//! keys/<name>.pem                                private signing key, PKCS#8, mode 0600
//! keys/<name>.pub                                its public half, one line in note form
//! known-checkpoints/<sha-256 of the origin>      the newest checkpoint of a log that this host has seen
//! register/log.jsonl                             a journal of register lines, where one is kept
//! ```

mod acquisition_lock;
mod file_signer;
mod journal;
mod key_folder;
mod known_checkpoints;
mod state_folder;
mod temporary;

pub use acquisition_lock::AcquisitionLock;
pub use file_signer::FileSigner;
pub use journal::JournalStore;
pub use key_folder::KeyOrigin;
pub use state_folder::{StateFolder, StateOptions, TemporaryState};
