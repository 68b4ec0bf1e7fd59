//! One suite for each port: an async function for each numbered clause, and a macro that makes a named
//! test of each.
//!
//! A provider gives a *harness*: a fresh instance of its port and what a test needs beyond it (another
//! instance over the same storage, a way to tear a tail, …). Then
//!
//! ```ignore
//! custody_testkit::evidence_sink_conformance!(|| SinkHarness::new(sink, reader).reopened_by(open_again));
//! ```
//!
//! expands to one `#[test]` for each clause. What a harness cannot offer here makes its test fail with
//! a message that says so, never pass. To leave such a test out, say why; it is then shown as ignored:
//!
//! ```ignore
//! evidence_sink_conformance!(make, ignore { es_09_no_room_is_no_space_and_leaves_nothing: "needs a small tmpfs" });
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
pub mod seal_signer;
mod secret;
pub mod snapshotter;
pub mod source_access;
pub mod timestamp_authority;

pub use clause::{Clause, ClauseFailure, Conforms, assert_conforms};
