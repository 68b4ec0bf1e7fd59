//! capture
mod warrant;
pub use warrant::DeletionWarrant;
