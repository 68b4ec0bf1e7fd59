//! What the benches share: the binary under test, images, and pairs measured in turn.
//!
//! A time alone says little on another machine, so each bench gives ratios: custody and its peer run
//! in turn in one process, and the ratio of the medians is printed with the machine's name. A bench
//! that misses one of its bounds ends with exit code 1.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench prints its figures, and one that cannot measure stops"
)]

mod bounds;
mod curl;
mod image;
mod machine;
mod pair;
mod plain_azure;
mod program;
mod rounds;
mod router;
mod simulated_azure;

pub use bounds::Bounds;
pub use curl::{Answer, Curl, Request};
pub use image::{random_image, scattered_image, sparse_image};
pub use machine::describe_machine;
pub use pair::Pair;
pub use plain_azure::{PlainAzure, Readable};
pub use program::{Run, custody, custody_azure_sim, folder_on_disk};
pub use rounds::{Size, median};
pub use router::Router;
pub use simulated_azure::SimulatedAzure;
