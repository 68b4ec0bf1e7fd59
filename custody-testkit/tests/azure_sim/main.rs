//! The simulated Azure, judged from outside: through its transport, over loopback, by other people's clients, and
//! against the official API descriptions.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod access;
mod api_description;
mod blobs;
mod capture;
mod client;
mod copies;
mod data_description;
mod faults;
mod immutability;
mod loopback;
mod operations;
mod program;
mod python;
mod rights;
mod sign_in;
mod signatures;
mod vaults;
