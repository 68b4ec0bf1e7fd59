//! Faults of what deals with keys.

mod escrow;
mod prover;
mod source;
mod wrapper;

pub use escrow::{EscrowFault, FaultyEscrow};
pub use prover::{FaultyProver, ProverFault};
pub use source::{FaultyKeySource, KeySourceFault};
pub use wrapper::{FaultyKeyWrapper, WrapperFault};
