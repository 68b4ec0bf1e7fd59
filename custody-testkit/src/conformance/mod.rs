//! One suite for each port: an async function for each numbered clause, and a macro that makes a named
//! test of each.
//!
//! A provider gives a *harness*: a fresh instance of its port and what a test needs beyond it (another
//! instance over the same storage, a way to tear a tail, …). The macro takes what makes one, and expands to
//! one `#[test]` for each clause. What a harness cannot offer makes its test fail with a message that says
//! so, never pass. To leave such a test out, say why; it is then shown as ignored.
//!
//! ```
//! use std::sync::Arc;
//!
//! use custody_testkit::conformance::log_store::LogStoreHarness;
//! use custody_testkit::fake::MemoryLog;
//!
//! fn make() -> LogStoreHarness {
//!     let log = MemoryLog::new();
//!     let (again, torn) = (log.clone(), log.clone());
//!     LogStoreHarness::new(Arc::new(log))
//!         .reopened_by(move || Arc::new(again.clone()))
//!         .torn_by(move |name, tail| torn.tear(name, tail))
//! }
//!
//! custody_testkit::log_store_conformance!(make, ignore {
//!     ls_04_a_torn_tail_is_set_aside_whole: "what is set aside cannot be read here"
//! });
//! ```
//!
//! Each clause is also in the suite's `CLAUSES`, for a program that wants to run them itself.
//!
//! Three clauses speak of a crash of the machine (`ES-04`, `LS-01`, `LA-06`). A test in the same process
//! can only open the storage again; whether a write reached the disk is shown elsewhere, if at all.

mod clause;
pub mod clock;
pub mod digest_register;
pub mod entropy;
pub mod evidence_reader;
pub mod evidence_sink;
pub mod image_hasher;
pub mod image_reader;
pub mod key_escrow;
pub mod key_prover;
pub mod key_source;
pub mod key_wrapper;
pub mod log_anchor;
pub mod log_store;
pub mod machine_records;
pub mod rights;
pub mod seal_signer;
mod secret;
pub mod snapshotter;
pub mod source_access;
pub mod timestamp_authority;

pub use clause::{Clause, ClauseFailure, Conforms, assert_conforms};
