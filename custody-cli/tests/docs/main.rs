//! What the documentation says is what the program does.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bench;
mod example_store;
#[path = "../json_schemas/mod.rs"]
mod json_schemas;
mod readme;
mod schemas;
mod validation;
mod verify_without_us;
