//! Canonical JSON: one way to write a record, so that its bytes can be hashed and signed.
//!
//! RFC 8785 (JCS), restricted: object keys are ASCII; no floating point; integers below 2^53 in
//! size; no character that [`crate::visible::must_escape`] names. In this profile
//! `jq -cS . file | cmp - file` is a check by a program that we did not write. Writing ([`to_bytes`])
//! and checking ([`check`]) share no code: a fault in one is seen by the other.
//! Source: RFC 8785, read 2026-11-21.

mod check;
mod write;

pub use check::check;
pub use write::to_bytes;
