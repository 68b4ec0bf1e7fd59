//! What the benches share: the binary under test, images, and pairs measured in turn.
//!
//! A time alone says little on another machine, so each bench gives ratios: custody and its peer run
//! in turn in one process, and the ratio of the medians is printed with the machine's name. A bench
//! that misses one of its bounds ends with exit code 1.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures, and one that cannot measure stops"
)]

mod bounds;
mod image;
mod machine;
mod pair;
mod program;

pub use bounds::Bounds;
pub use image::{random_image, sparse_image};
pub use machine::describe_machine;
pub use pair::Pair;
pub use program::{Run, custody, folder_on_disk};
