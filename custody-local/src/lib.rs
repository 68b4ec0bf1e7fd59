//! Image files and block devices as sources, a directory as write-once sink: custody's embedded provider.
//!
//! * [`DirectoryStore`] keeps evidence, log lines and checkpoints in a directory, each object written once;
//!   [`DirectoryReader`] reads such a directory and changes nothing.
//! * [`StateFolder`] is where this host keeps what must not lie beside the evidence: the journal of each
//!   acquisition, signing keys, and the newest checkpoint it has seen of each log.
//! * [`FileSigner`] signs with an Ed25519 key in a file.
//! * [`LocalKeys`] are keys that a custodian supplies, [`AgeWrapper`] wraps them to the custodians' recipients, and a
//!   [`DirectoryEscrow`] keeps them, wrapped only.
//! * [`source::LocalSources`] are image files and block devices, opened for reading only.
//! * [`ports`](ports()) puts all of it together; [`LocalPorts`] keeps the parts at hand.
//! * [`SystemClock`], [`SystemEntropy`] and [`Host`] are the machine itself.
//!
//! Linux only, and empty elsewhere: the guarantees rest on `renameat2`, `openat` with `O_NOFOLLOW`, and `flock`. File operations run on
//! the threads of the `blocking` crate, so that any executor drives the futures.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod clock;
mod disk;
mod entropy;
mod host;
mod keys;
mod local_ports;
pub mod source;
mod state;
mod store;

pub use clock::SystemClock;
pub use entropy::SystemEntropy;
pub use host::Host;
pub use keys::{AgeWrapper, DirectoryEscrow, LocalKeys};
pub use local_ports::{LocalPorts, LocalPortsOptions, ports};
pub use state::{
    AcquisitionLock, FileSigner, JournalStore, KeyOrigin, StateFolder, StateOptions, TemporaryState,
};
pub use store::{AttributeUse, DirectoryReader, DirectoryStore, StoreOptions};
