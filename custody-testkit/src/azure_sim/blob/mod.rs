//! The blob data plane: containers, page, block and append blobs, copies, immutability.

mod append_blob;
mod authorization;
mod block_blob;
mod checksum;
mod conditions;
mod container;
mod copy;
mod delegation_key;
mod immutability;
mod listing;
mod page_blob;
mod properties;
mod reading;
mod refusal;
mod route;
mod sas;
mod source;
mod state;
mod worm;
mod writing;

pub(crate) use self::copy::advance as advance_copies;
pub(crate) use self::reading::{View, page_list, serve};
pub(crate) use self::refusal::Refused;
pub(crate) use self::route::answer;
pub(crate) use self::state::{Account, BlobPlace, Container, HoldTag, Policy};
