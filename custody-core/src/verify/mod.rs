//! Verification: everything is derived anew from the stored bytes.
//!
//! A [`Verifier`] gets a store to read and the keys that its caller trusts, and nothing else: no word of the capture is
//! believed. It re-reads the register and each acquisition's log line by line, checks chain, tree, checkpoints and
//! signatures, compares register, log, manifest, seal and sums with one another, and digests every byte of every item
//! again. It shares with the capture the types of the record and the hashing, and no path through the code.
//!
//! Two rules: what could not be checked is never shown as fine; and a wrong thing is named by object and place, with
//! what was due, what was found, and what to do next.
//!
//! What it proves is "unchanged since the seal", for signers that the caller trusts. It does not prove that what was
//! sealed was true. A store that was rolled back in whole, by someone who can write there, to an earlier state of its
//! own looks like that earlier state: only a [`KnownLog`] from outside the store tells.

mod acquisition;
mod acquisition_log;
mod checkpoints;
mod chunk_comparison;
mod chunk_list;
mod difference;
mod digest_history;
mod discipline;
mod finding;
mod inventory;
mod item;
mod item_history;
mod item_judgement;
mod key_history;
mod lines;
mod log_marks;
mod log_walk;
mod machine_records;
mod manifest;
mod object;
mod options;
mod outcome;
mod records;
mod register;
mod rehash;
mod report;
mod rescue_map;
mod seal;
mod signers;
mod store;
mod stored_attempt;
mod stored_bytes;
mod zero_ranges;

use std::sync::Arc;

pub use finding::{Finding, Weight};
pub use options::{Depth, KnownLog, KnownPlace, Scope, VerifyOptions};
pub use outcome::Outcome;
pub use report::{
    AcquisitionReport, ItemReport, LogReport, REPORT_FORMAT, Report, SignerReport, SignerTrust,
};

use crate::custody_log::Trust;
use crate::port::{EvidenceReader, ImageHasher};

/// Verifies a store.
///
/// # Evidence
/// Writes nothing anywhere.
#[derive(Debug, Clone)]
pub struct Verifier {
    reader: Arc<dyn EvidenceReader>,
    hasher: Arc<dyn ImageHasher>,
    trust: Trust,
    options: VerifyOptions,
}

impl Verifier {
    /// Verifies what `reader` reads, with the digests of `hasher`, for someone who trusts these signers.
    #[must_use]
    pub fn new(reader: Arc<dyn EvidenceReader>, hasher: Arc<dyn ImageHasher>, trust: Trust) -> Self {
        Self {
            reader,
            hasher,
            trust,
            options: VerifyOptions::default(),
        }
    }

    /// Sets how to verify.
    #[must_use]
    pub fn with_options(mut self, options: VerifyOptions) -> Self {
        self.options = options;
        self
    }

    /// Verifies, and reports all that was found. It has no error: what keeps it from checking something is a finding.
    ///
    /// Memory is bounded whatever the store holds: by the longest line of a log (16 MiB), the largest manifest (64 MiB)
    /// and a few pieces of each item under way.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn verify(&self) -> Report {
        self.check_store().await
    }
}
