//! The custody log: who did what, when, where, how and why, in lines that chain.
//!
//! One canonical JSON event a line. Each line holds the digest of the line before it, so that a chain
//! can be checked with `sha256sum`; a Merkle tree over the same lines (RFC 6962) is signed in
//! checkpoints (C2SP signed notes). See `docs/record-format.md` for the bytes.

mod act;
mod act_item;
mod attempt;
mod chain;
mod checkpoint;
mod closing_state;
mod event;
mod failure;
mod footers;
mod item_record;
mod key_record;
mod machine_record;
mod merkle;
mod settings;
mod store_binding;
mod trust;
mod verifier_key;
mod writer;

pub use act::Act;
pub use attempt::{AcquireMethod, LeftBehind};
pub use chain::{Chain, ChainFault, ChainFaultKind, read_chain};
pub use checkpoint::{Checkpoint, SignedNote};
pub use closing_state::ClosingState;
pub use event::{Circumstances, Event, How, Stated, When, Who, Why};
pub use failure::Failure;
pub use footers::{FOOTER_BYTES, Footers};
pub use item_record::{ItemVerdict, PlannedItem, SealedObject, UnreadRange, UnreadSummary, ZeroSummary};
pub use key_record::{ItemKeys, KeptKey, KeyDeed, KeyNeed, KeyTold, NeededKey, PossiblyKeptKey, WrappedForm};
pub(crate) use key_record::{shown_proof, shown_receipt, stated_encryption};
pub use machine_record::StoredRecord;
pub use merkle::{MerkleFrontier, leaf, node};
pub use settings::{AcquisitionSettings, ReadScope, Regions};
pub use store_binding::StoreBinding;
pub use trust::{SignerSet, Trust};
pub use verifier_key::{SignatureAlgorithm, VerifierKey};
pub use writer::LogWriter;
