//! Keys of made-up encrypted disks. Nothing here is fit for a real key.

mod escrow;
mod prover;
mod source;
mod wrapper;

pub use escrow::MemoryEscrow;
pub use prover::FakeProver;
pub use source::FakeKeySource;
pub use wrapper::FakeKeyWrapper;
