//! The real program against a simulated Azure, over TLS on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod azure_cli;
mod canaries;
mod capture;
#[path = "../../examples/demo_machine/mod.rs"]
mod demo_machine;
#[path = "../json_schemas/mod.rs"]
mod json_schemas;
mod keys;
mod killed;
mod lab;
mod networks;
mod precedence;
mod preserved;
mod proxy;
mod redirect;
mod restore_points;
#[path = "../secret_scan/mod.rs"]
mod secret_scan;
mod setup;
mod sources;
mod tunnel;
