//! The simulated Azure, judged from outside: through its transport, over loopback, by other people's clients, and
//! against the official API descriptions.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]

mod capture;
mod client;
