//! The ports: what core asks of a provider.
//!
//! Each port is a small object-safe trait whose documentation numbers its clauses (`ES-02 never
//! overwrites`); custody-testkit has a test for each clause that every provider runs. Two rules hold
//! for all of them:
//!
//! * A mutating call takes a name that core chose and journaled. Called again it *adopts* what the
//!   first call made, or refuses. That is the only way in which a capture is resumed.
//! * What the service answered comes back with the value ([`crate::Acted`]) or with the error
//!   ([`crate::Error::service`]).
//!
//! Futures need no particular runtime. Dropping one cancels it; each method says what that leaves.

mod deposit;
mod disk_key;
mod environment;
mod escrow_record;
mod evidence_reader;
mod evidence_sink;
mod image_hasher;
mod image_reader;
mod key_proof;
mod keys;
mod log;
mod machine;
mod machine_records;
mod rights;
mod seal;
mod snapshotter;
mod source_access;

use std::fmt;

pub use deposit::{Deposit, DepositOptions, Rereading, Taken};
pub use disk_key::{FetchedKey, KeyMaterial, KeyReference, KeyRequirement, WrappedKey};
pub use environment::{
    Clock, Entropy, NoProgress, Progress, ProgressObserver, ProgressPhase, StopSignal, StopSwitch,
};
pub use escrow_record::{EscrowReceipt, EscrowRecord, EscrowedKey};
pub use evidence_reader::{EvidenceReader, EvidenceReaderExt, StoredObject};
pub use evidence_sink::{
    EvidenceSink, ImportOptions, ImportState, LegalHold, ObjectState, Protection, ProtectionKind, Receipt,
    SinkCapabilities,
};
pub use image_hasher::{ChunkRun, HashOptions, ImageHash, ImageHasher, WholeImage};
pub use image_reader::{ImageReader, ImageReaderExt};
pub use key_proof::{KeyProof, ProofVerdict, VolumeProof};
pub use keys::{KeyEscrow, KeyProver, KeySource, KeyWrapper};
pub use log::{LogAnchor, LogHead, LogName, LogStore};
pub use machine::{DiskDescription, DiskEncryption, Machine, NotAcquired};
pub use machine_records::{MAX_MACHINE_RECORD_BYTES, MachineRecord, MachineRecords};
pub use rights::{RightNeed, Rights, RightsFinding};
pub use seal::{DigestEntry, DigestRegister, SealSigner, TimestampAuthority};
pub use snapshotter::{
    DiskSnapshot, PlannedSnapshot, SnapshotKind, SnapshotOutcome, SnapshotPlan, Snapshotter,
};
pub use source_access::{
    GrantExpiry, GrantOptions, GrantReach, ImageForm, OpenedSource, ReadGrant, SourceAccess, SourceState,
};

/// What every port is: a shared object that can name itself in logs (`Display`) and be debugged
/// without showing a secret.
pub trait Port: fmt::Debug + fmt::Display + Send + Sync + 'static {}

impl<T: fmt::Debug + fmt::Display + Send + Sync + 'static + ?Sized> Port for T {}
